//! Boards in the conversation and beside it.

use parta_client::model::{game::Wish, update::Member};
use serde_json::json;

use super::*;

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/// A board message of a chess game between Anna, who has white, and Ivan; `more` is put over it.
fn chess(key: &str, more: &serde_json::Value) -> Message {
    let mut block = json!({
        "version": 1, "game_id": "c", "kind": "chess", "revision": 1, "status": "playing", "creator": "@anna:academy",
        "players": [{"seat": "white", "user_id": "@anna:academy"}, {"seat": "black", "user_id": "@ivan:academy"}],
        "turn": "white", "ply": 0, "state": {"fen": START, "check": false},
        "legal_moves": ["e2e3", "e2e4", "g1f3"], "moves": [],
    });
    for (name, value) in more.as_object().unwrap() {
        block[name] = value.clone();
    }
    let board = Box::new(game::parse(&json!({ "org.parta.game": block })).unwrap());
    Message {
        body: Body::Game { board, text: "доска в знаках".into() },
        ..Message::words(key, "@games:academy", "Игры", "")
    }
}

fn in_class(language: &str) -> Window {
    open(language).tall().signed_in().in_class()
}

fn played(window: &Window, wanted: &str) -> bool {
    window.asked(|command| matches!(command, Command::Game(Wish::Play { made, .. }) if made == wanted))
}

fn a_move_is_made(language: &str, from: &str, sending: &str) {
    let window = in_class(language);
    window.says(chess("$game", &json!({})));
    window.press(from);
    assert!(!window.asked(|command| matches!(command, Command::Game(_))));
    window.press("e4");
    assert!(played(&window, "e2e4"));
    assert!(window.find(sending).is_some());
}

#[test]
fn a_move_is_made_in_the_conversation_in_russian() {
    a_move_is_made("ru", "e2, белая пешка", "Ход отправляется…");
}

#[test]
fn a_move_is_made_in_the_conversation_in_english() {
    a_move_is_made("en", "e2, white pawn", "Sending the move…");
}

#[test]
fn only_the_newest_board_of_a_game_is_live() {
    let window = in_class("ru");
    window.says(chess("$old", &json!({})));
    assert!(window.find("Доска ниже").is_none());
    window.says(chess("$new", &json!({ "revision": 2 })));
    let boards = ElementHandle::find_by_accessible_label(window.view.window(), "e2, белая пешка").count();
    assert_eq!(boards, 1, "one board for one game");
    window.press("Доска ниже");
    assert_eq!(window.view.window().global::<ui::Talk>().get_sought(), "$new");
}

#[test]
fn a_board_of_somebody_else_is_not_believed() {
    let window = in_class("ru");
    window.says(chess("$game", &json!({})));
    let forged = chess("$forged", &json!({ "revision": 9, "status": "finished", "legal_moves": [] }));
    window.says(Message { sender: "@oleg:academy".into(), ..forged });
    window.press("e2, белая пешка");
    window.press("e4");
    assert!(played(&window, "e2e4"));
}

#[test]
fn giving_up_is_asked_about() {
    let window = in_class("en");
    window.says(chess("$game", &json!({})));
    window.press("Resign");
    assert!(!window.asked(|command| matches!(command, Command::Game(_))));
    window.press("Yes, resign");
    assert!(window.asked(|command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "resign")));
}

#[test]
fn an_invitation_is_answered_in_the_conversation() {
    let window = in_class("ru");
    let waiting = json!({
        "status": "waiting", "creator": "@ivan:academy", "invited": "@anna:academy", "legal_moves": [], "turn": null,
        "players": [{"seat": "white", "user_id": "@ivan:academy"}, {"seat": "black"}],
    });
    window.says(chess("$game", &waiting));
    assert!(window.find("Отклонить").is_some());
    window.press("Играть");
    assert!(window.asked(|command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "join")));
}

#[test]
fn what_a_pawn_becomes_is_chosen() {
    let window = in_class("ru");
    let pawn = json!({
        "state": {"fen": "8/P7/8/8/8/8/8/k6K w - - 0 1", "check": false},
        "legal_moves": ["a7a8q", "a7a8r", "a7a8b", "a7a8n"],
    });
    window.says(chess("$game", &pawn));
    window.press("a7, белая пешка");
    window.press("a8");
    window.press("Конь");
    assert!(played(&window, "a7a8n"));
}

