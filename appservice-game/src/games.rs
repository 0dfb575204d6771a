//! The rules of every game, as functions of values.
//!
//! Nothing here reads a clock, draws a random number, touches a file or knows Matrix. A game is a [`Rules`] (its names
//! and its first position) and a [`Position`]; adding one is a file beside `chess.rs` and a line in [`ALL`].

use std::fmt::Debug;

use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::words::Lang;

/// What every game is tried with: play by chance ends, in a position that its own words describe, and any text is answered.
#[cfg(test)]
macro_rules! random_games {
    ($rules:expr, $most:expr) => {
        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

            #[test]
            fn random_play_ends_in_a_legal_position(seed in proptest::prelude::any::<u64>()) {
                let game = super::super::tests::random_game(&$rules, seed);
                let last = game.last().unwrap();
                proptest::prop_assert!(game.len() <= $most + 1, "{} moves", game.len() - 1);
                proptest::prop_assert!(last.ending().is_some() && last.legal_moves().is_empty());
            }

            #[test]
            fn any_text_is_answered(seed in proptest::prelude::any::<u64>(), texts in proptest::collection::vec(".*", 0..12)) {
                for position in super::super::tests::random_game(&$rules, seed).iter().step_by(7) {
                    for text in &texts {
                        let _ = (position.apply(position.turn(), text), position.looks_like_move(text));
                    }
                }
            }
        }
    };
}

mod battleship;
mod chess;
mod connectfour;
mod draughts;
mod gomoku;
mod grid;
mod hangman;
mod reversi;
mod search;
mod tictactoe;

pub use search::Strength;

/// Every game the service knows.
pub static ALL: &[&dyn Rules] = &[
    &chess::Chess,
    &draughts::Draughts,
    &tictactoe::TicTacToe,
    &connectfour::ConnectFour,
    &reversi::Reversi,
    &gomoku::Gomoku,
    &battleship::Battleship,
    &hangman::Hangman,
];

/// The rules called `kind` in events and in the log.
pub fn find(kind: &str) -> Option<&'static dyn Rules> {
    ALL.iter().copied().find(|rules| rules.kind() == kind)
}

/// A player's place at the board: an index into [`Rules::seats`], which is the order of moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seat(pub u8);

impl Seat {
    /// The place as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The opponent's place in a game of two.
    #[must_use]
    pub fn other(self) -> Self {
        Self(1 - self.0.min(1))
    }
}

/// What a seat is called.
#[derive(Debug, Clone, Copy)]
pub struct SeatName {
    /// The name in events.
    pub id: &'static str,
    /// In Russian, as in "Иван (белые)".
    pub ru: &'static str,
    /// In English.
    pub en: &'static str,
    /// Words, lower case, that choose this seat in a command.
    pub choices: &'static [&'static str],
}

impl SeatName {
    /// The name in a language.
    pub fn name(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ru => self.ru,
            Lang::En => self.en,
        }
    }
}

/// Why a game is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Chess: the king is attacked and cannot be saved.
    Checkmate,
    /// Tic-tac-toe: three marks in a line.
    ThreeInARow,
    /// Connect four: four stones in a line.
    FourInARow,
    /// Gomoku: five stones in a line, or more.
    FiveInARow,
    /// Reversi: more discs than the other when nobody can move.
    MostDiscs,
    /// Draughts: the player at turn has no piece, or none that can move.
    NoMoves,
    /// Battleship: every ship of the other is sunk.
    FleetSunk,
    /// Hangman: the word stands there.
    WordGuessed,
    /// Hangman: as many mistakes as there may be.
    Hanged,
    /// A game for all was ended by the one who started it.
    GivenUp,
    /// A player gave up.
    Resignation,
    /// A player is no longer in the room.
    LeftRoom,
    /// Chess: no legal move and no check.
    Stalemate,
    /// Chess: neither side can ever mate.
    InsufficientMaterial,
    /// Chess: the fifth time the same position; ends the game by itself (FIDE 9.6.1).
    FivefoldRepetition,
    /// Chess: 75 moves by each side without a capture or a pawn move (FIDE 9.6.2).
    SeventyFiveMoves,
    /// Reversi: as many discs as the other.
    EqualDiscs,
    /// Draughts: 15 moves by each side with kings alone, nothing taken.
    FifteenMoves,
    /// Draughts: three kings or more did not win against one within 15 moves.
    ThreeKings,
    /// Draughts: as many moves as an ending of so few pieces has, with nothing taken and no new king.
    EndgameMoves,
    /// No empty cell.
    BoardFull,
    /// Both players agreed to a draw.
    Agreement,
    /// The third time the same position: claimed in chess (FIDE 9.2), a draw by itself in draughts.
    ThreefoldRepetition,
    /// Chess: a claimed draw, 50 moves by each side without a capture or a pawn move (FIDE 9.3).
    FiftyMoves,
}

