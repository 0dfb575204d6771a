//! Unread counts: how many notifications wait for a person in a room.
//! <https://spec.matrix.org/v1.18/client-server-api/#receiving-notifications>
//!
//! They are computed when a person syncs, from where they were last counted, and never when a message is sent: who is
//! idle costs nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;

use super::{
    cache::{Cache, Turns},
    event::{Event, Position},
    ignored::{Ignored, IgnoredUsers},
    journal::{Change, Committed},
    moved::MovedRooms,
    push::{self, Push, Verdict},
    receipts::{ReadUpTo, Receipts},
    rooms::{Rooms, state::RoomState},
    thread,
};
use crate::{
    error::Result,
    storage::{self, db::Db},
};

/// Events that one count looks back over at most. A client shows no other number past a thousand.
const MOST: i64 = 1_000;
/// Rooms whose counts are held in memory; past it all are forgotten and counted again as they are asked for.
const MAX_IN_MEMORY: usize = 20_000;
/// People whose notifications in all rooms are held in memory.
const MAX_SUMS: usize = 20_000;
/// Rooms whose last events are held for the next one who counts there.
const MAX_TAILS: usize = 8;
/// Notifications of a thread that are held one by one, so that a receipt among them needs no counting.
const KEPT: usize = 128;

/// Notifications, and those of them that are highlighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `notification_count`
    pub notifications: u64,
    /// `highlight_count`
    pub highlights: u64,
}

/// Notifications in one thread.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// The last ones: position, and whether highlighted.
    last: VecDeque<(Position, bool)>,
    /// How many were before those, from which position up to which.
    before: Counts,
    before_from: Position,
    before_to: Position,
}

impl Tally {
    fn add(&mut self, position: Position, verdict: Verdict) {
        self.last.push_back((position, verdict.highlight));
        if self.last.len() > KEPT
            && let Some((position, highlight)) = self.last.pop_front()
        {
            if self.before.notifications == 0 {
                self.before_from = position;
            }
            self.before.notifications += 1;
            self.before.highlights += u64::from(highlight);
            self.before_to = position;
        }
    }

    /// Takes off what is read up to a position. `false` if it is not known how much that is.
    fn read(&mut self, up_to: Position) -> bool {
        if up_to >= self.before_to {
            self.before = Counts::default();
        } else if self.before.notifications > 0 && up_to >= self.before_from {
            return false;
        }
        while self.last.front().is_some_and(|(position, _)| *position <= up_to) {
            self.last.pop_front();
        }
        true
    }

    fn counts(&self) -> Counts {
        Counts {
            notifications: self.before.notifications + self.last.len() as u64,
            highlights: self.before.highlights + self.last.iter().filter(|(_, highlight)| *highlight).count() as u64,
        }
    }
}

/// What is unread in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// In the main timeline.
    pub main: Counts,
    /// In threads, by their roots; a thread without any is not listed.
    pub threads: BTreeMap<OwnedEventId, Counts>,
}

impl Unread {
    /// In the whole room: for clients that do not ask for threads (`unread_thread_notifications`).
    pub fn total(&self) -> Counts {
        self.threads.values().fold(self.main, |sum, thread| Counts {
            notifications: sum.notifications + thread.notifications,
            highlights: sum.highlights + thread.highlights,
        })
    }
}

/// A person's count in a room.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// The events up to here are counted.
    up_to: Position,
    main: Tally,
    threads: BTreeMap<OwnedEventId, Tally>,
    /// Whose events were left out.
    ignored: Arc<Ignored>,
}

impl Counted {
    fn of(&mut self, thread: Option<OwnedEventId>) -> &mut Tally {
        match thread {
            None => &mut self.main,
            Some(root) => self.threads.entry(root).or_default(),
        }
    }

    /// Takes off what has been read. `false` if memory does not go back so far.
    fn read(&mut self, read: &ReadUpTo) -> bool {
        let known = self.main.read(read.of(None))
            & self.threads.iter_mut().fold(true, |known, (root, tally)| known & tally.read(read.of(Some(root))));
        self.threads.retain(|_, tally| tally.counts() != Counts::default());
        known
    }

