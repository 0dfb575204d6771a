//! Which events an application service is to see.
//! <https://spec.matrix.org/v1.18/application-service-api/#registration>

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::member::MembershipState},
};

use crate::{
    domain::{
        appservices::Appservice,
        event::{Event, Position},
        rooms::Rooms,
    },
    error::Result,
    storage::{self, db::Db},
};

/// Follows, event by event, in which rooms an application service has users.
#[derive(Debug)]
pub(super) struct Interest {
    appservice: Arc<Appservice>,
    db: Db,
    rooms: HashMap<OwnedRoomId, Room>,
}

#[derive(Debug)]
struct Room {
    /// Its users who are joined, after the last event that was looked at.
    users: HashSet<OwnedUserId>,
    /// Whether the room's id or one of its aliases is in a namespace.
    named: bool,
}

impl Room {
    fn interests(&self) -> bool {
        self.named || !self.users.is_empty()
    }

    /// Takes in a membership of one of the application service's users.
    fn take(&mut self, user_id: OwnedUserId, membership: Option<&MembershipState>) {
        if membership == Some(&MembershipState::Join) {
            self.users.insert(user_id);
        } else {
            self.users.remove(&user_id);
        }
    }
}

impl Interest {
    pub(super) fn new(appservice: Arc<Appservice>, db: Db) -> Self {
        Self { appservice, db, rooms: HashMap::new() }
    }

    /// Whether the application service is to see an event. Events must come in their order: each is judged by who was in
    /// the room when it was sent.
    pub(super) async fn in_event(&mut self, event: &Event) -> Result<bool> {
        let target = self.user_of(event);
        let by_itself = target.is_some() || self.appservice.has_user(&event.sender);
        let room = self.room(&event.room_id, event.position - 1).await?;
        let interested = by_itself || room.interests();
        if let Some(user_id) = target {
            room.take(user_id, event.membership.as_ref());
        }
        Ok(interested)
    }

    /// Whether the application service is to see what happens in a room now.
    pub(super) async fn in_room(&mut self, room_id: &RoomId, position: Position) -> Result<bool> {
        Ok(self.room(room_id, position).await?.interests())
    }

    /// Whether the application service is to see a user's presence.
    pub(super) async fn in_user(&mut self, user_id: &UserId, rooms: &Rooms, position: Position) -> Result<bool> {
        if self.appservice.has_user(user_id) {
            return Ok(true);
        }
        for (room_id, here) in rooms.of_user(user_id).await?.iter() {
            if here.membership == MembershipState::Join && self.in_room(room_id, position).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks at a room's aliases again.
    pub(super) async fn aliases_changed(&mut self, room_id: &RoomId) -> Result<()> {
        if self.rooms.contains_key(room_id) {
            let named = self.named(room_id).await?;
            if let Some(room) = self.rooms.get_mut(room_id) {
                room.named = named;
            }
        }
        Ok(())
    }

    /// For a member event of one of its users, that user.
    pub(super) fn user_of(&self, event: &Event) -> Option<OwnedUserId> {
        let key = event.state_key.as_ref().filter(|_| event.kind == TimelineEventType::RoomMember)?;
        let user_id = <&UserId>::try_from(key.as_str()).ok()?;
        self.appservice.has_user(user_id).then(|| user_id.to_owned())
    }

    /// A room as it was at a position, if it is new here, and else as the events since have left it.
    async fn room(&mut self, room_id: &RoomId, position: Position) -> Result<&mut Room> {
        if !self.rooms.contains_key(room_id) {
            let mut room = Room { users: HashSet::new(), named: self.named(room_id).await? };
            for event in storage::events::member_events(&self.db, room_id, position).await? {
                if let Some(user_id) = self.user_of(&event) {
                    room.take(user_id, event.membership.as_ref());
                }
            }
            self.rooms.insert(room_id.to_owned(), room);
        }
        Ok(self.rooms.get_mut(room_id).expect("it was just put there"))
    }

    async fn named(&self, room_id: &RoomId) -> Result<bool> {
        if self.appservice.has_room(room_id) {
            return Ok(true);
        }
        if !self.appservice.has_aliases() {
            return Ok(false);
        }
        let aliases = storage::appservices::aliases(&self.db, room_id).await?;
        Ok(aliases.iter().any(|alias| self.appservice.has_alias(alias)))
    }
}
