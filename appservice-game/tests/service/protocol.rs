//! The endpoint itself, rooms, and what must not happen.

use serde_json::{Value, json};

use crate::fake::{ANNA, Academy, BOT, HS_TOKEN, IVAN, ROOM};

#[tokio::test]
async fn who_may_push_and_what() {
    let academy = Academy::open().await;
    let base = format!("{}/_matrix/app/v1", academy.address);
    let put = |path: &str| academy.http.put(format!("{base}{path}"));
    let get = |path: &str| academy.http.get(format!("{base}{path}"));
    for (request, status, errcode) in [
        (put("/transactions/1").body("{}"), 401, "M_MISSING_TOKEN"),
        (put("/transactions/1").bearer_auth("homeserver-tokem").body("{}"), 403, "M_FORBIDDEN"),
        // The space after "Bearer" does not survive the way: no token at all.
        (put("/transactions/1").bearer_auth("").body("{}"), 401, "M_MISSING_TOKEN"),
        (put("/transactions/1").bearer_auth(HS_TOKEN).body("{"), 400, "M_NOT_JSON"),
        (put("/transactions/1").bearer_auth(HS_TOKEN).body(vec![0xff, 0xfe]), 400, "M_NOT_JSON"),
        (put("/transactions/1").bearer_auth(HS_TOKEN).body("[]"), 400, "M_BAD_JSON"),
        (put("/transactions/1").bearer_auth(HS_TOKEN).body(r#"{"events": 3}"#), 400, "M_BAD_JSON"),
        (get("/users/@games:academy"), 401, "M_MISSING_TOKEN"),
        (get("/users/@other:academy").bearer_auth(HS_TOKEN), 404, "M_NOT_FOUND"),
        (get("/rooms/%23any:academy").bearer_auth(HS_TOKEN), 404, "M_NOT_FOUND"),
        (get("/nothing").bearer_auth(HS_TOKEN), 404, "M_UNRECOGNIZED"),
        (get("/ping").bearer_auth(HS_TOKEN), 405, "M_UNRECOGNIZED"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{errcode}");
        assert_eq!(answer.json::<Value>().await.unwrap()["errcode"], errcode);
    }
    let answer = get("/users/@games:academy").bearer_auth(HS_TOKEN).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let health = academy.http.get(format!("{}/health", academy.address)).send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn events_of_any_shape_are_survived() {
    let academy = Academy::open().await;
    let mut events = vec![json!(null), json!(7), json!({}), json!({ "event_id": 5 })];
    for kind in ["m.room.message", "m.reaction", "org.parta.game.move", "org.parta.game.action"] {
        for content in [
            json!(null),
            json!([]),
            json!("text"),
            json!({ "body": 5, "msgtype": "m.text" }),
            json!({ "body": "!шахматы @", "msgtype": "m.text", "m.mentions": 5 }),
            json!({ "m.relates_to": "x" }),
            json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "nonsense", "key": "✋" } }),
            json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": 5, "key": {} } }),
            json!({ "action": "join", "game_id": "x".repeat(100_000) }),
            json!({ "game_id": [], "ply": -1, "move": {} }),
            json!({ "action": "start", "kind": "chess", "opponent": 5 }),
            json!({ "action": "start", "kind": "chess", "seat": "sofa" }),
        ] {
            events.push(academy.event(ROOM, IVAN, kind, content));
        }
    }
    for membership in [json!("join"), json!(5), json!(null)] {
        let mut event = academy.event(ROOM, IVAN, "m.room.member", json!({ "membership": membership }));
        event["state_key"] = json!("not a user");
        events.push(event);
    }
    academy.push(&events).await;
    academy.say(IVAN, "!крестики").await;
    academy.status("waiting").await;
}

#[tokio::test]
async fn answers_are_bounded() {
    let academy = Academy::open().await;
    let events: Vec<_> = (0..50)
        .map(|_| {
            let content = json!({ "msgtype": "m.text", "body": "!игра" });
            academy.event(ROOM, IVAN, "m.room.message", content)
        })
        .collect();
    academy.push(&events).await;
    // The board stands behind all answers in the room's order.
    academy.say(IVAN, "!крестики").await;
    academy.status("waiting").await;
    let notices = academy.fake.notices().len();
    assert!((2..=8).contains(&notices), "{notices}");
    // Notices of other bots are not commands.
    let content = json!({ "msgtype": "m.notice", "body": "!играю" });
    academy.push(&[academy.event(ROOM, ANNA, "m.room.message", content)]).await;
    let content = json!({ "msgtype": "m.text", "body": "!играю" });
    academy.push(&[academy.event(ROOM, BOT, "m.room.message", content)]).await;
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
}

/// What is edited or deleted was a move all the same, and it is said so; of other messages nothing is said.
#[tokio::test]
async fn a_move_stays_however_its_message_changes() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!шахматы белые").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    let text = |body: &str| json!({ "msgtype": "m.text", "body": body });
    let (talk, made) = (
        academy.event(ROOM, IVAN, "m.room.message", text("ну что")),
        academy.event(ROOM, IVAN, "m.room.message", text("e4")),
    );
    academy.push(&[talk.clone(), made.clone()]).await;
    academy.ply(1).await;
    let edit = |event: &Value, body: &str| {
        let mut content = text(&format!("* {body}"));
        content["m.new_content"] = text(body);
        content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": event["event_id"] });
        academy.event(ROOM, IVAN, "m.room.message", content)
    };
    academy.push(&[edit(&talk, "ну?"), edit(&made, "d4")]).await;
    assert_eq!(academy.refusal(0).await, "move_stands");
    // Both forms of a redaction, before and since room version 11.
    let mut old = academy.event(ROOM, IVAN, "m.room.redaction", json!({}));
    old["redacts"] = made["event_id"].clone();
    let new = academy.event(ROOM, IVAN, "m.room.redaction", json!({ "redacts": made["event_id"] }));
    let other = academy.event(ROOM, IVAN, "m.room.redaction", json!({ "redacts": talk["event_id"] }));
    academy.push(&[old, other, new]).await;
    assert_eq!(academy.refusal(2).await, "move_stands");
    academy.say(ANNA, "e5").await;
    assert_eq!(academy.ply(2).await["moves"], json!(["e2e4", "e7e5"]));
    assert_eq!(academy.fake.refusals().len(), 3);
    // The whole of it for other programs.
    academy.say(IVAN, "!запись").await;
    let written = |notice: &&String| notice.contains("1. e4 e5 *");
    let told = academy.fake.until("the game", |fake| fake.notices().iter().find(written).cloned()).await;
    assert!(told.contains("[Date \"2023.11.1"), "{told}");
}

