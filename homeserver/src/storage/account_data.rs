//! Account data, global (an empty room) and by room.

use ruma::{OwnedRoomId, UserId};

use super::db::{Db, sql};

/// One piece of account data.
#[derive(Debug)]
pub struct Changed {
    /// The room, if it is a room's.
    pub room_id: Option<OwnedRoomId>,
    /// The type.
    pub kind: String,
    /// The content, a JSON object.
    pub content: String,
}

/// What changed of a user's account data between two positions.
pub async fn changes(db: &Db, user_id: &UserId, after: i64, up_to: i64) -> sqlx::Result<Vec<Changed>> {
    sql("SELECT room_id, type, content FROM account_data WHERE user_id = $1 AND position > $2 AND position <= $3 \
         ORDER BY position")
    .bind(user_id)
    .bind(after)
    .bind(up_to)
    .all(db)
    .await?
    .iter()
    .map(|row| {
        let room_id: String = row.get("room_id")?;
        let room_id = if room_id.is_empty() { None } else { Some(row.parse("room_id")?) };
        Ok(Changed { room_id, kind: row.get("type")?, content: row.get("content")? })
    })
    .collect()
}
