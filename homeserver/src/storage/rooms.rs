//! Rooms, their current state, and who is in them.

use std::{collections::HashMap, sync::Arc};

use ruma::{OwnedRoomId, RoomId, RoomVersionId, UserId};

use super::{
    db::{Db, Query, sql},
    events::{event, select_events},
};
use crate::domain::{
    event::Event,
    rooms::{Membership, state::RoomState},
};

/// A room with its current state and its last events; `None` if there is no such room.
pub async fn load(db: &Db, room_id: &RoomId) -> sqlx::Result<Option<RoomState>> {
    let Some(row) = sql("SELECT version FROM rooms WHERE room_id = $1").bind(room_id).optional(db).await? else {
        return Ok(None);
    };
    let version: RoomVersionId = row.parse("version")?;
    let unknown = || sqlx::Error::Decode(format!("a room of version {version} is stored").into());
    let mut room = RoomState::new(room_id.to_owned(), version.clone()).ok_or_else(unknown)?;
    let state =
        sql(select_events!("JOIN current_state s ON s.position = e.position WHERE s.room_id = $1 ORDER BY e.position"));
    for row in state.bind(room_id).all(db).await? {
        room.set_state(&event(&row)?);
    }
    let mut recent: Vec<Arc<Event>> = super::events::backwards(db, room_id, -1, i64::MAX, 64).await?;
    recent.reverse();
    if let Some(last) = recent.last() {
        room.last_event = Some(last.event_id.clone());
        room.depth = last.graph.depth;
        room.position = last.position;
    }
    // One less than the oldest that is there: nothing of this room lies between.
    room.recent_since = if recent.len() < 64 { 0 } else { recent.first().map_or(0, |e| e.position - 1) };
    room.recent = recent.into_iter().collect();
    Ok(Some(room))
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
pub fn insert(room: &RoomState, creator: &UserId, created_at: i64, is_public: bool) -> Query {
    sql("INSERT INTO rooms (room_id, version, creator, created_at, is_public) VALUES ($1, $2, $3, $4, $5)")
        .bind(&*room.room_id)
        .bind(room.version.to_string())
        .bind(creator)
        .bind(created_at)
        .bind(is_public)
}

/// The statement by which a user forgets a room.
pub fn forget(user_id: &UserId, room_id: &RoomId) -> Query {
    sql("UPDATE memberships SET forgotten = TRUE WHERE user_id = $1 AND room_id = $2").bind(user_id).bind(room_id)
}