#[test]
fn moves_of_an_encrypted_room_go_out_once_the_person_knows() {
    let window = in_class("ru");
    let details = RoomDetails { can_write: true, encrypted: true, ..RoomDetails::default() };
    window.view.apply(Update::Details { room: "!class".into(), details });
    window.says(chess("$game", &json!({})));
    window.press("e2, белая пешка");
    window.press("e4");
    assert!(!played(&window, "e2e4"), "not before it is known");
    assert!(window.find("Играть в зашифрованной комнате?").is_some());
    window.press("Отменить");
    assert!(!played(&window, "e2e4"));
    window.press("e2, белая пешка");
    window.press("e4");
    window.press("Понятно, играть");
    assert!(played(&window, "e2e4"));
    // And is not asked again.
    window.comes(VectorDiff::Set {
        index: 1,
        value: Item::from(chess("$game", &json!({ "revision": 3, "ply": 2, "legal_moves": ["g1f3"] }))),
    });
    window.press("g1, белый конь");
    window.press("f3");
    assert!(played(&window, "g1f3"));
}

#[test]
fn a_refusal_is_said_at_the_board() {
    let window = in_class("en");
    window.says(chess("$game", &json!({})));
    window.press("e2, white pawn");
    window.press("e4");
    window.says(Message {
        refusal: Some("c".into()),
        ..Message::words("$no", "@games:academy", "Games", "That move is not possible.")
    });
    let said = ElementHandle::find_by_accessible_label(window.view.window(), "That move is not possible.").count();
    assert!(said > 0);
    assert!(window.find("Sending the move…").is_none(), "another can be tried");
}

#[test]
fn an_opponent_is_chosen() {
    let window = in_class("ru");
    let member = |id: &str, name: &str| Member {
        id: id.into(),
        name: name.into(),
        level: 0,
        invited: false,
        avatar: String::new(),
    };
    let members =
        vec![member("@anna:academy", "Анна"), member("@ivan:academy", "Иван"), member("@games:academy", "Игры")];
    window.view.apply(Update::Members { room: "!class".into(), members });
    window.press("Игры");
    window.press("Крестики-нолики");
    window.press("За нолики");
    window.press("Любой в комнате");
    window.press("Пригласить играть");
    assert!(window.asked(|command| matches!(
        command,
        Command::Game(Wish::Start { kind, opponent: game::Opponent::Anyone, seat, lang, .. })
            if kind == "tictactoe" && seat == "o" && lang == "ru"
    )));
    assert_eq!(
        window.view.window().global::<ui::Games>().get_opponents().row_count(),
        1,
        "neither oneself nor the bot"
    );
    // Games are off on this server.
    window.view.apply(Update::Failed(Failure::NoGames));
    assert!(window.find("Пригласить играть").is_some());
}

#[test]
fn a_finished_game_is_gone_through_again() {
    let window = in_class("ru");
    let finished = json!({
        "status": "finished", "legal_moves": [], "turn": null, "ply": 4, "revision": 7,
        "moves": ["f2f3", "e7e5", "g2g4", "d8h4"], "result": {"winner": "black", "reason": "checkmate"},
        "state": {"fen": "rnb1kbnr/pppp1ppp/8/4p3/6Pq/5P2/PPPPP2P/RNBQKBNR w KQkq - 1 3", "check": true},
    });
    window.says(chess("$game", &finished));
    window.press("Открыть рядом");
    assert!(window.find("Последний ход: Фh4#").is_some());
    window.press("Записать партию в комнату (PGN)");
    assert!(window.asked(|command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "pgn")));
    let games = || window.view.window().global::<ui::Games>().get_replay();
    assert_eq!(games(), -1);
    window.press("На ход назад");
    assert_eq!(games(), 3);
    assert!(window.find("d8, чёрный ферзь").is_some());
    window.press("К началу");
    assert_eq!(games(), 0);
    window.press("К последнему ходу");
    assert_eq!(games(), -1);
}

