//! Account data.

use axum::extract::State;
use ruma::{
    UserId,
    api::client::config::{
        get_global_account_data, get_room_account_data, set_global_account_data, set_room_account_data,
    },
    serde::Raw,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::sessions::Requester,
    error::{ApiError, Result},
};

/// Nobody reads or writes what another keeps.
pub(super) fn own(caller: &Requester, user_id: &UserId) -> Result<()> {
    if caller.user_id == user_id {
        return Ok(());
    }
    Err(ApiError::forbidden("That belongs to another user."))
}

fn never_set() -> ApiError {
    ApiError::not_found("There is no account data of this type.")
}

/// `GET /_matrix/client/v3/user/{userId}/account_data/{type}`
pub async fn get_global_account_data(
    State(app): State<App>,
    request: Ruma<get_global_account_data::v3::Request>,
) -> Result<get_global_account_data::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let kind = request.body.event_type.to_string();
    let content = app.account_data.get(&request.body.user_id, None, &kind).await?.ok_or_else(never_set)?;
    Ok(get_global_account_data::v3::Response::new(Raw::from_json(content)))
}

/// `PUT /_matrix/client/v3/user/{userId}/account_data/{type}`
pub async fn set_global_account_data(
    State(app): State<App>,
    request: Ruma<set_global_account_data::v3::Request>,
) -> Result<set_global_account_data::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let kind = request.body.event_type.to_string();
    app.account_data.set(&request.body.user_id, None, &kind, request.body.data.into_json()).await?;
    Ok(set_global_account_data::v3::Response::new())
}

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
pub async fn get_room_account_data(
    State(app): State<App>,
    request: Ruma<get_room_account_data::v3::Request>,
) -> Result<get_room_account_data::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let (room_id, kind) = (&request.body.room_id, request.body.event_type.to_string());
    let content = app.account_data.get(&request.body.user_id, Some(room_id), &kind).await?.ok_or_else(never_set)?;
    Ok(get_room_account_data::v3::Response::new(Raw::from_json(content)))
}

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`
pub async fn set_room_account_data(
    State(app): State<App>,
    request: Ruma<set_room_account_data::v3::Request>,
) -> Result<set_room_account_data::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let (room_id, kind) = (&request.body.room_id, request.body.event_type.to_string());
    app.account_data.set(&request.body.user_id, Some(room_id), &kind, request.body.data.into_json()).await?;
    Ok(set_room_account_data::v3::Response::new())
}
