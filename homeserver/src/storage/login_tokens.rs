//! Tokens by which another device of a user signs in once.

use ruma::{OwnedUserId, UserId};

use super::{
    db::{Tx, sql},
    sessions::TokenHash,
};

/// Keeps a token, and forgets those that have ended.
pub async fn insert(tx: &mut Tx, hash: &TokenHash, user_id: &UserId, expires_at: i64, now: i64) -> sqlx::Result<()> {
    sql("DELETE FROM login_tokens WHERE expires_at <= $1").bind(now).run(tx).await?;
    sql("INSERT INTO login_tokens (token_hash, user_id, expires_at) VALUES ($1, $2, $3)")
        .bind(&hash[..])
        .bind(user_id)
        .bind(expires_at)
        .run(tx)
        .await
        .map(drop)
}

/// Uses a token up, and tells whose it was; `None` if there is none or it has ended.
pub async fn take(tx: &mut Tx, hash: &TokenHash, now: i64) -> sqlx::Result<Option<OwnedUserId>> {
    sql("DELETE FROM login_tokens WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id")
        .bind(&hash[..])
        .bind(now)
        .optional(tx)
        .await?
        .map(|row| row.parse("user_id"))
        .transpose()
}

/// Deletes the tokens of a user.
pub async fn delete_of_user(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<()> {
    sql("DELETE FROM login_tokens WHERE user_id = $1").bind(user_id).run(tx).await.map(drop)
}
