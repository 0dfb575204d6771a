//! Receipts and read markers.

use ruma::{OwnedEventId, OwnedUserId, RoomId, events::receipt::ReceiptThread};

use super::db::{Db, Value, sql};
use crate::{clock::Millis, event::Position};

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Read, and everybody may know.
    Read,
    /// Read, and nobody else may know.
    Private,
    /// The marker that a person sets in a room, which is account data and not a receipt to clients.
    FullyRead,
}

impl Kind {
    /// The name in the protocol and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "m.read",
            Self::Private => "m.read.private",
            Self::FullyRead => "m.fully_read",
        }
    }

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Read, Self::Private, Self::FullyRead].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One person's receipt of one kind in one thread of a room.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Whose.
    pub user_id: OwnedUserId,
    /// What it says.
    pub kind: Kind,
    /// For which thread.
    pub thread: ReceiptThread,
    /// Up to which event.
    pub event_id: OwnedEventId,
    /// The place of that event in the stream.
    pub event_position: Position,
    /// When it was sent.
    pub ts: Millis,
    /// The receipt's own place in the stream.
    pub position: Position,
}

/// All receipts of a room.
pub async fn of_room(db: &Db, room_id: &RoomId) -> sqlx::Result<Vec<Receipt>> {
    let rows = sql(
        "SELECT user_id, receipt_type, thread_id, event_id, event_position, ts, position FROM receipts WHERE room_id = $1",
    );
    let mut receipts = Vec::new();
    for row in rows.bind(room_id).all(db).await? {
        let kind = row.get::<String>("receipt_type")?;
        let thread = row.get::<String>("thread_id")?;
        receipts.push(Receipt {
            user_id: row.parse("user_id")?,
            kind: Kind::from_name(&kind)
                .ok_or_else(|| sqlx::Error::Decode(format!("a receipt of type {kind} is stored").into()))?,
            thread: ReceiptThread::try_from(Some(thread).filter(|thread| !thread.is_empty()))
                .map_err(|e| sqlx::Error::Decode(e.into()))?,
            event_id: row.parse("event_id")?,
            event_position: row.get("event_position")?,
            ts: row.get("ts")?,
            position: row.get("position")?,
        });
    }
    Ok(receipts)
}

/// A receipt as [`super::commit::Rows::receipt`] takes it.
pub fn row(room_id: &RoomId, receipt: &Receipt) -> [Value; 8] {
    [
        room_id.into(),
        (&*receipt.user_id).into(),
        receipt.kind.as_str().into(),
        receipt.thread.as_str().unwrap_or_default().into(),
        (&*receipt.event_id).into(),
        receipt.event_position.into(),
        receipt.ts.into(),
        receipt.position.into(),
    ]
}
