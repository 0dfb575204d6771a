use http::Method;
use serde_json::{Value, json};

use crate::{
    rooms::{join, room},
    server::{Server, User},
};

async fn state(server: &Server, user: &User, room: &str, kind: &str) -> Value {
    server.get(user, &format!("/_matrix/client/v3/rooms/{room}/state/{kind}")).await
}

async fn upgrade(server: &Server, user: &User, room: &str, wish: Value) -> String {
    let answer = server.post(user, &path(room), wish).await;
    answer["replacement_room"].as_str().expect("a room").to_owned()
}

fn path(room: &str) -> String {
    format!("/_matrix/client/v3/rooms/{room}/upgrade")
}

on_both_engines! {
    async fn another_room_takes_the_place_of_one(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let (vera, gleb) = (server.register("vera").await, server.register("gleb").await);
        let both = json!({ &anna.id: 100, &boris.id: 50 });
        for (from, to, users) in [("6", "10", &both), ("9", "12", &json!({})), ("10", "11", &both), ("11", "12", &json!({})), ("12", "12", &json!({})), ("12", "11", &both)] {
            let name = format!("class{from}to{to}");
            let options = json!({
                "room_version": from, "preset": "public_chat", "visibility": "public", "room_alias_name": name,
                "name": "7Б", "topic": "Алгебра",
            });
            let old = room(&server, &anna, options).await;
            let levels_path = format!("/_matrix/client/v3/rooms/{old}/state/m.room.power_levels");
            let mut levels = server.get(&anna, &levels_path).await;
            levels["users"][&boris.id] = json!(50);
            server.put(&anna, &levels_path, levels).await;
            for user in [&boris, &gleb] {
                join(&server, user, &old).await;
            }
            server.post(&anna, &format!("/_matrix/client/v3/rooms/{old}/ban"), json!({ "user_id": vera.id })).await;
            let wish = json!({ "new_version": to, "additional_creators": [boris.id] });
            server.refused(Method::POST, &boris, &path(&old), wish.clone(), "M_FORBIDDEN").await;
            let new = upgrade(&server, &anna, &old, wish).await;

            let create = state(&server, &anna, &new, "m.room.create").await;
            let predecessor = &create["predecessor"];
            assert_eq!((&create["room_version"], &predecessor["room_id"]), (&json!(to), &json!(old)), "{create}");
            assert_eq!(predecessor["event_id"].is_string(), to != "12", "{create}");
            let creators = if to == "12" { json!([boris.id]) } else { Value::Null };
            assert_eq!(create["additional_creators"], creators, "{from} {to}");
            for kind in ["m.room.name", "m.room.topic", "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access"] {
                assert_eq!(state(&server, &anna, &new, kind).await, state(&server, &anna, &old, kind).await, "{kind}");
            }
            assert_eq!(state(&server, &anna, &new, "m.room.power_levels").await["users"], *users, "{from} {to}");
            assert_eq!(state(&server, &anna, &old, "m.room.tombstone").await["replacement_room"], new);
            let closed = state(&server, &anna, &old, "m.room.power_levels").await;
            assert_eq!((&closed["events_default"], &closed["invite"]), (&json!(50), &json!(50)));

            let alias = format!("#{name}:parta.test");
            assert_eq!(state(&server, &anna, &new, "m.room.canonical_alias").await, json!({ "alias": alias }));
            assert_eq!(state(&server, &anna, &old, "m.room.canonical_alias").await, json!({}));
            let found = server.get(&gleb, &format!("/_matrix/client/v3/directory/room/%23{name}%3Aparta.test")).await;
            assert_eq!(found["room_id"], new);
            for (id, visibility) in [(&old, "private"), (&new, "public")] {
                let listed = server.get(&gleb, &format!("/_matrix/client/v3/directory/list/room/{id}")).await;
                assert_eq!(listed["visibility"], visibility);
            }

            let say = format!("/_matrix/client/v3/rooms/{old}/send/m.room.message/late");
            server.refused(Method::PUT, &gleb, &say, json!({ "msgtype": "m.text", "body": "?" }), "M_FORBIDDEN").await;
            let enter = format!("/_matrix/client/v3/rooms/{new}/join");
            server.refused(Method::POST, &vera, &enter, json!({}), "M_FORBIDDEN").await;
            join(&server, &boris, &new).await;
            join(&server, &gleb, &new).await;
            let rename = format!("/_matrix/client/v3/rooms/{new}/state/m.room.history_visibility");
            let all = json!({ "history_visibility": "world_readable" });
            if to == "12" {
                server.put(&boris, &rename, all).await;
            } else {
                server.refused(Method::PUT, &boris, &rename, all, "M_FORBIDDEN").await;
            }
        }
    }

    async fn a_space_keeps_its_children(server: Server) {
        let anna = server.register("anna").await;
        let child = room(&server, &anna, json!({ "name": "9А" })).await;
        let space = room(&server, &anna, json!({ "creation_content": { "type": "m.space" }, "room_version": "11" })).await;
        let link = json!({ "via": ["parta.test"], "suggested": true });
        server.put(&anna, &format!("/_matrix/client/v3/rooms/{space}/state/m.space.child/{child}"), link.clone()).await;
        let new = upgrade(&server, &anna, &space, json!({ "new_version": "12" })).await;
        assert_eq!(state(&server, &anna, &new, "m.room.create").await["type"], "m.space");
        assert_eq!(state(&server, &anna, &new, &format!("m.space.child/{child}")).await, link);
    }

    async fn what_the_new_version_does_not_know_is_left_behind(server: Server) {
        let anna = server.register("anna").await;
        let levels = json!({ "ban": "60", "users": { &anna.id: "100" }, "events": { "m.room.name": "30" } });
        let old = room(&server, &anna, json!({ "room_version": "7", "power_level_content_override": levels })).await;
        let rule = json!({ "join_rule": "knock" });
        server.put(&anna, &format!("/_matrix/client/v3/rooms/{old}/state/m.room.join_rules"), rule.clone()).await;
        let new = upgrade(&server, &anna, &old, json!({ "new_version": "12" })).await;
        let levels = state(&server, &anna, &new, "m.room.power_levels").await;
        assert_eq!((&levels["ban"], &levels["events"]["m.room.name"]), (&json!(60), &json!(30)), "{levels}");
        assert_eq!(state(&server, &anna, &new, "m.room.join_rules").await, rule);
        let new = upgrade(&server, &anna, &new, json!({ "new_version": "6" })).await;
        assert_eq!(state(&server, &anna, &new, "m.room.join_rules").await, json!({ "join_rule": "invite" }));
    }

    async fn what_cannot_be_upgraded_stays_as_it_is(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let id = room(&server, &anna, json!({})).await;
        for (user, room, version, errcode) in [
            (&anna, id.as_str(), "5", "M_UNSUPPORTED_ROOM_VERSION"),
            (&anna, id.as_str(), "next", "M_UNSUPPORTED_ROOM_VERSION"),
            (&boris, id.as_str(), "12", "M_FORBIDDEN"),
            (&anna, "!nowhere:parta.test", "12", "M_FORBIDDEN"),
        ] {
            server.refused(Method::POST, user, &path(room), json!({ "new_version": version }), errcode).await;
        }
        assert_eq!(crate::server::count(&server, "SELECT COUNT(*) AS n FROM rooms").await, 1);
    }
}
