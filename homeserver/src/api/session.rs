//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use ruma::{
    api::{
        client::{
            session::{
                get_login_token,
                get_login_types::{
                    self,
                    v3::{LoginType, TokenLoginType},
                },
                login::{
                    self,
                    v3::{DiscoveryInfo, HomeserverInfo, LoginInfo},
                },
                logout, logout_all, refresh_token,
            },
            uiaa::UserIdentifier,
        },
        error::ErrorKind,
    },
    serde::JsonObject,
};

use super::{lenient::Login, ruma::Ruma};
use crate::{
    app::App,
    domain::{
        accounts::{NewAccount, names},
        appservices::Appservice,
        devices::{Issued, Refreshed, SignIn},
        sessions,
        users::Account,
    },
    error::{ApiError, Result},
};

/// The sign-on's login type, which the specification leaves to implementations.
const JWT: &str = "org.matrix.login.jwt";

/// `GET /_matrix/client/v3/login`
pub async fn get_login_types(
    State(app): State<App>,
    _: Ruma<get_login_types::v3::Request>,
) -> Result<get_login_types::v3::Response> {
    let mut types = Vec::new();
    if app.config.login.password {
        types.push("m.login.password");
    }
    types.push("m.login.application_service");
    if app.accounts.jwt.is_some() {
        types.push(JWT);
    }
    let mut flows =
        types.into_iter().map(|name| LoginType::new(name, JsonObject::new())).collect::<Result<Vec<_>, _>>()?;
    let mut by_token = TokenLoginType::new();
    by_token.get_login_token = true;
    flows.push(LoginType::Token(by_token));
    Ok(get_login_types::v3::Response::new(flows))
}

/// `POST /_matrix/client/v1/login/get_token`
pub async fn get_login_token(
    State(app): State<App>,
    request: Ruma<get_login_token::v1::Request>,
) -> Result<get_login_token::v1::Response> {
    app.limits.message(&request.caller.user_id)?;
    app.uiaa.require(&request.caller, "get_login_token", request.body.auth.as_ref()).await?;
    let (token, lifetime) = app.accounts.login_token(&request.caller.user_id).await?;
    Ok(get_login_token::v1::Response::new(lifetime, token))
}

/// `POST /_matrix/client/v3/login`
pub async fn login(State(app): State<App>, request: Ruma<Login>) -> Result<login::v3::Response> {
    let body = request.body.0;
    if request.caller.is_none() {
        app.limits.login(request.client.ip)?;
    }
    let account = match &body.login_info {
        LoginInfo::Password(given) if app.config.login.password => {
            #[expect(deprecated, reason = "older clients still name the user so")]
            let user = typed_user(given.identifier.as_ref(), given.user.as_deref())?;
            by_password(&app, user, given.password.clone()).await?
        }
        LoginInfo::ApplicationService(given) => {
            #[expect(deprecated, reason = "older application services still name the user so")]
            let user = typed_user(given.identifier.as_ref(), given.user.as_deref())?;
            by_appservice(&app, user, request.caller.as_ref()).await?
        }
        LoginInfo::Token(given) => {
            let account = app.accounts.by_login_token(&given.token).await?;
            if account.deactivated {
                return Err(ApiError::user_deactivated("This account was closed. Ask an administrator."));
            }
            account
        }
        other if other.login_type() == JWT && app.accounts.jwt.is_some() => {
            let data = other.data();
            let token = data.get("token").and_then(serde_json::Value::as_str);
            by_sign_on(&app, token.ok_or_else(|| ApiError::missing_param("The sign-on has no token."))?).await?
        }
        other => {
            return Err(ApiError::unknown(format!("One cannot sign in by {} here.", other.login_type())));
        }
    };
    if account.locked {
        return Err(sessions::locked());
    }
    let sign_in = SignIn {
        device_id: body.device_id,
        display_name: body.initial_device_display_name,
        refresh: body.refresh_token,
        client_id: None,
    };
    let Issued { user_id, device_id, access_token, refresh_token, expires_in } =
        app.devices.sign_in(&account.user_id, sign_in).await?;
    let mut response = login::v3::Response::new(user_id, access_token, device_id);
    response.refresh_token = refresh_token;
    response.expires_in = expires_in;
    if app.config.server.public_url.is_some() {
        response.well_known = Some(DiscoveryInfo::new(HomeserverInfo::new(app.config.base_url())));
    }
    Ok(response)
}

