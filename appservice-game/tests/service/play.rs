//! Whole games in every way they can be played.

use serde_json::json;

use crate::fake::{ANNA, Academy, BOT, Fake, IVAN, OLGA, ROOM};

#[tokio::test]
async fn tic_tac_toe_by_text() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!крестики").await;
    let waiting = academy.status("waiting").await;
    assert_eq!(waiting["players"], json!([{ "seat": "x", "user_id": IVAN }, { "seat": "o" }]));
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    for (ply, (who, text)) in
        [(IVAN, "5"), (ANNA, "1"), (IVAN, "!ход 3"), (ANNA, "2"), (IVAN, "7")].into_iter().enumerate()
    {
        academy.say(OLGA, "5").await;
        academy.say(who, text).await;
        academy.ply(ply as u64 + 1).await;
    }
    let block = academy.status("finished").await;
    assert_eq!(block["result"], json!({ "winner": "x", "reason": "three_in_a_row" }));
    assert_eq!(block["state"], json!({ "cells": "oox.x.x..", "line": [2, 4, 6] }));
    assert_eq!(academy.fake.refusals(), Vec::<String>::new());
    // One board message, edited; the reactions under it; nothing else but the greeting.
    let sent = academy.fake.sent.lock().unwrap();
    let boards =
        sent.iter().filter(|sent| sent.content["msgtype"] == "m.text" && sent.content.get("m.relates_to").is_none());
    assert_eq!(boards.count(), 1);
    let last = sent.iter().rev().find(|sent| sent.kind == "m.room.message").unwrap();
    assert_eq!(last.content["m.new_content"]["org.parta.game"], last.content["org.parta.game"]);
    assert!(last.content["body"].as_str().unwrap().contains("Победа: Иван (крестики)"));
}

#[tokio::test]
async fn tic_tac_toe_by_reactions_and_a_rematch() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!tictactoe @anna").await;
    assert_eq!(academy.status("waiting").await["invited"], ANNA);
    academy.offered("✋").await;
    academy.react(OLGA, "✋").await;
    assert_eq!(academy.refusal(0).await, "not_invited");
    academy.react(ANNA, "👍🏽").await;
    academy.status("playing").await;
    for (ply, (who, key)) in
        [(IVAN, "1️⃣"), (ANNA, "5️⃣"), (IVAN, "2️⃣"), (ANNA, "9️⃣"), (IVAN, "3️⃣")].into_iter().enumerate()
    {
        academy.react(who, key).await;
        academy.ply(ply as u64 + 1).await;
    }
    let finished = academy.status("finished").await;
    assert_eq!(finished["result"]["winner"], "x");
    academy.react(ANNA, "🔁").await;
    let again = academy.block("the rematch", |block| block["rematch_of"] == finished["game_id"]).await;
    assert_eq!(again["players"][0]["user_id"], ANNA);
    assert_eq!(again["invited"], IVAN);
    // To ask for a rematch that the other one has asked for is to accept it.
    academy.say(IVAN, "!rematch").await;
    academy.status("playing").await;
    academy.say(ANNA, "5").await;
    academy.ply(1).await;
    academy.react(IVAN, "🤝").await;
    academy.block("the offer", |block| block["draw_offer"] == "o").await;
    academy.react(ANNA, "🤝").await;
    assert_eq!(academy.status("finished").await["result"], json!({ "reason": "agreement" }));
}

#[tokio::test]
async fn an_invitation_is_refused_or_withdrawn() {
    let academy = Academy::open().await;
    for (who, how) in [(ANNA, "👎"), (IVAN, "👎"), (ANNA, "!отмена"), (IVAN, "!cancel")] {
        academy.say(IVAN, "!крестики @anna").await;
        academy.status("waiting").await;
        academy.offered("👎").await;
        if how.starts_with('!') {
            academy.say(who, how).await;
        } else {
            academy.react(who, how).await;
        }
        academy.status("cancelled").await;
    }
    assert_eq!(academy.fake.refusals(), Vec::<String>::new());
}

