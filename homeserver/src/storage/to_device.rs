//! Messages to devices that wait for their delivery, and the requests that sent them.

use std::sync::Arc;

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::db::{Db, Query, Tx, sql};
use crate::event::Position;

/// Positions in one statement.
const CHUNK: usize = 1_000;

/// A message that waits for a device.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its place in the stream.
    pub position: Position,
    /// The message as `/sync` shows it.
    pub json: Arc<str>,
}

/// A message in the form that `/sync` shows.
#[derive(Serialize)]
struct Message<'a> {
    content: &'a RawValue,
    sender: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// Serialises a message to a device, once for all devices that it goes to.
pub fn message(sender: &str, kind: &str, content: &RawValue) -> serde_json::Result<Arc<str>> {
    serde_json::to_string(&Message { content, sender, kind }).map(Into::into)
}

/// Up to `limit` messages of a device after a position, oldest first.
pub async fn waiting(
    db: &Db,
    user_id: &UserId,
    device_id: &DeviceId,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    sql("SELECT position, sender, type, content FROM to_device \
         WHERE user_id = $1 AND device_id = $2 AND position > $3 ORDER BY position LIMIT $4")
    .bind(user_id)
    .bind(device_id)
    .bind(after)
    .bind(limit)
    .all(db)
    .await?
    .iter()
    .map(|row| {
        let decode = |e: serde_json::Error| sqlx::Error::Decode(e.into());
        let content = RawValue::from_string(row.get("content")?).map_err(decode)?;
        let json = message(&row.get::<String>("sender")?, &row.get::<String>("type")?, &content).map_err(decode)?;
        Ok(Waiting { position: row.get("position")?, json })
    })
    .collect()
}

/// Deletes messages that have arrived.
pub async fn delete(tx: &mut Tx, positions: &[Position]) -> sqlx::Result<()> {
    for chunk in positions.chunks(CHUNK) {
        sql("DELETE FROM to_device WHERE position IN (…)").bind_list(chunk.iter().copied()).run(tx).await?;
    }
    Ok(())
}

/// The statement that deletes a device's messages up to a position.
pub fn delete_up_to(user_id: &UserId, device_id: &DeviceId, up_to: Position) -> Query {
    sql("DELETE FROM to_device WHERE user_id = $1 AND device_id = $2 AND position <= $3")
        .bind(user_id)
        .bind(device_id)
        .bind(up_to)
}

/// Deletes all that waits for a device and what it sent.
pub async fn forget_device(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    delete_up_to(user_id, device_id, i64::MAX).run(tx).await?;
    sql("DELETE FROM to_device_requests WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .run(tx)
        .await
        .map(drop)
}

/// The devices of several users.
pub async fn devices(db: &Db, users: &[&UserId]) -> sqlx::Result<Vec<(OwnedUserId, OwnedDeviceId)>> {
    let mut devices = Vec::new();
    for chunk in users.chunks(CHUNK) {
        let query = sql("SELECT user_id, device_id FROM devices WHERE user_id IN (…)").bind_list(chunk.iter().copied());
        for row in query.all(db).await? {
            devices.push((row.parse("user_id")?, row.get::<String>("device_id")?.into()));
        }
    }
    Ok(devices)
}

/// What a device sent since a time: type and transaction id.
pub async fn requests(
    db: &Db,
    user_id: &UserId,
    device_id: &DeviceId,
    since: i64,
) -> sqlx::Result<Vec<(String, String)>> {
    sql("SELECT type, txn_id FROM to_device_requests WHERE user_id = $1 AND device_id = $2 AND sent_at >= $3 \
         ORDER BY sent_at DESC LIMIT 5000")
    .bind(user_id)
    .bind(device_id)
    .bind(since)
    .all(db)
    .await?
    .iter()
    .map(|row| Ok((row.get("type")?, row.get("txn_id")?)))
    .collect()
}

/// The statements that delete what nobody will ask for again: requests from before a time, and messages to devices
/// that were deleted while the message was on its way.
pub fn tidy(before: i64) -> [Query; 2] {
    [
        sql("DELETE FROM to_device_requests WHERE sent_at < $1").bind(before),
        sql("DELETE FROM to_device WHERE NOT EXISTS (SELECT 1 FROM devices d WHERE d.user_id = to_device.user_id \
             AND d.device_id = to_device.device_id)"),
    ]
}
