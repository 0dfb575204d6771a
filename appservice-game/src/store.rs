//! The append-only log that is the truth, and the outbox that is written with it, in one SQLite file.
//!
//! A transaction of the homeserver becomes one durable commit (WAL, `synchronous=FULL`): log entries, the ids of the
//! events that were looked at, and the answers still to be sent. So a crash at any point either loses the whole
//! transaction, which the homeserver then repeats, or none of it. SQL stands only here and in `commit`.

use std::{collections::BTreeMap, path::Path};

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    board::Names,
    session::{Entry, Session},
    words::Lang,
};

mod commit;
mod rows;

pub use rows::{Batch, Job, Loaded, LogEntry, NewGame, Pending, RoomRow};

/// Ended games of a room that are kept at hand for a rematch or another look.
const RECENT_GAMES: i64 = 5;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A stored value cannot be read.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<ruma::IdParseError> for Error {
    fn from(error: ruma::IdParseError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    id: String,
}

impl Store {
    /// Opens or creates the store. `new_id` names a new one; it begins every game id and transaction id of this store, so that
    /// those of an earlier, deleted store are never used again.
    pub async fn open(path: &Path, new_id: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        // One connection: every write waits for the disk anyway, and none ever meets a locked database.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(include_str!("../schema.sql")).execute(&pool).await?;
        sqlx::query("INSERT INTO meta (key, value) VALUES ('store_id', $1) ON CONFLICT DO NOTHING")
            .bind(new_id)
            .execute(&pool)
            .await?;
        let id = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'store_id'").fetch_one(&pool).await?;
        Ok(Self { pool, id })
    }

    /// The prefix of this store's game ids.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for what is being written and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the file answers.
    pub async fn check(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Whether an event was looked at before.
    pub async fn is_seen(&self, event_id: &EventId) -> Result<bool, Error> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM seen WHERE event_id = $1) OR EXISTS (SELECT 1 FROM log WHERE event_id = $1)",
        )
        .bind(event_id.as_str())
        .fetch_one(&self.pool)
        .await?)
    }

    /// The game that a board message shows.
    pub async fn game_of_board(&self, event_id: &EventId) -> Result<Option<String>, Error> {
        Ok(sqlx::query_scalar("SELECT game_id FROM board_events WHERE event_id = $1")
            .bind(event_id.as_str())
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The game in which an event made a move.
    pub async fn game_of_move(&self, event_id: &EventId) -> Result<Option<String>, Error> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT game_id, entry FROM log WHERE event_id = $1")
            .bind(event_id.as_str())
            .fetch_all(&self.pool)
            .await?;
        for (game_id, entry) in rows {
            // One that cannot be read is no move: to fail here would have the homeserver repeat the event for ever.
            if matches!(serde_json::from_str(&entry), Ok(Entry::Moved { .. })) {
                return Ok(Some(game_id));
            }
        }
        Ok(None)
    }

    /// When a game was asked for, in milliseconds; `None` before that is written.
    pub async fn began_ms(&self, game_id: &str) -> Result<Option<i64>, Error> {
        Ok(sqlx::query_scalar("SELECT at_ms FROM log WHERE game_id = $1 ORDER BY position LIMIT 1")
            .bind(game_id)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The message that an outbox row sent.
    pub async fn board_event(&self, outbox_id: i64) -> Result<Option<OwnedEventId>, Error> {
        let event_id: Option<Option<String>> = sqlx::query_scalar("SELECT event_id FROM boards WHERE outbox_id = $1")
            .bind(outbox_id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(event_id.flatten().map(EventId::parse).transpose()?)
    }

    /// One game from its log, with the outbox row of its newest board.
    pub async fn game(&self, game_id: &str) -> Result<Option<(Session, Option<i64>)>, Error> {
        let Some(room_id) = sqlx::query_scalar::<_, String>("SELECT room_id FROM games WHERE game_id = $1")
            .bind(game_id)
            .fetch_optional(&self.pool)
            .await?
        else {
            return Ok(None);
        };
        let rows: Vec<String> = sqlx::query_scalar("SELECT entry FROM log WHERE game_id = $1 ORDER BY position")
            .bind(game_id)
            .fetch_all(&self.pool)
            .await?;
        let entries = rows.iter().map(|entry| serde_json::from_str(entry)).collect::<Result<Vec<Entry>, _>>()?;
        let board = sqlx::query_scalar("SELECT MAX(outbox_id) FROM boards WHERE game_id = $1")
            .bind(game_id)
            .fetch_one(&self.pool)
            .await?;
        let session = Session::fold(game_id, RoomId::parse(room_id)?, &entries)
            .map_err(|broken| Error::Unreadable(broken.to_string()))?;
        Ok(Some((session, board)))
    }

    /// Everything a start-up needs. A game whose log does not fold is left out and named in the process's log.
    pub async fn load(&self) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        let game_ids: Vec<String> = sqlx::query_scalar(
            "SELECT game_id FROM (SELECT game_id, number, is_open, ROW_NUMBER() OVER (PARTITION BY room_id ORDER BY number DESC) AS age FROM games) \
             WHERE is_open OR age <= $1 ORDER BY number",
        )
        .bind(RECENT_GAMES)
        .fetch_all(&self.pool)
        .await?;
        for game_id in game_ids {
            match self.game(&game_id).await {
                Ok(game) => loaded.games.extend(game),
                Err(Error::Unreadable(what)) => {
                    tracing::error!(game_id, what, "a game cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        let mut names: BTreeMap<String, Names> = BTreeMap::new();
        for row in sqlx::query("SELECT room_id, user_id, name FROM members").fetch_all(&self.pool).await? {
            let user: OwnedUserId = row.try_get::<String, _>("user_id")?.as_str().try_into()?;
            names.entry(row.try_get("room_id")?).or_default().insert(user, row.try_get("name")?);
        }
        for row in sqlx::query("SELECT room_id, lang, joined, encrypted FROM rooms").fetch_all(&self.pool).await? {
            let room_id: String = row.try_get("room_id")?;
            let known = RoomRow {
                lang: Lang::find(row.try_get("lang")?).unwrap_or_default(),
                joined: row.try_get("joined")?,
                encrypted: row.try_get("encrypted")?,
            };
            let names = names.remove(&room_id).unwrap_or_default();
            loaded.rooms.push((RoomId::parse(room_id)?, known, names));
        }
        loaded.next_game =
            sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) + 1 FROM games").fetch_one(&self.pool).await?;
        // Of all rows that were ever there, not only of those that still are.
        loaded.next_job =
            sqlx::query_scalar("SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) + 1")
                .fetch_one(&self.pool)
                .await?;
        Ok(loaded)
    }

    /// The bot's direct chat with a person.
    pub async fn direct(&self, user: &UserId) -> Result<Option<OwnedRoomId>, Error> {
        let room_id: Option<String> = sqlx::query_scalar("SELECT room_id FROM directs WHERE user_id = $1")
            .bind(user.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(room_id.map(RoomId::parse).transpose()?)
    }

    /// From now on the bot's direct chat with a person.
    pub async fn keep_direct(&self, user: &UserId, room_id: &RoomId) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO directs (user_id, room_id) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET room_id = excluded.room_id",
        )
        .bind(user.as_str())
        .bind(room_id.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The oldest waiting row of every room.
    pub async fn outbox_heads(&self) -> Result<Vec<Pending>, Error> {
        let rows = sqlx::query(
            "SELECT id, room_id, txn_id, job FROM outbox WHERE id IN (SELECT MIN(id) FROM outbox GROUP BY room_id) ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Pending {
                    id: row.try_get("id")?,
                    room_id: RoomId::parse(row.try_get::<String, _>("room_id")?)?,
                    txn_id: row.try_get("txn_id")?,
                    job: serde_json::from_str(&row.try_get::<String, _>("job")?)?,
                })
            })
            .collect()
    }

    /// Whether a later row of the room shows the same board anew, so that this edit need not be sent.
    pub async fn is_superseded(&self, pending: &Pending) -> Result<bool, Error> {
        let Job::Edit { board, .. } = &pending.job else {
            return Ok(false);
        };
        let later: Vec<String> =
            sqlx::query_scalar("SELECT job FROM outbox WHERE room_id = $1 AND id > $2 ORDER BY id")
                .bind(pending.room_id.as_str())
                .bind(pending.id)
                .fetch_all(&self.pool)
                .await?;
        for job in later {
            if let Job::Edit { board: other, .. } = serde_json::from_str(&job)?
                && other == *board
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An outbox row is done; `event_id` is what it became.
    pub async fn done(&self, pending: &Pending, event_id: Option<&EventId>) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM outbox WHERE id = $1").bind(pending.id).execute(&mut *tx).await?;
        if let Job::Message { board_of: Some(game_id), .. } = &pending.job
            && let Some(event_id) = event_id
        {
            sqlx::query("UPDATE boards SET event_id = $1 WHERE outbox_id = $2")
                .bind(event_id.as_str())
                .bind(pending.id)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO board_events (event_id, game_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(event_id.as_str())
                .bind(game_id)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// A store id: short, and as good as unique.
pub fn new_store_id(random: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    (0..6).map(|place| char::from(LETTERS[((random >> (5 * place)) & 31) as usize])).collect()
}
