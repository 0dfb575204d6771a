//! What administrators do to accounts through the client-server API.

use axum::extract::State;
use ruma::api::client::admin::get_user_info::{
    self,
    v3::{ConnectionInfo, DeviceInfo, SessionInfo},
};

use super::ruma::Ruma;
use crate::{app::App, clock, domain::devices::Device, error::Result};

/// `GET /_matrix/client/v3/admin/whois/{userId}`: by administrators, and of oneself.
pub async fn whois(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_user_info::v3::Request>,
) -> Result<get_user_info::v3::Response> {
    if body.user_id != caller.user_id {
        app.users.require_admin(&caller.user_id).await?;
    }
    app.users.require(&body.user_id).await?;
    let devices = app.devices.of_user(&body.user_id).await?;
    let mut response = get_user_info::v3::Response::new();
    response.devices = devices.into_iter().map(|device| (device.device_id.to_string(), seen(device))).collect();
    response.user_id = Some(body.user_id);
    Ok(response)
}

/// Where a device was last seen, if it was.
fn seen(device: Device) -> DeviceInfo {
    let mut connection = ConnectionInfo::new();
    connection.last_seen = device.last_seen_at.map(clock::to_matrix);
    connection.ip = device.last_seen_ip;
    connection.user_agent = device.last_seen_user_agent;
    let mut session = SessionInfo::new();
    session.connections = device.last_seen_at.map(|_| connection).into_iter().collect();
    let mut info = DeviceInfo::new();
    info.sessions = vec![session];
    info
}
