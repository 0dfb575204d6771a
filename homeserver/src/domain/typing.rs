//! Who is typing where, in memory.
//! <https://spec.matrix.org/v1.18/client-server-api/#typing-notifications>

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::member::MembershipState},
};
use tokio::sync::Notify;

use super::{
    ephemeral::{Announcement, Ephemeral},
    journal::{Change, Committed},
};
use crate::clock::{Clock, Millis};

/// The longest that one announcement of typing holds.
const LONGEST: Duration = Duration::from_mins(2);

/// Who is typing in each room.
#[derive(Debug)]
pub struct Typing {
    clock: Clock,
    ephemeral: Arc<Ephemeral>,
    rooms: Mutex<Rooms>,
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Room {
    /// Who types, and when that ends unless it is said again.
    until: BTreeMap<OwnedUserId, Millis>,
    /// When the set of users last changed.
    position: u64,
}

#[derive(Debug, Default)]
struct Rooms {
    by_id: HashMap<OwnedRoomId, Room>,
    /// By when they last changed.
    by_position: BTreeMap<u64, OwnedRoomId>,
}

impl Rooms {
    /// Notes that the set of a room's users has changed.
    fn changed(&mut self, room_id: &RoomId, position: u64) {
        if let Some(room) = self.by_id.get_mut(room_id) {
            self.by_position.remove(&room.position);
            room.position = position;
            self.by_position.insert(position, room_id.to_owned());
        }
    }
}

impl Typing {
    /// Nobody types.
    pub fn new(clock: Clock, ephemeral: Arc<Ephemeral>) -> Self {
        Self { clock, ephemeral, rooms: Mutex::default(), sooner: Notify::new() }
    }

    /// The last position given out to typing or presence.
    pub fn position(&self) -> u64 {
        self.ephemeral.position()
    }

    /// Says that a user types for a while. That they may is the caller's to check.
    pub fn start(&self, room_id: &RoomId, user_id: &UserId, timeout: Duration) {
        let until = self.clock.now() + timeout.min(LONGEST).as_millis() as Millis;
        let began = {
            let mut rooms = self.rooms.lock();
            let room = rooms.by_id.entry(room_id.to_owned()).or_default();
            let began = room.until.insert(user_id.to_owned(), until).is_none();
            if began {
                rooms.changed(room_id, self.ephemeral.next());
            }
            began
        };
        self.sooner.notify_one();
        if began {
            self.ephemeral.announce(Announcement::Typing(room_id));
        }
    }

    /// Says that a user has stopped.
    pub fn stop(&self, room_id: &RoomId, user_id: &UserId) {
        let ended = {
            let mut rooms = self.rooms.lock();
            let ended = rooms.by_id.get_mut(room_id).is_some_and(|room| room.until.remove(user_id).is_some());
            if ended {
                rooms.changed(room_id, self.ephemeral.next());
            }
            ended
        };
        if ended {
            self.ephemeral.announce(Announcement::Typing(room_id));
        }
    }

    /// Who types in a room, if that has changed since a position. Nobody is an answer too, unless everything is new
    /// (`since` is zero).
    pub fn since(&self, room_id: &RoomId, since: u64) -> Option<Vec<OwnedUserId>> {
        let rooms = self.rooms.lock();
        let room = rooms.by_id.get(room_id).filter(|room| room.position > since)?;
        (since > 0 || !room.until.is_empty()).then(|| room.until.keys().cloned().collect())
    }

    /// The rooms in which who types has changed since a position.
    pub fn moved_since(&self, since: u64) -> Vec<OwnedRoomId> {
        let rooms = self.rooms.lock();
        rooms.by_position.range(since.saturating_add(1)..).map(|(_, room_id)| room_id.clone()).collect()
    }

    /// A message ends its sender's typing, and so does leaving.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            let Change::Event(event) = change else { continue };
            match (&event.state_key, &event.membership) {
                (None, _) if event.kind != TimelineEventType::Reaction => self.stop(&event.room_id, &event.sender),
                (Some(key), Some(membership)) if *membership != MembershipState::Join => {
                    if let Ok(user_id) = <&UserId>::try_from(key.as_str()) {
                        self.stop(&event.room_id, user_id);
                    }
                }
                _ => {}
            }
        }
    }

    /// Ends what has run out, and tells how long it is until the next does.
    fn expire(&self) -> Option<Duration> {
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut next: Option<Millis> = None;
        {
            let mut rooms = self.rooms.lock();
            for (room_id, room) in rooms.by_id.iter_mut().filter(|(_, room)| !room.until.is_empty()) {
                let before = room.until.len();
                room.until.retain(|_, until| *until > now);
                if room.until.len() < before {
                    ended.push(room_id.clone());
                }
                next = room.until.values().copied().chain(next).min();
            }
            for room_id in &ended {
                rooms.changed(room_id, self.ephemeral.next());
            }
        }
        for room_id in ended {
            self.ephemeral.announce(Announcement::Typing(&room_id));
        }
        next.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)))
    }

    /// The task that ends what has run out.
    pub async fn run(self: Arc<Self>) {
        loop {
            let sooner = self.sooner.notified();
            match self.expire() {
                Some(wait) => drop(tokio::time::timeout(wait, sooner).await),
                None => sooner.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ruma::{room_id, user_id};

    use super::*;

    #[test]
    fn typing_is_told_once_and_ends_by_itself() {
        let clock = Clock::manual(1_000);
        let ephemeral = Arc::new(Ephemeral::new(clock.now()));
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        ephemeral.listen(Box::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        let typing = Typing::new(clock.clone(), ephemeral);
        let (room, alice) = (room_id!("!r:x"), user_id!("@alice:x"));

        let before = typing.position();
        typing.start(room, alice, Duration::from_secs(10));
        assert_eq!(typing.since(room, before), Some(vec![alice.to_owned()]));
        assert_eq!(typing.since(room, 0), Some(vec![alice.to_owned()]));
        let after = typing.position();
        assert_eq!(typing.since(room, after), None, "nothing new");
        assert_eq!((typing.moved_since(before), typing.moved_since(after)), (vec![room.to_owned()], vec![]));

        clock.advance(6_000);
        typing.start(room, alice, Duration::from_secs(10));
        assert_eq!(told.load(Ordering::SeqCst), 1, "typing on is no news");
        clock.advance(6_000);
        assert_eq!(typing.expire(), Some(Duration::from_secs(4)), "it was prolonged");
        clock.advance(4_000);
        assert_eq!(typing.expire(), None);
        assert_eq!(typing.since(room, after), Some(vec![]), "that nobody types is news");
        assert_eq!(typing.since(room, 0), None, "but not to one who knows nothing");
        assert_eq!(told.load(Ordering::SeqCst), 2);
        assert_eq!(typing.moved_since(0), [room.to_owned()], "once, by its last change");
        assert_eq!(typing.moved_since(after), [room.to_owned()]);
        typing.stop(room, alice);
        assert_eq!(told.load(Ordering::SeqCst), 2, "who does not type cannot stop");
    }

    #[test]
    fn nobody_types_for_ever() {
        let clock = Clock::manual(1_000);
        let typing = Typing::new(clock.clone(), Arc::new(Ephemeral::new(0)));
        typing.start(room_id!("!r:x"), user_id!("@alice:x"), Duration::MAX);
        assert_eq!(typing.expire(), Some(LONGEST));
    }
}
