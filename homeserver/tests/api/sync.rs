use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room, room, say},
    server::{Server, User},
};

async fn sync(server: &Server, user: &User, query: &str) -> (Value, String) {
    let answer = server.get(user, &format!("/_matrix/client/v3/sync?{query}")).await;
    let token = answer["next_batch"].as_str().expect("a token").to_owned();
    (answer, token)
}

/// What a sync that waits is answered with when something happens. It does not wait for presence, which comes by itself.
async fn woken(server: &Server, user: &User, since: &str, happening: impl Future<Output = ()>) -> (Value, String) {
    let filter = "%7B%22presence%22%3A%7B%22not_types%22%3A%5B%22%2A%22%5D%7D%7D";
    let query = format!("since={since}&timeout=20000&filter={filter}");
    let happening = async {
        while server.app.notifier.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        happening.await;
    };
    let both = async { tokio::join!(sync(server, user, &query), happening) };
    tokio::time::timeout(Duration::from_secs(10), both).await.expect("the poll waits, and wakes").0
}

fn timeline(answer: &Value, room: &str) -> Vec<String> {
    let events = answer["rooms"]["join"][room]["timeline"]["events"].as_array();
    events.into_iter().flatten().filter_map(|e| e["content"]["body"].as_str().map(str::to_owned)).collect()
}

/// Leaves out how old events are, which no two answers agree on.
fn without_age(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("age");
            fields.values_mut().for_each(without_age);
        }
        Value::Array(values) => values.iter_mut().for_each(without_age),
        _ => {}
    }
}

