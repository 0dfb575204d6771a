//! The administration's API, compatible with Synapse's, so that its tools (synadm and others) serve here too.
//!
//! Answers have the shape that those tools read; errors are Matrix errors. What Synapse does not know is part of Parta's own
//! API (`feedback`), whose routes stand in [`crate::api::parta`]. All but registration by shared secret needs an
//! administrator's access token.

mod devices;
mod event_reports;
pub(crate) mod extract;
pub(crate) mod feedback;
mod media;
mod register;
mod registration_tokens;
mod rooms;
mod server_notices;
mod users;

pub use register::SharedSecret;

use axum::{
    Router,
    response::Response,
    routing::{delete, get, post, put},
};
use http::StatusCode;
use serde::Serialize;

use self::extract::Admin;
use crate::{app::App, error::Result};

/// All endpoints.
pub fn router() -> Router<App> {
    let v1 = Router::new()
        .route("/server_version", get(server_version))
        .route("/register", get(register::nonce).post(register::register))
        .route("/username_available", get(users::username_available))
        .route("/reset_password/{user_id}", post(users::reset_password))
        .route("/deactivate/{user_id}", post(users::deactivate))
        .route("/whois/{user_id}", get(users::whois))
        .route("/suspend/{user_id}", put(users::suspend))
        .route("/users/{user_id}/admin", get(users::is_admin).put(users::set_admin))
        .route("/users/{user_id}/joined_rooms", get(users::joined_rooms))
        .route("/users/{user_id}/login", post(users::login))
        .route("/users/{user_id}/media", get(media::list).delete(media::remove))
        .route("/media/{server_name}/{media_id}", delete(media::remove_one))
        .route("/statistics/users/media", get(media::usage))
        .route("/registration_tokens", get(registration_tokens::list))
        .route("/registration_tokens/new", post(registration_tokens::create))
        .route(
            "/registration_tokens/{token}",
            get(registration_tokens::details).put(registration_tokens::update).delete(registration_tokens::remove),
        )
        .route("/send_server_notice", post(server_notices::send))
        .route("/send_server_notice/{txn_id}", put(server_notices::send_once))
        .route("/event_reports", get(event_reports::list))
        .route("/event_reports/{report_id}", get(event_reports::details).delete(event_reports::remove))
        .route("/rooms", get(rooms::list))
        .route("/rooms/{room_id}", get(rooms::details).delete(rooms::delete_now))
        .route("/rooms/{room_id}/members", get(rooms::members))
        .route("/rooms/{room_id}/state", get(rooms::state))
        .route("/rooms/{room_id}/block", get(rooms::is_blocked).put(rooms::block));
    let v2 = Router::new()
        .route("/users", get(users::list))
        .route("/users/{user_id}", get(users::details).put(users::put))
        .route("/users/{user_id}/devices", get(devices::list))
        .route(
            "/users/{user_id}/devices/{device_id}",
            get(devices::details).put(devices::rename).delete(devices::remove),
        )
        .route("/users/{user_id}/delete_devices", post(devices::remove_several))
        .route("/rooms/{room_id}", delete(rooms::delete_later))
        .route("/rooms/{room_id}/delete_status", get(rooms::deletions_of_room))
        .route("/rooms/delete_status/{delete_id}", get(rooms::deletion));
    Router::new().nest("/_synapse/admin/v1", v1).nest("/_synapse/admin/v2", v2)
}

/// `GET /_synapse/admin/v1/server_version`
async fn server_version(_: Admin) -> Result<Response> {
    Ok(ok(&serde_json::json!({ "server_version": concat!("Parta ", env!("CARGO_PKG_VERSION")) })))
}

/// An answer of 200 with JSON.
fn ok(body: &impl Serialize) -> Response {
    crate::api::json(StatusCode::OK, body)
}
