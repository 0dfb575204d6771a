//! Sending messages and paging through a room's history.

use std::collections::HashSet;

use axum::extract::State;
use ruma::{
    MilliSecondsSinceUnixEpoch,
    api::{
        Direction,
        client::{
            filter::RoomEventFilter,
            message::{get_message_events, send_message_event},
        },
    },
    events::StateEventType,
};

use super::{
    delayed_events::{self, MessageSent, SendMessage},
    ruma::Ruma,
};
use crate::{
    app::App,
    clock::Millis,
    domain::{
        event::{Event, Position},
        rooms::{history::Stretch, view::Viewer},
        sessions::Requester,
    },
    error::{ApiError, Result},
    sync::{filter::event_wanted, token::Token},
};

/// The time that a request says, which only application services may.
/// <https://spec.matrix.org/v1.18/application-service-api/#timestamp-massaging>
pub fn timestamp(caller: &Requester, ts: Option<MilliSecondsSinceUnixEpoch>) -> Option<Millis> {
    caller.appservice.as_ref()?;
    ts.map(|ts| i64::from(ts.get()))
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}`
pub async fn send(State(app): State<App>, Ruma { body, caller, .. }: Ruma<SendMessage>) -> Result<MessageSent> {
    app.limits.message(&caller.user_id)?;
    let SendMessage { request: body, delay } = body;
    if let Some(delay) = delay {
        return delayed_events::message(&app, &caller, body, &delay).await;
    }
    let ts = timestamp(&caller, body.timestamp);
    let kind = body.event_type.to_string().into();
    let event_id = app.room_actions.send(&caller, &body.room_id, kind, body.txn_id, body.body.json(), ts).await?;
    Ok(MessageSent::Now(send_message_event::v3::Response::new(event_id)))
}

/// Where a page begins: at the token, else at the room's newest or oldest end.
pub fn start(from: Option<&str>, backwards: bool) -> Result<Position> {
    match from {
        Some(token) => Ok(token.parse::<Token>()?.position),
        None if backwards => Ok(Position::MAX),
        None => Ok(0),
    }
}

/// `GET /_matrix/client/v3/rooms/{roomId}/messages`
pub async fn messages(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_message_events::v3::Request>,
) -> Result<get_message_events::v3::Response> {
    let refused = || ApiError::forbidden("You are not in this room.");
    let room = app.rooms.get(&body.room_id).await?.ok_or_else(refused)?;
    let backwards = body.dir == Direction::Backward;
    let mut from = start(body.from.as_deref(), backwards)?;
    if backwards && from == Position::MAX {
        from = room.position;
    }
    if !room.is_joined(&caller.user_id)
        && let Some(left_at) = app.room_actions.left_at(&caller.user_id, &room).await?
        && backwards
    {
        from = from.min(left_at);
    }
    let to = body.to.as_deref().map(str::parse::<Token>).transpose()?.map(|token| token.position);
    let limit = u64::from(body.limit).clamp(1, 1000) as usize;
    let filter: &RoomEventFilter = &body.filter;
    let page = app
        .room_actions
        .page(&room, &caller.user_id, Stretch { from, to, backwards, limit }, &|event: &Event| {
            event_wanted(filter, event)
        })
        .await?;

    let viewer = Viewer::new(&caller, app.clock.now());
    let mut response = get_message_events::v3::Response::new();
    response.start = Token::at(from).to_string();
    response.end = page.next.map(|next| Token::at(next.max(0)).to_string());
    if !filter.lazy_load_options.is_disabled() {
        let senders: HashSet<_> = page.events.iter().map(|event| event.sender.clone()).collect();
        let members: Vec<_> = senders
            .iter()
            .filter_map(|sender| room.get(&StateEventType::RoomMember, sender.as_str()).cloned())
            .collect();
        response.state = viewer.show(&app.db, &members).await?;
    }
    response.chunk = viewer.show_in(&app.db, &room, &page.sight, &page.events).await?;
    Ok(response)
}
