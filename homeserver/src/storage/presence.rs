//! What people have written of themselves, and what others were last told of them.

use ruma::{OwnedUserId, UserId, presence::PresenceState};

use super::db::{Db, InsertMany, Tx, sql};
use crate::clock::Millis;

/// What is kept of a person.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whose presence.
    pub user_id: OwnedUserId,
    /// The presence that others were told.
    pub state: PresenceState,
    /// Whether they were told that the person is active.
    pub currently_active: bool,
    /// What the person has written.
    pub status_msg: Option<String>,
    /// When the person was last active.
    pub last_active: Option<Millis>,
    /// The position of the telling; zero if nobody was told anything.
    pub position: u64,
}

/// Everybody's presence.
pub async fn all(db: &Db) -> sqlx::Result<Vec<Kept>> {
    let rows =
        sql("SELECT user_id, status_msg, state, currently_active, last_active, position FROM presence").all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(Kept {
                user_id: row.parse("user_id")?,
                state: row.get::<String>("state")?.into(),
                currently_active: row.get("currently_active")?,
                status_msg: Some(row.get::<String>("status_msg")?).filter(|text| !text.is_empty()),
                last_active: row.get("last_active")?,
                position: row.get::<i64>("position")? as u64,
            })
        })
        .collect()
}

/// Keeps a user's message, or that there is none.
pub async fn keep_message(tx: &mut Tx, user_id: &UserId, status_msg: Option<&str>) -> sqlx::Result<()> {
    sql("INSERT INTO presence (user_id, status_msg) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET status_msg = excluded.status_msg")
    .bind(user_id)
    .bind(status_msg.unwrap_or_default())
    .run(tx)
    .await
    .map(drop)
}

/// Keeps everything but the message of many people: that may have been written anew meanwhile.
pub async fn keep(tx: &mut Tx, people: &[Kept]) -> sqlx::Result<()> {
    let mut rows = InsertMany::upsert(
        "INSERT INTO presence (user_id, status_msg, state, currently_active, last_active, position)",
        6,
        1,
        "ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, currently_active = excluded.currently_active, \
         last_active = excluded.last_active, position = excluded.position",
    );
    for kept in people {
        rows.row([
            (&*kept.user_id).into(),
            "".into(),
            kept.state.as_str().into(),
            kept.currently_active.into(),
            kept.last_active.into(),
            (kept.position as i64).into(),
        ]);
    }
    rows.flush(tx).await
}