    fn unread(&self) -> Unread {
        let threads = self.threads.iter().map(|(root, tally)| (root.clone(), tally.counts()));
        Unread { main: self.main.counts(), threads: threads.filter(|(_, counts)| counts.notifications > 0).collect() }
    }
}

/// The last events of a room that were read from the database. When everybody comes back at once they are read once.
#[derive(Debug)]
struct Tail {
    /// Whoever counts from here on, or from later, finds all that there is to count.
    since: Position,
    /// The last position that is in.
    up_to: Position,
    /// Oldest first.
    events: Vec<Arc<Event>>,
}

impl Tail {
    fn after(&self, after: Position, up_to: Position) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter().filter(move |event| (after + 1..=up_to).contains(&event.position))
    }
}

/// A person's notifications in all rooms.
#[derive(Debug)]
struct Sum {
    /// What happened up to here is in.
    up_to: Position,
    /// Those of each room that has any.
    by_room: HashMap<OwnedRoomId, u64>,
    /// Whose events were left out.
    ignored: Arc<Ignored>,
}

/// Everybody's unread counts.
#[derive(Debug)]
pub struct UnreadCounts {
    db: Db,
    push: Arc<Push>,
    ignored: Arc<IgnoredUsers>,
    receipts: Arc<Receipts>,
    counted: Mutex<HashMap<OwnedRoomId, HashMap<OwnedUserId, Counted>>>,
    sums: Cache<OwnedUserId, Sum>,
    tails: Cache<OwnedRoomId, Tail>,
    reading: Turns,
    /// Counts what makes counts stale, so that one made meanwhile is not kept.
    generation: AtomicU64,
}

