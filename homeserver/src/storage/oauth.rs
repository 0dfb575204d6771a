//! OAuth 2.0: clients, codes, and who is signed in in a browser.

use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use super::{
    db::{Db, On, Row, Tx, sql},
    sessions::TokenHash,
};
use crate::clock::Millis;

/// A registration that no device uses, and nobody who is about to, is forgotten after so long.
const UNUSED_CLIENT_MS: Millis = 90 * 24 * 60 * 60 * 1000;

/// A client's metadata as JSON.
pub async fn client(db: &Db, client_id: &str) -> sqlx::Result<Option<String>> {
    let query = sql("SELECT metadata FROM oauth_clients WHERE client_id = $1").bind(client_id);
    query.optional(db).await?.map(|row| row.get("metadata")).transpose()
}

/// Whether a client has registered, not so long ago that its registration may soon be forgotten.
pub async fn is_registered(db: &Db, client_id: &str, now: Millis) -> sqlx::Result<bool> {
    let query = sql("SELECT client_id FROM oauth_clients WHERE client_id = $1 AND created_at > $2");
    query.bind(client_id).bind(now - UNUSED_CLIENT_MS / 2).optional(db).await.map(|row| row.is_some())
}

/// Keeps a client, one that is there already for longer, and forgets those that nobody has used for long.
pub async fn insert_client(tx: &mut Tx, client_id: &str, metadata: &str, now: Millis) -> sqlx::Result<()> {
    // Each list is read once. Looked up for each client they would be read as often: none has an index for it.
    sql("DELETE FROM oauth_clients WHERE created_at <= $1 \
         AND client_id NOT IN (SELECT client_id FROM devices WHERE client_id IS NOT NULL) \
         AND client_id NOT IN (SELECT client_id FROM oauth_codes) \
         AND client_id NOT IN (SELECT client_id FROM oauth_device_codes)")
    .bind(now - UNUSED_CLIENT_MS)
    .run(tx)
    .await?;
    sql("INSERT INTO oauth_clients (client_id, metadata, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (client_id) DO UPDATE SET created_at = EXCLUDED.created_at")
    .bind(client_id)
    .bind(metadata)
    .bind(now)
    .run(tx)
    .await
    .map(drop)
}

/// An authorization code's row.
#[derive(Clone, Debug)]
pub struct Code {
    /// Whom it was given to.
    pub client_id: String,
    /// Who let the client in.
    pub user_id: OwnedUserId,
    /// The device that the client asked to be.
    pub device_id: OwnedDeviceId,
    /// What it may do.
    pub scope: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// SHA-256 of the secret that the client shows, in base64url.
    pub code_challenge: String,
}

/// A code that was looked up.
#[derive(Debug)]
pub struct FoundCode {
    /// It.
    pub code: Code,
    /// Whether it was used before.
    pub used: bool,
    /// Whether its user's account is open.
    pub open: bool,
}

/// Keeps a code, and forgets those that have ended.
pub async fn insert_code(tx: &mut Tx, hash: &TokenHash, code: &Code, ends_at: Millis, now: Millis) -> sqlx::Result<()> {
    sql("DELETE FROM oauth_codes WHERE expires_at <= $1").bind(now).run(tx).await?;
    sql("INSERT INTO oauth_codes (code_hash, client_id, user_id, device_id, scope, redirect_uri, code_challenge, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(&hash[..])
    .bind(code.client_id.clone())
    .bind(&*code.user_id)
    .bind(&*code.device_id)
    .bind(code.scope.clone())
    .bind(code.redirect_uri.clone())
    .bind(code.code_challenge.clone())
    .bind(ends_at)
    .run(tx)
    .await
    .map(drop)
}

/// The code of a hash, used or not, that has not ended.
pub async fn code<'a>(on: impl Into<On<'a>>, hash: &TokenHash, now: Millis) -> sqlx::Result<Option<FoundCode>> {
    sql("SELECT c.client_id, c.user_id, c.device_id, c.scope, c.redirect_uri, c.code_challenge, c.used, \
         (NOT u.deactivated AND NOT u.locked) AS open FROM oauth_codes c JOIN users u ON u.user_id = c.user_id \
         WHERE c.code_hash = $1 AND c.expires_at > $2")
    .bind(&hash[..])
    .bind(now)
    .optional(on)
    .await?
    .map(|row| {
        let code = Code {
            client_id: row.get("client_id")?,
            user_id: row.parse("user_id")?,
            device_id: row.get::<String>("device_id")?.into(),
            scope: row.get("scope")?,
            redirect_uri: row.get("redirect_uri")?,
            code_challenge: row.get("code_challenge")?,
        };
        Ok(FoundCode { code, used: row.get("used")?, open: row.get("open")? })
    })
    .transpose()
}

