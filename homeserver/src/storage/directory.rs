//! Aliases and the public directory.

use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, UserId, directory::RoomNetwork};

use super::db::{Db, Query, sql};

/// Where an alias leads.
pub async fn resolve(db: &Db, alias: &RoomAliasId) -> sqlx::Result<Option<OwnedRoomId>> {
    sql("SELECT room_id FROM aliases WHERE alias = $1")
        .bind(alias.as_str())
        .optional(db)
        .await?
        .map(|row| row.parse("room_id"))
        .transpose()
}

/// Who made an alias.
pub async fn creator(db: &Db, alias: &RoomAliasId) -> sqlx::Result<Option<OwnedUserId>> {
    sql("SELECT creator FROM aliases WHERE alias = $1")
        .bind(alias.as_str())
        .optional(db)
        .await?
        .map(|row| row.parse("creator"))
        .transpose()
}

/// The aliases of a room.
pub async fn of_room(db: &Db, room_id: &RoomId) -> sqlx::Result<Vec<OwnedRoomAliasId>> {
    let rows = sql("SELECT alias FROM aliases WHERE room_id = $1 ORDER BY alias").bind(room_id).all(db).await?;
    rows.iter().map(|row| row.parse("alias")).collect()
}

/// The statement that adds an alias; one that is taken stays as it is.
pub fn insert(alias: &RoomAliasId, room_id: &RoomId, creator: &UserId) -> Query {
    sql("INSERT INTO aliases (alias, room_id, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING")
        .bind(alias.as_str())
        .bind(room_id)
        .bind(creator)
}

/// The statement that removes an alias.
pub fn delete(alias: &RoomAliasId) -> Query {
    sql("DELETE FROM aliases WHERE alias = $1").bind(alias.as_str())
}

/// Whether the directory lists a room.
pub async fn is_public(db: &Db, room_id: &RoomId) -> sqlx::Result<bool> {
    let row = sql("SELECT is_public FROM rooms WHERE room_id = $1").bind(room_id).optional(db).await?;
    row.map_or(Ok(false), |row| row.get("is_public"))
}

/// The statement that lists a room in the directory or takes it out.
pub fn set_public(room_id: &RoomId, is_public: bool) -> Query {
    sql("UPDATE rooms SET is_public = $2 WHERE room_id = $1").bind(room_id).bind(is_public)
}

/// The statements by which a room takes over what leads to another: its aliases and its places in directories.
pub fn take_over(old: &RoomId, new: &RoomId) -> [Query; 4] {
    let both = |query: Query| query.bind(old).bind(new);
    [
        both(sql("UPDATE aliases SET room_id = $2 WHERE room_id = $1")),
        both(sql("UPDATE network_rooms SET room_id = $2 WHERE room_id = $1")),
        both(sql(
            "UPDATE rooms SET is_public = (SELECT o.is_public FROM rooms o WHERE o.room_id = $1) WHERE room_id = $2",
        )),
        set_public(old, false),
    ]
}

/// The statement that lists a room in the directory of a network or takes it out.
pub fn set_in_network(instance_id: &str, room_id: &RoomId, listed: bool) -> Query {
    let query = if listed {
        sql("INSERT INTO network_rooms (instance_id, room_id) VALUES ($1, $2) \
             ON CONFLICT (instance_id, room_id) DO NOTHING")
    } else {
        sql("DELETE FROM network_rooms WHERE instance_id = $1 AND room_id = $2")
    };
    query.bind(instance_id).bind(room_id)
}

/// All rooms that the directory lists, or a network's, or any.
pub async fn public_rooms(db: &Db, network: &RoomNetwork) -> sqlx::Result<Vec<OwnedRoomId>> {
    let query = match network {
        RoomNetwork::ThirdParty(instance_id) => sql("SELECT r.room_id FROM rooms r \
             JOIN network_rooms n ON n.room_id = r.room_id WHERE n.instance_id = $1 AND NOT r.blocked")
        .bind(instance_id),
        RoomNetwork::All => sql("SELECT room_id FROM rooms WHERE NOT blocked \
             AND (is_public OR room_id IN (SELECT n.room_id FROM network_rooms n))"),
        _ => sql("SELECT room_id FROM rooms WHERE is_public AND NOT blocked"),
    };
    let rows = query.all(db).await?;
    rows.iter().map(|row| row.parse("room_id")).collect()
}
