//! Whose devices a client should look at again: those whose keys changed and those it met, and whom it need no longer
//! watch. <https://spec.matrix.org/v1.18/client-server-api/#tracking-the-device-list-for-a-user>

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use ruma::{OwnedRoomId, OwnedUserId, UserId, events::TimelineEventType, events::room::member::MembershipState};

use super::Encryption;
use crate::{
    domain::{
        event::{Event, Position},
        rooms::{RoomsOfUser, state::RoomState},
    },
    error::Result,
    storage,
};

/// What `/sync` and `/keys/changes` say of users' devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceLists {
    /// Users whose keys changed, or who share a room with the client now and did not before.
    pub changed: BTreeSet<OwnedUserId>,
    /// Users who shared a room with the client before and do not now.
    pub left: BTreeSet<OwnedUserId>,
}

/// Who is in a room.
trait Members {
    fn is_joined(&self, user_id: &UserId) -> bool;
    fn joined(&self) -> Vec<&UserId>;
}

impl Members for Arc<RoomState> {
    fn is_joined(&self, user_id: &UserId) -> bool {
        RoomState::is_joined(self, user_id)
    }

    fn joined(&self) -> Vec<&UserId> {
        RoomState::joined(self).collect()
    }
}

/// Whether each user whose membership moved since a position was joined at that position.
type Before = HashMap<OwnedUserId, bool>;

/// A room now and then.
struct Room<M> {
    members: M,
    before: Before,
}

impl<M: Members> Room<M> {
    fn now(&self, user_id: &UserId) -> bool {
        self.members.is_joined(user_id)
    }

    fn then(&self, user_id: &UserId) -> bool {
        self.before.get(user_id).copied().unwrap_or_else(|| self.members.is_joined(user_id))
    }
}

/// Who shares a room with `me` only now, and who only did then.
fn met_and_left<M: Members>(me: &UserId, rooms: &[Room<M>]) -> DeviceLists {
    let mut moved: HashSet<&UserId> = HashSet::new();
    for room in rooms.iter().filter(|room| !room.before.is_empty()) {
        if room.now(me) != room.then(me) {
            moved.extend(room.members.joined());
        }
        moved.extend(room.before.keys().map(|user_id| &**user_id));
    }
    moved.remove(me);
    let mut lists = DeviceLists::default();
    for user_id in moved {
        let now = rooms.iter().any(|room| room.now(me) && room.now(user_id));
        let then = rooms.iter().any(|room| room.then(me) && room.then(user_id));
        match (then, now) {
            (false, true) => lists.changed.insert(user_id.to_owned()),
            (true, false) => lists.left.insert(user_id.to_owned()),
            _ => false,
        };
    }
    lists
}

impl Encryption {
    /// Whose devices changed for a user between two positions. What happened just after `up_to` may be among it, and is
    /// then told again: that costs a query and loses nothing.
    pub async fn device_lists(&self, user_id: &UserId, since: Position, up_to: Position) -> Result<DeviceLists> {
        if since >= up_to {
            return Ok(DeviceLists::default());
        }
        let changed = self.memory.changed_since(since);
        let of_user = self.rooms.of_user(user_id).await?;
        let moved = self.moved.members_among(&of_user, since);
        if changed.is_empty() && moved.is_some_and(|moved| moved.is_empty()) {
            return Ok(DeviceLists::default());
        }
        let rooms = self.rooms_since(&of_user, since).await?;
        let mut lists = met_and_left(user_id, &rooms);
        for (changed, seen_by) in changed {
            let visible = match seen_by {
                Some(seen_by) => seen_by == user_id,
                None => changed == user_id || rooms.iter().any(|room| room.now(user_id) && room.now(&changed)),
            };
            if visible {
                lists.changed.insert(changed);
            }
        }
        Ok(lists)
    }

    /// The rooms that a user is in or was in at `since`.
    async fn rooms_since(&self, of_user: &RoomsOfUser, since: Position) -> Result<Vec<Room<Arc<RoomState>>>> {
        let mut rooms = Vec::new();
        let mut unknown = HashMap::new();
        for (room_id, membership) in of_user.iter() {
            if membership.membership != MembershipState::Join && membership.position <= since {
                continue;
            }
            let Some(members) = self.rooms.get(room_id).await? else { continue };
            let mut before = Before::new();
            if members.position > since {
                if members.recent_since <= since {
                    members.recent.iter().filter(|event| event.position > since).for_each(|e| note(&mut before, e));
                } else {
                    unknown.insert(room_id.clone(), rooms.len());
                }
            }
            rooms.push(Room { members, before });
        }
        if !unknown.is_empty() {
            self.read_before(since, &unknown, &mut rooms).await?;
        }
        Ok(rooms)
    }

