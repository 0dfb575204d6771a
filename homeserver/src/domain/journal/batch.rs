//! What a decision sees and does: rooms as the batch has left them so far, and rows for its end.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId,
    events::{TimelineEventType, fully_read::FullyReadEventContent, room::member::MembershipState},
};

use super::{Change, Pending, Transactions, transactions::Key};
use crate::{
    domain::{
        event::{Draft, Event, Position, Transaction},
        receipts::{self, Receipt},
        rooms::{Membership, Rooms, build, state::RoomState},
        words,
    },
    error::{ApiError, Result},
    storage::{self, commit::Rows},
};

/// One decision's view of the batch. What it does is kept if the decision answers `Ok`, else it never was.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Now.
    pub now: i64,
    position: Position,
    rooms: &'a Rooms,
    transactions: &'a Transactions,
    pending: &'a mut Pending,
    changed: HashMap<OwnedRoomId, Arc<RoomState>>,
    sent: HashMap<Key, OwnedEventId>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        now: i64,
        position: Position,
        rooms: &'a Rooms,
        transactions: &'a Transactions,
        pending: &'a mut Pending,
    ) -> Self {
        Self { now, position, rooms, transactions, pending, changed: HashMap::new(), sent: HashMap::new() }
    }

    pub(super) fn finish(self) -> Position {
        self.pending.rooms.extend(self.changed);
        self.pending.sent.extend(self.sent);
        self.position
    }

    /// The next position of the stream.
    pub fn next_position(&mut self) -> Position {
        self.position += 1;
        self.position
    }

    /// The rows of the batch, to add to.
    pub fn rows(&mut self) -> &mut Rows {
        &mut self.pending.rows
    }

    /// Says what the decision changed; events say so themselves.
    pub fn changed(&mut self, change: Change) {
        self.pending.changes.push(change);
    }

    /// A room as it stands now.
    pub fn room(&self, room_id: &RoomId) -> Option<Arc<RoomState>> {
        if self.pending.deleted.contains(room_id) {
            return None;
        }
        self.changed
            .get(room_id)
            .or_else(|| self.pending.rooms.get(room_id))
            .cloned()
            .or_else(|| self.rooms.loaded(room_id))
    }

    /// A room as it stands now, or `M_NOT_FOUND`.
    pub fn require(&self, room_id: &RoomId) -> Result<Arc<RoomState>> {
        self.room(room_id).ok_or_else(|| ApiError::not_found("There is no such room."))
    }

    /// The event that a request with this transaction id has made before.
    pub fn sent(
        &self,
        sender: &OwnedUserId,
        room_id: &RoomId,
        kind: &TimelineEventType,
        by: &Transaction,
    ) -> Option<OwnedEventId> {
        let key = key(sender, room_id, kind, by);
        self.pending.sent.get(&key).cloned().or_else(|| self.transactions.get(&key))
    }

    /// Where a draft was a delayed event, deletes its row.
    pub fn waits_no_more(&mut self, draft: &Draft) {
        if let Some(delay_id) = &draft.delay_id {
            self.rows().statement(storage::delayed_events::delete(delay_id));
        }
    }

    /// Adds an event to a room, by the authorization rules of the room's version.
    pub fn append(&mut self, room_id: &RoomId, mut draft: Draft) -> Result<Arc<Event>> {
        let room = self.require(room_id)?;
        let position = self.next_position();
        let words = draft.words.take().or_else(|| words::of_event(&draft.kind, &draft.content));
        let event = Arc::new(build::next_event(&room, draft, self.now, position)?);
        self.take(&room, event.clone())?;
        if let Some(words) = words {
            self.rows().words(position, format!("{words} {}", words::of_room(room_id)));
        }
        Ok(event)
    }

    /// Makes a room from its create event.
    pub fn create_room(
        &mut self,
        version: &RoomVersionId,
        room_id: OwnedRoomId,
        draft: Draft,
        is_public: bool,
    ) -> Result<Arc<Event>> {
        let position = self.next_position();
        let mut at = draft.origin_server_ts.unwrap_or(self.now);
        let (room, event) = loop {
            let draft = Draft { origin_server_ts: Some(at), ..draft.clone() };
            let (room, event) = build::create_event(version, room_id.clone(), draft, self.now, position)?;
            if self.room(&room.room_id).is_none() {
                break (room, event);
            }
            // A room's id is the hash of its create event, and two alike in one millisecond would be one room.
            at += 1;
        };
        let row = storage::rooms::insert(&room.room_id, &room.version, &event.sender, self.now, is_public);
        self.rows().statement(row);
        let event = Arc::new(event);
        self.take(&Arc::new(room), event.clone())?;
        Ok(event)
    }

    fn take(&mut self, room: &Arc<RoomState>, event: Arc<Event>) -> Result<()> {
        self.rows().event(&event)?;
        if let Some(by) = &event.transaction {
            self.sent.insert(key(&event.sender, &event.room_id, &event.kind, by), event.event_id.clone());
        }
        if let (Some(key), Some(membership)) = (&event.state_key, &event.membership)
            && let Ok(user_id) = OwnedUserId::try_from(key.as_str())
        {
            let membership = Membership { membership: membership.clone(), position: event.position, forgotten: false };
            self.pending.memberships.push((user_id, event.room_id.clone(), membership));
        }
        let mut room = RoomState::clone(room);
        room.apply(&event);
        self.changed.insert(room.room_id.clone(), Arc::new(room));
        self.changed(Change::Event(event));
        Ok(())
    }

    /// Empties an event that a redaction has named, and what the event that replaced it repeats of it. Whether it may is
    /// the caller's to check.
    pub fn redact(&mut self, target: &Event, redaction: &OwnedEventId) -> Result<()> {
        let mut room = RoomState::clone(&*self.require(&target.room_id)?);
        let emptied = Arc::new(build::redacted(&room, target, redaction)?);
        self.rows().statement(storage::events::redact(&emptied));
        if words::is_searched(&target.kind) {
            self.rows().statement(storage::search::forget(target.position));
        }
        if let Some(statement) = storage::events::redact_repetition(&emptied) {
            self.rows().statement(statement);
        }
        room.replace(&emptied);
        self.changed.insert(room.room_id.clone(), Arc::new(room));
        self.changed(Change::Redacted(emptied));
        Ok(())
    }

    /// Sets a receipt, unless this batch has already set one that is ahead; what was committed before is the caller's to
    /// look at. The receipt's own position is given here. A read marker is account data of its room too.
    pub fn receipt(&mut self, room_id: &RoomId, mut receipt: Receipt) -> Result<()> {
        let key = (room_id.to_owned(), receipt.user_id.clone(), receipt.kind, receipt.thread.clone());
        if self.pending.receipts.get(&key).is_some_and(|ahead| *ahead >= receipt.event_position) {
            return Ok(());
        }
        self.pending.receipts.insert(key, receipt.event_position);
        receipt.position = self.next_position();
        self.rows().receipt(storage::receipts::row(room_id, &receipt));
        if receipt.kind == receipts::Kind::FullyRead {
            let content = serde_json::to_string(&FullyReadEventContent::new(receipt.event_id.clone()))?;
            let kind = receipt.kind.as_str();
            let (user_id, position) = (receipt.user_id.clone(), receipt.position);
            self.rows().account_data([
                (&*user_id).into(),
                room_id.into(),
                kind.into(),
                content.into(),
                position.into(),
            ]);
            self.changed(Change::AccountData { user_id, room_id: Some(room_id.to_owned()) });
        }
        self.changed(Change::Receipt {
            room_id: room_id.to_owned(),
            user_id: receipt.user_id.clone(),
            public: receipt.kind == receipts::Kind::Read,
            receipt: Arc::new(receipt),
        });
        Ok(())
    }

    /// Lets a user forget a room that they have left.
    pub fn forget(&mut self, user_id: &OwnedUserId, room_id: &RoomId, left: Membership) {
        self.rows().statement(storage::rooms::forget(user_id, room_id));
        let left = Membership { forgotten: true, ..left };
        debug_assert!(left.membership != MembershipState::Join, "who is joined has nothing to forget");
        self.pending.memberships.push((user_id.clone(), room_id.to_owned(), left));
    }
}

fn key(sender: &OwnedUserId, room_id: &RoomId, kind: &TimelineEventType, by: &Transaction) -> Key {
    Key {
        user_id: sender.clone(),
        device_id: by.device_id.clone(),
        request: (room_id.to_string(), kind.to_string(), by.txn_id.to_string()),
    }
}