/// A homeserver that sends transactions in the wrong order and twice does not spoil a game: what comes too early is refused,
/// its repetition is not looked at, and the player's next try is taken.
#[tokio::test]
async fn transactions_in_the_wrong_order() {
    let academy = Academy::open().await;
    let start = json!({ "action": "start", "kind": "chess", "opponent": ANNA, "seat": "white" });
    academy.native(IVAN, "org.parta.game.action", start).await;
    let game_id = academy.status("waiting").await["game_id"].clone();
    academy.native(ANNA, "org.parta.game.action", json!({ "action": "join", "game_id": game_id })).await;
    academy.status("playing").await;
    let made = |who: &str, ply: u64, text: &str| {
        let content = json!({ "game_id": game_id, "ply": ply, "move": text });
        academy.event(ROOM, who, "org.parta.game.move", content)
    };
    let (first, second) = (made(IVAN, 1, "e2e4"), made(ANNA, 2, "e7e5"));
    assert_eq!(academy.transaction("late", std::slice::from_ref(&second)).await.unwrap(), 200);
    assert_eq!(academy.refusal(0).await, "stale_move");
    assert_eq!(academy.transaction("early", std::slice::from_ref(&first)).await.unwrap(), 200);
    academy.ply(1).await;
    for (name, events) in [("late", vec![second.clone()]), ("again", vec![second, first])] {
        assert_eq!(academy.transaction(name, &events).await.unwrap(), 200);
    }
    academy.push(&[made(ANNA, 2, "e7e5")]).await;
    assert_eq!(academy.ply(2).await["moves"], json!(["e2e4", "e7e5"]));
    assert_eq!(academy.fake.refusals(), ["stale_move"]);
}

