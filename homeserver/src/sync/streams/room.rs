//! A room that one is in: timeline, state, summary.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, UInt, UserId,
    api::client::{
        filter::{FilterDefinition, LazyLoadOptions},
        sync::sync_events::v3::{JoinedRoom, RoomSummary, State, StateEvents},
    },
    events::{StateEventType, room::member::MembershipState},
};

use super::timeline::{self, Span, Timeline};
use crate::{
    app::App,
    clock::Millis,
    domain::{
        event::{Event, Position},
        rooms::{state::RoomState, view::Viewer},
    },
    error::Result,
    storage::{self, db::Db},
    sync::{filter::event_wanted, token::Token},
};

/// What a sync asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// From which device.
    pub device_id: Option<&'a DeviceId>,
    /// What is wanted.
    pub filter: &'a FilterDefinition,
    /// After which place; `None` on a first sync.
    pub since: Option<Position>,
    /// After which typing and presence.
    pub since_ephemeral: u64,
    /// Up to which place.
    pub up_to: Position,
    /// Whether all state is wanted, not only what changed.
    pub full_state: bool,
    /// Whether state is wanted as it is after the timeline.
    pub state_after: bool,
    /// Now.
    pub now: Millis,
}

impl Asked<'_> {
    /// How events are shown in a sync.
    pub fn viewer(&self) -> Viewer<'_> {
        Viewer { user_id: self.user_id, device_id: self.device_id, now: self.now, with_room_id: false }
    }
}

/// Which members a device has been sent, so that lazy loading does not repeat them. What is forgotten is sent again.
#[derive(Debug, Default)]
pub struct SentMembers(Mutex<HashMap<(OwnedUserId, OwnedDeviceId), Members>>);

/// By room and member, the event that was sent.
type Members = HashMap<(OwnedRoomId, OwnedUserId), OwnedEventId>;

/// Devices remembered at most.
const MAX_DEVICES: usize = 5_000;
/// Members remembered a device at most.
const MAX_MEMBERS: usize = 2_000;

impl SentMembers {
    /// Forgets a device: it syncs anew.
    pub fn forget(&self, user_id: &UserId, device_id: &DeviceId) {
        self.0.lock().remove(&(user_id.to_owned(), device_id.to_owned()));
    }

    /// Keeps of some member events those that the device has not been sent, and notes them as sent.
    fn unsent(&self, user_id: &UserId, device_id: &DeviceId, members: &mut Vec<Arc<Event>>) {
        if members.is_empty() {
            return;
        }
        let mut devices = self.0.lock();
        if devices.len() >= MAX_DEVICES {
            devices.clear();
        }
        let sent = devices.entry((user_id.to_owned(), device_id.to_owned())).or_default();
        if sent.len() >= MAX_MEMBERS {
            sent.clear();
        }
        members.retain(|event| {
            let Some(Ok(member)) = event.state_key.as_deref().map(OwnedUserId::try_from) else { return true };
            sent.insert((event.room_id.clone(), member), event.event_id.clone()).as_ref() != Some(&event.event_id)
        });
    }
}

/// A joined room, as far as events and state go. `newly` says that the user was not in the room at `since`.
pub async fn joined(app: &App, asked: &Asked<'_>, room: &Arc<RoomState>, newly: bool) -> Result<JoinedRoom> {
    let since = asked.since.filter(|_| !newly);
    let span = Span { since, up_to: asked.up_to };
    let moved = since.is_none_or(|since| room.position > since);
    let mut joined = JoinedRoom::new();
    let viewer = asked.viewer();
    let mut shown = Vec::new();
    let timeline = if moved {
        let sight = app.room_actions.sight(room, asked.user_id).await?;
        let filter = &asked.filter.room.timeline;
        let timeline = timeline::timeline(&app.db, room, asked.user_id, &sight, filter, span).await?;
        shown = viewer.show_in(&app.db, room, &sight, &timeline.events).await?;
        timeline
    } else {
        Timeline { events: Vec::new(), limited: false, start: asked.up_to }
    };
    if moved || asked.full_state {
        let state = state(app, asked, room, since, &timeline).await?;
        if !state.is_empty() || asked.state_after {
            let events = StateEvents::with_events(viewer.show(&app.db, &state).await?);
            joined.state = if asked.state_after { State::After(events) } else { State::Before(events) };
        }
        let members_moved = timeline.limited
            || since.is_none()
            || timeline.events.iter().chain(&state).any(|event| event.membership.is_some());
        if members_moved {
            joined.summary = summary(room, asked.user_id);
        }
        if !timeline.events.is_empty() || timeline.limited || since.is_none() {
            joined.timeline.limited = timeline.limited || (newly && asked.since.is_some());
            joined.timeline.prev_batch = Some(Token::at(timeline.start).to_string());
            joined.timeline.events = shown;
        }
    }
    Ok(joined)
}

