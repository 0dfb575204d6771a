//! Gomoku on fifteen by fifteen, the free game: five or more in a line win.

use serde_json::{Value, json};

use super::{
    Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName,
    grid::{self, Grid},
};
use crate::words::Lang;

/// The game.
pub(super) struct Gomoku;

const SIDE: usize = 15;

/// The seats of games of black and white stones, in which black begins.
pub(super) const BLACK_AND_WHITE: [SeatName; 2] = [
    SeatName {
        id: "black", ru: "чёрные", en: "black", choices: &["black", "черные", "черными", "черный"]
    },
    SeatName {
        id: "white", ru: "белые", en: "white", choices: &["white", "белые", "белыми", "белый"]
    },
];

/// Their stones in characters.
pub(super) const STONES: [&str; 2] = ["●", "○"];

impl Rules for Gomoku {
    fn kind(&self) -> &'static str {
        "gomoku"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Гомоку", "Gomoku")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["гомоку", "пять"], &["gomoku", "five"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &BLACK_AND_WHITE
    }

    fn creator_seat(&self) -> Option<Seat> {
        None
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(Stones { grid: Grid::new(SIDE, SIDE), turn: Seat(0), line: Vec::new() })
    }

    fn describe_move(&self, ply: usize, notation: &str, _lang: Lang) -> String {
        format!("{}\u{a0}{notation}", STONES[(ply + 1) % 2])
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick("Ход: поле сообщением, например h8.", "To move: a field as a message, such as h8.")
    }
}

/// A position.
#[derive(Debug, Clone)]
struct Stones {
    grid: Grid,
    turn: Seat,
    /// The line that won.
    line: Vec<usize>,
}

/// The name of a cell: letters to the right, numbers upwards.
fn name(cell: usize) -> String {
    format!("{}{}", grid::letter(cell % SIDE), SIDE - cell / SIDE)
}

/// The cell of a name.
fn read(text: &str) -> Option<usize> {
    let (column, number) = grid::field(text)?;
    (column < SIDE && number < SIDE).then(|| (SIDE - 1 - number) * SIDE + column)
}

impl Position for Stones {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn {
            return Err(Illegal::NotYourTurn);
        }
        let cell = read(text).ok_or(Illegal::Unreadable)?;
        if self.grid.at(cell).is_some() {
            return Err(Illegal::CellTaken);
        }
        let mut next = self.clone();
        next.grid.put(cell, player);
        next.turn = player.other();
        next.line = next.grid.line(cell, 5).unwrap_or_default();
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: name(cell), notation: name(cell) })
    }

    fn turn(&self) -> Seat {
        self.turn
    }

    fn ending(&self) -> Option<Ending> {
        if !self.line.is_empty() {
            return Some(Ending { winner: Some(self.turn.other()), reason: Reason::FiveInARow });
        }
        self.grid.is_full().then_some(Ending { winner: None, reason: Reason::BoardFull })
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        self.grid.empty().map(name).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        read(text).is_some()
    }

    fn state(&self) -> Value {
        let cells = self.grid.string(['b', 'w']);
        if self.line.is_empty() { json!({ "cells": cells }) } else { json!({ "cells": cells, "line": self.line }) }
    }

    fn picture(&self) -> String {
        self.grid.picture(STONES, |row| SIDE - row)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    #[test]
    fn five_or_more_win() {
        let position = play(&Gomoku, "h8 a1 i9 a2 j10 a3 k11 a4 l12");
        assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(0)), reason: Reason::FiveInARow }));
        assert!(position.legal_moves().is_empty());
        // Two and three join to six.
        let position = play(&Gomoku, "a15 a1 b15 b1 d15 d1 e15 e1 f15 f1 c15");
        assert_eq!(position.state()["line"], json!([0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn four_and_a_gap_do_not() {
        let position = play(&Gomoku, "a15 a1 b15 b1 c15 c1 e15 e1 f15");
        assert_eq!(position.ending(), None);
    }

    #[test]
    fn fields_as_people_write_them() {
        let position = Gomoku.start();
        for (text, canonical) in [("H8", "h8"), (" а15 ", "a15"), ("o1", "o1"), ("О1", "o1")] {
            assert_eq!(position.apply(Seat(0), text).unwrap().canonical, canonical, "{text}");
        }
        for text in ["p1", "a16", "a0", "a", "8h", "h08a", "", "ш5"] {
            assert_eq!(position.apply(Seat(0), text).unwrap_err(), Illegal::Unreadable, "{text}");
        }
        let position = play(&Gomoku, "h8");
        assert_eq!(position.apply(Seat(1), "h8").unwrap_err(), Illegal::CellTaken);
        assert_eq!(position.legal_moves().len(), 224);
    }

    random_games!(Gomoku, 225);
}
