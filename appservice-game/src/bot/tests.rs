//! What needs a clock that stands still.

use ruma::owned_user_id;

use super::*;
use crate::{board, session::Status};

const ANNA: &str = "@anna:academy";
const IVAN: &str = "@ivan:academy";

async fn bot(games_per_room: usize) -> (tempfile::TempDir, Bot) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("games.sqlite3"), "test").await.unwrap();
    let settings = Settings::new(owned_user_id!("@games:academy"), Arc::new(|| 0_u64), Arc::new(|| 0));
    let bot = Bot::new(Settings { games_per_room, ..settings }, store, Arc::new(Notify::new())).await.unwrap();
    (folder, bot)
}

fn event(number: usize, sender: &str, kind: &str, content: &Value) -> Value {
    json!({
        "event_id": format!("$event{number}"), "room_id": "!class:academy", "sender": sender, "type": kind,
        "content": content,
    })
}

fn member(number: usize, user: &str, membership: &str) -> Value {
    let mut event = event(number, user, "m.room.member", &json!({ "membership": membership }));
    event["state_key"] = json!(user);
    event
}

/// Actions of native boards, one after the other.
fn actions(asked: &[(&str, Value)]) -> Vec<Value> {
    asked
        .iter()
        .enumerate()
        .map(|(number, (sender, content))| event(number, sender, "org.parta.game.action", content))
        .collect()
}

async fn status(bot: &Bot, number: u32) -> Option<Status> {
    let game = bot.store().game(&format!("test-{number}")).await.unwrap();
    game.map(|(session, _)| session.status)
}

/// The codes of the refusals in the outbox, which is empty afterwards.
async fn refusals(bot: &Bot) -> Vec<String> {
    let mut codes = Vec::new();
    while let [pending, ..] = bot.store().outbox_heads().await.unwrap().as_slice() {
        if let Job::Message { content, .. } = &pending.job {
            codes.extend(content[board::ERROR_BLOCK]["code"].as_str().map(str::to_owned));
        }
        bot.store().done(pending, None).await.unwrap();
    }
    codes
}

#[tokio::test]
async fn a_refused_start_leaves_the_earlier_invitation() {
    let (_folder, bot) = bot(10).await;
    // Ten boards are posted at once, each in the place of the one before; the eleventh is one too many.
    let start = (IVAN, json!({ "action": "start", "kind": "chess" }));
    bot.transaction(&actions(&vec![start; 11])).await.unwrap();
    assert_eq!(status(&bot, 9).await, Some(Status::Cancelled));
    assert_eq!(status(&bot, 10).await, Some(Status::Waiting));
    assert_eq!(status(&bot, 11).await, None);
    assert_eq!(refusals(&bot).await, ["too_often"]);
}

#[tokio::test]
async fn a_room_has_so_many_games() {
    let (_folder, bot) = bot(1).await;
    let start = json!({ "action": "start", "kind": "tictactoe" });
    // Anna's second invitation takes the place of her first, so it is none too many.
    bot.transaction(&actions(&[(ANNA, start.clone()), (IVAN, start.clone()), (ANNA, start)])).await.unwrap();
    assert_eq!(status(&bot, 1).await, Some(Status::Cancelled));
    assert_eq!(status(&bot, 2).await, Some(Status::Waiting));
    assert_eq!(refusals(&bot).await, ["too_many_games"]);
}

#[tokio::test]
async fn a_rematch_is_for_those_who_are_here() {
    let (_folder, bot) = bot(10).await;
    let of = |game: u32, action: &str| json!({ "action": action, "game_id": format!("test-{game}") });
    bot.transaction(&[member(100, IVAN, "join"), member(101, ANNA, "join")]).await.unwrap();
    bot.transaction(&actions(&[
        (IVAN, json!({ "action": "start", "kind": "chess", "opponent": ANNA })),
        (ANNA, of(1, "join")),
        (IVAN, of(1, "resign")),
        // A rematch can be asked for again once the first one has been played or refused.
        (IVAN, of(1, "rematch")),
        (ANNA, of(2, "decline")),
        (ANNA, of(1, "rematch")),
        (IVAN, of(1, "rematch")),
    ]))
    .await
    .unwrap();
    assert_eq!(status(&bot, 2).await, Some(Status::Cancelled));
    assert_eq!(status(&bot, 3).await, Some(Status::Playing));
    assert_eq!(refusals(&bot).await, Vec::<String>::new());
    let again = event(103, IVAN, "org.parta.game.action", &of(3, "rematch"));
    bot.transaction(&[member(102, ANNA, "leave"), again]).await.unwrap();
    assert_eq!(status(&bot, 3).await, Some(Status::Cancelled));
    assert_eq!(refusals(&bot).await, ["opponent_unknown"]);
}
