//! What people ask for: by command, by a bare move, by reaction, by an event of a native board.

use ruma::{EventId, OwnedUserId, RoomId, UserId};

use super::{
    Live,
    incoming::{ACTION, Incoming, MOVE},
    store,
    work::{Asked, Work},
};
use crate::{
    command::{self, Command, Reaction, fold},
    games::{self, Rules, Seat},
    session::{Act, Entry, Refusal, Session, Status},
    words::{self, Lang},
};

/// Longest message that can be a command or a move, in bytes.
const LONGEST: usize = 1024;

impl Work<'_> {
    pub(super) async fn request(&mut self, event: &Incoming) -> Result<(), store::Error> {
        match event.kind.as_str() {
            "m.room.message" => self.message(event).await,
            "m.reaction" => self.reaction(event).await,
            MOVE => self.native_move(event).await,
            ACTION => self.native_action(event).await,
            _ => Ok(()),
        }
    }

    async fn message(&mut self, event: &Incoming) -> Result<(), store::Error> {
        // The move of a message counts as it was first written.
        if event.relation_type() == Some("m.replace") {
            return Ok(());
        }
        self.chatter(&event.room_id);
        if event.text("msgtype") != Some("m.text") {
            return Ok(());
        }
        let body = command::without_quotation(event.text("body").unwrap_or_default());
        if body.is_empty() || body.len() > LONGEST {
            return Ok(());
        }
        let on_board = match event.replied_to() {
            Some(board) => self.game_of_board(&event.room_id, board).await?,
            None => None,
        };
        if let Some((command, lang)) = command::read(body) {
            let asked = Asked { event, lang, in_chat: true };
            self.command(asked, command, on_board);
            return Ok(());
        }
        let mine = |live: &Live| {
            live.session.status == Status::Playing
                && live.session.seat_of(&event.sender).is_some()
                && live.session.position().looks_like_move(body)
        };
        let game = match on_board {
            Some(game_id) => self.state.games.get(&game_id).filter(|live| mine(live)),
            None => self
                .newest(&event.room_id, |live| mine(live) && is_at_turn(&live.session, &event.sender))
                .or_else(|| self.newest(&event.room_id, mine)),
        };
        if let Some(live) = game {
            let game_id = live.session.game_id.clone();
            let asked = Asked { event, lang: live.session.lang, in_chat: true };
            self.act(asked, &game_id, &move_of(body));
        }
        Ok(())
    }

    fn command(&mut self, asked: Asked<'_>, command: Command, on_board: Option<String>) {
        let sender = &asked.event.sender;
        let room_id = &asked.event.room_id;
        let seated = |live: &Live| live.session.seat_of(sender).is_some();
        let playing = |live: &Live| live.session.status == Status::Playing && seated(live);
        let open = |live: &Live| live.session.is_open() && seated(live);
        let waiting = |live: &Live| live.session.status == Status::Waiting;
        let id = |live: Option<&Live>| live.map(|live| live.session.game_id.clone());
        match command {
            Command::Help | Command::Language(None) => self.answer(asked, &words::help(asked.lang)),
            Command::Start { rules, arguments } => self.start_in_chat(asked, rules, &arguments),
            Command::Language(Some(lang)) => {
                self.room(room_id).row.lang = lang;
                self.keep_room(room_id);
                self.answer(asked, words::language_set(lang));
            }
            Command::Join => {
                let mine = id(self.newest(room_id, |live| {
                    live.session.decide(sender, &Act::Join).is_ok_and(|entry| entry.is_some())
                }));
                let game = on_board.or(mine).or_else(|| id(self.newest(room_id, waiting)));
                self.act_or_say(asked, game, &Act::Join);
            }
            Command::Cancel => {
                let mine =
                    id(self.newest(room_id, |live| waiting(live) && live.session.decide(sender, &Act::Cancel).is_ok()));
                let game = on_board.or(mine).or_else(|| id(self.newest(room_id, waiting)));
                self.act_or_say(asked, game, &Act::Cancel);
            }
            Command::Move(text) => {
                let game = on_board
                    .or_else(|| {
                        id(self.newest(room_id, |live| {
                            playing(live)
                                && is_at_turn(&live.session, sender)
                                && live.session.position().looks_like_move(&text)
                        }))
                    })
                    .or_else(|| id(self.newest(room_id, |live| playing(live) && is_at_turn(&live.session, sender))))
                    .or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &move_of(&text));
            }
            Command::Resign => {
                let game =
                    on_board.or_else(|| id(self.newest(room_id, playing))).or_else(|| id(self.newest(room_id, open)));
                self.act_or_say(asked, game, &Act::Resign);
            }
            Command::Draw => {
                let game = on_board.or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &Act::Draw);
            }
            Command::NoDraw => {
                let game = on_board
                    .or_else(|| id(self.newest(room_id, |live| playing(live) && live.session.draw_offer.is_some())))
                    .or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &Act::DeclineDraw);
            }
            Command::Rematch => {
                let game = on_board
                    .or_else(|| {
                        id(self
                            .newest(room_id, |live| matches!(live.session.status, Status::Finished(_)) && seated(live)))
                    })
                    .or_else(|| id(self.newest(room_id, seated)));
                match game {
                    Some(game_id) => self.rematch(asked, &game_id, asked.lang),
                    None => self.answer(asked, words::no_game(asked.lang)),
                }
            }
            Command::Board => {
                let game = on_board
                    .or_else(|| id(self.newest(room_id, open)))
                    .or_else(|| id(self.newest(room_id, |live| live.session.is_open())))
                    .or_else(|| id(self.newest(room_id, |_| true)));
                match game {
                    Some(game_id) => self.show_again(asked, &game_id),
                    None => self.answer(asked, words::no_game(asked.lang)),
                }
            }
        }
    }

    fn act_or_say(&mut self, asked: Asked<'_>, game: Option<String>, act: &Act) {
        match game {
            Some(game_id) => self.act(asked, &game_id, act),
            None => self.answer(asked, words::no_game(asked.lang)),
        }
    }

    fn start_in_chat(&mut self, asked: Asked<'_>, rules: &'static dyn Rules, arguments: &[String]) {
        let sender = &asked.event.sender;
        let me = self.bot.me().clone();
        let mut opponent = asked.event.mentioned().into_iter().find(|user| *user != me && user != sender);
        // The words of a mention are a name, which may be anything; so with a mention only the last word can be a side.
        let named = opponent.is_some();
        let mut side = None;
        for (index, word) in arguments.iter().enumerate() {
            if let Some(found) = read_side(rules, word)
                && (!named || index + 1 == arguments.len())
            {
                side = Some(found);
            } else if opponent.is_none() {
                match self.member_called(&asked.event.room_id, word) {
                    Some(user) if user != me && user != *sender => opponent = Some(user),
                    _ => return self.refuse(asked, None, &Refusal::OpponentUnknown),
                }
            }
        }
        let side = side.unwrap_or(Side::Usual);
        self.start(asked, rules, opponent, side, asked.lang);
    }

    fn start(
        &mut self,
        asked: Asked<'_>,
        rules: &'static dyn Rules,
        opponent: Option<OwnedUserId>,
        side: Side,
        lang: Lang,
    ) {
        let sender = &asked.event.sender;
        let room_id = asked.event.room_id.clone();
        let me = self.bot.me().clone();
        if let Some(opponent) = &opponent {
            let names = &self.room(&room_id).names;
            // An empty list is one that has not been fetched yet.
            let absent = !names.is_empty() && !names.contains_key(opponent);
            if absent || *opponent == me || opponent == sender {
                return self.refuse(asked, None, &Refusal::OpponentUnknown);
            }
        }
        let lots = Seat(u8::from((self.bot.settings.coin)()));
        let seat = match side {
            Side::Seat(seat) => seat,
            Side::Lots => lots,
            Side::Usual => rules.creator_seat().unwrap_or(lots),
        };
        // One invitation to a kind of game at a time: a new one takes the old one's place.
        let earlier = self
            .newest(&room_id, |live| {
                live.session.status == Status::Waiting
                    && live.session.creator == *sender
                    && live.session.rules().kind() == rules.kind()
            })
            .map(|live| live.session.game_id.clone());
        if let Some(earlier) = earlier {
            self.record(asked.event, &earlier, Entry::Cancelled);
            self.show(&earlier);
        }
        self.create(
            asked,
            Entry::Created {
                kind: rules.kind().to_owned(),
                creator: sender.clone(),
                seat,
                invited: opponent,
                lang,
                rematch_of: None,
                started_by: Some(asked.event.event_id.clone()),
            },
        );
    }

    fn rematch(&mut self, asked: Asked<'_>, game_id: &str, lang: Lang) {
        let Some(live) = self.state.games.get(game_id) else {
            return self.refuse(asked, None, &Refusal::UnknownGame);
        };
        // The other player has asked already: to ask as well is to accept.
        if let Some(next) = live.session.rematch.clone()
            && let Some(other) = self.state.games.get(&next)
            && (other.session.is_open() || matches!(other.session.status, Status::Finished(_)))
        {
            if other.session.creator != asked.event.sender {
                self.act(asked, &next, &Act::Join);
            }
            return;
        }
        match live.session.rematch(&asked.event.sender, lang, &asked.event.event_id) {
            Err(refusal) => self.refuse(asked, Some(game_id), &refusal),
            Ok(entry) => {
                if let Some(next) = self.create(asked, entry) {
                    self.record(asked.event, game_id, Entry::RematchAsked { game_id: next });
                    self.show(game_id);
                }
            }
        }
    }

    fn show_again(&mut self, asked: Asked<'_>, game_id: &str) {
        let now = (self.bot.settings.clock)();
        if self.room(&asked.event.room_id).boards.take(now) {
            self.show_anew(game_id);
        } else {
            self.refuse(asked, Some(game_id), &Refusal::TooOften);
        }
    }

    async fn reaction(&mut self, event: &Incoming) -> Result<(), store::Error> {
        let key = event.content.get("m.relates_to").and_then(|relation| relation.get("key")?.as_str());
        let (Some(reaction), Some(board), Some("m.annotation")) =
            (key.and_then(command::reaction), event.related(), event.relation_type())
        else {
            return Ok(());
        };
        let Some(game_id) = self.game_of_board(&event.room_id, board).await? else {
            return Ok(());
        };
        let Some(live) = self.state.games.get(&game_id) else {
            return Ok(());
        };
        let session = &live.session;
        let asked = Asked { event, lang: session.lang, in_chat: false };
        let seat = session.seat_of(&event.sender);
        // A reaction is also how people comment: only one that can be meant for the game is answered.
        let act = match (reaction, session.status, seat) {
            (Reaction::Yes, Status::Waiting, None) => Act::Join,
            (Reaction::No, Status::Waiting, _) if seat.is_some() || session.invited.as_ref() == Some(&event.sender) => {
                Act::Decline
            }
            (Reaction::No, Status::Playing, Some(seat)) if session.draw_offer == Some(seat.other()) => Act::DeclineDraw,
            (Reaction::Draw, Status::Playing, Some(_)) => Act::Draw,
            (Reaction::Resign, Status::Playing, Some(_)) => Act::Resign,
            (Reaction::Move(text), Status::Playing, Some(_)) if !session.rules().reaction_moves().is_empty() => {
                move_of(&text)
            }
            (Reaction::Again, Status::Finished(_), Some(_)) => {
                let lang = session.lang;
                self.rematch(asked, &game_id, lang);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.act(asked, &game_id, &act);
        Ok(())
    }

    async fn native_move(&mut self, event: &Incoming) -> Result<(), store::Error> {
        let game = self.native_game(event).await?;
        let asked = self.native_asked(event, game.as_deref());
        let ply = event.content.get("ply").and_then(serde_json::Value::as_u64);
        match (game, event.text("move"), ply) {
            (None, ..) => self.refuse(asked, None, &Refusal::UnknownGame),
            (Some(game_id), Some(text), Some(ply)) if text.len() <= LONGEST => {
                let act = Act::Move { text: text.to_owned(), ply: Some(ply) };
                self.act(asked, &game_id, &act);
            }
            (Some(game_id), ..) => self.refuse(asked, Some(&game_id), &Refusal::Malformed),
        }
        Ok(())
    }

    async fn native_action(&mut self, event: &Incoming) -> Result<(), store::Error> {
        let Some(action) = event.text("action") else {
            let asked = self.native_asked(event, None);
            self.refuse(asked, None, &Refusal::Malformed);
            return Ok(());
        };
        if action == "start" {
            let asked = self.native_asked(event, None);
            self.native_start(asked);
            return Ok(());
        }
        let game = self.native_game(event).await?;
        let asked = self.native_asked(event, game.as_deref());
        let Some(game_id) = game else {
            self.refuse(asked, None, &Refusal::UnknownGame);
            return Ok(());
        };
        let act = match action {
            "join" => Act::Join,
            "decline" => Act::Decline,
            "cancel" => Act::Cancel,
            "resign" => Act::Resign,
            "offer_draw" => Act::Draw,
            "accept_draw" => Act::AcceptDraw,
            "decline_draw" => Act::DeclineDraw,
            "claim_draw" => Act::ClaimDraw,
            "rematch" => {
                self.rematch(asked, &game_id, asked.lang);
                return Ok(());
            }
            "board" => {
                self.show_again(asked, &game_id);
                return Ok(());
            }
            _ => {
                self.refuse(asked, Some(&game_id), &Refusal::UnknownAction);
                return Ok(());
            }
        };
        self.act(asked, &game_id, &act);
        Ok(())
    }

    fn native_start(&mut self, asked: Asked<'_>) {
        let content = &asked.event.content;
        let Some(rules) = content.get("kind").and_then(|kind| games::find(kind.as_str()?)) else {
            return self.refuse(asked, None, &Refusal::UnknownKind);
        };
        let side = match content.get("seat") {
            None => Some(Side::Usual),
            Some(seat) => seat.as_str().and_then(|seat| read_side(rules, seat)),
        };
        let opponent = match content.get("opponent") {
            None => Some(None),
            Some(user) => user.as_str().and_then(|user| OwnedUserId::try_from(user).ok()).map(Some),
        };
        match (side, opponent) {
            (Some(side), Some(opponent)) => self.start(asked, rules, opponent, side, asked.lang),
            _ => self.refuse(asked, None, &Refusal::Malformed),
        }
    }

    /// The game that a native event names, at hand.
    async fn native_game(&mut self, event: &Incoming) -> Result<Option<String>, store::Error> {
        if let Some(game_id) = event.text("game_id") {
            let at_hand = self.at_hand(&event.room_id, game_id).await?;
            return Ok(at_hand.then(|| game_id.to_owned()));
        }
        match event.related() {
            Some(board) => self.game_of_board(&event.room_id, board).await,
            None => Ok(None),
        }
    }

    fn native_asked<'e>(&mut self, event: &'e Incoming, game_id: Option<&str>) -> Asked<'e> {
        let game = game_id.and_then(|id| self.state.games.get(id));
        let lang = event
            .text("lang")
            .and_then(Lang::find)
            .or(game.map(|live| live.session.lang))
            .unwrap_or_else(|| self.room(&event.room_id).row.lang);
        Asked { event, lang, in_chat: false }
    }

    /// The game that a message shows, at hand.
    async fn game_of_board(&mut self, room_id: &RoomId, board: &EventId) -> Result<Option<String>, store::Error> {
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
    async fn at_hand(&mut self, room_id: &RoomId, game_id: &str) -> Result<bool, store::Error> {
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
    fn newest(&self, room_id: &RoomId, wanted: impl Fn(&Live) -> bool) -> Option<&Live> {
        self.state
            .rooms
            .get(room_id)?
            .games
            .iter()
            .rev()
            .filter_map(|game_id| self.state.games.get(game_id))
            .find(|live| wanted(live))
    }

    /// A member by user id, its first part, or displayed name.
    fn member_called(&mut self, room_id: &RoomId, word: &str) -> Option<OwnedUserId> {
        let word = word.trim_end_matches([',', '.', ':']);
        if let Ok(user) = OwnedUserId::try_from(word) {
            return Some(user);
        }
        let bare = fold(word.strip_prefix('@').unwrap_or(word));
        let names = &self.room(room_id).names;
        let found: Vec<_> = names
            .iter()
            .filter(|(user, name)| {
                user.localpart() == bare
                    || fold(name) == bare
                    || name.split_whitespace().next().is_some_and(|first| fold(first) == bare)
            })
            .map(|(user, _)| user)
            .collect();
        match found.as_slice() {
            [user] => Some((*user).clone()),
            several => several.iter().find(|user| user.localpart() == bare).map(|user| (*user).clone()),
        }
    }
}

/// Where the one who starts a game will sit.
#[derive(Clone, Copy)]
enum Side {
    Seat(Seat),
    Lots,
    Usual,
}

fn read_side(rules: &dyn Rules, word: &str) -> Option<Side> {
    let word = fold(word);
    if matches!(word.as_str(), "random" | "случайно" | "случайный" | "жребий") {
        return Some(Side::Lots);
    }
    let index = rules.seats().iter().position(|seat| seat.choices.contains(&word.as_str()))?;
    Some(Side::Seat(Seat(index as u8)))
}

fn is_at_turn(session: &Session, user: &UserId) -> bool {
    session.turn().is_some_and(|seat| session.player(seat) == Some(user))
}

fn move_of(text: &str) -> Act {
    Act::Move { text: text.to_owned(), ply: None }
}
