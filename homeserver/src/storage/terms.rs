//! What people have agreed to.

use ruma::UserId;

use super::db::{Db, Tx, sql};

/// A version of a policy that somebody agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The policy's id.
    pub policy_id: String,
    /// Its version.
    pub version: String,
}

/// Keeps what a user agrees to.
pub async fn insert(tx: &mut Tx, user_id: &UserId, accepted: &[Accepted], now: i64) -> sqlx::Result<()> {
    for Accepted { policy_id, version } in accepted {
        sql("INSERT INTO terms_accepted (user_id, policy_id, version, accepted_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id, policy_id, version) DO NOTHING")
        .bind(user_id)
        .bind(policy_id)
        .bind(version)
        .bind(now)
        .run(tx)
        .await?;
    }
    Ok(())
}

/// What a user has agreed to, each with its time in milliseconds.
pub async fn of_user(db: &Db, user_id: &UserId) -> sqlx::Result<Vec<(Accepted, i64)>> {
    sql("SELECT policy_id, version, accepted_at FROM terms_accepted WHERE user_id = $1 ORDER BY policy_id, accepted_at")
        .bind(user_id)
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let accepted = Accepted { policy_id: row.get("policy_id")?, version: row.get("version")? };
            Ok((accepted, row.get("accepted_at")?))
        })
        .collect()
}
