//! Battleship: two seas, of which the other player's is fired at and one's own lies beside it.
//!
//! A field is water that was hit (`w`), water that is known to be empty (`v`), a ship (`u`), one that is hit (`h`) or one that
//! went down (`f`).

use serde_json::Value;

use super::{
    Board, Field, Hand, Made, Ply, Rules,
    stones::{field, letter},
};

/// The game.
pub(super) struct Battleship;

const SIDE: usize = 10;
const FIELDS: usize = SIDE * SIDE;
/// Fields of the longest ship.
const LONGEST: usize = 4;

impl Rules for Battleship {
    fn columns(&self) -> usize {
        SIDE
    }

    /// The sea that is fired at; who only looks on sees with the eyes of the first player.
    fn fields(&self, board: &Board, seat: Option<&str>) -> Vec<char> {
        sea(board, other(seat))
    }

    fn aside(&self, board: &Board, seat: Option<&str>, hand: Option<&Hand>) -> Vec<Field> {
        let own = seat.unwrap_or(FIRST);
        let hand = hand.filter(|hand| seat == Some(hand.seat.as_str()));
        let hidden = hand.map(|hand| super::cells(hand.state.get("cells"), FIELDS, piece)).unwrap_or_default();
        let fired = if board.last_move.as_ref().is_some_and(|last| last.seat != own) { fired(board) } else { None };
        let mut fields: Vec<Field> = sea(board, own)
            .into_iter()
            .enumerate()
            .map(|(index, piece)| Field { piece, index, marked: fired == Some(index), ..Field::default() })
            .collect();
        for (field, hidden) in fields.iter_mut().zip(hidden) {
            if field.piece == ' ' && hidden == 'u' {
                field.piece = hidden;
            }
        }
        fields
    }

    fn read(&self, made: &str) -> Option<Made> {
        let (column, number) = field(made)?;
        (column < SIDE && number < SIDE).then_some(Made { from: None, to: number * SIDE + column, becomes: None })
    }

    fn place(&self, index: usize) -> String {
        format!("{}{}", letter(index % SIDE), index / SIDE + 1)
    }

    fn marked(&self, board: &Board, seat: Option<&str>) -> Vec<usize> {
        let own = seat.unwrap_or(FIRST);
        let mine = board.last_move.as_ref().is_some_and(|last| last.seat == own);
        fired(board).filter(|_| mine).into_iter().collect()
    }

    fn start(&self) -> Vec<char> {
        vec![' '; FIELDS]
    }

    /// Not told: where a shot went is known only with both seas.
    fn replay(&self, _board: &Board) -> Vec<Ply> {
        Vec::new()
    }
}

const FIRST: &str = "first";

fn other(seat: Option<&str>) -> &'static str {
    if seat.unwrap_or(FIRST) == FIRST { "second" } else { FIRST }
}

fn piece(sign: char) -> char {
    match sign {
        'o' => 'w',
        '-' => 'v',
        'x' => 'h',
        '#' => 'f',
        's' => 'u',
        _ => ' ',
    }
}

/// The field of the last shot.
fn fired(board: &Board) -> Option<usize> {
    Battleship.read(&board.last_move.as_ref()?.made).map(|made| made.to)
}

/// The sea of a seat, as everybody sees it.
pub(super) fn sea(board: &Board, seat: &str) -> Vec<char> {
    super::cells(board.state.get("seas").and_then(|seas| seas.get(seat)), FIELDS, piece)
}

/// How many ships of four fields, of three, of two and of one are left in the sea that this seat fires at.
pub(super) fn afloat(board: &Board, seat: Option<&str>) -> [usize; LONGEST] {
    let mut counts = [0; LONGEST];
    let lengths = board.state.get("afloat").and_then(|afloat| afloat.get(other(seat))).and_then(Value::as_array);
    for length in lengths.into_iter().flatten().filter_map(Value::as_u64) {
        if let Some(count) = LONGEST.checked_sub(length as usize).and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::parse, *};
    use crate::model::game::{Pressed, Table};

    fn board() -> Board {
        let first = format!(".o{}x", ".".repeat(97));
        let second = format!("x#-{}", ".".repeat(97));
        parse(&json!({"org.parta.game": {
            "version": 1, "game_id": "g", "kind": "battleship", "revision": 4, "status": "playing", "creator": "@a:x",
            "players": [{"seat": "first", "user_id": "@a:x"}, {"seat": "second", "user_id": "@b:x"}],
            "turn": "first", "ply": 3, "legal_moves": ["d1", "j10"],
            "state": {"seas": {"first": first, "second": second}, "afloat": {"first": [4, 1], "second": [3, 1, 1]}},
            "last_move": {"ply": 3, "seat": "second", "move": "j10", "notation": "j10"},
        }}))
        .unwrap()
    }

    fn hand(seat: &str) -> Hand {
        let cells = format!("s.{}x", "s".repeat(97));
        let content = json!({"version": 1, "game_id": "g", "revision": 2, "seat": seat, "state": {"cells": cells}});
        Hand::parse("@games:x", &content).unwrap()
    }

    #[test]
    fn each_player_fires_at_the_others_sea() {
        let board = board();
        let signs = |seat| Battleship.fields(&board, seat)[..3].iter().collect::<String>();
        assert_eq!((signs(Some("first")).as_str(), signs(Some("second")).as_str()), ("hfv", " w "));
        assert_eq!(signs(None), signs(Some("first")), "who looks on sees what the first player sees");
        let mut table = Table::default();
        assert_eq!(table.press(&board, "@a:x", 1), Pressed::Nothing, "it has been fired at");
        assert_eq!(table.press(&board, "@a:x", 99), Pressed::Move("j10".into()));
        assert_eq!((board.afloat("@a:x"), board.afloat("@b:x")), ([0, 1, 0, 2], [1, 0, 0, 1]));
    }

    #[test]
    fn ones_own_ships_lie_beside() {
        let board = board();
        let aside = |seat, hand: Option<&Hand>| Battleship.aside(&board, seat, hand);
        let own = aside(Some("first"), Some(&hand("first")));
        assert_eq!((own[0].piece, own[1].piece, own[99].piece), ('u', 'w', 'h'));
        assert!(own[99].marked && own.iter().filter(|field| field.marked).count() == 1);
        assert!(Battleship.marked(&board, Some("first")).is_empty());
        assert_eq!(Battleship.marked(&board, Some("second")), [99]);
        for (seat, hand) in [(Some("first"), None), (Some("first"), Some(hand("second"))), (None, Some(hand("first")))]
        {
            assert_eq!(aside(seat, hand.as_ref())[0].piece, ' ', "{seat:?}");
        }
    }

    #[test]
    fn ships_are_laid_anew_until_somebody_fired() {
        let mut board = board();
        assert!(!board.may_arrange("@a:x") && !board.may_arrange("@b:x"));
        board.state["seas"]["second"] = json!(".".repeat(100));
        assert!(board.may_arrange("@b:x") && !board.may_arrange("@c:x"));
        board.state = json!({"seas": 1, "afloat": {"second": [9, 0, "a"]}});
        assert_eq!((board.afloat("@a:x"), Battleship.fields(&board, None).len()), ([0; 4], 100));
    }

    #[test]
    fn a_hand_of_another_version_is_not_read() {
        assert_eq!(
            Hand::parse("@games:x", &json!({"version": 2, "game_id": "g", "revision": 1, "seat": "first"})),
            None
        );
    }
}
