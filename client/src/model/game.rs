//! Games as the bot tells them (docs/games-events.md), and a board that can be pressed.
//!
//! The rules are the bot's: every legal move comes with the board, so nothing here decides what is allowed.

use serde::Deserialize;

/// Kinds with a native board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Chess
    Chess,
    /// Tic-tac-toe
    TicTacToe,
}

/// Where a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// For an opponent
    Waiting,
    /// Under way
    Playing,
    /// Over
    Finished,
    /// Never began
    Cancelled,
}

/// A player's place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seat {
    /// `white`, `black`, `x`, `o`
    pub seat: String,
    /// Empty while free
    pub user_id: Option<String>,
}

/// How a game ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// Seat that won; nobody in a draw
    pub winner: Option<String>,
    /// Why
    pub reason: String,
}

/// The position by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Position {
    /// Chess: Forsyth–Edwards notation
    pub fen: String,
    /// Chess: the side at turn is in check
    pub check: bool,
    /// Tic-tac-toe: nine of `x`, `o`, `.`
    pub cells: String,
    /// Tic-tac-toe: the cells that won
    pub line: Vec<usize>,
}

/// The last move.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LastMove {
    /// In the form a move event takes
    #[serde(rename = "move")]
    pub made: String,
    /// In the field's own notation
    #[serde(default)]
    pub notation: String,
}

/// The block `org.parta.game` of a board message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Board {
    /// 1
    pub version: u32,
    /// Names the game
    pub game_id: String,
    /// Which game
    pub kind: Kind,
    /// Grows with every change
    pub revision: u64,
    /// Where it stands
    pub status: Status,
    /// Who asked for it
    #[serde(default)]
    pub creator: String,
    /// Only this person may join
    pub invited: Option<String>,
    /// In the order in which they move
    #[serde(default)]
    pub players: Vec<Seat>,
    /// Seat at turn
    pub turn: Option<String>,
    /// Moves made so far
    #[serde(default)]
    pub ply: u32,
    /// The position
    #[serde(default)]
    pub state: Position,
    /// Every move of the player at turn
    #[serde(default)]
    pub legal_moves: Vec<String>,
    /// The last move
    pub last_move: Option<LastMove>,
    /// Seat that offers a draw
    pub draw_offer: Option<String>,
    /// A draw may be claimed
    pub draw_claim: Option<String>,
    /// Only when finished
    pub result: Option<Outcome>,
    /// A rematch that was asked for
    pub rematch: Option<String>,
}

/// The block of a board message's content. `None` for a version or kind this client cannot draw.
pub fn parse(content: &serde_json::Value) -> Option<Board> {
    let block = content
        .get("m.new_content")
        .and_then(|new| new.get("org.parta.game"))
        .or_else(|| content.get("org.parta.game"))?;
    Board::deserialize(block).ok().filter(|board| board.version == 1)
}

impl Board {
    /// The seat of a person.
    pub fn seat_of(&self, user: &str) -> Option<&str> {
        self.players.iter().find(|seat| seat.user_id.as_deref() == Some(user)).map(|seat| seat.seat.as_str())
    }

    /// The person at turn.
    pub fn at_turn(&self) -> Option<&str> {
        let turn = self.turn.as_ref()?;
        self.players.iter().find(|seat| seat.seat == *turn)?.user_id.as_deref()
    }

    /// This person may join.
    pub fn may_join(&self, user: &str) -> bool {
        self.status == Status::Waiting
            && self.creator != user
            && self.invited.as_ref().is_none_or(|invited| invited == user)
    }

    /// Columns of the board.
    pub fn columns(&self) -> usize {
        match self.kind {
            Kind::Chess => 8,
            Kind::TicTacToe => 3,
        }
    }

    /// What stands on each field, row by row from the top left: a letter of FEN, `x`, `o`, or a space.
    pub fn fields(&self) -> Vec<char> {
        match self.kind {
            Kind::TicTacToe => {
                let mut fields: Vec<char> =
                    self.state.cells.chars().map(|cell| if cell == '.' { ' ' } else { cell }).collect();
                fields.resize(9, ' ');
                fields
            }
            Kind::Chess => {
                let mut fields = Vec::with_capacity(64);
                for sign in self.state.fen.split(' ').next().unwrap_or_default().chars() {
                    match sign.to_digit(10) {
                        Some(empty) => fields.extend(std::iter::repeat_n(' ', empty as usize)),
                        None if sign == '/' => {}
                        None => fields.push(sign),
                    }
                }
                fields.resize(64, ' ');
                fields
            }
        }
    }
}

/// The name of a chess field, row by row from a8.
fn square(index: usize) -> String {
    let file = char::from(b'a' + (index % 8) as u8);
    format!("{file}{}", 8 - index / 8)
}