/// A board of stones, or of draughts, with Anna at turn.
fn board(kind: &str, state: &serde_json::Value, legal: &[&str]) -> Message {
    chess("$game", &json!({ "kind": kind, "state": state, "legal_moves": legal }))
}

#[test]
fn every_kind_is_played_by_pressing() {
    let columns = format!("{}r{}", ".".repeat(35), ".".repeat(6));
    let pieces =
        ["........", "........", ".....b..", "........", "...b....", "..w.....", "........", "........"].concat();
    let corner = format!("b{}", ".".repeat(224));
    for (kind, state, legal, presses, made) in [
        ("draughts", json!({ "cells": pieces }), ["c3e5g7"].as_slice(), ["c3, белая шашка", "g7"].as_slice(), "c3e5g7"),
        ("connectfour", json!({ "cells": columns }), &["1", "2"], &["2-4"], "2"),
        ("reversi", json!({ "cells": ".".repeat(64) }), &["d3", "c4"], &["c4"], "c4"),
        ("gomoku", json!({ "cells": corner }), &["b14", "o1"], &["o1"], "o1"),
    ] {
        std::thread::spawn(move || {
            let window = in_class("ru");
            window.says(board(kind, &state, legal));
            for name in presses {
                window.press(name);
            }
            assert!(played(&window, made), "{kind}");
        })
        .join()
        .unwrap();
    }
}

#[test]
fn pieces_and_results_are_said_in_both_languages() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.view.window().window().set_size(slint::PhysicalSize::new(1366, 1600));
        let cells = format!("wWbB{}", ".".repeat(60));
        window.says(board("draughts", &json!({ "cells": cells }), &[]));
        for name in [("b8, белая дамка", "b8, white king"), ("c8, чёрная шашка", "c8, black man")]
        {
            assert!(window.find(window.either(name)).is_some(), "{name:?}");
        }
        let finished = json!({
            "kind": "reversi", "game_id": "r", "status": "finished", "turn": null, "legal_moves": [],
            "state": { "cells": format!("bw{}", ".".repeat(62)) }, "result": { "reason": "equal_discs" },
        });
        window.says(chess("$over", &finished));
        assert!(window.find(window.either(("b1, белая фишка", "b1, white stone"))).is_some());
        let result = ("Ничья: фишек поровну", "Draw: as many stones on each side");
        assert!(window.find(window.either(result)).is_some());
    });
}

#[test]
fn who_is_alone_plays_against_the_computer() {
    for (language, words) in [
        ("ru", ["Игры", "Шашки", "Компьютер", "Сложно", "Играть"]),
        ("en", ["Games", "Draughts", "The computer", "Strongly", "Play"]),
    ] {
        std::thread::spawn(move || {
            let window = in_class(language);
            for word in words {
                window.press(word);
            }
            assert!(window.asked(|command| matches!(
                command,
                Command::Game(Wish::Start { kind, opponent: game::Opponent::Computer("hard"), .. }) if kind == "draughts"
            )));
        })
        .join()
        .unwrap();
    }
}

#[test]
fn the_computer_does_not_play_all_games() {
    let window = in_class("ru");
    window.press("Игры");
    assert!(window.find("Компьютер").is_some());
    window.press("Гомоку");
    assert!(window.find("Компьютер").is_none());
}

