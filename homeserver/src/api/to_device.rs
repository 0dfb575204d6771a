//! Messages between devices.

use axum::extract::State;
use ruma::api::client::to_device::send_event_to_device;

use super::ruma::Ruma;
use crate::{app::App, error::Result};

/// `PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}`
pub async fn send(
    State(app): State<App>,
    request: Ruma<send_event_to_device::v3::Request>,
) -> Result<send_event_to_device::v3::Response> {
    let send_event_to_device::v3::Request { event_type, txn_id, messages, .. } = request.body;
    app.encryption.send_to_device(&request.caller, event_type, &txn_id, messages).await?;
    Ok(send_event_to_device::v3::Response::new())
}
