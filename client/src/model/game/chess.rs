//! Chess: fields of a position in Forsyth–Edwards notation, and moves as players write them.
//!
//! Moves of a game that is gone through again are known to be legal; what is worked out here is only how they are
//! written (standard algebraic notation).

use serde_json::Value;

use super::{Board, Made, Notation, Ply, Rules};

/// The game.
pub(super) struct Chess;

const SIDE: usize = 8;
const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR";

impl Rules for Chess {
    fn columns(&self) -> usize {
        SIDE
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        read_fen(board.state.get("fen").and_then(Value::as_str).unwrap_or_default())
    }

    fn read(&self, made: &str) -> Option<Made> {
        let (from, to) = (index_of(made.get(0..2)?)?, index_of(made.get(2..4)?)?);
        Some(Made { from: Some(from), to, becomes: made.chars().nth(4) })
    }

    fn place(&self, index: usize) -> String {
        square(index)
    }

    fn coordinates(&self) -> bool {
        true
    }

    /// The king in check.
    fn danger(&self, board: &Board) -> Option<usize> {
        if !board.state.get("check").and_then(Value::as_bool).unwrap_or_default() {
            return None;
        }
        let white = board.state.get("fen").and_then(Value::as_str)?.split(' ').nth(1)? == "w";
        king(&self.fields(board, None), white)
    }

    fn turned(&self, seat: &str) -> bool {
        seat == "black"
    }

    fn start(&self) -> Vec<char> {
        read_fen(START)
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        let mut fields = self.start();
        let mut game: Vec<Ply> = Vec::with_capacity(board.moves.len());
        for text in &board.moves {
            let Some(made) = self.read(text) else { break };
            let Some(from) = made.from.filter(|from| fields[*from] != ' ') else { break };
            let (after, taken) = make(&fields, from, made);
            let words = notation(&fields, &after, from, made, taken.is_some());
            fields.clone_from(&after);
            game.push(Ply { fields: after, marked: vec![from, made.to], taken, words });
        }
        if let Some(last) = game.last_mut()
            && game_ends_in_mate(board)
        {
            last.words.sign = "#";
        }
        game
    }
}

fn game_ends_in_mate(board: &Board) -> bool {
    board.result.as_ref().is_some_and(|result| result.reason == "checkmate")
}

fn read_fen(fen: &str) -> Vec<char> {
    let mut fields = Vec::with_capacity(SIDE * SIDE);
    for sign in fen.split(' ').next().unwrap_or_default().chars() {
        match sign.to_digit(10) {
            Some(empty) => fields.extend(std::iter::repeat_n(' ', empty as usize)),
            None if sign == '/' => {}
            None => fields.push(sign),
        }
    }
    fields.resize(SIDE * SIDE, ' ');
    fields
}

fn file(index: usize) -> char {
    char::from(b'a' + (index % SIDE) as u8)
}

fn rank(index: usize) -> usize {
    SIDE - index / SIDE
}

/// The name of a field, row by row from a8.
pub(super) fn square(index: usize) -> String {
    format!("{}{}", file(index), rank(index))
}

/// The field of a name.
pub(super) fn index_of(square: &str) -> Option<usize> {
    let mut signs = square.bytes();
    let (file, rank) = (signs.next()?, signs.next()?);
    ((b'a'..=b'h').contains(&file) && (b'1'..=b'8').contains(&rank))
        .then(|| usize::from(b'8' - rank) * SIDE + usize::from(file - b'a'))
}

/// The fields after a move, and what it took.
fn make(fields: &[char], from: usize, made: Made) -> (Vec<char>, Option<char>) {
    let mut after = fields.to_vec();
    let (piece, to) = (fields[from], made.to);
    let mut taken = Some(fields[to]).filter(|piece| *piece != ' ');
    after[from] = ' ';
    after[to] = match made.becomes {
        Some(becomes) if piece.is_ascii_uppercase() => becomes.to_ascii_uppercase(),
        Some(becomes) => becomes.to_ascii_lowercase(),
        None => piece,
    };
    let row = from / SIDE * SIDE;
    match piece.to_ascii_lowercase() {
        'k' if castles(from, to) => {
            let (rook, beside) = if to > from { (row + 7, row + 5) } else { (row, row + 3) };
            after[beside] = std::mem::replace(&mut after[rook], ' ');
        }
        // In passing: the pawn taken stands beside.
        'p' if to % SIDE != from % SIDE && taken.is_none() => {
            taken = Some(std::mem::replace(&mut after[row + to % SIDE], ' ')).filter(|piece| *piece != ' ');
        }
        _ => {}
    }
    (after, taken)
}

