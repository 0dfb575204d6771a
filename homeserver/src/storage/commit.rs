//! The rows of one batch of the journal, written one multi-row statement a table: a statement costs two thread hops
//! in the SQLite driver and a round trip on PostgreSQL, so their number decides the rate. Knows rows, not rooms.

use super::db::{InsertMany, Query, Tx, Value, sql};
use crate::event::Event;

/// Rows that wait for the end of the batch.
#[derive(Debug)]
pub struct Rows {
    events: InsertMany,
    words: InsertMany,
    state: InsertMany,
    memberships: InsertMany,
    receipts: InsertMany,
    account_data: InsertMany,
    to_device: InsertMany,
    to_device_requests: InsertMany,
    delivered: Vec<i64>,
    statements: Vec<Query>,
}

/// How many rows there were at a moment, to go back to it.
#[derive(Clone, Copy, Debug)]
pub struct Mark([usize; 10]);

impl Default for Rows {
    fn default() -> Self {
        Self {
            events: InsertMany::new(
                "INSERT INTO events (position, event_id, room_id, sender, type, state_key, origin_server_ts, json, graph, \
                 replaces, prev_content, device_id, txn_id, relates_to, rel_type)",
                15,
                "",
            ),
            words: InsertMany::new("INSERT INTO message_words (rowid, words)", 2, ""),
            state: InsertMany::upsert(
                "INSERT INTO current_state (room_id, type, state_key, position)",
                4,
                3,
                "ON CONFLICT (room_id, type, state_key) DO UPDATE SET position = excluded.position",
            ),
            memberships: InsertMany::upsert(
                "INSERT INTO memberships (user_id, room_id, membership, position, forgotten)",
                5,
                2,
                "ON CONFLICT (user_id, room_id) DO UPDATE SET membership = excluded.membership, \
                 position = excluded.position, forgotten = excluded.forgotten",
            ),
            receipts: InsertMany::upsert(
                "INSERT INTO receipts (room_id, user_id, receipt_type, thread_id, event_id, event_position, ts, position)",
                8,
                4,
                "ON CONFLICT (room_id, user_id, receipt_type, thread_id) DO UPDATE SET event_id = excluded.event_id, \
                 event_position = excluded.event_position, ts = excluded.ts, position = excluded.position",
            ),
            account_data: InsertMany::upsert(
                "INSERT INTO account_data (user_id, room_id, type, content, position)",
                5,
                3,
                "ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position",
            ),
            to_device: InsertMany::new(
                "INSERT INTO to_device (position, user_id, device_id, sender, type, content)",
                6,
                "",
            ),
            to_device_requests: InsertMany::upsert(
                "INSERT INTO to_device_requests (user_id, device_id, type, txn_id, sent_at)",
                5,
                4,
                "ON CONFLICT (user_id, device_id, type, txn_id) DO NOTHING",
            ),
            delivered: Vec::new(),
            statements: Vec::new(),
        }
    }
}

impl Rows {
    /// An event, and where it is a state event, the state it sets.
    pub fn event(&mut self, event: &Event) -> serde_json::Result<()> {
        self.events.row([
            event.position.into(),
            (&*event.event_id).into(),
            (&*event.room_id).into(),
            (&*event.sender).into(),
            event.kind.to_string().into(),
            event.state_key.clone().into(),
            event.origin_server_ts.into(),
            event.json.to_string().into(),
            serde_json::to_string(&event.graph)?.into(),
            event.replaces.clone().into(),
            event.prev_content.as_ref().map(|content| content.get().to_owned()).into(),
            event.transaction.as_ref().map(|t| t.device_id.clone()).into(),
            event.transaction.as_ref().map(|t| t.txn_id.to_string()).into(),
            event.relation.as_ref().map(|r| r.event_id.clone()).into(),
            event.relation.as_ref().map(|r| r.rel_type.clone()).into(),
        ]);
        if let Some(key) = &event.state_key {
            self.state.row([
                (&*event.room_id).into(),
                event.kind.to_string().into(),
                key.into(),
                event.position.into(),
            ]);
            if let Some(membership) = &event.membership {
                self.memberships.row([
                    key.into(),
                    (&*event.room_id).into(),
                    membership.to_string().into(),
                    event.position.into(),
                    false.into(),
                ]);
            }
        }
        Ok(())
    }

    /// The words by which the event at a position is found, apart by spaces.
    pub fn words(&mut self, position: i64, words: String) {
        self.words.row([position.into(), words.into()]);
    }

    /// A receipt: room, user, type, thread (empty for none), event, that event's position, time, position.
    pub fn receipt(&mut self, row: [Value; 8]) {
        self.receipts.row(row);
    }

    /// Account data: user, room (empty for global), type, content, position.
    pub fn account_data(&mut self, row: [Value; 5]) {
        self.account_data.row(row);
    }

    /// A message to a device: position, user, device, sender, type, content.
    pub fn to_device(&mut self, row: [Value; 6]) {
        self.to_device.row(row);
    }

    /// A request that sent messages to devices: user, device, type, transaction id, time.
    pub fn to_device_request(&mut self, row: [Value; 5]) {
        self.to_device_requests.row(row);
    }

    /// Messages to devices that have arrived: they are deleted.
    pub fn to_device_delivered(&mut self, positions: impl IntoIterator<Item = i64>) {
        self.delivered.extend(positions);
    }

    /// Any other statement; runs after the rows.
    pub fn statement(&mut self, query: Query) {
        self.statements.push(query);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.mark().0.iter().all(|&n| n == 0)
    }

    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark([
            self.events.len(),
            self.words.len(),
            self.state.len(),
            self.memberships.len(),
            self.receipts.len(),
            self.account_data.len(),
            self.to_device.len(),
            self.to_device_requests.len(),
            self.delivered.len(),
            self.statements.len(),
        ])
    }

    /// Forgets all that came after a moment.
    pub fn back_to(&mut self, mark: Mark) {
        let Mark(counts) = mark;
        let [events, words, state, memberships, receipts, account_data, to_device, requests, delivered, statements] =
            counts;
        self.events.truncate(events);
        self.words.truncate(words);
        self.state.truncate(state);
        self.memberships.truncate(memberships);
        self.receipts.truncate(receipts);
        self.account_data.truncate(account_data);
        self.to_device.truncate(to_device);
        self.to_device_requests.truncate(requests);
        self.delivered.truncate(delivered);
        self.statements.truncate(statements);
    }

    /// Writes everything and leaves nothing behind.
    pub async fn flush(&mut self, tx: &mut Tx) -> sqlx::Result<()> {
        for table in [
            &mut self.events,
            &mut self.words,
            &mut self.state,
            &mut self.memberships,
            &mut self.receipts,
            &mut self.account_data,
            &mut self.to_device,
            &mut self.to_device_requests,
        ] {
            table.flush(tx).await?;
        }
        super::to_device::delete(tx, &std::mem::take(&mut self.delivered)).await?;
        for statement in std::mem::take(&mut self.statements) {
            statement.run(tx).await?;
        }
        Ok(())
    }
}

/// The last position given out.
pub async fn last_position(db: &super::db::Db) -> sqlx::Result<i64> {
    sql("SELECT position FROM stream WHERE id = 1").one(db).await?.get("position")
}

/// Keeps the last position given out.
pub async fn keep_position(tx: &mut Tx, position: i64) -> sqlx::Result<()> {
    sql("UPDATE stream SET position = $1 WHERE id = 1").bind(position).run(tx).await.map(drop)
}