/// How a game ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// `None` is a draw.
    pub winner: Option<Seat>,
    /// Why.
    pub reason: Reason,
}

/// What a legal move leads to.
#[derive(Debug)]
pub struct Outcome {
    /// The position after the move.
    pub next: Box<dyn Position>,
    /// The move in the form of [`Position::legal_moves`].
    pub canonical: String,
    /// The move as players write it, in English letters.
    pub notation: String,
    /// Set when the move ended the game.
    pub ending: Option<Ending>,
}

/// Why a move was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The other player is to move.
    #[error("it is the other player's turn")]
    NotYourTurn,
    /// Not a move in any notation of the game.
    #[error("not a move in this game's notation")]
    Unreadable,
    /// A move, but not one the rules allow here.
    #[error("the rules do not allow this move")]
    NotAllowed {
        /// The player at turn has to answer a check.
        in_check: bool,
    },
    /// Draughts: something has to be taken, and this does not, or not all.
    #[error("something has to be taken")]
    MustTake,
    /// Several moves fit; here they are as players write them.
    #[error("several moves fit: {0:?}")]
    Ambiguous(Vec<String>),
    /// A pawn reaches the last rank and nothing says what it becomes.
    #[error("the promotion is missing")]
    PromotionMissing,
    /// The cell is not empty.
    #[error("the cell is taken")]
    CellTaken,
    /// Battleship: it is known what is there. Hangman: the letter or word has been said.
    #[error("tried before")]
    TriedBefore,
    /// Battleship: somebody has fired at this fleet.
    #[error("the fleet is under fire")]
    UnderFire,
    /// Nothing is hidden in this game.
    #[error("nothing is hidden in this game")]
    NothingHidden,
    /// The game has ended.
    #[error("the game is over")]
    Over,
}

/// What one player sees and the others do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// For a native board, as in docs/games-events.md.
    pub state: Value,
    /// In characters, lines without a trailing newline.
    pub picture: String,
}

