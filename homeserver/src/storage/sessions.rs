//! Devices and their tokens.

use std::{net::IpAddr, sync::atomic::AtomicI64};

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::db::{Db, On, Query, Row, Tx, sql};
use crate::clock::Millis;

/// SHA-256 of a token: what is stored and looked up. The tokens are 256 random bits, so a plain hash suffices, and a
/// look-up by hash leaks no timing of the token.
pub type TokenHash = [u8; 32];

/// An access token's row.
#[derive(Debug)]
pub struct Session {
    /// Whose.
    pub user_id: OwnedUserId,
    /// For which device.
    pub device_id: Option<OwnedDeviceId>,
    /// The OAuth 2.0 client that the device signed in by, if it did not by the legacy API.
    pub client_id: Option<String>,
    /// When it ends, if it does.
    pub expires_at: Option<Millis>,
    /// Whether the account is locked (`M_USER_LOCKED`).
    pub locked: bool,
    /// Whether the account is suspended (`M_USER_SUSPENDED`).
    pub suspended: bool,
    /// The refresh token that came with it.
    pub refresh_token: Option<Vec<u8>>,
    /// Whether a refresh token before that one, and its access tokens, end with this token's first use.
    pub ends_another: bool,
    /// When it was last noted that the device was seen.
    pub seen_at: AtomicI64,
}

/// Where a device was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Millis,
    /// From which address.
    pub ip: Option<IpAddr>,
    /// By which `User-Agent`.
    pub user_agent: Option<String>,
}

/// A device's row.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub device_id: OwnedDeviceId,
    /// Its name.
    pub display_name: Option<String>,
    /// The OAuth 2.0 client that it signed in by, if it did not by the legacy API.
    pub client_id: Option<String>,
    /// When it signed in first.
    pub created_at: Millis,
    /// When it was last seen.
    pub last_seen_at: Option<Millis>,
    /// At which address.
    pub last_seen_ip: Option<String>,
    /// By which `User-Agent`.
    pub last_seen_user_agent: Option<String>,
}

/// What is deleted with a device besides what belongs to its encryption. `$1` is the user, `$2` the device.
const OF_A_DEVICE: &[&str] = &[
    "DELETE FROM access_tokens WHERE user_id = $1 AND device_id = $2",
    "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = $2",
    "DELETE FROM pushers WHERE user_id = $1 AND device_id = $2",
    "DELETE FROM devices WHERE user_id = $1 AND device_id = $2",
];

/// The session behind a token's hash.
pub async fn by_token(db: &Db, hash: &TokenHash) -> sqlx::Result<Option<Session>> {
    sql("SELECT t.user_id, t.device_id, t.expires_at, t.refresh_token_hash, u.locked, u.suspended, d.last_seen_at, \
         d.client_id, EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.next_token_hash = t.refresh_token_hash \
         AND NOT r.spent) AS ends_another \
         FROM access_tokens t JOIN users u ON u.user_id = t.user_id \
         LEFT JOIN devices d ON d.user_id = t.user_id AND d.device_id = t.device_id \
         WHERE t.token_hash = $1 AND NOT u.deactivated")
    .bind(&hash[..])
    .optional(db)
    .await?
    .map(|row| {
        Ok(Session {
            user_id: row.parse("user_id")?,
            device_id: row.get::<Option<String>>("device_id")?.map(Into::into),
            client_id: row.get("client_id")?,
            expires_at: row.get("expires_at")?,
            locked: row.get("locked")?,
            suspended: row.get("suspended")?,
            refresh_token: row.get("refresh_token_hash")?,
            ends_another: row.get("ends_another")?,
            seen_at: AtomicI64::new(row.get::<Option<i64>>("last_seen_at")?.unwrap_or(0)),
        })
    })
    .transpose()
}

