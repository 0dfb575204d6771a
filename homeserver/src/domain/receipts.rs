//! How far everybody has read: receipts and read markers.
//! <https://spec.matrix.org/v1.18/client-server-api/#receipts>

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::receipt::{Receipt as ReceiptData, ReceiptEventContent, ReceiptThread, ReceiptType},
};

use super::{
    cache::Turns,
    event::Position,
    journal::{Change, Committed, Journal},
    rooms::Rooms,
    thread,
};
pub use crate::storage::receipts::{Kind, Receipt};
use crate::{
    clock::to_matrix,
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// A receipt that somebody asks to set.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What it says.
    pub kind: Kind,
    /// For which thread.
    pub thread: ReceiptThread,
    /// Up to which event.
    pub event_id: OwnedEventId,
}

/// How far a person has read a room: the positions of the events that the receipts name, zero for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadUpTo {
    /// Whatever the thread.
    pub unthreaded: Position,
    /// The main timeline.
    pub main: Position,
    /// Threads, by their roots.
    pub threads: BTreeMap<OwnedEventId, Position>,
}

impl ReadUpTo {
    /// How far a thread (`None` is the main timeline) has been read.
    pub fn of(&self, thread: Option<&OwnedEventId>) -> Position {
        let own = thread.map_or(self.main, |root| self.threads.get(root).copied().unwrap_or(0));
        own.max(self.unthreaded)
    }
}

/// The receipts of one room.
#[derive(Debug, Default)]
struct InRoom {
    /// Whether what the database has is in here.
    complete: bool,
    by_user: HashMap<OwnedUserId, Vec<Arc<Receipt>>>,
    by_position: BTreeMap<Position, Arc<Receipt>>,
}

impl InRoom {
    /// Takes a receipt in unless a later one is there.
    fn take(&mut self, receipt: &Arc<Receipt>) {
        let own = self.by_user.entry(receipt.user_id.clone()).or_default();
        match own.iter_mut().find(|held| held.kind == receipt.kind && held.thread == receipt.thread) {
            Some(held) if held.position >= receipt.position => return,
            Some(held) => {
                self.by_position.remove(&held.position);
                *held = receipt.clone();
            }
            None => own.push(receipt.clone()),
        }
        self.by_position.insert(receipt.position, receipt.clone());
    }

    fn event_position(&self, user_id: &UserId, kind: Kind, thread: &ReceiptThread) -> Option<Position> {
        let held = self.by_user.get(user_id)?.iter().find(|held| held.kind == kind && held.thread == *thread)?;
        Some(held.event_position)
    }
}

/// Receipts, those of the rooms in use in memory.
#[derive(Debug)]
pub struct Receipts {
    db: Db,
    rooms: RwLock<HashMap<OwnedRoomId, InRoom>>,
    loading: Turns,
}

impl Receipts {
    /// Nothing loaded as yet.
    pub fn new(db: Db) -> Self {
        Self { db, rooms: RwLock::default(), loading: Turns::default() }
    }

    /// Makes sure that a room's receipts are in memory.
    async fn load(&self, room_id: &RoomId) -> Result<()> {
        let loaded = || self.rooms.read().get(room_id).is_some_and(|room| room.complete);
        if loaded() {
            return Ok(());
        }
        let _turn = self.loading.take(room_id).await;
        if loaded() {
            return Ok(());
        }
        // From here on commits are taken in, and of two receipts the later one counts: so none is lost between the
        // reading and the keeping.
        self.rooms.write().entry(room_id.to_owned()).or_default();
        let stored = storage::receipts::of_room(&self.db, room_id).await?;
        let mut rooms = self.rooms.write();
        let room = rooms.entry(room_id.to_owned()).or_default();
        for receipt in stored {
            room.take(&Arc::new(receipt));
        }
        room.complete = true;
        Ok(())
    }

