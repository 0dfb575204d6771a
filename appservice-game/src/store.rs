//! The append-only log that is the truth, and the outbox that is written with it, in one SQLite file.
//!
//! A transaction of the homeserver becomes one durable commit (WAL, `synchronous=FULL`): log entries, the ids of the
//! events that were looked at, and the answers still to be sent. So a crash at any point either loses the whole
//! transaction, which the homeserver then repeats, or none of it. SQL stands only in this module.

use std::{collections::BTreeMap, path::Path};

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{
    Row as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    board::Names,
    session::{Entry, Session},
    words::Lang,
};

/// Events remembered as looked at; older ones are forgotten unless they are in the log.
const REMEMBERED: i64 = 100_000;
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

/// Something to do at the homeserver. The JSON of this type is stored: names are never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Accept the invitation, then learn who is in the room and whether it is encrypted.
    Join,
    /// Learn who is in the room and whether it is encrypted.
    Look,
    /// Leave when nobody else is in the room.
    LeaveIfAlone,
    /// Send a message.
    Message {
        /// Of `m.room.message`.
        content: Value,
        /// The game whose board this is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        board_of: Option<String>,
    },
    /// Replace a board.
    Edit {
        /// The outbox row that sent the board.
        board: i64,
        /// The game.
        game_id: String,
        /// The board's new content.
        content: Value,
    },
    /// Put a reaction under a board.
    React {
        /// The outbox row that sent the board.
        board: i64,
        /// The reaction.
        key: String,
    },
}

/// A row of the outbox.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Grows with every row ever written.
    pub id: i64,
    /// The room.
    pub room_id: OwnedRoomId,
    /// The transaction id under which it is sent, however often.
    pub txn_id: String,
    /// What to do.
    pub job: Job,
}

/// A log entry to be written.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The game.
    pub game_id: String,
    /// The event that caused it.
    pub event_id: OwnedEventId,
    /// Its sender.
    pub sender: OwnedUserId,
    /// Its time in milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub entry: Entry,
    /// Whether the game is open after it.
    pub is_open: bool,
}

/// A game's place among all games.
#[derive(Debug, Clone)]
pub struct NewGame {
    /// Counted from 1.
    pub number: i64,
    /// Its id.
    pub game_id: String,
    /// Its room.
    pub room_id: OwnedRoomId,
}

/// What is known of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomRow {
    /// The language of its boards and answers.
    pub lang: Lang,
    /// Whether the bot is in it.
    pub joined: bool,
    /// Whether its messages cannot be read.
    pub encrypted: bool,
}

/// What is written together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Events that were looked at.
    pub seen: Vec<OwnedEventId>,
    /// New games.
    pub games: Vec<NewGame>,
    /// Log entries in order.
    pub log: Vec<LogEntry>,
    /// What to send, with the ids that were given out for it.
    pub jobs: Vec<(i64, OwnedRoomId, Job)>,
    /// Board messages that were seen in their room.
    pub boards: Vec<(OwnedEventId, String)>,
    /// Rooms that changed.
    pub rooms: BTreeMap<OwnedRoomId, RoomRow>,
    /// Members with their names; `None` when they left.
    pub members: Vec<(OwnedRoomId, OwnedUserId, Option<String>)>,
    /// Rooms whose members are to be forgotten before `members` is written.
    pub forget_members: Vec<OwnedRoomId>,
    /// Rooms to which nothing more can be sent.
    pub drop_jobs: Vec<OwnedRoomId>,
    /// Outbox rows that are done.
    pub done: Vec<i64>,
}

/// Everything a start-up needs.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Open games and the last ended ones of every room, oldest first, with the outbox row of their newest board.
    pub games: Vec<(Session, Option<i64>)>,
    /// Rooms with the names of their members.
    pub rooms: Vec<(OwnedRoomId, RoomRow, Names)>,
    /// The number of the next game.
    pub next_game: i64,
    /// The id of the next outbox row.
    pub next_job: i64,
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

    /// The message that an outbox row sent.
    pub async fn board_event(&self, outbox_id: i64) -> Result<Option<OwnedEventId>, Error> {
        let event_id: Option<Option<String>> = sqlx::query_scalar("SELECT event_id FROM boards WHERE outbox_id = $1")
            .bind(outbox_id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(event_id.flatten().map(EventId::parse).transpose()?)
    }

    /// The newest message that shows a game.
    pub async fn newest_board(&self, game_id: &str) -> Result<Option<OwnedEventId>, Error> {
        let event_id: Option<String> = sqlx::query_scalar(
            "SELECT event_id FROM boards WHERE game_id = $1 AND event_id IS NOT NULL ORDER BY outbox_id DESC LIMIT 1",
        )
        .bind(game_id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(event_id.map(EventId::parse).transpose()?)
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

    /// The number of rows in the log and in the outbox.
    pub async fn counts(&self) -> Result<(i64, i64), Error> {
        let row = sqlx::query("SELECT (SELECT COUNT(*) FROM log) AS entries, (SELECT COUNT(*) FROM outbox) AS waiting")
            .fetch_one(&self.pool)
            .await?;
        Ok((row.try_get("entries")?, row.try_get("waiting")?))
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

/// A store id: short, and as good as unique.
pub fn new_store_id(random: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    (0..6).map(|place| char::from(LETTERS[((random >> (5 * place)) & 31) as usize])).collect()
}
