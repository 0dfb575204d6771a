//! Rooms that one is not in: invited to, knocked on, left.

use std::sync::Arc;

use ruma::{
    UserId,
    api::client::sync::sync_events::v3::{
        InviteState, InvitedRoom, KnockState, KnockedRoom, LeftRoom, State, StateEvents,
    },
    events::{AnyStrippedStateEvent, StateEventType, room::member::MembershipState},
    serde::Raw,
};

use super::{room::Asked, timeline};
use crate::{
    app::App,
    domain::{
        event::Position,
        ignored::Ignored,
        rooms::{state::RoomState, view::SHOWN_OUTSIDE},
    },
    error::Result,
    storage,
    sync::token::Token,
};

/// A room as one is shown it who is not in it.
pub fn stripped(room: &RoomState, user_id: &UserId) -> Result<Vec<Raw<AnyStrippedStateEvent>>> {
    let own = room.get(&StateEventType::RoomMember, user_id.as_str());
    let sender = own.filter(|event| event.sender != user_id).map(|event| event.sender.as_str());
    let inviter = sender.and_then(|sender| room.get(&StateEventType::RoomMember, sender));
    let state = SHOWN_OUTSIDE.iter().filter_map(|kind| room.get(kind, ""));
    state.chain(inviter).chain(own).map(|event| Ok(Raw::from_json_string(event.stripped())?)).collect()
}

/// Whether an invitation is withheld: one by a person whom the invited one ignores, or any where they want none.
pub fn withheld(room: &RoomState, user_id: &UserId, ignored: &Ignored) -> bool {
    room.get(&StateEventType::RoomMember, user_id.as_str())
        .is_some_and(|invite| ignored.withholds_invitation(&invite.sender))
}

/// A room that one is invited to.
pub fn invited(room: &RoomState, user_id: &UserId) -> Result<InvitedRoom> {
    Ok(InvitedRoom::from(InviteState::from(stripped(room, user_id)?)))
}

/// A room that one has knocked on.
pub fn knocked(room: &RoomState, user_id: &UserId) -> Result<KnockedRoom> {
    let mut state = KnockState::new();
    state.events = stripped(room, user_id)?;
    Ok(KnockedRoom::from(state))
}

/// A room that one has left: what happened in it until then.
pub async fn left(
    app: &App,
    asked: &Asked<'_>,
    room: &Arc<RoomState>,
    since: Option<Position>,
    left_at: Position,
) -> Result<LeftRoom> {
    let sight = app.room_actions.sight(room, asked.user_id).await?;
    let span = timeline::Span { since, up_to: left_at };
    let timeline = timeline::timeline(&app.db, room, asked.user_id, &sight, &asked.filter.room.timeline, span).await?;
    let was_in = storage::events::state_history(&app.db, &room.room_id, "m.room.member", asked.user_id.as_str())
        .await?
        .iter()
        .any(|event| event.membership == Some(MembershipState::Join));
    let up_to = if asked.state_after { left_at } else { timeline.start };
    let state = match (was_in, since) {
        (false, _) => Vec::new(),
        (true, None) => storage::events::state_at(&app.db, &room.room_id, up_to).await?,
        (true, Some(since)) => storage::events::state_between(&app.db, &room.room_id, since, up_to).await?,
    };
    let viewer = asked.viewer();
    let mut left = LeftRoom::new();
    left.timeline.limited = timeline.limited;
    left.timeline.prev_batch = Some(Token::at(timeline.start).to_string());
    left.timeline.events = viewer.show_in(&app.db, room, &sight, &timeline.events).await?;
    let events = StateEvents::with_events(viewer.show(&app.db, &state).await?);
    left.state = if asked.state_after { State::After(events) } else { State::Before(events) };
    Ok(left)
}
