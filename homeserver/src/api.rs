//! The client-server API: the whole route table, one line an endpoint.

pub mod account;
pub mod admin;
pub mod alias;
pub mod appservice;
pub mod auth;
pub mod authenticated_media;
pub mod backup;
pub mod config;
pub mod context;
pub mod dehydrated_device;
pub mod delayed_events;
pub mod device;
pub mod directory;
pub mod discovery;
pub mod filter;
pub mod keys;
pub mod knock;
pub mod lenient;
pub mod media;
pub mod membership;
pub mod message;
pub mod monitoring;
pub mod oauth;
pub mod parta;
pub mod presence;
pub mod profile;
pub mod push;
pub mod read_marker;
pub mod receipt;
pub mod redact;
pub mod relations;
pub mod reporting;
pub mod room;
pub mod ruma;
pub mod search;
pub mod session;
pub mod space;
pub mod state;
pub mod sync;
pub mod tag;
pub mod terms;
pub mod thirdparty;
pub mod threads;
pub mod to_device;
pub mod typing;
pub mod user_directory;
pub mod voip;

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::net::SocketAddr;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer, set_header::SetResponseHeaderLayer};

use self::{auth::Client, ruma::RumaRouter as _};
pub use crate::error::json;
use crate::{app::App, error::ApiError};