fn index_of(square: &str) -> Option<usize> {
    let mut signs = square.bytes();
    let (file, rank) = (signs.next()?, signs.next()?);
    ((b'a'..=b'h').contains(&file) && (b'1'..=b'8').contains(&rank))
        .then(|| usize::from(b'8' - rank) * 8 + usize::from(file - b'a'))
}

/// How a field looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Field {
    /// A letter of FEN, `x`, `o`, or a space
    pub piece: char,
    /// Its name for a screen reader is made from this: row by row from the top left of the board as white sees it
    pub index: usize,
    /// Chosen to move from
    pub chosen: bool,
    /// A move leads here
    pub target: bool,
    /// Part of the last move, or of the line that won
    pub marked: bool,
}

/// What pressing a field led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// Nothing to send
    Nothing,
    /// This move
    Move(String),
    /// This move with a piece to promote to: one of `q`, `r`, `b`, `n` has to be added
    Promote(String),
}

/// A board on screen: which game, and what is chosen on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Shown game
    pub game_id: Option<String>,
    chosen: Option<usize>,
    /// Waits for the piece to promote to
    pub promoting: Option<String>,
    /// Sent and not answered yet: its ply
    pub sent: Option<u32>,
}

impl Table {
    /// Shows a game.
    pub fn show(&mut self, game_id: &str) {
        if self.game_id.as_deref() != Some(game_id) {
            *self = Self { game_id: Some(game_id.to_owned()), ..Self::default() };
        }
    }

    /// The board changed: what was chosen on the former one no longer counts.
    pub fn changed(&mut self, board: &Board) {
        if self.sent.is_some_and(|ply| board.ply >= ply) || board.status != Status::Playing {
            self.sent = None;
            self.chosen = None;
            self.promoting = None;
        }
    }

    /// The fields in the order to draw, turned for black.
    pub fn fields(&self, board: &Board, own: &str) -> Vec<Field> {
        let mine = self.my_move(board, own);
        let targets: Vec<usize> = match (board.kind, self.chosen) {
            (Kind::Chess, Some(from)) if mine => {
                let from = square(from);
                board
                    .legal_moves
                    .iter()
                    .filter(|made| made.starts_with(&from))
                    .filter_map(|made| index_of(made.get(2..4)?))
                    .collect()
            }
            (Kind::TicTacToe, _) if mine => {
                board.legal_moves.iter().filter_map(|made| made.parse::<usize>().ok()?.checked_sub(1)).collect()
            }
            _ => Vec::new(),
        };
        let marked: Vec<usize> = match (board.kind, &board.last_move) {
            (Kind::Chess, Some(last)) => {
                [last.made.get(0..2), last.made.get(2..4)].into_iter().flatten().filter_map(index_of).collect()
            }
            (Kind::TicTacToe, _) => board.state.line.clone(),
            _ => Vec::new(),
        };
        let mut fields: Vec<Field> = board
            .fields()
            .into_iter()
            .enumerate()
            .map(|(index, piece)| Field {
                piece,
                index,
                chosen: self.chosen == Some(index),
                target: targets.contains(&index),
                marked: marked.contains(&index),
            })
            .collect();
        if board.kind == Kind::Chess && board.seat_of(own) == Some("black") {
            fields.reverse();
        }
        fields
    }

    /// It is this person's turn and no move of theirs is under way.
    pub fn my_move(&self, board: &Board, own: &str) -> bool {
        board.status == Status::Playing && board.at_turn() == Some(own) && self.sent.is_none()
    }

    /// A field was pressed, by its index as white sees it.
    pub fn press(&mut self, board: &Board, own: &str, index: usize) -> Pressed {
        if !self.my_move(board, own) {
            return Pressed::Nothing;
        }
        self.promoting = None;
        if board.kind == Kind::TicTacToe {
            let made = (index + 1).to_string();
            return if board.legal_moves.contains(&made) { self.made(board, made) } else { Pressed::Nothing };
        }
        let here = square(index);
        if let Some(from) = self.chosen.filter(|from| *from != index) {
            let prefix = format!("{}{here}", square(from));
            let found: Vec<&String> = board.legal_moves.iter().filter(|made| made.starts_with(&prefix)).collect();
            match found.as_slice() {
                [] => {}
                [only] if only.len() == 4 => {
                    let made = (*only).clone();
                    return self.made(board, made);
                }
                _ => {
                    self.promoting = Some(prefix.clone());
                    return Pressed::Promote(prefix);
                }
            }
        }
        let movable = board.legal_moves.iter().any(|made| made.starts_with(&here));
        self.chosen = (movable && self.chosen != Some(index)).then_some(index);
        Pressed::Nothing
    }

    /// The piece to promote to was chosen.
    pub fn promote(&mut self, board: &Board, piece: &str) -> Pressed {
        match self.promoting.take() {
            Some(prefix) => {
                let made = format!("{prefix}{piece}");
                if board.legal_moves.contains(&made) { self.made(board, made) } else { Pressed::Nothing }
            }
            None => Pressed::Nothing,
        }
    }

