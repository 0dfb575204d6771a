//! Notices to single people.

use axum::{extract::State, response::Response};
use ruma::OwnedUserId;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    extract::{Admin, Body, Path},
    ok,
};
use crate::{
    app::App,
    clock,
    domain::server_notices::Notice,
    error::{ApiError, Result},
};

#[derive(Deserialize)]
pub(super) struct ToSend {
    user_id: OwnedUserId,
    #[serde(rename = "type")]
    kind: Option<String>,
    state_key: Option<String>,
    content: Box<RawValue>,
}

/// `POST /_synapse/admin/v1/send_server_notice`
pub(super) async fn send(State(app): State<App>, _: Admin, Body(body): Body<ToSend>) -> Result<Response> {
    sent(&app, body, clock::random_token()).await
}

/// `PUT /_synapse/admin/v1/send_server_notice/{txnId}`
pub(super) async fn send_once(
    State(app): State<App>,
    _: Admin,
    path: Path,
    Body(body): Body<ToSend>,
) -> Result<Response> {
    sent(&app, body, path.text(0).to_owned()).await
}

async fn sent(app: &App, body: ToSend, txn_id: String) -> Result<Response> {
    if body.user_id.server_name() != app.config.server.name {
        return Err(ApiError::invalid_param("Notices go to users of this server only."));
    }
    let notice = Notice {
        kind: body.kind.as_deref().unwrap_or("m.room.message").into(),
        state_key: body.state_key,
        content: &body.content,
        txn_id: txn_id.into(),
    };
    let event_id = Box::pin(app.server_notices.send(&body.user_id, notice)).await?;
    Ok(ok(&json!({ "event_id": event_id })))
}
