//! What goes into the store and comes out of it.

use std::collections::BTreeMap;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    board::Names,
    session::{Entry, Session},
    words::Lang,
};

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
    /// Tell a player's native boards what only they may see.
    Hand {
        /// Who.
        user: OwnedUserId,
        /// Of the to-device event.
        content: Value,
    },
    /// Say something to one person, in the bot's direct chat with them.
    Direct {
        /// Who.
        user: OwnedUserId,
        /// Of `m.room.message`.
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
