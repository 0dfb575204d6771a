//! OAuth 2.0: the endpoints that clients call. The pages that people see are in `pages`.
//! <https://spec.matrix.org/v1.18/client-server-api/#oauth-20-api>

pub mod form;
pub mod pages;
pub mod rendezvous;

use axum::{
    Router,
    body::Body,
    extract::{Extension, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use ruma::{api::client::discovery::get_authorization_server_metadata::v1 as auth_metadata, serde::Raw};
use serde_json::{Value, json};

use self::form::Form;
use super::{
    auth::Client as Caller,
    ruma::{Ruma, whole},
};
use crate::{
    app::App,
    domain::oauth::{Answer, Granted, Refusal, client::Client, scope::Scope},
    error::{self, ApiError, Result},
};

/// The device authorization grant (RFC 8628).
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The endpoints, and the pages.
pub fn router() -> Router<App> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(well_known))
        .route("/oauth2/register", post(register))
        .route("/oauth2/token", post(token))
        .route("/oauth2/revoke", post(revoke))
        .route("/oauth2/device", post(device))
        .merge(rendezvous::router())
        .merge(pages::router())
}

/// What clients need to know (RFC 8414).
///
/// # Errors
///
/// `M_UNRECOGNIZED` where nobody signs in by password: then there is no page to sign in on.
fn metadata(app: &App) -> Result<Value> {
    if !app.config.login.password {
        return Err(ApiError::unrecognized("There is no OAuth 2.0 here. Sign in by the academy's sign-on."));
    }
    let base = app.config.base_url();
    let mut metadata = json!({
        "issuer": format!("{base}/"),
        "authorization_endpoint": format!("{base}/oauth2/authorize"),
        "token_endpoint": format!("{base}/oauth2/token"),
        "registration_endpoint": format!("{base}/oauth2/register"),
        "revocation_endpoint": format!("{base}/oauth2/revoke"),
        "device_authorization_endpoint": format!("{base}/oauth2/device"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": crate::domain::oauth::client::GRANT_TYPES,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "account_management_uri": format!("{base}/account"),
        "account_management_actions_supported": pages::account::ACTIONS,
        "ui_locales_supported": ["ru", "en"],
    });
    if app.config.registration.enabled {
        metadata["prompt_values_supported"] = json!(["create"]);
    }
    Ok(metadata)
}

/// `GET /_matrix/client/v1/auth_metadata`
pub async fn auth_metadata(State(app): State<App>, _: Ruma<auth_metadata::Request>) -> Result<auth_metadata::Response> {
    let metadata = serde_json::value::to_raw_value(&metadata(&app)?)?;
    Ok(auth_metadata::Response::new(Raw::from_json(metadata)))
}

async fn well_known(State(app): State<App>) -> Result<Response> {
    Ok(error::json(StatusCode::OK, &metadata(&app)?))
}

/// The answer to a client that is refused.
fn refused(refusal: &Refusal) -> Response {
    let status = if refusal.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let body = json!({ "error": refusal.error, "error_description": refusal.description });
    error::json(status, &body)
}

/// The answer of an endpoint: a refusal in the words of OAuth 2.0, and so is a failure of ours.
fn answer<T>(answer: Answer<T>, written: impl FnOnce(T) -> Response) -> Response {
    match answer {
        Ok(Ok(value)) => written(value),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => failed(error),
    }
}

/// Our failure, with the status and the headers of any other, and a body that OAuth 2.0 has words for.
fn failed(error: ApiError) -> Response {
    let (parts, _) = error.into_response().into_parts();
    let code = match parts.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request",
    };
    let mut response = error::json(parts.status, &json!({ "error": code }));
    response.headers_mut().extend(
        parts.headers.into_iter().filter_map(|(name, value)| {
            name.filter(|name| *name == http::header::RETRY_AFTER).map(|name| (name, value))
        }),
    );
    response
}

/// The client that a request names.
async fn client(app: &App, form: &Form) -> Answer<Client> {
    let Some(client_id) = form.get("client_id") else { return Ok(Err(Refusal::request("client_id is missing."))) };
    let client = app.oauth.client(client_id).await?;
    Ok(client.ok_or_else(|| Refusal::new("invalid_client", "There is no such client. Register it.")))
}