/// An access token to be kept.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Its hash.
    pub hash: TokenHash,
    /// Whose.
    pub user_id: &'a UserId,
    /// For which device.
    pub device_id: Option<&'a DeviceId>,
    /// When it ends.
    pub expires_at: Option<i64>,
    /// The refresh token that comes with it.
    pub refresh_token: Option<&'a TokenHash>,
    /// Who acts as this user.
    pub puppeted_by: Option<&'a UserId>,
}

/// Keeps an access token.
pub async fn insert_token(tx: &mut Tx, token: &NewToken<'_>, now: i64) -> sqlx::Result<()> {
    sql("INSERT INTO access_tokens (token_hash, user_id, device_id, created_at, expires_at, refresh_token_hash, \
         puppeted_by) VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(&token.hash[..])
    .bind(token.user_id)
    .bind(token.device_id)
    .bind(now)
    .bind(token.expires_at)
    .bind(token.refresh_token.map(|hash| &hash[..]))
    .bind(token.puppeted_by)
    .run(tx)
    .await
    .map(drop)
}

/// Keeps a refresh token.
pub async fn insert_refresh_token(
    tx: &mut Tx,
    hash: &TokenHash,
    user_id: &UserId,
    device_id: &DeviceId,
    now: i64,
) -> sqlx::Result<()> {
    sql("INSERT INTO refresh_tokens (token_hash, user_id, device_id, created_at) VALUES ($1, $2, $3, $4)")
        .bind(&hash[..])
        .bind(user_id)
        .bind(device_id)
        .bind(now)
        .run(tx)
        .await
        .map(drop)
}

/// A refresh token's row.
#[derive(Debug)]
pub struct RefreshToken {
    /// Whose.
    pub user_id: OwnedUserId,
    /// For which device.
    pub device_id: OwnedDeviceId,
    /// The client that it was given to, if not by the legacy API.
    pub client_id: Option<String>,
    /// The token that was given in its place.
    pub next: Option<Vec<u8>>,
    /// Whether that one is used since.
    pub spent: bool,
    /// Whether the account is locked.
    pub locked: bool,
}

/// A refresh token.
pub async fn refresh_token<'a>(on: impl Into<On<'a>>, hash: &TokenHash) -> sqlx::Result<Option<RefreshToken>> {
    sql("SELECT r.user_id, r.device_id, d.client_id, r.next_token_hash, r.spent, u.locked FROM refresh_tokens r \
         JOIN users u ON u.user_id = r.user_id \
         LEFT JOIN devices d ON d.user_id = r.user_id AND d.device_id = r.device_id \
         WHERE r.token_hash = $1 AND NOT u.deactivated")
    .bind(&hash[..])
    .optional(on)
    .await?
    .map(|row| {
        Ok(RefreshToken {
            user_id: row.parse("user_id")?,
            device_id: row.get::<String>("device_id")?.into(),
            client_id: row.get("client_id")?,
            next: row.get("next_token_hash")?,
            spent: row.get("spent")?,
            locked: row.get("locked")?,
        })
    })
    .transpose()
}

/// Notes which refresh token was given in place of another.
pub async fn replace_refresh_token(tx: &mut Tx, old: &TokenHash, new: &TokenHash) -> sqlx::Result<()> {
    sql("UPDATE refresh_tokens SET next_token_hash = $2 WHERE token_hash = $1")
        .bind(&old[..])
        .bind(&new[..])
        .run(tx)
        .await
        .map(drop)
}

/// Ends the refresh token that another took the place of, and the access tokens that came with it.
pub async fn end_predecessor(tx: &mut Tx, hash: &[u8]) -> sqlx::Result<()> {
    sql("DELETE FROM access_tokens WHERE refresh_token_hash IN \
         (SELECT token_hash FROM refresh_tokens WHERE next_token_hash = $1)")
    .bind(hash)
    .run(tx)
    .await?;
    sql("UPDATE refresh_tokens SET spent = TRUE WHERE next_token_hash = $1").bind(hash).run(tx).await.map(drop)
}

