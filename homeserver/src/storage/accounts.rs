//! Accounts, devices and tokens.

use super::db::{Db, sql};
use crate::domain::sessions::Session;

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
