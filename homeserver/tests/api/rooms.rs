use homeserver::config::Rooms;
use http::Method;
use ruma::RoomVersionId;
use serde_json::{Value, json};

use crate::server::{Server, User};

/// A room of a user's, by options.
pub(crate) async fn room(server: &Server, user: &User, options: Value) -> String {
    let answer = server.post(user, "/_matrix/client/v3/createRoom", options).await;
    answer["room_id"].as_str().expect("a room id").to_owned()
}

/// A room of a user's that everybody may join, and who has.
pub(crate) async fn open_room(server: &Server, owner: &User, members: &[&User]) -> String {
    let id = room(server, owner, json!({ "preset": "public_chat" })).await;
    for member in members {
        join(server, member, &id).await;
    }
    id
}

/// Joins a room.
pub(crate) async fn join(server: &Server, user: &User, room: &str) {
    server.post(user, &format!("/_matrix/client/v3/rooms/{room}/join"), json!({})).await;
}

/// Leaves a room.
pub(crate) async fn leave(server: &Server, user: &User, room: &str) {
    server.post(user, &format!("/_matrix/client/v3/rooms/{room}/leave"), json!({})).await;
}

/// Sends a text.
pub(crate) async fn say(server: &Server, user: &User, room: &str, txn: &str, text: &str) -> String {
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}");
    let answer = server.put(user, &path, json!({ "msgtype": "m.text", "body": text })).await;
    answer["event_id"].as_str().expect("an event id").to_owned()
}

/// The texts of messages.
pub(crate) fn bodies(events: &Value) -> Vec<&str> {
    events.as_array().into_iter().flatten().filter_map(|event| event["content"]["body"].as_str()).collect()
}

