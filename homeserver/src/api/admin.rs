//! What administrators do to accounts through the client-server API.

use std::sync::Arc;

use axum::extract::State;
use ruma::{
    UserId,
    api::client::admin::{
        get_user_info::{
            self,
            v3::{ConnectionInfo, DeviceInfo, SessionInfo},
        },
        is_user_locked, is_user_suspended, lock_user, suspend_user,
    },
};

use super::ruma::Ruma;
use crate::{
    app::App,
    clock,
    domain::{devices::Device, users::Account},
    error::{ApiError, Result},
};

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

/// An account that an administrator moderates. Who is none learns nothing of it.
async fn moderated(app: &App, by: &UserId, user_id: &UserId) -> Result<Arc<Account>> {
    app.users.require_admin(by).await?;
    if user_id.server_name() != app.config.server.name {
        return Err(ApiError::invalid_param("That is not a user of this server."));
    }
    let account = app.users.require(user_id).await?;
    if account.deactivated {
        return Err(ApiError::not_found("That account was closed."));
    }
    if account.admin && user_id != by {
        return Err(ApiError::forbidden("Administrators do not moderate each other."));
    }
    Ok(account)
}

/// The same for one who changes it: nobody changes their own.
async fn moderating(app: &App, by: &UserId, user_id: &UserId) -> Result<()> {
    moderated(app, by, user_id).await?;
    if user_id == by {
        return Err(ApiError::forbidden("Nobody takes their own rights away. Let another administrator do it."));
    }
    Ok(())
}

/// `GET /_matrix/client/v1/admin/suspend/{userId}`
pub async fn is_suspended(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<is_user_suspended::v1::Request>,
) -> Result<is_user_suspended::v1::Response> {
    let account = moderated(&app, &caller.user_id, &body.user_id).await?;
    Ok(is_user_suspended::v1::Response::new(account.suspended))
}

/// `PUT /_matrix/client/v1/admin/suspend/{userId}`
pub async fn suspend(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<suspend_user::v1::Request>,
) -> Result<suspend_user::v1::Response> {
    moderating(&app, &caller.user_id, &body.user_id).await?;
    app.accounts.set_suspended(&body.user_id, body.suspended).await?;
    Ok(suspend_user::v1::Response::new(body.suspended))
}

/// `GET /_matrix/client/v1/admin/lock/{userId}`
pub async fn is_locked(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<is_user_locked::v1::Request>,
) -> Result<is_user_locked::v1::Response> {
    let account = moderated(&app, &caller.user_id, &body.user_id).await?;
    Ok(is_user_locked::v1::Response::new(account.locked))
}

/// `PUT /_matrix/client/v1/admin/lock/{userId}`
pub async fn lock(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<lock_user::v1::Request>,
) -> Result<lock_user::v1::Response> {
    moderating(&app, &caller.user_id, &body.user_id).await?;
    app.accounts.set_locked(&body.user_id, body.locked).await?;
    Ok(lock_user::v1::Response::new(body.locked))
}
