use proptest::prelude::*;

use super::*;

fn position(fen: &str) -> State {
    State::from(fen.parse::<Board>().unwrap())
}

fn play(start: State, moves: &str) -> Box<dyn Position> {
    let mut position: Box<dyn Position> = Box::new(start);
    for text in moves.split_whitespace() {
        position = match position.apply(position.turn(), text) {
            Ok(outcome) => outcome.next,
            Err(illegal) => panic!("{text}: {illegal}"),
        };
    }
    position
}

fn from_start(moves: &str) -> Box<dyn Position> {
    play(State::from(Board::default()), moves)
}

fn reason(position: &dyn Position) -> Option<Reason> {
    position.ending().map(|ending| ending.reason)
}

fn read(fen: &str, text: &str) -> Result<String, Illegal> {
    let position = position(fen);
    position.apply(position.turn(), text).map(|outcome| outcome.canonical)
}

#[test]
fn scholars_mate() {
    let position = from_start("e4 e5 Bc4 Nc6 Qh5 Nf6 Qxf7#");
    assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(0)), reason: Reason::Checkmate }));
    assert!(position.legal_moves().is_empty());
    assert_eq!(position.apply(Seat(1), "Kxf7").unwrap_err(), Illegal::Over);
}

#[test]
fn fools_mate_in_russian() {
    let position = from_start("f3 e5 g4 Фh4");
    assert_eq!(position.ending(), Some(Ending { winner: Some(Seat(1)), reason: Reason::Checkmate }));
}

#[test]
fn perft_through_the_trait() {
    fn count(position: &dyn Position, depth: u32) -> u64 {
        let moves = position.legal_moves();
        if depth == 1 {
            return moves.len() as u64;
        }
        moves.iter().map(|text| count(position.apply(position.turn(), text).unwrap().next.as_ref(), depth - 1)).sum()
    }
    assert_eq!(count(&State::from(Board::default()), 3), 8_902);
    // "Kiwipete", position 2 of the published table: castling, en passant, promotions, pins.
    let kiwipete = position("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1");
    assert_eq!(count(&kiwipete, 1), 48);
    assert_eq!(count(&kiwipete, 2), 2_039);
    // Position 5: promotions with check.
    let promotions = position("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8");
    assert_eq!(count(&promotions, 2), 1_486);
}

#[test]
fn stalemate() {
    let position = play(position("7k/5Q2/8/6K1/8/8/8/8 w - - 0 1"), "Kg6");
    assert_eq!(position.ending(), Some(Ending { winner: None, reason: Reason::Stalemate }));
}

#[test]
fn castling_in_every_spelling() {
    let fen = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
    for text in ["O-O", "0-0", "o-o", "О-О", "e1g1", "Kg1", "Крg1", "O-O+"] {
        assert_eq!(read(fen, text).as_deref(), Ok("e1g1"), "{text}");
    }
    for text in ["O-O-O", "0-0-0", "e1c1", "Крc1"] {
        assert_eq!(read(fen, text).as_deref(), Ok("e1c1"), "{text}");
    }
    let through_check = "r3k2r/8/8/8/8/5r2/8/R3K2R w KQkq - 0 1";
    assert_eq!(read(through_check, "O-O").unwrap_err(), Illegal::NotAllowed { in_check: false });
    assert_eq!(read(through_check, "O-O-O").as_deref(), Ok("e1c1"));
    let out_of_check = "4k3/8/8/8/8/8/4r3/R3K2R w KQ - 0 1";
    assert_eq!(read(out_of_check, "O-O").unwrap_err(), Illegal::NotAllowed { in_check: true });
}

#[test]
fn en_passant_and_only_at_once() {
    assert!(from_start("e4 a6 e5 d5").apply(Seat(0), "exd6").is_ok());
    let too_late = from_start("e4 a6 e5 d5 h3 h6");
    assert_eq!(too_late.apply(Seat(0), "exd6").unwrap_err(), Illegal::NotAllowed { in_check: false });
}

