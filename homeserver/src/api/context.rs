//! What stands around an event.

use axum::extract::State;
use ruma::{api::client::context::get_context, events::StateEventType};
use std::collections::HashSet;

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::{
        event::Event,
        rooms::{history::Stretch, view::Viewer},
    },
    error::{ApiError, Result},
    storage,
    sync::{filter::event_wanted, token::Token},
};

/// `GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}`
pub async fn context(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<get_context::v3::Request>,
) -> Result<get_context::v3::Response> {
    let missing = || ApiError::not_found("There is no such event, or you may not see it.");
    let room = app.rooms.get(&body.room_id).await?.ok_or_else(missing)?;
    let event = app.room_actions.event(&room, &caller.user_id, &body.event_id).await?;
    let limit = u64::from(body.limit).min(100) as usize;
    let wanted = |event: &Event| event_wanted(&body.filter, event);
    let user_id = &caller.user_id;
    let (before, after) = (limit.div_ceil(2), limit / 2);
    let back = Stretch { from: event.position - 1, to: None, backwards: true, limit: before.max(1) };
    let earlier = app.room_actions.page(&room, user_id, back, &wanted).await?;
    let on = Stretch { from: event.position, to: None, backwards: false, limit: after.max(1) };
    let later = app.room_actions.page(&room, user_id, on, &wanted).await?;
    let earlier_events = &earlier.events[..earlier.events.len().min(before)];
    let later_events = &later.events[..later.events.len().min(after)];

    let last = later_events.last().unwrap_or(&event);
    let mut state = if last.position >= room.position {
        room.all().cloned().collect()
    } else {
        storage::events::state_at(&app.db, &room.room_id, last.position).await?
    };
    if !body.filter.lazy_load_options.is_disabled() {
        let senders: HashSet<_> =
            earlier_events.iter().chain(later_events).chain([&event]).map(|event| event.sender.as_str()).collect();
        state.retain(|event| {
            event.state_type() != StateEventType::RoomMember
                || event.state_key.as_deref().is_some_and(|user_id| senders.contains(user_id))
        });
    }
    let viewer = Viewer::new(&caller, app.clock.now());
    let mut response = get_context::v3::Response::new();
    let first = earlier_events.last().unwrap_or(&event).position - 1;
    response.start = Some(Token::at(first.max(0)).to_string());
    response.end = Some(Token::at(last.position).to_string());
    let sight = &later.sight;
    response.events_before = viewer.show_in(&app.db, &room, sight, earlier_events).await?;
    response.events_after = viewer.show_in(&app.db, &room, sight, later_events).await?;
    response.state = viewer.show(&app.db, &state).await?;
    response.event = viewer.show_in(&app.db, &room, sight, &[event]).await?.pop();
    Ok(response)
}