/// One game's names and beginning.
pub trait Rules: Send + Sync {
    /// The name in events and in the log; never changes.
    fn kind(&self) -> &'static str;
    /// The name for people, capitalised.
    fn title(&self, lang: Lang) -> &'static str;
    /// The command words, lower case, without the exclamation mark.
    fn commands(&self, lang: Lang) -> &'static [&'static str];
    /// The seats in the order of moves.
    fn seats(&self) -> &'static [SeatName];
    /// Where the person who invites sits when nothing is said; `None` draws lots.
    fn creator_seat(&self) -> Option<Seat>;
    /// The first position; of a game that is dealt, one of them.
    fn start(&self) -> Box<dyn Position>;
    /// What is hidden at the beginning, drawn by lot, for the log alone; empty where nothing is.
    fn deal(&self, _lang: Lang, _rng: &mut StdRng) -> String {
        String::new()
    }
    /// The first position of a game with this deal; `None` when [`Rules::deal`] never says so.
    fn begin(&self, _deal: &str, _lang: Lang) -> Option<Box<dyn Position>> {
        Some(self.start())
    }
    /// Everybody in the room plays, on one side and at once: nobody has to join, and there is one seat.
    fn is_for_all(&self) -> bool {
        false
    }
    /// A move in words, such as `12…Nf6`; `ply` counts from 1.
    fn describe_move(&self, ply: usize, notation: &str, lang: Lang) -> String;
    /// One sentence: how to write a move.
    fn how_to_move(&self, lang: Lang) -> &'static str;
    /// Whether the computer plays it, by [`Position::choose`].
    fn has_computer(&self) -> bool {
        false
    }
    /// The reactions that make a move, in the order of the board; empty when there are too many moves for that.
    fn reaction_moves(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A position with all that the rules need of its past.
pub trait Position: Debug + Send + Sync {
    /// Plays `text` for `player`, in any notation of the game. Changes nothing: the new position is in the outcome.
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal>;
    /// Whose move it is (also of an ended game: who would be next).
    fn turn(&self) -> Seat;
    /// Whether the rules ended the game here.
    fn ending(&self) -> Option<Ending>;
    /// A move for the player at turn, chosen by the computer, in the form of [`Position::legal_moves`]; `None` when the
    /// game is over or is one that the computer does not play. Work of up to a second.
    fn choose(&self, _strength: Strength, _rng: &mut StdRng) -> Option<String> {
        None
    }
    /// A draw that either player may claim now.
    fn draw_claim(&self) -> Option<Reason> {
        None
    }
    /// Every legal move of the player at turn, in the form that events carry; empty when the game is over.
    fn legal_moves(&self) -> Vec<String>;
    /// Whether `text` is written as a move of this game, legal or not.
    fn looks_like_move(&self, text: &str) -> bool;
    /// Whether the player at turn is in check.
    fn in_check(&self) -> bool {
        false
    }
    /// What this player alone may see.
    fn hand(&self, _player: Seat) -> Option<Hand> {
        None
    }
    /// What [`Position::arrange`] may take, drawn by lot.
    fn rearrangement(&self, _rng: &mut StdRng) -> Option<String> {
        None
    }
    /// The position after a player has laid out anew what they alone see.
    fn arrange(&self, _player: Seat, _hand: &str) -> Result<Box<dyn Position>, Illegal> {
        Err(Illegal::NothingHidden)
    }
    /// The position with nothing hidden, for a game that is ended by people; `None` where nothing is hidden.
    fn revealed(&self) -> Option<Box<dyn Position>> {
        None
    }
    /// The position for a native board; its shape is documented in docs/games-events.md.
    fn state(&self) -> Value;
    /// The board in characters, lines without a trailing newline.
    fn picture(&self) -> String;
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    /// The position after moves from the start, each by whoever is at turn.
    pub(super) fn play(rules: &dyn Rules, moves: &str) -> Box<dyn Position> {
        let mut position = rules.start();
        for text in moves.split_whitespace() {
            position = match position.apply(position.turn(), text) {
                Ok(outcome) => outcome.next,
                Err(illegal) => panic!("{text}: {illegal}"),
            };
        }
        position
    }

    /// How many ways of so many moves there are from the start.
    pub(super) fn perft(rules: &dyn Rules, depth: u32) -> u64 {
        fn count(position: &dyn Position, depth: u32) -> u64 {
            let moves = position.legal_moves();
            if depth == 1 {
                return moves.len() as u64;
            }
            let next = |text: &String| position.apply(position.turn(), text).unwrap().next;
            moves.iter().map(|text| count(next(text).as_ref(), depth - 1)).sum()
        }
        count(rules.start().as_ref(), depth)
    }

    /// All positions of a game that is played by chance to its end.
    pub(super) fn random_game(rules: &dyn Rules, seed: u64) -> Vec<Box<dyn Position>> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut game = vec![rules.start()];
        loop {
            let position = game.last().unwrap();
            let moves = position.legal_moves();
            if moves.is_empty() {
                return game;
            }
            let text = &moves[rng.random_range(0..moves.len())];
            let outcome = position.apply(position.turn(), text).unwrap();
            assert_eq!((&outcome.canonical, outcome.ending), (text, outcome.next.ending()));
            assert!(position.looks_like_move(text) && position.looks_like_move(&outcome.notation), "{text}");
            game.push(outcome.next);
        }
    }
}
