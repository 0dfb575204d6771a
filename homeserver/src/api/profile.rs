//! Profiles.

use axum::extract::State;
use ruma::{
    UserId,
    api::client::profile::{delete_profile_field, get_profile, get_profile_field, set_profile_field},
    profile::ProfileFieldValue,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::{appservices::Appservice, sessions::Requester},
    error::{ApiError, Result},
};

/// Who changes a profile must be its owner, and not suspended.
fn own(caller: &Requester, user_id: &UserId) -> Result<()> {
    if caller.user_id == user_id {
        return caller.may_take_part();
    }
    Err(ApiError::forbidden("One changes one's own profile only."))
}

/// Whether there is a user. The application service that a user belongs to may make the account now; the one that asks,
/// if one does, is not asked itself.
pub async fn exists(app: &App, user_id: &UserId, asking: Option<&Appservice>) -> Result<bool> {
    if app.users.get(user_id).await?.is_some() {
        return Ok(true);
    }
    let own = user_id.server_name() == app.config.server.name;
    Ok(own && app.outbound.query_user(user_id, asking).await && app.users.get(user_id).await?.is_some())
}

/// `GET /_matrix/client/v3/profile/{userId}`
pub async fn get_profile(
    State(app): State<App>,
    request: Ruma<get_profile::v3::Request>,
) -> Result<get_profile::v3::Response> {
    exists(&app, &request.body.user_id, request.caller.as_deref()).await?;
    Ok(app.profiles.get(&request.body.user_id).await?.into_iter().collect())
}

/// `GET /_matrix/client/v3/profile/{userId}/{keyName}`
pub async fn get_profile_field(
    State(app): State<App>,
    request: Ruma<get_profile_field::v3::Request>,
) -> Result<get_profile_field::v3::Response> {
    exists(&app, &request.body.user_id, request.caller.as_deref()).await?;
    let field = request.body.field.as_str();
    let value = app.profiles.field(&request.body.user_id, field).await?;
    let value = value.ok_or_else(|| ApiError::not_found("This profile has no such field."))?;
    Ok(get_profile_field::v3::Response::new(ProfileFieldValue::new(field, value)?))
}

/// `PUT /_matrix/client/v3/profile/{userId}/{keyName}`
pub async fn set_profile_field(
    State(app): State<App>,
    request: Ruma<set_profile_field::v3::Request>,
) -> Result<set_profile_field::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let (field, value) = (request.body.value.field_name(), request.body.value.value().into_owned());
    app.profiles.set(&request.body.user_id, field.as_str(), Some(value)).await?;
    Ok(set_profile_field::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/profile/{userId}/{keyName}`
pub async fn delete_profile_field(
    State(app): State<App>,
    request: Ruma<delete_profile_field::v3::Request>,
) -> Result<delete_profile_field::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    app.profiles.set(&request.body.user_id, request.body.field.as_str(), None).await?;
    Ok(delete_profile_field::v3::Response::new())
}
