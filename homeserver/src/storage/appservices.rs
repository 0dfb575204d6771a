//! How far application services have come.

use ruma::{OwnedRoomAliasId, RoomId};

use super::db::{Db, Tx, sql};
use crate::event::Position;

/// What is kept of one application service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it was first seen, in milliseconds since the epoch.
    pub created_at: i64,
    /// It has everything up to here.
    pub acknowledged: Position,
    /// The number of its last transaction.
    pub txn: i64,
    /// That transaction, if it is not acknowledged.
    pub pending: Option<Pending>,
}

/// A transaction that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The positions of its events.
    pub events: Vec<Position>,
    /// Once it is acknowledged, so is everything up to here.
    pub up_to: Position,
}

/// What is kept of an application service; `None` for one that is new.
pub async fn progress(db: &Db, id: &str) -> sqlx::Result<Option<Progress>> {
    let row = sql("SELECT created_at, acknowledged, txn, pending, pending_to FROM appservices WHERE id = $1");
    let Some(row) = row.bind(id).optional(db).await? else { return Ok(None) };
    let pending = match row.get::<Option<String>>("pending")? {
        None => None,
        Some(list) => Some(Pending {
            events: list
                .split(',')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|e: std::num::ParseIntError| sqlx::Error::Decode(e.into()))?,
            up_to: row.get("pending_to")?,
        }),
    };
    Ok(Some(Progress {
        created_at: row.get("created_at")?,
        acknowledged: row.get("acknowledged")?,
        txn: row.get("txn")?,
        pending,
    }))
}

/// Begins to keep an application service that is new: it is told of what comes after a position.
pub async fn begin(tx: &mut Tx, id: &str, now: i64, position: Position) -> sqlx::Result<()> {
    sql("INSERT INTO appservices (id, created_at, acknowledged) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(now)
        .bind(position)
        .run(tx)
        .await
        .map(drop)
}

/// Keeps a transaction before it is sent for the first time.
pub async fn begin_transaction(tx: &mut Tx, id: &str, txn: i64, pending: &Pending) -> sqlx::Result<()> {
    let events = pending.events.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    sql("UPDATE appservices SET txn = $2, pending = $3, pending_to = $4 WHERE id = $1")
        .bind(id)
        .bind(txn)
        .bind(events)
        .bind(pending.up_to)
        .run(tx)
        .await
        .map(drop)
}

/// Keeps that an application service has everything up to a position.
pub async fn acknowledge(tx: &mut Tx, id: &str, up_to: Position) -> sqlx::Result<()> {
    sql("UPDATE appservices SET acknowledged = $2, pending = NULL WHERE id = $1")
        .bind(id)
        .bind(up_to)
        .run(tx)
        .await
        .map(drop)
}

/// The aliases of a room.
pub async fn aliases(db: &Db, room_id: &RoomId) -> sqlx::Result<Vec<OwnedRoomAliasId>> {
    let rows = sql("SELECT alias FROM aliases WHERE room_id = $1");
    rows.bind(room_id).all(db).await?.iter().map(|row| row.parse("alias")).collect()
}
