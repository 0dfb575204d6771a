//! A player made of look-ahead: alpha-beta search with a bound on the positions it looks at, so that the work of a move is
//! known beforehand and the same on every computer (D. Knuth, R. Moore: An analysis of alpha-beta pruning, 1975).

use rand::Rng;

/// A position as the search sees it.
pub(super) trait Node: Sized {
    /// A move of the side at turn.
    type Move: Clone;

    /// Every legal move, the most promising first; none where the game is over.
    fn moves(&self) -> Vec<Self::Move>;
    /// The position after a legal move.
    fn play(&self, mv: &Self::Move) -> Self;
    /// What the position is worth to the side at turn, in hundredths of a man, without looking ahead.
    fn worth(&self) -> i32;
    /// What a position without moves is worth to the side at turn: [`LOST`] or nothing.
    fn end(&self) -> i32;
    /// Whether a move changes so much that the position after it cannot be judged yet: a capture.
    fn is_loud(&self, mv: &Self::Move) -> bool;
    /// Whether one may pass by the loud moves and leave it at what the position is worth; not where one has to take.
    fn may_rest(&self) -> bool;
}

/// Worth of a lost game. One that is lost later is worth a little more.
pub(super) const LOST: i32 = -1_000_000;

/// How well the computer plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// For somebody who learns the rules: sees what hangs now, and often overlooks it.
    Easy,
    /// For somebody who plays now and then.
    #[default]
    Medium,
    /// Thinks as long as it may.
    Hard,
}

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Moves looked ahead, at most.
    pub(super) depth: u32,
    /// Positions looked at, at most.
    pub(super) positions: u32,
    /// Moves worse than the best by no more than this are as good, in hundredths of a man.
    pub(super) carelessness: i32,
}

impl Strength {
    /// For the strongest, a second's work.
    pub(super) fn limits(self) -> Limits {
        match self {
            Self::Easy => Limits { depth: 1, positions: 4_000, carelessness: 120 },
            Self::Medium => Limits { depth: 3, positions: 40_000, carelessness: 25 },
            Self::Hard => Limits { depth: 12, positions: 400_000, carelessness: 0 },
        }
    }
}

/// Chooses a move; `None` where there is none. `value` may know better than the search what a move is worth, to the side
/// that makes it: a draw by what was before.
pub(super) fn choose<N: Node>(
    node: &N,
    limits: Limits,
    rng: &mut impl Rng,
    known: impl Fn(&N::Move) -> Option<i32>,
) -> Option<N::Move> {
    let mut search = Search { left: limits.positions };
    let mut moves: Vec<(i32, N::Move)> = node.moves().into_iter().map(|mv| (0, mv)).collect();
    if moves.len() < 2 {
        return moves.pop().map(|(_, mv)| mv);
    }
    for depth in 1..=limits.depth {
        let mut judged = moves.clone();
        let mut best = LOST * 2;
        let margin = limits.carelessness;
        let mut whole = true;
        for (worth, mv) in &mut judged {
            let found = match known(mv) {
                Some(known) => Some(known),
                // Nothing is asked of a move that is worse than the best by more than the margin but that it is.
                None => search.look(&node.play(mv), depth - 1, LOST * 2, margin - best).map(|worth| -worth),
            };
            let Some(found) = found else {
                whole = false;
                break;
            };
            *worth = found;
            best = best.max(found);
        }
        if !whole {
            break;
        }
        judged.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
        moves = judged;
        // Won or lost by force: looking further changes nothing.
        if best.abs() > LOST.abs() / 2 {
            break;
        }
    }
    let best = moves[0].0;
    let good = moves.iter().take_while(|(worth, _)| *worth >= best - limits.carelessness).count();
    Some(moves.swap_remove(rng.random_range(0..good)).1)
}

/// Captures that are followed beyond the horizon.
const LOUD_DEPTH: u32 = 8;

struct Search {
    /// Positions that may still be looked at.
    left: u32,
}

impl Search {
    /// What a position is worth to the side at turn, looked at so many moves ahead, if between the bounds; `None` when
    /// there is no time left.
    fn look<N: Node>(&mut self, node: &N, depth: u32, mut low: i32, high: i32) -> Option<i32> {
        if depth == 0 {
            return self.settle(node, LOUD_DEPTH, low, high);
        }
        self.left = self.left.checked_sub(1)?;
        let moves = node.moves();
        if moves.is_empty() {
            return Some(node.end());
        }
        let mut best = LOST * 2;
        for mv in &moves {
            let worth = later(-self.look(&node.play(mv), depth - 1, -high, -low)?);
            best = best.max(worth);
            low = low.max(worth);
            if low >= high {
                break;
            }
        }
        Some(best)
    }

    /// The same once nothing is left to be taken.
    fn settle<N: Node>(&mut self, node: &N, depth: u32, mut low: i32, high: i32) -> Option<i32> {
        self.left = self.left.checked_sub(1)?;
        let moves = node.moves();
        if moves.is_empty() {
            return Some(node.end());
        }
        let rests = depth == 0 || node.may_rest();
        let mut best = if rests { node.worth() } else { LOST * 2 };
        if depth == 0 || (rests && best >= high) {
            return Some(best);
        }
        low = low.max(best);
        for mv in moves.iter().filter(|mv| !rests || node.is_loud(mv)) {
            let worth = later(-self.settle(&node.play(mv), depth - 1, -high, -low)?);
            best = best.max(worth);
            low = low.max(worth);
            if low >= high {
                break;
            }
        }
        Some(best)
    }
}

/// A win is better sooner, and a loss later.
fn later(worth: i32) -> i32 {
    worth - worth.signum() * i32::from(worth.abs() > LOST.abs() / 2)
}