#[test]
fn any_game_can_be_chosen() {
    for (game, side, kind, seat) in [
        ("Шашки", "Чёрными", "draughts", "black"),
        ("Четыре в ряд", "Жёлтыми", "connectfour", "yellow"),
        ("Реверси", "Чёрными", "reversi", "black"),
        ("Гомоку", "Белыми", "gomoku", "white"),
        ("Морской бой", "Стреляю вторым", "battleship", "second"),
    ] {
        std::thread::spawn(move || {
            let window = in_class("ru");
            window.press("Игры");
            window.press(game);
            window.press(side);
            window.press("Пригласить играть");
            assert!(window.asked(|command| matches!(
                command,
                Command::Game(Wish::Start { kind: asked, seat: place, .. }) if asked == kind && place == seat
            )));
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_game_of_another_kind_is_shown_in_words() {
    let window = in_class("en");
    window.says(chess("$game", &json!({ "kind": "go", "legal_moves": [], "moves": ["a1"] })));
    assert!(window.find("a1").is_none(), "there is no board");
    assert!(window.find("Resign").is_some());
}

/// A board of battleship with Anna at turn: one ship of Ivan's is hit, and one shot at her own sea.
fn sea(revision: u64) -> Message {
    let (first, second) = (format!("o{}", ".".repeat(99)), format!(".x{}", ".".repeat(98)));
    let legal: Vec<&str> = vec!["a1", "c1", "j10"];
    chess(
        "$sea",
        &json!({
            "kind": "battleship", "game_id": "b", "revision": revision, "turn": "first", "ply": 2, "legal_moves": legal,
            "players": [{"seat": "first", "user_id": "@anna:academy"}, {"seat": "second", "user_id": "@ivan:academy"}],
            "state": {
                "seas": { "first": first, "second": second }, "afloat": { "first": [4, 3, 3], "second": [4, 3, 3, 2, 1, 1] },
            },
            "last_move": { "ply": 2, "seat": "second", "move": "a1", "notation": "a1" },
        }),
    )
}

fn told(sender: &str, seat: &str) -> Update {
    let cells = format!("..s{}", ".".repeat(97));
    let content = json!({ "version": 1, "game_id": "b", "revision": 1, "seat": seat, "state": { "cells": cells } });
    Update::Hand(game::Hand::parse(sender, &content).unwrap())
}

#[test]
fn ships_of_ones_own_are_seen_and_others_fired_at() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.view.window().window().set_size(slint::PhysicalSize::new(1366, 1600));
        window.says(sea(3));
        for words in [("b1, попадание", "b1, hit"), ("a1, мимо", "a1, miss"), ("Ваше море", "Your sea")]
        {
            assert!(window.find(window.either(words)).is_some(), "{words:?}");
        }
        let ships = (
            "Осталось кораблей в четыре, три, две и одну клетку: 1, 2, 1, 2",
            "Ships left of four, three, two and one fields: 1, 2, 1, 2",
        );
        assert!(window.find(window.either(ships)).is_some());
        // Only the bot is believed, and only about one's own ships.
        let own = window.either(("c1, корабль", "c1, ship"));
        for wrong in [told("@ivan:academy", "first"), told("@games:academy", "second")] {
            window.view.apply(wrong);
            assert!(window.find(own).is_none());
        }
        window.press("c1");
        assert!(played(window, "c1"));
    });
}

#[test]
fn what_the_bot_told_is_asked_for_once_where_it_is_missing() {
    let window = in_class("ru");
    let asked = || {
        let is_hand =
            |command: &Command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "hand");
        window.commands.borrow().iter().filter(|command| is_hand(command)).count()
    };
    window.says(sea(3));
    window.says(sea(4));
    assert_eq!(asked(), 1);
    assert!(window.find("c1, корабль").is_none());
    window.view.apply(told("@games:academy", "first"));
    assert!(window.find("c1, корабль").is_some());
    assert!(window.find("Переставить корабли").is_none(), "somebody has fired at them");
    assert!(window.find("Предложить ничью").is_none());
}

#[test]
fn ships_are_laid_out_anew_before_the_first_shot() {
    let window = in_class("en");
    let untouched = json!({
        "kind": "battleship", "game_id": "b", "turn": "second", "legal_moves": [],
        "players": [{"seat": "first", "user_id": "@anna:academy"}, {"seat": "second", "user_id": "@ivan:academy"}],
        "state": { "seas": { "first": ".".repeat(100), "second": ".".repeat(100) } },
    });
    window.says(chess("$sea", &untouched));
    window.press("Lay the ships out anew");
    assert!(window.asked(|command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "arrange")));
}

