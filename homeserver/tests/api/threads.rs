use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room, room, say},
    server::{Server, User},
};

fn path(room: &str, query: &str) -> String {
    format!("/_matrix/client/v1/rooms/{room}/threads{query}")
}

/// The roots of a list of threads.
fn roots(answer: &Value) -> Vec<&str> {
    answer["chunk"].as_array().expect("events").iter().filter_map(|event| event["event_id"].as_str()).collect()
}

/// Answers in a thread.
async fn reply(server: &Server, user: &User, room: &str, root: &str, text: &str) -> String {
    let relates_to = json!({ "rel_type": "m.thread", "event_id": root });
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{text}");
    let content = json!({ "msgtype": "m.text", "body": text, "m.relates_to": relates_to });
    server.put(user, &path, content).await["event_id"].as_str().expect("an event id").to_owned()
}

on_both_engines! {
    async fn the_last_to_move_comes_first(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        assert_eq!(server.get(&anna, &path(&id, "")).await, json!({ "chunk": [] }));
        let old = say(&server, &anna, &id, "old", "Старое").await;
        let new = say(&server, &anna, &id, "new", "Новое").await;
        reply(&server, &anna, &id, &new, "a").await;
        let inner = reply(&server, &boris, &id, &old, "b").await;
        let last = reply(&server, &boris, &id, &old, "c").await;
        // What relates to another event itself is no root, and what nobody sent is none either.
        reply(&server, &boris, &id, &inner, "d").await;
        reply(&server, &boris, &id, "$nothing", "e").await;

        let all = server.get(&anna, &path(&id, "")).await;
        assert_eq!(roots(&all), [old.as_str(), new.as_str()]);
        assert_eq!((&all["chunk"][0]["room_id"], all.get("next_batch")), (&json!(id), None));
        let thread = &all["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
        assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(2), &json!(last)), "{all}");
        let taken_part = path(&id, "?include=participated");
        assert_eq!(roots(&server.get(&boris, &taken_part).await), [old.as_str()]);
        assert_eq!(roots(&server.get(&anna, &taken_part).await), [old.as_str(), new.as_str()], "the roots are hers");

        let redact = format!("/_matrix/client/v3/rooms/{id}/redact/{old}/r");
        server.put(&anna, &redact, json!({})).await;
        assert_eq!(roots(&server.get(&anna, &path(&id, "?include=all")).await), [new.as_str()]);
        for bad in ["?from=x", "?limit=x"] {
            let (status, answer) = server.json(Method::GET, &path(&id, bad), Some(&anna.token), &Value::Null).await;
            assert_eq!(status.as_u16(), 400, "{bad}: {answer}");
        }
    }

    async fn pages_tell_every_thread_once(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let mut expected = Vec::new();
        for n in 0..5 {
            expected.push(say(&server, &anna, &id, &format!("root{n}"), "Тема").await);
        }
        // Twice each, so that the older replies lie between the newer ones of other threads and what a page ends with.
        for round in 0..2 {
            for (n, root) in expected.iter().enumerate() {
                reply(&server, &anna, &id, root, &format!("{round}-{n}")).await;
            }
        }
        expected.reverse();
        for limit in 1..=5 {
            let (mut seen, mut from): (Vec<String>, String) = (Vec::new(), String::new());
            loop {
                let page = server.get(&anna, &path(&id, &format!("?limit={limit}{from}"))).await;
                seen.extend(roots(&page).into_iter().map(str::to_owned));
                match page["next_batch"].as_str() {
                    Some(next) => from = format!("&from={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, expected, "limit {limit}");
        }
    }

    async fn what_one_may_not_see_is_no_thread(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        server.refused(Method::GET, &vera, &path(&id, ""), Value::Null, "M_FORBIDDEN").await;
        join(&server, &vera, &id).await;
        let (first, second) = (say(&server, &anna, &id, "1", "Раз").await, say(&server, &boris, &id, "2", "Два").await);
        reply(&server, &anna, &id, &first, "a").await;
        reply(&server, &anna, &id, &second, "b").await;
        reply(&server, &boris, &id, &first, "c").await;
        assert_eq!(roots(&server.get(&vera, &path(&id, "")).await), [first.as_str(), second.as_str()]);
        let ignored = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", vera.id);
        server.put(&vera, &ignored, json!({ "ignored_users": { boris.id.clone(): {} } })).await;
        let seen = server.get(&vera, &path(&id, "")).await;
        assert_eq!(roots(&seen), [first.as_str()], "the root of one who is ignored is hidden");
        assert_eq!(seen["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], 1, "{seen}");

        leave(&server, &vera, &id).await;
        let later = say(&server, &anna, &id, "3", "Без неё").await;
        reply(&server, &anna, &id, &later, "d").await;
        assert_eq!(roots(&server.get(&vera, &path(&id, "")).await), [first.as_str()]);
        assert_eq!(roots(&server.get(&anna, &path(&id, "")).await)[0], later);
    }
}
