use std::{future::Future, time::Duration};

use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{join, leave, open_room, room, say},
    server::{Server, User},
};

const PATH: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

/// One list over everything, as a client begins.
fn all(timeline_limit: u32) -> Value {
    let state = json!([["m.room.name", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"]]);
    json!({ "lists": { "all": { "ranges": [[0, 99]], "timeline_limit": timeline_limit, "required_state": state } } })
}

/// An answer, and its position.
pub(crate) async fn sync(server: &Server, user: &User, pos: &str, body: &Value) -> (Value, String) {
    let query = if pos.is_empty() { String::new() } else { format!("?timeout=0&pos={pos}") };
    let answer = server.post(user, &format!("{PATH}{query}"), body.clone()).await;
    let pos = answer["pos"].as_str().expect("a position").to_owned();
    (answer, pos)
}

/// What a sync that waits is answered with when something happens.
pub(crate) async fn woken(
    server: &Server,
    user: &User,
    pos: &str,
    body: &Value,
    happening: impl Future<Output = ()>,
) -> (Value, String) {
    let path = format!("{PATH}?timeout=20000&pos={pos}");
    let waiting = server.post(user, &path, body.clone());
    let happening = async {
        while server.app.notifier.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        happening.await;
    };
    let both = async { tokio::join!(waiting, happening) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.expect("the poll waits, and wakes");
    let pos = answer["pos"].as_str().expect("a position").to_owned();
    (answer, pos)
}

fn bodies(room: &Value) -> Vec<&str> {
    room["timeline"].as_array().into_iter().flatten().filter_map(|event| event["content"]["body"].as_str()).collect()
}

fn state(room: &Value) -> Vec<(&str, &str)> {
    let events = room["required_state"].as_array().into_iter().flatten();
    let mut state: Vec<_> = events
        .map(|event| (event["type"].as_str().unwrap_or_default(), event["state_key"].as_str().unwrap_or_default()))
        .collect();
    state.sort_unstable();
    state
}

fn rooms(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_object().into_iter().flatten().map(|(room_id, _)| room_id.as_str()).collect()
}

on_both_engines! {
    async fn a_room_is_told_once_and_then_what_moves_in_it(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({ "preset": "public_chat", "name": "9 «А»" })).await;
        join(&server, &boris, &id).await;
        for n in 0..5 {
            say(&server, &anna, &id, &n.to_string(), &n.to_string()).await;
        }
        let (first, pos) = sync(&server, &boris, "", &all(2)).await;
        assert_eq!(first["lists"]["all"]["count"], 1);
        let told = &first["rooms"][&id];
        assert_eq!((&told["initial"], &told["name"], &told["joined_count"]), (&json!(true), &json!("9 «А»"), &json!(2)));
        assert_eq!((bodies(told), &told["limited"], &told["num_live"]), (vec!["3", "4"], &json!(true), &json!(0)));
        assert_eq!(told["notification_count"], 5);
        assert_eq!(state(told), [("m.room.member", &*anna.id), ("m.room.member", &*boris.id), ("m.room.name", "")]);
        let before = told["prev_batch"].as_str().expect("a token");
        let page = format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=1&from={before}");
        assert_eq!(server.get(&boris, &page).await["chunk"][0]["content"]["body"], "2");
        let page = format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=1&from={pos}");
        assert_eq!(server.get(&boris, &page).await["chunk"][0]["content"]["body"], "4", "a position is a token too");

        let (nothing, pos) = sync(&server, &boris, &pos, &all(2)).await;
        assert_eq!((rooms(&nothing), &nothing["lists"]["all"]["count"]), (vec![], &json!(1)));
        let name = format!("/_matrix/client/v3/rooms/{id}/state/m.room.name");
        server.put(&anna, &name, json!({ "name": "10 «А»" })).await;
        say(&server, &anna, &id, "x", "Переименовала").await;
        let (next, pos) = sync(&server, &boris, &pos, &all(2)).await;
        let told = &next["rooms"][&id];
        assert_eq!((told.get("initial"), &told["name"], &told["num_live"]), (None, &json!("10 «А»"), &json!(2)));
        assert_eq!((bodies(told), state(told)), (vec!["Переименовала"], vec![("m.room.name", "")]));
        assert!(told.get("joined_count").is_none() && told.get("limited").is_none(), "{told}");
        // What memory does not hold any more is read.
        for n in 0..80 {
            server.put(&anna, &name, json!({ "name": format!("Имя {n}") })).await;
        }
        let (far, _) = sync(&server, &boris, &pos, &all(2)).await;
        let told = &far["rooms"][&id];
        assert_eq!((&told["limited"], &told["name"], state(told)), (&json!(true), &json!("Имя 79"), vec![("m.room.name", "")]));
    }

    async fn an_answer_that_was_lost_is_given_again(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let (_, pos) = sync(&server, &anna, "", &all(5)).await;
        say(&server, &anna, &id, "1", "Слышно?").await;
        let (lost, _) = sync(&server, &anna, &pos, &all(5)).await;
        let (again, next) = sync(&server, &anna, &pos, &all(5)).await;
        assert_eq!((bodies(&lost["rooms"][&id]), bodies(&again["rooms"][&id])), (vec!["Слышно?"], vec!["Слышно?"]));
        assert_eq!(rooms(&sync(&server, &anna, &next, &all(5)).await.0), Vec::<&str>::new());
        // What is past, made up, another's or from before a restart is no position.
        let boris = server.register("boris").await;
        for (user, pos) in [(&anna, pos.as_str()), (&anna, "7s1"), (&anna, "ы"), (&boris, next.as_str())] {
            server.refused(Method::POST, user, &format!("{PATH}?pos={}", pos.replace('ы', "x")), all(5), "M_UNKNOWN_POS").await;
        }
        let server = server.restarted().await;
        server.refused(Method::POST, &anna, &format!("{PATH}?pos={next}"), all(5), "M_UNKNOWN_POS").await;
    }

    async fn a_list_is_a_window_on_what_happened_last(server: Server) {
        let anna = server.register("anna").await;
        let mut ids = Vec::new();
        for n in 0..4 {
            ids.push(room(&server, &anna, json!({ "name": n.to_string() })).await);
        }
        let window = |first: u32, last: u32| {
            json!({ "lists": { "a": { "ranges": [[first, last]], "timeline_limit": 1, "required_state": [] } } })
        };
        let (first, pos) = sync(&server, &anna, "", &window(0, 1)).await;
        let mut shown = rooms(&first);
        shown.sort_unstable();
        let mut newest = [ids[2].as_str(), ids[3].as_str()];
        newest.sort_unstable();
        assert_eq!((shown, &first["lists"]["a"]["count"]), (newest.to_vec(), &json!(4)));
        say(&server, &anna, &ids[0], "1", "Подъём").await;
        let (next, pos) = sync(&server, &anna, &pos, &window(0, 1)).await;
        assert_eq!((rooms(&next), &next["rooms"][&ids[0]]["initial"]), (vec![ids[0].as_str()], &json!(true)));
        // A larger window brings what has not been told, and no more.
        let (rest, pos) = sync(&server, &anna, &pos, &window(0, 99)).await;
        assert_eq!(rooms(&rest), [ids[1].as_str()]);
        // Outside of the window a room is told where it is asked for by name.
        say(&server, &anna, &ids[1], "2", "Ещё").await;
        say(&server, &anna, &ids[2], "3", "И ещё").await;
        let mut by_name = window(0, 0);
        by_name["room_subscriptions"] = json!({
            &ids[1]: { "timeline_limit": 5, "required_state": [] },
            "!nowhere:parta.test": { "timeline_limit": 5, "required_state": [] },
        });
        let (named, _) = sync(&server, &anna, &pos, &by_name).await;
        let mut shown = rooms(&named);
        shown.sort_unstable();
        let mut expected = [ids[1].as_str(), ids[2].as_str()];
        expected.sort_unstable();
        assert_eq!(shown, expected);
    }

    async fn filters_choose_rooms(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let plain = room(&server, &anna, json!({})).await;
        let space = room(&server, &anna, json!({ "creation_content": { "type": "m.space" } })).await;
        let encryption = json!([{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }]);
        let encrypted = room(&server, &anna, json!({ "initial_state": encryption })).await;
        let invited = room(&server, &boris, json!({ "invite": [anna.id], "is_direct": true })).await;
        let direct = json!({ &boris.id: [&encrypted] });
        server.put(&anna, &format!("/_matrix/client/v3/user/{}/account_data/m.direct", anna.id), direct).await;
        for (filters, expected) in [
            (json!({}), vec![&plain, &space, &encrypted, &invited]),
            (json!({ "is_dm": true }), vec![&encrypted]),
            (json!({ "is_dm": false, "is_invite": false }), vec![&plain, &space]),
            (json!({ "is_encrypted": true }), vec![&encrypted]),
            (json!({ "is_invite": true }), vec![&invited]),
            (json!({ "room_types": ["m.space"] }), vec![&space]),
            (json!({ "room_types": [null], "is_invite": false }), vec![&plain, &encrypted]),
            (json!({ "room_types": ["m.space", null], "not_room_types": [null] }), vec![&space]),
        ] {
            let list = json!({ "timeline_limit": 1, "required_state": [], "filters": filters });
            let (answer, _) = sync(&server, &anna, "", &json!({ "lists": { "a": list } })).await;
            let mut shown = rooms(&answer);
            shown.sort_unstable();
            let mut expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
            expected.sort_unstable();
            assert_eq!(shown, expected, "{filters}");
            assert_eq!(answer["lists"]["a"]["count"], expected.len(), "{filters}");
            assert!(rooms(&answer).iter().all(|id| answer["rooms"][id].get("is_dm").is_some() == (**id == *encrypted)));
        }
    }

    async fn an_invitation_becomes_a_room_and_a_room_is_left(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({ "name": "Кружок", "invite": [boris.id] })).await;
        let (first, pos) = sync(&server, &boris, "", &all(5)).await;
        let told = &first["rooms"][&id];
        let stripped = told["invite_state"].as_array().expect("stripped state");
        assert!(stripped.iter().any(|e| e["type"] == "m.room.member" && e["state_key"] == json!(boris.id)), "{told}");
        assert!(told.get("timeline").is_none() && told.get("required_state").is_none(), "{told}");
        say(&server, &anna, &id, "1", "Ждём").await;
        let (quiet, pos) = sync(&server, &boris, &pos, &all(5)).await;
        assert_eq!(rooms(&quiet), Vec::<&str>::new(), "what is said in it is no business of the invited");

        join(&server, &boris, &id).await;
        let (joined, pos) = sync(&server, &boris, &pos, &all(5)).await;
        let told = &joined["rooms"][&id];
        assert_eq!((&told["initial"], &told["name"], told.get("invite_state")), (&json!(true), &json!("Кружок"), None));
        assert!(told["num_live"].as_u64() > Some(0), "{told}");

        leave(&server, &boris, &id).await;
        say(&server, &anna, &id, "2", "Ушёл").await;
        let (left, pos) = sync(&server, &boris, &pos, &all(5)).await;
        let told = &left["rooms"][&id];
        let own = told["required_state"].as_array().into_iter().flatten().find(|e| e["state_key"] == json!(boris.id));
        assert_eq!(own.map(|event| &event["content"]["membership"]), Some(&json!("leave")), "{told}");
        assert_eq!(bodies(told), Vec::<&str>::new(), "what was said after that is not told");
        let (after, pos) = sync(&server, &boris, &pos, &all(5)).await;
        assert_eq!((rooms(&after), &after["lists"]["all"]["count"]), (vec![], &json!(0)));
        let (fresh, _) = sync(&server, &boris, "", &all(5)).await;
        assert_eq!(rooms(&fresh), Vec::<&str>::new());
        drop(pos);

        // Who is put out of a room is told so, even in a new connection.
        let id = open_room(&server, &anna, &[&boris]).await;
        server.post(&anna, &format!("/_matrix/client/v3/rooms/{id}/kick"), json!({ "user_id": boris.id })).await;
        say(&server, &anna, &id, "3", "Тихо стало").await;
        let (fresh, pos) = sync(&server, &boris, "", &all(5)).await;
        assert_eq!((rooms(&fresh), bodies(&fresh["rooms"][&id])), (vec![id.as_str()], vec![]));
        assert_eq!(rooms(&sync(&server, &boris, &pos, &all(5)).await.0), Vec::<&str>::new());
    }

    async fn asking_for_more_brings_more_at_once(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({ "name": "Класс", "topic": "Алгебра" })).await;
        for n in 0..5 {
            say(&server, &anna, &id, &n.to_string(), &n.to_string()).await;
        }
        let (first, pos) = sync(&server, &anna, "", &all(1)).await;
        assert_eq!((bodies(&first["rooms"][&id]), state(&first["rooms"][&id]).len()), (vec!["4"], 2));
        let mut more = all(1);
        let state_too = json!([["m.room.topic", ""], ["m.room.name", ""]]);
        more["room_subscriptions"] = json!({ &id: { "timeline_limit": 3, "required_state": state_too } });
        let (next, pos) = sync(&server, &anna, &pos, &more).await;
        let told = &next["rooms"][&id];
        assert_eq!((bodies(told), state(told)), (vec!["2", "3", "4"], vec![("m.room.topic", "")]));
        assert_eq!((&told["unstable_expanded_timeline"], told.get("initial")), (&json!(true), None));
        // It is told once, and still known when the room was only in the list for a while.
        let (quiet, pos) = sync(&server, &anna, &pos, &more).await;
        assert_eq!(rooms(&quiet), Vec::<&str>::new());
        say(&server, &anna, &id, "x", "Новое").await;
        let (small, pos) = sync(&server, &anna, &pos, &all(1)).await;
        assert_eq!(bodies(&small["rooms"][&id]), ["Новое"]);
        let (large, pos) = sync(&server, &anna, &pos, &more).await;
        assert_eq!(bodies(&large["rooms"][&id]), Vec::<&str>::new(), "{large}");
        // Not so where something was left out meanwhile.
        for n in 0..4 {
            say(&server, &anna, &id, &format!("y{n}"), &format!("y{n}")).await;
        }
        let (small, pos) = sync(&server, &anna, &pos, &all(1)).await;
        assert_eq!((bodies(&small["rooms"][&id]), &small["rooms"][&id]["limited"]), (vec!["y3"], &json!(true)));
        let (large, _) = sync(&server, &anna, &pos, &more).await;
        assert_eq!(bodies(&large["rooms"][&id]), ["y1", "y2", "y3"]);
    }

    async fn members_are_told_as_they_are_needed(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let (vera, gleb) = (server.register("vera").await, server.register("gleb").await);
        let id = open_room(&server, &anna, &[&boris, &vera, &gleb]).await;
        say(&server, &boris, &id, "1", "Я").await;
        let members = |answer: &Value| {
            let mut members: Vec<String> = state(&answer["rooms"][&id])
                .into_iter()
                .filter(|(kind, _)| *kind == "m.room.member")
                .map(|(_, key)| key.to_owned())
                .collect();
            members.sort();
            members
        };
        let (first, pos) = sync(&server, &anna, "", &all(1)).await;
        assert_eq!(members(&first), [anna.id.clone(), boris.id.clone()]);
        say(&server, &boris, &id, "2", "Снова я").await;
        say(&server, &vera, &id, "3", "И я").await;
        let (next, pos) = sync(&server, &anna, &pos, &all(5)).await;
        // The larger timeline shows how people came in.
        assert_eq!(members(&next), [gleb.id.clone(), vera.id.clone()]);
        server.put(&boris, &format!("/_matrix/client/v3/profile/{}/displayname", boris.id), json!({ "displayname": "Боря" })).await;
        let (renamed, _) = sync(&server, &anna, &pos, &all(5)).await;
        assert_eq!(members(&renamed), std::slice::from_ref(&boris.id));
    }

    async fn a_long_poll_wakes_for_what_it_shows(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = open_room(&server, &anna, &[&boris]).await;
        let body = json!({ "lists": { "a": { "ranges": [[0, 0]], "timeline_limit": 1, "required_state": [] } },
            "extensions": { "typing": { "enabled": true }, "to_device": { "enabled": true } } });
        let (_, pos) = sync(&server, &boris, "", &body).await;
        let (answer, pos) = woken(&server, &boris, &pos, &body, async {
            say(&server, &anna, &id, "1", "Вставай").await;
        })
        .await;
        assert_eq!(bodies(&answer["rooms"][&id]), ["Вставай"]);
        let (answer, pos) = woken(&server, &boris, &pos, &body, async {
            let path = format!("/_matrix/client/v3/rooms/{id}/typing/{}", anna.id);
            server.put(&anna, &path, json!({ "typing": true, "timeout": 30_000 })).await;
        })
        .await;
        assert_eq!(answer["extensions"]["typing"]["rooms"][&id]["content"]["user_ids"], json!([anna.id]));
        let (answer, _) = woken(&server, &boris, &pos, &body, async {
            let messages = json!({ "messages": { &boris.id: { "*": { "n": 1 } } } });
            server.put(&anna, "/_matrix/client/v3/sendToDevice/m.room_key/1", messages).await;
        })
        .await;
        assert_eq!(answer["extensions"]["to_device"]["events"][0]["content"]["n"], 1);
    }

    async fn messages_to_a_device_stay_until_it_has_them(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        for n in 0..3 {
            let messages = json!({ "messages": { &boris.id: { "*": { "n": n } } } });
            server.put(&anna, &format!("/_matrix/client/v3/sendToDevice/m.room_key/{n}"), messages).await;
        }
        let ask = |since: Option<&Value>| {
            let to_device = json!({ "enabled": true, "limit": 2, "since": since });
            json!({ "conn_id": "encryption", "extensions": { "e2ee": { "enabled": true }, "to_device": to_device } })
        };
        let numbers = |answer: &Value| {
            let events = answer["extensions"]["to_device"]["events"].as_array().cloned().unwrap_or_default();
            events.iter().filter_map(|event| event["content"]["n"].as_i64()).collect::<Vec<_>>()
        };
        let (first, _) = sync(&server, &boris, "", &ask(None)).await;
        assert_eq!(numbers(&first), [0, 1]);
        assert_eq!(first["extensions"]["e2ee"]["device_unused_fallback_key_types"], json!([]));
        // Without the token they were not received.
        let (again, pos) = sync(&server, &boris, "", &ask(None)).await;
        assert_eq!(numbers(&again), [0, 1]);
        let next = &again["extensions"]["to_device"]["next_batch"];
        let (rest, pos) = sync(&server, &boris, &pos, &ask(Some(next))).await;
        assert_eq!(numbers(&rest), [2]);
        let next = &rest["extensions"]["to_device"]["next_batch"];
        assert_eq!(numbers(&sync(&server, &boris, &pos, &ask(Some(next))).await.0), Vec::<i64>::new());
        assert_eq!(numbers(&sync(&server, &boris, "", &ask(None)).await.0), Vec::<i64>::new(), "they are gone");
    }

    async fn account_data_and_receipts_come_with_their_rooms(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let mut ids = Vec::new();
        for _ in 0..2 {
            ids.push(open_room(&server, &anna, &[&boris]).await);
        }
        let tag = |id: &str, name: &str| format!("/_matrix/client/v3/user/{}/rooms/{id}/tags/{name}", anna.id);
        server.put(&anna, &tag(&ids[0], "u.old"), json!({})).await;
        let early = say(&server, &anna, &ids[0], "1", "Раз").await;
        let read = |id: &str, event: &str| format!("/_matrix/client/v3/rooms/{id}/receipt/m.read/{event}");
        server.post(&boris, &read(&ids[0], &early), json!({})).await;
        say(&server, &anna, &ids[0], "2", "Два").await;
        let second = say(&server, &anna, &ids[1], "3", "Три").await;

        let enabled = json!({ "enabled": true });
        let body = |last: u32| {
            let list = json!({ "ranges": [[0, last]], "timeline_limit": 1, "required_state": [] });
            json!({ "lists": { "a": list }, "extensions": { "account_data": enabled, "receipts": enabled } })
        };
        let (first, pos) = sync(&server, &anna, "", &body(0)).await;
        let data = &first["extensions"]["account_data"];
        assert_eq!(data["global"][0]["type"], "m.push_rules", "{data}");
        assert!(data.get("rooms").is_none(), "the room with the tag is not shown yet: {data}");
        // Nothing of what moves outside of the window is lost.
        server.put(&anna, &tag(&ids[0], "u.new"), json!({})).await;
        let (quiet, pos) = sync(&server, &anna, &pos, &body(0)).await;
        assert!(quiet["extensions"]["account_data"].get("rooms").is_none(), "{quiet}");
        let (both, pos) = sync(&server, &anna, &pos, &body(1)).await;
        let tags = &both["extensions"]["account_data"]["rooms"][&ids[0]][0]["content"]["tags"];
        assert!(tags.get("u.old").is_some() && tags.get("u.new").is_some(), "{both}");
        assert!(both["extensions"]["receipts"]["rooms"].get(&ids[0]).is_none(), "of an event that is not shown: {both}");

        server.post(&boris, &read(&ids[1], &second), json!({})).await;
        let (read_now, pos) = sync(&server, &anna, &pos, &body(1)).await;
        assert!(read_now["extensions"]["receipts"]["rooms"][&ids[1]]["content"][&second]["m.read"].get(&boris.id).is_some());
        assert_eq!(rooms(&read_now), Vec::<&str>::new());
        let (nothing, _) = sync(&server, &anna, &pos, &body(1)).await;
        assert!(nothing.get("extensions").is_none(), "{nothing}");

        // Who reads elsewhere hears that nothing is unread here.
        let (first, pos) = sync(&server, &boris, "", &body(0)).await;
        assert_eq!(first["rooms"][&ids[1]].get("notification_count"), Some(&json!(0)), "{first}");
        let third = say(&server, &anna, &ids[1], "4", "Четыре").await;
        let (unread, pos) = sync(&server, &boris, &pos, &body(0)).await;
        assert_eq!(unread["rooms"][&ids[1]]["notification_count"], 1);
        server.post(&boris, &read(&ids[1], &third), json!({})).await;
        let (read_now, _) = sync(&server, &boris, &pos, &body(0)).await;
        assert_eq!(read_now["rooms"][&ids[1]]["notification_count"], 0);
    }

    async fn what_was_unread_of_one_whom_one_ignores_is_so_no_more(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let vera = server.register("vera").await;
        let id = open_room(&server, &anna, &[&boris, &vera]).await;
        let (_, pos) = sync(&server, &vera, "", &all(1)).await;
        say(&server, &anna, &id, "1", "Раз").await;
        say(&server, &boris, &id, "2", "Два").await;
        let (unread, pos) = sync(&server, &vera, &pos, &all(1)).await;
        assert_eq!(unread["rooms"][&id]["notification_count"], 2, "{unread}");
        let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", vera.id);
        server.put(&vera, &path, json!({ "ignored_users": { &boris.id: {} } })).await;
        let (ignored, pos) = sync(&server, &vera, &pos, &all(1)).await;
        assert_eq!(ignored["rooms"][&id]["notification_count"], 1, "{ignored}");
        let (nothing, _) = sync(&server, &vera, &pos, &all(1)).await;
        assert_eq!(rooms(&nothing), Vec::<&str>::new());
    }

    async fn a_room_comes_into_view_without_moving(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let mut ids = Vec::new();
        for _ in 0..2 {
            ids.push(open_room(&server, &anna, &[&boris]).await);
        }
        for n in 0..3 {
            say(&server, &anna, &ids[0], &n.to_string(), &n.to_string()).await;
        }
        say(&server, &anna, &ids[1], "1", "Последнее").await;
        // The first room is shown with its last message, and the one on top with more.
        let list = |last: u32, limit: u32| json!({ "ranges": [[0, last]], "timeline_limit": limit, "required_state": [] });
        let body = json!({ "lists": { "all": list(9, 1), "top": list(0, 3) },
            "extensions": { "typing": { "enabled": true, "lists": ["top"] } } });
        let (first, pos) = sync(&server, &boris, "", &body).await;
        assert_eq!(bodies(&first["rooms"][&ids[0]]), ["2"]);
        let typing = format!("/_matrix/client/v3/rooms/{}/typing/{}", ids[0], anna.id);
        server.put(&anna, &typing, json!({ "typing": true, "timeout": 30_000 })).await;
        let (quiet, pos) = sync(&server, &boris, &pos, &body).await;
        assert!(quiet.get("extensions").is_none(), "who types is asked for on top: {quiet}");
        leave(&server, &boris, &ids[1]).await;
        let (left, pos) = sync(&server, &boris, &pos, &body).await;
        assert_eq!((rooms(&left), &left["lists"]["all"]["count"]), (vec![ids[1].as_str()], &json!(2)));
        let (risen, pos) = sync(&server, &boris, &pos, &body).await;
        assert_eq!((bodies(&risen["rooms"][&ids[0]]), &risen["lists"]["all"]["count"]), (vec!["0", "1", "2"], &json!(1)));
        assert_eq!(risen["extensions"]["typing"]["rooms"][&ids[0]]["content"]["user_ids"], json!([anna.id]));
        let (nothing, _) = sync(&server, &boris, &pos, &body).await;
        assert_eq!((rooms(&nothing), nothing.get("extensions")), (vec![], None));
    }

    async fn lists_follow_what_no_event_says(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = open_room(&server, &anna, &[&boris]).await;
        let kicked = open_room(&server, &anna, &[&boris]).await;
        server.post(&anna, &format!("/_matrix/client/v3/rooms/{kicked}/kick"), json!({ "user_id": boris.id })).await;
        let invited = room(&server, &anna, json!({ "invite": [boris.id] })).await;
        let (first, pos) = sync(&server, &boris, "", &all(1)).await;
        assert_eq!(first["lists"]["all"]["count"], 3);
        // A room is forgotten, and the one who invites ignored.
        server.post(&boris, &format!("/_matrix/client/v3/rooms/{kicked}/forget"), json!({})).await;
        let (forgotten, pos) = sync(&server, &boris, &pos, &all(1)).await;
        assert_eq!((rooms(&forgotten), &forgotten["lists"]["all"]["count"]), (vec![], &json!(2)));
        let account_data = |kind: &str| format!("/_matrix/client/v3/user/{}/account_data/{kind}", boris.id);
        let ignored = json!({ "ignored_users": { &anna.id: {} } });
        server.put(&boris, &account_data("m.ignored_user_list"), ignored).await;
        let (withheld, pos) = sync(&server, &boris, &pos, &all(1)).await;
        assert_eq!(withheld["lists"]["all"]["count"], 1);
        server.put(&boris, &account_data("m.ignored_user_list"), json!({ "ignored_users": {} })).await;
        let (back, pos) = sync(&server, &boris, &pos, &all(1)).await;
        assert_eq!(back["lists"]["all"]["count"], 2);
        assert!(first["rooms"].get(&invited).is_some() && back["rooms"].get(&invited).is_none(), "it was told: {back}");
        // A room is called direct.
        server.put(&boris, &account_data("m.direct"), json!({ &anna.id: [&id] })).await;
        let (direct, _) = sync(&server, &boris, &pos, &all(1)).await;
        assert_eq!((rooms(&direct), &direct["rooms"][&id]["is_dm"]), (vec![id.as_str()], &json!(true)));
    }

    async fn what_no_client_asks_is_refused(server: Server) {
        let anna = server.register("anna").await;
        let list = |ranges: Value| json!({ "lists": { "a": { "ranges": ranges, "timeline_limit": 1 } } });
        let many: serde_json::Map<_, _> =
            (0..101).map(|n| (n.to_string(), json!({ "ranges": [[0, 1]], "timeline_limit": 1 }))).collect();
        let states = |count: usize| {
            let required: Vec<_> = (0..count).map(|n| json!(["m.space.child", n.to_string()])).collect();
            json!({ "ranges": [[0, 1]], "timeline_limit": 1, "required_state": required })
        };
        for (body, errcode) in [
            (list(json!([[5, 1]])), "M_INVALID_PARAM"),
            (list(json!([[-1, 1]])), "M_BAD_JSON"),
            (list(json!("all")), "M_BAD_JSON"),
            (json!({ "lists": many }), "M_INVALID_PARAM"),
            (json!({ "lists": { "a": states(101), "b": states(100) } }), "M_INVALID_PARAM"),
            (json!({ "room_subscriptions": { "!a:parta.test": states(201) } }), "M_INVALID_PARAM"),
            (json!({ "conn_id": "x".repeat(300) }), "M_INVALID_PARAM"),
            (json!({ "room_subscriptions": { "nowhere": {} } }), "M_BAD_JSON"),
            (json!({ "extensions": { "to_device": { "enabled": true, "since": "x" } } }), "M_INVALID_PARAM"),
        ] {
            server.refused(Method::POST, &anna, PATH, body, errcode).await;
        }
        server.refused(Method::POST, &anna, &format!("{PATH}?set_presence=asleep"), all(1), "M_INVALID_PARAM").await;
        let (empty, pos) = sync(&server, &anna, "", &json!({ "txn_id": "7" })).await;
        assert_eq!((&empty["txn_id"], empty.get("rooms")), (&json!("7"), None));
        sync(&server, &anna, &pos, &json!({})).await;
    }
}
