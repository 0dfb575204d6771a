//! Keys of devices: identity keys, one-time keys and fallback keys, and when each user's list of them last changed.

use std::collections::{BTreeMap, HashMap};

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::db::{Db, InsertMany, On, Tx, Value, sql};
use crate::event::Position;

/// Users or devices in one statement.
const CHUNK: usize = 500;

/// A device as others see it.
#[derive(Debug)]
pub struct Device {
    /// Whose.
    pub user_id: OwnedUserId,
    /// Which.
    pub device_id: OwnedDeviceId,
    /// The name its owner gave it.
    pub display_name: Option<String>,
    /// Its identity keys as uploaded, JSON.
    pub keys: String,
}

/// The devices with identity keys of several users.
pub async fn devices(db: &Db, users: &[&UserId]) -> sqlx::Result<Vec<Device>> {
    let mut devices = Vec::new();
    for chunk in users.chunks(CHUNK) {
        let query = sql("SELECT k.user_id, k.device_id, k.keys, d.display_name FROM device_keys k \
                         JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id WHERE k.user_id IN (…)");
        for row in query.bind_list(chunk.iter().copied()).all(db).await? {
            devices.push(Device {
                user_id: row.parse("user_id")?,
                device_id: row.get::<String>("device_id")?.into(),
                display_name: row.get("display_name")?,
                keys: row.get("keys")?,
            });
        }
    }
    Ok(devices)
}