    fn made(&mut self, board: &Board, made: String) -> Pressed {
        self.sent = Some(board.ply + 1);
        self.chosen = None;
        Pressed::Move(made)
    }

    /// A move was refused: another may be tried.
    pub fn refused(&mut self) {
        self.sent = None;
    }
}

/// The picture of a chess piece as a sign of the font; both colours use the filled one.
pub fn glyph(piece: char) -> &'static str {
    match piece.to_ascii_lowercase() {
        'k' => "♚",
        'q' => "♛",
        'r' => "♜",
        'b' => "♝",
        'n' => "♞",
        // The text form, not the emoji.
        'p' => "♟\u{fe0e}",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chess(moves: &[&str], turn: &str, fen: &str) -> Board {
        parse(&json!({"org.parta.game": {
            "version": 1, "game_id": "g", "kind": "chess", "revision": 1, "status": "playing", "creator": "@a:x",
            "players": [{"seat": "white", "user_id": "@a:x"}, {"seat": "black", "user_id": "@b:x"}],
            "turn": turn, "ply": 0, "state": {"fen": fen, "check": false}, "legal_moves": moves, "unknown": 1,
        }}))
        .unwrap()
    }

    const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

    #[test]
    fn a_piece_is_chosen_and_moved() {
        let board = chess(&["e2e3", "e2e4", "g1f3"], "white", START);
        let mut table = Table::default();
        assert_eq!(table.press(&board, "@a:x", index_of("e2").unwrap()), Pressed::Nothing);
        let targets: Vec<usize> =
            table.fields(&board, "@a:x").iter().filter(|field| field.target).map(|field| field.index).collect();
        assert_eq!(targets, [index_of("e4").unwrap(), index_of("e3").unwrap()]);
        assert_eq!(table.press(&board, "@a:x", index_of("e4").unwrap()), Pressed::Move("e2e4".into()));
        // One move at a time, until the bot has answered.
        assert_eq!(table.press(&board, "@a:x", index_of("g1").unwrap()), Pressed::Nothing);
        table.changed(&Board { ply: 1, ..board.clone() });
        assert!(table.my_move(&board, "@a:x"));
    }

    #[test]
    fn only_the_player_at_turn_moves() {
        let board = chess(&["e2e4"], "white", START);
        let mut table = Table::default();
        assert_eq!(table.press(&board, "@b:x", index_of("e2").unwrap()), Pressed::Nothing);
        assert!(table.fields(&board, "@b:x").iter().all(|field| !field.chosen && !field.target));
    }

    #[test]
    fn a_pawn_asks_what_to_become() {
        let board = chess(&["a7a8q", "a7a8r", "a7a8b", "a7a8n"], "white", "8/P7/8/8/8/8/8/k6K w - - 0 1");
        let mut table = Table::default();
        table.press(&board, "@a:x", index_of("a7").unwrap());
        assert_eq!(table.press(&board, "@a:x", index_of("a8").unwrap()), Pressed::Promote("a7a8".into()));
        assert_eq!(table.promote(&board, "n"), Pressed::Move("a7a8n".into()));
    }

    #[test]
    fn black_sees_the_board_from_the_other_side() {
        let board = chess(&[], "white", START);
        let table = Table::default();
        assert_eq!(table.fields(&board, "@a:x")[0].piece, 'r');
        assert_eq!(table.fields(&board, "@b:x")[0].piece, 'R');
        assert_eq!(board.fields().len(), 64);
    }

    #[test]
    fn tic_tac_toe_is_one_press() {
        let board = parse(&json!({"m.new_content": {"org.parta.game": {
            "version": 1, "game_id": "t", "kind": "tictactoe", "revision": 3, "status": "playing",
            "players": [{"seat": "x", "user_id": "@a:x"}, {"seat": "o", "user_id": "@b:x"}],
            "turn": "o", "ply": 1, "state": {"cells": "x........"}, "legal_moves": ["2", "3", "4", "5", "6", "7", "8", "9"],
        }}}))
        .unwrap();
        let mut table = Table::default();
        assert_eq!(table.press(&board, "@b:x", 0), Pressed::Nothing);
        assert_eq!(table.press(&board, "@b:x", 4), Pressed::Move("5".into()));
    }

    #[test]
    fn what_is_not_understood_is_left_to_words() {
        assert_eq!(parse(&json!({"org.parta.game": {"version": 2, "game_id": "g"}})), None);
        assert_eq!(
            parse(
                &json!({"org.parta.game": {"version": 1, "game_id": "g", "kind": "go", "revision": 1, "status": "playing"}})
            ),
            None
        );
        assert_eq!(parse(&json!({"body": "x"})), None);
    }

    #[test]
    fn a_broken_position_does_not_break_the_board() {
        assert_eq!(chess(&[], "white", "9/zz").fields().len(), 64);
        assert_eq!(index_of("z9"), None);
        assert_eq!(index_of(""), None);
    }
}
