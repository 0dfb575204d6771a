//! Tags of rooms.

use axum::extract::State;
use ruma::api::client::tag::{create_tag, delete_tag, get_tags};

use super::{config::own, ruma::Ruma};
use crate::{app::App, error::Result};

/// `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags`
pub async fn get_tags(State(app): State<App>, request: Ruma<get_tags::v3::Request>) -> Result<get_tags::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let tags = app.account_data.tags(&request.body.user_id, &request.body.room_id).await?;
    Ok(get_tags::v3::Response::new(tags))
}

/// `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
pub async fn create_tag(
    State(app): State<App>,
    request: Ruma<create_tag::v3::Request>,
) -> Result<create_tag::v3::Response> {
    let body = request.body;
    own(&request.caller, &body.user_id)?;
    app.account_data.tag(body.user_id, body.room_id, body.tag, Some(body.tag_info)).await?;
    Ok(create_tag::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
pub async fn delete_tag(
    State(app): State<App>,
    request: Ruma<delete_tag::v3::Request>,
) -> Result<delete_tag::v3::Response> {
    let body = request.body;
    own(&request.caller, &body.user_id)?;
    app.account_data.tag(body.user_id, body.room_id, body.tag, None).await?;
    Ok(delete_tag::v3::Response::new())
}