#[tokio::test]
async fn an_encrypted_room_is_told_so() {
    let mut academy = Academy::prepared().await;
    academy.start().await;
    academy.fake.encrypted.lock().unwrap().push("!secret:academy".to_owned());
    academy.invite("!secret:academy").await;
    let notice = academy.fake.until("the sentence", |fake| fake.notices().first().cloned()).await;
    assert!(notice.contains("зашифрована") && notice.contains("encrypted"), "{notice}");
    // A room that is encrypted later.
    academy.invite(ROOM).await;
    academy.fake.until("the greeting", |fake| fake.notices().get(1).cloned()).await;
    let mut event = academy.event(ROOM, IVAN, "m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    event["state_key"] = json!("");
    academy.push(&[event]).await;
    let notice = academy.fake.until("the sentence again", |fake| fake.notices().get(2).cloned()).await;
    assert!(notice.contains("зашифрована"), "{notice}");
}

#[tokio::test]
async fn native_boards_play_in_an_encrypted_room() {
    let academy = Academy::open().await;
    let mut event = academy.event(ROOM, IVAN, "m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    event["state_key"] = json!("");
    academy.push(&[event]).await;
    let start = json!({ "action": "start", "kind": "chess", "opponent": ANNA, "seat": "white" });
    academy.native(IVAN, "org.parta.game.action", start).await;
    let game_id = academy.status("waiting").await["game_id"].clone();
    academy.native(ANNA, "org.parta.game.action", json!({ "action": "join", "game_id": game_id })).await;
    academy.status("playing").await;
    let content = json!({ "ply": 1, "move": "e2e4", "game_id": game_id });
    academy.native(IVAN, "org.parta.game.move", content).await;
    academy.ply(1).await;
}

#[tokio::test]
async fn the_bot_leaves_when_alone_and_a_player_who_leaves_has_lost() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!крестики").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    academy.say(IVAN, "5").await;
    academy.ply(1).await;
    academy.push(&[academy.member(ROOM, ANNA, ANNA, "leave")]).await;
    let block = academy.status("finished").await;
    assert_eq!(block["result"], json!({ "winner": "x", "reason": "left_room" }));
    assert!(academy.fake.left.lock().unwrap().is_empty());
    academy.fake.members.lock().unwrap().insert(ROOM.to_owned(), vec![(BOT.to_owned(), "Игры".to_owned())]);
    academy
        .push(&[
            academy.member(ROOM, "@olga:academy", "@olga:academy", "leave"),
            academy.member(ROOM, IVAN, IVAN, "leave"),
        ])
        .await;
    academy.fake.until("the bot leaves", |fake| (*fake.left.lock().unwrap() == [ROOM]).then_some(())).await;
}

#[tokio::test]
async fn a_board_far_above_is_posted_again() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!chess white").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!join").await;
    academy.status("playing").await;
    let first = academy.fake.board();
    for number in 0..13 {
        academy.say("@olga:academy", &format!("Сообщение {number}")).await;
    }
    academy.say(IVAN, "e4").await;
    academy.ply(1).await;
    let second = academy.fake.board();
    assert_ne!(first, second);
    academy.say(ANNA, "!board").await;
    academy.fake.until("the board again", |fake| (fake.board() != second).then_some(())).await;
    // An older board still means this game.
    let content = json!({ "ply": 2, "move": "e7e5", "m.relates_to": { "rel_type": "m.reference", "event_id": first } });
    academy.native(ANNA, "org.parta.game.move", content).await;
    academy.ply(2).await;
}

#[tokio::test]
async fn a_room_has_a_language_and_a_person_one_invitation() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!language en").await;
    academy.native(IVAN, "org.parta.game.action", json!({ "action": "start", "kind": "chess" })).await;
    assert_eq!(academy.status("waiting").await["lang"], "en");
    // The same person's next invitation takes the place of the first.
    academy.native(IVAN, "org.parta.game.action", json!({ "action": "start", "kind": "chess" })).await;
    academy
        .block("the second game", |block| {
            block["status"] == "waiting" && block["game_id"].as_str().unwrap().ends_with("-2")
        })
        .await;
    let cancelled =
        academy.fake.sent.lock().unwrap().iter().any(|sent| sent.content["org.parta.game"]["status"] == "cancelled");
    assert!(cancelled);
}
