//! State of a room.

use axum::extract::State;
use ruma::{
    api::client::state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events, send_state_event,
    },
    events::StateEventType,
};
use serde_json::value::RawValue;

use super::{
    delayed_events::{self, SendState, StateSent},
    message::timestamp,
    ruma::Ruma,
};
use crate::{
    app::App,
    domain::rooms::view::Viewer,
    error::{ApiError, Result},
};

/// `PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`
pub async fn send(State(app): State<App>, Ruma { body, caller, .. }: Ruma<SendState>) -> Result<StateSent> {
    caller.may_take_part()?;
    app.limits.message(&caller.user_id)?;
    let SendState { request: body, delay } = body;
    if let Some(delay) = delay {
        return delayed_events::state(&app, &caller, body, &delay).await;
    }
    if body.event_type == StateEventType::RoomMember && body.state_key == caller.user_id.as_str() {
        app.server_notices.may_set_membership(&caller.user_id, &body.room_id, body.body.json()).await?;
    }
    let ts = timestamp(&caller, body.timestamp);
    let event_id = app
        .room_actions
        .send_state(&caller, &body.room_id, body.event_type, body.state_key, body.body.json(), ts)
        .await?;
    Ok(StateSent::Now(send_state_event::v3::Response::new(event_id)))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/state`
pub async fn all(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_state_events::v3::Request>,
) -> Result<get_state_events::v3::Response> {
    let mut state = app.room_actions.visible_state(&caller.user_id, &body.room_id).await?;
    state.sort_by_key(|event| event.position);
    let viewer = Viewer::new(&caller, app.clock.now());
    Ok(get_state_events::v3::Response::new(viewer.show(&app.db, &state).await?))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`
pub async fn get(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_state_event_for_key::v3::Request>,
) -> Result<get_state_event_for_key::v3::Response> {
    let missing = || ApiError::not_found("This room has no such state.");
    let room = app.rooms.get(&body.room_id).await?;
    let event = match room.filter(|room| room.is_joined(&caller.user_id)) {
        Some(room) => room.get(&body.event_type, &body.state_key).cloned(),
        None => {
            let state = app.room_actions.visible_state(&caller.user_id, &body.room_id).await?;
            state.into_iter().find(|event| {
                StateEventType::from(event.kind.to_string()) == body.event_type
                    && event.state_key.as_deref() == Some(&body.state_key)
            })
        }
    };
    let event = event.ok_or_else(missing)?;
    let json = match body.format {
        StateEventFormat::Event => {
            let viewer = Viewer::new(&caller, app.clock.now());
            let shown =
                viewer.show::<ruma::events::AnyStateEvent>(&app.db, &[event]).await?.pop().ok_or_else(missing)?;
            shown.into_json()
        }
        _ => RawValue::to_owned(&event.content),
    };
    Ok(get_state_event_for_key::v3::Response::new(json))
}