/// Marks a code as used.
pub async fn use_code(tx: &mut Tx, hash: &TokenHash) -> sqlx::Result<()> {
    sql("UPDATE oauth_codes SET used = TRUE WHERE code_hash = $1").bind(&hash[..]).run(tx).await.map(drop)
}

/// A device that waits to be let in.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What its user types.
    pub user_code: String,
    /// The client.
    pub client_id: String,
    /// The device that the client asked to be.
    pub device_id: OwnedDeviceId,
    /// What it may do.
    pub scope: String,
    /// When it stops waiting.
    pub expires_at: Millis,
    /// Milliseconds between two of its questions.
    pub interval_ms: i64,
    /// When its next question may come.
    pub next_poll_at: Millis,
    /// Who let it in.
    pub user_id: Option<OwnedUserId>,
    /// Whether it was turned away.
    pub denied: bool,
}

/// The columns that [`read_waiting`] reads.
macro_rules! select_waiting {
    ($rest:literal) => {
        concat!(
            "SELECT user_code, client_id, device_id, scope, expires_at, interval_ms, next_poll_at, user_id, denied \
             FROM oauth_device_codes ",
            $rest
        )
    };
}

fn read_waiting(row: &Row) -> sqlx::Result<Waiting> {
    let user_id: Option<String> = row.get("user_id")?;
    Ok(Waiting {
        user_code: row.get("user_code")?,
        client_id: row.get("client_id")?,
        device_id: row.get::<String>("device_id")?.into(),
        scope: row.get("scope")?,
        expires_at: row.get("expires_at")?,
        interval_ms: row.get("interval_ms")?,
        next_poll_at: row.get("next_poll_at")?,
        user_id: user_id.map(|_| row.parse("user_id")).transpose()?,
        denied: row.get("denied")?,
    })
}

/// Keeps a device that waits, and forgets those that waited in vain.
pub async fn insert_waiting(tx: &mut Tx, hash: &TokenHash, waiting: &Waiting, now: Millis) -> sqlx::Result<()> {
    // Who asks a little late hears that it was too late, and not that there never was such a code.
    let long_ago = now - 60 * 60 * 1000;
    sql("DELETE FROM oauth_device_codes WHERE expires_at <= $1").bind(long_ago).run(tx).await?;
    sql("INSERT INTO oauth_device_codes (device_code_hash, user_code, client_id, device_id, scope, expires_at, \
         interval_ms, next_poll_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(&hash[..])
    .bind(waiting.user_code.clone())
    .bind(waiting.client_id.clone())
    .bind(&*waiting.device_id)
    .bind(waiting.scope.clone())
    .bind(waiting.expires_at)
    .bind(waiting.interval_ms)
    .bind(waiting.next_poll_at)
    .run(tx)
    .await
    .map(drop)
}

/// The device that waits with a device code.
pub async fn waiting<'a>(on: impl Into<On<'a>>, hash: &TokenHash) -> sqlx::Result<Option<Waiting>> {
    let query = sql(select_waiting!("WHERE device_code_hash = $1")).bind(&hash[..]);
    query.optional(on).await?.as_ref().map(read_waiting).transpose()
}

/// The device that waits with a user code, that nobody has decided on.
pub async fn undecided(db: &Db, user_code: &str, now: Millis) -> sqlx::Result<Option<Waiting>> {
    let query = sql(select_waiting!("WHERE user_code = $1 AND expires_at > $2 AND user_id IS NULL AND NOT denied"));
    query.bind(user_code).bind(now).optional(db).await?.as_ref().map(read_waiting).transpose()
}

/// Notes when the next question of a device may come.
pub async fn polled(tx: &mut Tx, hash: &TokenHash, interval_ms: i64, next: Millis) -> sqlx::Result<()> {
    sql("UPDATE oauth_device_codes SET interval_ms = $2, next_poll_at = $3 WHERE device_code_hash = $1")
        .bind(&hash[..])
        .bind(interval_ms)
        .bind(next)
        .run(tx)
        .await
        .map(drop)
}

