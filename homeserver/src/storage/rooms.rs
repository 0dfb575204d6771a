//! Rooms, their current state, and who is in them.

use std::{collections::HashMap, sync::Arc};

use ruma::{OwnedRoomId, RoomId, RoomVersionId, UserId, events::room::member::MembershipState};

use super::{
    db::{Db, Query, sql},
    events::{event, select_events},
};
use crate::event::{Event, Position};

/// What a user is to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Join, invite, leave, ban or knock.
    pub membership: MembershipState,
    /// The position of the `m.room.member` event that says so.
    pub position: Position,
    /// Whether the user forgot the room after leaving.
    pub forgotten: bool,
}

/// A room as it is stored.
#[derive(Debug)]
pub struct Stored {
    /// The room version.
    pub version: RoomVersionId,
    /// Its current state.
    pub state: Vec<Arc<Event>>,
    /// Its last events, oldest first.
    pub recent: Vec<Arc<Event>>,
    /// Whether that is all of them.
    pub complete: bool,
}

/// How many events of a room are kept in memory.
pub const RECENT: usize = 64;

/// A room with its current state and its last events; `None` if there is no such room.
pub async fn load(db: &Db, room_id: &RoomId) -> sqlx::Result<Option<Stored>> {
    let Some(row) = sql("SELECT version FROM rooms WHERE room_id = $1").bind(room_id).optional(db).await? else {
        return Ok(None);
    };
    let state =
        sql(select_events!("JOIN current_state s ON s.position = e.position WHERE s.room_id = $1 ORDER BY e.position"));
    let state = state.bind(room_id).all(db).await?.iter().map(event).collect::<sqlx::Result<_>>()?;
    let mut recent = super::events::backwards(db, room_id, -1, i64::MAX, RECENT as i64).await?;
    recent.reverse();
    let complete = recent.len() < RECENT;
    Ok(Some(Stored { version: row.parse("version")?, state, recent, complete }))
}

/// All rooms of a user.
pub async fn memberships(db: &Db, user_id: &UserId) -> sqlx::Result<HashMap<OwnedRoomId, Membership>> {
    sql("SELECT room_id, membership, position, forgotten FROM memberships WHERE user_id = $1")
        .bind(user_id)
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let membership = Membership {
                membership: row.get::<String>("membership")?.into(),
                position: row.get("position")?,
                forgotten: row.get("forgotten")?,
            };
            Ok((row.parse("room_id")?, membership))
        })
        .collect()
}

/// The statement that records a new room.
pub fn insert(room_id: &RoomId, version: &RoomVersionId, creator: &UserId, created_at: i64, is_public: bool) -> Query {
    sql("INSERT INTO rooms (room_id, version, creator, created_at, is_public) VALUES ($1, $2, $3, $4, $5)")
        .bind(room_id)
        .bind(version.to_string())
        .bind(creator)
        .bind(created_at)
        .bind(is_public)
}

/// The statement by which a user forgets a room.
pub fn forget(user_id: &UserId, room_id: &RoomId) -> Query {
    sql("UPDATE memberships SET forgotten = TRUE WHERE user_id = $1 AND room_id = $2").bind(user_id).bind(room_id)
}

/// Whether an administrator has closed a room.
pub async fn is_blocked(db: &Db, room_id: &RoomId) -> sqlx::Result<bool> {
    let row = sql("SELECT blocked FROM rooms WHERE room_id = $1").bind(room_id).optional(db).await?;
    row.map_or(Ok(false), |row| row.get("blocked"))
}
