//! Games in Matrix rooms, as an application service: the map of its modules.
//!
//! Direction: `appservice` and `outbox` → `bot` → `session`, `board`, `command`, `store` → `games`, `words`. Rules know
//! nothing of Matrix, sessions nothing of rooms' messages, and only `homeserver` and `appservice` speak HTTP.

#![recursion_limit = "256"]

/// HTTP in: transactions of the homeserver.
pub mod appservice;
/// A session as a message: words, HTML and the block for a native board.
pub mod board;
/// What every event of a room means for its games.
pub mod bot;
/// What a message or a reaction asks for.
pub mod command;
/// The configuration file.
pub mod config;
/// The rules of every game, pure.
pub mod games;
/// HTTP out: the Client-Server API.
pub mod homeserver;
/// Sends what the bot has written down, in order, until it is done.
pub mod outbox;
/// A game of chess as other programs read it.
pub mod pgn;
/// The registration file.
pub mod registration;
/// Everything put together.
pub mod service;
/// A game in a room, as a fold of its log.
pub mod session;
/// The append-only log and the outbox, in SQLite.
pub mod store;
/// What the bot says, in Russian and English.
pub mod words;
