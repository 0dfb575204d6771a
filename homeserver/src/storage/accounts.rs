//! Accounts and registration tokens.

use std::collections::HashMap;

use ruma::{MxcUri, OwnedMxcUri, OwnedUserId, UserId};
use serde_json::{Map, Value};

use super::db::{Db, Query, Row, Tx, sql};
use super::sessions::TokenHash;
use super::terms::Accepted;
use crate::clock::Millis;

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose.
    pub user_id: OwnedUserId,
    /// The password's hash; `None` where one signs in by other means or not at all.
    pub password_hash: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Whether it may administer the server.
    pub admin: bool,
    /// Whether it was closed for good.
    pub deactivated: bool,
    /// Whether it may do nothing at present (`M_USER_LOCKED`).
    pub locked: bool,
    /// Whether it may only read and leave at present (`M_USER_SUSPENDED`).
    pub suspended: bool,
    /// Whether what it wrote was to be hidden from those who join later.
    pub erased: bool,
    /// `bot` or another kind that an administrator gave.
    pub user_type: Option<String>,
    /// The application service that made it.
    pub appservice_id: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar.
    pub avatar_url: Option<OwnedMxcUri>,
    /// Further fields of the profile.
    pub profile: Map<String, Value>,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name, as `domain::accounts::names` makes it.
    pub user_id: OwnedUserId,
    /// The password's hash, if one signs in by password.
    pub password_hash: Option<String>,
    /// Whether it may administer the server.
    pub admin: bool,
    /// The application service that makes it.
    pub appservice_id: Option<String>,
    /// `bot` or another kind.
    pub user_type: Option<String>,
    /// The display name to begin with.
    pub display_name: Option<String>,
    /// The avatar to begin with.
    pub avatar_url: Option<OwnedMxcUri>,
    /// The registration token that is used up by it.
    pub registration_token: Option<String>,
    /// What its owner has agreed to.
    pub accepted_terms: Vec<Accepted>,
}

impl NewAccount {
    /// An account with a name and nothing else.
    pub fn new(user_id: OwnedUserId) -> Self {
        Self {
            user_id,
            password_hash: None,
            admin: false,
            appservice_id: None,
            user_type: None,
            display_name: None,
            avatar_url: None,
            registration_token: None,
            accepted_terms: Vec::new(),
        }
    }
}

/// Somebody who was found.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub user_id: OwnedUserId,
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar.
    pub avatar_url: Option<OwnedMxcUri>,
}

/// The columns that [`account`] reads.
macro_rules! select_accounts {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, password_hash, created_at, admin, deactivated, locked, suspended, erased, user_type, ",
            "appservice_id, display_name, avatar_url, profile FROM users ",
            $rest
        )
    };
}

fn account(row: &Row) -> sqlx::Result<Account> {
    Ok(Account {
        user_id: row.parse("user_id")?,
        password_hash: row.get("password_hash")?,
        created_at: row.get("created_at")?,
        admin: row.get("admin")?,
        deactivated: row.get("deactivated")?,
        locked: row.get("locked")?,
        suspended: row.get("suspended")?,
        erased: row.get("erased")?,
        user_type: row.get("user_type")?,
        appservice_id: row.get("appservice_id")?,
        display_name: row.get("display_name")?,
        avatar_url: row.get::<Option<String>>("avatar_url")?.map(OwnedMxcUri::from),
        profile: serde_json::from_str(&row.get::<String>("profile")?).map_err(|e| sqlx::Error::Decode(e.into()))?,
    })
}

/// An account.
pub async fn get(db: &Db, user_id: &UserId) -> sqlx::Result<Option<Account>> {
    sql(select_accounts!("WHERE user_id = $1")).bind(user_id).optional(db).await?.as_ref().map(account).transpose()
}

