//! What people ask for, in whichever way: who is asked, and what `chat` and `native` have in common.

use ruma::{EventId, OwnedUserId, RoomId};

use super::{
    Live,
    incoming::{ACTION, Incoming, MOVE},
    store,
    work::{Asked, Work},
};
use crate::{
    board,
    command::fold,
    games::{Rules, Seat, Strength},
    session::{Act, Entry, Refusal, Status},
    words::Lang,
};

/// Longest message that can be a command or a move, in bytes.
pub(super) const LONGEST: usize = 1024;

impl Work<'_> {
    pub(super) async fn request(&mut self, event: &Incoming) -> Result<(), store::Error> {
        match event.kind.as_str() {
            "m.room.message" => self.message(event).await,
            "m.room.redaction" => match event.redacted() {
                Some(redacted) => self.move_stands(event, redacted).await,
                None => Ok(()),
            },
            "m.reaction" => self.reaction(event).await,
            MOVE => self.native_move(event).await,
            ACTION => self.native_action(event).await,
            _ => Ok(()),
        }
    }

    pub(super) fn start(
        &mut self,
        asked: Asked<'_>,
        rules: &'static dyn Rules,
        opponent: Option<Opponent>,
        side: Side,
        lang: Lang,
    ) {
        let sender = &asked.event.sender;
        let (invited, computer) = match opponent {
            None => (None, None),
            Some(Opponent::Person(_)) if rules.is_for_all() => (None, None),
            Some(Opponent::Person(user)) if user == *sender => {
                return self.refuse(asked, None, &Refusal::OpponentUnknown);
            }
            Some(Opponent::Person(user)) => (Some(user), None),
            Some(Opponent::Computer(_)) if !rules.has_computer() => {
                return self.refuse(asked, None, &Refusal::NoComputer);
            }
            Some(Opponent::Computer(strength)) => (None, Some(strength)),
        };
        let lots = Seat(((self.bot.settings.lots)() & 1) as u8);
        let seat = match side {
            _ if rules.is_for_all() => Seat(0),
            Side::Seat(seat) => seat,
            Side::Lots => lots,
            Side::Usual => rules.creator_seat().unwrap_or(lots),
        };
        // One invitation to a kind of game at a time: a new one takes the old one's place.
        let earlier = self
            .newest(&asked.event.room_id, |live| {
                live.session.status == Status::Waiting
                    && live.session.creator == *sender
                    && live.session.rules().kind() == rules.kind()
            })
            .map(|live| live.session.game_id.clone());
        self.create(
            asked,
            Entry::Created {
                kind: rules.kind().to_owned(),
                creator: sender.clone(),
                seat,
                invited,
                lang,
                rematch_of: None,
                started_by: Some(asked.event.event_id.clone()),
                computer,
                deal: self.deal(rules, lang),
                native: asked.event.kind == ACTION,
            },
            earlier.as_deref(),
        );
    }

    pub(super) fn rematch(&mut self, asked: Asked<'_>, game_id: &str, lang: Lang) {
        let sender = &asked.event.sender;
        let Some(live) = self.state.games.get(game_id) else {
            return self.refuse(asked, None, &Refusal::UnknownGame);
        };
        // The other player has asked already: to ask as well is to accept.
        if let Some(next) = live.session.rematch.as_ref().and_then(|next| self.state.games.get(next))
            && next.session.is_open()
        {
            if next.session.creator != *sender {
                let next = next.session.game_id.clone();
                self.act(asked, &next, &Act::Join);
            }
            return;
        }
        let deal = self.deal(live.session.rules(), lang);
        match live.session.rematch(sender, lang, &asked.event.event_id, deal, asked.event.kind == ACTION) {
            Err(refusal) => self.refuse(asked, Some(game_id), &refusal),
            Ok(entry) => {
                if let Some(next) = self.create(asked, entry, None) {
                    self.record(asked.event, game_id, Entry::RematchAsked { game_id: next });
                    self.show(game_id);
                }
            }
        }
    }

    pub(super) fn show_again(&mut self, asked: Asked<'_>, game_id: &str) {
        let now = (self.bot.settings.clock)();
        if self.room(&asked.event.room_id).boards.take(now) {
            self.show_anew(game_id);
        } else {
            self.refuse(asked, Some(game_id), &Refusal::TooOften);
        }
    }

    /// Somebody has edited or redacted a message: when it was a move of a game that goes on, it is said that it counts.
    pub(super) async fn move_stands(&mut self, event: &Incoming, changed: &EventId) -> Result<(), store::Error> {
        let is_it = |log: &&store::LogEntry| log.event_id == *changed && matches!(log.entry, Entry::Moved { .. });
        let game_id = match self.batch.log.iter().find(is_it) {
            Some(log) => Some(log.game_id.clone()),
            None => self.bot.store.game_of_move(changed).await?,
        };
        let Some(game_id) = game_id else { return Ok(()) };
        let playing = |live: &&Live| live.session.room_id == event.room_id && live.session.is_open();
        if let Some(live) = self.state.games.get(&game_id).filter(playing) {
            let asked = Asked { event, lang: live.session.lang, in_chat: false };
            self.refuse(asked, Some(&game_id), &Refusal::MoveStands);
        }
        Ok(())
    }

    /// Tells the whole game for other programs to read.
    pub(super) async fn tell_pgn(&mut self, asked: Asked<'_>, game_id: &str) -> Result<(), store::Error> {
        let began_ms = self.bot.store.began_ms(game_id).await?.unwrap_or(asked.event.origin_server_ts);
        let names = self.room(&asked.event.room_id).names.clone();
        let content =
            self.state.games.get(game_id).and_then(|live| board::pgn_message(&live.session, &names, began_ms));
        match content {
            Some(content) => self.answer_with(asked, content),
            None => self.refuse(asked, Some(game_id), &Refusal::NoPgn),
        }
        Ok(())
    }

    /// The game that a message shows, at hand.
    pub(super) async fn game_of_board(
        &mut self,
        room_id: &RoomId,
        board: &EventId,
    ) -> Result<Option<String>, store::Error> {
        let in_batch =
            self.batch.boards.iter().find(|(event_id, _)| event_id == board).map(|(_, game_id)| game_id.clone());
        let game_id = match in_batch {
            Some(game_id) => Some(game_id),
            None => self.bot.store.game_of_board(board).await?,
        };
        let Some(game_id) = game_id else {
            return Ok(None);
        };
        Ok(self.at_hand(room_id, &game_id).await?.then_some(game_id))
    }

    /// Fetches a game of this room from the store when it is not in memory; whether there is one.
    pub(super) async fn at_hand(&mut self, room_id: &RoomId, game_id: &str) -> Result<bool, store::Error> {
        if let Some(live) = self.state.games.get(game_id) {
            return Ok(live.session.room_id == *room_id);
        }
        let Some((session, board)) = self.bot.store.game(game_id).await? else {
            return Ok(false);
        };
        if session.room_id != *room_id {
            return Ok(false);
        }
        // Only ended games are not in memory: it goes behind all others.
        self.room(room_id).games.insert(0, game_id.to_owned());
        let live = Live { session, board, chatter: u32::MAX };
        self.state.games.insert(game_id.to_owned(), live);
        Ok(true)
    }

    /// The most recently touched game of a room that `wanted` likes.
    pub(super) fn newest(&self, room_id: &RoomId, wanted: impl Fn(&Live) -> bool) -> Option<&Live> {
        self.state
            .rooms
            .get(room_id)?
            .games
            .iter()
            .rev()
            .filter_map(|game_id| self.state.games.get(game_id))
            .find(|live| wanted(live))
    }
}

/// Whom a game is started with.
pub(super) enum Opponent {
    Person(OwnedUserId),
    /// The bot itself.
    Computer(Strength),
}

/// Where the one who starts a game will sit.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Seat(Seat),
    Lots,
    Usual,
}

pub(super) fn read_side(rules: &dyn Rules, word: &str) -> Option<Side> {
    let word = fold(word);
    if matches!(word.as_str(), "random" | "случайно" | "случайный" | "жребий") {
        return Some(Side::Lots);
    }
    let index = rules.seats().iter().position(|seat| seat.choices.contains(&word.as_str()))?;
    Some(Side::Seat(Seat(index as u8)))
}

pub(super) fn move_of(text: &str) -> Act {
    Act::Move { text: text.to_owned(), ply: None }
}