/// Ends all tokens of a device; it may sign in again as what it is.
pub async fn end_tokens(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId, now: Millis) -> sqlx::Result<()> {
    sql("UPDATE access_tokens SET expires_at = $3 \
         WHERE user_id = $1 AND device_id = $2 AND (expires_at IS NULL OR expires_at > $3)")
    .bind(user_id)
    .bind(device_id)
    .bind(now)
    .run(tx)
    .await?;
    sql("DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .run(tx)
        .await
        .map(drop)
}

/// The device that an access token or a refresh token is for, and the client that it signed in by.
pub async fn device_of_token<'a>(
    on: impl Into<On<'a>>,
    hash: &TokenHash,
) -> sqlx::Result<Option<(OwnedUserId, OwnedDeviceId, Option<String>)>> {
    sql("SELECT d.user_id, d.device_id, d.client_id FROM devices d \
         JOIN (SELECT user_id, device_id FROM access_tokens WHERE token_hash = $1 \
         UNION SELECT user_id, device_id FROM refresh_tokens WHERE token_hash = $1) t \
         ON t.user_id = d.user_id AND t.device_id = d.device_id")
    .bind(&hash[..])
    .optional(on)
    .await?
    .map(|row| Ok((row.parse("user_id")?, row.get::<String>("device_id")?.into(), row.get("client_id")?)))
    .transpose()
}

/// Deletes a refresh token and the access tokens that came with it.
pub async fn delete_refresh_token(tx: &mut Tx, hash: &[u8]) -> sqlx::Result<()> {
    sql("DELETE FROM access_tokens WHERE refresh_token_hash = $1").bind(hash).run(tx).await?;
    sql("DELETE FROM refresh_tokens WHERE token_hash = $1").bind(hash).run(tx).await.map(drop)
}

/// Deletes an access token.
pub async fn delete_token(tx: &mut Tx, hash: &TokenHash) -> sqlx::Result<()> {
    sql("DELETE FROM access_tokens WHERE token_hash = $1").bind(&hash[..]).run(tx).await.map(drop)
}

/// Deletes the tokens of a user, or of one device.
pub async fn delete_tokens(tx: &mut Tx, user_id: &UserId, device_id: Option<&DeviceId>) -> sqlx::Result<()> {
    for text in [
        "DELETE FROM access_tokens WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR device_id = $2)",
        "DELETE FROM refresh_tokens WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR device_id = $2)",
    ] {
        sql(text).bind(user_id).bind(device_id).run(tx).await?;
    }
    Ok(())
}

/// Deletes the tokens of a user, those of one device excepted.
pub async fn delete_tokens_except(tx: &mut Tx, user_id: &UserId, keep: Option<&DeviceId>) -> sqlx::Result<()> {
    let Some(keep) = keep else { return delete_tokens(tx, user_id, None).await };
    for text in [
        "DELETE FROM access_tokens WHERE user_id = $1 AND (device_id IS NULL OR device_id <> $2)",
        "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id <> $2",
    ] {
        sql(text).bind(user_id).bind(keep).run(tx).await?;
    }
    Ok(())
}

/// Whether there are access tokens that ended before a time.
pub async fn any_expired(db: &Db, before: i64) -> sqlx::Result<bool> {
    sql("SELECT expires_at FROM access_tokens WHERE expires_at < $1 LIMIT 1")
        .bind(before)
        .optional(db)
        .await
        .map(|row| row.is_some())
}

/// The statements that delete access tokens that ended before a time, and refresh tokens that were given before another
/// and are spent.
pub fn delete_expired(before: Millis, given_before: Millis) -> [Query; 2] {
    [
        sql("DELETE FROM access_tokens WHERE expires_at < $1").bind(before),
        sql("DELETE FROM refresh_tokens WHERE spent AND created_at < $1").bind(given_before),
    ]
}

