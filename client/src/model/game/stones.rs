//! Games of stones that are put down: connect four, reversi and gomoku.

use super::{Board, Made, Notation, Ply, Rules};

/// Connect four: a stone falls to the lowest free field of its column. Red stones are `C`, yellow ones `c`.
pub(super) struct ConnectFour;

const COLUMNS: usize = 7;
const ROWS: usize = 6;

impl Rules for ConnectFour {
    fn columns(&self) -> usize {
        COLUMNS
    }

    fn rows(&self) -> usize {
        ROWS
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        super::cells(board.state.get("cells"), COLUMNS * ROWS, |cell| match cell {
            'r' => 'C',
            'y' => 'c',
            _ => ' ',
        })
    }

    /// The highest field of the column stands for the column.
    fn read(&self, made: &str) -> Option<Made> {
        let to = made.parse::<usize>().ok()?.checked_sub(1).filter(|column| *column < COLUMNS)?;
        Some(Made { from: None, to, becomes: None })
    }

    fn meant(&self, _fields: &[char], index: usize) -> usize {
        index % COLUMNS
    }

    fn lands(&self, fields: &[char], index: usize) -> usize {
        lowest(fields, index).unwrap_or(index)
    }

    /// The column and the row from below.
    fn place(&self, index: usize) -> String {
        format!("{}-{}", index % COLUMNS + 1, ROWS - index / COLUMNS)
    }

    fn marked(&self, board: &Board, _seat: Option<&str>) -> Vec<usize> {
        let line = super::line(board);
        if !line.is_empty() {
            return line;
        }
        let fields = self.fields(board, None);
        let column = board.last_move.as_ref().and_then(|last| self.read(&last.made)).map(|made| made.to);
        let top =
            column.and_then(|column| (0..ROWS).map(|row| row * COLUMNS + column).find(|field| fields[*field] != ' '));
        top.into_iter().collect()
    }

    fn start(&self) -> Vec<char> {
        vec![' '; COLUMNS * ROWS]
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        put_down(self, board, |fields, column, first| {
            let lands = lowest(fields, column)?;
            fields[lands] = if first { 'C' } else { 'c' };
            Some((lands, !first))
        })
    }
}

/// The lowest free field of a column.
fn lowest(fields: &[char], column: usize) -> Option<usize> {
    (0..ROWS).rev().map(|row| row * COLUMNS + column).find(|field| fields[*field] == ' ')
}

/// Reversi. Black stones are `s`, white ones `S`.
pub(super) struct Reversi;

const SIDE: usize = 8;

impl Rules for Reversi {
    fn columns(&self) -> usize {
        SIDE
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        super::cells(board.state.get("cells"), SIDE * SIDE, black_or_white)
    }

    fn read(&self, made: &str) -> Option<Made> {
        let (column, number) = field(made)?;
        (column < SIDE && number < SIDE).then_some(Made { from: None, to: number * SIDE + column, becomes: None })
    }

    fn place(&self, index: usize) -> String {
        format!("{}{}", letter(index % SIDE), index / SIDE + 1)
    }

    fn coordinates(&self) -> bool {
        true
    }

    fn start(&self) -> Vec<char> {
        let mut fields = vec![' '; SIDE * SIDE];
        for (index, stone) in [(27, 'S'), (36, 'S'), (28, 's'), (35, 's')] {
            fields[index] = stone;
        }
        fields
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        put_down(self, board, |fields, to, first| {
            let turned = turned(fields, to, first);
            if turned.is_empty() {
                return None;
            }
            for field in turned.into_iter().chain([to]) {
                fields[field] = stone(first);
            }
            // Who cannot move is passed over.
            let can_move = |first: bool| (0..fields.len()).any(|field| !self::turned(fields, field, first).is_empty());
            Some((to, if can_move(!first) || !can_move(first) { !first } else { first }))
        })
    }
}

fn stone(first: bool) -> char {
    if first { 's' } else { 'S' }
}

/// The stones that one of black, who is first, or white would turn there.
fn turned(fields: &[char], to: usize, first: bool) -> Vec<usize> {
    if fields[to] != ' ' {
        return Vec::new();
    }
    let directions = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];
    let side = SIDE as isize;
    directions
        .into_iter()
        .flat_map(|(right, down)| {
            let (mut column, mut row) = (to as isize % side + right, to as isize / side + down);
            let mut between = Vec::new();
            while (0..side).contains(&column) && (0..side).contains(&row) {
                let field = (row * side + column) as usize;
                if fields[field] == stone(first) {
                    return between;
                }
                if fields[field] == ' ' {
                    break;
                }
                between.push(field);
                (column, row) = (column + right, row + down);
            }
            Vec::new()
        })
        .collect()
}

/// Gomoku on fifteen by fifteen lines. Black stones are `s`, white ones `S`.
pub(super) struct Gomoku;

const LINES: usize = 15;

impl Rules for Gomoku {
    fn columns(&self) -> usize {
        LINES
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        super::cells(board.state.get("cells"), LINES * LINES, black_or_white)
    }

    fn read(&self, made: &str) -> Option<Made> {
        let (column, number) = field(made)?;
        let is_field = column < LINES && number < LINES;
        is_field.then(|| Made { from: None, to: (LINES - 1 - number) * LINES + column, becomes: None })
    }

    fn place(&self, index: usize) -> String {
        format!("{}{}", letter(index % LINES), LINES - index / LINES)
    }