on_both_engines! {
    async fn a_room_of_every_version_and_preset(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        for version in Rooms::VERSIONS.iter().map(RoomVersionId::as_str) {
            for (preset, rule) in [("public_chat", "public"), ("private_chat", "invite"), ("trusted_private_chat", "invite")] {
                let options = json!({ "room_version": version, "preset": preset, "name": "9 «А»", "topic": "Алгебра", "invite": [boris.id] });
                let id = room(&server, &anna, options).await;
                assert_eq!(id.contains(':'), version != "12", "{id}");
                let state = |kind: &str| format!("/_matrix/client/v3/rooms/{id}/state/{kind}");
                assert_eq!(server.get(&anna, &state("m.room.join_rules")).await["join_rule"], rule);
                assert_eq!(server.get(&anna, &state("m.room.name/")).await["name"], "9 «А»");
                let topic = json!({ "topic": "Алгебра", "m.topic": { "m.text": [{ "body": "Алгебра" }] } });
                assert_eq!(server.get(&anna, &state("m.room.topic")).await, topic);
                let create = server.get(&anna, &state("m.room.create")).await;
                assert_eq!(create["room_version"], version);
                let levels = server.get(&anna, &state("m.room.power_levels")).await;
                let trusted = preset == "trusted_private_chat";
                assert_eq!(levels["users"][&boris.id], if trusted && version != "12" { json!(100) } else { Value::Null });
                let creators = if trusted && version == "12" { json!([boris.id]) } else { Value::Null };
                assert_eq!(create["additional_creators"], creators, "{preset}");
                join(&server, &boris, &id).await;
                let path = state("m.room.power_levels");
                if trusted {
                    server.put(&boris, &path, levels).await;
                } else {
                    let mut higher = levels;
                    higher["users_default"] = json!(100);
                    server.refused(Method::PUT, &boris, &path, higher, "M_FORBIDDEN").await;
                }
            }
        }
        server.refused(Method::POST, &anna, "/_matrix/client/v3/createRoom", json!({ "room_version": "5" }), "M_UNSUPPORTED_ROOM_VERSION").await;
    }

    async fn a_room_whose_state_would_not_hold_is_refused(server: Server) {
        let anna = server.register("anna").await;
        for options in [
            // Who makes a room of this version has no level, being above all.
            json!({ "room_version": "12", "power_level_content_override": { "users": { (anna.id.as_str()): 100 } } }),
            // And here needs one to name it.
            json!({ "room_version": "11", "power_level_content_override": { "users": {} }, "name": "9 «А»" }),
        ] {
            server.refused(Method::POST, &anna, "/_matrix/client/v3/createRoom", options, "M_INVALID_ROOM_STATE").await;
        }
    }

    async fn a_repeated_send_has_one_event(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let first = say(&server, &anna, &id, "t1", "Здравствуйте").await;
        assert_eq!(say(&server, &anna, &id, "t1", "Здравствуйте").await, first);
        let again: Vec<_> = (0..8).map(|_| say(&server, &anna, &id, "t2", "Ещё")).collect();
        let again = futures_util::future::join_all(again).await;
        assert!(again.iter().all(|event| *event == again[0]) && again[0] != first);
        let page = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
        assert_eq!(bodies(&page["chunk"]), ["Ещё", "Здравствуйте"]);
        assert_eq!(page["chunk"][0]["unsigned"]["transaction_id"], "t2");
    }

    async fn invite_join_leave_kick_ban(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let id = room(&server, &anna, json!({ "preset": "private_chat" })).await;
        let path = |action: &str| format!("/_matrix/client/v3/rooms/{id}/{action}");
        let target = json!({ "user_id": boris.id });
        server.refused(Method::POST, &boris, &path("join"), json!({}), "M_FORBIDDEN").await;
        server.refused(Method::POST, &boris, &path("invite"), json!({ "user_id": anna.id }), "M_FORBIDDEN").await;
        server.post(&anna, &path("invite"), target.clone()).await;
        join(&server, &boris, &id).await;
        server.refused(Method::POST, &boris, &path("kick"), json!({ "user_id": anna.id }), "M_FORBIDDEN").await;
        server.post(&anna, &path("kick"), target.clone()).await;
        server.refused(Method::POST, &anna, &path("kick"), target.clone(), "M_FORBIDDEN").await;
        server.refused(Method::PUT, &boris, &path("send/m.room.message/x"), json!({ "body": "?", "msgtype": "m.text" }), "M_FORBIDDEN").await;
        server.post(&anna, &path("ban"), target.clone()).await;
        server.refused(Method::POST, &boris, &path("join"), json!({}), "M_FORBIDDEN").await;
        server.post(&anna, &path("unban"), target.clone()).await;
        server.post(&boris, &path("forget"), json!({})).await;
        server.refused(Method::GET, &boris, &path("messages?dir=b"), Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::POST, &anna, &path("forget"), json!({}), "M_UNKNOWN").await;
        let nobody = json!({ "user_id": "@nobody:parta.test" });
        server.refused(Method::POST, &anna, &path("invite"), nobody, "M_NOT_FOUND").await;
    }

    async fn two_people_have_rooms_in_common(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let mut common = Vec::new();
        for left in [false, false, true] {
            let id = room(&server, &anna, json!({ "preset": "public_chat" })).await;
            join(&server, &boris, &id).await;
            if left {
                server.post(&boris, &format!("/_matrix/client/v3/rooms/{id}/leave"), json!({})).await;
            } else {
                common.push(id);
            }
        }
        room(&server, &anna, json!({ "invite": [boris.id] })).await;
        common.sort();
        let versions = server.get(&anna, "/_matrix/client/versions").await;
        for feature in ["query_mutual_rooms", "query_mutual_rooms.stable"] {
            assert_eq!(versions["unstable_features"][format!("uk.half-shot.msc2666.{feature}")], true);
        }
        for path in ["v1/mutual_rooms", "unstable/uk.half-shot.msc2666/user/mutual_rooms"] {
            let path = |query: &str| format!("/_matrix/client/{path}{query}");
            for (by, other) in [(&anna, &boris), (&boris, &anna)] {
                let answer = server.get(by, &path(&format!("?user_id={}", other.id))).await;
                assert_eq!(answer, json!({ "joined": common, "count": 2 }));
            }
            let none = server.get(&anna, &path("?user_id=@nobody:parta.test")).await;
            assert_eq!(none, json!({ "joined": [], "count": 0 }));
            for bad in ["", "?user_id=boris", &format!("?user_id={}", anna.id), &format!("?user_id={}&from=x", boris.id)] {
                server.refused(Method::GET, &anna, &path(bad), Value::Null, "M_INVALID_PARAM").await;
            }
        }
    }

    async fn knocking_and_restricted_rooms(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let rule = |content: Value| json!({ "initial_state": [{ "type": "m.room.join_rules", "state_key": "", "content": content }] });
        let knock = room(&server, &anna, rule(json!({ "join_rule": "knock" }))).await;
        server.post(&boris, &format!("/_matrix/client/v3/knock/{knock}"), json!({ "reason": "Пустите" })).await;
        server.post(&anna, &format!("/_matrix/client/v3/rooms/{knock}/invite"), json!({ "user_id": boris.id })).await;
        join(&server, &boris, &knock).await;

        let class = room(&server, &anna, json!({ "preset": "public_chat" })).await;
        let allow = json!({ "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": class }] });
        let inner = room(&server, &anna, rule(allow)).await;
        server.refused(Method::POST, &boris, &format!("/_matrix/client/v3/rooms/{inner}/join"), json!({}), "M_FORBIDDEN").await;
        join(&server, &boris, &class).await;
        join(&server, &boris, &inner).await;
        let member = server.get(&anna, &format!("/_matrix/client/v3/rooms/{inner}/state/m.room.member/{}", boris.id)).await;
        assert_eq!(member["join_authorised_via_users_server"], anna.id);
    }

    async fn a_room_knows_what_its_version_knows(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let class = open_room(&server, &anna, &[&boris]).await;
        let allow = json!([{ "type": "m.room_membership", "room_id": class }]);
        let attempt = async |path: String| {
            let (status, answer) = server.json(Method::POST, &path, Some(&boris.token), &json!({})).await;
            assert!(status.is_success() || answer["errcode"] == "M_FORBIDDEN", "{path}: {answer}");
            status.is_success()
        };
        for (n, version) in (6..).zip(Rooms::VERSIONS.iter().map(RoomVersionId::as_str)) {
            let create = async |join_rule: &str| {
                let content = json!({ "join_rule": join_rule, "allow": allow });
                let state = json!([{ "type": "m.room.join_rules", "content": content }]);
                room(&server, &anna, json!({ "room_version": version, "initial_state": state })).await
            };
            for (rule, knock, join) in
                [("knock", n >= 7, false), ("restricted", false, n >= 8), ("knock_restricted", n >= 10, n >= 10)]
            {
                let id = create(rule).await;
                let summary = format!("/_matrix/client/v1/room_summary/{id}");
                let (status, seen) = server.json(Method::GET, &summary, Some(&boris.token), &Value::Null).await;
                assert_eq!(status.is_success(), knock || join, "{rule} in {version}: {seen}");
                assert_eq!(attempt(format!("/_matrix/client/v3/knock/{id}")).await, knock, "{rule} in {version}");
                let joined = attempt(format!("/_matrix/client/v3/rooms/{}/join", create(rule).await)).await;
                assert_eq!(joined, join, "{rule} in {version}");
            }
            let id = room(&server, &anna, json!({ "room_version": version })).await;
            let creator = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/state/m.room.create")).await;
            assert_eq!(creator["creator"].is_string(), n < 11, "{version}: {creator}");
            let path = format!("/_matrix/client/v3/rooms/{id}/state/m.room.power_levels");
            let mut levels = server.get(&anna, &path).await;
            levels["events_default"] = json!("70");
            if n < 10 {
                server.put(&anna, &path, levels).await;
                server.post(&anna, &format!("/_matrix/client/v3/rooms/{id}/invite"), json!({ "user_id": boris.id })).await;
                join(&server, &boris, &id).await;
                let say = format!("/_matrix/client/v3/rooms/{id}/send/m.room.message/1");
                server.refused(Method::PUT, &boris, &say, json!({ "body": "?", "msgtype": "m.text" }), "M_FORBIDDEN").await;
            } else {
                server.refused(Method::PUT, &anna, &path, levels, "M_FORBIDDEN").await;
            }
        }
    }

    async fn a_redacted_event_is_empty_for_good(server: Server) {
        for version in Rooms::VERSIONS.iter().map(RoomVersionId::as_str) {
            let anna = server.register(&format!("anna{version}")).await;
            let boris = server.register(&format!("boris{version}")).await;
            let id = room(&server, &anna, json!({ "preset": "public_chat", "room_version": version })).await;
            join(&server, &boris, &id).await;
            let secret = say(&server, &anna, &id, "1", "Пароль от дневника").await;
            let path = format!("/_matrix/client/v3/rooms/{id}/redact/{secret}/r1");
            server.refused(Method::PUT, &boris, &path, json!({}), "M_FORBIDDEN").await;
            let redaction = server.put(&anna, &path, json!({ "reason": "ошибка" })).await;
            assert_eq!(server.put(&anna, &path, json!({ "reason": "ошибка" })).await, redaction);
            // A redaction may be sent as any other event too.
            let other = say(&server, &boris, &id, "1", "Пароль от почты").await;
            let path = format!("/_matrix/client/v3/rooms/{id}/send/m.room.redaction/r2");
            server.put(&boris, &path, json!({ "redacts": other })).await;
            for redacted in [secret, other] {
                let event = server.get(&boris, &format!("/_matrix/client/v3/rooms/{id}/event/{redacted}")).await;
                assert_eq!(event["content"], json!({}));
                let because = &event["unsigned"]["redacted_because"];
                let (outside, inside) = (&because["redacts"], &because["content"]["redacts"]);
                assert_eq!((outside, inside), (&json!(redacted), &json!(redacted)), "{event}");
            }
        }
    }

    async fn state_is_read_with_its_event(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let path = format!("/_matrix/client/v3/rooms/{id}/state/m.room.name");
        let mut sent = Vec::new();
        for name in ["7Б", "8Б"] {
            let answer = server.put(&anna, &path, json!({ "name": name })).await;
            sent.push(answer["event_id"].clone());
        }
        assert_eq!(server.get(&anna, &format!("{path}?format=content")).await, json!({ "name": "8Б" }));
        let event = server.get(&anna, &format!("{path}?format=event")).await;
        assert_eq!((&event["content"], &event["event_id"]), (&json!({ "name": "8Б" }), &sent[1]), "{event}");
        assert_eq!((&event["sender"], &event["unsigned"]["replaces_state"]), (&json!(anna.id), &sent[0]), "{event}");
    }

    async fn redacted_state_is_not_repeated_by_what_replaced_it(server: Server) {
        let anna = server.register("anna").await;
        let id = open_room(&server, &anna, &[]).await;
        let path = |kind: &str| format!("/_matrix/client/v3/rooms/{id}/state/{kind}");
        let own = format!("m.room.member/{}", anna.id);
        let cases = [
            ("m.room.topic", json!({ "topic": "Тайна" }), json!({ "topic": "Другое" }), json!({})),
            (
                own.as_str(),
                json!({ "membership": "join", "displayname": "Тайна" }),
                json!({ "membership": "join", "displayname": "Анна" }),
                json!({ "membership": "join" }),
            ),
        ];
        let mut replaced = Vec::new();
        for (kind, secret, other, left) in cases {
            let secret = server.put(&anna, &path(kind), secret).await["event_id"].as_str().expect("an id").to_owned();
            let other = server.put(&anna, &path(kind), other).await["event_id"].as_str().expect("an id").to_owned();
            let redact = format!("/_matrix/client/v3/rooms/{id}/redact/{secret}/r{}", replaced.len());
            server.put(&anna, &redact, json!({})).await;
            replaced.push((other, left));
        }
        let sync = server.get(&anna, "/_matrix/client/v3/sync").await;
        assert!(!sync.to_string().contains("Тайна"), "{sync}");
        let state = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/state")).await;
        assert!(!state.to_string().contains("Тайна"), "{state}");
        let server = server.restarted().await;
        for (event, left) in replaced {
            let event = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/event/{event}")).await;
            assert_eq!(event["unsigned"]["prev_content"], left, "{event}");
        }
    }

    async fn history_pages_both_ways_and_context(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let mut events = Vec::new();
        for n in 0..25 {
            events.push(say(&server, &anna, &id, &format!("t{n}"), &n.to_string()).await);
        }
        let mut seen: Vec<String> = Vec::new();
        let mut from = String::new();
        loop {
            let page = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=7{from}")).await;
            seen.extend(bodies(&page["chunk"]).into_iter().map(str::to_owned));
            match page["end"].as_str() {
                Some(end) => from = format!("&from={end}"),
                None => break,
            }
        }
        let expected: Vec<String> = (0..25).rev().map(|n| n.to_string()).collect();
        assert_eq!(seen, expected);
        let forwards = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=f&limit=100")).await;
        assert_eq!(bodies(&forwards["chunk"]).len(), 25);
        let context = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/context/{}?limit=4", events[10])).await;
        assert_eq!((bodies(&context["events_before"]), bodies(&context["events_after"])), (vec!["9", "8"], vec!["11", "12"]));
        let end = context["end"].as_str().expect("an end");
        let after = server.get(&anna, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=f&limit=1&from={end}")).await;
        assert_eq!(bodies(&after["chunk"]), ["13"]);
    }

    async fn visibility_of_history(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        for (visibility, expected) in [("joined", vec!["2"]), ("invited", vec!["2", "1"]), ("shared", vec!["2", "1", "0"])] {
            let state = json!([{ "type": "m.room.history_visibility", "state_key": "", "content": { "history_visibility": visibility } }]);
            let id = room(&server, &anna, json!({ "preset": "private_chat", "initial_state": state })).await;
            say(&server, &anna, &id, "0", "0").await;
            server.post(&anna, &format!("/_matrix/client/v3/rooms/{id}/invite"), json!({ "user_id": boris.id })).await;
            say(&server, &anna, &id, "1", "1").await;
            join(&server, &boris, &id).await;
            say(&server, &anna, &id, "2", "2").await;
            let page = server.get(&boris, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
            assert_eq!(bodies(&page["chunk"]), expected, "{visibility}");
            leave(&server, &boris, &id).await;
            say(&server, &anna, &id, "3", "3").await;
            let page = server.get(&boris, &format!("/_matrix/client/v3/rooms/{id}/messages?dir=b&limit=50")).await;
            assert_eq!(bodies(&page["chunk"]), expected, "{visibility}, after leaving");
        }
    }

    async fn aliases_and_the_directory(server: Server) {
        let anna = server.register("anna").await;
        let boris = server.register("boris").await;
        let options = json!({ "preset": "public_chat", "visibility": "public", "room_alias_name": "algebra", "name": "Алгебра" });
        let id = room(&server, &anna, options.clone()).await;
        server.refused(Method::POST, &anna, "/_matrix/client/v3/createRoom", options, "M_ROOM_IN_USE").await;
        let alias = "%23algebra%3Aparta.test";
        let found = server.get(&boris, &format!("/_matrix/client/v3/directory/room/{alias}")).await;
        assert_eq!(found["room_id"], id);
        server.post(&boris, &format!("/_matrix/client/v3/join/{alias}"), json!({})).await;
        let listed = server.post(&boris, "/_matrix/client/v3/publicRooms", json!({ "filter": { "generic_search_term": "АЛГЕ" } })).await;
        assert_eq!((&listed["chunk"][0]["room_id"], &listed["chunk"][0]["num_joined_members"]), (&json!(id), &json!(2)));
        let none = server.post(&boris, "/_matrix/client/v3/publicRooms", json!({ "filter": { "generic_search_term": "физика" } })).await;
        assert_eq!(none["chunk"], json!([]));
        let path = format!("/_matrix/client/v3/directory/room/{alias}");
        server.refused(Method::DELETE, &boris, &path, Value::Null, "M_FORBIDDEN").await;
        server.delete(&anna, &path, Value::Null).await;
        server.refused(Method::GET, &boris, &path, Value::Null, "M_NOT_FOUND").await;
    }

    async fn relations_and_one_reaction_each(server: Server) {
        let anna = server.register("anna").await;
        let id = room(&server, &anna, json!({})).await;
        let parent = say(&server, &anna, &id, "0", "Вопрос").await;
        let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": parent, "key": "👍" } });
        let path = |txn: &str| format!("/_matrix/client/v3/rooms/{id}/send/m.reaction/{txn}");
        server.put(&anna, &path("a"), reaction.clone()).await;
        server.refused(Method::PUT, &anna, &path("b"), reaction, "M_DUPLICATE_ANNOTATION").await;
        for n in 0..5 {
            let reply = json!({ "msgtype": "m.text", "body": n.to_string(), "m.relates_to": { "rel_type": "m.thread", "event_id": parent } });
            server.put(&anna, &format!("/_matrix/client/v3/rooms/{id}/send/m.room.message/{n}t"), reply).await;
        }
        let base = format!("/_matrix/client/v1/rooms/{id}/relations/{parent}");
        assert_eq!(server.get(&anna, &base).await["chunk"].as_array().map(Vec::len), Some(6));
        let first = server.get(&anna, &format!("{base}/m.thread?limit=3")).await;
        assert_eq!(bodies(&first["chunk"]), ["4", "3", "2"]);
        let next = first["next_batch"].as_str().expect("a next page");
        let second = server.get(&anna, &format!("{base}/m.thread/m.room.message?limit=3&from={next}")).await;
        assert_eq!(bodies(&second["chunk"]), ["1", "0"]);
        assert!(second.get("next_batch").is_none());
    }

    async fn nothing_is_kept_of_a_room_that_could_not_be_made(server: Server) {
        let anna = server.register("anna").await;
        let state = json!([{ "type": "m.room.power_levels", "state_key": "", "content": { "users": { "@x:parta.test": "high" } } }]);
        let options = json!({ "room_alias_name": "broken", "initial_state": state });
        let (status, answer) = server.json(Method::POST, "/_matrix/client/v3/createRoom", Some(&anna.token), &options).await;
        assert!(status.is_client_error(), "{answer}");
        assert_eq!(crate::server::count(&server, "SELECT COUNT(*) AS n FROM events").await, 0);
        assert_eq!(crate::server::count(&server, "SELECT COUNT(*) AS n FROM aliases").await, 0);
        room(&server, &anna, json!({ "room_alias_name": "broken" })).await;
    }
}
