//! The computer at draughts.

use rand::Rng;

use super::{
    State,
    board::{Board, Way, name},
};
use crate::games::{
    Seat,
    search::{self, LOST, Limits, Node},
};

/// A move for the side at turn; `None` when the game is over.
pub(super) fn choose(state: &State, limits: Limits, rng: &mut impl Rng) -> Option<String> {
    // What stood on the board before is no part of the search.
    let drawn = |way: &Way| state.play(way).draw().map(|_| 0);
    if state.draw().is_some() {
        return None;
    }
    let way = search::choose(&state.board, limits, rng, drawn)?;
    Some(way.fields.iter().map(|field| name(*field)).collect())
}

impl Node for Board {
    type Move = Way;

    fn moves(&self) -> Vec<Way> {
        let mut ways = self.ways();
        ways.sort_by_key(|way| std::cmp::Reverse(way.taken.len()));
        ways
    }

    fn play(&self, way: &Way) -> Self {
        self.after(way)
    }

    fn worth(&self) -> i32 {
        let worth: i32 = self
            .pieces()
            .map(|(field, piece)| {
                let row = (field / 8) as i32;
                let gone = if piece.seat == Seat(0) { 7 - row } else { row };
                let middle = i32::from((2..6).contains(&(field % 8)) && (2..6).contains(&row));
                let worth = if piece.king {
                    320 + middle * 10
                } else {
                    // The last row is left late: nothing becomes a king behind those who stay there.
                    100 + gone * 3 + middle * 8 + i32::from(gone == 0) * 12
                };
                if piece.seat == self.turn { worth } else { -worth }
            })
            .sum();
        worth
    }

    fn end(&self) -> i32 {
        LOST
    }

    fn is_loud(&self, way: &Way) -> bool {
        !way.taken.is_empty()
    }

    fn may_rest(&self) -> bool {
        self.ways().first().is_none_or(|way| way.taken.is_empty())
    }
}
