//! Boards as the bot tells them, pressed.

use serde_json::json;

use super::{chess::index_of, *};

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

fn chess(moves: &[&str], turn: &str, fen: &str) -> Board {
    parse(&json!({"org.parta.game": {
        "version": 1, "game_id": "g", "kind": "chess", "revision": 1, "status": "playing", "creator": "@a:x",
        "players": [{"seat": "white", "user_id": "@a:x"}, {"seat": "black", "user_id": "@b:x"}],
        "turn": turn, "ply": 0, "state": {"fen": fen, "check": false}, "legal_moves": moves, "unknown": 1,
    }}))
    .unwrap()
}

fn at(square: &str) -> usize {
    index_of(square).unwrap()
}

/// The notation of a whole game, in English letters.
fn written(moves: &[&str]) -> Vec<String> {
    let moves = moves.iter().map(ToString::to_string).collect();
    let board = Board { moves, ..chess(&[], "white", START) };
    board
        .replay()
        .into_iter()
        .map(|ply| {
            let Notation { piece, text, becomes, sign } = ply.words;
            [piece.map(String::from), Some(text), becomes.map(String::from), Some(sign.to_owned())]
                .into_iter()
                .flatten()
                .collect()
        })
        .collect()
}

#[test]
fn a_piece_is_chosen_and_moved() {
    let board = chess(&["e2e3", "e2e4", "g1f3"], "white", START);
    let mut table = Table::default();
    assert_eq!(table.press(&board, "@a:x", at("e2")), Pressed::Nothing);
    let targets: Vec<usize> =
        table.fields(&board, "@a:x").iter().filter(|field| field.target).map(|field| field.index).collect();
    assert_eq!(targets, [at("e4"), at("e3")]);
    assert_eq!(table.press(&board, "@a:x", at("e4")), Pressed::Move("e2e4".into()));
    // One move at a time, until the bot has answered.
    assert_eq!(table.press(&board, "@a:x", at("g1")), Pressed::Nothing);
    table.changed(&Board { ply: 1, ..board.clone() });
    assert!(table.my_move(&board, "@a:x"));
}

#[test]
fn a_piece_is_dragged() {
    let board = chess(&["e2e4", "g1f3"], "white", START);
    let mut table = Table::default();
    table.lift(&board, "@a:x", at("e2"));
    table.lift(&board, "@a:x", at("e2"));
    assert_eq!(table.press(&board, "@a:x", at("e4")), Pressed::Move("e2e4".into()), "lifting twice does not let go");
    let mut table = Table::default();
    table.lift(&board, "@a:x", at("e5"));
    assert_eq!(table, Table::default(), "what cannot move is not lifted");
}

#[test]
fn only_the_player_at_turn_moves() {
    let board = chess(&["e2e4"], "white", START);
    let mut table = Table::default();
    assert_eq!(table.press(&board, "@b:x", at("e2")), Pressed::Nothing);
    assert!(table.fields(&board, "@b:x").iter().all(|field| !field.chosen && !field.target));
}

#[test]
fn a_pawn_asks_what_to_become() {
    let board = chess(&["a7a8q", "a7a8r", "a7a8b", "a7a8n"], "white", "8/P7/8/8/8/8/8/k6K w - - 0 1");
    let mut table = Table::default();
    table.press(&board, "@a:x", at("a7"));
    assert_eq!(table.press(&board, "@a:x", at("a8")), Pressed::Promote);
    assert_eq!(table.promote(&board, "n"), Pressed::Move("a7a8n".into()));
}

#[test]
fn black_sees_the_board_from_the_other_side() {
    let board = chess(&[], "white", START);
    let table = Table::default();
    assert_eq!(table.fields(&board, "@a:x")[0].piece, 'r');
    assert_eq!(table.fields(&board, "@b:x")[0].piece, 'R');
    assert_eq!(table.fields(&board, "@b:x").len(), 64);
}