#[tokio::test]
async fn help_and_boards_in_both_languages() {
    let academy = Academy::open().await;
    for (help, word, start, lang, title) in [
        ("!игра", "!сдаюсь", "!игра шахматы", "ru", "Шахматы. Приглашает Иван"),
        ("!game", "!resign", "!play chess", "en", "Chess. Invitation from Иван"),
    ] {
        academy.say(IVAN, help).await;
        let said = |fake: &Fake| fake.notices().into_iter().find(|said| said.contains(word));
        academy.fake.until(help, said).await;
        academy.say(IVAN, start).await;
        academy.block(start, |block| block["status"] == "waiting" && block["lang"] == lang).await;
        // What a client without a native board shows.
        let board = academy.fake.board();
        let sent = academy.fake.sent.lock().unwrap();
        let content = &sent.iter().find(|sent| sent.event_id == board).unwrap().content;
        assert!(content["body"].as_str().unwrap().starts_with(title), "{content:#}");
        assert_eq!(content["format"], "org.matrix.custom.html");
        assert!(content["formatted_body"].as_str().unwrap().starts_with("<strong>"), "{content:#}");
    }
}

#[tokio::test]
async fn scholars_mate_by_text_and_replies() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!шахматы белые Анна").await;
    let waiting = academy.status("waiting").await;
    assert_eq!(waiting["invited"], ANNA);
    assert_eq!(waiting["players"][0]["user_id"], IVAN);
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    let moves = [(IVAN, "e2-e4"), (ANNA, "e5"), (IVAN, "Сc4"), (ANNA, "Кc6"), (IVAN, "Фh5"), (ANNA, "Nf6")];
    for (ply, (who, text)) in moves.into_iter().enumerate() {
        academy.say(who, text).await;
        academy.ply(ply as u64 + 1).await;
    }
    academy.say(ANNA, "Кf6").await;
    assert_eq!(academy.refusal(0).await, "not_your_turn");
    let board = academy.fake.board();
    let content = json!({
        "msgtype": "m.text",
        "body": "> <@games:academy> Шахматы\n> 8 …\n\nФxf7#",
        "m.relates_to": { "m.in_reply_to": { "event_id": board } },
    });
    academy.push(&[academy.event(ROOM, IVAN, "m.room.message", content)]).await;
    let block = academy.status("finished").await;
    assert_eq!(block["result"], json!({ "winner": "white", "reason": "checkmate" }));
    assert_eq!(block["moves"].as_array().unwrap().len(), 7);
    assert_eq!(block["last_move"]["notation"], "Qxf7#");
}

#[tokio::test]
async fn scholars_mate_by_native_events() {
    let academy = Academy::open().await;
    let act = |content| academy.native(IVAN, "org.parta.game.action", content);
    act(json!({ "action": "start", "kind": "chess", "opponent": ANNA, "seat": "white", "lang": "en" })).await;
    let waiting = academy.status("waiting").await;
    let game_id = waiting["game_id"].as_str().unwrap().to_owned();
    assert_eq!(waiting["lang"], "en");
    let board = academy.fake.board();
    let relation = json!({ "rel_type": "m.reference", "event_id": board });
    academy
        .native(
            ANNA,
            "org.parta.game.action",
            json!({ "action": "join", "game_id": game_id, "m.relates_to": relation }),
        )
        .await;
    academy.status("playing").await;
    let mv = |ply: u64, mv: &str| json!({ "game_id": game_id, "ply": ply, "move": mv, "m.relates_to": relation });
    let moves = ["e2e4", "e7e5", "f1c4", "b8c6", "d1h5", "g8f6", "h5f7"];
    for (index, text) in moves.iter().enumerate() {
        let ply = index as u64 + 1;
        let who = if index % 2 == 0 { IVAN } else { ANNA };
        academy.native(who, "org.parta.game.move", mv(ply, text)).await;
        let block = academy.ply(ply).await;
        assert_eq!(block["last_move"]["move"], *text);
        // The client did not hear the answer and asks again with another event.
        academy.native(who, "org.parta.game.move", mv(ply, text)).await;
    }
    let block = academy.status("finished").await;
    assert_eq!(block["result"], json!({ "winner": "white", "reason": "checkmate" }));
    assert_eq!(block["revision"], 9);
    assert_eq!(academy.fake.refusals(), Vec::<String>::new());

    // Everything that is wrong gets its code, and nothing changes.
    academy.native(ANNA, "org.parta.game.move", mv(7, "a7a6")).await;
    assert_eq!(academy.refusal(0).await, "stale_move");
    academy.native(ANNA, "org.parta.game.move", mv(8, "a7a6")).await;
    assert_eq!(academy.refusal(1).await, "not_playing");
    academy.native(ANNA, "org.parta.game.move", json!({ "game_id": "other", "ply": 1, "move": "e2e4" })).await;
    assert_eq!(academy.refusal(2).await, "unknown_game");
    academy.native(ANNA, "org.parta.game.action", json!({ "action": 5 })).await;
    assert_eq!(academy.refusal(3).await, "malformed");
    academy.native(ANNA, "org.parta.game.action", json!({ "action": "start", "kind": "go" })).await;
    assert_eq!(academy.refusal(4).await, "unknown_kind");
    let last = academy.fake.sent.lock().unwrap().last().unwrap().clone();
    assert_eq!(last.content["m.mentions"]["user_ids"], json!([ANNA]));
    assert_eq!(last.content["msgtype"], "m.notice");
}

