//! Room aliases.

use axum::extract::State;
use ruma::{
    OwnedRoomId, RoomAliasId,
    api::client::alias::{create_alias, delete_alias, get_alias},
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::appservices::Appservice,
    error::{ApiError, Result},
};

/// Where an alias leads, or `M_NOT_FOUND`. The application service that an alias belongs to may make it now; the one
/// that asks, if one does, is not asked itself.
pub async fn resolve(app: &App, alias: &RoomAliasId, asking: Option<&Appservice>) -> Result<OwnedRoomId> {
    let mut room_id = app.room_actions.resolve(alias).await?;
    let own = alias.server_name() == app.config.server.name;
    if room_id.is_none() && own && app.outbound.query_alias(alias, asking).await {
        room_id = app.room_actions.resolve(alias).await?;
    }
    room_id.ok_or_else(|| ApiError::not_found(format!("There is no room {alias} here.")))
}

/// `PUT /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn create(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<create_alias::v3::Request>,
) -> Result<create_alias::v3::Response> {
    caller.may_take_part()?;
    app.room_actions.add_alias(&caller, &body.room_alias, &body.room_id).await?;
    Ok(create_alias::v3::Response::new())
}

/// `GET /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn get(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_alias::v3::Request>,
) -> Result<get_alias::v3::Response> {
    let room_id = resolve(&app, &body.room_alias, caller.as_deref()).await?;
    Ok(get_alias::v3::Response::new(room_id, vec![app.config.server.name.clone()]))
}

/// `DELETE /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn delete(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<delete_alias::v3::Request>,
) -> Result<delete_alias::v3::Response> {
    caller.may_take_part()?;
    app.room_actions.remove_alias(&caller, &body.room_alias).await?;
    Ok(delete_alias::v3::Response::new())
}
