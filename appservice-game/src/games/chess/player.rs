//! The computer at the chessboard.

use cozy_chess::{Board, Color, File, Move, Piece, Square, util};
use rand::Rng;

use super::State;
use crate::games::search::{self, LOST, Limits, Node};

/// A move for the side at turn; `None` when the game is over.
pub(super) fn choose(state: &State, limits: Limits, rng: &mut impl Rng) -> Option<String> {
    // What stood on the board before is no part of the search: a move that lets a draw be claimed is worth a draw.
    let drawn = |mv: &Move| {
        let next = state.play(*mv);
        (next.repetitions() >= 3 || next.quiet >= 100 || next.insufficient_material()).then_some(0)
    };
    let mv = search::choose(&state.board, limits, rng, drawn)?;
    Some(util::display_uci_move(&state.board, mv).to_string())
}

/// What a piece is worth, in hundredths of a pawn.
fn value(piece: Piece) -> i32 {
    match piece {
        Piece::Pawn => 100,
        Piece::Knight => 320,
        Piece::Bishop => 330,
        Piece::Rook => 500,
        Piece::Queen => 900,
        Piece::King => 0,
    }
}

/// How much better a piece stands on a field than on a bad one. `ending` is whether few pieces are left.
fn place(piece: Piece, color: Color, square: Square, ending: bool) -> i32 {
    let rank = (square.rank() as i32 - if color == Color::White { 0 } else { 7 }).abs();
    let file = square.file() as i32;
    // 0 at the edge, 3 in the middle.
    let across = file.min(7 - file);
    let along = rank.min(7 - rank);
    let centre = across + along;
    match piece {
        Piece::Pawn if ending => rank * 12,
        Piece::Pawn => rank * 4 + if across == 3 { rank.min(3) * 8 } else { 0 },
        Piece::Knight => centre * 8 - 20,
        Piece::Bishop => centre * 4 - if rank == 0 { 12 } else { 0 },
        Piece::Rook => i32::from(rank == 6) * 20 + across * 2,
        Piece::Queen => centre * 2,
        Piece::King if ending => centre * 8,
        // Behind its pawns, at a side.
        Piece::King => -rank * 20 - across * 12,
    }
}

/// Material and places of one side.
fn side(board: &Board, color: Color, ending: bool) -> i32 {
    let own = board.colors(color);
    let pawns = own & board.pieces(Piece::Pawn);
    let mut sum = 0;
    for piece in Piece::ALL {
        for square in own & board.pieces(piece) {
            sum += value(piece) + place(piece, color, square, ending);
        }
    }
    if (own & board.pieces(Piece::Bishop)).len() >= 2 {
        sum += 30;
    }
    for file in File::ALL {
        let here = (pawns & file.bitboard()).len() as i32;
        sum -= (here - 1).max(0) * 15;
        if here > 0 && (pawns & file.adjacent()).is_empty() {
            sum -= 12;
        }
        if here == 0 {
            sum += (own & board.pieces(Piece::Rook) & file.bitboard()).len() as i32 * 15;
        }
    }
    sum
}

impl Node for Board {
    type Move = Move;

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::with_capacity(40);
        self.generate_moves(|of_piece| {
            moves.extend(of_piece);
            false
        });
        // What takes the most with the least comes first: it is what cuts off the rest.
        moves.sort_by_cached_key(|mv| {
            let taken = self.piece_on(mv.to).filter(|_| self.color_on(mv.to) != Some(self.side_to_move()));
            let gain = taken.map_or(0, |taken| value(taken) * 8 - self.piece_on(mv.from).map_or(0, value));
            -(gain + mv.promotion.map_or(0, value))
        });
        moves
    }

    fn play(&self, mv: &Move) -> Self {
        let mut next = self.clone();
        next.play_unchecked(*mv);
        next
    }

    fn worth(&self) -> i32 {
        let heavy = self.occupied() & !self.pieces(Piece::Pawn) & !self.pieces(Piece::King);
        let ending = heavy.len() <= 6;
        let own = self.side_to_move();
        side(self, own, ending) - side(self, !own, ending)
    }

    fn end(&self) -> i32 {
        if self.checkers().is_empty() { 0 } else { LOST }
    }

    fn is_loud(&self, mv: &Move) -> bool {
        // Castling is written as the king taking its rook.
        mv.promotion.is_some() || self.color_on(mv.to).is_some_and(|color| color != self.side_to_move())
    }

    fn may_rest(&self) -> bool {
        self.checkers().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::games::{Position as _, Seat, Strength};

    fn best(fen: &str, strength: Strength) -> String {
        let state = State::from(fen.parse::<Board>().unwrap());
        choose(&state, strength.limits(), &mut StdRng::seed_from_u64(7)).unwrap()
    }

    #[test]
    fn mates_where_it_can_be_done() {
        // Back rank, in one; and the two rooks' ladder, in two.
        assert_eq!(best("6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 0 1", Strength::Medium), "d1d8");
        let ladder = "7k/8/8/8/8/8/R7/1R4K1 w - - 0 1";
        assert!(["a2a7", "b1b7"].contains(&best(ladder, Strength::Hard).as_str()));
    }

    #[test]
    fn takes_what_hangs_and_leaves_what_is_covered() {
        assert_eq!(best("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1", Strength::Medium), "e4d5");
        // The queen would be lost for a covered pawn.
        assert_ne!(best("4k3/4p3/3p4/8/8/3Q4/8/4K3 w - - 0 1", Strength::Medium), "d3d6");
    }

    #[test]
    fn does_not_let_a_won_game_be_claimed_as_a_draw() {
        let mut state = State::from("7k/8/8/8/8/1Q6/8/K7 w - - 0 1".parse::<Board>().unwrap());
        for text in ["b3b2", "h8h7", "b2b3", "h7h8", "b3b2", "h8h7", "b2b3", "h7h8"] {
            let mv = crate::games::chess::notation::read(&state.board, text).unwrap();
            state = state.play(mv);
        }
        // The position stands for the third time: going to and fro once more wins nothing.
        assert_ne!(choose(&state, Strength::Medium.limits(), &mut StdRng::seed_from_u64(1)).unwrap(), "b3b2");
    }

    #[test]
    fn nothing_is_chosen_when_the_game_is_over() {
        let mated = State::from("6rk/6pp/7N/8/8/8/8/K7 b - - 0 1".parse::<Board>().unwrap());
        assert!(mated.ending().is_none(), "not mate: the knight can be taken or the rook moved");
        let over = State::from("7k/5KQ1/8/8/8/8/8/8 b - - 0 1".parse::<Board>().unwrap());
        assert!(over.ending().is_some());
        assert_eq!(choose(&over, Strength::Easy.limits(), &mut StdRng::seed_from_u64(1)), None);
    }

    /// Who looks further wins, whichever side it has.
    #[test]
    fn strength_shows() {
        let mut points = 0;
        for (seed, strong) in [(1, Seat(0)), (2, Seat(1))] {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut state = State::from(Board::default());
            for _ in 0..160 {
                if let Some(ending) = state.ending() {
                    points += ending.winner.map_or(0, |winner| if winner == strong { 1 } else { -1 });
                    break;
                }
                let far = Limits { depth: 2, positions: 3_000, carelessness: 0 };
                let limits = if state.turn() == strong { far } else { Strength::Easy.limits() };
                let text = choose(&state, limits, &mut rng).unwrap();
                let mv = crate::games::chess::notation::read(&state.board, &text).unwrap();
                state = state.play(mv);
            }
        }
        assert!(points > 0, "{points}");
    }
}
