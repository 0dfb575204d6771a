//! Redactions.

use axum::extract::State;
use ruma::api::client::redact::redact_event;

use super::ruma::Ruma;
use crate::{app::App, error::Result};

/// `PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}`
pub async fn redact(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<redact_event::v3::Request>,
) -> Result<redact_event::v3::Response> {
    app.limits.message(&caller.user_id)?;
    let event_id = app.room_actions.redact(&caller, &body.room_id, body.event_id, body.reason, body.txn_id).await?;
    Ok(redact_event::v3::Response::new(event_id))
}