/// A device's identity keys, JSON.
pub async fn device(on: impl Into<On<'_>>, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<Option<String>> {
    sql("SELECT keys FROM device_keys WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .optional(on)
        .await?
        .map(|row| row.get("keys"))
        .transpose()
}

/// Whether a user has a device of that id, with keys or without.
pub async fn has_device(on: impl Into<On<'_>>, user_id: &UserId, device_id: &str) -> sqlx::Result<bool> {
    sql("SELECT device_id FROM devices WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .optional(on)
        .await
        .map(|row| row.is_some())
}

/// Keeps a device's identity keys.
pub async fn put_device(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId, keys: &str) -> sqlx::Result<()> {
    sql("INSERT INTO device_keys (user_id, device_id, keys) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, device_id) DO UPDATE SET keys = excluded.keys")
    .bind(user_id)
    .bind(device_id)
    .bind(keys)
    .run(tx)
    .await
    .map(drop)
}

/// Deletes a device's identity keys and tells whether there were any.
pub async fn delete_device(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<bool> {
    sql("DELETE FROM device_keys WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .run(tx)
        .await
        .map(|deleted| deleted > 0)
}

/// A one-time key that is there already.
#[derive(Debug)]
pub struct OneTimeKey {
    /// The key, JSON.
    pub key: String,
    /// Whether it was given out.
    pub claimed: bool,
}

/// Those of several one-time keys of a device that are there, by id.
pub async fn one_time_keys(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    ids: &[&str],
) -> sqlx::Result<HashMap<String, OneTimeKey>> {
    let mut keys = HashMap::new();
    for chunk in ids.chunks(CHUNK) {
        let query = sql("SELECT key_id, key, claimed_at FROM one_time_keys \
                         WHERE user_id = $1 AND device_id = $2 AND key_id IN (…)")
        .bind(user_id)
        .bind(device_id)
        .bind_list(chunk.iter().copied());
        for row in query.all(&mut *tx).await? {
            let claimed = row.get::<Option<i64>>("claimed_at")?.is_some();
            keys.insert(row.get("key_id")?, OneTimeKey { key: row.get("key")?, claimed });
        }
    }
    Ok(keys)
}

/// A key to be kept: its position, algorithm, id and JSON.
pub type NewKey<'a> = (Position, &'a str, &'a str, &'a str);

/// Adds one-time keys; a claimed one of the same id makes place.
pub async fn add_one_time_keys(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &[NewKey<'_>],
) -> sqlx::Result<()> {
    let mut rows = InsertMany::upsert(
        "INSERT INTO one_time_keys (user_id, device_id, key_id, algorithm, position, key)",
        6,
        3,
        "ON CONFLICT (user_id, device_id, key_id) DO UPDATE SET algorithm = excluded.algorithm, \
         position = excluded.position, key = excluded.key, claimed_at = NULL",
    );
    for &(position, algorithm, id, key) in keys {
        rows.row([user_id.into(), device_id.into(), id.into(), algorithm.into(), position.into(), key.into()]);
    }
    rows.flush(tx).await
}

/// Forgets a device's keys that were claimed before a time.
pub async fn forget_claimed(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId, before: i64) -> sqlx::Result<()> {
    sql("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id = $2 AND claimed_at < $3")
        .bind(user_id)
        .bind(device_id)
        .bind(before)
        .run(tx)
        .await
        .map(drop)
}

/// Deletes a device's one-time and fallback keys.
pub async fn delete_one_time_keys(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    for query in [
        sql("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id = $2"),
        sql("DELETE FROM fallback_keys WHERE user_id = $1 AND device_id = $2"),
    ] {
        query.bind(user_id).bind(device_id).run(tx).await?;
    }
    Ok(())
}

/// Keeps a fallback key. The same key again changes nothing, so that one in use is not taken for new.
pub async fn put_fallback_key(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    algorithm: &str,
    key_id: &str,
    key: &str,
) -> sqlx::Result<()> {
    sql("INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, key, used) VALUES ($1, $2, $3, $4, $5, FALSE) \
         ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, key = excluded.key, \
         used = FALSE WHERE fallback_keys.key_id <> excluded.key_id OR fallback_keys.key <> excluded.key")
    .bind(user_id)
    .bind(device_id)
    .bind(algorithm)
    .bind(key_id)
    .bind(key)
    .run(tx)
    .await
    .map(drop)
}

/// A device and an algorithm of which a key is wanted.
pub type Wanted = (OwnedUserId, OwnedDeviceId, String);

/// A key that was given out.
#[derive(Debug)]
pub struct Claimed {
    /// Whose.
    pub user_id: OwnedUserId,
    /// Of which device.
    pub device_id: OwnedDeviceId,
    /// Its algorithm.
    pub algorithm: String,
    /// Its id with the algorithm.
    pub key_id: String,
    /// The key, JSON.
    pub key: String,
}

fn rows(wanted: &[Wanted]) -> impl Iterator<Item = [Value; 3]> {
    wanted.iter().map(|(user_id, device_id, algorithm)| [(&**user_id).into(), (&**device_id).into(), algorithm.into()])
}

/// Takes the oldest one-time key of each device. Runs in the writer alone, so no two claims meet.
pub async fn claim(tx: &mut Tx, wanted: &[Wanted], now: i64) -> sqlx::Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for chunk in wanted.chunks(CHUNK) {
        let query = sql("WITH wanted (user_id, device_id, algorithm) AS (…) \
             UPDATE one_time_keys SET claimed_at = $1 WHERE position IN (SELECT (SELECT k.position FROM one_time_keys k \
             WHERE k.user_id = w.user_id AND k.device_id = w.device_id AND k.algorithm = w.algorithm \
             AND k.claimed_at IS NULL ORDER BY k.position LIMIT 1) FROM wanted w) \
             RETURNING user_id, device_id, algorithm, key_id, key")
        .bind(now)
        .bind_rows(rows(chunk));
        claimed.extend(claimed_rows(&query.all(&mut *tx).await?)?);
    }
    Ok(claimed)
}

/// Gives out the fallback key of each device and marks it as used.
pub async fn claim_fallback(tx: &mut Tx, wanted: &[Wanted]) -> sqlx::Result<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for chunk in wanted.chunks(CHUNK) {
        let query = sql("UPDATE fallback_keys SET used = TRUE WHERE (user_id, device_id, algorithm) IN (…) \
                         RETURNING user_id, device_id, algorithm, key_id, key")
        .bind_rows(rows(chunk));
        claimed.extend(claimed_rows(&query.all(&mut *tx).await?)?);
    }
    Ok(claimed)
}

fn claimed_rows(rows: &[super::db::Row]) -> sqlx::Result<Vec<Claimed>> {
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                user_id: row.parse("user_id")?,
                device_id: row.get::<String>("device_id")?.into(),
                algorithm: row.get("algorithm")?,
                key_id: row.get("key_id")?,
                key: row.get("key")?,
            })
        })
        .collect()
}