fn castles(from: usize, to: usize) -> bool {
    from / SIDE == to / SIDE && from.abs_diff(to) == 2
}

fn notation(before: &[char], after: &[char], from: usize, made: Made, takes: bool) -> Notation {
    let (piece, to) = (before[from], made.to);
    let white = piece.is_ascii_uppercase();
    let sign = if is_checked(after, !white) { "+" } else { "" };
    let cross = if takes { "x" } else { "" };
    match piece.to_ascii_lowercase() {
        'k' if castles(from, to) => {
            let text = if to > from { "O-O" } else { "O-O-O" };
            Notation { text: text.to_owned(), sign, ..Notation::default() }
        }
        'p' => {
            let whence = if takes { file(from).to_string() } else { String::new() };
            let equals = if made.becomes.is_some() { "=" } else { "" };
            let text = format!("{whence}{cross}{}{equals}", square(to));
            Notation { piece: None, text, becomes: made.becomes.map(|piece| piece.to_ascii_uppercase()), sign }
        }
        _ => {
            let text = format!("{}{cross}{}", whence(before, from, made), square(to));
            Notation { piece: Some(piece.to_ascii_uppercase()), text, becomes: None, sign }
        }
    }
}

/// What tells a piece from another of its kind that could go there too.
fn whence(fields: &[char], from: usize, made: Made) -> String {
    let piece = fields[from];
    let white = piece.is_ascii_uppercase();
    let others: Vec<usize> = (0..fields.len())
        .filter(|other| *other != from && fields[*other] == piece && reaches(fields, *other, made.to))
        .filter(|other| !is_checked(&make(fields, *other, Made { from: Some(*other), ..made }).0, white))
        .collect();
    if others.is_empty() {
        String::new()
    } else if others.iter().all(|other| other % SIDE != from % SIDE) {
        file(from).to_string()
    } else if others.iter().all(|other| other / SIDE != from / SIDE) {
        rank(from).to_string()
    } else {
        square(from)
    }
}

fn king(fields: &[char], white: bool) -> Option<usize> {
    fields.iter().position(|piece| *piece == if white { 'K' } else { 'k' })
}

/// The king of this side is attacked.
fn is_checked(fields: &[char], white: bool) -> bool {
    king(fields, white).is_some_and(|king| {
        (0..fields.len()).any(|from| {
            fields[from] != ' ' && fields[from].is_ascii_uppercase() != white && reaches(fields, from, king)
        })
    })
}

/// A piece could take on that field.
fn reaches(fields: &[char], from: usize, to: usize) -> bool {
    let (across, down) = ((from % SIDE).abs_diff(to % SIDE), (from / SIDE).abs_diff(to / SIDE));
    let (straight, slanting) = ((across == 0) != (down == 0), across == down && across > 0);
    match fields[from] {
        'P' => across == 1 && from / SIDE == to / SIDE + 1,
        'p' => across == 1 && to / SIDE == from / SIDE + 1,
        piece => match piece.to_ascii_lowercase() {
            'n' => across + down == 3 && across > 0 && down > 0,
            'k' => across.max(down) == 1,
            'b' => slanting && is_free(fields, from, to),
            'r' => straight && is_free(fields, from, to),
            'q' => (straight || slanting) && is_free(fields, from, to),
            _ => false,
        },
    }
}

/// Nothing stands between two fields of a line.
fn is_free(fields: &[char], from: usize, to: usize) -> bool {
    let steps = (from % SIDE).abs_diff(to % SIDE).max((from / SIDE).abs_diff(to / SIDE));
    let apart = from.abs_diff(to) / steps.max(1);
    (1..steps).all(|step| fields[if to > from { from + apart * step } else { from - apart * step }] == ' ')
}
