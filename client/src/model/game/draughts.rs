//! Russian draughts: fields as chess has them, and moves that may go over several of them.

use super::{
    Board, Made, Notation, Ply, Rules,
    chess::{index_of, square},
};

/// The game.
pub(super) struct Draughts;

const SIDE: usize = 8;
const FIELDS: usize = SIDE * SIDE;

impl Rules for Draughts {
    fn columns(&self) -> usize {
        SIDE
    }

    fn fields(&self, board: &Board, _seat: Option<&str>) -> Vec<char> {
        super::cells(board.state.get("cells"), FIELDS, piece)
    }

    fn read(&self, made: &str) -> Option<Made> {
        let way = self.way(made);
        Some(Made { from: Some(*way.first()?), to: *way.last()?, becomes: None })
    }

    fn way(&self, made: &str) -> Vec<usize> {
        let fields: Option<Vec<usize>> = (0..made.len()).step_by(2).map(|at| index_of(made.get(at..at + 2)?)).collect();
        fields.filter(|way| way.len() > 1).unwrap_or_default()
    }

    fn forced(&self, board: &Board) -> Vec<usize> {
        let fields = self.fields(board, None);
        let ways = board.legal_moves.iter().map(|made| self.way(made)).filter(|way| way.len() > 1);
        ways.filter(|way| !taken(&fields, way).is_empty()).map(|way| way[0]).collect()
    }

    fn place(&self, index: usize) -> String {
        square(index)
    }

    fn coordinates(&self) -> bool {
        true
    }

    fn turned(&self, seat: &str) -> bool {
        seat == "black"
    }

    fn start(&self) -> Vec<char> {
        let dark = |index: usize| (index / SIDE + index % SIDE) % 2 == 1;
        let row = |index: usize| match index / SIDE {
            0..=2 => 'm',
            5..=7 => 'M',
            _ => ' ',
        };
        (0..FIELDS).map(|index| if dark(index) { row(index) } else { ' ' }).collect()
    }

    fn replay(&self, board: &Board) -> Vec<Ply> {
        let mut fields = self.start();
        let mut game = Vec::with_capacity(board.moves.len());
        for made in &board.moves {
            let way = self.way(made);
            let (Some(from), Some(to)) = (way.first().copied(), way.last().copied()) else { break };
            let taken = taken(&fields, &way);
            let mut moved = std::mem::replace(&mut fields[from], ' ');
            for field in &way[1..] {
                moved = crowned(moved, *field);
            }
            for field in &taken {
                fields[*field] = ' ';
            }
            fields[to] = moved;
            let names: Vec<String> = way.iter().map(|field| square(*field)).collect();
            let text = names.join(if taken.is_empty() { "-" } else { ":" });
            let words = Notation { text, ..Notation::default() };
            game.push(Ply { fields: fields.clone(), marked: way, taken: None, words });
        }
        game
    }
}

/// Men are `m` and kings `d`, the white ones capital.
fn piece(cell: char) -> char {
    match cell {
        'w' => 'M',
        'W' => 'D',
        'b' => 'm',
        'B' => 'd',
        _ => ' ',
    }
}

fn crowned(piece: char, field: usize) -> char {
    match (piece, field / SIDE) {
        ('M', 0) => 'D',
        ('m', 7) => 'd',
        _ => piece,
    }
}

