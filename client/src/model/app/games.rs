//! Boards in the conversation, and the one beside it.

use std::collections::{HashMap, HashSet};

use super::{AppModel, Changed};
use crate::model::{
    command::Command,
    game::{Board, Hand, Opponent, Pressed, Table, Wish},
    item::{Body, Message},
    timeline::Timeline,
};

/// The games of the open room.
#[derive(Debug, Default)]
pub struct State {
    /// The game beside the conversation
    pub shown: Option<String>,
    /// The position gone back to there: so many moves after the beginning
    pub replay: Option<usize>,
    /// The games there were when one was asked for whose board has not come yet
    starting: Option<HashSet<String>>,
    /// What the bot said to that, if it refused it
    pub refusal: String,
    /// What is done on each board, by game
    tables: HashMap<String, Table>,
    /// The refusal that was looked at last
    heard: String,
    /// What only this person may see, by game
    hands: HashMap<String, Hand>,
    /// The games whose bot was asked for that
    asked: HashSet<String>,
}

/// The newest board of a game.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Where it stands
    pub board: &'a Board,
    /// The newest message that shows it
    pub key: &'a str,
    /// Whose board it is
    pub bot: &'a str,
}

impl State {
    /// What is done on the board of a game.
    pub fn table(&self, game_id: &str) -> Table {
        self.tables.get(game_id).cloned().unwrap_or_default()
    }

    /// Another room is opened: what was asked for there in vain may be asked for again.
    pub(super) fn ask_anew(&mut self) {
        self.asked.clear();
    }

    /// A game was asked for and its board has not come yet.
    pub fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    /// What only this person may see of a game.
    pub fn hand(&self, seen: Seen<'_>) -> Option<&Hand> {
        self.hands.get(&seen.board.game_id).filter(|hand| hand.sender == seen.bot)
    }
}

