//! What people last said of threads: that they subscribe, or that they do not.

use std::collections::HashSet;

use ruma::{EventId, OwnedEventId, OwnedRoomId, UserId};

use super::db::{Db, On, Row, Tx, sql};
use crate::event::Position;

/// What a person last said of a thread.
#[derive(Clone, Debug)]
pub struct Said {
    /// The event that the thread hangs on.
    pub root: OwnedEventId,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// Whether a client subscribed by itself; `None` where the person has unsubscribed.
    pub automatic: Option<bool>,
    /// Where it was said in the stream.
    pub position: Position,
}

fn said(row: &Row) -> sqlx::Result<Said> {
    Ok(Said {
        root: row.parse("root")?,
        room_id: row.parse("room_id")?,
        automatic: row.get("automatic")?,
        position: row.get("position")?,
    })
}

/// What a user last said of a thread, if ever.
pub async fn get<'a>(on: impl Into<On<'a>>, user_id: &UserId, root: &EventId) -> sqlx::Result<Option<Said>> {
    sql("SELECT root, room_id, automatic, position FROM thread_subscriptions WHERE user_id = $1 AND root = $2")
        .bind(user_id)
        .bind(root)
        .optional(on)
        .await?
        .map(|row| said(&row))
        .transpose()
}

/// The threads that a user has subscribed to.
pub async fn subscribed(db: &Db, user_id: &UserId) -> sqlx::Result<HashSet<OwnedEventId>> {
    let rows = sql("SELECT root FROM thread_subscriptions WHERE user_id = $1 AND automatic IS NOT NULL");
    rows.bind(user_id).all(db).await?.iter().map(|row| row.parse("root")).collect()
}

/// What a user said of threads between two positions, the last first.
pub async fn between(
    db: &Db,
    user_id: &UserId,
    after: Position,
    up_to: Position,
    limit: i64,
) -> sqlx::Result<Vec<Said>> {
    sql("SELECT root, room_id, automatic, position FROM thread_subscriptions \
         WHERE user_id = $1 AND position > $2 AND position <= $3 ORDER BY position DESC LIMIT $4")
    .bind(user_id)
    .bind(after)
    .bind(up_to)
    .bind(limit)
    .all(db)
    .await?
    .iter()
    .map(said)
    .collect()
}

/// Keeps what a user says of a thread, in place of what they said before.
pub async fn put(tx: &mut Tx, user_id: &UserId, said: &Said) -> sqlx::Result<()> {
    sql("INSERT INTO thread_subscriptions (user_id, root, room_id, automatic, position) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (user_id, root) DO UPDATE SET automatic = excluded.automatic, position = excluded.position")
    .bind(user_id)
    .bind(&*said.root)
    .bind(&*said.room_id)
    .bind(said.automatic)
    .bind(said.position)
    .run(tx)
    .await
    .map(drop)
}