#[tokio::test]
async fn refusals_before_the_end_of_a_game() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!chess @nobody").await;
    assert_eq!(academy.refusal(0).await, "opponent_unknown");
    academy.say(IVAN, "!chess white").await;
    academy.status("waiting").await;
    academy.offered("✋").await;
    academy.react(ANNA, "✋").await;
    academy.status("playing").await;
    academy.say(IVAN, "e2e5").await;
    assert_eq!(academy.refusal(1).await, "illegal_move");
    academy.native(OLGA, "org.parta.game.move", json!({
        "ply": 1, "move": "e2e4", "m.relates_to": { "rel_type": "m.reference", "event_id": academy.fake.board() },
    })).await;
    assert_eq!(academy.refusal(2).await, "not_a_player");
    academy.say(IVAN, "!nodraw").await;
    assert_eq!(academy.refusal(3).await, "no_draw_offer");
    // Talk is not a move, and other people's commands to other bots are none of ours.
    for text in ["Привет!", "как дела? e4 хороший ход", "!weather", "да"] {
        academy.say(IVAN, text).await;
    }
    academy.say(IVAN, "e4").await;
    academy.ply(1).await;
    academy.say(ANNA, "!сдаюсь").await;
    let block = academy.status("finished").await;
    assert_eq!(block["result"], json!({ "winner": "white", "reason": "resignation" }));
    assert_eq!(academy.fake.refusals().len(), 4);
}

/// Every further game by text, to an end that its rules make.
#[tokio::test]
async fn every_other_game_by_text() {
    for (command, moves, result) in [
        ("!шашки белые", "", None),
        ("!четыре", "1 2 1 2 1 2 1", Some(json!({ "winner": "red", "reason": "four_in_a_row" }))),
        ("!connect4", "1 1 2 2 3 3 4", Some(json!({ "winner": "red", "reason": "four_in_a_row" }))),
        ("!реверси чёрные", "e6 f4 e3 f6 g5 d6 e7 f5 c5", Some(json!({ "winner": "black", "reason": "most_discs" }))),
        (
            "!gomoku black",
            "h8 a1 i9 a2 j10 a3 k11 a4 l12",
            Some(json!({ "winner": "black", "reason": "five_in_a_row" })),
        ),
    ] {
        let academy = Academy::open().await;
        academy.say(IVAN, command).await;
        academy.status("waiting").await;
        academy.say(ANNA, "!играю").await;
        let begun = academy.status("playing").await;
        assert_eq!(begun["players"][0]["user_id"], IVAN, "{command}");
        if let Some(result) = result {
            for (ply, text) in moves.split(' ').enumerate() {
                academy.say(if ply % 2 == 0 { IVAN } else { ANNA }, text).await;
                academy.ply(ply as u64 + 1).await;
            }
            assert_eq!(academy.status("finished").await["result"], result, "{command}");
            assert_eq!(academy.fake.refusals(), Vec::<String>::new(), "{command}");
        } else {
            draughts(&academy).await;
        }
    }
}

