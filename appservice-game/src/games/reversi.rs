//! Reversi by the rules of Othello.

use serde_json::{Value, json};

use super::{
    Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName,
    gomoku::{BLACK_AND_WHITE, STONES},
    grid::{self, Grid},
};
use crate::words::Lang;

/// The game.
pub(super) struct Reversi;

const SIDE: usize = 8;

const DIRECTIONS: [(isize, isize); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

impl Rules for Reversi {
    fn kind(&self) -> &'static str {
        "reversi"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Реверси", "Reversi")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["реверси", "отелло"], &["reversi", "othello"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &BLACK_AND_WHITE
    }

    fn creator_seat(&self) -> Option<Seat> {
        None
    }

    fn start(&self) -> Box<dyn Position> {
        let mut grid = Grid::new(SIDE, SIDE);
        for (field, seat) in [("d4", Seat(1)), ("e5", Seat(1)), ("d5", Seat(0)), ("e4", Seat(0))] {
            if let Some(cell) = read(field) {
                grid.put(cell, seat);
            }
        }
        Box::new(Discs { grid, turn: Seat(0), passed: false })
    }

    fn describe_move(&self, _ply: usize, notation: &str, _lang: Lang) -> String {
        notation.to_owned()
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick("Ход: поле сообщением, например d3.", "To move: a field as a message, such as d3.")
    }
}

/// A position.
#[derive(Debug, Clone)]
struct Discs {
    grid: Grid,
    turn: Seat,
    /// The other side had no move and was passed over.
    passed: bool,
}

/// The name of a cell: letters to the right, numbers downwards.
fn name(cell: usize) -> String {
    format!("{}{}", grid::letter(cell % SIDE), cell / SIDE + 1)
}

/// The cell of a name.
fn read(text: &str) -> Option<usize> {
    let (column, number) = grid::field(text)?;
    (column < SIDE && number < SIDE).then(|| number * SIDE + column)
}

impl Discs {
    /// The discs that a stone of this side there would turn.
    fn turned(&self, seat: Seat, cell: usize) -> Vec<usize> {
        if self.grid.at(cell).is_some() {
            return Vec::new();
        }
        DIRECTIONS
            .into_iter()
            .flat_map(|direction| {
                let mut between = Vec::new();
                for cell in self.grid.ray(cell, direction) {
                    match self.grid.at(cell) {
                        Some(there) if there == seat => return between,
                        Some(_) => between.push(cell),
                        None => break,
                    }
                }
                Vec::new()
            })
            .collect()
    }

    fn moves(&self, seat: Seat) -> impl Iterator<Item = usize> {
        self.grid.empty().filter(move |cell| !self.turned(seat, *cell).is_empty())
    }

    fn can_move(&self, seat: Seat) -> bool {
        self.moves(seat).next().is_some()
    }
}

impl Position for Discs {
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
        let turned = self.turned(player, cell);
        if turned.is_empty() {
            return Err(Illegal::NotAllowed { in_check: false });
        }
        let mut next = self.clone();
        for cell in turned.into_iter().chain([cell]) {
            next.grid.put(cell, player);
        }
        next.passed = !next.can_move(player.other()) && next.can_move(player);
        next.turn = if next.passed { player } else { player.other() };
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: name(cell), notation: name(cell) })
    }

    fn turn(&self) -> Seat {
        self.turn
    }

    fn ending(&self) -> Option<Ending> {
        if self.can_move(self.turn) || self.can_move(self.turn.other()) {
            return None;
        }
        let (black, white) = (self.grid.count(Seat(0)), self.grid.count(Seat(1)));
        Some(match black.cmp(&white) {
            std::cmp::Ordering::Equal => Ending { winner: None, reason: Reason::EqualDiscs },
            more => Ending { winner: Some(Seat(u8::from(more.is_lt()))), reason: Reason::MostDiscs },
        })
    }

    fn legal_moves(&self) -> Vec<String> {
        self.moves(self.turn).map(name).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        read(text).is_some()
    }

    fn state(&self) -> Value {
        let mut state = json!({
            "cells": self.grid.string(['b', 'w']),
            "discs": { "black": self.grid.count(Seat(0)), "white": self.grid.count(Seat(1)) },
        });
        if self.passed {
            state["passed"] = json!(BLACK_AND_WHITE[self.turn.other().index()].id);
        }
        state
    }

    fn picture(&self) -> String {
        let score = format!("{} {} : {} {}", STONES[0], self.grid.count(Seat(0)), self.grid.count(Seat(1)), STONES[1]);
        format!("{}\n{score}", self.grid.picture(STONES, |row| row + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    /// Published counts, <https://www.aartbik.com/strategy.php>; nobody has to pass before the ninth move.
    #[test]
    fn perft_of_othello() {
        for (depth, count) in [(1, 4), (2, 12), (3, 56), (4, 244), (5, 1_396), (6, 8_200)] {
            assert_eq!(perft(&Reversi, depth), count, "{depth}");
        }
    }

    #[test]
    fn a_move_turns_what_it_encloses() {
        let position = play(&Reversi, "d3");
        assert_eq!(position.state()["discs"], json!({ "black": 4, "white": 1 }));
        assert_eq!(position.legal_moves(), ["c3", "e3", "c5"]);
        assert_eq!(position.apply(Seat(1), "a1").unwrap_err(), Illegal::NotAllowed { in_check: false });
        assert_eq!(position.apply(Seat(1), "d3").unwrap_err(), Illegal::CellTaken);
        assert_eq!(position.apply(Seat(0), "c3").unwrap_err(), Illegal::NotYourTurn);
    }

    /// The shortest game that there is: black has everything after nine moves.
    #[test]
    fn the_game_ends_when_nobody_can_move() {
        let position = play(&Reversi, "e6 f4 e3 f6 g5 d6 e7 f5 c5");
        assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(0)), reason: Reason::MostDiscs }));
        assert_eq!(position.state()["discs"]["white"], 0);
    }

    #[test]
    fn who_cannot_move_is_passed_over() {
        // Games of chance come to a pass often enough: where they do, the one who moved is at turn again.
        let mut passes = 0;
        for seed in 0..20 {
            for (before, after) in random_game(&Reversi, seed).windows(2).map(|pair| (&pair[0], &pair[1])) {
                let passed = before.turn() == after.turn() && after.ending().is_none();
                assert_eq!(after.state().get("passed").is_some(), passed);
                passes += usize::from(passed);
            }
        }
        assert!(passes > 0);
    }

    random_games!(Reversi, 60);
}