    /// Sets receipts of a member. One that would move backwards is left as it is.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN` for one who is not in the room, `M_NOT_FOUND` for an event that is not, `M_INVALID_PARAM` where the
    /// event is not of the thread.
    pub async fn set(
        self: &Arc<Self>,
        journal: &Journal,
        rooms: &Rooms,
        user_id: &UserId,
        room_id: &RoomId,
        marks: Vec<Mark>,
    ) -> Result<()> {
        let room = rooms.joined(room_id, user_id).await?;
        self.load(room_id).await?;
        let mut ahead = Vec::with_capacity(marks.len());
        for mark in marks {
            let event = thread::find(&self.db, &room, &mark.event_id)
                .await?
                .ok_or_else(|| ApiError::not_found("There is no such event in this room."))?;
            if !thread::holds(&self.db, &room, &event, &mark.thread).await? {
                return Err(ApiError::invalid_param("The event does not belong to the thread of thread_id."));
            }
            if self.is_ahead(room_id, user_id, mark.kind, &mark.thread, event.position) {
                ahead.push((mark, event.position));
            }
        }
        if ahead.is_empty() {
            return Ok(());
        }
        let (this, user_id, room_id) = (self.clone(), user_id.to_owned(), room_id.to_owned());
        journal
            .decide(&[], move |batch| {
                for (Mark { kind, thread, event_id }, event_position) in ahead {
                    // What was committed since the look above counts too, and what this batch has decided.
                    if this.is_ahead(&room_id, &user_id, kind, &thread, event_position) {
                        let receipt = Receipt {
                            user_id: user_id.clone(),
                            kind,
                            thread,
                            event_id,
                            event_position,
                            ts: batch.now,
                            position: 0,
                        };
                        batch.receipt(&room_id, receipt)?;
                    }
                }
                Ok(())
            })
            .await
    }

    fn is_ahead(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
        kind: Kind,
        thread: &ReceiptThread,
        position: Position,
    ) -> bool {
        let rooms = self.rooms.read();
        let held = rooms.get(room_id).and_then(|room| room.event_position(user_id, kind, thread));
        held.is_none_or(|held| held < position)
    }

    /// The contents of the `m.receipt` events that are new to a viewer since a position, one a thread: a content can
    /// hold only one receipt of a user for an event. Private receipts go to their owner alone. Nothing is asked of the
    /// database once the room's receipts are in memory.
    pub async fn since(&self, room_id: &RoomId, since: Position, viewer: &UserId) -> Result<Vec<ReceiptEventContent>> {
        self.load(room_id).await?;
        let rooms = self.rooms.read();
        let Some(room) = rooms.get(room_id) else { return Ok(Vec::new()) };
        let new = room.by_position.range(since.saturating_add(1)..).map(|(_, receipt)| receipt);
        Ok(contents(new.filter(|receipt| receipt.kind == Kind::Read || receipt.user_id == viewer)))
    }

    /// Whether [`Receipts::since`] would have anything, as far as memory knows; a room that is not in memory may.
    pub fn may_have_since(&self, room_id: &RoomId, since: Position) -> bool {
        let rooms = self.rooms.read();
        rooms.get(room_id).is_none_or(|room| {
            !room.complete || room.by_position.last_key_value().is_some_and(|(position, _)| *position > since)
        })
    }

    /// How far a person has read a room: of `m.read` and `m.read.private` the one that is ahead.
    pub async fn read_up_to(&self, room_id: &RoomId, user_id: &UserId) -> Result<ReadUpTo> {
        self.load(room_id).await?;
        let mut read = ReadUpTo::default();
        let rooms = self.rooms.read();
        let own = rooms.get(room_id).and_then(|room| room.by_user.get(user_id));
        for receipt in own.into_iter().flatten().filter(|receipt| receipt.kind != Kind::FullyRead) {
            let place = match &receipt.thread {
                ReceiptThread::Main => &mut read.main,
                ReceiptThread::Thread(root) => read.threads.entry(root.clone()).or_default(),
                _ => &mut read.unthreaded,
            };
            *place = (*place).max(receipt.event_position);
        }
        Ok(read)
    }

