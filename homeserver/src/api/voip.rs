//! Calls.

use axum::{extract::State, response::Response};
use http::StatusCode;
use ruma::api::client::voip::get_turn_server_info;
use serde_json::json;

use super::{json as answer, ruma::Streamed};
use crate::{app::App, domain::voip, error::Result};

/// `GET /_matrix/client/v3/voip/turnServer`: an empty object where there is none, for which ruma has no answer.
pub async fn turn_server(
    State(app): State<App>,
    Streamed { caller, .. }: Streamed<get_turn_server_info::v3::Request>,
) -> Result<Response> {
    let config = &app.config.voip;
    let Some(secret) = config.turn_secret.as_deref().filter(|_| !config.turn_uris.is_empty()) else {
        return Ok(answer(StatusCode::OK, &json!({})));
    };
    let ttl = config.turn_lifetime_seconds;
    let credentials = voip::credentials(secret, &caller.user_id, app.clock.now() / 1000 + ttl as i64);
    let body = json!({
        "username": credentials.username, "password": credentials.password, "uris": config.turn_uris, "ttl": ttl,
    });
    Ok(answer(StatusCode::OK, &body))
}
