//! Events that are to be sent later.

use ruma::{OwnedDeviceId, OwnedRoomId, OwnedTransactionId, OwnedUserId, UserId};

use super::db::{Db, Query, Row, Tx, sql};
use crate::{clock::Millis, event::Position};

/// An event that is to be sent later.
#[derive(Clone, Debug)]
pub struct DelayedEvent {
    /// Its id: who knows it may send, restart or cancel it.
    pub delay_id: String,
    /// Who sends it.
    pub user_id: OwnedUserId,
    /// The device that scheduled it.
    pub device_id: Option<OwnedDeviceId>,
    /// The transaction id of the request that scheduled it, if it had one.
    pub txn_id: Option<OwnedTransactionId>,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its type.
    pub kind: String,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// Its content, a JSON object.
    pub content: String,
    /// The delay.
    pub delay_ms: Millis,
    /// When the delay began.
    pub running_since: Millis,
    /// When it ends.
    pub due_at: Millis,
    /// The stream's position when it was scheduled.
    pub position: Position,
}

macro_rules! select_delayed_events {
    ($rest:literal) => {
        concat!(
            "SELECT delay_id, user_id, device_id, txn_id, room_id, type, state_key, content, delay_ms, running_since, ",
            "due_at, position FROM delayed_events ",
            $rest
        )
    };
}

fn delayed_event(row: &Row) -> sqlx::Result<DelayedEvent> {
    Ok(DelayedEvent {
        delay_id: row.get("delay_id")?,
        user_id: row.parse("user_id")?,
        device_id: row.get::<Option<String>>("device_id")?.map(Into::into),
        txn_id: row.get::<Option<String>>("txn_id")?.map(Into::into),
        room_id: row.parse("room_id")?,
        kind: row.get("type")?,
        state_key: row.get("state_key")?,
        content: row.get("content")?,
        delay_ms: row.get("delay_ms")?,
        running_since: row.get("running_since")?,
        due_at: row.get("due_at")?,
        position: row.get("position")?,
    })
}

/// Keeps one.
pub async fn insert(tx: &mut Tx, new: &DelayedEvent) -> sqlx::Result<()> {
    sql("INSERT INTO delayed_events (delay_id, user_id, device_id, txn_id, room_id, type, state_key, content, delay_ms, \
         running_since, due_at, position) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
    .bind(&new.delay_id)
    .bind(&*new.user_id)
    .bind(new.device_id.as_ref().map(ToString::to_string))
    .bind(new.txn_id.as_ref().map(ToString::to_string))
    .bind(&*new.room_id)
    .bind(&new.kind)
    .bind(new.state_key.clone())
    .bind(&new.content)
    .bind(new.delay_ms)
    .bind(new.running_since)
    .bind(new.due_at)
    .bind(new.position)
    .run(tx)
    .await
    .map(drop)
}

/// Those of a user, the next one first.
pub async fn of_user(db: &Db, user_id: &UserId) -> sqlx::Result<Vec<DelayedEvent>> {
    let query = sql(select_delayed_events!("WHERE user_id = $1 ORDER BY due_at, delay_id")).bind(user_id);
    query.all(db).await?.iter().map(delayed_event).collect()
}

/// How many a user has.
pub async fn count(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<i64> {
    sql("SELECT COUNT(*) AS n FROM delayed_events WHERE user_id = $1").bind(user_id).one(tx).await?.get("n")
}

/// The id of the one that came by the same request as another: from the same device, with the same transaction id.
pub async fn repeated(tx: &mut Tx, new: &DelayedEvent) -> sqlx::Result<Option<String>> {
    let Some(txn_id) = &new.txn_id else { return Ok(None) };
    sql("SELECT delay_id FROM delayed_events WHERE user_id = $1 AND txn_id = $2 AND room_id = $3 AND type = $4 \
         AND COALESCE(device_id, '') = COALESCE(CAST($5 AS TEXT), '')")
    .bind(&*new.user_id)
    .bind(txn_id.to_string())
    .bind(&*new.room_id)
    .bind(&new.kind)
    .bind(new.device_id.as_ref().map(ToString::to_string))
    .optional(tx)
    .await?
    .map(|row| row.get("delay_id"))
    .transpose()
}

/// One of them.
pub async fn get(db: &Db, delay_id: &str) -> sqlx::Result<Option<DelayedEvent>> {
    let query = sql(select_delayed_events!("WHERE delay_id = $1")).bind(delay_id);
    query.optional(db).await?.as_ref().map(delayed_event).transpose()
}

/// Begins a delay anew; `None` if there is no such event.
pub async fn restart(tx: &mut Tx, delay_id: &str, now: Millis) -> sqlx::Result<Option<Millis>> {
    let query = sql(
        "UPDATE delayed_events SET running_since = $2, due_at = delay_ms + $2 WHERE delay_id = $1 RETURNING due_at",
    );
    query.bind(delay_id).bind(now).optional(tx).await?.map(|row| row.get("due_at")).transpose()
}

/// The statement that deletes one.
pub fn delete(delay_id: &str) -> Query {
    sql("DELETE FROM delayed_events WHERE delay_id = $1").bind(delay_id)
}

/// The statement that deletes those that events have cancelled since they were scheduled: their senders are not in the room,
/// or others have set the same state.
pub fn delete_cancelled() -> Query {
    sql(
        "DELETE FROM delayed_events WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = delayed_events.user_id \
         AND m.room_id = delayed_events.room_id AND m.membership = 'join') OR EXISTS (SELECT 1 FROM events e \
         WHERE e.room_id = delayed_events.room_id AND e.position > delayed_events.position \
         AND e.type = delayed_events.type AND e.state_key = delayed_events.state_key \
         AND e.sender <> delayed_events.user_id)",
    )
}

/// A delayed event without its content: what is held in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub delay_id: String,
    /// Who sends it.
    pub user_id: OwnedUserId,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its type.
    pub kind: String,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// When its delay ends.
    pub due_at: Millis,
}

/// All that wait.
pub async fn waiting(db: &Db) -> sqlx::Result<Vec<Waiting>> {
    let query = sql("SELECT delay_id, user_id, room_id, type, state_key, due_at FROM delayed_events");
    let waiting = |row: &Row| {
        Ok(Waiting {
            delay_id: row.get("delay_id")?,
            user_id: row.parse("user_id")?,
            room_id: row.parse("room_id")?,
            kind: row.get("type")?,
            state_key: row.get("state_key")?,
            due_at: row.get("due_at")?,
        })
    };
    query.all(db).await?.iter().map(waiting).collect()
}
