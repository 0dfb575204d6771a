//! Push rules and pushers.

use ruma::{DeviceId, UserId, api::client::push::PusherIds};

use super::db::{Db, On, Tx, sql};

/// The type of the account data that holds a user's rules.
const ACCOUNT_DATA_TYPE: &str = "m.push_rules";

/// The content of a user's `m.push_rules`; `None` for one who never changed any.
pub async fn rules<'a>(on: impl Into<On<'a>>, user_id: &UserId) -> sqlx::Result<Option<String>> {
    sql("SELECT content FROM account_data WHERE user_id = $1 AND room_id = '' AND type = $2")
        .bind(user_id)
        .bind(ACCOUNT_DATA_TYPE)
        .optional(on)
        .await?
        .map(|row| row.get("content"))
        .transpose()
}

/// Keeps a user's rules.
pub async fn keep_rules(tx: &mut Tx, user_id: &UserId, content: String, position: i64) -> sqlx::Result<()> {
    sql("INSERT INTO account_data (user_id, room_id, type, content, position) VALUES ($1, '', $2, $3, $4) \
         ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position")
    .bind(user_id)
    .bind(ACCOUNT_DATA_TYPE)
    .bind(content)
    .bind(position)
    .run(tx)
    .await
    .map(drop)
}

/// A user's pushers as JSON, oldest first.
pub async fn pushers(db: &Db, user_id: &UserId) -> sqlx::Result<Vec<String>> {
    let rows = sql("SELECT pusher FROM pushers WHERE user_id = $1 ORDER BY created_at, app_id, pushkey");
    rows.bind(user_id).all(db).await?.iter().map(|row| row.get("pusher")).collect()
}

/// Keeps a pusher.
pub async fn keep_pusher(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
    ids: &PusherIds,
    json: String,
    now: i64,
) -> sqlx::Result<()> {
    sql(
        "INSERT INTO pushers (user_id, app_id, pushkey, pusher, device_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (user_id, app_id, pushkey) DO UPDATE SET pusher = excluded.pusher, device_id = excluded.device_id",
    )
    .bind(user_id)
    .bind(&ids.app_id)
    .bind(&ids.pushkey)
    .bind(json)
    .bind(device_id.map(DeviceId::to_owned))
    .bind(now)
    .run(tx)
    .await
    .map(drop)
}

/// Removes a pusher.
pub async fn delete_pusher(tx: &mut Tx, user_id: &UserId, ids: &PusherIds) -> sqlx::Result<()> {
    sql("DELETE FROM pushers WHERE user_id = $1 AND app_id = $2 AND pushkey = $3")
        .bind(user_id)
        .bind(&ids.app_id)
        .bind(&ids.pushkey)
        .run(tx)
        .await
        .map(drop)
}

/// Removes the pushers of everybody else for one application and key.
pub async fn delete_pushers_of_others(tx: &mut Tx, user_id: &UserId, ids: &PusherIds) -> sqlx::Result<()> {
    sql("DELETE FROM pushers WHERE user_id <> $1 AND app_id = $2 AND pushkey = $3")
        .bind(user_id)
        .bind(&ids.app_id)
        .bind(&ids.pushkey)
        .run(tx)
        .await
        .map(drop)
}
