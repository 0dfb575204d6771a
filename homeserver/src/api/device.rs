//! The devices of a user.

use axum::extract::State;
use ruma::api::client::device::{self, delete_device, delete_devices, get_device, get_devices, update_device};

use super::ruma::Ruma;
use crate::{
    app::App,
    clock,
    domain::devices::{Device, no_device},
    error::Result,
};

/// A device as its owner sees it.
fn shown(from: Device) -> device::Device {
    let mut to = device::Device::new(from.device_id);
    to.display_name = from.display_name;
    to.last_seen_ip = from.last_seen_ip;
    to.last_seen_ts = from.last_seen_at.map(clock::to_matrix);
    to
}

/// `GET /_matrix/client/v3/devices`
pub async fn get_devices(
    State(app): State<App>,
    request: Ruma<get_devices::v3::Request>,
) -> Result<get_devices::v3::Response> {
    let devices = app.devices.of_user(&request.caller.user_id).await?;
    Ok(get_devices::v3::Response::new(devices.into_iter().map(shown).collect()))
}

/// `GET /_matrix/client/v3/devices/{deviceId}`
pub async fn get_device(
    State(app): State<App>,
    request: Ruma<get_device::v3::Request>,
) -> Result<get_device::v3::Response> {
    let device = app.devices.get(&request.caller.user_id, &request.body.device_id).await?.ok_or_else(no_device)?;
    Ok(get_device::v3::Response::new(shown(device)))
}

/// `PUT /_matrix/client/v3/devices/{deviceId}`
pub async fn update_device(
    State(app): State<App>,
    request: Ruma<update_device::v3::Request>,
) -> Result<update_device::v3::Response> {
    app.devices.rename(&request.caller.user_id, &request.body.device_id, request.body.display_name).await?;
    Ok(update_device::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/devices/{deviceId}`
pub async fn delete_device(
    State(app): State<App>,
    request: Ruma<delete_device::v3::Request>,
) -> Result<delete_device::v3::Response> {
    app.uiaa.require(&request.caller, "delete_device", request.body.auth.as_ref()).await?;
    app.devices.remove(&request.caller.user_id, vec![request.body.device_id]).await?;
    Ok(delete_device::v3::Response::new())
}

/// `POST /_matrix/client/v3/delete_devices`
pub async fn delete_devices(
    State(app): State<App>,
    request: Ruma<delete_devices::v3::Request>,
) -> Result<delete_devices::v3::Response> {
    app.uiaa.require(&request.caller, "delete_device", request.body.auth.as_ref()).await?;
    app.devices.remove(&request.caller.user_id, request.body.devices).await?;
    Ok(delete_devices::v3::Response::new())
}
