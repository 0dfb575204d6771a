//! Users: listing, making, changing, closing.

use std::cmp::Ordering;

use axum::{extract::State, response::Response};
use http::StatusCode;
use ruma::{OwnedUserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    extract::{Admin, Body, Params, Path, page, present},
    ok,
};
use crate::{
    app::App,
    clock::Millis,
    domain::{
        accounts::{NewAccount, names},
        profiles,
        users::Account,
    },
    error::{ApiError, Result},
};

/// `GET /_synapse/admin/v2/users`
pub(super) async fn list(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let part = params.text("name").map(|text| text.to_lowercase());
    let id_part = params.text("user_id").map(|text| text.to_lowercase());
    let without_types: Vec<&str> = params.all("not_user_type").collect();
    let (deactivated, locked) = (params.flag("deactivated")?.unwrap_or(false), params.flag("locked")?.unwrap_or(false));
    let admins = params.flag("admins")?;
    // Without accounts of guests the parameter changes nothing; it must be well-formed all the same.
    params.flag("guests")?;
    let last_seen = app.accounts.last_seen().await?;
    let seen = |account: &Account| last_seen.get(&account.user_id).copied();
    let mut accounts = app.accounts.all().await?;
    accounts.retain(|account| {
        let name = account.display_name.as_deref().unwrap_or_default().to_lowercase();
        (deactivated || !account.deactivated)
            && (locked || !account.locked)
            && admins.is_none_or(|admins| account.admin == admins)
            && id_part.as_ref().is_none_or(|part| account.user_id.as_str().contains(part))
            && part.as_ref().is_none_or(|part| account.user_id.localpart().contains(part) || name.contains(part))
            && !without_types.contains(&account.user_type.as_deref().unwrap_or_default())
    });
    let by: fn(&Account, &Account) -> Ordering = match params.text("order_by").as_deref() {
        None | Some("name") => |a, b| a.user_id.cmp(&b.user_id),
        Some("is_guest" | "shadow_banned") => |_, _| Ordering::Equal,
        Some("admin") => |a, b| a.admin.cmp(&b.admin),
        Some("user_type") => |a, b| a.user_type.cmp(&b.user_type),
        Some("deactivated") => |a, b| a.deactivated.cmp(&b.deactivated),
        Some("displayname") => |a, b| a.display_name.cmp(&b.display_name),
        Some("avatar_url") => |a, b| a.avatar_url.cmp(&b.avatar_url),
        Some("creation_ts") => |a, b| a.created_at.cmp(&b.created_at),
        Some("last_seen_ts") => {
            accounts.sort_by_key(|account| seen(account));
            |_, _| Ordering::Equal
        }
        Some(_) => return Err(ApiError::invalid_param("order_by names no column of the list.")),
    };
    accounts.sort_by(by);
    if params.backwards()? {
        accounts.reverse();
    }
    let total = accounts.len();
    let (accounts, next) = page(accounts, &params)?;
    let users: Vec<Value> = accounts
        .iter()
        .map(|account| {
            json!({
                "name": account.user_id, "user_type": account.user_type, "is_guest": false, "admin": account.admin,
                "deactivated": account.deactivated, "shadow_banned": false, "displayname": account.display_name,
                "avatar_url": account.avatar_url, "creation_ts": account.created_at, "approved": true,
                "erased": account.erased, "last_seen_ts": seen(account), "locked": account.locked,
            })
        })
        .collect();
    let mut answer = json!({ "users": users, "total": total });
    if let Some(next) = next {
        answer["next_token"] = next.to_string().into();
    }
    Ok(ok(&answer))
}

/// `GET /_synapse/admin/v2/users/{userId}`
pub(super) async fn details(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    Ok(ok(&shown(&app, &path.user(&app)?).await?))
}

async fn shown(app: &App, user_id: &OwnedUserId) -> Result<Value> {
    let account = app.users.require(user_id).await?;
    let devices = app.devices.of_user(user_id).await?;
    let last_seen: Option<Millis> = devices.iter().filter_map(|device| device.last_seen_at).max();
    Ok(json!({
        "name": account.user_id, "displayname": account.display_name, "avatar_url": account.avatar_url,
        "threepids": [], "external_ids": [], "is_guest": false, "admin": account.admin,
        "deactivated": account.deactivated, "erased": account.erased, "shadow_banned": false,
        "creation_ts": account.created_at / 1000, "last_seen_ts": last_seen, "appservice_id": account.appservice_id,
        "consent_server_notice_sent": null, "consent_version": null, "consent_ts": null,
        "user_type": account.user_type, "locked": account.locked, "suspended": account.suspended,
    }))
}