impl UnreadCounts {
    /// Nothing counted as yet.
    pub fn new(db: Db, push: Arc<Push>, ignored: Arc<IgnoredUsers>, receipts: Arc<Receipts>) -> Self {
        Self {
            db,
            push,
            ignored,
            receipts,
            counted: Mutex::default(),
            sums: Cache::new(MAX_SUMS),
            tails: Cache::new(MAX_TAILS),
            reading: Turns::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// What is unread for a member in a room as it stands.
    pub async fn of(&self, room: &RoomState, user_id: &UserId) -> Result<Unread> {
        let generation = self.generation.load(Ordering::Acquire);
        let read = self.receipts.read_up_to(&room.room_id, user_id).await?;
        let ignored = self.ignored.of(user_id).await?;
        let held = {
            let mut all = self.counted.lock();
            let held = all.get_mut(&room.room_id).and_then(|members| members.get_mut(user_id));
            // Who ignores other people than before is counted anew.
            let held = held.filter(|held| held.ignored == ignored);
            match held.and_then(|held| held.read(&read).then_some(held)) {
                Some(held) if held.up_to >= room.position => return Ok(held.unread()),
                held => held.cloned(),
            }
        };
        let mut counted = match held {
            Some(held) => held,
            None => Counted { up_to: self.beginning(room, user_id, &read).await?, ignored, ..Counted::default() },
        };
        let events = self.after(room, counted.up_to).await?;
        if !events.is_empty() {
            self.count(room, user_id, &read, &events, &mut counted).await?;
        }
        counted.up_to = counted.up_to.max(room.position);
        let unread = counted.unread();
        self.keep(&room.room_id, user_id, counted, generation);
        Ok(unread)
    }

    /// How many notifications a person has in all of their rooms; `up_to` is the position that was told before. Where
    /// nothing moved since they were last summed up nothing is looked at.
    pub async fn everywhere(
        &self,
        rooms: &Rooms,
        moved: &MovedRooms,
        user_id: &UserId,
        up_to: Position,
    ) -> Result<u64> {
        let begun = self.sums.begin();
        let of_user = rooms.of_user(user_id).await?;
        let ignored = self.ignored.of(user_id).await?;
        let held = self.sums.peek(user_id).filter(|held| held.ignored == ignored);
        let known = held.and_then(|held| Some((held.by_room.clone(), moved.among(&of_user, held.up_to)?)));
        let (mut by_room, look_at) =
            known.unwrap_or_else(|| (HashMap::new(), of_user.keys().cloned().collect::<HashSet<_>>()));
        for room_id in look_at {
            let is_joined = of_user.get(&room_id).is_some_and(|here| here.membership == MembershipState::Join);
            let unread = match rooms.get(&room_id).await? {
                Some(room) if is_joined => self.of(&room, user_id).await?.total().notifications,
                _ => 0,
            };
            by_room.insert(room_id, unread);
        }
        by_room.retain(|_, unread| *unread > 0);
        let sum: u64 = by_room.values().sum();
        self.sums.keep(begun, [(user_id.to_owned(), Arc::new(Sum { up_to, by_room, ignored }))]);
        Ok(sum)
    }

    async fn count(
        &self,
        room: &RoomState,
        user_id: &UserId,
        read: &ReadUpTo,
        events: &[Arc<Event>],
        counted: &mut Counted,
    ) -> Result<()> {
        let rules = self.push.rules(user_id).await?;
        let context = rules.context(room, user_id);
        for event in events {
            if event.sender == user_id {
                if event.state_key.is_none() {
                    // A person's own message is as good as a receipt in its thread.
                    let thread = thread::root_of(&self.db, room, event).await?;
                    *counted.of(thread) = Tally::default();
                } else if joins(event) {
                    // What was before they joined is no news.
                    let (up_to, ignored) = (counted.up_to, counted.ignored.clone());
                    *counted = Counted { up_to, ignored, ..Counted::default() };
                }
                continue;
            }
            if counted.ignored.has(&event.sender) {
                continue;
            }
            let verdict = push::evaluate(&rules.set, event, &context);
            if !verdict.notify || event.redacted_by.is_some() {
                continue;
            }
            let thread = thread::root_of(&self.db, room, event).await?;
            if event.position > read.of(thread.as_ref()) {
                counted.of(thread).add(event.position, verdict);
            }
        }
        Ok(())
    }

    /// Where to begin counting: whatever is before has been read, or was before the person joined.
    async fn beginning(&self, room: &RoomState, user_id: &UserId, read: &ReadUpTo) -> Result<Position> {
        let own = room.get(&StateEventType::RoomMember, user_id.as_str());
        let joined = own.filter(|event| joins(event)).map_or(0, |event| event.position);
        if joined >= read.main {
            return Ok(joined.max(read.unthreaded));
        }
        // A receipt of the main timeline says nothing of threads; mostly there are none.
        let threads = read.main > read.unthreaded
            && storage::events::has_threads(&self.db, &room.room_id, read.unthreaded, read.main).await?;
        Ok(if threads { read.unthreaded.max(joined) } else { read.unthreaded.max(read.main) })
    }

    /// The room's events after a position: from memory where it goes back so far, and at most the last thousand.
    async fn after(&self, room: &RoomState, after: Position) -> Result<Vec<Arc<Event>>> {
        // From the end: of the few that are new mostly, and not of all that are held.
        let from = |position: Position| {
            let newest_first = room.recent.iter().rev().take_while(|event| event.position > position);
            let mut events: Vec<_> = newest_first.cloned().collect();
            events.reverse();
            events
        };
        if after >= room.recent_since {
            return Ok(from(after));
        }
        let tail = self.tail(room, after).await?;
        let mut events: Vec<_> = tail.after(after, room.position).cloned().collect();
        events.extend(from(tail.up_to));
        Ok(events)
    }

    /// The room's events after a position and up to those in memory.
    async fn tail(&self, room: &RoomState, after: Position) -> Result<Arc<Tail>> {
        let _turn = self.reading.take(&room.room_id).await;
        let held = self.tails.peek(&room.room_id);
        if let Some(held) = held.filter(|held| held.since <= after && held.up_to >= room.recent_since) {
            return Ok(held);
        }
        let begun = self.tails.begin();
        let mut events = storage::events::backwards(&self.db, &room.room_id, after, room.position, MOST).await?;
        events.reverse();
        // No count goes further back than this.
        let since = if events.len() as i64 == MOST { Position::MIN } else { after };
        let tail = Arc::new(Tail { since, up_to: room.position, events });
        self.tails.keep(begun, [(room.room_id.clone(), tail.clone())]);
        Ok(tail)
    }

    fn keep(&self, room_id: &OwnedRoomId, user_id: &UserId, counted: Counted, generation: u64) {
        let mut all = self.counted.lock();
        if self.generation.load(Ordering::Acquire) != generation {
            return;
        }
        if all.len() >= MAX_IN_MEMORY {
            all.clear();
        }
        let members = all.entry(room_id.clone()).or_default();
        // Another sync of the same person may have counted further.
        match members.get_mut(user_id) {
            Some(held) if held.up_to > counted.up_to => {}
            Some(held) => *held = counted,
            None => drop(members.insert(user_id.to_owned(), counted)),
        }
    }

    /// Forgets the counts of rooms where an event was redacted: it may have been counted.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            let room_id = match change {
                Change::Redacted(event) => &event.room_id,
                Change::RoomDeleted(room_id) => room_id,
                _ => continue,
            };
            let mut all = self.counted.lock();
            self.generation.fetch_add(1, Ordering::AcqRel);
            all.remove(room_id);
            self.tails.evict(room_id);
        }
    }
}