/// The user whom a client names, as a person typed it.
fn typed_user<'a>(identifier: Option<&'a UserIdentifier>, user: Option<&'a str>) -> Result<&'a str> {
    match (identifier, user) {
        (Some(UserIdentifier::Matrix(id)), _) => Ok(&id.user),
        (None, Some(user)) => Ok(user),
        (Some(UserIdentifier::Email(_) | UserIdentifier::Msisdn(_) | UserIdentifier::PhoneNumber(_)), _) => {
            Err(ApiError::forbidden("One signs in by name here, not by an address or a number."))
        }
        (Some(_), _) => Err(ApiError::unknown("That kind of identifier is not known here. Use m.id.user.")),
        (None, None) => Err(ApiError::missing_param("The sign-in names no user.")),
    }
}

pub(super) async fn by_password(app: &App, user: &str, password: String) -> Result<Arc<Account>> {
    let account = app.accounts.find(user).await?;
    let is_right = app.accounts.check_password(account.as_deref(), password).await?;
    match account {
        Some(account) if account.deactivated => {
            Err(ApiError::user_deactivated("This account was closed. Ask an administrator."))
        }
        Some(account) if is_right => Ok(account),
        _ => Err(ApiError::forbidden("The name or the password is wrong.")),
    }
}

/// <https://spec.matrix.org/v1.18/client-server-api/#appservice-login>
async fn by_appservice(app: &App, user: &str, appservice: Option<&Arc<Appservice>>) -> Result<Arc<Account>> {
    let appservice =
        appservice.ok_or_else(|| ApiError::missing_token("This sign-in needs an application service's token."))?;
    let named = names::existing_user_id(user, &app.config.server.name);
    let is_own = named.is_some_and(|user_id| appservice.has_user(&user_id));
    match app.accounts.find(user).await? {
        Some(account) if !appservice.has_user(&account.user_id) => Err(not_in_namespace()),
        Some(account) if account.deactivated => {
            Err(ApiError::user_deactivated("This account was closed. Ask an administrator."))
        }
        Some(account) => Ok(account),
        None if is_own => Err(ApiError::forbidden("There is no such user. Register it first.")),
        None => Err(not_in_namespace()),
    }
}

fn not_in_namespace() -> ApiError {
    ApiError::exclusive("That user is not in the application service's namespace.")
}

/// Signs on, and makes the account at the first time.
async fn by_sign_on(app: &App, token: &str) -> Result<Arc<Account>> {
    let jwt = app.accounts.jwt.as_ref().ok_or_else(|| ApiError::unknown("There is no sign-on here."))?;
    let signed_on = jwt.check(token)?;
    if app.users.get(&signed_on.user_id).await?.is_none() {
        if app.appservices.owns_user(&signed_on.user_id, None) {
            return Err(ApiError::exclusive("That name is reserved for an application service."));
        }
        let new = NewAccount { display_name: signed_on.display_name, ..NewAccount::new(signed_on.user_id.clone()) };
        match app.accounts.create(new, None).await {
            // Two sign-ons at once make one account.
            Err(ApiError::Matrix { kind, .. }) if matches!(*kind, ErrorKind::UserInUse) => {}
            result => drop(result?),
        }
    }
    let account = app.users.require(&signed_on.user_id).await?;
    if account.deactivated {
        return Err(ApiError::user_deactivated("This account was closed. Ask an administrator."));
    }
    Ok(account)
}

/// `POST /_matrix/client/v3/refresh`
pub async fn refresh_token(
    State(app): State<App>,
    request: Ruma<refresh_token::v3::Request>,
) -> Result<refresh_token::v3::Response> {
    let issued = match app.devices.refresh(&request.body.refresh_token, None).await? {
        Refreshed::Issued(issued) => issued,
        Refreshed::Unknown => return Err(ApiError::unknown_token(false)),
        Refreshed::Reused => return Err(ApiError::unknown_token(true)),
        Refreshed::Locked => return Err(sessions::locked()),
    };
    let mut response = refresh_token::v3::Response::new(issued.access_token);
    response.refresh_token = issued.refresh_token;
    response.expires_in_ms = issued.expires_in;
    Ok(response)
}

/// `POST /_matrix/client/v3/logout`
pub async fn logout(State(app): State<App>, request: Ruma<logout::v3::Request>) -> Result<logout::v3::Response> {
    app.devices.sign_out(&request.caller).await?;
    Ok(logout::v3::Response::new())
}

/// `POST /_matrix/client/v3/logout/all`
pub async fn logout_all(
    State(app): State<App>,
    request: Ruma<logout_all::v3::Request>,
) -> Result<logout_all::v3::Response> {
    app.devices.sign_out_all(&request.caller.user_id, None).await?;
    Ok(logout_all::v3::Response::new())
}