/// What stands between the fields of a legal way.
fn taken(fields: &[char], way: &[usize]) -> Vec<usize> {
    let mut taken = Vec::new();
    for pair in way.windows(2) {
        let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        let steps = high / SIDE - low / SIDE;
        if let Some(apart) = (high - low).checked_div(steps) {
            taken.extend((1..steps).map(|step| low + step * apart).filter(|field| fields[*field] != ' '));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::parse, *};
    use crate::model::game::{Pressed, Table};

    fn board(cells: &str, moves: &[&str]) -> Board {
        parse(&json!({"org.parta.game": {
            "version": 1, "game_id": "g", "kind": "draughts", "revision": 1, "status": "playing", "creator": "@a:x",
            "players": [{"seat": "white", "user_id": "@a:x"}, {"seat": "black", "user_id": "@b:x"}],
            "turn": "white", "ply": 0, "state": {"cells": cells}, "legal_moves": moves,
        }}))
        .unwrap()
    }

    /// A board with men at these fields.
    fn cells(white: &[&str], black: &[&str]) -> String {
        let mut cells = vec!['.'; FIELDS];
        for (fields, man) in [(white, 'w'), (black, 'b')] {
            for field in fields {
                cells[index_of(field).unwrap()] = man;
            }
        }
        cells.into_iter().collect()
    }

    fn at(field: &str) -> usize {
        index_of(field).unwrap()
    }

    #[test]
    fn the_end_of_the_only_way_is_enough() {
        let board = board(&cells(&["c3", "g3"], &["d4", "f6"]), &["c3e5g7"]);
        let mut table = Table::default();
        let forced = |table: &Table| -> Vec<usize> {
            table.fields(&board, "@a:x").iter().filter(|field| field.forced).map(|field| field.index).collect()
        };
        assert_eq!(forced(&table), [at("c3")]);
        assert_eq!(table.press(&board, "@a:x", at("c3")), Pressed::Nothing);
        assert_eq!(forced(&table), Vec::<usize>::new());
        let targets: Vec<usize> =
            table.fields(&board, "@a:x").iter().filter(|field| field.target).map(|field| field.index).collect();
        assert_eq!(targets, [at("g7"), at("e5")]);
        assert_eq!(table.press(&board, "@a:x", at("g7")), Pressed::Move("c3e5g7".into()));
    }

    #[test]
    fn field_by_field_where_ways_share_their_end() {
        let board = board(&cells(&["c3"], &["d4", "f4", "f2", "d2"]), &["c3e1g3e5c3", "c3e5g3e1c3"]);
        let mut table = Table::default();
        table.press(&board, "@a:x", at("c3"));
        assert_eq!(table.press(&board, "@a:x", at("c3")), Pressed::Nothing, "let go of");
        table.press(&board, "@a:x", at("c3"));
        assert_eq!(table.press(&board, "@a:x", at("e5")), Pressed::Nothing);
        assert_eq!(table.press(&board, "@a:x", at("c3")), Pressed::Move("c3e5g3e1c3".into()));
    }

    #[test]
    fn a_way_can_be_given_up_for_another_piece() {
        let board = board(&cells(&["c3", "g3"], &[]), &["c3b4", "c3d4", "g3h4"]);
        let mut table = Table::default();
        table.press(&board, "@a:x", at("c3"));
        table.press(&board, "@a:x", at("g3"));
        assert_eq!(table.press(&board, "@a:x", at("h4")), Pressed::Move("g3h4".into()));
    }

    #[test]
    fn a_game_is_gone_through_again() {
        let moves = ["c3d4", "f6e5", "d4f6", "g7e5"].map(ToString::to_string).to_vec();
        let board = Board { moves, ..board(&cells(&[], &[]), &[]) };
        let game = board.replay();
        let words: Vec<&str> = game.iter().map(|ply| ply.words.text.as_str()).collect();
        assert_eq!(words, ["c3-d4", "f6-e5", "d4:f6", "g7:e5"]);
        let last = &game[3].fields;
        assert_eq!((last[at("f6")], last[at("e5")], last[at("d4")]), (' ', 'm', ' '));
        assert_eq!(crowned('M', at("b8")), 'D');
        assert_eq!(crowned('m', at("a1")), 'd');
    }

    #[test]
    fn what_is_no_move_is_left_alone() {
        for made in ["", "c3", "c3d", "i3j4", "c3d4e", "да", "c3é"] {
            assert_eq!(Draughts.way(made), Vec::<usize>::new(), "{made}");
        }
        assert_eq!(Draughts.fields(&board("wWbB?", &[]), None)[..6], ['M', 'D', 'm', 'd', ' ', ' ']);
    }
}
