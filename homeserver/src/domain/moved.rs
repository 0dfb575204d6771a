//! In which rooms something moved, by when it last did: with it a sync looks at what has changed, and not at all that
//! there is.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use parking_lot::RwLock;
use ruma::{OwnedRoomId, events::TimelineEventType};

use super::{
    event::Position,
    journal::{Change, Committed},
    rooms::RoomsOfUser,
};

/// Rooms that are remembered at most; those in which nothing has moved for longest make way.
const MAX_ROOMS: usize = 50_000;

/// When each of many last moved, in order.
#[derive(Debug)]
pub struct Latest<K> {
    by_position: BTreeMap<Position, HashSet<K>>,
    last: HashMap<K, Position>,
}

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self { by_position: BTreeMap::new(), last: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Latest<K> {
    /// Notes that one moved.
    pub fn set(&mut self, key: K, position: Position) {
        if let Some(before) = self.last.insert(key.clone(), position)
            && let Some(at) = self.by_position.get_mut(&before)
        {
            at.remove(&key);
            if at.is_empty() {
                self.by_position.remove(&before);
            }
        }
        self.by_position.entry(position).or_default().insert(key);
    }

    /// Those that moved after a position, the one that moved first before the others.
    pub fn after(&self, position: Position) -> impl Iterator<Item = &K> {
        self.by_position.range(position.saturating_add(1)..).flat_map(|(_, keys)| keys)
    }

    /// Whether one moved after a position.
    fn is_after(&self, key: &K, position: Position) -> bool {
        self.last.get(key).is_some_and(|at| *at > position)
    }

    /// Forgets those that moved longest ago, and tells when that was.
    fn forget_oldest(&mut self) -> Option<Position> {
        let (position, keys) = self.by_position.pop_first()?;
        for key in &keys {
            self.last.remove(key);
        }
        Some(position)
    }
}

/// A bounded number of rooms by when something of one kind last moved in them.
#[derive(Debug)]
struct Index {
    rooms: Latest<OwnedRoomId>,
    limit: usize,
    /// All that moved after this is there; of what was before, nothing is known.
    floor: Position,
}

impl Index {
    fn new(floor: Position, limit: usize) -> Self {
        Self { rooms: Latest::default(), limit, floor }
    }

    fn set(&mut self, room_id: &OwnedRoomId, position: Position) {
        self.rooms.set(room_id.clone(), position);
        while self.rooms.last.len() > self.limit
            && let Some(forgotten) = self.rooms.forget_oldest()
        {
            self.floor = self.floor.max(forgotten);
        }
    }

    /// From here on all rooms have to be looked at once.
    fn lift(&mut self, position: Position) {
        self.floor = self.floor.max(position + 1);
    }

    /// Whatever is fewer is gone through: what moved, or the rooms of the user.
    fn among(&self, rooms: &RoomsOfUser, after: Position) -> Option<HashSet<OwnedRoomId>> {
        if after < self.floor {
            return None;
        }
        let moved: Vec<_> = self.rooms.after(after).take(rooms.len() + 1).collect();
        Some(if moved.len() > rooms.len() {
            rooms.keys().filter(|room_id| self.rooms.is_after(room_id, after)).cloned().collect()
        } else {
            moved.into_iter().filter(|room_id| rooms.contains_key(*room_id)).cloned().collect()
        })
    }
}

/// The rooms in which something moved since the server started. A commit's last position stands for those of its
/// changes: a room may be named that moved just before, and none is left out.
#[derive(Debug)]
pub struct MovedRooms {
    anything: RwLock<Index>,
    members: RwLock<Index>,
}

impl MovedRooms {
    /// Nothing has moved as yet; `started` is the last position of the past. Nothing is known after `started` itself
    /// either: so who comes back after a start looks at all of their rooms once, and has them in memory, where the
    /// notifier finds whom to wake.
    pub fn new(started: Position) -> Self {
        let index = || RwLock::new(Index::new(started + 1, MAX_ROOMS));
        Self { anything: index(), members: index() }
    }

    /// Those of a user's rooms with an event or a receipt after a position; `None` where any of them may have one.
    pub fn among(&self, rooms: &RoomsOfUser, after: Position) -> Option<HashSet<OwnedRoomId>> {
        self.anything.read().among(rooms, after)
    }

    /// Those of a user's rooms with a member event after a position; `None` where any of them may have one.
    pub fn members_among(&self, rooms: &RoomsOfUser, after: Position) -> Option<HashSet<OwnedRoomId>> {
        self.members.read().among(rooms, after)
    }

    /// Takes a commit in, before its position can be read.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::Event(event) => {
                    self.anything.write().set(&event.room_id, committed.position);
                    if event.kind == TimelineEventType::RoomMember {
                        self.members.write().set(&event.room_id, committed.position);
                    }
                }
                Change::Receipt { room_id, .. } => self.anything.write().set(room_id, committed.position),
                // It is nobody's room any more, and so would not be found among anybody's.
                Change::RoomDeleted(_) => self.anything.write().lift(committed.position),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ruma::{events::room::member::MembershipState, owned_room_id};

    use super::*;
    use crate::domain::rooms::Membership;

    fn a() -> OwnedRoomId {
        owned_room_id!("!a:x")
    }

    fn b() -> OwnedRoomId {
        owned_room_id!("!b:x")
    }

    fn c() -> OwnedRoomId {
        owned_room_id!("!c:x")
    }

    fn rooms(ids: impl IntoIterator<Item = OwnedRoomId>) -> RoomsOfUser {
        let membership = Membership { membership: MembershipState::Join, position: 1, forgotten: false };
        Arc::new(ids.into_iter().map(|room_id| (room_id, membership.clone())).collect())
    }

    fn index(floor: Position, limit: usize, moved: &[(OwnedRoomId, Position)]) -> Index {
        let mut index = Index::new(floor, limit);
        moved.iter().for_each(|(room_id, position)| index.set(room_id, *position));
        index
    }

    fn expect(index: &Index, of: &[OwnedRoomId], after: Position, expected: &[OwnedRoomId]) {
        let found = index.among(&rooms(of.iter().cloned()), after);
        assert_eq!(found, Some(expected.iter().cloned().collect()), "after {after}");
    }

    #[test]
    fn only_the_last_move_counts() {
        let mut latest = Latest::default();
        for (name, position) in [("ann", 3), ("bob", 3), ("ann", 7), ("bob", 5), ("ann", 7)] {
            latest.set(name, position);
        }
        assert_eq!(latest.by_position.keys().copied().collect::<Vec<_>>(), [5, 7]);
        assert_eq!(latest.after(0).copied().collect::<Vec<_>>(), ["bob", "ann"], "in their order");
        assert_eq!(latest.after(5).copied().collect::<Vec<_>>(), ["ann"]);
        assert_eq!(latest.after(7).count() + latest.after(Position::MAX).count(), 0);
        latest.set("bob", 7);
        assert_eq!(latest.by_position[&7], HashSet::from(["ann", "bob"]));
    }

    #[test]
    fn the_rooms_of_a_user_that_moved_are_found() {
        let index = index(10, 9, &[(a(), 11), (b(), 12), (c(), 13), (a(), 14)]);
        expect(&index, &[a(), b()], 11, &[a(), b()]);
        expect(&index, &[a(), b()], 13, &[a()]);
        expect(&index, &[a(), b()], 14, &[]);
        // More moved than there are rooms to look up, and the other way round.
        expect(&index, &[b()], 10, &[b()]);
        expect(&index, &[b()], 12, &[]);
        expect(&index, &[a(), b(), c(), owned_room_id!("!d:x")], 12, &[a(), c()]);
        expect(&index, &[], 10, &[]);
    }

    #[test]
    fn before_the_floor_nothing_is_known() {
        let index = index(10, 9, &[(a(), 11)]);
        assert_eq!(index.among(&rooms([a()]), 9), None);
        expect(&index, &[a()], 10, &[a()]);
        assert_eq!(MovedRooms::new(10).among(&rooms([a()]), 10), None, "who comes back looks at everything");
        assert_eq!(MovedRooms::new(10).among(&rooms([a()]), 11), Some(HashSet::new()));
    }

    #[test]
    fn what_makes_way_lifts_the_floor() {
        let index = index(0, 2, &[(a(), 1), (b(), 2), (a(), 3), (c(), 4)]);
        assert_eq!(index.rooms.last.len(), 2);
        assert_eq!(index.among(&rooms([a(), b(), c()]), 1), None, "b moved after it and is forgotten");
        expect(&index, &[a(), b(), c()], 2, &[a(), c()]);
        expect(&index, &[a(), b(), c()], 3, &[c()]);
    }

    #[test]
    fn after_a_deletion_all_look_once() {
        let mut index = index(0, 9, &[(a(), 1), (b(), 2)]);
        index.lift(2);
        assert_eq!(index.among(&rooms([a()]), 2), None);
        index.set(&a(), 3);
        expect(&index, &[a()], 3, &[]);
    }
}