on_both_engines! {
    async fn first_and_next_sync(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = room(&server, &anna, json!({ "preset": "public_chat", "name": "9 «А»" })).await;
        join(&server, &boris, &id).await;
        for n in 0..15 {
            say(&server, &anna, &id, &n.to_string(), &n.to_string()).await;
        }
        let (first, token) = sync(&server, &boris, "").await;
        let joined = &first["rooms"]["join"][&id];
        assert_eq!(timeline(&first, &id), (5..15).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(joined["timeline"]["limited"], true);
        assert_eq!(joined["summary"]["m.joined_member_count"], 2);
        let state = joined["state"]["events"].as_array().expect("state");
        assert!(state.iter().any(|e| e["type"] == "m.room.name") && state.iter().all(|e| e.get("room_id").is_none()));
        let before = joined["timeline"]["prev_batch"].as_str().expect("a token");
        let page = server.get(&boris, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=2&from={before}")).await;
        assert_eq!(page["chunk"][0]["content"]["body"], "4");

        let (nothing, same) = sync(&server, &boris, &format!("since={token}")).await;
        assert!(nothing.get("rooms").is_none(), "{nothing}");
        let place = |token: &str| token.split('_').next().map(str::to_owned);
        assert_eq!(place(&same), place(&token), "presence may have moved, the room has not");
        say(&server, &anna, &id, "x", "Новое").await;
        let (next, _) = sync(&server, &boris, &format!("since={token}")).await;
        assert_eq!(timeline(&next, &id), ["Новое"]);
        assert!(next["rooms"]["join"][&id].get("state").is_none(), "{next}");
    }

    async fn a_gap_brings_the_state_that_changed_in_it(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({ "name": "Старое" })).await;
        let (_, token) = sync(&server, &anna, "").await;
        server.put(&anna, &format!("/_matrix/client/v3/rooms/{id}/state/m.room.name"), json!({ "name": "Новое" })).await;
        for n in 0..15 {
            say(&server, &anna, &id, &n.to_string(), &n.to_string()).await;
        }
        let (next, _) = sync(&server, &anna, &format!("since={token}")).await;
        let joined = &next["rooms"]["join"][&id];
        assert_eq!(joined["timeline"]["limited"], true);
        assert_eq!(joined["state"]["events"][0]["content"]["name"], "Новое", "{joined}");
        assert_eq!(joined["state"]["events"].as_array().map(Vec::len), Some(1));
    }

    async fn state_stands_before_the_timeline(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({ "name": "Первое" })).await;
        for n in 0..3 {
            say(&server, &anna, &id, &n.to_string(), "x").await;
        }
        server.put(&anna, &format!("/_matrix/client/v3/rooms/{id}/state/m.room.name"), json!({ "name": "Второе" })).await;
        let filter = "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A2%7D%7D%7D";
        let name = |answer: &Value, field: &str| {
            let events = answer["rooms"]["join"][&id][field]["events"].as_array().expect("events").clone();
            events.into_iter().find(|e| e["type"] == "m.room.name").expect("a name")["content"]["name"].clone()
        };
        let (first, _) = sync(&server, &anna, &format!("filter={filter}")).await;
        assert_eq!((name(&first, "state"), name(&first, "timeline")), (json!("Первое"), json!("Второе")));
        let (after, _) = sync(&server, &anna, &format!("filter={filter}&use_state_after=true")).await;
        assert_eq!(name(&after, "state_after"), "Второе");
    }

    async fn a_long_poll_wakes_for_what_concerns_it(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[]).await;
        let other = room(&server, &anna, json!({})).await;
        join(&server, &boris, &id).await;
        let (_, token) = sync(&server, &boris, "").await;
        let (answer, token) = woken(&server, &boris, &token, async {
            say(&server, &anna, &other, "1", "не вам").await;
            say(&server, &anna, &id, "1", "вам").await;
        })
        .await;
        assert_eq!(timeline(&answer, &id), ["вам"]);
        // An invitation wakes one who is in no room.
        let (answer, _) = woken(&server, &boris, &token, async {
            server.post(&anna, &format!("/_matrix/client/v3/rooms/{other}/invite"), json!({ "user_id": boris.id })).await;
        })
        .await;
        let stripped = answer["rooms"]["invite"][&other]["invite_state"]["events"].as_array().expect("stripped state");
        assert!(stripped.iter().any(|e| e["type"] == "m.room.member" && e["state_key"] == json!(boris.id)));
    }

    async fn lazy_loading_sends_each_member_once(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris, &vera]).await;
        for n in 0..12 {
            say(&server, &anna, &id, &format!("a{n}"), "x").await;
        }
        let filter = "%7B%22room%22%3A%7B%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%7D%7D";
        let members = |answer: &Value| {
            let events = answer["rooms"]["join"][&id]["state"]["events"].as_array().cloned().unwrap_or_default();
            let mut members: Vec<String> =
                events.iter().filter(|e| e["type"] == "m.room.member").map(|e| e["state_key"].as_str().unwrap_or_default().to_owned()).collect();
            members.sort();
            members
        };
        let (first, token) = sync(&server, &vera, &format!("filter={filter}")).await;
        assert_eq!(members(&first), [anna.id.clone(), vera.id.clone()]);
        say(&server, &boris, &id, "b", "Я тоже здесь").await;
        let (next, token) = sync(&server, &vera, &format!("filter={filter}&since={token}")).await;
        assert_eq!(members(&next), std::slice::from_ref(&boris.id));
        say(&server, &boris, &id, "c", "И всё ещё").await;
        let (next, _) = sync(&server, &vera, &format!("filter={filter}&since={token}")).await;
        assert_eq!(members(&next), [] as [String; 0]);
    }

    async fn leaving_and_coming_back(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = room(&server, &anna, json!({ "preset": "public_chat", "name": "Кружок" })).await;
        join(&server, &boris, &id).await;
        let (_, token) = sync(&server, &boris, "").await;
        say(&server, &anna, &id, "1", "До").await;
        leave(&server, &boris, &id).await;
        say(&server, &anna, &id, "2", "После").await;
        let (left, token) = sync(&server, &boris, &format!("since={token}")).await;
        let events = left["rooms"]["leave"][&id]["timeline"]["events"].as_array().expect("a timeline");
        assert_eq!(events.len(), 2, "{left}");
        join(&server, &boris, &id).await;
        let (back, _) = sync(&server, &boris, &format!("since={token}")).await;
        let joined = &back["rooms"]["join"][&id];
        assert!(joined["state"]["events"].as_array().is_some_and(|s| s.iter().any(|e| e["type"] == "m.room.create"))
            || joined["timeline"]["events"].as_array().is_some_and(|s| s.iter().any(|e| e["type"] == "m.room.create")), "{back}");
        assert!(timeline(&back, &id).contains(&"После".to_owned()));
        let (first, _) = sync(&server, &boris, "").await;
        assert!(first["rooms"].get("leave").is_none());
    }

    async fn who_comes_to_a_room_is_told_what_they_keep_with_it(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[]).await;
        let kept = |kind: &str| format!("/_matrix/client/v3/user/{}/rooms/{id}/account_data/{kind}", boris.id);
        let told = |answer: &Value| {
            let events = answer["rooms"]["join"][&id]["account_data"]["events"].as_array().cloned().unwrap_or_default();
            let mut told: Vec<_> = events.iter().map(|e| (e["type"].to_string(), e["content"]["n"].clone())).collect();
            told.sort_by_key(|(kind, _)| kind.clone());
            told
        };
        let expected = |events: &[(&str, Value)]| {
            events.iter().map(|(kind, n)| (json!(kind).to_string(), n.clone())).collect::<Vec<_>>()
        };
        server.put(&boris, &kept("org.a"), json!({ "n": 1 })).await;
        server.put(&boris, &kept("org.b"), json!({ "n": 2 })).await;
        let (_, token) = sync(&server, &boris, "").await;
        server.put(&boris, &kept("org.b"), json!({ "n": 3 })).await;
        join(&server, &boris, &id).await;
        let filter = "%7B%22room%22%3A%7B%22account_data%22%3A%7B%22not_types%22%3A%5B%22org.a%22%5D%7D%7D%7D";
        let (some, _) = sync(&server, &boris, &format!("since={token}&filter={filter}")).await;
        assert_eq!(told(&some), expected(&[("org.b", json!(3))]));
        let (all, token) = sync(&server, &boris, &format!("since={token}")).await;
        assert_eq!(told(&all), expected(&[("org.a", json!(1)), ("org.b", json!(3))]), "each once: {all}");
        server.put(&boris, &kept("org.a"), json!({ "n": 4 })).await;
        let (moved, token) = sync(&server, &boris, &format!("since={token}")).await;
        assert_eq!(told(&moved), expected(&[("org.a", json!(4))]), "only what moved");

        // What was emptied while one was away is told too: the client remembers it.
        leave(&server, &boris, &id).await;
        server.put(&boris, &kept("org.a"), json!({})).await;
        let (away, token) = sync(&server, &boris, &format!("since={token}")).await;
        assert!(told(&away).is_empty(), "{away}");
        join(&server, &boris, &id).await;
        let (back, _) = sync(&server, &boris, &format!("since={token}")).await;
        assert_eq!(told(&back), expected(&[("org.a", Value::Null), ("org.b", json!(3))]), "{back}");
    }

    async fn state_after_is_told_of_rooms_one_has_left_too(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = room(&server, &anna, json!({ "preset": "public_chat", "name": "Первое" })).await;
        join(&server, &boris, &id).await;
        let (_, token) = sync(&server, &boris, "").await;
        let name = format!("/_matrix/client/v3/rooms/{id}/state/m.room.name");
        server.put(&anna, &name, json!({ "name": "Второе" })).await;
        leave(&server, &boris, &id).await;
        server.put(&anna, &name, json!({ "name": "Третье" })).await;
        let (answer, _) = sync(&server, &boris, &format!("since={token}&use_state_after=true")).await;
        let left = &answer["rooms"]["leave"][&id];
        assert!(left.get("state").is_none(), "{left}");
        let state = left["state_after"]["events"].as_array().expect("the state after");
        let names: Vec<_> = state.iter().filter(|e| e["type"] == "m.room.name").map(|e| &e["content"]["name"]).collect();
        assert_eq!(names, ["Второе"], "{left}");
        assert!(state.iter().any(|e| e["state_key"] == json!(boris.id)), "{left}");
        let (before, _) = sync(&server, &boris, &format!("since={token}")).await;
        assert!(before["rooms"]["leave"][&id].get("state_after").is_none(), "{before}");
    }

    async fn an_answer_is_the_same_from_memory_and_after_a_restart(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let mut ids = Vec::new();
        for name in ["тихая", "говорят", "читают", "переименуют", "уйдёт", "прогонят", "придёт", "метка"] {
            ids.push(room(&server, &anna, json!({ "preset": "public_chat", "name": name })).await);
        }
        let [quiet, spoken, read, renamed, left, kicked, joined, tagged] = &ids[..] else { panic!("eight rooms") };
        for id in ids.iter().filter(|id| *id != joined) {
            join(&server, &boris, id).await;
        }
        let early = say(&server, &anna, read, "1", "Прочтите").await;
        let (_, token) = sync(&server, &boris, "").await;

        for n in 0..12 {
            say(&server, &anna, spoken, &n.to_string(), &n.to_string()).await;
        }
        let path = |id: &str, what: &str| format!("/_matrix/client/v3/rooms/{id}/{what}");
        server.post(&boris, &path(read, &format!("receipt/m.read/{early}")), json!({})).await;
        server.put(&anna, &path(renamed, "state/m.room.name"), json!({ "name": "Новое имя" })).await;
        join(&server, &vera, renamed).await;
        leave(&server, &boris, left).await;
        server.post(&anna, &path(kicked, "kick"), json!({ "user_id": boris.id })).await;
        join(&server, &boris, joined).await;
        let invited = room(&server, &vera, json!({ "invite": [boris.id] })).await;
        let tag = format!("/_matrix/client/v3/user/{}/rooms/{tagged}/tags/u.a", boris.id);
        server.put(&boris, &tag, json!({})).await;

        let rooms = |answer: &Value| {
            let mut rooms = answer["rooms"].clone();
            without_age(&mut rooms);
            rooms
        };
        // After a restart it is not known what moved, and every room is looked at.
        let query = format!("since={token}");
        let from_memory = rooms(&sync(&server, &boris, &query).await.0);
        let everything = rooms(&sync(&server, &boris, &format!("{query}&full_state=true")).await.0);
        let server = server.restarted().await;
        assert_eq!(from_memory, rooms(&sync(&server, &boris, &query).await.0));
        let told = |section: &str| {
            let rooms = from_memory[section].as_object().into_iter().flatten();
            rooms.map(|(id, _)| id.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        let expect = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(told("join"), expect(&[spoken, read, renamed, joined, tagged]));
        assert_eq!(told("leave"), expect(&[left, kicked]));
        assert_eq!(told("invite"), expect(&[&invited]));
        assert!(everything["join"].get(quiet).is_some(), "who asks for all state has it of rooms where nothing moved");
    }

    async fn who_types_is_told_where_nothing_else_moved(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        let other = open_room(&server, &anna, &[&boris]).await;
        let (_, token) = sync(&server, &boris, "").await;
        say(&server, &anna, &other, "1", "Сейчас напишу").await;
        let path = format!("/_matrix/client/v3/rooms/{id}/typing/{}", anna.id);
        server.put(&anna, &path, json!({ "typing": true, "timeout": 30_000 })).await;
        let (typing, token) = sync(&server, &boris, &format!("since={token}")).await;
        let content = &typing["rooms"]["join"][&id]["ephemeral"]["events"][0]["content"];
        assert_eq!(content["user_ids"], json!([anna.id]), "{typing}");
        assert_eq!(timeline(&typing, &other), ["Сейчас напишу"]);
        let (nothing, token) = sync(&server, &boris, &format!("since={token}")).await;
        assert!(nothing.get("rooms").is_none(), "{nothing}");
        server.put(&anna, &path, json!({ "typing": false })).await;
        let (ended, _) = sync(&server, &boris, &format!("since={token}")).await;
        let content = &ended["rooms"]["join"][&id]["ephemeral"]["events"][0]["content"];
        assert_eq!(content["user_ids"], json!([]), "{ended}");
    }

    async fn wrong_tokens_are_refused(server: Server) {
        let anna = server.register("anna").await;
        server.refused(Method::GET, &anna, "/_matrix/client/v3/sync?since=yesterday", Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &anna, "/_matrix/client/v3/sync?filter=17", Value::Null, "M_INVALID_PARAM").await;
        server.refused(Method::GET, &anna, "/_matrix/client/v3/sync?timeout=-1", Value::Null, "M_INVALID_PARAM").await;
    }
}
