//! Chess by the FIDE Laws. Moves come from cozy-chess; draws, which need the past of a game, are kept here.

use cozy_chess::{BitBoard, Board, Color, Piece, Square, util};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName, Strength};
use crate::words::Lang;

mod notation;
mod player;

/// The game.
pub(super) struct Chess;

impl Rules for Chess {
    fn kind(&self) -> &'static str {
        "chess"
    }

    fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ru => "Шахматы",
            Lang::En => "Chess",
        }
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        match lang {
            Lang::Ru => &["шахматы"],
            Lang::En => &["chess"],
        }
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
        Box::new(State::from(Board::default()))
    }

    fn has_computer(&self) -> bool {
        true
    }

    fn describe_move(&self, ply: usize, notation: &str, lang: Lang) -> String {
        let dots = if ply % 2 == 1 { "." } else { "…" };
        let notation = match lang {
            Lang::Ru => notation::russian(notation),
            Lang::En => notation.to_owned(),
        };
        format!("{}{dots}\u{a0}{notation}", ply.div_ceil(2))
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ru => "Ход: сообщением, например e2e4 или Кf3.",
            Lang::En => "To move: a message such as e2e4 or Nf3.",
        }
    }
}

/// A position and what of the past the draw rules look at.
#[derive(Debug, Clone)]
struct State {
    board: Board,
    /// Positions since the last capture or pawn move, without the current one: none before can come again.
    earlier: Vec<Board>,
    /// Moves of either side since the last capture or pawn move. Counted here, for cozy-chess stops at 100.
    quiet: u16,
}

impl From<Board> for State {
    fn from(board: Board) -> Self {
        Self { quiet: u16::from(board.halfmove_clock()), board, earlier: Vec::new() }
    }
}

impl State {
    fn play(&self, mv: cozy_chess::Move) -> Self {
        let mut next = self.clone();
        next.earlier.push(next.board.clone());
        next.board.play(mv);
        if next.board.halfmove_clock() == 0 {
            next.earlier.clear();
            next.quiet = 0;
        } else {
            next.quiet = next.quiet.saturating_add(1);
        }
        next
    }

    /// How often this position has stood on the board, now included.
    fn repetitions(&self) -> usize {
        1 + self.earlier.iter().filter(|earlier| earlier.same_position(&self.board)).count()
    }

    /// Positions in which no sequence of legal moves mates: lone kings, one minor piece, or bishops that all
    /// stand on squares of one colour.
    fn insufficient_material(&self) -> bool {
        let board = &self.board;
        let bishops = board.pieces(Piece::Bishop);
        let knights = board.pieces(Piece::Knight);
        if board.occupied() != board.pieces(Piece::King) | bishops | knights {
            return false;
        }
        if (bishops | knights).len() <= 1 {
            return true;
        }
        let on_dark = (bishops & BitBoard::DARK_SQUARES).len();
        knights.is_empty() && (on_dark == 0 || on_dark == bishops.len())
    }
}

fn seat(color: Color) -> Seat {
    match color {
        Color::White => Seat(0),
        Color::Black => Seat(1),
    }
}

impl Position for State {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn() {
            return Err(Illegal::NotYourTurn);
        }
        let mv = notation::read(&self.board, text)?;
        let next = self.play(mv);
        Ok(Outcome {
            canonical: util::display_uci_move(&self.board, mv).to_string(),
            notation: util::display_san_move(&self.board, mv).to_string(),
            ending: next.ending(),
            next: Box::new(next),
        })
    }

    fn turn(&self) -> Seat {
        seat(self.board.side_to_move())
    }

    fn ending(&self) -> Option<Ending> {
        let draw = |reason| Some(Ending { winner: None, reason });
        // A mate on the last move comes before every draw rule (FIDE 9.6.2).
        if !self.board.generate_moves(|_| true) {
            return if self.in_check() {
                Some(Ending { winner: Some(self.turn().other()), reason: Reason::Checkmate })
            } else {
                draw(Reason::Stalemate)
            };
        }
        if self.insufficient_material() {
            draw(Reason::InsufficientMaterial)
        } else if self.repetitions() >= 5 {
            draw(Reason::FivefoldRepetition)
        } else if self.quiet >= 150 {
            draw(Reason::SeventyFiveMoves)
        } else {
            None
        }
    }

    fn choose(&self, strength: Strength, rng: &mut StdRng) -> Option<String> {
        player::choose(self, strength.limits(), rng)
    }

    fn draw_claim(&self) -> Option<Reason> {
        if self.ending().is_some() {
            None
        } else if self.repetitions() >= 3 {
            Some(Reason::ThreefoldRepetition)
        } else if self.quiet >= 100 {
            Some(Reason::FiftyMoves)
        } else {
            None
        }
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        let mut moves = Vec::new();
        self.board.generate_moves(|of_piece| {
            moves.extend(of_piece.into_iter().map(|mv| util::display_uci_move(&self.board, mv).to_string()));
            false
        });
        moves.sort_unstable();
        moves
    }

    fn looks_like_move(&self, text: &str) -> bool {
        notation::is_notation(text)
    }

    fn in_check(&self) -> bool {
        !self.board.checkers().is_empty()
    }

    fn state(&self) -> Value {
        let fen = self.board.to_string();
        let mut fields: Vec<&str> = fen.split(' ').collect();
        let quiet = self.quiet.to_string();
        if let Some(clock) = fields.get_mut(4) {
            *clock = &quiet;
        }
        json!({ "fen": fields.join(" "), "check": self.in_check() })
    }

    fn picture(&self) -> String {
        let mut picture = String::new();
        for rank in (0..8).rev() {
            picture.push_str(&(rank + 1).to_string());
            for file in 0..8 {
                let square = Square::index(rank * 8 + file);
                picture.push(' ');
                let piece = self.board.piece_on(square);
                picture.push_str(match (piece, self.board.color_on(square)) {
                    (Some(piece), Some(color)) => figure(piece, color),
                    _ => "·",
                });
            }
            picture.push('\n');
        }
        picture.push_str("  a b c d e f g h");
        picture
    }
}

/// The figures of Unicode; the variation selector keeps the black pawn from being drawn as an emoji.
fn figure(piece: Piece, color: Color) -> &'static str {
    match (color, piece) {
        (Color::White, Piece::King) => "♔",
        (Color::White, Piece::Queen) => "♕",
        (Color::White, Piece::Rook) => "♖",
        (Color::White, Piece::Bishop) => "♗",
        (Color::White, Piece::Knight) => "♘",
        (Color::White, Piece::Pawn) => "♙",
        (Color::Black, Piece::King) => "♚",
        (Color::Black, Piece::Queen) => "♛",
        (Color::Black, Piece::Rook) => "♜",
        (Color::Black, Piece::Bishop) => "♝",
        (Color::Black, Piece::Knight) => "♞",
        (Color::Black, Piece::Pawn) => "♟\u{fe0e}",
    }
}

#[cfg(test)]
mod tests;
