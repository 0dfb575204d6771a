//! Tic-tac-toe on three by three cells.

use serde_json::{Value, json};

use super::{
    Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName,
    grid::{KEYCAPS, digit},
};
use crate::words::Lang;

/// The game.
pub(super) struct TicTacToe;

const LINES: [[usize; 3]; 8] = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

impl Rules for TicTacToe {
    fn kind(&self) -> &'static str {
        "tictactoe"
    }

    fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ru => "Крестики-нолики",
            Lang::En => "Tic-tac-toe",
        }
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        match lang {
            Lang::Ru => &["крестики", "крестики-нолики", "нолики"],
            Lang::En => &["tictactoe", "tic-tac-toe", "ttt"],
        }
    }

    fn seats(&self) -> &'static [SeatName] {
        &[
            SeatName {
                id: "x",
                ru: "крестики",
                en: "crosses",
                choices: &["x", "х", "крестики", "крестик", "crosses", "cross"],
            },
            SeatName {
                id: "o",
                ru: "нолики",
                en: "noughts",
                choices: &["o", "о", "0", "нолики", "нолик", "noughts", "nought"],
            },
        ]
    }

    fn creator_seat(&self) -> Option<Seat> {
        Some(Seat(0))
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(Grid::default())
    }

    fn describe_move(&self, ply: usize, notation: &str, _lang: Lang) -> String {
        let mark = if ply % 2 == 1 { "❌" } else { "⭕" };
        format!("{mark} → {notation}")
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ru => "Ход: номер клетки сообщением или реакцией 1️⃣…9️⃣.",
            Lang::En => "To move: the number of a cell as a message or as a reaction 1️⃣…9️⃣.",
        }
    }

    fn reaction_moves(&self) -> &'static [&'static str] {
        &KEYCAPS
    }
}

/// Nine cells, row by row from the top left.
#[derive(Debug, Clone, Default)]
struct Grid {
    cells: [Option<Seat>; 9],
}

impl Grid {
    fn played(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    fn line(&self) -> Option<[usize; 3]> {
        LINES.into_iter().find(|&[a, b, c]| {
            self.cells[a].is_some() && self.cells[a] == self.cells[b] && self.cells[b] == self.cells[c]
        })
    }
}

/// The cell that `text` names.
fn read(text: &str) -> Option<usize> {
    digit(text).map(|digit| digit - 1)
}

impl Position for Grid {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn() {
            return Err(Illegal::NotYourTurn);
        }
        let cell = read(text).ok_or(Illegal::Unreadable)?;
        if self.cells[cell].is_some() {
            return Err(Illegal::CellTaken);
        }
        let mut next = self.clone();
        next.cells[cell] = Some(player);
        let name = (cell + 1).to_string();
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: name.clone(), notation: name })
    }

    fn turn(&self) -> Seat {
        Seat(u8::from(self.played() % 2 == 1))
    }

    fn ending(&self) -> Option<Ending> {
        if let Some([cell, ..]) = self.line() {
            return Some(Ending { winner: self.cells[cell], reason: Reason::ThreeInARow });
        }
        (self.played() == 9).then_some(Ending { winner: None, reason: Reason::BoardFull })
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        (0..9).filter(|&cell| self.cells[cell].is_none()).map(|cell| (cell + 1).to_string()).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        read(text).is_some()
    }

    fn state(&self) -> Value {
        let cells: String = self
            .cells
            .iter()
            .map(|cell| match cell {
                None => '.',
                Some(Seat(0)) => 'x',
                Some(_) => 'o',
            })
            .collect();
        match self.line() {
            Some(line) => json!({ "cells": cells, "line": line }),
            None => json!({ "cells": cells }),
        }
    }

    fn picture(&self) -> String {
        let cell = |i: usize| match self.cells[i] {
            None => KEYCAPS[i],
            Some(Seat(0)) => "❌",
            Some(_) => "⭕",
        };
        (0..3)
            .map(|row| format!("{} {} {}", cell(row * 3), cell(row * 3 + 1), cell(row * 3 + 2)))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn play(moves: &[&str]) -> Box<dyn Position> {
        let mut position = TicTacToe.start();
        for text in moves {
            position = position.apply(position.turn(), text).unwrap().next;
        }
        position
    }

    #[test]
    fn three_in_a_row_wins() {
        let position = play(&["1", "4", "2", "5", "3"]);
        assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(0)), reason: Reason::ThreeInARow }));
        assert_eq!(position.state(), json!({"cells": "xxxoo....", "line": [0, 1, 2]}));
        assert!(position.legal_moves().is_empty());
        assert_eq!(position.apply(Seat(1), "6").unwrap_err(), Illegal::Over);
    }

    #[test]
    fn every_line_wins_and_a_full_board_without_one_is_a_draw() {
        for line in LINES {
            let mut grid = Grid::default();
            for cell in line {
                grid.cells[cell] = Some(Seat(1));
            }
            assert_eq!(grid.ending().and_then(|e| e.winner), Some(Seat(1)));
        }
        let position = play(&["1", "2", "3", "5", "4", "6", "8", "7", "9"]);
        assert_eq!(position.ending(), Some(Ending { winner: None, reason: Reason::BoardFull }));
    }

    #[test]
    fn turns_and_taken_cells() {
        let position = play(&["5"]);
        assert_eq!(position.apply(Seat(0), "1").unwrap_err(), Illegal::NotYourTurn);
        assert_eq!(position.apply(Seat(1), "5").unwrap_err(), Illegal::CellTaken);
        for text in ["0", "10", "", "е4", "-1", "１０"] {
            assert_eq!(position.apply(Seat(1), text).unwrap_err(), Illegal::Unreadable, "{text}");
        }
        assert_eq!(position.apply(Seat(1), "9️⃣").unwrap().canonical, "9");
    }

    /// All games there are: the counts are well known (255,168 games, of which 131,184 / 77,904 / 46,080).
    #[test]
    fn the_whole_tree() {
        fn walk(position: &dyn Position, results: &mut [u32; 3]) {
            match position.ending() {
                Some(ending) => results[ending.winner.map_or(2, Seat::index)] += 1,
                None => {
                    for text in position.legal_moves() {
                        let outcome = position.apply(position.turn(), &text).unwrap();
                        walk(outcome.next.as_ref(), results);
                    }
                }
            }
        }
        let mut results = [0; 3];
        walk(TicTacToe.start().as_ref(), &mut results);
        assert_eq!(results, [131_184, 77_904, 46_080]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(seat in 0u8..4, texts in prop::collection::vec(".*", 0..12)) {
            let mut position = TicTacToe.start();
            for text in texts {
                if let Ok(outcome) = position.apply(Seat(seat % 2), &text) {
                    position = outcome.next;
                }
                let _ = (position.looks_like_move(&text), position.state(), position.picture());
            }
        }
    }
}
