//! Russian draughts. The rules of the game and of draws are those of the Russian draughts federation
//! (<https://shashki.ru/wp-content/uploads/pravila.pdf>), which the IDF plays by as well.

use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName, Strength, grid};
use crate::words::Lang;

mod board;
mod player;

use board::{Board, Way, name};

/// The game.
pub(super) struct Draughts;

impl Rules for Draughts {
    fn kind(&self) -> &'static str {
        "draughts"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Русские шашки", "Russian draughts")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["шашки"], &["draughts", "checkers"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &[
            SeatName {
                id: "white", ru: "белые", en: "white", choices: &["white", "белые", "белыми", "белый"]
            },
            SeatName {
                id: "black", ru: "чёрные", en: "black", choices: &["black", "черные", "черными", "черный"]
            },
        ]
    }

    fn creator_seat(&self) -> Option<Seat> {
        None
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(State::from(Board::start()))
    }

    fn has_computer(&self) -> bool {
        true
    }

    fn describe_move(&self, ply: usize, notation: &str, _lang: Lang) -> String {
        let dots = if ply % 2 == 1 { "." } else { "…" };
        format!("{}{dots}\u{a0}{notation}", ply.div_ceil(2))
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick(
            "Ход: сообщением, например c3-d4; взятие — c3:e5. Бить обязательно.",
            "To move: a message such as c3-d4; to take: c3:e5. Taking is obligatory.",
        )
    }
}

/// A position and what of the past the draw rules look at.
#[derive(Debug, Clone)]
struct State {
    board: Board,
    /// Positions since something was taken or a man moved, the current one left out: none before can come again.
    earlier: Vec<Board>,
    /// Moves of either side since the balance of force changed: something was taken or a man became a king.
    balanced: u16,
}

impl From<Board> for State {
    fn from(board: Board) -> Self {
        Self { board, earlier: Vec::new(), balanced: 0 }
    }
}

impl State {
    fn play(&self, way: &Way) -> Self {
        let mut next = self.clone();
        next.earlier.push(next.board.clone());
        next.board = next.board.after(way);
        let man = self.board.at(way.from()).is_some_and(|piece| !piece.king);
        if man || !way.taken.is_empty() {
            next.earlier.clear();
        }
        let changed = self.board.force() != next.board.force();
        next.balanced = if changed { 0 } else { next.balanced.saturating_add(1) };
        next
    }

    /// How often this position has stood on the board, now included.
    fn repetitions(&self) -> usize {
        1 + self.earlier.iter().filter(|earlier| **earlier == self.board).count()
    }

    /// A draw by the rules, whoever is at turn.
    fn draw(&self) -> Option<Reason> {
        let [white, black] = self.board.force();
        if self.repetitions() >= 3 {
            return Some(Reason::ThreefoldRepetition);
        }
        if self.earlier.len() >= 30 {
            return Some(Reason::FifteenMoves);
        }
        let three_kings =
            |strong: board::Force, weak: board::Force| strong.kings >= 3 && weak.kings == 1 && weak.men == 0;
        if (three_kings(white, black) || three_kings(black, white)) && self.balanced >= 30 {
            return Some(Reason::ThreeKings);
        }
        let kings_on_both_sides = white.kings > 0 && black.kings > 0;
        let moves = match white.men + white.kings + black.men + black.kings {
            0..=3 => 5,
            4 | 5 => 30,
            6 | 7 => 60,
            _ => return None,
        };
        (kings_on_both_sides && self.balanced >= 2 * moves).then_some(Reason::EndgameMoves)
    }

    /// The way that a text means.
    fn read(&self, text: &str) -> Result<Way, Illegal> {
        let fields = read(text).ok_or(Illegal::Unreadable)?;
        let ways = self.board.ways();
        if let Some(way) = ways.iter().find(|way| way.fields == fields) {
            return Ok(way.clone());
        }
        // As it is written down: where it begins and ends.
        let mut fitting = ways
            .iter()
            .filter(|way| fields.len() == 2 && way.from() == fields[0] && way.fields.last() == fields.last());
        match (fitting.next(), fitting.next()) {
            (Some(way), None) => Ok(way.clone()),
            (Some(one), Some(two)) => {
                Err(Illegal::Ambiguous([one, two].into_iter().chain(fitting).map(Way::notation).collect()))
            }
            (None, _) if ways.iter().any(|way| !way.taken.is_empty()) => Err(Illegal::MustTake),
            (None, _) => Err(Illegal::NotAllowed { in_check: false }),
        }
    }
}

/// The fields of a move: `c3-d4`, `c3:e5:g7`, `c3xe5`, `c3e5g7`.
fn read(text: &str) -> Option<Vec<usize>> {
    let signs: String = grid::latin(text.trim())
        .chars()
        .filter(|c| !matches!(c, '-' | '–' | '—' | ':' | 'x' | '×' | 'х' | ' '))
        .collect();
    if !signs.is_ascii() || signs.len() < 4 || signs.len() % 2 == 1 || signs.len() > 2 * 14 {
        return None;
    }
    signs.as_bytes().chunks(2).map(|field| board::index(std::str::from_utf8(field).ok()?)).collect()
}

impl Position for State {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn() {
            return Err(Illegal::NotYourTurn);
        }
        let way = self.read(text)?;
        let next = self.play(&way);
        Ok(Outcome {
            canonical: way.fields.iter().map(|field| name(*field)).collect(),
            notation: way.notation(),
            ending: next.ending(),
            next: Box::new(next),
        })
    }

    fn turn(&self) -> Seat {
        self.board.turn
    }

    fn ending(&self) -> Option<Ending> {
        if self.board.ways().is_empty() {
            return Some(Ending { winner: Some(self.turn().other()), reason: Reason::NoMoves });
        }
        self.draw().map(|reason| Ending { winner: None, reason })
    }

    fn choose(&self, strength: Strength, rng: &mut StdRng) -> Option<String> {
        player::choose(self, strength.limits(), rng)
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        let ways = self.board.ways();
        ways.iter().map(|way| way.fields.iter().map(|field| name(*field)).collect()).collect()
    }

    fn looks_like_move(&self, text: &str) -> bool {
        read(text).is_some()
    }

    fn state(&self) -> Value {
        json!({ "cells": self.board.string() })
    }

    fn picture(&self) -> String {
        self.board.picture()
    }
}

#[cfg(test)]
mod tests;