/// All endpoints that clients call.
pub fn router(app: &App) -> Router {
    Router::new()
        .endpoint(discovery::versions)
        .endpoint(discovery::homeserver)
        .endpoint(discovery::support)
        .endpoint(discovery::capabilities)
        .endpoint(oauth::auth_metadata)
        .merge(oauth::router())
        // Rooms
        .endpoint(room::create)
        .endpoint(room::event)
        .endpoint(room::aliases)
        .endpoint(room::at_timestamp)
        .endpoint(room::upgrade)
        .endpoint(room::summary)
        .endpoint(space::hierarchy)
        .endpoint(room::report_content)
        .endpoint(room::report_room)
        .endpoint(membership::join)
        .endpoint(membership::join_by_alias)
        .endpoint(membership::invite)
        .endpoint(membership::leave)
        .endpoint(membership::kick)
        .endpoint(membership::ban)
        .endpoint(membership::unban)
        .endpoint(membership::forget)
        .endpoint(membership::joined_rooms)
        .endpoint(membership::mutual_rooms::mutual_rooms)
        .endpoint(membership::joined_members)
        .endpoint(membership::members)
        .endpoint(knock::knock)
        .endpoint(message::send)
        .endpoint(message::messages)
        .endpoint(redact::redact)
        .endpoint(delayed_events::schedule::put)
        .endpoint(delayed_events::schedule::get)
        .endpoint(delayed_events::list)
        .endpoint(delayed_events::update)
        .route(delayed_events::ACTION_PATH, post(delayed_events::act))
        .endpoint(context::context)
        .endpoint(search::search)
        .endpoint(relations::all)
        .endpoint(relations::of_type)
        .endpoint(relations::of_type_and_kind)
        .endpoint(threads::threads)
        .endpoint(threads::subscription)
        .endpoint(threads::subscribe)
        .endpoint(threads::unsubscribe)
        .endpoint(threads::subscriptions)
        .endpoint(state::send)
        .endpoint(state::all)
        .endpoint(state::get)
        .endpoint(alias::create)
        .endpoint(alias::get)
        .endpoint(alias::delete)
        .endpoint(directory::public_rooms)
        .endpoint(directory::public_rooms_filtered)
        .endpoint(directory::visibility)
        .endpoint(directory::set_visibility)
        // Sync
        .endpoint(sync::sync)
        .endpoint(sync::sliding)
        // Accounts
        .endpoint(session::get_login_types)
        .endpoint(session::login)
        .endpoint(session::get_login_token)
        .endpoint(session::refresh_token)
        .endpoint(session::logout)
        .endpoint(session::logout_all)
        .endpoint(account::register)
        .route("/_parta/terms/{id}/{language}", get(terms::text))
        .endpoint(account::get_username_availability)
        .endpoint(account::check_registration_token_validity)
        .endpoint(account::whoami)
        .endpoint(account::change_password)
        .endpoint(account::deactivate)
        .endpoint(account::third_party::list)
        .endpoint(account::third_party::add)
        .endpoint(account::third_party::bind)
        .endpoint(account::third_party::delete)
        .endpoint(account::third_party::unbind)
        .endpoint(account::third_party::email_token)
        .endpoint(account::third_party::msisdn_token)
        .endpoint(account::third_party::register_by_email)
        .endpoint(account::third_party::register_by_msisdn)
        .endpoint(account::third_party::reset_by_email)
        .endpoint(account::third_party::reset_by_msisdn)
        .endpoint(account::request_openid_token)
        .route("/_matrix/federation/v1/openid/userinfo", get(account::openid_userinfo))
        .endpoint(admin::whois)
        .endpoint(admin::is_suspended)
        .endpoint(admin::suspend)
        .endpoint(admin::is_locked)
        .endpoint(admin::lock)
        .endpoint(device::get_devices)
        .endpoint(device::get_device)
        .endpoint(device::update_device)
        .endpoint(device::delete_device)
        .endpoint(device::delete_devices)
        .endpoint(profile::get_profile)
        .endpoint(profile::get_profile_field)
        .endpoint(profile::set_profile_field)
        .endpoint(profile::delete_profile_field)
        .endpoint(config::get_global_account_data)
        .endpoint(config::set_global_account_data)
        .endpoint(config::get_room_account_data)
        .endpoint(config::set_room_account_data)
        .endpoint(tag::get_tags)
        .endpoint(tag::create_tag)
        .endpoint(tag::delete_tag)
        .endpoint(filter::create_filter)
        .endpoint(filter::get_filter)
        .endpoint(user_directory::search_users)
        .endpoint(reporting::report_user)
        .merge(crate::admin::router())
        .merge(parta::router())
        // Receipts, typing, presence
        .endpoint(receipt::create_receipt)
        .endpoint(read_marker::set_read_marker)
        .endpoint(typing::create_typing_event)
        .endpoint(presence::set_presence)
        .endpoint(presence::get_presence)
        // Push
        .endpoint(push::get_pushrules_all)
        .endpoint(push::get_pushrules_global_scope)
        .endpoint(push::get_pushrule)
        .endpoint(push::get_pushrule_enabled)
        .endpoint(push::get_pushrule_actions)
        .endpoint(push::set_pushrule)
        .endpoint(push::set_pushrule_enabled)
        .endpoint(push::set_pushrule_actions)
        .endpoint(push::delete_pushrule)
        .endpoint(push::get_pushers)
        .endpoint(push::set_pusher)
        .endpoint(push::get_notifications)
        // Calls
        .streaming(voip::turn_server)
        // Application services
        .endpoint(appservice::request_ping)
        .endpoint(appservice::set_room_visibility)
        .endpoint(thirdparty::get_protocols)
        .endpoint(thirdparty::get_protocol)
        .endpoint(thirdparty::get_location_for_protocol)
        .endpoint(thirdparty::get_user_for_protocol)
        .endpoint(thirdparty::get_location_for_room_alias)
        .endpoint(thirdparty::get_user_for_user_id)
        // End-to-end encryption
        .endpoint(keys::upload)
        .endpoint(keys::query)
        .endpoint(keys::claim)
        .endpoint(keys::changes)
        .endpoint(keys::upload_signing)
        .endpoint(keys::upload_signatures)
        .endpoint(to_device::send)
        .endpoint(backup::create)
        .endpoint(backup::latest)
        .endpoint(backup::info)
        .endpoint(backup::update)
        .endpoint(backup::delete)
        .endpoint(backup::put_keys)
        .endpoint(backup::put_keys_of_room)
        .endpoint(backup::put_key_of_session)
        .endpoint(backup::keys)
        .endpoint(backup::keys_of_room)
        .endpoint(backup::key_of_session)
        .endpoint(backup::delete_keys)
        .endpoint(backup::delete_keys_of_room)
        .endpoint(backup::delete_key_of_session)
        .endpoint(dehydrated_device::put)
        .endpoint(dehydrated_device::get)
        .endpoint(dehydrated_device::delete)
        .endpoint(dehydrated_device::events)
        // Media
        .streaming(authenticated_media::download)
        .streaming(authenticated_media::download_as)
        .streaming(authenticated_media::thumbnail)
        .endpoint(authenticated_media::config)
        .endpoint(authenticated_media::preview)
        .endpoint(media::create)
        .streaming(media::upload)
        .streaming(media::upload_to)
        .endpoint(media::config)
        .endpoint(media::preview)
        .endpoint(media::download)
        .endpoint(media::download_as)
        .endpoint(media::thumbnail)
        // Monitoring
        .route("/health/live", get(monitoring::live))
        .route("/health/ready", get(monitoring::ready))
        .route("/metrics", get(monitoring::metrics))
        .fallback(|| async { ApiError::unrecognized("There is no such endpoint.") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ::ruma::api::error::ErrorKind::Unrecognized,
                "This endpoint does not know that method.",
            )
        })
        .layer(middleware::from_fn_with_state(app.clone(), identify))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(CatchPanicLayer::custom(|_| ApiError::internal("a handler panicked").into_response()))
        // https://spec.matrix.org/v1.18/client-server-api/#web-browser-clients
        .layer(
            CorsLayer::new()
                .allow_origin(tower_http::cors::Any)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS])
                .allow_headers([
                    header::CONTENT_TYPE,
                    header::AUTHORIZATION,
                    HeaderName::from_static("x-requested-with"),
                    header::ACCEPT,
                    header::ORIGIN,
                    header::IF_MATCH,
                    header::IF_NONE_MATCH,
                    HeaderName::from_static("idempotency-key"),
                ])
                .expose_headers([header::RETRY_AFTER, header::ETAG]),
        )
        .layer(middleware::from_fn(monitoring::measure))
        .with_state(app.clone())
}

/// Notes where a request came from. Forwarded addresses are believed only from the configured proxies.
async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let forwarded = peer.filter(|ip| app.config.server.trusted_proxies.contains(ip)).and_then(|_| {
        // The last address is the one that our own proxy saw.
        let list = request.headers().get("x-forwarded-for")?.to_str().ok()?;
        list.rsplit(',').next()?.trim().parse().ok()
    });
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.chars().take(200).collect());
    request.extensions_mut().insert(Client { ip: forwarded.or(peer), user_agent });
    next.run(request).await
}
