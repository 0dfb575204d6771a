//! Room aliases.

use axum::extract::State;
use ruma::{
    OwnedRoomId, RoomAliasId,
    api::client::alias::{create_alias, delete_alias, get_alias},
};

use super::ruma::Ruma;
use crate::{
    app::App,
    error::{ApiError, Result},
};

/// Where an alias leads, or `M_NOT_FOUND`.
pub async fn resolve(app: &App, alias: &RoomAliasId) -> Result<OwnedRoomId> {
    app.room_actions.resolve(alias).await?.ok_or_else(|| ApiError::not_found(format!("There is no room {alias} here.")))
}

/// `PUT /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn create(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<create_alias::v3::Request>,
) -> Result<create_alias::v3::Response> {
    app.room_actions.add_alias(&caller, &body.room_alias, &body.room_id).await?;
    Ok(create_alias::v3::Response::new())
}

/// `GET /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn get(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_alias::v3::Request>,
) -> Result<get_alias::v3::Response> {
    Ok(get_alias::v3::Response::new(resolve(&app, &body.room_alias).await?, vec![app.config.server.name.clone()]))
}

/// `DELETE /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn delete(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<delete_alias::v3::Request>,
) -> Result<delete_alias::v3::Response> {
    app.room_actions.remove_alias(&caller, &body.room_alias).await?;
    Ok(delete_alias::v3::Response::new())
}
