//! Chat in, boards out: what every event of a room means for its games.
//!
//! One transaction of the homeserver is handled at a time, in order, against the sessions in memory; what it changes is
//! written in one commit before it is acknowledged. When the commit fails the memory is built anew from the log.
//! Nothing is sent from here: answers are rows of the outbox.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ruma::{OwnedRoomId, OwnedUserId, RoomId};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::{
    board::Names,
    session::Session,
    store::{self, Batch, Job, Pending, RoomRow, Store},
    words::{self, Lang},
};

mod bucket;
mod chat;
mod computer;
mod hand;
mod incoming;
mod native;
mod requests;
mod room;
mod work;

use bucket::Bucket;
use incoming::Incoming;
use work::Work;

/// A clock: milliseconds from any beginning, never going back.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
/// Draws lots: any number, as likely as any other.
pub type Lots = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How the bot behaves.
#[derive(Clone)]
pub struct Settings {
    /// Its own user id.
    pub me: OwnedUserId,
    /// The language of rooms that have chosen none.
    pub lang: Lang,
    /// Games that may wait or be played in a room at once.
    pub games_per_room: usize,
    /// Messages after which a board is posted again instead of edited far above.
    pub repost_after: u32,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub lots: Lots,
}

impl Settings {
    /// The usual behaviour of a bot with this user id.
    pub fn new(me: OwnedUserId, clock: Clock, lots: Lots) -> Self {
        Self { me, lang: Lang::default(), games_per_room: 10, repost_after: 12, clock, lots }
    }
}

/// A game at hand.
struct Live {
    session: Session,
    /// The outbox row of its newest board.
    board: Option<i64>,
    /// Messages in the room since that board.
    chatter: u32,
}

/// A room at hand.
struct Room {
    row: RoomRow,
    names: Names,
    /// Games at hand, the most recently touched last.
    games: Vec<String>,
    /// Answers that may still be given.
    notices: Bucket,
    /// Boards that may still be posted.
    boards: Bucket,
}

#[derive(Default)]
struct State {
    rooms: BTreeMap<OwnedRoomId, Room>,
    games: HashMap<String, Live>,
    next_game: i64,
    next_job: i64,
    /// The memory is behind the store and has to be built anew.
    stale: bool,
}

/// The bot.
pub struct Bot {
    settings: Settings,
    store: Store,
    state: Mutex<State>,
    wake: Arc<Notify>,
    /// Told when the computer may be at turn somewhere.
    think: Notify,
}

pub use computer::Player;

impl Bot {
    /// A bot that continues where its store stands. `wake` is told when there is something to send.
    pub async fn new(settings: Settings, store: Store, wake: Arc<Notify>) -> Result<Self, store::Error> {
        let bot = Self {
            state: Mutex::new(State { stale: true, ..State::default() }),
            settings,
            store,
            wake,
            think: Notify::new(),
        };
        drop(bot.state().await?);
        Ok(bot)
    }

