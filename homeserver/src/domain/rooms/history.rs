//! Who may see which event, and reading a room's history.
//! <https://spec.matrix.org/v1.18/client-server-api/#room-history-visibility>

use std::sync::Arc;

use ruma::{
    EventId, RoomId, UserId,
    events::{
        StateEventType,
        room::{history_visibility::HistoryVisibility, member::MembershipState},
    },
};

use super::{RoomActions, state::RoomState};
use crate::{
    domain::{
        event::{Event, Position},
        ignored::Ignored,
    },
    error::{ApiError, Result},
    storage::{self, relations::Related},
};

/// What one user may see of one room: a function of positions, and of whom the user ignores.
#[derive(Debug)]
pub struct Sight {
    /// All of it: joined, and the history was always open to members.
    everything: bool,
    /// Since when which visibility held, oldest first.
    visibility: Vec<(Position, HistoryVisibility)>,
    /// Since when which membership held, oldest first.
    membership: Vec<(Position, MembershipState)>,
    /// Whether these are all: before the first the user was nothing to the room.
    since_ever: bool,
    /// Whose messages are withheld.
    ignored: Arc<Ignored>,
}

impl Sight {
    /// Whether an event may be seen.
    pub fn sees(&self, event: &Event, user_id: &UserId) -> bool {
        if self.ignored.withholds(event) {
            return false;
        }
        if self.everything {
            return true;
        }
        // One always sees what was done to oneself.
        if event.membership.is_some() && event.state_key.as_deref() == Some(user_id.as_str()) {
            return true;
        }
        self.sees_at(event.position)
    }

    /// Whether there is a past for them: not for one who was only invited to what is not open to the world.
    fn has_past(&self) -> bool {
        self.everything
            || self.membership.iter().any(|(_, membership)| *membership == MembershipState::Join)
            || self.visibility.iter().any(|(_, visibility)| *visibility == HistoryVisibility::WorldReadable)
    }

    /// Whether an event that relates to another may be seen.
    pub fn sees_child(&self, event: &Event) -> bool {
        !self.ignored.withholds(event) && self.sees_at(event.position)
    }

    /// Whether an event that is known by its relation alone may be seen.
    pub fn sees_related(&self, related: &Related) -> bool {
        (related.is_state || !self.ignored.has(&related.sender)) && self.sees_at(related.position)
    }

    /// What the user was to the room just after an event at a position; `None` where that is not at hand.
    pub fn membership_at(&self, position: Position) -> Option<&MembershipState> {
        let before_any = self.since_ever.then_some(&MembershipState::Leave);
        last_before(&self.membership, position).or(before_any)
    }

    /// Whether an event at a position may be seen.
    pub fn sees_at(&self, position: Position) -> bool {
        if self.everything {
            return true;
        }
        let membership_then = last_before(&self.membership, position);
        let joined_later = || self.membership.iter().any(|(p, m)| *p > position && *m == MembershipState::Join);
        let is_joined = membership_then == Some(&MembershipState::Join);
        // A change of the visibility itself may be seen by the old rule or the new.
        let before = last_before(&self.visibility, position - 1);
        let after = last_before(&self.visibility, position);
        [before, after].into_iter().any(|visibility| match visibility.unwrap_or(&HistoryVisibility::Shared) {
            HistoryVisibility::WorldReadable => true,
            HistoryVisibility::Shared => is_joined || joined_later(),
            HistoryVisibility::Invited => {
                is_joined || (membership_then == Some(&MembershipState::Invite) && joined_later())
            }
            _ => is_joined,
        })
    }
}

fn last_before<T>(since: &[(Position, T)], position: Position) -> Option<&T> {
    since.iter().rev().find(|(p, _)| *p <= position).map(|(_, value)| value)
}

/// Which part of a room's history is asked for. Backwards it has the events at and before `from`, newest first;
/// forwards those after it, oldest first; neither goes past `to`.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// Where it begins.
    pub from: Position,
    /// Where it ends at the latest.
    pub to: Option<Position>,
    /// Into the past.
    pub backwards: bool,
    /// How many events.
    pub limit: usize,
}

/// A page of history.
#[derive(Debug)]
pub struct Page {
    /// The events, in the direction asked for.
    pub events: Vec<Arc<Event>>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
    /// What the user may see of the room.
    pub sight: Sight,
}

/// What stands around an event.
#[derive(Debug)]
pub struct Around {
    /// What came before it, newest first.
    pub earlier: Vec<Arc<Event>>,
    /// What came after it, oldest first.
    pub later: Vec<Arc<Event>>,
    /// What the user may see of the room.
    pub sight: Sight,
}

impl Around {
    /// The places before and after all of it.
    pub fn bounds(&self, event: &Event) -> (Position, Position) {
        let first = self.earlier.last().map_or(event.position, |event| event.position);
        ((first - 1).max(0), self.later.last().map_or(event.position, |event| event.position))
    }
}

