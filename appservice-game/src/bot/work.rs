//! One event's work: changes to the sessions in memory and the rows that make them durable.

use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::{Batch, Bot, Job, Live, Room, Session, State, incoming::Incoming, notice_content, store};
use crate::{
    board,
    session::{Act, Entry, Refusal, Status},
    store::{LogEntry, NewGame},
    words::Lang,
};

/// What was asked, and where the answer goes.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) event: &'a Incoming,
    pub(super) lang: Lang,
    /// Whether the event is a message that people see, so that an answer can be a reply to it.
    pub(super) in_chat: bool,
}

pub(super) struct Work<'a> {
    pub(super) bot: &'a Bot,
    pub(super) state: &'a mut State,
    pub(super) batch: &'a mut Batch,
}

impl Work<'_> {
    pub(super) async fn handle(&mut self, event: &Incoming) -> Result<(), store::Error> {
        match event.kind.as_str() {
            "m.room.member" => self.member(event),
            "m.room.encryption" => self.encryption(event),
            "m.room.message" if event.sender == self.bot.settings.me => self.own_message(event),
            // What the bot itself reacts with or asks for is never an order.
            _ if event.sender == self.bot.settings.me => {}
            _ => self.request(event).await?,
        }
        self.state.tidy(&event.room_id);
        Ok(())
    }

    pub(super) fn room(&mut self, room_id: &RoomId) -> &mut Room {
        let bot = self.bot;
        self.state
            .rooms
            .entry(room_id.to_owned())
            .or_insert_with(|| bot.new_room(bot.unknown_room(), board::Names::new()))
    }

    /// Writes what is known of a room.
    pub(super) fn keep_room(&mut self, room_id: &RoomId) {
        let row = self.room(room_id).row;
        self.batch.rooms.insert(room_id.to_owned(), row);
    }

    pub(super) fn job(&mut self, room_id: &RoomId, job: Job) -> i64 {
        let id = self.state.next_job;
        self.state.next_job += 1;
        self.batch.jobs.push((id, room_id.to_owned(), job));
        id
    }

    /// One more message stands below the boards of the room.
    pub(super) fn chatter(&mut self, room_id: &RoomId) {
        let games = self.room(room_id).games.clone();
        for game_id in games {
            if let Some(live) = self.state.games.get_mut(&game_id) {
                live.chatter = live.chatter.saturating_add(1);
            }
        }
    }

    /// Starts a game, in place of the invitation `replaced`. When it is refused, nothing has changed.
    pub(super) fn create(&mut self, asked: Asked<'_>, entry: Entry, replaced: Option<&str>) -> Option<String> {
        let room_id = asked.event.room_id.clone();
        let number = self.state.next_game;
        let game_id = format!("{}-{number}", self.bot.store.id());
        let session = match Session::create(&game_id, room_id.clone(), &entry) {
            Ok(session) => session,
            Err(broken) => {
                tracing::error!(%broken, "a new game could not be made");
                return None;
            }
        };
        if let Err(refusal) = self.may_create(&session, replaced) {
            self.refuse(asked, None, &refusal);
            return None;
        }
        if let Some(earlier) = replaced {
            self.record(asked.event, earlier, Entry::Cancelled);
            self.show(earlier);
        }
        let against_computer = session.computer.is_some();
        let keys: &[&str] = match (session.status, &session.invited) {
            (Status::Waiting, Some(_)) => &["✋", "👎"],
            (Status::Waiting, None) => &["✋"],
            _ => &[],
        };
        self.state.next_game += 1;
        self.batch.games.push(NewGame { number, game_id: game_id.clone(), room_id: room_id.clone() });
        self.write(asked.event, &game_id, entry, true);
        self.state.games.insert(game_id.clone(), Live { session, board: None, chatter: 0 });
        self.room(&room_id).games.push(game_id.clone());
        if against_computer {
            let user = self.bot.me().clone();
            if let Some(event) = self.bot.own_event(&room_id, &game_id, 0) {
                self.record(&event, &game_id, Entry::Joined { user });
            }
            self.show_anew(&game_id);
        } else {
            self.show_anew(&game_id);
            self.react(&game_id, keys);
        }
        Some(game_id)
    }

    /// Whether the room takes this game; takes one of its boards when it does.
    fn may_create(&mut self, session: &Session, replaced: Option<&str>) -> Result<(), Refusal> {
        let room_id = &session.room_id;
        let now = (self.bot.settings.clock)();
        let same_kind = |live: &Live| live.session.rules().kind() == session.rules().kind();
        if session.rules().is_for_all()
            && self.newest(room_id, |live| live.session.is_open() && same_kind(live)).is_some()
        {
            return Err(Refusal::AlreadyRunning);
        }
        let names = &self.room(room_id).names;
        // An empty list is one that has not been fetched yet.
        if session.invited.as_ref().is_some_and(|user| !names.is_empty() && !names.contains_key(user)) {
            return Err(Refusal::OpponentUnknown);
        }
        let games = self.room(room_id).games.clone();
        let open = games.iter().filter(|game_id| self.is_open(game_id) && replaced != Some(game_id.as_str())).count();
        if open >= self.bot.settings.games_per_room {
            return Err(Refusal::TooManyGames);
        }
        if self.room(room_id).boards.take(now) { Ok(()) } else { Err(Refusal::TooOften) }
    }

    /// Does what was asked of a game, or says why not.
    pub(super) fn act(&mut self, asked: Asked<'_>, game_id: &str, act: &Act) {
        let Some(live) = self.state.games.get(game_id) else {
            return self.refuse(asked, None, &Refusal::UnknownGame);
        };
        match live.session.decide(&asked.event.sender, act) {
            Err(refusal) => self.refuse(asked, Some(game_id), &refusal),
            // A repetition of what has been done: the board says so already.
            Ok(None) => {}
            Ok(Some(entry)) => {
                let begins = matches!(entry, Entry::Joined { .. });
                self.record(asked.event, game_id, entry);
                self.show(game_id);
                let Some(live) = self.state.games.get(game_id) else {
                    return;
                };
                if begins {
                    let reactions = live.session.rules().reaction_moves();
                    self.react(game_id, reactions);
                    self.deal_out(asked, game_id);
                } else if matches!(live.session.status, Status::Finished(_)) {
                    self.react(game_id, &["🔁"]);
                }
            }
        }
    }

    /// Writes an entry that was decided, and takes it.
    pub(super) fn record(&mut self, event: &Incoming, game_id: &str, entry: Entry) {
        let Some(live) = self.state.games.get_mut(game_id) else {
            return;
        };
        if let Err(broken) = live.session.apply(&entry) {
            // Never for an entry that was decided on this very session; without a row nothing has happened.
            tracing::error!(%broken, "an entry was refused by its own session");
            return;
        }
        let is_open = live.session.is_open();
        let room_id = live.session.room_id.clone();
        let games = &mut self.room(&room_id).games;
        if let Some(place) = games.iter().position(|id| id == game_id) {
            let moved = games.remove(place);
            games.push(moved);
        }
        self.write(event, game_id, entry, is_open);
    }

    fn write(&mut self, event: &Incoming, game_id: &str, entry: Entry, is_open: bool) {
        self.batch.log.push(LogEntry {
            game_id: game_id.to_owned(),
            event_id: event.event_id.clone(),
            sender: event.sender.clone(),
            at_ms: event.origin_server_ts,
            entry,
            is_open,
        });
    }

    fn is_open(&self, game_id: &str) -> bool {
        self.state.games.get(game_id).is_some_and(|live| live.session.is_open())
    }

    /// Brings the board up to date: in place, or anew when it stands far above.
    pub(super) fn show(&mut self, game_id: &str) {
        let repost_after = self.bot.settings.repost_after;
        let Some((room_id, content, board)) = self.board(game_id) else {
            return;
        };
        let far = self.state.games.get(game_id).is_some_and(|live| live.chatter > repost_after);
        match board {
            Some(board) if !far => {
                let game_id = game_id.to_owned();
                self.job(&room_id, Job::Edit { board, game_id, content });
            }
            _ => self.show_anew(game_id),
        }
    }

    /// Posts a new board.
    pub(super) fn show_anew(&mut self, game_id: &str) {
        let Some((room_id, content, _)) = self.board(game_id) else {
            return;
        };
        let board_of = Some(game_id.to_owned());
        let board = self.job(&room_id, Job::Message { content, board_of });
        if let Some(live) = self.state.games.get_mut(game_id) {
            live.board = Some(board);
            live.chatter = 0;
        }
    }

    fn board(&mut self, game_id: &str) -> Option<(OwnedRoomId, Value, Option<i64>)> {
        let live = self.state.games.get(game_id)?;
        let room_id = live.session.room_id.clone();
        let names = &self.state.rooms.get(&room_id)?.names;
        Some((room_id, board::message(&live.session, names), live.board))
    }

    /// Puts reactions under the newest board, so that a tap is enough.
    fn react(&mut self, game_id: &str, keys: &[&str]) {
        let Some(live) = self.state.games.get(game_id) else {
            return;
        };
        let room_id = live.session.room_id.clone();
        if let Some(board) = live.board {
            for key in keys {
                let key = (*key).to_owned();
                self.job(&room_id, Job::React { board, key });
            }
        }
    }

    /// Says something in a room, if it may hear more.
    pub(super) fn notice(&mut self, room_id: &RoomId, text: &str) {
        self.notice_with(room_id, notice_content(text));
    }

    fn notice_with(&mut self, room_id: &RoomId, content: Value) {
        let now = (self.bot.settings.clock)();
        if self.room(room_id).notices.take(now) {
            self.job(room_id, Job::Message { content, board_of: None });
        } else {
            tracing::debug!(%room_id, "an answer was left out: too many in this room");
        }
    }

    /// Answers a message.
    pub(super) fn answer(&mut self, asked: Asked<'_>, text: &str) {
        self.answer_with(asked, notice_content(text));
    }

    /// Answers a message, or a native board.
    pub(super) fn answer_with(&mut self, asked: Asked<'_>, mut content: Value) {
        let reply_to = if asked.in_chat { Some(asked.event.event_id.as_ref()) } else { asked.event.related() };
        if let Some(reply_to) = reply_to {
            content["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": reply_to } });
        }
        self.notice_with(&asked.event.room_id, content);
    }

    /// Says to a person, and to their native board, why nothing happened.
    pub(super) fn refuse(&mut self, asked: Asked<'_>, game_id: Option<&str>, refusal: &Refusal) {
        let mut content = notice_content(&refusal.words(asked.lang));
        let mut error = json!({ "code": refusal.code(), "event_id": asked.event.event_id });
        if let Some(game_id) = game_id {
            error["game_id"] = json!(game_id);
        }
        content["m.mentions"] = json!({ "user_ids": [asked.event.sender] });
        content[board::ERROR_BLOCK] = error;
        self.answer_with(asked, content);
    }
}
