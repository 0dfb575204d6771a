//! Connect four: seven columns of six, and stones that fall.

use serde_json::{Value, json};

use super::{
    Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName,
    grid::{self, Grid, KEYCAPS},
};
use crate::words::Lang;

/// The game.
pub(super) struct ConnectFour;

const COLUMNS: usize = 7;
const ROWS: usize = 6;

impl Rules for ConnectFour {
    fn kind(&self) -> &'static str {
        "connectfour"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Четыре в ряд", "Connect four")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["четыре", "четыре-в-ряд"], &["connectfour", "connect4", "c4"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &[
            SeatName {
                id: "red", ru: "красные", en: "red", choices: &["red", "красные", "красными", "красный"]
            },
            SeatName {
                id: "yellow", ru: "жёлтые", en: "yellow", choices: &["yellow", "желтые", "желтыми", "желтый"]
            },
        ]
    }

    fn creator_seat(&self) -> Option<Seat> {
        Some(Seat(0))
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(Columns { grid: Grid::new(COLUMNS, ROWS), turn: Seat(0), line: Vec::new() })
    }

    fn describe_move(&self, ply: usize, notation: &str, _lang: Lang) -> String {
        format!("{} → {notation}", SIGNS[(ply + 1) % 2])
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick(
            "Ход: номер столбца сообщением или реакцией 1️⃣…7️⃣.",
            "To move: the number of a column as a message or as a reaction 1️⃣…7️⃣.",
        )
    }

    fn reaction_moves(&self) -> &'static [&'static str] {
        &KEYCAPS[..COLUMNS]
    }
}

const SIGNS: [&str; 2] = ["🔴", "🟡"];

/// A position.
#[derive(Debug, Clone)]
struct Columns {
    grid: Grid,
    turn: Seat,
    /// The line that won.
    line: Vec<usize>,
}

impl Columns {
    /// Where a stone in this column comes to lie.
    fn lands(&self, column: usize) -> Option<usize> {
        (0..ROWS).rev().map(|row| row * COLUMNS + column).find(|cell| self.grid.at(*cell).is_none())
    }
}

impl Position for Columns {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn {
            return Err(Illegal::NotYourTurn);
        }
        let column = grid::digit(text).filter(|digit| *digit <= COLUMNS).ok_or(Illegal::Unreadable)?;
        let cell = self.lands(column - 1).ok_or(Illegal::CellTaken)?;
        let mut next = self.clone();
        next.grid.put(cell, player);
        next.turn = player.other();
        next.line = next.grid.line(cell, 4).unwrap_or_default();
        let name = column.to_string();
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: name.clone(), notation: name })
    }

    fn turn(&self) -> Seat {
        self.turn
    }

    fn ending(&self) -> Option<Ending> {
        if !self.line.is_empty() {
            return Some(Ending { winner: Some(self.turn.other()), reason: Reason::FourInARow });
        }
        self.grid.is_full().then_some(Ending { winner: None, reason: Reason::BoardFull })
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        (0..COLUMNS).filter(|column| self.lands(*column).is_some()).map(|column| (column + 1).to_string()).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        grid::digit(text).is_some()
    }

    fn state(&self) -> Value {
        let cells = self.grid.string(['r', 'y']);
        if self.line.is_empty() { json!({ "cells": cells }) } else { json!({ "cells": cells, "line": self.line }) }
    }

    fn picture(&self) -> String {
        let mut picture = String::new();
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let stone = self.grid.at(row * COLUMNS + column);
                picture.push_str(stone.map_or("⚪", |seat| SIGNS[seat.index()]));
            }
            picture.push('\n');
        }
        picture.push_str(&KEYCAPS[..COLUMNS].concat());
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    #[test]
    fn four_in_a_column_a_row_and_across() {
        for (moves, line) in [
            ("1 2 1 2 1 2 1", vec![14, 21, 28, 35]),
            ("1 1 2 2 3 3 4", vec![35, 36, 37, 38]),
            ("1 2 2 3 3 4 3 4 4 6 4", vec![17, 23, 29, 35]),
        ] {
            let position = play(&ConnectFour, moves);
            assert_eq!(
                position.ending(),
                Some(Ending { winner: Some(Seat(0)), reason: Reason::FourInARow }),
                "{moves}"
            );
            assert_eq!(position.state()["line"], json!(line), "{moves}");
        }
    }

    #[test]
    fn a_full_column_and_what_is_no_column() {
        let position = play(&ConnectFour, "4 4 4 4 4 4");
        assert_eq!(position.apply(Seat(0), "4").unwrap_err(), Illegal::CellTaken);
        assert_eq!(position.apply(Seat(0), "8").unwrap_err(), Illegal::Unreadable);
        assert_eq!(position.apply(Seat(1), "1").unwrap_err(), Illegal::NotYourTurn);
        assert_eq!(position.apply(Seat(0), KEYCAPS[2]).unwrap().canonical, "3");
        assert_eq!(position.legal_moves(), ["1", "2", "3", "5", "6", "7"]);
    }

    /// Positions after so many moves, <https://oeis.org/A212693> counts them without the ways that lead there; the ways
    /// are 7 to the power of the depth until a column is full or somebody has won.
    #[test]
    fn every_way_there_is() {
        assert_eq!(perft(&ConnectFour, 6), 7_u64.pow(6));
        // A seventh stone has no place where six lie already; nobody has four before the seventh move.
        assert_eq!(perft(&ConnectFour, 7), 7_u64.pow(7) - 7);
    }

    random_games!(ConnectFour, 42);
}