    /// The bot's user id.
    pub fn me(&self) -> &OwnedUserId {
        &self.settings.me
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Handles a transaction of the homeserver; when this returns, it is durable. A repetition changes nothing: not because its
    /// transaction id is known (a homeserver that was set up anew counts from 1 again) but because its events are.
    pub async fn transaction(&self, events: &[Value]) -> Result<(), store::Error> {
        let mut state = self.state().await?;
        // Until the commit: whatever breaks this off half-way leaves a memory that is built anew.
        state.stale = true;
        let mut batch = Batch::default();
        let handled = async {
            for event in events {
                let Some(event) = Incoming::read(event) else {
                    continue;
                };
                if !event.is_relevant()
                    || batch.seen.contains(&event.event_id)
                    || self.store.is_seen(&event.event_id).await?
                {
                    continue;
                }
                batch.seen.push(event.event_id.clone());
                Work { bot: self, state: &mut state, batch: &mut batch }.handle(&event).await?;
            }
            self.commit(&batch).await
        }
        .await;
        state.stale = handled.is_err();
        handled
    }

    /// Takes what was found in a room the bot has joined, and says its first words there.
    pub async fn looked(&self, pending: &Pending, names: Names, encrypted: bool) -> Result<(), store::Error> {
        let mut state = self.state().await?;
        state.stale = true;
        let mut batch =
            Batch { done: vec![pending.id], forget_members: vec![pending.room_id.clone()], ..Batch::default() };
        let room_id = &pending.room_id;
        for (user, name) in &names {
            batch.members.push((room_id.clone(), user.clone(), Some(name.clone())));
        }
        let people = names.keys().filter(|user| **user != self.settings.me).count();
        let mut work = Work { bot: self, state: &mut state, batch: &mut batch };
        let room = work.room(room_id);
        room.names = names;
        let known_encrypted = room.row.encrypted;
        room.row.encrypted = encrypted;
        room.row.joined = true;
        work.keep_room(room_id);
        if encrypted && !known_encrypted {
            work.notice(room_id, words::encrypted());
        } else if pending.job == Job::Join && !encrypted {
            work.notice(room_id, &words::greeting(people));
        }
        let committed = self.commit(&batch).await;
        state.stale = committed.is_err();
        committed
    }

    async fn commit(&self, batch: &Batch) -> Result<(), store::Error> {
        self.store.commit(batch).await?;
        if !batch.jobs.is_empty() {
            self.wake.notify_one();
        }
        if !batch.log.is_empty() {
            self.think.notify_one();
        }
        Ok(())
    }

    /// The state, built from the store when it is behind.
    async fn state(&self) -> Result<MutexGuard<'_, State>, store::Error> {
        let mut state = self.state.lock().await;
        if state.stale {
            let loaded = self.store.load().await?;
            let mut fresh = State { next_game: loaded.next_game, next_job: loaded.next_job, ..State::default() };
            for (room_id, row, names) in loaded.rooms {
                fresh.rooms.insert(room_id, self.new_room(row, names));
            }
            for (session, board) in loaded.games {
                let row = self.unknown_room();
                fresh
                    .rooms
                    .entry(session.room_id.clone())
                    .or_insert_with(|| self.new_room(row, Names::new()))
                    .games
                    .push(session.game_id.clone());
                fresh.games.insert(session.game_id.clone(), Live { session, board, chatter: 0 });
            }
            *state = fresh;
        }
        Ok(state)
    }

    fn unknown_room(&self) -> RoomRow {
        RoomRow { lang: self.settings.lang, joined: false, encrypted: false }
    }

    fn new_room(&self, row: RoomRow, names: Names) -> Room {
        let now = (self.settings.clock)();
        Room {
            row,
            names,
            games: Vec::new(),
            // Six answers at once, then one in ten seconds; ten boards at once, then one in six seconds.
            notices: Bucket::new(6, 10_000, now),
            boards: Bucket::new(10, 6_000, now),
        }
    }
}

/// The content of a notice: other bots do not answer it, and it notifies nobody.
fn notice_content(text: &str) -> Value {
    json!({ "msgtype": "m.notice", "body": text })
}

/// Whether a room still has somebody to play with.
fn is_deserted(names: &Names, me: &OwnedUserId) -> bool {
    names.keys().all(|user| user == me)
}

impl State {
    /// Forgets ended games that nobody will ask for soon; the store still has them.
    fn tidy(&mut self, room_id: &RoomId) {
        const KEPT: usize = 24;
        let Some(room) = self.rooms.get_mut(room_id) else {
            return;
        };
        let games = &mut self.games;
        let mut surplus = room.games.len().saturating_sub(KEPT);
        room.games.retain(|game_id| {
            let ended = games.get(game_id).is_none_or(|live| !live.session.is_open());
            if surplus > 0 && ended {
                surplus -= 1;
                games.remove(game_id);
                return false;
            }
            true
        });
    }
}

#[cfg(test)]
mod tests;
