//! Accounts: registering, passwords, closing.

pub mod third_party;

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use ruma::{
    api::{
        client::account::{
            ThirdPartyIdRemovalStatus, change_password, check_registration_token_validity, deactivate,
            get_username_availability,
            register::{self, LoginType, RegistrationKind},
            request_openid_token, whoami,
        },
        error::ErrorKind,
    },
    authentication::TokenType,
};

use super::{
    config::own,
    lenient::{Register, Registered},
    ruma::Ruma,
};
use crate::{
    app::App,
    clock,
    domain::{
        accounts::NewAccount,
        appservices::Appservice,
        devices::{Issued, SignIn},
        sessions::Requester,
        uiaa::Admitted,
    },
    error::{ApiError, Result},
};

/// `POST /_matrix/client/v3/register`
pub async fn register(State(app): State<App>, request: Ruma<Register>) -> Result<Registered> {
    let (Register(body), appservice) = (request.body, request.caller);
    match body.kind {
        RegistrationKind::User => {}
        RegistrationKind::Guest => {
            return Err(ApiError::new(
                http::StatusCode::FORBIDDEN,
                ErrorKind::GuestAccessForbidden,
                "There are no guest accounts here. Register or sign in.",
            ));
        }
        _ => return Err(ApiError::invalid_param("kind is \"user\" or \"guest\".")),
    }
    let by_appservice = match (&body.login_type, appservice) {
        (Some(LoginType::ApplicationService), Some(appservice)) => Some(appservice),
        (Some(LoginType::ApplicationService), None) => {
            return Err(ApiError::missing_token("This registration needs an application service's token."));
        }
        _ => None,
    };
    if by_appservice.is_none() && !app.config.registration.enabled {
        return Err(ApiError::forbidden("Registration is closed. Ask an administrator for an account."));
    }
    if by_appservice.is_none() {
        app.limits.registration(request.client.ip)?;
    }
    let user_id = match &body.username {
        Some(name) => app.accounts.available(name, &app.appservices, by_appservice.as_deref()).await?,
        None if by_appservice.is_some() => {
            return Err(ApiError::missing_param("An application service says which name it registers."));
        }
        None => {
            let name = clock::random_word(10, clock::LOWERCASE);
            app.accounts.available(&name, &app.appservices, None).await?
        }
    };
    if let (Some(password), None) = (&body.password, &by_appservice) {
        app.accounts.passwords.check(user_id.localpart(), password)?;
    }
    let Admitted { registration_token, accepted_terms } = match &by_appservice {
        Some(_) => Admitted::default(),
        None => app.uiaa.admit(body.auth.as_ref()).await?,
    };
    let password_hash = match body.password {
        Some(password) if by_appservice.is_none() => Some(app.accounts.passwords.hash(password).await?),
        _ => None,
    };
    let appservice_id = by_appservice.as_deref().map(|appservice: &Appservice| appservice.id.clone());
    let new = NewAccount {
        password_hash,
        appservice_id,
        registration_token,
        accepted_terms,
        ..NewAccount::new(user_id.clone())
    };
    let sign_in = SignIn {
        device_id: body.device_id,
        display_name: body.initial_device_display_name,
        refresh: body.refresh_token,
        client_id: None,
    };
    let issued = app.accounts.create(new, (!body.inhibit_login).then_some(sign_in)).await?;
    let mut response = register::v3::Response::new(user_id);
    if let Some(Issued { device_id, access_token, refresh_token, expires_in, .. }) = issued {
        response.access_token = Some(access_token);
        response.device_id = Some(device_id);
        response.refresh_token = refresh_token;
        response.expires_in = expires_in;
    }
    Ok(Registered(response))
}

/// `GET /_matrix/client/v3/register/available`
pub async fn get_username_availability(
    State(app): State<App>,
    request: Ruma<get_username_availability::v3::Request>,
) -> Result<get_username_availability::v3::Response> {
    app.limits.registration(request.client.ip)?;
    app.accounts.available(&request.body.username, &app.appservices, None).await?;
    Ok(get_username_availability::v3::Response::new(true))
}

/// `GET /_matrix/client/v1/register/m.login.registration_token/validity`
pub async fn check_registration_token_validity(
    State(app): State<App>,
    request: Ruma<check_registration_token_validity::v1::Request>,
) -> Result<check_registration_token_validity::v1::Response> {
    app.limits.registration(request.client.ip)?;
    let valid = app.accounts.registration_token_is_valid(&request.body.token).await?;
    Ok(check_registration_token_validity::v1::Response::new(valid))
}

/// `GET /_matrix/client/v3/account/whoami`
pub async fn whoami(State(_): State<App>, request: Ruma<whoami::v3::Request>) -> Result<whoami::v3::Response> {
    let mut response = whoami::v3::Response::new(request.caller.user_id, false);
    response.device_id = request.caller.device_id;
    Ok(response)
}

/// The caller of what needs an account although its scheme leaves the token out: there is no other way here to prove
/// who one is (no e-mail, no telephone).
fn signed_in(caller: Option<Requester>) -> Result<Requester> {
    caller.ok_or_else(|| ApiError::missing_token("This needs an access token. Sign in first."))
}

/// `POST /_matrix/client/v3/account/password`
pub async fn change_password(
    State(app): State<App>,
    request: Ruma<change_password::v3::Request>,
) -> Result<change_password::v3::Response> {
    let (caller, body) = (signed_in(request.caller)?, request.body);
    app.accounts.passwords.check(caller.user_id.localpart(), &body.new_password)?;
    app.uiaa.require(&caller, "change_password", body.auth.as_ref()).await?;
    app.accounts.set_password(&caller.user_id, body.new_password, body.logout_devices, caller.device_id).await?;
    Ok(change_password::v3::Response::new())
}

/// `POST /_matrix/client/v3/account/deactivate`
pub async fn deactivate(
    State(app): State<App>,
    request: Ruma<deactivate::v3::Request>,
) -> Result<deactivate::v3::Response> {
    let (caller, body) = (signed_in(request.caller)?, request.body);
    app.uiaa.require(&caller, "deactivate", body.auth.as_ref()).await?;
    app.accounts.close(&app.rooms, &caller.user_id, body.erase).await?;
    Ok(deactivate::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}

/// `POST /_matrix/client/v3/user/{userId}/openid/request_token`
pub async fn request_openid_token(
    State(app): State<App>,
    request: Ruma<request_openid_token::v3::Request>,
) -> Result<request_openid_token::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let (token, lifetime) = app.accounts.openid_token(&request.body.user_id).await?;
    let server_name = app.config.server.name.clone();
    Ok(request_openid_token::v3::Response::new(token, TokenType::Bearer, server_name, lifetime))
}

/// `GET /_matrix/federation/v1/openid/userinfo`: who stands behind an OpenID token, for services on the same network.
/// The one endpoint of the federation API here; it needs none.
pub async fn openid_userinfo(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response> {
    let query = query.unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "access_token");
    let (_, token) = token.ok_or_else(|| ApiError::missing_token("access_token is missing."))?;
    let user_id = app.accounts.by_openid_token(&token).await?.ok_or_else(|| ApiError::unknown_token(false))?;
    Ok(super::json(http::StatusCode::OK, &serde_json::json!({ "sub": user_id })))
}
