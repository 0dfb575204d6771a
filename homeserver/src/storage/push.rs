//! Push rules and pushers.

use ruma::{DeviceId, OwnedUserId, UserId, api::client::push::PusherIds};

use super::db::{Db, On, Query, Row, Tx, Value, sql};
use crate::event::Position;

/// The type of the account data that holds a user's rules.
const ACCOUNT_DATA_TYPE: &str = "m.push_rules";
/// Pushers in one statement.
const SETTLED_AT_ONCE: usize = 1_000;

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

/// How many pushers a user has.
pub async fn count_pushers(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<i64> {
    sql("SELECT COUNT(*) AS n FROM pushers WHERE user_id = $1").bind(user_id).one(tx).await?.get("n")
}

/// A pusher as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// Whose.
    pub user_id: OwnedUserId,
    /// As the client sees it, a JSON object.
    pub json: String,
    /// When it was set first, in milliseconds since the epoch.
    pub created_at: i64,
    /// Its gateway has been told of everything up to here.
    pub settled: Position,
}

/// The pushers of a user, or of everybody.
pub async fn kept(db: &Db, user_id: Option<&UserId>) -> sqlx::Result<Vec<Kept>> {
    let rows = sql("SELECT user_id, pusher, created_at, settled FROM pushers \
                    WHERE CAST($1 AS TEXT) IS NULL OR user_id = $1 ORDER BY user_id, created_at");
    let kept = |row: &Row| {
        Ok(Kept {
            user_id: row.parse("user_id")?,
            json: row.get("pusher")?,
            created_at: row.get("created_at")?,
            settled: row.get("settled")?,
        })
    };
    rows.bind(user_id).all(db).await?.iter().map(kept).collect()
}

/// Keeps a pusher; one that is new is told of what comes after a position.
pub async fn keep_pusher(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: Option<&DeviceId>,
    ids: &PusherIds,
    json: String,
    (now, position): (i64, Position),
) -> sqlx::Result<()> {
    sql("INSERT INTO pushers (user_id, app_id, pushkey, pusher, device_id, created_at, settled) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, app_id, pushkey) \
         DO UPDATE SET pusher = excluded.pusher, device_id = excluded.device_id")
    .bind(user_id)
    .bind(&ids.app_id)
    .bind(&ids.pushkey)
    .bind(json)
    .bind(device_id.map(DeviceId::to_owned))
    .bind(now)
    .bind(position)
    .run(tx)
    .await
    .map(drop)
}

/// The statements that keep how far pushers have come.
pub fn settle(pushers: &[(OwnedUserId, PusherIds, Position)]) -> Vec<Query> {
    let rows = |chunk: &[(OwnedUserId, PusherIds, Position)]| -> Vec<[Value; 4]> {
        let row = |(user_id, ids, settled): &(OwnedUserId, PusherIds, Position)| {
            [(&**user_id).into(), (&ids.app_id).into(), (&ids.pushkey).into(), (*settled).into()]
        };
        chunk.iter().map(row).collect()
    };
    let statement = |chunk| {
        sql("WITH told (user_id, app_id, pushkey, settled) AS (…) UPDATE pushers SET settled = told.settled FROM told \
             WHERE pushers.user_id = told.user_id AND pushers.app_id = told.app_id AND pushers.pushkey = told.pushkey")
        .bind_rows(rows(chunk))
    };
    pushers.chunks(SETTLED_AT_ONCE).map(statement).collect()
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

/// Removes the pushers of everybody else for one application and key, and tells whose they were.
pub async fn delete_pushers_of_others(
    tx: &mut Tx,
    user_id: &UserId,
    ids: &PusherIds,
) -> sqlx::Result<Vec<OwnedUserId>> {
    let deleted = sql("DELETE FROM pushers WHERE user_id <> $1 AND app_id = $2 AND pushkey = $3 RETURNING user_id");
    let deleted = deleted.bind(user_id).bind(&ids.app_id).bind(&ids.pushkey).all(tx).await?;
    deleted.iter().map(|row| row.parse("user_id")).collect()
}