/// `POST /oauth2/register`: a client registers itself (RFC 7591).
async fn register(
    State(app): State<App>,
    Extension(from): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let registered = async {
        let body = whole(&headers, body, &app).await?;
        let client = match app.oauth.check(&serde_json::from_slice(&body)?).await? {
            Ok((client, true)) => client,
            Ok((client, false)) => {
                app.limits.registration(from.ip)?;
                app.oauth.register(&client).await?;
                client
            }
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut registered = serde_json::to_value(&client.metadata)?;
        registered["client_id"] = client.id.into();
        Ok(Ok(registered))
    };
    answer(registered.await, |registered| error::json(StatusCode::CREATED, &registered))
}

/// `POST /oauth2/token`
async fn token(State(app): State<App>, form: Result<Form>) -> Response {
    let granted = async {
        let form = form?;
        let client = match client(&app, &form).await? {
            Ok(client) => client,
            Err(refusal) => return Ok(Err(refusal)),
        };
        grant(&app, &client, &form).await
    };
    answer(granted.await, |Granted { issued, scope }| {
        let mut body = json!({
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "scope": scope,
        });
        if let Some(expires_in) = issued.expires_in {
            body["expires_in"] = expires_in.as_secs().into();
        }
        if let Some(refresh_token) = issued.refresh_token {
            body["refresh_token"] = refresh_token.into();
        }
        error::json(StatusCode::OK, &body)
    })
}

async fn grant(app: &App, client: &Client, form: &Form) -> Answer<Granted> {
    let missing = |name: &str| Ok(Err(Refusal::request(format!("{name} is missing."))));
    let Some(grant_type) = form.get("grant_type") else { return missing("grant_type") };
    match grant_type {
        "authorization_code" => {
            let Some(code) = form.get("code") else { return missing("code") };
            let Some(redirect_uri) = form.get("redirect_uri") else { return missing("redirect_uri") };
            let Some(verifier) = form.get("code_verifier") else { return missing("code_verifier") };
            app.oauth.redeem(client, code, redirect_uri, verifier).await
        }
        "refresh_token" => {
            let Some(refresh_token) = form.get("refresh_token") else { return missing("refresh_token") };
            app.oauth.refresh(refresh_token, &client.id).await
        }
        DEVICE_CODE => {
            let Some(device_code) = form.get("device_code") else { return missing("device_code") };
            app.oauth.ask(client, device_code).await
        }
        _ => Ok(Err(Refusal::new("unsupported_grant_type", "There is no such grant here."))),
    }
}

/// `POST /oauth2/revoke`: a client signs out (RFC 7009).
async fn revoke(State(app): State<App>, form: Result<Form>) -> Response {
    let revoked = async {
        let form = form?;
        let Some(token) = form.get("token") else { return Ok(Err(Refusal::request("token is missing."))) };
        let own = app.oauth.revoke(token, form.get("client_id").map(str::to_owned)).await?;
        Ok(if own { Ok(()) } else { Err(Refusal::new("invalid_client", "The token is another client's.")) })
    };
    answer(revoked.await, |()| error::json(StatusCode::OK, &json!({})))
}

/// `POST /oauth2/device`: a device without a browser begins to wait (RFC 8628).
async fn device(State(app): State<App>, Extension(from): Extension<Caller>, form: Result<Form>) -> Response {
    let begun = async {
        let form = form?;
        app.limits.login(from.ip)?;
        let client = match client(&app, &form).await? {
            Ok(client) if !client.may_use(DEVICE_CODE) => {
                return Ok(Err(Refusal::new("unauthorized_client", "The client did not register for this grant.")));
            }
            Ok(client) => client,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let scope = match Scope::parse(form.get("scope").unwrap_or_default()) {
            Ok(scope) => scope,
            Err(refusal) => return Ok(Err(refusal)),
        };
        app.oauth.wait(&client, scope).await.map(Ok)
    };
    let base = app.config.base_url();
    answer(begun.await, |begun| {
        let body = json!({
            "device_code": begun.device_code,
            "user_code": begun.user_code,
            "verification_uri": format!("{base}/account/link"),
            "verification_uri_complete": format!("{base}/account/link?code={}", begun.user_code),
            "expires_in": begun.expires_in.as_secs(),
            "interval": begun.interval.as_secs(),
        });
        error::json(StatusCode::OK, &body)
    })
}
