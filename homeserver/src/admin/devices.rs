//! The devices of any user.

use axum::{extract::State, response::Response};
use ruma::{OwnedDeviceId, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    extract::{Admin, Body, Path},
    ok,
};
use crate::{
    app::App,
    domain::devices::{Device, no_device},
    error::Result,
};

fn shown(user_id: &OwnedUserId, device: Device) -> Value {
    json!({
        "device_id": device.device_id, "display_name": device.display_name, "last_seen_ip": device.last_seen_ip,
        "last_seen_user_agent": device.last_seen_user_agent, "last_seen_ts": device.last_seen_at, "user_id": user_id,
    })
}

/// The user of a path, who must be there.
async fn user(app: &App, path: &Path) -> Result<OwnedUserId> {
    Ok(app.users.require(&path.user(app)?).await?.user_id.clone())
}

/// `GET /_synapse/admin/v2/users/{userId}/devices`
pub(super) async fn list(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let user_id = user(&app, &path).await?;
    let devices: Vec<_> = app.devices.of_user(&user_id).await?.into_iter().map(|d| shown(&user_id, d)).collect();
    Ok(ok(&json!({ "total": devices.len(), "devices": devices })))
}

/// `GET /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub(super) async fn details(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let user_id = user(&app, &path).await?;
    let device = app.devices.get(&user_id, path.text(1).into()).await?.ok_or_else(no_device)?;
    Ok(ok(&shown(&user_id, device)))
}

#[derive(Deserialize)]
pub(super) struct Name {
    #[serde(default)]
    display_name: Option<String>,
}

/// `PUT /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub(super) async fn rename(State(app): State<App>, _: Admin, path: Path, Body(body): Body<Name>) -> Result<Response> {
    let user_id = user(&app, &path).await?;
    app.devices.rename(&user_id, path.text(1).into(), body.display_name).await?;
    Ok(ok(&json!({})))
}

/// `DELETE /_synapse/admin/v2/users/{userId}/devices/{deviceId}`
pub(super) async fn remove(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let user_id = user(&app, &path).await?;
    app.devices.remove(&user_id, vec![path.text(1).into()]).await?;
    Ok(ok(&json!({})))
}

#[derive(Deserialize)]
pub(super) struct Several {
    devices: Vec<OwnedDeviceId>,
}

/// `POST /_synapse/admin/v2/users/{userId}/delete_devices`
pub(super) async fn remove_several(
    State(app): State<App>,
    _: Admin,
    path: Path,
    Body(body): Body<Several>,
) -> Result<Response> {
    let user_id = user(&app, &path).await?;
    app.devices.remove(&user_id, body.devices).await?;
    Ok(ok(&json!({})))
}