/// A forced take, and the rest of the game by whatever the board allows: it ends, and every move was told with its player.
async fn draughts(academy: &Academy) {
    for (ply, text) in ["c3-d4", "f6-e5"].into_iter().enumerate() {
        academy.say(if ply == 0 { IVAN } else { ANNA }, text).await;
        academy.ply(ply as u64 + 1).await;
    }
    academy.say(IVAN, "a3-b4").await;
    assert_eq!(academy.refusal(0).await, "illegal_move");
    let mut block = academy.ply(2).await;
    assert_eq!(block["legal_moves"], json!(["d4f6"]));
    let mut ply = 2;
    while block["status"] == "playing" {
        let who = if block["turn"] == "white" { IVAN } else { ANNA };
        // The last one keeps the pieces from going to and fro at the edge.
        let text = block["legal_moves"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        let seat = block["turn"].clone();
        academy.say(who, &text).await;
        ply += 1;
        block = academy.ply(ply).await;
        assert_eq!((&block["last_move"]["seat"], &block["last_move"]["move"]), (&seat, &json!(text)));
    }
    assert_eq!(block["status"], "finished");
    assert_eq!(academy.fake.refusals().len(), 1);
}

/// A lone pupil plays: the computer answers every move by itself, is resumed after a restart, and ends the game.
#[tokio::test]
async fn against_the_computer() {
    let mut academy = Academy::open().await;
    academy.say(IVAN, "!крестики компьютер").await;
    assert_eq!(academy.refusal(0).await, "no_computer");
    academy.say(IVAN, "!шашки компьютер легко белые").await;
    let begun = academy.status("playing").await;
    assert_eq!((&begun["computer"], &begun["players"][0]["user_id"]), (&json!("easy"), &json!(IVAN)));
    assert_eq!(begun["players"][1]["user_id"], json!(BOT));
    academy.say(IVAN, "!ничья").await;
    assert_eq!(academy.refusal(1).await, "computer_plays_on");
    let mut block = begun;
    for round in 0..40 {
        let ply = block["ply"].as_u64().unwrap();
        assert_eq!(block["turn"], "white");
        academy.say(IVAN, block["legal_moves"][0].as_str().unwrap()).await;
        if round == 2 {
            academy.restart().await;
        }
        block = academy
            .block("the computer's answer", |block| {
                block["status"] == "finished" || block["ply"].as_u64() >= Some(ply + 2)
            })
            .await;
        if block["status"] == "finished" {
            break;
        }
    }
    if block["status"] == "playing" {
        academy.say(IVAN, "!сдаюсь").await;
        block = academy.status("finished").await;
        assert_eq!(block["result"]["winner"], "black");
    }
    let moves = block["moves"].as_array().unwrap().len();
    assert_eq!(moves as u64, block["ply"].as_u64().unwrap());
    // Again, with the other side: the computer begins.
    academy.say(IVAN, "!реванш").await;
    let again =
        academy.block("the rematch", |again| again["rematch_of"] == block["game_id"] && again["ply"] == 1).await;
    assert_eq!((&again["players"][1]["user_id"], &again["turn"]), (&json!(IVAN), &json!("black")));
}

#[tokio::test]
async fn against_the_computer_on_a_native_board() {
    let academy = Academy::open().await;
    let start = |strength: &str| json!({ "action": "start", "kind": "chess", "opponent": BOT, "seat": "black", "strength": strength });
    academy.native(IVAN, "org.parta.game.action", start("godlike")).await;
    assert_eq!(academy.refusal(0).await, "malformed");
    academy.native(IVAN, "org.parta.game.action", start("medium")).await;
    let block = academy.ply(1).await;
    assert_eq!(academy.fake.refusals().len(), 1);
    let easy = json!({ "action": "start", "kind": "draughts", "seat": "black", "strength": "easy" });
    academy.native(IVAN, "org.parta.game.action", easy).await;
    academy
        .block("draughts", |block| block["kind"] == "draughts" && block["computer"] == "easy" && block["ply"] == 1)
        .await;
    assert_eq!((&block["computer"], &block["last_move"]["seat"]), (&json!("medium"), &json!("white")));
}