#[test]
fn promotion() {
    let fen = "3r3k/2P5/8/8/8/8/8/K7 w - - 0 1";
    for (text, expected) in [
        ("c8=Q", "c7c8q"),
        ("c8Q", "c7c8q"),
        ("c8Ф", "c7c8q"),
        ("c8=Л", "c7c8r"),
        ("c7c8n", "c7c8n"),
        ("c7-c8К", "c7c8n"),
        ("cxd8=B+", "c7d8b"),
        ("cd8с", "c7d8b"),
        ("пc8=Ф", "c7c8q"),
    ] {
        assert_eq!(read(fen, text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(read(fen, "c8").unwrap_err(), Illegal::PromotionMissing);
    assert_eq!(read(fen, "c7d8").unwrap_err(), Illegal::PromotionMissing);
    assert!(matches!(read(fen, "c8=K"), Err(Illegal::NotAllowed { .. } | Illegal::Unreadable)));
}

#[test]
fn spellings_of_ordinary_moves() {
    let start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    for (text, expected) in [
        ("e4", "e2e4"),
        ("е4", "e2e4"),
        ("e2e4", "e2e4"),
        ("E2-E4", "e2e4"),
        ("e2 e4", "e2e4"),
        ("1. e4!", "e2e4"),
        ("Nf3", "g1f3"),
        ("nf3", "g1f3"),
        ("Кf3", "g1f3"),
        ("кf3", "g1f3"),
        ("Ng1f3", "g1f3"),
        ("Кg1-f3", "g1f3"),
        ("с4", "c2c4"),
    ] {
        assert_eq!(read(start, text).as_deref(), Ok(expected), "{text}");
    }
    // A bishop and a pawn that could both be meant: letters in their own case decide, the pawn when they cannot.
    let both = "4k3/8/8/8/2p5/1P1B4/8/4K3 w - - 0 1";
    for (text, expected) in [("bxc4", "b3c4"), ("Bxc4", "d3c4"), ("С:c4", "d3c4"), ("Bc4", "d3c4")] {
        assert_eq!(read(both, text).as_deref(), Ok(expected), "{text}");
    }
    let bishop_only = "4k3/8/8/8/2p5/3B4/8/4K3 w - - 0 1";
    for text in ["bc4", "сc4", "сс4"] {
        assert_eq!(read(bishop_only, text).as_deref(), Ok("d3c4"), "{text}");
    }
}

#[test]
fn ambiguity_is_named() {
    let fen = "4k3/8/8/8/8/8/8/RN2KN1R w - - 0 1";
    match read(fen, "Nd2").unwrap_err() {
        Illegal::Ambiguous(mut names) => {
            names.sort();
            assert_eq!(names, ["Nbd2", "Nfd2"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(fen, "Кbd2").as_deref(), Ok("b1d2"));
    let rooks = "4k3/R7/8/8/8/8/8/R3K3 w - - 0 1";
    assert_eq!(read(rooks, "R1a4").as_deref(), Ok("a1a4"));
}

#[test]
fn in_check_is_said() {
    let checked = "4k3/8/8/8/8/8/4r3/R3K3 w Q - 0 1";
    assert_eq!(read(checked, "Ra5").unwrap_err(), Illegal::NotAllowed { in_check: true });
    assert_eq!(read(checked, "hello").unwrap_err(), Illegal::Unreadable);
}

#[test]
fn chat_is_not_a_move() {
    for text in ["", "да", "ok", "к", "привет", "12", "0", "e9", "i4", "a", "+", "-", "е4 и всё", "1.", "♟"]
    {
        assert!(!notation::is_notation(text), "{text}");
    }
}

#[test]
fn threefold_is_claimed_and_fivefold_ends() {
    let shuffle = "Nf3 Nf6 Ng1 Ng8 ";
    let twice = from_start(shuffle);
    assert_eq!(twice.draw_claim(), None);
    let thrice = from_start(&shuffle.repeat(2));
    assert_eq!(thrice.draw_claim(), Some(Reason::ThreefoldRepetition));
    assert_eq!(thrice.ending(), None);
    let moved_on = from_start(&format!("{}e4", shuffle.repeat(2)));
    assert_eq!(moved_on.draw_claim(), None);
    let five = from_start(&shuffle.repeat(4));
    assert_eq!(reason(five.as_ref()), Some(Reason::FivefoldRepetition));
}

#[test]
fn repetition_minds_castling_and_en_passant() {
    // Same pieces, but White may no longer castle: the first position does not count.
    let castle = position("4k3/8/8/8/8/8/8/4K2R w K - 0 1");
    let twice_without_rights = play(castle, "Ke2 Ke7 Ke1 Ke8 Ke2 Ke7 Ke1 Ke8");
    assert_eq!(twice_without_rights.draw_claim(), None);
    // A double step that no pawn can take en passant makes no difference.
    let harmless = position("4k3/7p/8/8/8/8/P7/4K3 w - - 0 1");
    let position = play(harmless, "a4 Kd8 Kd1 Ke8 Ke1 Kd8 Kd1 Ke8 Ke1");
    assert_eq!(position.draw_claim(), Some(Reason::ThreefoldRepetition));
}

/// Walks on with quiet moves that neither check nor repeat a position, a different piece each time, until `plies` of them stand.
fn quiet_walk(start: &str, plies: u16) -> State {
    let mut state = position(start);
    while state.quiet < plies {
        let legal = state.legal_moves();
        let turned = legal.iter().cycle().skip(usize::from(state.quiet) * 7 % legal.len());
        let next = turned.take(legal.len()).find_map(|text| {
            let next = state.play(notation::read(&state.board, text).ok()?);
            // A side that is not in check is never forced to capture, so the walk can always go on.
            let quiet = next.quiet > state.quiet && !next.in_check();
            (quiet && next.repetitions() == 1 && next.ending().is_none()).then_some(next)
        });
        state = next.expect("a quiet move that repeats nothing");
    }
    state
}

#[test]
fn fifty_moves_are_claimed_and_seventy_five_end() {
    let start = "4k2r/8/8/8/8/8/8/R3K3 w - - 0 1";
    let almost = quiet_walk(start, 99);
    assert_eq!(almost.draw_claim(), None);
    let fifty = quiet_walk(start, 100);
    assert_eq!(fifty.draw_claim(), Some(Reason::FiftyMoves));
    assert_eq!(fifty.ending(), None);
    let almost = quiet_walk(start, 149);
    let last = almost
        .legal_moves()
        .into_iter()
        .find_map(|text| {
            let outcome = almost.apply(almost.turn(), &text).ok()?;
            (reason(outcome.next.as_ref()) == Some(Reason::SeventyFiveMoves)).then_some(outcome)
        })
        .expect("a quiet move");
    assert!(last.next.legal_moves().is_empty());
    assert_eq!(last.next.state()["fen"].as_str().unwrap().split(' ').nth(4), Some("150"));
}

#[test]
fn mate_comes_before_seventy_five_moves() {
    let mut state = position("7k/8/6K1/8/8/8/8/R7 w - - 0 1");
    state.quiet = 149;
    let outcome = state.apply(Seat(0), "Ra8#").unwrap();
    assert_eq!(reason(outcome.next.as_ref()), Some(Reason::Checkmate));
}

#[test]
fn insufficient_material() {
    for (fen, dead) in [
        ("4k3/8/8/8/8/8/8/4K3 w - - 0 1", true),
        ("4k3/8/8/8/8/8/8/4KN2 w - - 0 1", true),
        ("4k3/8/8/8/8/8/8/4KB2 w - - 0 1", true),
        ("2b1k3/8/8/8/8/8/8/4KB2 w - - 0 1", true),
        ("4kb2/8/8/8/8/8/8/4KB2 w - - 0 1", false),
        ("4kn2/8/8/8/8/8/8/4KN2 w - - 0 1", false),
        ("4k3/8/8/8/8/8/8/3NKN2 w - - 0 1", false),
        ("4k3/7p/8/8/8/8/8/4K3 w - - 0 1", false),
        ("4k3/8/8/8/8/8/8/4K2R w - - 0 1", false),
    ] {
        let found = reason(&position(fen)) == Some(Reason::InsufficientMaterial);
        assert_eq!(found, dead, "{fen}");
    }
}

#[test]
fn the_board_in_characters() {
    let picture = from_start("e4").picture();
    let lines: Vec<&str> = picture.lines().collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0], "8 ♜ ♞ ♝ ♛ ♚ ♝ ♞ ♜");
    assert_eq!(lines[4], "4 · · · · ♙ · · ·");
    assert_eq!(lines[8], "  a b c d e f g h");
}

#[test]
fn moves_in_words() {
    assert_eq!(Chess.describe_move(1, "e4", Lang::Ru), "1.\u{a0}e4");
    assert_eq!(Chess.describe_move(12, "Nbxd7+", Lang::Ru), "6…\u{a0}Кbxd7+");
    assert_eq!(Chess.describe_move(11, "O-O-O", Lang::Ru), "6.\u{a0}0-0-0");
    assert_eq!(Chess.describe_move(11, "Kf1", Lang::En), "6.\u{a0}Kf1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_answered(text in ".{0,40}") {
        let position = State::from(Board::default());
        let _ = position.apply(Seat(0), &text);
        let _ = position.looks_like_move(&text);
    }

    #[test]
    fn any_text_of_the_alphabet_is_answered(text in "[a-hKQRBNPКФЛСкрфлспасех1-8xO0=+:. -]{0,9}") {
        for fen in ["r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", "8/PPPk4/8/8/8/8/4Kppp/8 w - - 0 1"] {
            let position = position(fen);
            if let Ok(outcome) = position.apply(Seat(0), &text) {
                prop_assert!(position.legal_moves().contains(&outcome.canonical));
            }
        }
    }

    /// Random play: every listed move is accepted in coordinates, SAN and Russian and leads to the same place; the game
    /// stays lawful; a mated side has no move.
    #[test]
    fn random_play(choices in prop::collection::vec(any::<prop::sample::Index>(), 1..160)) {
        let mut position: Box<dyn Position> = Box::new(State::from(Board::default()));
        for choice in choices {
            let legal = position.legal_moves();
            if legal.is_empty() {
                prop_assert!(position.ending().is_some());
                break;
            }
            let turn = position.turn();
            let text = &legal[choice.index(legal.len())];
            let outcome = position.apply(turn, text).unwrap();
            prop_assert_eq!(&outcome.canonical, text);
            for spelling in [outcome.notation.clone(), notation::russian(&outcome.notation)] {
                let same = position.apply(turn, &spelling).unwrap();
                prop_assert_eq!(&same.canonical, text, "{}", spelling);
            }
            prop_assert_eq!(position.apply(turn.other(), text).unwrap_err(), Illegal::NotYourTurn);
            let fen = outcome.next.state()["fen"].as_str().unwrap().to_owned();
            prop_assert!(fen.split(' ').count() == 6);
            position = outcome.next;
        }
    }
}
