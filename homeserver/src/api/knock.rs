//! Asking to be let into a room.

use axum::extract::State;
use ruma::api::client::knock::knock_room;

use super::{membership::room_id, ruma::Ruma};
use crate::{app::App, error::Result};

/// `POST /_matrix/client/v3/knock/{roomIdOrAlias}`
pub async fn knock(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<knock_room::v3::Request>,
) -> Result<knock_room::v3::Response> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    let room_id = room_id(&app, caller.appservice.as_deref(), &body.room_id_or_alias).await?;
    app.room_actions.knock(&caller.user_id, &room_id, body.reason).await?;
    Ok(knock_room::v3::Response::new(room_id))
}