impl RoomActions {
    /// What a user may see of a room. Who was never in it or has forgotten it, and it is not open to the world, has
    /// `M_FORBIDDEN`.
    pub async fn sight(&self, room: &RoomState, user_id: &UserId) -> Result<Sight> {
        let visibility_event = room.get(&StateEventType::RoomHistoryVisibility, "");
        let never_changed = visibility_event.is_none_or(|event| event.replaces.is_none());
        let open = matches!(room.history_visibility(), HistoryVisibility::Shared | HistoryVisibility::WorldReadable);
        let world_readable = room.history_visibility() == HistoryVisibility::WorldReadable;
        let ignored = self.ignored.of(user_id).await?;
        if never_changed && ((room.is_joined(user_id) && open) || world_readable) {
            let own = room.get(&StateEventType::RoomMember, user_id.as_str());
            let membership = own.and_then(|event| Some((event.position, event.membership.clone()?)));
            return Ok(Sight {
                everything: true,
                visibility: Vec::new(),
                membership: membership.into_iter().collect(),
                since_ever: own.is_none_or(|event| event.replaces.is_none()),
                ignored,
            });
        }
        let memberships = self.rooms.of_user(user_id).await?;
        let was_here = memberships.get(&room.room_id).is_some_and(|membership| !membership.forgotten);
        if !was_here && !world_readable {
            return Err(ApiError::forbidden("You are not in this room."));
        }
        let history = |kind: StateEventType, key: String| async move {
            storage::events::state_history(&self.db, &room.room_id, &kind.to_string(), &key).await
        };
        let visibility = history(StateEventType::RoomHistoryVisibility, String::new())
            .await?
            .iter()
            .map(|event| {
                let field = event.content_str("history_visibility");
                (event.position, field.map_or(HistoryVisibility::Shared, Into::into))
            })
            .collect();
        let membership = history(StateEventType::RoomMember, user_id.to_string())
            .await?
            .iter()
            .filter(|_| was_here)
            .filter_map(|event| Some((event.position, event.membership.clone()?)))
            .collect();
        Ok(Sight { everything: false, visibility, membership, since_ever: true, ignored })
    }

    /// A page of a room's history.
    pub async fn page(
        &self,
        room: &RoomState,
        user_id: &UserId,
        stretch: Stretch,
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<Page> {
        let Stretch { from, to, backwards, limit } = stretch;
        let sight = self.sight(room, user_id).await?;
        if !sight.has_past() {
            return Err(ApiError::forbidden("You are not in this room."));
        }
        let mut events = Vec::with_capacity(limit.min(100));
        let mut at = from;
        // A filter may leave few of many; a request looks at no more than so many.
        let mut budget = 5_000_i64;
        loop {
            let ask = (limit - events.len()).clamp(20, 500) as i64;
            let found = if backwards {
                storage::events::backwards(&self.db, &room.room_id, to.unwrap_or(-1), at, ask).await?
            } else {
                storage::events::forwards(&self.db, &room.room_id, at, to.unwrap_or(i64::MAX), ask).await?
            };
            let exhausted = (found.len() as i64) < ask;
            budget -= found.len() as i64;
            for event in found {
                at = if backwards { event.position - 1 } else { event.position };
                if sight.sees(&event, user_id) && wanted(&event) {
                    events.push(event);
                    if events.len() == limit {
                        return Ok(Page { events, next: Some(at), sight });
                    }
                }
            }
            if exhausted {
                return Ok(Page { events, next: None, sight });
            }
            if budget <= 0 {
                return Ok(Page { events, next: Some(at), sight });
            }
        }
    }

    /// What stands around an event of a room: up to so many events before and after it.
    pub async fn around(
        &self,
        room: &RoomState,
        user_id: &UserId,
        event: &Event,
        (before, after): (usize, usize),
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<Around> {
        let back = Stretch { from: event.position - 1, to: None, backwards: true, limit: before.max(1) };
        let mut earlier = self.page(room, user_id, back, wanted).await?.events;
        earlier.truncate(before);
        let on = Stretch { from: event.position, to: None, backwards: false, limit: after.max(1) };
        let Page { events: mut later, sight, .. } = self.page(room, user_id, on, wanted).await?;
        later.truncate(after);
        Ok(Around { earlier, later, sight })
    }

    /// An event of a room that a user may see, or `M_NOT_FOUND`.
    pub async fn event(&self, room: &RoomState, user_id: &UserId, event_id: &EventId) -> Result<Arc<Event>> {
        let missing = || ApiError::not_found("There is no such event, or you may not see it.");
        let event = storage::events::get(&self.db, event_id).await?.filter(|event| event.room_id == room.room_id);
        let event = event.ok_or_else(missing)?;
        let sight = self.sight(room, user_id).await.map_err(|_| missing())?;
        if sight.sees(&event, user_id) { Ok(event) } else { Err(missing()) }
    }

    /// The state of a room that a user may see: the current state for members and where everybody may read, for one
    /// who left the state when they left.
    pub async fn visible_state(&self, user_id: &UserId, room_id: &RoomId) -> Result<Vec<Arc<Event>>> {
        let refused = || ApiError::forbidden("You are not in this room.");
        let room = self.rooms.get(room_id).await?.ok_or_else(refused)?;
        if room.is_joined(user_id) || room.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(room.all().cloned().collect());
        }
        let left_at = self.left_at(user_id, &room).await?.ok_or_else(refused)?;
        Ok(storage::events::state_at(&self.db, room_id, left_at).await?)
    }

    /// Where a former member left a room; `None` for one who never was one.
    pub async fn left_at(&self, user_id: &UserId, room: &RoomState) -> Result<Option<Position>> {
        let rooms = self.rooms.of_user(user_id).await?;
        let Some(now) = rooms.get(&room.room_id).filter(|m| !m.forgotten) else { return Ok(None) };
        if !matches!(now.membership, MembershipState::Leave | MembershipState::Ban) {
            return Ok(None);
        }
        let history =
            storage::events::state_history(&self.db, &room.room_id, "m.room.member", user_id.as_str()).await?;
        let was_member = history.iter().any(|event| event.membership == Some(MembershipState::Join));
        Ok(was_member.then_some(now.position))
    }
}