/// Notes by which client a device signed in.
pub async fn set_client(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    client_id: Option<&str>,
) -> sqlx::Result<()> {
    sql("UPDATE devices SET client_id = $3 WHERE user_id = $1 AND device_id = $2")
        .bind(user_id)
        .bind(device_id)
        .bind(client_id)
        .run(tx)
        .await
        .map(drop)
}

/// Makes a device; `false` if there is one of that id already, which is left as it is.
pub async fn insert_device(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    display_name: Option<&str>,
    client_id: Option<&str>,
    now: i64,
) -> sqlx::Result<bool> {
    sql("INSERT INTO devices (user_id, device_id, display_name, client_id, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (user_id, device_id) DO NOTHING")
    .bind(user_id)
    .bind(device_id)
    .bind(display_name)
    .bind(client_id)
    .bind(now)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// The columns that [`read_device`] reads.
macro_rules! select_devices {
    ($rest:literal) => {
        concat!(
            "SELECT device_id, display_name, client_id, created_at, last_seen_at, last_seen_ip, last_seen_user_agent FROM devices ",
            $rest
        )
    };
}

fn read_device(row: &Row) -> sqlx::Result<Device> {
    Ok(Device {
        device_id: row.get::<String>("device_id")?.into(),
        display_name: row.get("display_name")?,
        client_id: row.get("client_id")?,
        created_at: row.get("created_at")?,
        last_seen_at: row.get("last_seen_at")?,
        last_seen_ip: row.get("last_seen_ip")?,
        last_seen_user_agent: row.get("last_seen_user_agent")?,
    })
}

/// A user's devices.
pub async fn devices(db: &Db, user_id: &UserId) -> sqlx::Result<Vec<Device>> {
    let query = sql(select_devices!("WHERE user_id = $1 ORDER BY created_at, device_id"));
    query.bind(user_id).all(db).await?.iter().map(read_device).collect()
}

/// One device.
pub async fn device(db: &Db, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<Option<Device>> {
    let query = sql(select_devices!("WHERE user_id = $1 AND device_id = $2"));
    query.bind(user_id).bind(device_id).optional(db).await?.as_ref().map(read_device).transpose()
}

/// The ids of a user's devices, within a transaction.
pub async fn device_ids(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<Vec<OwnedDeviceId>> {
    let rows = sql("SELECT device_id FROM devices WHERE user_id = $1").bind(user_id).all(tx).await?;
    rows.iter().map(|row| Ok(row.get::<String>("device_id")?.into())).collect()
}

/// Deletes a device and all that is kept for it; `false` if there is none.
pub async fn delete_device(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<bool> {
    let mut rows = 0;
    for text in OF_A_DEVICE {
        // The last statement, which counts, is the device's own.
        rows = sql(text).bind(user_id).bind(device_id).run(tx).await?;
    }
    Ok(rows > 0)
}

/// Names a device, without a name not anew; `false` if there is none.
pub async fn rename_device(
    tx: &mut Tx,
    user_id: &UserId,
    device_id: &DeviceId,
    name: Option<&str>,
) -> sqlx::Result<bool> {
    sql("UPDATE devices SET display_name = COALESCE(CAST($3 AS TEXT), display_name) \
         WHERE user_id = $1 AND device_id = $2")
    .bind(user_id)
    .bind(device_id)
    .bind(name)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Writes where a device was seen.
pub async fn seen(tx: &mut Tx, user_id: &UserId, device_id: &DeviceId, seen: &Seen) -> sqlx::Result<()> {
    sql("UPDATE devices SET last_seen_at = $3, last_seen_ip = COALESCE($4, last_seen_ip), \
         last_seen_user_agent = COALESCE($5, last_seen_user_agent) WHERE user_id = $1 AND device_id = $2")
    .bind(user_id)
    .bind(device_id)
    .bind(seen.at)
    .bind(seen.ip.map(|ip| ip.to_string()))
    .bind(seen.user_agent.clone())
    .run(tx)
    .await
    .map(drop)
}
