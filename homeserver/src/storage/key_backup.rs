//! Encrypted backups of room keys: versions and the keys in them.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, RoomId, UserId};

use super::db::{Db, InsertMany, On, Row, Tx, sql};

/// Rows of keys in one statement.
const CHUNK: usize = 500;

/// One version of a user's backup.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub version: i64,
    /// How its keys are encrypted.
    pub algorithm: String,
    /// The algorithm's data, JSON.
    pub auth_data: String,
    /// Counts the changes of its keys.
    pub etag: i64,
    /// How many keys are in it.
    pub count: i64,
    /// Whether it was deleted.
    pub deleted: bool,
}

fn version(row: &Row) -> sqlx::Result<Version> {
    Ok(Version {
        version: row.get("version")?,
        algorithm: row.get("algorithm")?,
        auth_data: row.get("auth_data")?,
        etag: row.get("etag")?,
        count: row.get("key_count")?,
        deleted: row.get("deleted")?,
    })
}

/// A version, deleted or not; `None` if there never was one of that number.
pub async fn get(on: impl Into<On<'_>>, user_id: &UserId, number: i64) -> sqlx::Result<Option<Version>> {
    sql("SELECT version, algorithm, auth_data, etag, key_count, deleted FROM key_backups \
         WHERE user_id = $1 AND version = $2")
    .bind(user_id)
    .bind(number)
    .optional(on)
    .await?
    .as_ref()
    .map(version)
    .transpose()
}

/// The newest version that was not deleted.
pub async fn latest(on: impl Into<On<'_>>, user_id: &UserId) -> sqlx::Result<Option<Version>> {
    sql("SELECT version, algorithm, auth_data, etag, key_count, deleted FROM key_backups \
         WHERE user_id = $1 AND NOT deleted ORDER BY version DESC LIMIT 1")
    .bind(user_id)
    .optional(on)
    .await?
    .as_ref()
    .map(version)
    .transpose()
}

/// Begins a new version and returns its number.
pub async fn create(tx: &mut Tx, user_id: &UserId, algorithm: &str, auth_data: &str) -> sqlx::Result<i64> {
    sql("INSERT INTO key_backups (user_id, version, algorithm, auth_data) \
         SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3 FROM key_backups WHERE user_id = $1 RETURNING version")
    .bind(user_id)
    .bind(algorithm)
    .bind(auth_data)
    .one(tx)
    .await?
    .get("version")
}

/// Replaces a version's data.
pub async fn update(tx: &mut Tx, user_id: &UserId, number: i64, auth_data: &str) -> sqlx::Result<()> {
    sql("UPDATE key_backups SET auth_data = $3 WHERE user_id = $1 AND version = $2")
        .bind(user_id)
        .bind(number)
        .bind(auth_data)
        .run(tx)
        .await
        .map(drop)
}

/// Deletes a version and its keys; its number stays taken.
pub async fn delete(tx: &mut Tx, user_id: &UserId, number: i64) -> sqlx::Result<()> {
    sql("UPDATE key_backups SET deleted = TRUE, key_count = 0 WHERE user_id = $1 AND version = $2")
        .bind(user_id)
        .bind(number)
        .run(tx)
        .await?;
    delete_keys(tx, user_id, number, None, None).await.map(drop)
}

/// Deletes every backup of a user.
pub async fn delete_all(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<()> {
    sql("DELETE FROM backup_keys WHERE user_id = $1").bind(user_id).run(tx).await?;
    sql("DELETE FROM key_backups WHERE user_id = $1").bind(user_id).run(tx).await.map(drop)
}

/// Notes that keys came or went: the count moves by `by`, the etag by one.
pub async fn touch(tx: &mut Tx, user_id: &UserId, number: i64, by: i64) -> sqlx::Result<()> {
    sql("UPDATE key_backups SET etag = etag + 1, key_count = key_count + $3 WHERE user_id = $1 AND version = $2")
        .bind(user_id)
        .bind(number)
        .bind(by)
        .run(tx)
        .await
        .map(drop)
}

/// Keys by room and session, each as JSON.
pub type Keys = BTreeMap<OwnedRoomId, BTreeMap<String, String>>;

fn collect(rows: &[Row]) -> sqlx::Result<Keys> {
    let mut keys = Keys::new();
    for row in rows {
        keys.entry(row.parse("room_id")?).or_default().insert(row.get("session_id")?, row.get("data")?);
    }
    Ok(keys)
}

/// A statement on the keys of a version: all, those of a room, or the one of a session. Three texts, so that each has
/// the primary key's index.
macro_rules! on_keys {
    ($head:literal, $user_id:expr, $number:expr, $room_id:expr, $session_id:expr) => {
        match ($room_id, $session_id) {
            (Some(room_id), Some(session_id)) => {
                sql(concat!($head, " WHERE user_id = $1 AND version = $2 AND room_id = $3 AND session_id = $4"))
                    .bind($user_id)
                    .bind($number)
                    .bind(room_id)
                    .bind(session_id)
            }
            (Some(room_id), None) => sql(concat!($head, " WHERE user_id = $1 AND version = $2 AND room_id = $3"))
                .bind($user_id)
                .bind($number)
                .bind(room_id),
            (None, _) => sql(concat!($head, " WHERE user_id = $1 AND version = $2")).bind($user_id).bind($number),
        }
    };
}

/// The keys of a version: all, those of a room, or the one of a session.
pub async fn keys(
    db: &Db,
    user_id: &UserId,
    number: i64,
    room_id: Option<&RoomId>,
    session_id: Option<&str>,
) -> sqlx::Result<Keys> {
    let query = on_keys!("SELECT room_id, session_id, data FROM backup_keys", user_id, number, room_id, session_id);
    let rows = query.all(db).await?;
    collect(&rows)
}

/// Those of several sessions that a version has.
pub async fn keys_of_sessions(
    tx: &mut Tx,
    user_id: &UserId,
    number: i64,
    sessions: &[(&RoomId, &str)],
) -> sqlx::Result<Keys> {
    let mut all = Vec::new();
    for chunk in sessions.chunks(CHUNK) {
        let query = sql("SELECT room_id, session_id, data FROM backup_keys WHERE user_id = $1 AND version = $2 \
                         AND (room_id, session_id) IN (…)")
        .bind(user_id)
        .bind(number)
        .bind_rows(chunk.iter().map(|(room_id, session_id)| [(*room_id).into(), (*session_id).into()]));
        all.extend(query.all(&mut *tx).await?);
    }
    collect(&all)
}

/// Puts keys into a version, in the place of those of the same sessions.
pub async fn put_keys(tx: &mut Tx, user_id: &UserId, number: i64, keys: &[(&RoomId, &str, &str)]) -> sqlx::Result<()> {
    let mut rows = InsertMany::upsert(
        "INSERT INTO backup_keys (user_id, version, room_id, session_id, data)",
        5,
        4,
        "ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET data = excluded.data",
    );
    for (room_id, session_id, data) in keys {
        rows.row([user_id.into(), number.into(), (*room_id).into(), (*session_id).into(), (*data).into()]);
    }
    rows.flush(tx).await
}

/// Deletes keys of a version and tells how many: all, those of a room, or the one of a session.
pub async fn delete_keys(
    tx: &mut Tx,
    user_id: &UserId,
    number: i64,
    room_id: Option<&RoomId>,
    session_id: Option<&str>,
) -> sqlx::Result<i64> {
    let deleted = on_keys!("DELETE FROM backup_keys", user_id, number, room_id, session_id).run(tx).await?;
    Ok(deleted as i64)
}