    fn marked(&self, board: &Board, _seat: Option<&str>) -> Vec<usize> {
        let line = super::line(board);
        if line.is_empty() {
            board.last_move.as_ref().map(|last| self.way(&last.made)).unwrap_or_default()
        } else {
            line
        }
    }

    fn start(&self) -> Vec<char> {
        vec![' '; LINES * LINES]
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        put_down(self, board, |fields, to, first| {
            (fields[to] == ' ').then(|| {
                fields[to] = stone(first);
                (to, !first)
            })
        })
    }
}

fn black_or_white(cell: char) -> char {
    match cell {
        'b' => 's',
        'w' => 'S',
        _ => ' ',
    }
}

/// The letter of a column.
pub(super) fn letter(column: usize) -> char {
    char::from(b'a' + column as u8)
}

/// A field such as `h8`, as column and number, both from 0.
pub(super) fn field(text: &str) -> Option<(usize, usize)> {
    let column = text.bytes().next().filter(u8::is_ascii_lowercase)?;
    let number = text.get(1..)?.parse::<usize>().ok()?.checked_sub(1)?;
    Some((usize::from(column - b'a'), number))
}

/// Goes through a game again: `put` puts a stone of the first player or the second one down, and says where it came to lie
/// and whether the first one is next. What cannot be is the end of it.
fn put_down(
    rules: &dyn Rules,
    board: &Board,
    put: impl Fn(&mut Vec<char>, usize, bool) -> Option<(usize, bool)>,
) -> Vec<Ply> {
    let mut fields = rules.start();
    let mut first = true;
    let mut game = Vec::with_capacity(board.moves.len());
    for made in &board.moves {
        let Some((lies, next)) = rules.read(made).and_then(|read| put(&mut fields, read.to, first)) else { break };
        first = next;
        let words = Notation { text: made.clone(), ..Notation::default() };
        game.push(Ply { fields: fields.clone(), marked: vec![lies], taken: None, words });
    }
    game
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::parse, *};
    use crate::model::game::{Pressed, Table};

    fn board(kind: &str, state: &Value, legal: &[&str], moves: &[&str]) -> Board {
        parse(&json!({"org.parta.game": {
            "version": 1, "game_id": "g", "kind": kind, "revision": 1, "status": "playing", "creator": "@a:x",
            "players": [{"seat": "first", "user_id": "@a:x"}, {"seat": "second", "user_id": "@b:x"}],
            "turn": "first", "ply": 0, "state": state, "legal_moves": legal, "moves": moves,
            "last_move": { "move": moves.last().copied().unwrap_or_default() },
        }}))
        .unwrap()
    }

    #[test]
    fn a_stone_falls_wherever_its_column_is_pressed() {
        let board = board("connectfour", &json!({}), &["1", "2", "4"], &[]);
        let mut table = Table::default();
        assert_eq!(table.press(&board, "@a:x", 35 + 2), Pressed::Nothing, "the column is full");
        assert_eq!(table.press(&board, "@a:x", 35 + 3), Pressed::Move("4".into()));
    }

    #[test]
    fn the_stone_on_top_is_the_last_one() {
        let cells = format!("{}r.....{}", ".".repeat(29), "yry....");
        assert_eq!(cells.len(), 42);
        let told = board("connectfour", &json!({ "cells": cells }), &[], &["2"]);
        let fields = ConnectFour.fields(&told, None);
        assert_eq!((fields[29], fields[35], fields[36]), ('C', 'c', 'C'));
        assert_eq!(ConnectFour.marked(&told, None), [29]);
        let won = board("connectfour", &json!({ "cells": cells, "line": [1, 2, 3, 4] }), &[], &["2"]);
        assert_eq!(ConnectFour.marked(&won, None), [1, 2, 3, 4]);
        assert_eq!(ConnectFour.place(35), "1-1");
    }

    #[test]
    fn games_are_gone_through_again() {
        let four = board("connectfour", &json!({}), &[], &["1", "1", "2"]).replay();
        assert_eq!((four[1].fields[35], four[1].fields[28], four[2].marked[0]), ('C', 'c', 36));
        let reversi =
            board("reversi", &json!({}), &[], &["e6", "f4", "e3", "f6", "g5", "d6", "e7", "f5", "c5"]).replay();
        assert_eq!(reversi.len(), 9);
        assert!(!reversi[8].fields.contains(&'S'), "white has nothing left");
        let gomoku = board("gomoku", &json!({}), &[], &["a15", "o1", "a15"]).replay();
        assert_eq!(gomoku.len(), 2, "a field is taken once");
        assert_eq!((gomoku[1].fields[0], gomoku[1].fields[224]), ('s', 'S'));
    }

    #[test]
    fn fields_have_their_names() {
        for (rules, index, name) in
            [(&Reversi as &dyn Rules, 19, "d3"), (&Gomoku, 7 * 15 + 7, "h8"), (&Gomoku, 0, "a15")]
        {
            assert_eq!(rules.place(index), name);
            assert_eq!(rules.read(name).unwrap().to, index);
        }
        for made in ["", "d", "d0", "i1", "d9", "3d", "d-1", "дd"] {
            assert_eq!(Reversi.read(made), None, "{made}");
        }
        assert_eq!(ConnectFour.read("8"), None);
        assert_eq!(Gomoku.read("a16"), None);
    }
}