/// What `PUT /_synapse/admin/v2/users/{userId}` may say.
#[derive(Deserialize)]
pub(super) struct Changes {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    logout_devices: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    displayname: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    avatar_url: Option<Option<String>>,
    #[serde(default)]
    admin: Option<bool>,
    #[serde(default)]
    deactivated: Option<bool>,
    #[serde(default)]
    locked: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    user_type: Option<Option<String>>,
}

/// `PUT /_synapse/admin/v2/users/{userId}`: makes an account or changes one.
pub(super) async fn put(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(changes): Body<Changes>,
) -> Result<Response> {
    let user_id = path.user(&app)?;
    let own = user_id == caller;
    if own && (changes.admin == Some(false) || changes.deactivated == Some(true) || changes.locked == Some(true)) {
        return Err(ApiError::invalid_param("Nobody takes their own rights away. Let another administrator do it."));
    }
    // Everything is checked before anything is changed.
    let display_name = changes.displayname.map(|name| profiles::display_name(name.map(Value::String))).transpose()?;
    let avatar_url = changes.avatar_url.map(|url| profiles::avatar(url.map(Value::String))).transpose()?;
    if let Some(password) = &changes.password {
        app.accounts.passwords.check(user_id.localpart(), password)?;
    }
    let Some(account) = app.users.get(&user_id).await? else {
        let password_hash = match changes.password {
            Some(password) => Some(app.accounts.passwords.hash(password).await?),
            None => None,
        };
        let new = NewAccount {
            password_hash,
            admin: changes.admin.unwrap_or(false),
            user_type: changes.user_type.flatten(),
            display_name: display_name.flatten(),
            avatar_url: avatar_url.flatten(),
            ..NewAccount::new(names::new_user_id(user_id.localpart(), &app.config.server.name)?)
        };
        let user_id = new.user_id.clone();
        app.accounts.create(new, None).await?;
        if changes.locked == Some(true) {
            app.accounts.set_locked(&user_id, true).await?;
        }
        return Ok(crate::api::json(StatusCode::CREATED, &shown(&app, &user_id).await?));
    };
    match changes.deactivated {
        Some(true) if !account.deactivated => app.accounts.close(&app.rooms, &user_id, false).await?,
        Some(false) if account.deactivated => app.accounts.reopen(&user_id).await?,
        _ => {}
    }
    if let Some(password) = changes.password {
        app.accounts.set_password(&user_id, password, changes.logout_devices.unwrap_or(true), None).await?;
    }
    if let Some(name) = display_name {
        app.profiles.set(&user_id, profiles::DISPLAY_NAME, name.map(Value::String)).await?;
    }
    if let Some(url) = avatar_url {
        app.profiles.set(&user_id, profiles::AVATAR_URL, url.map(|url| Value::String(url.to_string()))).await?;
    }
    if let Some(admin) = changes.admin.filter(|admin| *admin != account.admin) {
        app.accounts.set_admin(&user_id, admin).await?;
    }
    if let Some(locked) = changes.locked.filter(|locked| *locked != account.locked) {
        app.accounts.set_locked(&user_id, locked).await?;
    }
    if let Some(kind) = changes.user_type {
        app.accounts.set_user_type(&user_id, kind).await?;
    }
    Ok(ok(&shown(&app, &user_id).await?))
}

/// `GET /_synapse/admin/v1/username_available`
pub(super) async fn username_available(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let name = params.text("username").ok_or_else(|| ApiError::missing_param("username is missing."))?;
    app.accounts.available(&name, &app.appservices, None).await?;
    Ok(ok(&json!({ "available": true })))
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    new_password: String,
    #[serde(default = "yes")]
    logout_devices: bool,
}

fn yes() -> bool {
    true
}

