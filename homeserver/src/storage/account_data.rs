//! Account data, global (an empty room) and by room.

use ruma::{OwnedRoomId, RoomId, UserId};

use super::db::{Db, On, Row, Tx, Value, sql};

/// One piece of account data.
#[derive(Debug)]
pub struct Changed {
    /// The room, if it is a room's.
    pub room_id: Option<OwnedRoomId>,
    /// The type.
    pub kind: String,
    /// The content, a JSON object.
    pub content: String,
    /// When it was set.
    pub position: i64,
}

/// What changed of a user's account data between two positions.
pub async fn changes(db: &Db, user_id: &UserId, after: i64, up_to: i64) -> sqlx::Result<Vec<Changed>> {
    sql("SELECT room_id, type, content, position FROM account_data WHERE user_id = $1 AND position > $2 AND position <= $3 \
         ORDER BY position")
    .bind(user_id)
    .bind(after)
    .bind(up_to)
    .all(db)
    .await?
    .iter()
    .map(changed)
    .collect()
}

/// All of a user's account data for a room, as far as it was set up to a position.
pub async fn of_room(db: &Db, user_id: &UserId, room_id: &RoomId, up_to: i64) -> sqlx::Result<Vec<Changed>> {
    sql("SELECT room_id, type, content, position FROM account_data WHERE user_id = $1 AND room_id = $2 AND position <= $3 \
         ORDER BY position")
    .bind(user_id)
    .bind(room_id)
    .bind(up_to)
    .all(db)
    .await?
    .iter()
    .map(changed)
    .collect()
}

fn changed(row: &Row) -> sqlx::Result<Changed> {
    let room_id: String = row.get("room_id")?;
    let room_id = if room_id.is_empty() { None } else { Some(row.parse("room_id")?) };
    Ok(Changed { room_id, kind: row.get("type")?, content: row.get("content")?, position: row.get("position")? })
}

fn room(room_id: Option<&RoomId>) -> &str {
    room_id.map_or("", RoomId::as_str)
}

/// A row for [`super::commit::Rows::account_data`].
pub fn row(user_id: &UserId, room_id: Option<&RoomId>, kind: &str, content: &str, position: i64) -> [Value; 5] {
    [user_id.into(), room(room_id).into(), kind.into(), content.into(), position.into()]
}

/// The content of a type.
pub async fn get<'a>(
    on: impl Into<On<'a>>,
    user_id: &UserId,
    room_id: Option<&RoomId>,
    kind: &str,
) -> sqlx::Result<Option<String>> {
    sql("SELECT content FROM account_data WHERE user_id = $1 AND room_id = $2 AND type = $3")
        .bind(user_id)
        .bind(room(room_id))
        .bind(kind)
        .optional(on)
        .await?
        .map(|row| row.get("content"))
        .transpose()
}

/// Sets the content of a type.
pub async fn put(
    tx: &mut Tx,
    user_id: &UserId,
    room_id: Option<&RoomId>,
    kind: &str,
    content: &str,
    position: i64,
) -> sqlx::Result<()> {
    sql("INSERT INTO account_data (user_id, room_id, type, content, position) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position")
    .bind(user_id)
    .bind(room(room_id))
    .bind(kind)
    .bind(content)
    .bind(position)
    .run(tx)
    .await
    .map(drop)
}
