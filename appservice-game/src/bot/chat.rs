//! What people ask for in other clients: by command, by a bare move, by reaction.

use ruma::{OwnedUserId, RoomId};

use super::{
    Live,
    incoming::Incoming,
    requests::{LONGEST, Opponent, Side, move_of, read_side},
    store,
    work::{Asked, Work},
};
use crate::{
    command::{self, Command, Reaction, fold},
    games::Rules,
    session::{Act, Refusal, Status},
    words,
};

impl Work<'_> {
    pub(super) async fn message(&mut self, event: &Incoming) -> Result<(), store::Error> {
        // The move of a message counts as it was first written.
        if event.relation_type() == Some("m.replace") {
            return match event.related() {
                Some(edited) => self.move_stands(event, edited).await,
                None => Ok(()),
            };
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
            return self.command(asked, command, on_board).await;
        }
        let mine = |live: &Live| {
            live.session.status == Status::Playing
                && live.session.seat_of(&event.sender).is_some()
                && live.session.position().looks_like_move(body)
        };
        let game = match on_board {
            Some(game_id) => self.state.games.get(&game_id).filter(|live| mine(live)),
            None => self
                .newest(&event.room_id, |live| mine(live) && live.session.is_at_turn(&event.sender))
                .or_else(|| self.newest(&event.room_id, mine)),
        };
        if let Some(live) = game {
            let game_id = live.session.game_id.clone();
            let asked = Asked { event, lang: live.session.lang, in_chat: true };
            self.act(asked, &game_id, &move_of(body));
        }
        Ok(())
    }

    async fn command(
        &mut self,
        asked: Asked<'_>,
        command: Command,
        on_board: Option<String>,
    ) -> Result<(), store::Error> {
        let sender = &asked.event.sender;
        let room_id = &asked.event.room_id;
        let seated = |live: &Live| live.session.seat_of(sender).is_some();
        let playing = |live: &Live| live.session.status == Status::Playing && seated(live);
        let own = |live: &Live| live.session.status == Status::Playing && live.session.is_of(sender);
        let open = |live: &Live| live.session.is_open() && live.session.is_of(sender);
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
            Command::Pgn => {
                let told = |live: &Live| live.session.rules().kind() == "chess" && !live.session.moves.is_empty();
                let game = on_board
                    .or_else(|| id(self.newest(room_id, |live| told(live) && seated(live))))
                    .or_else(|| id(self.newest(room_id, told)));
                match game {
                    Some(game_id) => self.tell_pgn(asked, &game_id).await?,
                    None => self.answer(asked, words::no_game(asked.lang)),
                }
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
                                && live.session.is_at_turn(sender)
                                && live.session.position().looks_like_move(&text)
                        }))
                    })
                    .or_else(|| id(self.newest(room_id, |live| playing(live) && live.session.is_at_turn(sender))))
                    .or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &move_of(&text));
            }
            Command::Resign => {
                let game =
                    on_board.or_else(|| id(self.newest(room_id, own))).or_else(|| id(self.newest(room_id, open)));
                let game = game.or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &Act::Resign);
            }
            Command::Draw => {
                let game =
                    on_board.or_else(|| id(self.newest(room_id, own))).or_else(|| id(self.newest(room_id, playing)));
                self.act_or_say(asked, game, &Act::Draw);
            }
            Command::NoDraw => {
                let game = on_board
                    .or_else(|| id(self.newest(room_id, |live| own(live) && live.session.draw_offer.is_some())))
                    .or_else(|| id(self.newest(room_id, own)))
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
            Command::Hand | Command::Arrange => {
                let hides = |live: &Live| {
                    own(live)
                        && live.session.seat_of(sender).is_some_and(|seat| live.session.position().hand(seat).is_some())
                };
                let game =
                    on_board.or_else(|| id(self.newest(room_id, hides))).or_else(|| id(self.newest(room_id, own)));
                match (game, command) {
                    (Some(game_id), Command::Hand) => self.show_hand(asked, &game_id),
                    (Some(game_id), _) => self.arrange(asked, &game_id),
                    (None, _) => self.answer(asked, words::no_game(asked.lang)),
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
        Ok(())
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
        let mut computer = None;
        for (index, word) in arguments.iter().enumerate() {
            if let Some(found) = read_side(rules, word)
                && (!named || index + 1 == arguments.len())
            {
                side = Some(found);
            } else if !named && let Some(strength) = command::computer(word) {
                computer = Some(strength.or(computer).unwrap_or_default());
            } else if opponent.is_none() {
                match self.member_called(&asked.event.room_id, word) {
                    Some(user) if user == me => computer = Some(computer.unwrap_or_default()),
                    Some(user) if user != me && user != *sender => opponent = Some(user),
                    _ => return self.refuse(asked, None, &Refusal::OpponentUnknown),
                }
            }
        }
        let side = side.unwrap_or(Side::Usual);
        let opponent = computer.map(Opponent::Computer).or(opponent.map(Opponent::Person));
        self.start(asked, rules, opponent, side, asked.lang);
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

    pub(super) async fn reaction(&mut self, event: &Incoming) -> Result<(), store::Error> {
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
            (Reaction::Draw, Status::Playing, Some(_)) if !session.rules().is_for_all() => Act::Draw,
            (Reaction::Resign, Status::Playing, Some(_)) if session.is_of(&event.sender) => Act::Resign,
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
}