/// `POST /_synapse/admin/v1/reset_password/{userId}`
pub(super) async fn reset_password(
    State(app): State<App>,
    _: Admin,
    path: Path,
    Body(body): Body<NewPassword>,
) -> Result<Response> {
    let user_id = path.user(&app)?;
    app.users.require(&user_id).await?;
    app.accounts.passwords.check(user_id.localpart(), &body.new_password)?;
    app.accounts.set_password(&user_id, body.new_password, body.logout_devices, None).await?;
    Ok(ok(&json!({})))
}

#[derive(Deserialize)]
pub(super) struct Deactivation {
    #[serde(default)]
    erase: bool,
}

/// `POST /_synapse/admin/v1/deactivate/{userId}`
pub(super) async fn deactivate(
    State(app): State<App>,
    _: Admin,
    path: Path,
    Body(body): Body<Deactivation>,
) -> Result<Response> {
    app.accounts.close(&app.rooms, &path.user(&app)?, body.erase).await?;
    Ok(ok(&json!({ "id_server_unbind_result": "success" })))
}

#[derive(Deserialize)]
pub(super) struct Suspension {
    suspend: bool,
}

/// `PUT /_synapse/admin/v1/suspend/{userId}`
pub(super) async fn suspend(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(body): Body<Suspension>,
) -> Result<Response> {
    let user_id = path.user(&app)?;
    app.users.require(&user_id).await?;
    if user_id == caller {
        return Err(ApiError::invalid_param(
            "Nobody suspends themselves, nor lifts it. Let another administrator do it.",
        ));
    }
    app.accounts.set_suspended(&user_id, body.suspend).await?;
    Ok(ok(&json!({ format!("user_{user_id}_suspended"): body.suspend })))
}

/// `GET /_synapse/admin/v1/users/{userId}/admin`
pub(super) async fn is_admin(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    Ok(ok(&json!({ "admin": app.users.require(&path.user(&app)?).await?.admin })))
}

#[derive(Deserialize)]
pub(super) struct IsAdmin {
    admin: bool,
}

/// `PUT /_synapse/admin/v1/users/{userId}/admin`
pub(super) async fn set_admin(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(body): Body<IsAdmin>,
) -> Result<Response> {
    let user_id = path.user(&app)?;
    app.users.require(&user_id).await?;
    if user_id == caller && !body.admin {
        return Err(ApiError::invalid_param("Nobody takes their own rights away. Let another administrator do it."));
    }
    app.accounts.set_admin(&user_id, body.admin).await?;
    Ok(ok(&json!({})))
}

/// `GET /_synapse/admin/v1/users/{userId}/joined_rooms`
pub(super) async fn joined_rooms(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let user_id = path.user(&app)?;
    app.users.require(&user_id).await?;
    let rooms = app.rooms.of_user(&user_id).await?;
    let mut joined: Vec<_> =
        rooms.iter().filter(|(_, m)| m.membership == MembershipState::Join).map(|(id, _)| id).collect();
    joined.sort();
    Ok(ok(&json!({ "joined_rooms": joined, "total": joined.len() })))
}

#[derive(Deserialize)]
pub(super) struct Puppet {
    #[serde(default)]
    valid_until_ms: Option<i64>,
}

/// `POST /_synapse/admin/v1/users/{userId}/login`: a token to act as a user, who sees no new device.
pub(super) async fn login(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(body): Body<Puppet>,
) -> Result<Response> {
    let user_id = path.user(&app)?;
    if app.users.require(&user_id).await?.deactivated {
        return Err(ApiError::invalid_param("That account was closed."));
    }
    if user_id == caller {
        return Err(ApiError::invalid_param("You are that user already."));
    }
    let token = app.devices.puppet(&user_id, &caller, body.valid_until_ms).await?;
    tracing::info!(administrator = %caller, %user_id, "an administrator took a token to act as a user");
    Ok(ok(&json!({ "access_token": token })))
}

/// `GET /_synapse/admin/v1/whois/{userId}`
pub(super) async fn whois(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let user_id = path.user(&app)?;
    app.users.require(&user_id).await?;
    let devices = app.devices.of_user(&user_id).await?;
    let connections: Vec<Value> = devices
        .into_iter()
        .filter(|device| device.last_seen_at.is_some())
        .map(|device| {
            json!({ "ip": device.last_seen_ip, "last_seen": device.last_seen_at, "user_agent": device.last_seen_user_agent })
        })
        .collect();
    Ok(ok(&json!({ "user_id": user_id, "devices": { "": { "sessions": [{ "connections": connections }] } } })))
}
