use rand::SeedableRng as _;

use super::{super::tests::*, *};

/// A position with these pieces.
fn position(white: &str, black: &str, turn: Seat) -> State {
    let mut cells = vec!['.'; 64];
    for (pieces, man) in [(white, 'w'), (black, 'b')] {
        for text in pieces.split_whitespace() {
            let king = text.starts_with('K');
            let field = board::index(text.trim_start_matches('K')).unwrap();
            cells[field] = if king { man.to_ascii_uppercase() } else { man };
        }
    }
    State::from(Board::read(&cells.into_iter().collect::<String>(), turn))
}

fn moves(white: &str, black: &str) -> Vec<String> {
    let mut moves = position(white, black, Seat(0)).legal_moves();
    moves.sort();
    moves
}

/// Published counts for Russian draughts, <https://damforum.nl/bb3/viewtopic.php?t=2308> and the engines compared there.
#[test]
fn perft_of_russian_draughts() {
    for (depth, count) in [(1, 7), (2, 49), (3, 302), (4, 1_469), (5, 7_482), (6, 37_986)] {
        assert_eq!(perft(&Draughts, depth), count, "{depth}");
    }
}

#[test]
fn taking_is_obligatory_and_goes_to_its_end() {
    assert_eq!(moves("c3 g3", "d4 f6"), ["c3e5g7"]);
    // Any of the takings may be chosen, not only the longest.
    assert_eq!(moves("c3", "d4 f6 b4"), ["c3a5", "c3e5g7"]);
    let state = position("c3 g3", "d4 f6", Seat(0));
    assert_eq!(state.apply(Seat(0), "g3-h4").unwrap_err(), Illegal::MustTake);
    assert_eq!(state.apply(Seat(0), "c3:e5").unwrap_err(), Illegal::MustTake);
    let taken = state.apply(Seat(0), "c3:g7").unwrap();
    assert_eq!((taken.canonical.as_str(), taken.notation.as_str()), ("c3e5g7", "c3:e5:g7"));
    assert_eq!(taken.ending, Some(Ending { winner: Some(Seat(0)), reason: Reason::NoMoves }));
}

#[test]
fn men_take_backwards() {
    assert_eq!(moves("e5", "d4"), ["e5c3"]);
}

#[test]
fn a_man_goes_on_as_a_king_from_the_last_row() {
    // f6 takes e7, is a king on d8, and takes b6 from afar.
    assert_eq!(moves("f6", "e7 b6"), ["f6d8a5"]);
}

#[test]
fn a_king_comes_down_where_it_can_take_on() {
    // From a1 over d4: on e5, f6, g7, h8; only from f6 it can take g5 or e7.
    assert_eq!(moves("Ka1", "d4 e7"), ["a1f6d8"]);
    // Nothing more to take: any field behind.
    assert_eq!(moves("Ka1", "d4"), ["a1e5", "a1f6", "a1g7", "a1h8"]);
}

#[test]
fn a_way_may_end_where_it_began() {
    assert_eq!(moves("c3", "d4 f4 f2 d2"), ["c3e1g3e5c3", "c3e5g3e1c3"]);
    assert_eq!(moves("Kf8", "a1 b2 b8 e7 g5 g7"), ["f8a3c1h6f8", "f8h6c1a3f8"]);
}

#[test]
fn what_is_taken_stands_in_the_way_till_the_end() {
    // Were each piece gone at once, a fourth could be taken.
    assert_eq!(moves("Kc1", "a7 b6 c3 d2 e5"), ["c1f4c7a5"]);
    // d2 is taken first and then stands between the king and what it came from.
    assert_eq!(moves("Kc1", "d2 f2 f4 d4"), ["c1e3a7", "c1e3b6", "c1e3c5", "c1e3g1", "c1e3g5", "c1e3h6"]);
}

#[test]
fn moves_as_people_write_them() {
    let state = State::from(Board::start());
    for text in ["c3-d4", "c3d4", "C3 D4", "с3-d4", "c3—d4", "c3:d4"] {
        assert_eq!(state.apply(Seat(0), text).unwrap().canonical, "c3d4", "{text}");
    }
    for text in ["c3", "c3d", "c3c4", "i3j4", "", "Кf3", "c3-d4-"] {
        let read = state.apply(Seat(0), text).map(|outcome| outcome.canonical);
        assert!(matches!(read, Err(Illegal::Unreadable)) || text == "c3-d4-", "{text}: {read:?}");
    }
    assert_eq!(state.apply(Seat(0), "c3-e5").unwrap_err(), Illegal::NotAllowed { in_check: false });
    assert_eq!(state.apply(Seat(1), "b6-a5").unwrap_err(), Illegal::NotYourTurn);
}

