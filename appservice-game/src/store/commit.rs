//! The one write that takes what a transaction of the homeserver has changed.

use ruma::RoomId;
use sha2::{Digest, Sha256};
use sqlx::{Sqlite, Transaction};

use super::{Batch, Error, Job, Store};

/// Events remembered as looked at; older ones are forgotten unless they are in the log.
const REMEMBERED: i64 = 100_000;

impl Store {
    /// Writes all or nothing, durably.
    pub async fn commit(&self, batch: &Batch) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for event_id in &batch.seen {
            sqlx::query("INSERT INTO seen (event_id) VALUES ($1) ON CONFLICT DO NOTHING")
                .bind(event_id.as_str())
                .execute(&mut *tx)
                .await?;
        }
        if !batch.seen.is_empty() {
            sqlx::query("DELETE FROM seen WHERE position <= (SELECT MAX(position) FROM seen) - $1")
                .bind(REMEMBERED)
                .execute(&mut *tx)
                .await?;
        }
        commit_games(&mut tx, batch).await?;
        commit_rooms(&mut tx, batch).await?;
        for room_id in &batch.drop_jobs {
            sqlx::query("DELETE FROM outbox WHERE room_id = $1").bind(room_id.as_str()).execute(&mut *tx).await?;
        }
        for (id, room_id, job) in &batch.jobs {
            self.commit_job(&mut tx, *id, room_id, job).await?;
        }
        for id in &batch.done {
            sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn commit_job(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        id: i64,
        room_id: &RoomId,
        job: &Job,
    ) -> Result<(), Error> {
        let text = serde_json::to_string(job)?;
        // The digest matters when an older copy of the store was restored and gives an id out again: other content then
        // has another transaction id, and the homeserver does not take it for a repetition.
        let digest = Sha256::digest(text.as_bytes());
        let txn_id = format!("{}-{id}-{:02x}{:02x}{:02x}{:02x}", self.id, digest[0], digest[1], digest[2], digest[3]);
        sqlx::query("INSERT INTO outbox (id, room_id, txn_id, job) VALUES ($1, $2, $3, $4)")
            .bind(id)
            .bind(room_id.as_str())
            .bind(txn_id)
            .bind(text)
            .execute(&mut **tx)
            .await?;
        if let Job::Message { board_of: Some(game_id), .. } = job {
            sqlx::query("INSERT INTO boards (outbox_id, game_id) VALUES ($1, $2)")
                .bind(id)
                .bind(game_id)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

async fn commit_games(tx: &mut Transaction<'_, Sqlite>, batch: &Batch) -> Result<(), Error> {
    for game in &batch.games {
        sqlx::query("INSERT INTO games (number, game_id, room_id, is_open) VALUES ($1, $2, $3, TRUE)")
            .bind(game.number)
            .bind(&game.game_id)
            .bind(game.room_id.as_str())
            .execute(&mut **tx)
            .await?;
    }
    for row in &batch.log {
        sqlx::query("INSERT INTO log (game_id, event_id, sender, at_ms, entry) VALUES ($1, $2, $3, $4, $5)")
            .bind(&row.game_id)
            .bind(row.event_id.as_str())
            .bind(row.sender.as_str())
            .bind(row.at_ms)
            .bind(serde_json::to_string(&row.entry)?)
            .execute(&mut **tx)
            .await?;
        if !row.is_open {
            sqlx::query("UPDATE games SET is_open = FALSE WHERE game_id = $1 AND is_open")
                .bind(&row.game_id)
                .execute(&mut **tx)
                .await?;
        }
    }
    for (event_id, game_id) in &batch.boards {
        sqlx::query("INSERT INTO board_events (event_id, game_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(event_id.as_str())
            .bind(game_id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn commit_rooms(tx: &mut Transaction<'_, Sqlite>, batch: &Batch) -> Result<(), Error> {
    for (room_id, room) in &batch.rooms {
        sqlx::query(
            "INSERT INTO rooms (room_id, lang, joined, encrypted) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (room_id) DO UPDATE SET lang = excluded.lang, joined = excluded.joined, encrypted = excluded.encrypted",
        )
        .bind(room_id.as_str())
        .bind(room.lang.code())
        .bind(room.joined)
        .bind(room.encrypted)
        .execute(&mut **tx)
        .await?;
    }
    for room_id in &batch.forget_members {
        sqlx::query("DELETE FROM members WHERE room_id = $1").bind(room_id.as_str()).execute(&mut **tx).await?;
    }
    for (room_id, user_id, name) in &batch.members {
        let query = match name {
            Some(name) => sqlx::query(
                "INSERT INTO members (room_id, user_id, name) VALUES ($1, $2, $3) \
                 ON CONFLICT (room_id, user_id) DO UPDATE SET name = excluded.name",
            )
            .bind(room_id.as_str())
            .bind(user_id.as_str())
            .bind(name),
            None => sqlx::query("DELETE FROM members WHERE room_id = $1 AND user_id = $2")
                .bind(room_id.as_str())
                .bind(user_id.as_str()),
        };
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