/// How many unclaimed one-time keys a device has, by algorithm.
pub async fn count(
    on: impl Into<On<'_>>,
    user_id: &UserId,
    device_id: &DeviceId,
) -> sqlx::Result<BTreeMap<String, i64>> {
    sql("SELECT algorithm, COUNT(*) AS n FROM one_time_keys \
         WHERE user_id = $1 AND device_id = $2 AND claimed_at IS NULL GROUP BY algorithm")
    .bind(user_id)
    .bind(device_id)
    .all(on)
    .await?
    .iter()
    .map(|row| Ok((row.get("algorithm")?, row.get("n")?)))
    .collect()
}

/// The algorithms of a device's fallback keys that nobody was given yet.
pub async fn unused_fallback(db: &Db, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<Vec<String>> {
    sql("SELECT algorithm FROM fallback_keys WHERE user_id = $1 AND device_id = $2 AND NOT used ORDER BY algorithm")
        .bind(user_id)
        .bind(device_id)
        .all(db)
        .await?
        .iter()
        .map(|row| row.get("algorithm"))
        .collect()
}

/// Notes that a user's keys changed, for all who share a room with them or for one user alone.
pub async fn list_changed(
    tx: &mut Tx,
    user_id: &UserId,
    seen_by: Option<&UserId>,
    position: Position,
) -> sqlx::Result<()> {
    sql("INSERT INTO device_list_changes (user_id, seen_by, position) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, seen_by) DO UPDATE SET position = excluded.position")
    .bind(user_id)
    .bind(seen_by.map_or("", UserId::as_str))
    .bind(position)
    .run(tx)
    .await
    .map(drop)
}

/// When each user's keys last changed: the user, who may see that (`None`: all who share a room), the position.
pub async fn list_changes(db: &Db) -> sqlx::Result<Vec<(OwnedUserId, Option<OwnedUserId>, Position)>> {
    sql("SELECT user_id, seen_by, position FROM device_list_changes")
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let seen_by = row.get::<String>("seen_by")?;
            let seen_by = if seen_by.is_empty() { None } else { Some(row.parse("seen_by")?) };
            Ok((row.parse("user_id")?, seen_by, row.get("position")?))
        })
        .collect()
}

/// A user's dehydrated device: its id and its data, JSON.
pub async fn dehydrated(on: impl Into<On<'_>>, user_id: &UserId) -> sqlx::Result<Option<(OwnedDeviceId, String)>> {
    sql("SELECT device_id, data FROM dehydrated_devices WHERE user_id = $1")
        .bind(user_id)
        .optional(on)
        .await?
        .map(|row| Ok((row.get::<String>("device_id")?.into(), row.get("data")?)))
        .transpose()
}

/// Keeps a user's dehydrated device in place of another, and makes a device of it.
pub async fn put_dehydrated(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: Option<&str>,
    data: &str,
    now: i64,
) -> sqlx::Result<()> {
    sql("INSERT INTO devices (user_id, device_id, display_name, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id, device_id) DO UPDATE SET display_name = excluded.display_name")
    .bind(user_id)
    .bind(device_id)
    .bind(display_name.map(str::to_owned))
    .bind(now)
    .run(tx)
    .await?;
    sql("INSERT INTO dehydrated_devices (user_id, device_id, data) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, data = excluded.data")
    .bind(user_id)
    .bind(device_id)
    .bind(data)
    .run(tx)
    .await
    .map(drop)
}

/// Deletes a user's dehydrated device, if it is that one.
pub async fn delete_dehydrated(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    sql("DELETE FROM dehydrated_devices WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .run(tx)
        .await
        .map(drop)
}

/// Deletes a device's row, for a device that nobody is signed in on.
pub async fn delete_device_row(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    sql("DELETE FROM devices WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .run(tx)
        .await
        .map(drop)
}