    /// Reads the memberships that moved in rooms with more events than are in memory.
    async fn read_before(
        &self,
        since: Position,
        unknown: &HashMap<OwnedRoomId, usize>,
        rooms: &mut [Room<Arc<RoomState>>],
    ) -> Result<()> {
        let ids: Vec<_> = unknown.keys().map(|room_id| &**room_id).collect();
        for (room_id, user_id, was_joined) in storage::events::memberships_moved(&self.db, &ids, since).await? {
            if let Some(&index) = unknown.get(&room_id) {
                rooms[index].before.entry(user_id).or_insert(was_joined);
            }
        }
        Ok(())
    }
}

/// Notes who was joined before an event; the first event of each user counts.
fn note(before: &mut Before, event: &Event) {
    if event.kind != TimelineEventType::RoomMember {
        return;
    }
    if let Some(Ok(user_id)) = event.state_key.as_deref().map(OwnedUserId::try_from) {
        let was_joined =
            || event.prev_content.as_deref().is_some_and(|content| storage::events::is_join(content.get()));
        before.entry(user_id).or_insert_with(was_joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct InRoom(Vec<OwnedUserId>);

    impl Members for InRoom {
        fn is_joined(&self, user_id: &UserId) -> bool {
            self.0.iter().any(|member| member == user_id)
        }

        fn joined(&self) -> Vec<&UserId> {
            self.0.iter().map(|member| &**member).collect()
        }
    }

    fn user(name: &str) -> OwnedUserId {
        OwnedUserId::try_from(format!("@{name}:parta.test")).unwrap()
    }

    /// A room by who is in it now and who moved, each with whether they were in it.
    fn room(now: &[&str], before: &[(&str, bool)]) -> Room<InRoom> {
        Room {
            members: InRoom(now.iter().map(|name| user(name)).collect()),
            before: before.iter().map(|(name, was)| (user(name), *was)).collect(),
        }
    }

    fn lists(rooms: &[Room<InRoom>]) -> (Vec<String>, Vec<String>) {
        let lists = met_and_left(&user("me"), rooms);
        let names = |users: BTreeSet<OwnedUserId>| users.iter().map(|id| id.localpart().to_owned()).collect();
        (names(lists.changed), names(lists.left))
    }

    fn expect(rooms: &[Room<InRoom>], changed: &[&str], left: &[&str]) {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(lists(rooms), (strings(changed), strings(left)));
    }

    #[test]
    fn nothing_moved() {
        expect(&[room(&["me", "ann"], &[])], &[], &[]);
    }

    #[test]
    fn one_joins_my_room() {
        expect(&[room(&["me", "ann"], &[("ann", false)])], &["ann"], &[]);
    }

    #[test]
    fn one_joins_a_second_room_of_ours() {
        expect(&[room(&["me", "ann"], &[("ann", false)]), room(&["me", "ann"], &[])], &[], &[]);
    }

    #[test]
    fn one_leaves_our_only_room() {
        expect(&[room(&["me"], &[("ann", true)])], &[], &["ann"]);
    }

    #[test]
    fn one_leaves_one_of_our_rooms() {
        expect(&[room(&["me"], &[("ann", true)]), room(&["me", "ann"], &[])], &[], &[]);
    }

    #[test]
    fn one_leaves_and_comes_back() {
        expect(&[room(&["me", "ann"], &[("ann", true)])], &[], &[]);
    }

    #[test]
    fn i_join_a_room() {
        expect(&[room(&["me", "ann", "bob"], &[("me", false)]), room(&["me", "bob"], &[])], &["ann"], &[]);
    }

    #[test]
    fn i_leave_a_room_that_another_left_too() {
        expect(&[room(&["ann"], &[("me", true), ("bob", true)])], &[], &["ann", "bob"]);
    }

    #[test]
    fn we_move_from_one_room_to_another() {
        let rooms = [room(&[], &[("me", true), ("ann", true)]), room(&["me", "ann"], &[("me", false), ("ann", false)])];
        expect(&rooms, &[], &[]);
    }

    #[test]
    fn one_renames_themselves() {
        expect(&[room(&["me", "ann"], &[("ann", true), ("me", true)])], &[], &[]);
    }
}
