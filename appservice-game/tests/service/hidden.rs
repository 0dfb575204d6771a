//! Games in which not everybody sees everything, and the one that a whole room plays.

use serde_json::{Value, json};

use crate::fake::{ANNA, Academy, IVAN, OLGA, direct_room};

/// A player's newest fleet, once so many have been told.
async fn fleet(academy: &Academy, who: &str, told: usize) -> String {
    let hand = academy.fake.until("a hand", |fake| fake.hands(who).get(told - 1).cloned()).await;
    hand["state"]["cells"].as_str().unwrap().to_owned()
}

/// The cells of a fleet's ships, as moves.
fn ships(cells: &str) -> Vec<String> {
    let name = |cell: usize| format!("{}{}", char::from(b'a' + (cell % 10) as u8), cell / 10 + 1);
    cells.char_indices().filter(|(_, sign)| *sign == 's').map(|(cell, _)| name(cell)).collect()
}

fn water(cells: &str) -> String {
    let cell = cells.find('.').unwrap();
    format!("{}{}", char::from(b'a' + (cell % 10) as u8), cell / 10 + 1)
}

#[tokio::test]
async fn battleship_by_text() {
    let mut academy = Academy::open().await;
    academy.say(IVAN, "!морской первый").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    // Both are told in words, each their own.
    let ivans = academy.fake.until("Ivan's ships", |fake| fake.direct(IVAN).first().cloned()).await;
    let annas = academy.fake.until("Anna's ships", |fake| fake.direct(ANNA).first().cloned()).await;
    assert_eq!((ivans.matches('□').count(), annas.matches('□').count()), (20, 20));
    assert!(ivans != annas && annas.contains("Это видите только вы"), "{annas}");
    let first = fleet(&academy, ANNA, 1).await;
    academy.say(ANNA, "!переставить").await;
    let annas = fleet(&academy, ANNA, 2).await;
    assert_ne!(first, annas);
    academy.fake.until("the new ships in words", |fake| fake.direct(ANNA).get(1).cloned()).await;
    // Who has no fleet here is not told one.
    academy.say(OLGA, "!корабли").await;
    academy
        .fake
        .until("no fleet", |fake| fake.notices().into_iter().find(|said| said.contains("нет такой игры")))
        .await;
    academy.say(IVAN, &water(&annas)).await;
    let block = academy.ply(1).await;
    assert_eq!(block["turn"], "second");
    let ivans = fleet(&academy, IVAN, 1).await;
    academy.say(ANNA, &water(&ivans)).await;
    academy.ply(2).await;
    academy.say(ANNA, "!переставить").await;
    assert_eq!(academy.refusal(0).await, "under_fire");
    academy.say(IVAN, &water(&annas)).await;
    assert_eq!(academy.refusal(1).await, "tried_before");
    academy.restart().await;
    let mut block = Value::Null;
    for (shots, cell) in ships(&annas).into_iter().enumerate() {
        academy.say(IVAN, &cell).await;
        block = academy.ply(shots as u64 + 3).await;
        assert!(
            block["status"] == "finished"
                || ["first", "second"].iter().all(|sea| !block["state"]["seas"][sea].as_str().unwrap().contains('s')),
            "{block:#}"
        );
    }
    assert_eq!(block["result"], json!({ "winner": "first", "reason": "fleet_sunk" }));
    assert_eq!(block["state"]["seas"]["first"].as_str().unwrap().matches('s').count(), 20);
    assert_eq!(academy.fake.refusals().len(), 2);
}

#[tokio::test]
async fn battleship_on_native_boards() {
    let academy = Academy::open().await;
    let act = |who: &'static str, content: Value| academy.native(who, "org.parta.game.action", content);
    act(IVAN, json!({ "action": "start", "kind": "battleship", "seat": "second", "lang": "en" })).await;
    let game_id = academy.status("waiting").await["game_id"].clone();
    let of = |action: &str| json!({ "action": action, "game_id": game_id });
    act(IVAN, of("hand")).await;
    assert_eq!(academy.refusal(0).await, "not_playing");
    act(ANNA, of("join")).await;
    academy.status("playing").await;
    let annas = fleet(&academy, ANNA, 1).await;
    act(ANNA, of("hand")).await;
    assert_eq!(fleet(&academy, ANNA, 2).await, annas);
    act(OLGA, of("hand")).await;
    assert_eq!(academy.refusal(1).await, "not_a_player");
    act(ANNA, of("arrange")).await;
    assert_ne!(fleet(&academy, ANNA, 3).await, annas);
    let hand = academy.fake.hands(ANNA).pop().unwrap();
    assert_eq!((&hand["game_id"], &hand["seat"], &hand["version"]), (&game_id, &json!("first"), &json!(1)));
    // Nobody has asked for words.
    assert!(academy.fake.directs.lock().unwrap().is_empty());
    // Whoever gives up before the end sees what was hidden.
    academy.native(ANNA, "org.parta.game.move", json!({ "game_id": game_id, "ply": 1, "move": "a1" })).await;
    academy.ply(1).await;
    act(ANNA, of("resign")).await;
    let over = academy.status("finished").await;
    assert_eq!(over["result"], json!({ "winner": "second", "reason": "resignation" }));
    assert!(over["state"]["seas"]["second"].as_str().unwrap().contains('s'));
    act(ANNA, json!({ "action": "start", "kind": "chess" })).await;
    let chess = academy.status("waiting").await["game_id"].clone();
    act(IVAN, json!({ "action": "join", "game_id": chess })).await;
    academy.status("playing").await;
    act(IVAN, json!({ "action": "arrange", "game_id": chess })).await;
    assert_eq!(academy.refusal(2).await, "nothing_hidden");
}

