//! Presence.

use axum::extract::State;
use ruma::api::client::presence::{get_presence, set_presence};

use super::ruma::{Ruma, one_of};
use crate::{
    app::App,
    domain::presence::see_each_other,
    error::{ApiError, Result},
};

/// What a person's presence can be.
pub(super) const STATES: [&str; 3] = ["online", "unavailable", "offline"];
/// The longest status message, in bytes: it is sent to everybody one shares a room with.
const MAX_STATUS: usize = 2_000;

/// `PUT /_matrix/client/v3/presence/{userId}/status`
pub async fn set_presence(
    State(app): State<App>,
    request: Ruma<set_presence::v3::Request>,
) -> Result<set_presence::v3::Response> {
    let set_presence::v3::Request { user_id, presence, status_msg, .. } = request.body;
    if user_id != request.caller.user_id {
        return Err(ApiError::forbidden("Nobody sets somebody else's presence."));
    }
    one_of("presence", &presence, &STATES)?;
    // What one says of oneself is said to all.
    if status_msg.is_some() {
        request.caller.may_take_part()?;
    }
    if status_msg.as_ref().is_some_and(|text| text.len() > MAX_STATUS) {
        return Err(ApiError::invalid_param(format!("status_msg has at most {MAX_STATUS} bytes.")));
    }
    app.presence.set(&app.journal, &user_id, presence, status_msg).await?;
    Ok(set_presence::v3::Response::new())
}

/// `GET /_matrix/client/v3/presence/{userId}/status`
pub async fn get_presence(
    State(app): State<App>,
    request: Ruma<get_presence::v3::Request>,
) -> Result<get_presence::v3::Response> {
    let user_id = request.body.user_id;
    if !see_each_other(&app.rooms, &request.caller.user_id, &user_id).await? {
        return Err(ApiError::forbidden("You share no room with this user, or there is no such user."));
    }
    let (status, last_active_ago) = app.presence.status(&user_id);
    let mut response = get_presence::v3::Response::new(status.presence);
    response.status_msg = status.status_msg;
    response.currently_active = Some(status.currently_active);
    response.last_active_ago = last_active_ago;
    Ok(response)
}