/// The state that goes with a timeline: what stands before it (or after it, if that is asked for), as far as the client
/// cannot know it.
async fn state(
    app: &App,
    asked: &Asked<'_>,
    room: &Arc<RoomState>,
    since: Option<Position>,
    timeline: &Timeline,
) -> Result<Vec<Arc<Event>>> {
    let up_to = if asked.state_after { asked.up_to } else { timeline.start };
    let changed_since = since.filter(|_| !asked.full_state);
    let mut state: Vec<Arc<Event>> = match changed_since {
        // Nothing was left out, so what changed is in the timeline.
        Some(_) if !timeline.limited && !asked.state_after => Vec::new(),
        Some(since) => storage::events::state_between(&app.db, &room.room_id, since, up_to).await?,
        None => state_at(app, room, up_to).await?,
    };
    let lazy = asked.filter.room.state.lazy_load_options;
    let lazy = if lazy.is_disabled() { asked.filter.room.timeline.lazy_load_options } else { lazy };
    if let LazyLoadOptions::Enabled { include_redundant_members } = lazy {
        let mut needed: BTreeSet<&str> = timeline.events.iter().map(|event| event.sender.as_str()).collect();
        let own = asked.user_id.as_str();
        if changed_since.is_none() {
            needed.insert(own);
        }
        let is_member = |event: &Arc<Event>| event.state_type() == StateEventType::RoomMember;
        // Of what changed in a gap all is told, members too: a client cannot know that it should ask.
        // https://spec.matrix.org/v1.18/client-server-api/#lazy-loading-room-members
        if changed_since.is_none() {
            state.retain(|event| {
                !is_member(event) || event.state_key.as_deref().is_some_and(|key| needed.contains(key) || key == own)
            });
        }
        if changed_since.is_some() {
            // Senders whose membership the client may never have been told, because it has not changed.
            let there: HashSet<String> =
                state.iter().filter(|e| is_member(e)).filter_map(|e| e.state_key.clone()).collect();
            let members = needed.iter().filter(|key| !there.contains(**key)).filter_map(|key| {
                room.get(&StateEventType::RoomMember, key).filter(|event| event.position <= up_to).cloned()
            });
            let mut members: Vec<_> = members.collect();
            if let (false, Some(device_id)) = (include_redundant_members, asked.device_id) {
                app.sent_members.unsent(asked.user_id, device_id, &mut members);
            }
            state.extend(members);
        } else if let Some(device_id) = asked.device_id {
            // Noted as sent, and all sent: this is a first look.
            let mut members: Vec<_> = state.iter().filter(|e| is_member(e)).cloned().collect();
            app.sent_members.unsent(asked.user_id, device_id, &mut members);
        }
    }
    state.retain(|event| event_wanted(&asked.filter.room.state, event));
    state.sort_by_key(|event| event.position);
    Ok(state)
}

/// The state of a room at a place, from memory where nothing that stood there has been replaced since.
async fn state_at(app: &App, room: &Arc<RoomState>, position: Position) -> Result<Vec<Arc<Event>>> {
    let replaced_since =
        room.position > position && room.all().any(|event| event.position > position && event.replaces.is_some());
    if replaced_since {
        return Ok(storage::events::state_at(&app.db, &room.room_id, position).await?);
    }
    Ok(room.all().filter(|event| event.position <= position).cloned().collect())
}

/// How many are in a room and, where it has no name, whom it is named after.
/// <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv3sync>
fn summary(room: &RoomState, user_id: &UserId) -> RoomSummary {
    let mut summary = RoomSummary::new();
    summary.joined_member_count = UInt::try_from(room.joined_count).ok();
    summary.invited_member_count = UInt::try_from(room.invited_count).ok();
    if room.name().is_none() && room.canonical_alias().is_none() {
        summary.heroes = heroes(room, user_id);
    }
    summary
}

/// Whom a room without a name is named after: the first who are in it or invited, else the first who were.
pub fn heroes(room: &RoomState, user_id: &UserId) -> Vec<OwnedUserId> {
    let first = |wanted: &[MembershipState]| {
        let mut members: Vec<_> = room
            .of_type(&StateEventType::RoomMember)
            .filter(|(key, event)| {
                key.as_str() != user_id.as_str() && event.membership.as_ref().is_some_and(|m| wanted.contains(m))
            })
            .map(|(key, event)| (event.position, key))
            .collect();
        members.sort();
        members.into_iter().take(5).filter_map(|(_, key)| OwnedUserId::try_from(key.as_str()).ok()).collect::<Vec<_>>()
    };
    let here = first(&[MembershipState::Join, MembershipState::Invite]);
    if here.is_empty() { first(&[MembershipState::Leave, MembershipState::Ban]) } else { here }
}

/// Whether a member was not in a room at a place: then the whole of it is news. `since_when` is the position of their
/// membership as it stands.
pub async fn newly_joined(
    db: &Db,
    room: &RoomState,
    user_id: &UserId,
    since_when: Position,
    at: Position,
) -> Result<bool> {
    if since_when <= at {
        return Ok(false);
    }
    let history = storage::events::state_history(db, &room.room_id, "m.room.member", user_id.as_str()).await?;
    let then = history.iter().rev().find(|event| event.position <= at);
    Ok(then.is_none_or(|event| event.membership != Some(MembershipState::Join)))
}
