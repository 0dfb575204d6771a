//! Rooms as administrators see them, and deleting them.

use std::collections::HashMap;

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::Value;

use super::db::{Db, Row, Tx, sql};

/// What is deleted with a room, `$1`; a table with rows for a room adds its statement here.
const OF_A_ROOM: &[&str] = &[
    "DELETE FROM message_words WHERE rowid IN (SELECT position FROM events WHERE room_id = $1)",
    "DELETE FROM events WHERE room_id = $1",
    "DELETE FROM current_state WHERE room_id = $1",
    "DELETE FROM memberships WHERE room_id = $1",
    "DELETE FROM aliases WHERE room_id = $1",
    "DELETE FROM network_rooms WHERE room_id = $1",
    "DELETE FROM receipts WHERE room_id = $1",
    "DELETE FROM account_data WHERE room_id = $1",
    "DELETE FROM thread_subscriptions WHERE room_id = $1",
    "DELETE FROM reports WHERE room_id = $1",
    "DELETE FROM rooms WHERE room_id = $1",
];

/// A room's row and what is counted of it.
#[derive(Clone, Debug)]
pub struct RoomRow {
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its version.
    pub version: String,
    /// Who created it.
    pub creator: OwnedUserId,
    /// Whether it is in the directory.
    pub is_public: bool,
    /// How many are joined.
    pub joined: i64,
    /// How many state events it has.
    pub state_events: i64,
    /// The contents of its state events with an empty key, by type.
    pub state: HashMap<String, Value>,
}

impl RoomRow {
    /// A text in the content of a state event.
    pub fn text(&self, kind: &str, field: &str) -> Option<&str> {
        self.state.get(kind)?.get(field)?.as_str().filter(|text| !text.is_empty())
    }
}

/// The columns that [`room`] reads.
macro_rules! select_rooms {
    ($rest:literal) => {
        concat!(
            "SELECT r.room_id, r.version, r.creator, r.is_public, ",
            "(SELECT COUNT(*) FROM memberships m WHERE m.room_id = r.room_id AND m.membership = 'join') AS joined, ",
            "(SELECT COUNT(*) FROM current_state s WHERE s.room_id = r.room_id) AS state_events FROM rooms r ",
            $rest
        )
    };
}

/// The state that [`take_state`] reads.
macro_rules! select_state {
    ($rest:literal) => {
        concat!(
            "SELECT s.room_id, s.type, e.json FROM current_state s JOIN events e ON e.position = s.position ",
            "WHERE s.state_key = '' AND s.type IN ('m.room.name', 'm.room.canonical_alias', 'm.room.topic', ",
            "'m.room.avatar', 'm.room.create', 'm.room.encryption', 'm.room.join_rules', 'm.room.guest_access', ",
            "'m.room.history_visibility') ",
            $rest
        )
    };
}

fn room(row: &Row) -> sqlx::Result<RoomRow> {
    Ok(RoomRow {
        room_id: row.parse("room_id")?,
        version: row.get("version")?,
        creator: row.parse("creator")?,
        is_public: row.get("is_public")?,
        joined: row.get("joined")?,
        state_events: row.get("state_events")?,
        state: HashMap::new(),
    })
}

/// The type and content of a state event.
fn take_state(row: &Row) -> sqlx::Result<(String, Value)> {
    let mut event: Value =
        serde_json::from_str(&row.get::<String>("json")?).map_err(|e| sqlx::Error::Decode(e.into()))?;
    Ok((row.get("type")?, event["content"].take()))
}

/// Every room.
pub async fn rooms(db: &Db) -> sqlx::Result<Vec<RoomRow>> {
    let mut rooms = HashMap::new();
    for row in sql(select_rooms!("")).all(db).await? {
        let room = room(&row)?;
        rooms.insert(room.room_id.clone(), room);
    }
    for row in sql(select_state!("")).all(db).await? {
        if let Some(room) = rooms.get_mut(&row.parse::<OwnedRoomId>("room_id")?) {
            room.state.extend([take_state(&row)?]);
        }
    }
    Ok(rooms.into_values().collect())
}

/// One room.
pub async fn one_room(db: &Db, room_id: &RoomId) -> sqlx::Result<Option<RoomRow>> {
    let Some(row) = sql(select_rooms!("WHERE r.room_id = $1")).bind(room_id).optional(db).await? else {
        return Ok(None);
    };
    let mut room = room(&row)?;
    for row in sql(select_state!("AND s.room_id = $1")).bind(room_id).all(db).await? {
        room.state.extend([take_state(&row)?]);
    }
    Ok(Some(room))
}

/// How many devices the members of a room have.
pub async fn devices_of_members(db: &Db, room_id: &RoomId) -> sqlx::Result<i64> {
    sql("SELECT COUNT(*) AS n FROM memberships m JOIN devices d ON d.user_id = m.user_id \
         WHERE m.room_id = $1 AND m.membership = 'join'")
    .bind(room_id)
    .one(db)
    .await?
    .get("n")
}

/// The aliases of a room.
pub async fn aliases(db: &Db, room_id: &RoomId) -> sqlx::Result<Vec<String>> {
    let rows = sql("SELECT alias FROM aliases WHERE room_id = $1 ORDER BY alias").bind(room_id).all(db).await?;
    rows.iter().map(|row| row.get("alias")).collect()
}

/// Takes a room out of every directory and away from its aliases.
pub async fn hide_room(tx: &mut Tx, room_id: &RoomId) -> sqlx::Result<()> {
    sql("DELETE FROM aliases WHERE room_id = $1").bind(room_id).run(tx).await?;
    sql("DELETE FROM network_rooms WHERE room_id = $1").bind(room_id).run(tx).await?;
    sql("UPDATE rooms SET is_public = FALSE WHERE room_id = $1").bind(room_id).run(tx).await.map(drop)
}

/// Deletes a room and all that was in it.
pub async fn delete_room(tx: &mut Tx, room_id: &RoomId) -> sqlx::Result<()> {
    for text in OF_A_ROOM {
        sql(text).bind(room_id).run(tx).await?;
    }
    Ok(())
}

/// Who blocked a room, if somebody did.
pub async fn blocked_by(db: &Db, room_id: &RoomId) -> sqlx::Result<Option<OwnedUserId>> {
    let row = sql("SELECT user_id FROM blocked_rooms WHERE room_id = $1").bind(room_id).optional(db).await?;
    row.map(|row| row.parse("user_id")).transpose()
}

/// Blocks a room: nobody may enter it.
pub async fn block(tx: &mut Tx, room_id: &RoomId, by: &UserId, now: i64) -> sqlx::Result<()> {
    sql("UPDATE rooms SET blocked = TRUE WHERE room_id = $1").bind(room_id).run(tx).await?;
    sql("INSERT INTO blocked_rooms (room_id, user_id, blocked_at) VALUES ($1, $2, $3) ON CONFLICT (room_id) DO NOTHING")
        .bind(room_id)
        .bind(by)
        .bind(now)
        .run(tx)
        .await
        .map(drop)
}

/// Lets people enter a room again.
pub async fn unblock(tx: &mut Tx, room_id: &RoomId) -> sqlx::Result<()> {
    sql("UPDATE rooms SET blocked = FALSE WHERE room_id = $1").bind(room_id).run(tx).await?;
    sql("DELETE FROM blocked_rooms WHERE room_id = $1").bind(room_id).run(tx).await.map(drop)
}