impl AppModel {
    /// The newest board of every game of the open room, with its newest message. The one whose board of a game came
    /// first is the bot; boards of the same game from anybody else are not believed.
    pub fn boards(&self) -> Vec<Seen<'_>> {
        let mut games: Vec<(&str, Vec<(&Message, &Board)>)> = Vec::new();
        for message in self.newest().into_iter().flat_map(Timeline::messages) {
            let Body::Game { board, .. } = &message.body else { continue };
            match games.iter_mut().find(|(id, _)| *id == board.game_id) {
                Some((_, seen)) => seen.push((message, board)),
                None => games.push((&board.game_id, vec![(message, board)])),
            }
        }
        games
            .into_iter()
            .filter_map(|(_, mut seen)| {
                let bot = seen.last()?.0.sender.as_str();
                seen.retain(|(message, _)| message.sender == bot);
                let key = seen.first()?.0.key.as_str();
                let (_, board) = seen.into_iter().rev().max_by_key(|(_, board)| board.revision)?;
                Some(Seen { board, key, bot })
            })
            .collect()
    }

    /// The newest board of a game in the open room, and its message.
    pub fn board(&self, game_id: &str) -> Option<Seen<'_>> {
        self.boards().into_iter().find(|seen| seen.board.game_id == game_id)
    }

    /// The board beside the conversation.
    pub fn shown_board(&self) -> Option<Seen<'_>> {
        self.board(self.games.shown.as_ref()?)
    }

    /// The timeline changed: perhaps a board did, or the board that was asked for has come.
    pub(super) fn follow_game(&mut self) -> bool {
        let boards: Vec<Board> = self.boards().into_iter().map(|seen| seen.board.clone()).collect();
        let refusal = self.newest().and_then(|timeline| timeline.messages().next()).and_then(|message| {
            let game = message.refusal.as_ref().filter(|_| message.key != self.games.heard)?;
            Some((message.key.clone(), game.clone(), message.body.words().to_owned()))
        });
        let told = refusal.is_some();
        if let Some((key, game, words)) = refusal {
            self.games.heard = key;
            if game.is_empty() && self.games.starting.take().is_some() {
                self.games.refusal = words;
            } else if let Some(table) = self.games.tables.get_mut(&game).filter(|table| table.asked.is_some()) {
                table.refused(&words);
            }
        }
        for board in &boards {
            if let Some(table) = self.games.tables.get_mut(&board.game_id) {
                table.changed(board);
            }
        }
        if let Some(before) = &self.games.starting {
            let own = self.own_id();
            let mine = boards.iter().find(|board| board.creator == own && !before.contains(&board.game_id));
            if let Some(game_id) = mine.map(|board| board.game_id.clone()) {
                self.games.starting = None;
                self.show_game(&game_id);
            }
        }
        let next = self.games.shown.as_ref().and_then(|shown| {
            let rematch = boards.iter().find(|board| board.game_id == *shown)?.rematch.as_ref()?;
            boards.iter().find(|board| board.game_id == *rematch).map(|board| board.game_id.clone())
        });
        if let Some(next) = next {
            self.show_game(&next);
        }
        told || !boards.is_empty()
    }

    /// Shows a game beside the conversation.
    pub fn show_game(&mut self, game_id: &str) -> Changed {
        self.games.shown = Some(game_id.to_owned());
        self.games.replay = None;
        self.games.refusal.clear();
        Changed { game: true, ..Changed::default() }
    }

    /// Shows the choice of games beside the conversation.
    pub fn leave_game(&mut self) -> Changed {
        self.games.shown = None;
        self.games.replay = None;
        self.games.refusal.clear();
        Changed { game: true, ..Changed::default() }
    }

    /// A game was asked for: its board is shown when it comes.
    pub fn expect_game(&mut self) {
        self.games.starting = Some(self.boards().into_iter().map(|seen| seen.board.game_id.clone()).collect());
        self.games.refusal.clear();
    }

    /// What was to be asked is not asked.
    pub fn let_go(&mut self, wish: &Wish) -> Changed {
        match wish.game_id().and_then(|game| self.games.tables.get_mut(game)) {
            Some(table) => table.refused(""),
            None => self.games.starting = None,
        }
        Changed { game: true, ..Changed::default() }
    }

    /// What was asked did not reach the bot: it may be asked again.
    pub(super) fn games_failed(&mut self) -> bool {
        let waits =
            self.games.starting.take().is_some() || self.games.tables.values().any(|table| table.asked.is_some());
        self.games.tables.values_mut().filter(|table| table.asked.is_some()).for_each(|table| table.refused(""));
        waits
    }

    /// Goes to the position after so many moves of the game beside the conversation; the end is the board itself.
    pub fn replay(&mut self, ply: usize) -> Changed {
        let moves = self.shown_board().map_or(0, |seen| seen.board.moves.len());
        self.games.replay = (ply < moves).then_some(ply);
        Changed { game: true, ..Changed::default() }
    }

    /// A field of a board was pressed.
    pub fn press_field(&mut self, game_id: &str, index: usize) -> (Changed, Option<Wish>) {
        self.with_board(game_id, |table, board, own| table.press(board, own, index))
    }

    /// A piece of a board is dragged.
    pub fn lift_piece(&mut self, game_id: &str, index: usize) -> (Changed, Option<Wish>) {
        self.with_board(game_id, |table, board, own| {
            table.lift(board, own, index);
            Pressed::Nothing
        })
    }

    /// Something was said on a board without fields.
    pub fn say_move(&mut self, game_id: &str, words: &str) -> (Changed, Option<Wish>) {
        self.with_board(game_id, |table, board, own| match board.guess(words) {
            Some(said) => table.say(board, own, &said),
            None => Pressed::Nothing,
        })
    }

    /// The bot told what only this person may see.
    pub(super) fn deal(&mut self, hand: Hand) -> bool {
        let known = self.games.hands.get(&hand.game_id);
        let newer = known.is_none_or(|known| known.sender != hand.sender || known.revision < hand.revision);
        if newer {
            self.games.hands.insert(hand.game_id.clone(), hand);
        }
        newer
    }

    /// Asks once for what only this person may see of a game in the open room, where this computer was not told.
    pub fn missing_hand(&mut self) -> Option<Wish> {
        let room = self.open.clone()?;
        let own = self.own_id();
        let missing = self.boards().into_iter().find(|seen| {
            let told = self.games.hand(*seen).is_some() || self.games.asked.contains(&seen.board.game_id);
            seen.board.hides() && seen.board.seat_of(own).is_some() && !told
        })?;
        let (game_id, board) = (missing.board.game_id.clone(), missing.key.to_owned());
        self.games.asked.insert(game_id.clone());
        Some(Wish::Act { room, game_id, board, action: "hand".to_owned() })
    }

    /// A piece to promote to was chosen.
    pub fn promote(&mut self, game_id: &str, piece: &str) -> (Changed, Option<Wish>) {
        self.with_board(game_id, |table, board, _| table.promote(board, piece))
    }

    fn with_board(
        &mut self,
        game_id: &str,
        work: impl FnOnce(&mut Table, &Board, &str) -> Pressed,
    ) -> (Changed, Option<Wish>) {
        let Some((board, key)) = self.board(game_id).map(|seen| (seen.board.clone(), seen.key.to_owned())) else {
            return (Changed::default(), None);
        };
        let own = self.own_id().to_owned();
        let pressed = work(self.games.tables.entry(board.game_id.clone()).or_default(), &board, &own);
        let wish = match (pressed, &self.open) {
            (Pressed::Move(made), Some(room)) => {
                Some(Wish::Play { room: room.clone(), game_id: board.game_id, board: key, ply: board.ply + 1, made })
            }
            _ => None,
        };
        (Changed { game: true, ..Changed::default() }, wish)
    }

    /// A button under a board was pressed: joining, resigning and the like.
    pub fn act(&mut self, game_id: &str, action: &str) -> Option<Wish> {
        let room = self.open.clone()?;
        let (board, key) = self.board(game_id).map(|seen| (seen.board.clone(), seen.key.to_owned()))?;
        self.games.tables.entry(board.game_id.clone()).or_default().ask(&board);
        Some(Wish::Act { room, game_id: board.game_id, board: key, action: action.to_owned() })
    }

    /// A game to ask for in the open room. In a chat of two nobody but the other person may come.
    pub fn start_game(&mut self, kind: &str, opponent: Opponent, seat: &str, lang: &str) -> Option<Wish> {
        let room = self.open.clone()?;
        let peer = self.rooms.get(&room).filter(|room| room.direct).map(|room| room.peer.clone());
        let opponent = match (opponent, peer.filter(|peer| !peer.is_empty())) {
            (Opponent::Computer(strength), _) => Opponent::Computer(strength),
            (_, Some(peer)) => Opponent::Person(peer),
            (opponent, None) => opponent,
        };
        self.expect_game();
        Some(Wish::Start { room, kind: kind.to_owned(), lang: lang.to_owned(), opponent, seat: seat.to_owned() })
    }
}

impl From<Wish> for Command {
    fn from(wish: Wish) -> Self {
        Self::Game(wish)
    }
}