/// A direct chat that the bot is no longer in is replaced; until then the same one is used.
#[tokio::test]
async fn a_direct_chat_for_each_player() {
    let mut academy = Academy::open().await;
    academy.say(IVAN, "!ships first").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!join").await;
    academy.fake.until("Anna's ships", |fake| fake.direct(ANNA).first().cloned()).await;
    academy.restart().await;
    academy.say(ANNA, "!fleet").await;
    academy.fake.until("Anna's ships again", |fake| fake.direct(ANNA).get(1).cloned()).await;
    let chats = academy.fake.directs.lock().unwrap().clone();
    assert_eq!(chats, [IVAN, ANNA]);
    academy.fake.forbidden.lock().unwrap().push(direct_room(1));
    academy.say(ANNA, "!fleet").await;
    academy.fake.until("a new chat", |fake| (fake.directs.lock().unwrap().len() == 3).then_some(())).await;
    academy.fake.until("Anna's ships there", |fake| fake.direct(ANNA).first().cloned()).await;
}

#[tokio::test]
async fn hangman_for_the_whole_room() {
    let mut academy = Academy::open().await;
    academy.say(IVAN, "!виселица").await;
    let mut block = academy.status("playing").await;
    assert_eq!((&block["open"], &block["players"]), (&json!(true), &json!([{ "seat": "guessers" }])));
    academy.say(ANNA, "!виселица").await;
    assert_eq!(academy.refusal(0).await, "already_running");
    academy.say(ANNA, "!сдаюсь").await;
    assert_eq!(academy.refusal(1).await, "not_yours");
    academy.say(ANNA, "!ничья").await;
    assert_eq!(academy.refusal(2).await, "no_opponent");
    // Talk is not a guess.
    academy.say(OLGA, "какое же слово").await;
    let people = [IVAN, ANNA, OLGA];
    for ply in 0.. {
        if block["status"] != "playing" {
            break;
        }
        assert_eq!(block["state"].get("answer"), None);
        let letter = block["legal_moves"][0].as_str().unwrap().to_owned();
        let who = people[ply % 3];
        if ply % 2 == 0 {
            academy.say(who, &letter.to_uppercase()).await;
        } else {
            // Two press the same key at the same moment: nobody is told that they were late.
            let pressed = json!({ "game_id": block["game_id"], "ply": 1, "move": letter });
            academy.native(who, "org.parta.game.move", pressed.clone()).await;
            academy.native(OLGA, "org.parta.game.move", pressed).await;
        }
        block = academy.ply(ply as u64 + 1).await;
        assert_eq!((&block["last_move"]["user_id"], &block["last_move"]["move"]), (&json!(who), &json!(letter)));
        if ply == 1 {
            academy.restart().await;
        }
    }
    assert!(block["state"]["answer"].is_string(), "{block:#}");
    assert_eq!(academy.fake.refusals().len(), 3);
    // Anybody may go on; who has begun may end it, and all are told the word. There are no seats to be had by lot.
    academy
        .native(IVAN, "org.parta.game.action", json!({ "action": "start", "kind": "hangman", "seat": "random" }))
        .await;
    let lots = academy
        .block("a word without seats", |next| next["creator"] == IVAN && next["game_id"] != block["game_id"])
        .await;
    assert_eq!(lots["status"], "playing");
    academy.say(IVAN, "!сдаюсь").await;
    academy.block("its end", |next| next["game_id"] == lots["game_id"] && next["status"] == "finished").await;
    academy.say(OLGA, "!реванш").await;
    let next = academy.block("the next word", |next| next["rematch_of"] == lots["game_id"]).await;
    assert_eq!((&next["status"], &next["creator"]), (&json!("playing"), &json!(OLGA)));
    academy.say(OLGA, "!сдаюсь").await;
    let over = academy.status("finished").await;
    assert_eq!(over["result"], json!({ "reason": "given_up" }));
    assert!(over["state"]["answer"].is_string());
}

/// Somebody's own game is meant by a command before the one that all play.
#[tokio::test]
async fn ones_own_game_beside_the_one_for_all() {
    let academy = Academy::open().await;
    academy.say(IVAN, "!chess white").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!join").await;
    academy.status("playing").await;
    academy.say(OLGA, "!hangman").await;
    academy.block("hangman", |block| block["kind"] == "hangman").await;
    academy.say(IVAN, "!resign").await;
    academy
        .fake
        .until("the end of chess", |fake| {
            let sent = fake.sent.lock().unwrap();
            let over = |block: &Value| block["kind"] == "chess" && block["status"] == "finished";
            sent.iter().any(|sent| over(&sent.content["org.parta.game"])).then_some(())
        })
        .await;
    assert_eq!(academy.fake.refusals(), Vec::<String>::new());
}
