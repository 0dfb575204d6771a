use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rooms::{join, room},
    server::{Server, User},
};

fn path(space: &str, query: &str) -> String {
    format!("/_matrix/client/v1/rooms/{space}/hierarchy{query}")
}

/// The names of a tree's rooms, in order.
fn names(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_array().expect("rooms").iter().filter_map(|room| room["name"].as_str()).collect()
}

async fn space(server: &Server, user: &User, name: &str) -> String {
    let options = json!({ "name": name, "preset": "public_chat", "creation_content": { "type": "m.space" } });
    room(server, user, options).await
}

async fn named(server: &Server, user: &User, name: &str, join_rule: Value) -> String {
    let rule = json!([{ "type": "m.room.join_rules", "state_key": "", "content": join_rule }]);
    room(server, user, json!({ "name": name, "initial_state": rule })).await
}

async fn link(server: &Server, user: &User, space: &str, child: &str, content: Value) {
    server.put(user, &format!("/_matrix/client/v3/rooms/{space}/state/m.space.child/{child}"), content).await;
}

on_both_engines! {
    async fn a_space_shows_its_tree(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let school = space(&server, &anna, "Школа").await;
        let class = space(&server, &anna, "7Б").await;
        let public = || json!({ "join_rule": "public" });
        let maths = named(&server, &anna, "Алгебра", public()).await;
        let chess = named(&server, &anna, "Шахматы", public()).await;
        let via = || json!({ "via": ["parta.test"] });
        link(&server, &anna, &school, &chess, via()).await;
        link(&server, &anna, &school, &class, json!({ "via": ["parta.test"], "order": "a", "suggested": true })).await;
        link(&server, &anna, &class, &maths, json!({ "via": ["parta.test"], "suggested": true })).await;
        // Round in a circle, twice, to nowhere, and what is no link.
        link(&server, &anna, &class, &school, via()).await;
        link(&server, &anna, &class, &chess, json!({ "via": ["parta.test"], "order": "a" })).await;
        link(&server, &anna, &class, "!nowhere:parta.test", via()).await;
        link(&server, &anna, &school, &maths, json!({})).await;

        let all = server.get(&boris, &path(&school, "")).await;
        assert_eq!(names(&all), ["Школа", "7Б", "Шахматы", "Алгебра"]);
        assert!(all.get("next_batch").is_none(), "{all}");
        let root = &all["rooms"][0];
        let children: Vec<_> = root["children_state"].as_array().expect("links").iter().map(|l| &l["state_key"]).collect();
        assert_eq!(children, [&json!(class), &json!(chess)], "{root}");
        let link = &root["children_state"][0];
        assert!(link["origin_server_ts"].is_i64() && link["sender"] == anna.id.as_str() && link.get("event_id").is_none(), "{link}");
        assert_eq!((&root["room_type"], &root["num_joined_members"]), (&json!("m.space"), &json!(1)));
        assert_eq!(all["rooms"][2]["children_state"], json!([]));

        for (query, expected) in [
            ("?max_depth=0", vec!["Школа"]),
            ("?max_depth=1", vec!["Школа", "7Б", "Шахматы"]),
            ("?suggested_only=true", vec!["Школа", "7Б", "Алгебра"]),
            ("?suggested_only=true&max_depth=1", vec!["Школа", "7Б"]),
        ] {
            assert_eq!(names(&server.get(&boris, &path(&school, query)).await), expected, "{query}");
        }
    }

    async fn a_tree_is_told_in_parts(server: Server) {
        let anna = server.register("anna").await;
        let school = space(&server, &anna, "Школа").await;
        let mut expected = vec!["Школа".to_owned()];
        for n in 0..5 {
            let name = format!("Кружок {n}");
            let id = named(&server, &anna, &name, json!({ "join_rule": "public" })).await;
            link(&server, &anna, &school, &id, json!({ "via": ["parta.test"], "order": n.to_string() })).await;
            expected.push(name);
        }
        for limit in 1..=6 {
            let (mut seen, mut from): (Vec<String>, String) = (Vec::new(), String::new());
            loop {
                let page = server.get(&anna, &path(&school, &format!("?limit={limit}&max_depth=3{from}"))).await;
                seen.extend(names(&page).into_iter().map(str::to_owned));
                match page["next_batch"].as_str() {
                    Some(next) => from = format!("&from={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, expected, "limit {limit}");
        }
        let first = server.get(&anna, &path(&school, "?limit=2&max_depth=3")).await;
        let next = first["next_batch"].as_str().expect("a next part");
        for query in [format!("?max_depth=2&from={next}"), format!("?max_depth=3&suggested_only=true&from={next}"), "?from=x".to_owned()] {
            server.refused(Method::GET, &anna, &path(&school, &query), Value::Null, "M_INVALID_PARAM").await;
        }
    }

    async fn one_learns_of_rooms_that_one_could_enter(server: Server) {
        let (anna, boris, vera) =
            (server.register("anna").await, server.register("boris").await, server.register("vera").await);
        let school = space(&server, &anna, "Школа").await;
        let rule = |rule: &str| json!({ "join_rule": rule, "allow": [{ "type": "m.room_membership", "room_id": school }] });
        let mut rooms = Vec::new();
        for name in ["public", "knock", "restricted", "knock_restricted", "invite"] {
            let id = named(&server, &anna, name, rule(name)).await;
            link(&server, &anna, &school, &id, json!({ "via": ["parta.test"], "order": rooms.len().to_string() })).await;
            rooms.push(id);
        }
        let tree = path(&school, "");
        assert_eq!(names(&server.get(&boris, &tree).await), ["Школа", "public", "knock", "knock_restricted"]);
        join(&server, &boris, &school).await;
        let all = server.get(&boris, &tree).await;
        assert_eq!(names(&all), ["Школа", "public", "knock", "restricted", "knock_restricted"]);
        assert_eq!(all["rooms"][3]["allowed_room_ids"], json!([school]));
        server.post(&anna, &format!("/_matrix/client/v3/rooms/{}/invite", rooms[4]), json!({ "user_id": boris.id })).await;
        assert_eq!(names(&server.get(&boris, &tree).await).len(), 6);
        server.post(&anna, &format!("/_matrix/client/v3/rooms/{}/ban", rooms[0]), json!({ "user_id": vera.id })).await;
        assert_eq!(names(&server.get(&vera, &tree).await), ["Школа", "knock", "knock_restricted"]);
        server.refused(Method::GET, &vera, &path(&rooms[4], ""), Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::GET, &vera, &path("!nowhere:parta.test", ""), Value::Null, "M_FORBIDDEN").await;
    }

    async fn a_room_is_summed_up(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let encryption = json!([{ "type": "m.room.encryption", "state_key": "", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }]);
        let open = room(&server, &anna, json!({
            "preset": "public_chat", "name": "7Б", "topic": "Класс", "room_alias_name": "class", "initial_state": encryption,
            "room_version": "11",
        })).await;
        let secret = room(&server, &anna, json!({ "preset": "private_chat" })).await;
        let mut expected = json!({
            "room_id": open, "canonical_alias": "#class:parta.test", "name": "7Б", "topic": "Класс",
            "num_joined_members": 1, "world_readable": false, "guest_can_join": false,
            "encryption": "m.megolm.v1.aes-sha2", "room_version": "11",
        });
        let unstable = "/_matrix/client/unstable/im.nheko.summary";
        for path in [
            "/_matrix/client/v1/room_summary/%23class%3Aparta.test".to_owned(),
            format!("/_matrix/client/v1/room_summary/{open}?via=elsewhere.test"),
            format!("{unstable}/summary/{open}"),
            format!("{unstable}/rooms/{open}/summary"),
        ] {
            for (user, membership) in [(Some(&anna), json!("join")), (Some(&boris), json!("leave")), (None, Value::Null)] {
                let token = user.map(|user| user.token.as_str());
                let (status, mut answer) = server.json(Method::GET, &path, token, &Value::Null).await;
                // Public is what a room is unless its summary says otherwise.
                answer.as_object_mut().expect("an object").remove("join_rule");
                expected["membership"] = membership;
                if user.is_none() {
                    expected.as_object_mut().expect("an object").remove("membership");
                }
                assert_eq!((status, &answer), (StatusCode::OK, &expected), "{path}");
            }
        }
        let path = format!("/_matrix/client/v1/room_summary/{secret}");
        server.get(&anna, &path).await;
        server.refused(Method::GET, &boris, &path, Value::Null, "M_NOT_FOUND").await;
        let (status, _) = server.json(Method::GET, &path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        for none in ["!nowhere:parta.test", "%23nowhere%3Aparta.test"] {
            let path = format!("/_matrix/client/v1/room_summary/{none}");
            server.refused(Method::GET, &anna, &path, Value::Null, "M_NOT_FOUND").await;
        }
    }
}