#[test]
fn two_ways_to_one_field_have_to_be_told_apart() {
    let state = position("Kg3", "a5 a7 c7 f4 g5 h4", Seat(0));
    let names = vec!["g3:d6:b8".to_owned(), "g3:e5:b8".to_owned()];
    let mut told = match state.apply(Seat(0), "g3:b8").unwrap_err() {
        Illegal::Ambiguous(told) => told,
        other => panic!("{other}"),
    };
    told.sort();
    assert_eq!(told, names);
    assert_eq!(state.apply(Seat(0), "g3:e5:b8").unwrap().canonical, "g3e5b8");
}

#[test]
fn who_cannot_move_has_lost() {
    assert_eq!(
        position("a3", "b4 c5", Seat(0)).ending(),
        Some(Ending { winner: Some(Seat(1)), reason: Reason::NoMoves })
    );
}

/// Plays kings to and fro until the rules end the game.
fn shuffle(state: State, white: [&str; 2], black: [&str; 2]) -> (usize, Ending) {
    let mut position: Box<dyn Position> = Box::new(state);
    for ply in 0..200 {
        if let Some(ending) = position.ending() {
            return (ply, ending);
        }
        let texts = if position.turn() == Seat(0) { white } else { black };
        position = position.apply(position.turn(), texts[ply / 2 % 2]).unwrap().next;
    }
    panic!("no end")
}

#[test]
fn draws() {
    let draw = |reason| Ending { winner: None, reason };
    // To and fro: the position stands for the third time after eight moves of both.
    let (ply, ending) = shuffle(position("Ka1", "Kh2", Seat(0)), ["a1b2", "b2a1"], ["h2g1", "g1h2"]);
    assert_eq!((ply, ending), (8, draw(Reason::ThreefoldRepetition)));
    let mut state = position("Kd2 c1 e1 g1", "Kh6 f8 h8 d8", Seat(0));
    state.earlier = vec![Board::start(); 30];
    assert_eq!(state.draw(), Some(Reason::FifteenMoves));
    let mut state = position("Ka1 Kc1 Ke1", "Kh6", Seat(0));
    state.balanced = 29;
    assert_eq!(state.draw(), None);
    state.balanced = 30;
    assert_eq!(state.draw(), Some(Reason::ThreeKings));
    let mut state = position("Ka1 Kc1", "Kh6", Seat(0));
    state.balanced = 10;
    assert_eq!(state.draw(), Some(Reason::EndgameMoves));
    // With men on the one side and no king, it goes on.
    let mut state = position("Ka1", "h6", Seat(0));
    state.balanced = 100;
    assert_eq!(state.draw(), None);
}

#[test]
fn a_man_that_becomes_a_king_changes_the_balance() {
    let mut state = position("b6 Kh2", "Kd2 h8", Seat(0));
    state.balanced = 20;
    let after = state.play(&state.read("b6-a7").unwrap());
    assert_eq!((after.balanced, after.earlier.len()), (21, 0));
    let mut state = position("a7 Kh2", "Kd2 h8", Seat(0));
    state.balanced = 20;
    assert_eq!(state.play(&state.read("a7-b8").unwrap()).balanced, 0);
}

#[test]
fn the_computer_takes_two_for_one() {
    // A man given on d4 opens the way over two.
    let state = position("c3 g3 h2 Ke1", "b6 f6 h6", Seat(0));
    let mut rng = StdRng::seed_from_u64(3);
    let chosen = state.choose(Strength::Medium, &mut rng).unwrap();
    assert!(state.legal_moves().contains(&chosen));
    let forced = position("c3 g3", "d4 f6", Seat(0));
    assert_eq!(forced.choose(Strength::Hard, &mut rng).as_deref(), Some("c3e5g7"));
    assert_eq!(position("a3", "b4 c5", Seat(0)).choose(Strength::Easy, &mut rng), None);
}

random_games!(Draughts, 4_000);