/// Makes an account; `false` if the name is taken.
pub async fn insert(tx: &mut Tx, new: &NewAccount, search_text: &str, now: i64) -> sqlx::Result<bool> {
    sql("INSERT INTO users (user_id, password_hash, created_at, admin, user_type, appservice_id, display_name, \
         avatar_url, search_text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (user_id) DO NOTHING")
    .bind(&*new.user_id)
    .bind(new.password_hash.clone())
    .bind(now)
    .bind(new.admin)
    .bind(new.user_type.clone())
    .bind(new.appservice_id.clone())
    .bind(new.display_name.clone())
    .bind(new.avatar_url.as_ref().map(|url| url.as_str().to_owned()))
    .bind(search_text)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Sets or takes away a password.
pub async fn set_password(tx: &mut Tx, user_id: &UserId, hash: Option<&str>) -> sqlx::Result<()> {
    sql("UPDATE users SET password_hash = $2 WHERE user_id = $1").bind(user_id).bind(hash).run(tx).await.map(drop)
}

/// The statement that sets or takes away a display name.
pub fn set_display_name(user_id: &UserId, name: Option<&str>, search_text: &str) -> Query {
    sql("UPDATE users SET display_name = $2, search_text = $3 WHERE user_id = $1")
        .bind(user_id)
        .bind(name)
        .bind(search_text)
}

/// The statement that sets or takes away an avatar.
pub fn set_avatar_url(user_id: &UserId, url: Option<&MxcUri>) -> Query {
    sql("UPDATE users SET avatar_url = $2 WHERE user_id = $1").bind(user_id).bind(url.map(MxcUri::as_str))
}

/// The further fields of a profile, within a transaction.
pub async fn profile_fields(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<Option<Map<String, Value>>> {
    let row = sql("SELECT profile FROM users WHERE user_id = $1").bind(user_id).optional(tx).await?;
    row.map(|row| serde_json::from_str(&row.get::<String>("profile")?).map_err(|e| sqlx::Error::Decode(e.into())))
        .transpose()
}

/// Sets the further fields of a profile, a JSON object.
pub async fn set_profile(tx: &mut Tx, user_id: &UserId, json: &str) -> sqlx::Result<()> {
    sql("UPDATE users SET profile = $2 WHERE user_id = $1").bind(user_id).bind(json).run(tx).await.map(drop)
}

/// Closes an account.
pub async fn close(tx: &mut Tx, user_id: &UserId, erase: bool) -> sqlx::Result<()> {
    sql("DELETE FROM filters WHERE user_id = $1").bind(user_id).run(tx).await?;
    sql("DELETE FROM pushers WHERE user_id = $1").bind(user_id).run(tx).await?;
    let query = if erase {
        sql("UPDATE users SET deactivated = TRUE, password_hash = NULL, admin = FALSE, erased = TRUE, display_name = NULL, \
             avatar_url = NULL, profile = '{}', search_text = '' WHERE user_id = $1")
        .bind(user_id)
    } else {
        sql("UPDATE users SET deactivated = TRUE, password_hash = NULL, admin = FALSE WHERE user_id = $1").bind(user_id)
    };
    query.run(tx).await.map(drop)
}

/// Opens a closed account again; `false` if there is none.
pub async fn reopen(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<bool> {
    sql("UPDATE users SET deactivated = FALSE, erased = FALSE WHERE user_id = $1")
        .bind(user_id)
        .run(tx)
        .await
        .map(|rows| rows > 0)
}

/// The statement that gives or takes the right to administer the server.
pub fn set_admin(user_id: &UserId, admin: bool) -> Query {
    sql("UPDATE users SET admin = $2 WHERE user_id = $1").bind(user_id).bind(admin)
}

/// The statement that locks or unlocks an account.
pub fn set_locked(user_id: &UserId, locked: bool) -> Query {
    sql("UPDATE users SET locked = $2 WHERE user_id = $1").bind(user_id).bind(locked)
}

/// The statement that suspends an account or lets it take part again.
pub fn set_suspended(user_id: &UserId, suspended: bool) -> Query {
    sql("UPDATE users SET suspended = $2 WHERE user_id = $1").bind(user_id).bind(suspended)
}

/// The statement that says what kind of account it is.
pub fn set_user_type(user_id: &UserId, kind: Option<&str>) -> Query {
    sql("UPDATE users SET user_type = $2 WHERE user_id = $1").bind(user_id).bind(kind)
}

/// Every account, by id.
pub async fn all(db: &Db) -> sqlx::Result<Vec<Account>> {
    sql(select_accounts!("ORDER BY user_id")).all(db).await?.iter().map(account).collect()
}

/// When each user was last seen, where that is known.
pub async fn last_seen(db: &Db) -> sqlx::Result<HashMap<OwnedUserId, i64>> {
    let query =
        sql("SELECT user_id, MAX(last_seen_at) AS at FROM devices WHERE last_seen_at IS NOT NULL GROUP BY user_id");
    query.all(db).await?.iter().map(|row| Ok((row.parse("user_id")?, row.get("at")?))).collect()
}

/// People whose search text holds every pattern, those whose name begins with the first one before others.
/// With `everybody` all users, else those in public rooms or in rooms with the one who searches.
pub async fn search(
    db: &Db,
    by: &UserId,
    everybody: bool,
    [a, b, c, d]: &[String; 4],
    limit: i64,
) -> sqlx::Result<Vec<Person>> {
    let holds = |word: &str| format!("%{word}%");
    sql("SELECT u.user_id, u.display_name, u.avatar_url FROM users u \
         WHERE NOT u.deactivated AND NOT u.locked AND u.user_id <> $1 \
         AND u.search_text LIKE $2 ESCAPE '\\' AND u.search_text LIKE $3 ESCAPE '\\' \
         AND u.search_text LIKE $4 ESCAPE '\\' AND u.search_text LIKE $5 ESCAPE '\\' \
         AND ($6 OR EXISTS (SELECT 1 FROM memberships m JOIN rooms r ON r.room_id = m.room_id \
             WHERE m.user_id = u.user_id AND m.membership = 'join' AND (r.is_public OR EXISTS \
             (SELECT 1 FROM memberships own WHERE own.room_id = m.room_id AND own.user_id = $1 \
             AND own.membership = 'join')))) \
         ORDER BY CASE WHEN u.search_text LIKE $7 ESCAPE '\\' THEN 0 WHEN u.search_text LIKE $8 ESCAPE '\\' THEN 1 \
         ELSE 2 END, u.display_name, u.user_id LIMIT $9")
    .bind(by)
    .bind(holds(a))
    .bind(holds(b))
    .bind(holds(c))
    .bind(holds(d))
    .bind(everybody)
    .bind(format!("{a}%"))
    .bind(format!("% {a}%"))
    .bind(limit)
    .all(db)
    .await?
    .iter()
    .map(|row| {
        Ok(Person {
            user_id: row.parse("user_id")?,
            display_name: row.get("display_name")?,
            avatar_url: row.get::<Option<String>>("avatar_url")?.map(OwnedMxcUri::from),
        })
    })
    .collect()
}

/// Whether a registration token may be used now.
pub async fn registration_token_is_valid(db: &Db, token: &str, now: i64) -> sqlx::Result<bool> {
    sql(
        "SELECT token FROM registration_tokens WHERE token = $1 AND (uses_allowed IS NULL OR completed < uses_allowed) \
         AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(token)
    .bind(now)
    .optional(db)
    .await
    .map(|row| row.is_some())
}

/// Uses a registration token once; `false` if it may not be used.
pub async fn use_registration_token(tx: &mut Tx, token: &str, now: i64) -> sqlx::Result<bool> {
    sql("UPDATE registration_tokens SET completed = completed + 1 WHERE token = $1 \
         AND (uses_allowed IS NULL OR completed < uses_allowed) AND (expires_at IS NULL OR expires_at > $2)")
    .bind(token)
    .bind(now)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Keeps an OpenID token, and forgets those that have ended.
pub async fn insert_openid_token(
    tx: &mut Tx,
    hash: &TokenHash,
    user_id: &UserId,
    ends_at: i64,
    now: i64,
) -> sqlx::Result<()> {
    sql("DELETE FROM openid_tokens WHERE expires_at <= $1").bind(now).run(tx).await?;
    sql("INSERT INTO openid_tokens (token_hash, user_id, expires_at) VALUES ($1, $2, $3)")
        .bind(&hash[..])
        .bind(user_id)
        .bind(ends_at)
        .run(tx)
        .await
        .map(drop)
}

/// Who stands behind an OpenID token.
pub async fn by_openid_token(db: &Db, hash: &TokenHash, now: i64) -> sqlx::Result<Option<OwnedUserId>> {
    sql("SELECT o.user_id FROM openid_tokens o JOIN users u ON u.user_id = o.user_id \
         WHERE o.token_hash = $1 AND o.expires_at > $2 AND NOT u.deactivated AND NOT u.locked")
    .bind(&hash[..])
    .bind(now)
    .optional(db)
    .await?
    .map(|row| row.parse("user_id"))
    .transpose()
}

/// A registration token's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The token.
    pub token: String,
    /// How many accounts it may make; any number if `None`.
    pub uses_allowed: Option<i64>,
    /// How many it has made.
    pub completed: i64,
    /// When it ends, if it does.
    pub expires_at: Option<i64>,
}

impl RegistrationToken {
    /// Whether it may be used now.
    pub fn is_valid(&self, now: i64) -> bool {
        self.uses_allowed.is_none_or(|uses| self.completed < uses) && self.expires_at.is_none_or(|end| end > now)
    }
}

fn registration_token(row: &Row) -> sqlx::Result<RegistrationToken> {
    Ok(RegistrationToken {
        token: row.get("token")?,
        uses_allowed: row.get("uses_allowed")?,
        completed: row.get("completed")?,
        expires_at: row.get("expires_at")?,
    })
}

/// All registration tokens.
pub async fn registration_tokens(db: &Db) -> sqlx::Result<Vec<RegistrationToken>> {
    let query = sql("SELECT token, uses_allowed, completed, expires_at FROM registration_tokens ORDER BY token");
    query.all(db).await?.iter().map(registration_token).collect()
}

/// Keeps a registration token; `false` if there is one of that text.
pub async fn insert_registration_token(tx: &mut Tx, new: &RegistrationToken) -> sqlx::Result<bool> {
    sql("INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (token) DO NOTHING")
    .bind(&new.token)
    .bind(new.uses_allowed)
    .bind(new.completed)
    .bind(new.expires_at)
    .run(tx)
    .await
    .map(|rows| rows > 0)
}

/// Changes how often and until when a registration token may be used; `false` if there is none.
pub async fn update_registration_token(tx: &mut Tx, changed: &RegistrationToken) -> sqlx::Result<bool> {
    sql("UPDATE registration_tokens SET uses_allowed = $2, expires_at = $3 WHERE token = $1")
        .bind(&changed.token)
        .bind(changed.uses_allowed)
        .bind(changed.expires_at)
        .run(tx)
        .await
        .map(|rows| rows > 0)
}

/// Deletes a registration token; `false` if there is none.
pub async fn delete_registration_token(tx: &mut Tx, token: &str) -> sqlx::Result<bool> {
    sql("DELETE FROM registration_tokens WHERE token = $1").bind(token).run(tx).await.map(|rows| rows > 0)
}

/// Tells a running server that a command changed an account.
pub async fn insert_notice(tx: &mut Tx, user_id: &UserId, now: i64) -> sqlx::Result<()> {
    sql("INSERT INTO account_notices (user_id, changed_at) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET changed_at = excluded.changed_at")
    .bind(user_id)
    .bind(now)
    .run(tx)
    .await
    .map(drop)
}

/// The accounts that commands have changed since a time.
pub async fn notices(db: &Db, since: i64) -> sqlx::Result<Vec<OwnedUserId>> {
    let query = sql("SELECT user_id FROM account_notices WHERE changed_at >= $1").bind(since);
    query.all(db).await?.iter().map(|row| row.parse("user_id")).collect()
}
