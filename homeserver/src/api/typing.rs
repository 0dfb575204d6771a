//! Typing.

use axum::extract::State;
use ruma::api::client::typing::create_typing_event::v3::{Request, Response, Typing};

use super::{lenient::CreateTypingEvent, ruma::Ruma};
use crate::{
    app::App,
    error::{ApiError, Result},
};

/// `PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}`
pub async fn create_typing_event(State(app): State<App>, request: Ruma<CreateTypingEvent>) -> Result<Response> {
    let Request { user_id, room_id, state, .. } = request.body.0;
    if user_id != request.caller.user_id {
        return Err(ApiError::forbidden("Nobody types for somebody else."));
    }
    app.rooms.joined(&room_id, &user_id).await?;
    match state {
        Typing::Yes(info) => {
            app.presence.active(&user_id);
            app.typing.start(&room_id, &user_id, info.timeout);
        }
        Typing::No => app.typing.stop(&room_id, &user_id),
    }
    Ok(Response::new())
}