/// Lets a waiting device in, or turns it away (`None`); `false` if it waits no more.
pub async fn decide(tx: &mut Tx, user_code: &str, user_id: Option<&UserId>, now: Millis) -> sqlx::Result<bool> {
    sql("UPDATE oauth_device_codes SET user_id = $2, denied = $3 \
         WHERE user_code = $1 AND expires_at > $4 AND user_id IS NULL AND NOT denied")
    .bind(user_code)
    .bind(user_id)
    .bind(user_id.is_none())
    .bind(now)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Deletes a device code.
pub async fn delete_waiting(tx: &mut Tx, hash: &TokenHash) -> sqlx::Result<()> {
    sql("DELETE FROM oauth_device_codes WHERE device_code_hash = $1").bind(&hash[..]).run(tx).await.map(drop)
}

/// Whether an account may sign a device in: neither closed nor locked.
pub async fn is_open(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<bool> {
    let query = sql("SELECT user_id FROM users WHERE user_id = $1 AND NOT deactivated AND NOT locked").bind(user_id);
    query.optional(tx).await.map(|row| row.is_some())
}

/// Notes who is signed in in a browser, and forgets whose time has ended.
pub async fn insert_browser_session(
    tx: &mut Tx,
    hash: &TokenHash,
    user_id: &UserId,
    ends_at: Millis,
    now: Millis,
) -> sqlx::Result<()> {
    sql("DELETE FROM browser_sessions WHERE expires_at <= $1").bind(now).run(tx).await?;
    sql("INSERT INTO browser_sessions (session_hash, user_id, expires_at) VALUES ($1, $2, $3)")
        .bind(&hash[..])
        .bind(user_id)
        .bind(ends_at)
        .run(tx)
        .await
        .map(drop)
}

/// Who is signed in in a browser.
pub async fn browser_session(db: &Db, hash: &TokenHash, now: Millis) -> sqlx::Result<Option<OwnedUserId>> {
    sql("SELECT b.user_id FROM browser_sessions b JOIN users u ON u.user_id = b.user_id \
         WHERE b.session_hash = $1 AND b.expires_at > $2 AND NOT u.deactivated AND NOT u.locked")
    .bind(&hash[..])
    .bind(now)
    .optional(db)
    .await?
    .map(|row| row.parse("user_id"))
    .transpose()
}

/// Signs a browser out.
pub async fn delete_browser_session(tx: &mut Tx, hash: &TokenHash) -> sqlx::Result<()> {
    sql("DELETE FROM browser_sessions WHERE session_hash = $1").bind(&hash[..]).run(tx).await.map(drop)
}

/// Deletes what would let further devices of a user in.
pub async fn delete_of_user(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<()> {
    for text in [
        "DELETE FROM oauth_codes WHERE user_id = $1",
        "DELETE FROM oauth_device_codes WHERE user_id = $1",
        "DELETE FROM browser_sessions WHERE user_id = $1",
        "DELETE FROM cross_signing_resets WHERE user_id = $1",
    ] {
        sql(text).bind(user_id).run(tx).await?;
    }
    Ok(())
}

/// Allows a user to set new cross-signing keys until a time.
pub async fn allow_reset(tx: &mut Tx, user_id: &UserId, until: Millis) -> sqlx::Result<()> {
    sql("INSERT INTO cross_signing_resets (user_id, expires_at) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET expires_at = EXCLUDED.expires_at")
    .bind(user_id)
    .bind(until)
    .run(tx)
    .await
    .map(drop)
}

/// Whether a user may set new cross-signing keys.
pub async fn may_reset(db: &Db, user_id: &UserId, now: Millis) -> sqlx::Result<bool> {
    let query = sql("SELECT user_id FROM cross_signing_resets WHERE user_id = $1 AND expires_at > $2");
    query.bind(user_id).bind(now).optional(db).await.map(|row| row.is_some())
}

/// Ends what [`allow_reset`] allowed.
pub async fn end_reset(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<()> {
    sql("DELETE FROM cross_signing_resets WHERE user_id = $1").bind(user_id).run(tx).await.map(drop)
}