#[test]
fn the_king_in_check_is_pointed_out() {
    let mut board = chess(&[], "black", "4k3/8/8/8/8/8/8/4R2K b - - 0 1");
    board.state["check"] = json!(true);
    let fields = Table::default().fields(&board, "@a:x");
    assert_eq!(fields.iter().find(|field| field.danger).map(|field| field.index), Some(at("e8")));
}

#[test]
fn tic_tac_toe_is_one_press() {
    let board = parse(&json!({"m.new_content": {"org.parta.game": {
        "version": 1, "game_id": "t", "kind": "tictactoe", "revision": 3, "status": "playing",
        "players": [{"seat": "x", "user_id": "@a:x"}, {"seat": "o", "user_id": "@b:x"}],
        "turn": "o", "ply": 1, "state": {"cells": "x........"}, "legal_moves": ["2", "3", "4", "5", "6", "7", "8", "9"],
        "moves": ["1"],
    }}}))
    .unwrap();
    let mut table = Table::default();
    assert_eq!(table.press(&board, "@b:x", 0), Pressed::Nothing);
    assert_eq!(table.press(&board, "@b:x", 4), Pressed::Move("5".into()));
    assert_eq!(board.replay()[0].fields[0], 'x');
    assert!(replayed(&board, "@a:x", 0).iter().all(|field| field.piece == ' '));
}

#[test]
fn moves_are_written_as_players_write_them() {
    let mate = ["e2e4", "e7e5", "f1c4", "b8c6", "d1h5", "g8f6", "h5f7"];
    assert_eq!(written(&mate), ["e4", "e5", "Bc4", "Nc6", "Qh5", "Nf6", "Qxf7+"]);
    let castles = ["g1f3", "g8f6", "g2g3", "g7g6", "f1g2", "f8g7", "e1g1"];
    assert_eq!(written(&castles).last().unwrap(), "O-O");
    // Both knights could go to d2.
    let knights = ["g1f3", "a7a6", "d2d4", "a6a5", "b1d2", "a5a4", "d2b1", "h7h6", "f3d2"];
    assert_eq!(written(&knights)[4], "Nbd2");
    assert_eq!(written(&knights)[8], "Nfd2");
    let passing = ["e2e4", "a7a6", "e4e5", "d7d5", "e5d6"];
    assert_eq!(written(&passing)[4], "exd6");
    let becomes = ["a2a4", "b7b5", "a4b5", "a7a6", "b5a6", "h7h6", "a6a7", "h6h5", "a7b8q"];
    assert_eq!(written(&becomes)[8], "axb8=Q");
}

#[test]
fn what_was_taken_is_kept() {
    let moves = ["e2e4", "a7a6", "e4e5", "d7d5", "e5d6"].map(String::from).to_vec();
    let game = Board { moves, ..chess(&[], "black", START) }.replay();
    assert_eq!(game[4].taken, Some('p'));
    assert_eq!(game[4].fields[at("d5")], ' ', "the pawn taken in passing is gone");
    assert_eq!(game[4].fields[at("d6")], 'P');
}

#[test]
fn what_is_not_understood_is_left_to_words() {
    assert_eq!(parse(&json!({"org.parta.game": {"version": 2, "game_id": "g"}})), None);
    assert_eq!(parse(&json!({"body": "x"})), None);
    let go =
        json!({"org.parta.game": {"version": 1, "game_id": "g", "kind": "go", "revision": 1, "status": "playing"}});
    let go = parse(&go).unwrap();
    assert_eq!(go.kind, Kind::Other);
    assert!(Table::default().fields(&go, "@a:x").is_empty());
    assert!(go.replay().is_empty());
}

#[test]
fn a_broken_position_does_not_break_the_board() {
    assert_eq!(Table::default().fields(&chess(&[], "white", "9/zz"), "@a:x").len(), 64);
    assert_eq!(index_of("z9"), None);
    assert_eq!(index_of(""), None);
    assert!(written(&["nonsense", "e2e4"]).is_empty());
    assert!(written(&["e5e6"]).is_empty(), "nothing stands there");
}
