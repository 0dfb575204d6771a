use ruma::RoomId;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room, room, say},
    server::{Server, User},
};

/// Sends a message of any content once the clock has moved on: of edits sent at once, none is the newest.
async fn send(server: &Server, user: &User, room: &str, txn: &str, content: Value) -> String {
    let before = server.app.clock.now();
    while server.app.clock.now() == before {
        tokio::task::yield_now().await;
    }
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}");
    server.put(user, &path, content).await["event_id"].as_str().expect("an event id").to_owned()
}

fn edit(of: &str, body: &str) -> Value {
    let new_content = json!({ "msgtype": "m.text", "body": body });
    let relates_to = json!({ "rel_type": "m.replace", "event_id": of });
    json!({ "msgtype": "m.text", "body": format!("* {body}"), "m.new_content": new_content, "m.relates_to": relates_to })
}

fn relating(kind: &str, to: &str, body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body, "m.relates_to": { "rel_type": kind, "event_id": to } })
}

/// What an event is shown with, read by its id and in the room's history, which must be the same.
async fn bundled(server: &Server, user: &User, room: &str, event_id: &str) -> Value {
    let event = server.get(user, &format!("/_matrix/client/v3/rooms/{room}/event/{event_id}")).await;
    let history = server.get(user, &format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=500")).await;
    let paged = history["chunk"].as_array().expect("events").iter().find(|paged| paged["event_id"] == event_id);
    let relations = event["unsigned"]["m.relations"].clone();
    let ids = |relations: &Value| {
        let replace = relations["m.replace"]["event_id"].clone();
        let latest = relations["m.thread"]["latest_event"]["event_id"].clone();
        [replace, latest, relations["m.thread"]["count"].clone(), relations["m.reference"].clone()]
    };
    assert_eq!(ids(&relations), ids(&paged.expect("the event in the history")["unsigned"]["m.relations"]));
    relations
}

/// More messages than a room keeps in memory, and so much that relates to what is before them comes from the database.
async fn much_later(server: &Server, user: &User, room: &str) {
    let room = RoomId::parse(room).expect("a room id");
    for n in 0..70 {
        server.seed_text(user, &room, &format!("later {n}")).await;
    }
}

on_both_engines! {
    async fn the_newest_valid_edit_comes_with_the_original(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        let original = say(&server, &anna, &id, "0", "Првиет").await;
        assert_eq!(bundled(&server, &boris, &id, &original).await, Value::Null);
        let first = send(&server, &anna, &id, "1", edit(&original, "Превет")).await;
        let second = send(&server, &anna, &id, "2", edit(&original, "Привет")).await;
        send(&server, &boris, &id, "3", edit(&original, "Чужое")).await;
        send(&server, &anna, &id, "4", relating("m.replace", &original, "Без нового")).await;
        send(&server, &anna, &id, "5", edit(&second, "Правка правки")).await;
        for round in ["from memory", "from the database"] {
            let relations = bundled(&server, &boris, &id, &original).await;
            assert_eq!(relations["m.replace"]["event_id"], second, "{round}: {relations}");
            assert_eq!(relations["m.replace"]["content"]["m.new_content"]["body"], "Привет", "{round}");
            assert_eq!(bundled(&server, &boris, &id, &second).await, Value::Null, "{round}: an edit is not edited");
            much_later(&server, &anna, &id).await;
        }
        let filter = "%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A200%7D%7D%7D";
        let answer = server.get(&boris, &format!("/_matrix/client/v3/sync?filter={filter}")).await;
        let timeline = answer["rooms"]["join"][&id]["timeline"]["events"].as_array().expect("a timeline").clone();
        let synced = timeline.iter().find(|event| event["event_id"] == original.as_str()).expect("the original");
        assert_eq!(synced["unsigned"]["m.relations"]["m.replace"]["event_id"], second, "{synced}");
        assert!(synced["unsigned"]["m.relations"]["m.replace"].get("room_id").is_none(), "{synced}");

        let redact = |event: String| format!("/_matrix/client/v3/rooms/{id}/redact/{event}/r{event}");
        server.put(&anna, &redact(second), json!({})).await;
        assert_eq!(bundled(&server, &boris, &id, &original).await["m.replace"]["event_id"], first);
        server.put(&anna, &redact(original.clone()), json!({})).await;
        assert_eq!(bundled(&server, &boris, &id, &original).await, Value::Null);
    }

    async fn a_thread_is_summed_up_with_its_root(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris, &vera]).await;
        let root = say(&server, &anna, &id, "0", "Тема").await;
        send(&server, &boris, &id, "1", relating("m.thread", &root, "Раз")).await;
        let latest = send(&server, &boris, &id, "2", relating("m.thread", &root, "Дав")).await;
        let edited = send(&server, &boris, &id, "3", edit(&latest, "Два")).await;
        send(&server, &vera, &id, "4", relating("m.thread", &latest, "Нить в нити")).await;
        for round in ["from memory", "from the database"] {
            for (user, participated) in [(&anna, true), (&boris, true), (&vera, false)] {
                let relations = bundled(&server, user, &id, &root).await;
                let thread = &relations["m.thread"];
                assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(2), &json!(latest)), "{round}");
                assert_eq!(thread["current_user_participated"], participated, "{round}: {}", user.id);
                let nested = &thread["latest_event"]["unsigned"]["m.relations"]["m.replace"]["event_id"];
                assert_eq!(*nested, edited, "{round}: {thread}");
                assert!(bundled(&server, user, &id, &latest).await.get("m.thread").is_none(), "{round}: no root");
            }
            much_later(&server, &anna, &id).await;
        }
    }

    async fn references_are_listed_by_id(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let target = say(&server, &anna, &id, "0", "Запрос").await;
        let first = send(&server, &anna, &id, "1", relating("m.reference", &target, "Раз")).await;
        let second = send(&server, &anna, &id, "2", relating("m.reference", &target, "Два")).await;
        for _ in 0..2 {
            let relations = bundled(&server, &anna, &id, &target).await;
            assert_eq!(relations, json!({ "m.reference": { "chunk": [{ "event_id": first }, { "event_id": second }] } }));
            much_later(&server, &anna, &id).await;
        }
    }

    async fn what_one_may_not_see_is_not_bundled(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[&boris]).await;
        let original = say(&server, &anna, &id, "0", "Было").await;
        let seen = send(&server, &anna, &id, "1", edit(&original, "Правка")).await;
        leave(&server, &boris, &id).await;
        send(&server, &anna, &id, "2", edit(&original, "Без него")).await;
        send(&server, &anna, &id, "3", relating("m.thread", &original, "О нём")).await;
        let event = server.get(&boris, &format!("/_matrix/client/v3/rooms/{id}/event/{original}")).await;
        let relations = &event["unsigned"]["m.relations"];
        assert_eq!(relations["m.replace"]["event_id"], seen, "{event}");
        assert!(relations.get("m.thread").is_none(), "{event}");
        let page = server.get(&boris, &format!("/_matrix/client/v1/rooms/{id}/relations/{original}")).await;
        assert_eq!(page["chunk"].as_array().map(Vec::len), Some(1), "{page}");
    }

    async fn events_tell_what_one_was_at_their_time(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = open_room(&server, &anna, &[]).await;
        let before = say(&server, &anna, &id, "0", "До него").await;
        join(&server, &boris, &id).await;
        let after = say(&server, &anna, &id, "1", "При нём").await;
        let membership = async |user: &User, event: &str| {
            let event = server.get(user, &format!("/_matrix/client/v3/rooms/{id}/event/{event}")).await;
            event["unsigned"]["membership"].clone()
        };
        assert_eq!((membership(&boris, &before).await, membership(&boris, &after).await), (json!("leave"), json!("join")));
        assert_eq!(membership(&anna, &before).await, "join");
        leave(&server, &boris, &id).await;
        assert_eq!((membership(&boris, &before).await, membership(&boris, &after).await), (json!("leave"), json!("join")));
    }

    async fn relations_of_relations_are_paged(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let root = say(&server, &anna, &id, "0", "Корень").await;
        let mut sent = Vec::new();
        for n in 0..4 {
            let reply = send(&server, &anna, &id, &format!("t{n}"), relating("m.thread", &root, &n.to_string())).await;
            let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": reply, "key": "👍" } });
            let path = format!("/_matrix/client/v3/rooms/{id}/send/m.reaction/r{n}");
            let reaction = server.put(&anna, &path, reaction).await["event_id"].as_str().expect("an id").to_owned();
            sent.extend([reply, reaction]);
        }
        let base = format!("/_matrix/client/v1/rooms/{id}/relations/{root}");
        for (query, backwards) in [("recurse=true&limit=3", true), ("recurse=true&limit=3&dir=f", false)] {
            let mut seen: Vec<String> = Vec::new();
            let mut from = String::new();
            loop {
                let page = server.get(&anna, &format!("{base}?{query}{from}")).await;
                assert_eq!(page["recursion_depth"], 3, "{page}");
                let chunk = page["chunk"].as_array().expect("events");
                seen.extend(chunk.iter().filter_map(|event| event["event_id"].as_str().map(str::to_owned)));
                match page["next_batch"].as_str() {
                    Some(next) => from = format!("&from={next}"),
                    None => break,
                }
            }
            if backwards {
                seen.reverse();
            }
            assert_eq!(seen, sent, "{query}");
        }
        let reactions = server.get(&anna, &format!("{base}/m.annotation/m.reaction?recurse=true")).await;
        assert_eq!(reactions["chunk"].as_array().map(Vec::len), Some(4));
        let none = server.get(&anna, &format!("{base}/m.annotation")).await;
        assert_eq!(none["chunk"], json!([]));
        let all = server.get(&anna, &format!("{base}/m.thread?limit=4")).await;
        assert!(all.get("next_batch").is_none(), "a full last page is the last: {all}");
    }
}
