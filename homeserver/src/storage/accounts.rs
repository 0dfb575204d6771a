//! Accounts, devices and tokens.

use super::db::{Db, sql};
use ruma::{OwnedDeviceId, OwnedUserId};

use crate::clock::Millis;

/// An access token's row.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub user_id: OwnedUserId,
    /// For which device.
    pub device_id: Option<OwnedDeviceId>,
    /// When it ends, if it does.
    pub expires_at: Option<Millis>,
    /// Whether the account is locked (`M_USER_LOCKED`).
    pub locked: bool,
}

/// How a user shows up in a room.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar.
    pub avatar_url: Option<String>,
}

/// The session behind a token's hash.
pub async fn session(db: &Db, hash: &[u8; 32]) -> sqlx::Result<Option<Session>> {
    sql("SELECT t.user_id, t.device_id, t.expires_at, u.locked FROM access_tokens t JOIN users u ON u.user_id = t.user_id \
         WHERE t.token_hash = $1 AND NOT u.deactivated")
    .bind(&hash[..])
    .optional(db)
    .await?
    .map(|row| {
        Ok(Session {
            user_id: row.parse("user_id")?,
            device_id: row.get::<Option<String>>("device_id")?.map(Into::into),
            expires_at: row.get("expires_at")?,
            locked: row.get("locked")?,
        })
    })
    .transpose()
}

/// How a user shows up in rooms; `None` if there is no such account.
pub async fn profile(db: &Db, user_id: &ruma::UserId) -> sqlx::Result<Option<Profile>> {
    sql("SELECT display_name, avatar_url FROM users WHERE user_id = $1")
        .bind(user_id)
        .optional(db)
        .await?
        .map(|row| Ok(Profile { display_name: row.get("display_name")?, avatar_url: row.get("avatar_url")? }))
        .transpose()
}