    /// Takes in what a commit has set. Rooms that are not in memory are left to be loaded.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::Receipt { room_id, receipt, .. } => {
                    if let Some(room) = self.rooms.write().get_mut(room_id) {
                        room.take(receipt);
                    }
                }
                Change::RoomDeleted(room_id) => drop(self.rooms.write().remove(room_id)),
                _ => {}
            }
        }
    }
}

/// Receipts as contents of `m.receipt`, one a thread; read markers are left out.
pub fn contents<'a>(receipts: impl Iterator<Item = &'a Arc<Receipt>>) -> Vec<ReceiptEventContent> {
    let mut contents: Vec<(&ReceiptThread, ReceiptEventContent)> = Vec::new();
    for receipt in receipts {
        let kind = match receipt.kind {
            Kind::Read => ReceiptType::Read,
            Kind::Private => ReceiptType::ReadPrivate,
            Kind::FullyRead => continue,
        };
        let content = match contents.iter().position(|(thread, _)| **thread == receipt.thread) {
            Some(index) => &mut contents[index].1,
            None => {
                contents.push((&receipt.thread, ReceiptEventContent(BTreeMap::new())));
                &mut contents.last_mut().expect("one was just added").1
            }
        };
        let mut data = ReceiptData::new(to_matrix(receipt.ts));
        data.thread = receipt.thread.clone();
        content
            .0
            .entry(receipt.event_id.clone())
            .or_default()
            .entry(kind)
            .or_default()
            .insert(receipt.user_id.clone(), data);
    }
    contents.into_iter().map(|(_, content)| content).collect()
}

#[cfg(test)]
mod tests {
    use ruma::{owned_event_id, user_id};

    use super::*;

    fn receipt(user: &UserId, kind: Kind, thread: ReceiptThread, event_position: Position) -> Arc<Receipt> {
        let position = 100 + event_position;
        let event_id = owned_event_id!("$event");
        Arc::new(Receipt { user_id: user.to_owned(), kind, thread, event_id, event_position, ts: 5, position })
    }

    #[test]
    fn a_later_receipt_takes_the_place_of_an_earlier_one_of_its_thread() {
        let alice = user_id!("@alice:x");
        let mut room = InRoom::default();
        room.take(&receipt(alice, Kind::Read, ReceiptThread::Unthreaded, 3));
        room.take(&receipt(alice, Kind::Read, ReceiptThread::Main, 2));
        room.take(&receipt(alice, Kind::Read, ReceiptThread::Unthreaded, 1));
        assert_eq!(room.event_position(alice, Kind::Read, &ReceiptThread::Unthreaded), Some(3));
        assert_eq!(room.event_position(alice, Kind::Read, &ReceiptThread::Main), Some(2));
        assert_eq!(room.event_position(alice, Kind::Private, &ReceiptThread::Main), None);
        assert_eq!(room.by_position.len(), 2);
    }

    #[test]
    fn threads_do_not_hide_each_other() {
        let alice = user_id!("@alice:x");
        let receipts = [
            receipt(alice, Kind::Read, ReceiptThread::Unthreaded, 3),
            receipt(alice, Kind::Read, ReceiptThread::Main, 4),
            receipt(alice, Kind::FullyRead, ReceiptThread::Unthreaded, 5),
        ];
        let contents = contents(receipts.iter());
        let json = serde_json::to_value(&contents).unwrap();
        let expected = serde_json::json!([
            { "$event": { "m.read": { "@alice:x": { "ts": 5 } } } },
            { "$event": { "m.read": { "@alice:x": { "ts": 5, "thread_id": "main" } } } },
        ]);
        assert_eq!(json, expected);
    }

    #[test]
    fn the_unthreaded_receipt_covers_every_thread() {
        let root = owned_event_id!("$root");
        let read = ReadUpTo { unthreaded: 5, main: 7, threads: [(root.clone(), 3)].into() };
        assert_eq!(read.of(None), 7);
        assert_eq!(read.of(Some(&root)), 5);
        assert_eq!(read.of(Some(&owned_event_id!("$other"))), 5);
    }
}