/// A word that Ivan asked the room.
fn word(more: &serde_json::Value) -> Message {
    let mut block = json!({
        "kind": "hangman", "game_id": "w", "revision": 4, "open": true, "creator": "@ivan:academy", "ply": 2,
        "players": [{"seat": "guessers"}], "turn": "guessers", "legal_moves": ["а", "к", "л", "о"],
        "state": {
            "word": "с___", "tried": ["с", "щ"], "missed": ["щ"], "mistakes": 1, "most": 8, "alphabet": "авклосщ",
        },
        "last_move": { "ply": 2, "seat": "guessers", "user_id": "@oleg:academy", "move": "щ", "notation": "щ" },
    });
    for (name, value) in more.as_object().unwrap() {
        block[name] = value.clone();
    }
    chess("$word", &block)
}

#[test]
fn everybody_names_letters() {
    in_both_languages(|window| {
        window.sign_in();
        window.enter_class();
        window.view.window().window().set_size(slint::PhysicalSize::new(1366, 1600));
        window.says(word(&json!({})));
        let said = [
            ("Слово: с _ _ _", "The word: с _ _ _"),
            ("Назовите букву. Попыток: 7", "Name a letter. Tries left: 7"),
            ("oleg: щ", "oleg said: щ"),
        ];
        for words in said {
            assert!(window.find(window.either(words)).is_some(), "{words:?}");
        }
        assert!(window.find(window.either(("Сдаться и показать слово", "Give up and show the word"))).is_none());
        window.press("Щ");
        assert!(!window.asked(|command| matches!(command, Command::Game(_))), "it was said before");
        window.press("О");
        assert!(played(window, "о"));
    });
}

#[test]
fn the_whole_word_is_said_beside() {
    let window = in_class("ru");
    window.says(word(&json!({ "creator": "@anna:academy" })));
    window.press("Открыть рядом");
    window.write("Слово целиком", "сов");
    window.press("Назвать");
    assert!(window.find("Букв в слове: 4").is_some());
    window.write("Слово целиком", "Сова");
    window.press("Назвать");
    assert!(played(&window, "сова"));
    window.press("Сдаться и показать слово");
    window.press("Да, сдаться");
    assert!(window.asked(|command| matches!(command, Command::Game(Wish::Act { action, .. }) if action == "resign")));
}

#[test]
fn a_word_is_guessed_or_not() {
    for (reason, state, line) in [
        ("word_guessed", json!({ "word": "сова", "answer": "сова" }), "Слово угадано: oleg"),
        ("hanged", json!({ "word": "с___", "answer": "сова", "mistakes": 8 }), "Не угадано. Слово: сова"),
        ("given_up", json!({ "word": "с___", "answer": "сова", "mistakes": 1 }), "Сдались. Слово: сова"),
    ] {
        std::thread::spawn(move || {
            let window = in_class("ru");
            window.says(word(&json!({ "status": "finished", "state": state, "result": { "reason": reason } })));
            assert!(window.find(line).is_some(), "{reason}");
            window.press("Сыграть ещё раз");
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_game_of_the_whole_room_needs_no_opponent() {
    let window = in_class("ru");
    window.press("Игры");
    window.press("Виселица");
    assert!(window.find("Любой в комнате").is_none());
    window.press("Играть");
    assert!(window.asked(|command| matches!(
        command,
        Command::Game(Wish::Start { kind, seat, .. }) if kind == "hangman" && seat.is_empty()
    )));
    // It begins at once, and is shown beside.
    window.says(word(&json!({ "creator": "@anna:academy" })));
    assert_eq!(window.view.window().global::<ui::Games>().get_shown(), "w");
    assert!(!window.view.window().global::<ui::Games>().get_starting());
}

#[test]
fn stones_are_counted_and_who_was_passed_over_is_named() {
    let window = in_class("ru");
    let state = json!({
        "cells": format!("b{}", ".".repeat(63)), "discs": { "black": 12, "white": 8 }, "passed": "black",
    });
    window.says(chess(
        "$game",
        &json!({
            "kind": "reversi", "state": state, "turn": "white",
            "players": [{"seat": "black", "user_id": "@anna:academy"}, {"seat": "white", "user_id": "@ivan:academy"}],
        }),
    ));
    assert!(window.find("anna · 12").is_some() && window.find("ivan · 8").is_some());
    assert!(window.find("Хода нет: anna").is_some());
}
