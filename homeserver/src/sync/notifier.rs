//! Wakes long polls, and remembers what moved since the server started, so that a sync asks the database only for what
//! it must.
//!
//! A sync registers before it reads: a commit between its reading and its waiting then finds it registered.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, RwLock};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use tokio::sync::Notify;

use crate::domain::{
    ephemeral::Announcement,
    event::Position,
    journal::{Change, Committed},
    rooms::{Rooms, state::RoomState},
};

/// When something last moved: exact for all that moved since the server started; before that anything may have.
#[derive(Debug)]
struct Moved<K> {
    started: Position,
    at: RwLock<HashMap<K, Position>>,
}

impl<K: std::hash::Hash + Eq> Moved<K> {
    fn new(started: Position) -> Self {
        Self { started, at: RwLock::default() }
    }

    fn set(&self, key: K, position: Position) {
        self.at.write().insert(key, position);
    }

    fn since<Q: std::hash::Hash + Eq + ?Sized>(&self, key: &Q, position: Position) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        position < self.started || self.at.read().get(key).is_some_and(|at| *at > position)
    }
}

/// Long polls and what they wait for.
#[derive(Debug)]
pub struct Notifier {
    rooms: Arc<Rooms>,
    waiting: Mutex<HashMap<OwnedUserId, Weak<Notify>>>,
    account_data: Moved<OwnedUserId>,
    thread_subscriptions: Moved<OwnedUserId>,
    receipts: Moved<OwnedRoomId>,
}

/// A registered long poll.
#[derive(Debug)]
pub struct Waiter {
    notify: Arc<Notify>,
    user_id: OwnedUserId,
    notifier: Arc<Notifier>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.notifier.waiting.lock();
        // Let go of under the lock: of two that end at once the second sees that nobody is left.
        drop(std::mem::take(&mut self.notify));
        if waiting.get(&self.user_id).is_some_and(|notify| notify.strong_count() == 0) {
            waiting.remove(&self.user_id);
        }
    }
}

impl Waiter {
    /// A future that ends with the next change, counted from this call and not from its first poll.
    pub fn change(&self) -> std::pin::Pin<Box<tokio::sync::futures::Notified<'_>>> {
        let mut change = Box::pin(self.notify.notified());
        change.as_mut().enable();
        change
    }
}

impl Notifier {
    /// Nobody waits as yet; `started` is the last position of the past.
    pub fn new(rooms: Arc<Rooms>, started: Position) -> Self {
        Self {
            rooms,
            waiting: Mutex::default(),
            account_data: Moved::new(started),
            thread_subscriptions: Moved::new(started),
            receipts: Moved::new(started),
        }
    }

    /// Registers a long poll of a user.
    pub fn wait(self: &Arc<Self>, user_id: &UserId) -> Waiter {
        let mut waiting = self.waiting.lock();
        let known = waiting.get(user_id).and_then(Weak::upgrade);
        let notify = known.unwrap_or_default();
        waiting.insert(user_id.to_owned(), Arc::downgrade(&notify));
        Waiter { notify, user_id: user_id.to_owned(), notifier: self.clone() }
    }

    /// How many users wait.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether account data of a user may have moved since a position.
    pub fn account_data_moved(&self, user_id: &UserId, since: Position) -> bool {
        self.account_data.since(user_id, since)
    }

    /// Whether thread subscriptions of a user may have moved since a position.
    pub fn thread_subscriptions_moved(&self, user_id: &UserId, since: Position) -> bool {
        self.thread_subscriptions.since(user_id, since)
    }

    /// Whether receipts of a room may have moved since a position.
    pub fn receipts_moved(&self, room_id: &RoomId, since: Position) -> bool {
        self.receipts.since(room_id, since)
    }

    /// Wakes one user.
    fn wake(&self, user_id: &UserId) {
        let waiting = self.waiting.lock();
        if let Some(notify) = waiting.get(user_id).and_then(Weak::upgrade) {
            notify.notify_waiters();
        }
    }

    /// Wakes all who are joined to a room. The cost goes with those who wait, not with the idle.
    fn wake_room(&self, room: &RoomState) {
        let waiting = self.waiting.lock();
        let wake = |notify: &Weak<Notify>| {
            if let Some(notify) = notify.upgrade() {
                notify.notify_waiters();
            }
        };
        if (waiting.len() as u64) < room.joined_count {
            waiting.iter().filter(|(user_id, _)| room.is_joined(user_id)).for_each(|(_, notify)| wake(notify));
        } else {
            room.joined().filter_map(|user_id| waiting.get(user_id)).for_each(wake);
        }
    }

    /// Wakes all who are joined to a room, as it stands now.
    fn wake_room_id(&self, room_id: &RoomId) {
        if let Some(room) = self.rooms.loaded(room_id) {
            self.wake_room(&room);
        }
    }

    /// Wakes people, and names the rooms that are to be woken with them: each once, however many of them are in it.
    fn wake_people<'a>(&self, people: impl IntoIterator<Item = &'a UserId>) -> HashSet<OwnedRoomId> {
        let mut rooms = HashSet::new();
        for user_id in people {
            self.wake(user_id);
            rooms.extend(self.rooms.loaded_of_user(user_id));
        }
        rooms
    }

    /// Notes what a commit moved.
    pub fn note(&self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::Receipt { room_id, .. } => self.receipts.set(room_id.clone(), committed.position),
                Change::AccountData { user_id, .. } => self.account_data.set(user_id.clone(), committed.position),
                Change::ThreadSubscription(user_id) => {
                    self.thread_subscriptions.set(user_id.clone(), committed.position);
                }
                _ => {}
            }
        }
    }

    /// Wakes whom a commit concerns, each room once.
    pub fn wake_all(&self, committed: &Committed) {
        let mut rooms: HashSet<&RoomId> = HashSet::new();
        let mut lists: HashSet<&UserId> = HashSet::new();
        for change in &committed.changes {
            match change {
                Change::Event(event) => {
                    rooms.insert(&event.room_id);
                    // Who is invited, removed or banned is not, or no longer, joined.
                    if event.membership.is_some()
                        && let Some(Ok(user_id)) = event.state_key.as_deref().map(<&UserId>::try_from)
                    {
                        self.wake(user_id);
                    }
                }
                Change::Receipt { room_id, user_id, .. } => {
                    rooms.insert(room_id);
                    self.wake(user_id);
                }
                Change::AccountData { user_id, .. }
                | Change::ToDevice { user_id, .. }
                | Change::ThreadSubscription(user_id) => self.wake(user_id),
                Change::DeviceList(user_id) => {
                    lists.insert(user_id);
                }
                Change::DeviceListFor { seen_by, .. } => self.wake(seen_by),
                _ => {}
            }
        }
        let shared = self.wake_people(lists);
        rooms.extend(shared.iter().map(|room_id| &**room_id));
        for room_id in rooms {
            match committed.rooms.get(room_id) {
                Some(room) => self.wake_room(room),
                None => self.wake_room_id(room_id),
            }
        }
    }

    /// Wakes whom typing or presence concerns.
    pub fn announce(&self, announcement: &Announcement<'_>) {
        match announcement {
            Announcement::Typing(room_id) => self.wake_room_id(room_id),
            Announcement::Presence(people) => {
                let shared = self.wake_people(people.iter().map(|user_id| &**user_id));
                shared.iter().for_each(|room_id| self.wake_room_id(room_id));
            }
        }
    }
}
