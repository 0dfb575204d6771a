//! What people have written of themselves.

use ruma::{OwnedUserId, UserId};

use super::db::{Db, Tx, sql};

/// Everybody's message.
pub async fn all(db: &Db) -> sqlx::Result<Vec<(OwnedUserId, String)>> {
    let rows = sql("SELECT user_id, status_msg FROM presence").all(db).await?;
    rows.iter().map(|row| Ok((row.parse("user_id")?, row.get("status_msg")?))).collect()
}

/// Keeps a user's message, or that there is none.
pub async fn keep(tx: &mut Tx, user_id: &UserId, status_msg: Option<&str>) -> sqlx::Result<()> {
    let query = match status_msg {
        Some(text) => sql("INSERT INTO presence (user_id, status_msg) VALUES ($1, $2) \
                           ON CONFLICT (user_id) DO UPDATE SET status_msg = excluded.status_msg")
        .bind(user_id)
        .bind(text),
        None => sql("DELETE FROM presence WHERE user_id = $1").bind(user_id),
    };
    query.run(tx).await.map(drop)
}