/// Whether a member event is one's joining, and not a change of one's profile.
pub(super) fn joins(event: &Event) -> bool {
    #[derive(Deserialize)]
    struct Before {
        membership: MembershipState,
    }
    let before = event.prev_content.as_ref().and_then(|content| serde_json::from_str::<Before>(content.get()).ok());
    event.membership == Some(MembershipState::Join) && before.is_none_or(|b| b.membership != MembershipState::Join)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTIFY: Verdict = Verdict { notify: true, highlight: false };
    const HIGHLIGHT: Verdict = Verdict { notify: true, highlight: true };

    fn counts(notifications: u64, highlights: u64) -> Counts {
        Counts { notifications, highlights }
    }

    #[test]
    fn a_receipt_takes_off_what_is_before_it() {
        let mut tally = Tally::default();
        for position in 1..=10 {
            tally.add(position, if position == 4 { HIGHLIGHT } else { NOTIFY });
        }
        assert_eq!(tally.counts(), counts(10, 1));
        assert!(tally.read(3));
        assert_eq!(tally.counts(), counts(7, 1));
        assert!(tally.read(4));
        assert_eq!(tally.counts(), counts(6, 0));
        assert!(tally.read(2), "an earlier receipt changes nothing");
        assert_eq!(tally.counts(), counts(6, 0));
        assert!(tally.read(100));
        assert_eq!(tally.counts(), Counts::default());
    }

    #[test]
    fn far_back_only_the_sum_is_kept() {
        let mut tally = Tally::default();
        let many = KEPT as i64 + 50;
        for position in 1..=many {
            tally.add(position, NOTIFY);
        }
        assert_eq!(tally.counts(), counts(many as u64, 0));
        assert!(tally.read(0), "nothing was read");
        assert!(!tally.clone().read(20), "it is not known what is left");
        assert!(tally.read(50));
        assert_eq!(tally.counts(), counts(KEPT as u64, 0));
    }

    #[test]
    fn threads_are_counted_apart() {
        let root: OwnedEventId = ruma::owned_event_id!("$root");
        let mut counted = Counted::default();
        counted.of(None).add(1, NOTIFY);
        counted.of(Some(root.clone())).add(2, HIGHLIGHT);
        counted.of(None).add(3, NOTIFY);
        assert_eq!(counted.unread().total(), counts(3, 1));
        assert!(counted.read(&ReadUpTo { main: 3, ..ReadUpTo::default() }));
        assert_eq!(counted.unread().main, Counts::default());
        assert_eq!(counted.unread().threads[&root], counts(1, 1));
        assert!(counted.read(&ReadUpTo { unthreaded: 3, ..ReadUpTo::default() }));
        assert_eq!(counted.unread(), Unread::default());
    }
}
