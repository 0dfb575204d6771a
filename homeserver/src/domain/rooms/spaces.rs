//! Spaces: rooms that list others.
//! <https://spec.matrix.org/v1.18/client-server-api/#spaces>

use std::{collections::HashSet, sync::Arc};

use ruma::{
    OwnedRoomId, OwnedSpaceChildOrder, RoomId, UserId,
    events::{StateEventType, space::child::SpaceChildEventContent},
    room::RoomType,
};

use super::{RoomActions, state::RoomState};
use crate::{
    clock::Millis,
    domain::event::Event,
    error::{ApiError, Result},
};

/// How deep a tree is followed, at most.
pub const MAX_DEPTH: u64 = 20;
/// Rooms that one answer looks at, at most.
const LOOKED_AT: usize = 2_000;

/// Which part of a space's tree is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// How many of its rooms come before.
    pub skip: usize,
    /// How many rooms.
    pub limit: usize,
    /// How deep; the space itself lies at zero.
    pub max_depth: u64,
    /// Only rooms that their space suggests.
    pub suggested_only: bool,
}

/// A room of a space's tree.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The room.
    pub room: Arc<RoomState>,
    /// If it is a space, the events that list its children, in their order.
    pub children: Vec<Arc<Event>>,
}

/// A part of a space's tree.
#[derive(Debug, Default)]
pub struct Hierarchy {
    /// Its rooms, each once, the children of a space behind it.
    pub rooms: Vec<Branch>,
    /// How many come before the next part, if there is one.
    pub next: Option<usize>,
}

impl RoomActions {
    /// A part of a space's tree, as far as somebody may know of its rooms.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN` where there is no such room, or nothing of it may be known.
    pub async fn hierarchy(&self, user_id: &UserId, space: &RoomId, walk: Walk) -> Result<Hierarchy> {
        let mut found = Hierarchy::default();
        let mut passed = 0;
        let mut met: HashSet<OwnedRoomId> = HashSet::new();
        // For each level the rooms that are still to come.
        let mut ahead = vec![vec![space.to_owned()].into_iter()];
        while let Some(level) = ahead.last_mut() {
            let Some(room_id) = level.next() else {
                ahead.pop();
                continue;
            };
            if met.len() == LOOKED_AT {
                break;
            }
            // Spaces may list each other, and a room may be listed by several.
            if !met.insert(room_id.clone()) {
                continue;
            }
            let depth = ahead.len() as u64 - 1;
            let room = match self.rooms.get(&room_id).await? {
                Some(room) => self.may_preview(&room, Some(user_id)).await?.then_some(room),
                None => None,
            };
            let Some(room) = room else {
                if depth == 0 {
                    return Err(ApiError::forbidden("You may not see this room, or there is none."));
                }
                continue;
            };
            let children = children(&room, walk.suggested_only);
            if depth < walk.max_depth.min(MAX_DEPTH) {
                ahead.push(children.iter().map(|child| child.room_id.clone()).collect::<Vec<_>>().into_iter());
            }
            passed += 1;
            if passed <= walk.skip {
                continue;
            }
            if found.rooms.len() == walk.limit {
                found.next = Some(passed - 1);
                return Ok(found);
            }
            found.rooms.push(Branch { room, children: children.into_iter().map(|child| child.event).collect() });
        }
        Ok(found)
    }
}

/// A child of a space. Those with an order come first, then the older links.
#[derive(Debug)]
struct Child {
    room_id: OwnedRoomId,
    order: Option<OwnedSpaceChildOrder>,
    event: Arc<Event>,
}

impl Child {
    /// A child by the event that lists it; a link that says nowhere how to enter the room is none.
    fn new(event: &Arc<Event>, suggested_only: bool) -> Option<Self> {
        let content: SpaceChildEventContent = event.content_as()?;
        let room_id = OwnedRoomId::try_from(event.state_key.as_deref()?).ok()?;
        (content.suggested || !suggested_only).then(|| Self { room_id, order: content.order, event: event.clone() })
    }

    /// <https://spec.matrix.org/v1.18/client-server-api/#ordering-of-children-within-a-space>
    fn place(&self) -> (bool, Option<&OwnedSpaceChildOrder>, Millis, &OwnedRoomId) {
        (self.order.is_none(), self.order.as_ref(), self.event.origin_server_ts, &self.room_id)
    }
}

fn children(room: &RoomState, suggested_only: bool) -> Vec<Child> {
    if room.room_type() != Some(RoomType::Space) {
        return Vec::new();
    }
    let links = room.of_type(&StateEventType::SpaceChild);
    let mut children: Vec<Child> = links.filter_map(|(_, event)| Child::new(event, suggested_only)).collect();
    children.sort_by(|a, b| a.place().cmp(&b.place()));
    children
}
