//! Events that are sent later.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    rooms::{bodies, leave, open_room, room},
    server::{Server, User},
};

const DELAYED: &str = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
const KIND: &str = "org.parta.call";

/// Schedules a text and has its id.
async fn say_later(server: &Server, user: &User, room: &str, txn: &str, delay_ms: u64) -> String {
    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}?org.matrix.msc4140.delay={delay_ms}");
    id(&server.put(user, &path, json!({ "msgtype": "m.text", "body": txn })).await)
}

/// Schedules state and has its id.
async fn set_later(server: &Server, user: &User, room: &str, key: &str) -> String {
    let path = format!("/_matrix/client/v3/rooms/{room}/state/{KIND}/{key}?org.matrix.msc4140.delay=60000");
    id(&server.put(user, &path, json!({ "later": true })).await)
}

fn id(answer: &Value) -> String {
    assert!(answer.get("event_id").is_none(), "{answer}");
    answer["delay_id"].as_str().expect("an id").to_owned()
}

async fn waiting(server: &Server, user: &User) -> Vec<String> {
    let list = server.get(user, DELAYED).await;
    list["delayed_events"].as_array().expect("a list").iter().map(id).collect()
}

async fn update(server: &Server, user: &User, delay_id: &str, action: &str) -> (StatusCode, Value) {
    let path = format!("{DELAYED}/{delay_id}");
    server.json(Method::POST, &path, Some(&user.token), &json!({ "action": action })).await
}

/// The texts in a room, the newest first.
async fn texts(server: &Server, user: &User, room: &str) -> Vec<String> {
    let answer = server.get(user, &format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100")).await;
    bodies(&answer["chunk"]).into_iter().map(str::to_owned).collect()
}

/// Waits until nothing of a user's waits.
async fn until_none_waits(server: &Server, user: &User) {
    let none = async {
        while !waiting(server, user).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), none).await.expect("nothing waits");
}

on_both_engines! {
    async fn a_message_waits_for_its_time(server: Server) {
        let anna = server.register("anna").await;
        let room = open_room(&server, &anna, &[]).await;
        say_later(&server, &anna, &room, "second", 600).await;
        say_later(&server, &anna, &room, "first", 200).await;
        until_none_waits(&server, &anna).await;
        assert_eq!(texts(&server, &anna, &room).await, ["second", "first"]);
        let versions = server.get(&anna, "/_matrix/client/versions").await;
        assert_eq!(versions["unstable_features"]["org.matrix.msc4140"], true);
    }

    async fn a_restart_neither_loses_nor_doubles(server: Server) {
        let anna = server.register("anna").await;
        let room = open_room(&server, &anna, &[]).await;
        let long = say_later(&server, &anna, &room, "long", 60_000).await;
        say_later(&server, &anna, &room, "short", 500).await;
        let server = server.restarted().await;
        assert!(waiting(&server, &anna).await.contains(&long));
        let sent = async {
            while texts(&server, &anna, &room).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), sent).await.expect("it is sent");
        let server = server.restarted().await;
        assert_eq!(waiting(&server, &anna).await, std::slice::from_ref(&long));
        assert_eq!(update(&server, &anna, &long, "send").await, (StatusCode::OK, json!({})));
        assert_eq!(texts(&server, &anna, &room).await, ["long", "short"]);
    }

    async fn a_repeated_request_is_one_event(server: Server) {
        let anna = server.register("anna").await;
        let room = open_room(&server, &anna, &[]).await;
        let first = say_later(&server, &anna, &room, "hello", 60_000).await;
        assert_eq!(say_later(&server, &anna, &room, "hello", 60_000).await, first);
        assert_eq!(waiting(&server, &anna).await, std::slice::from_ref(&first));
        assert_eq!(update(&server, &anna, &first, "send").await.0, StatusCode::OK);
        assert_eq!(update(&server, &anna, &first, "send").await.0, StatusCode::NOT_FOUND);
        let again = say_later(&server, &anna, &room, "hello", 60_000).await;
        assert_eq!(update(&server, &anna, &again, "send").await.0, StatusCode::OK);
        assert_eq!(texts(&server, &anna, &room).await, ["hello"]);
        assert!(waiting(&server, &anna).await.is_empty());
    }

    async fn what_waits_is_listed_restarted_and_cancelled(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let room = open_room(&server, &anna, &[&boris]).await;
        let one = set_later(&server, &anna, &room, "").await;
        let listed = server.get(&anna, DELAYED).await["delayed_events"][0].clone();
        let since = listed["running_since"].as_i64().expect("a time");
        assert_eq!(
            listed,
            json!({ "delay_id": one, "room_id": room, "type": KIND, "state_key": "", "delay": 60_000, "delay_ms": 60_000,
                "running_since": since, "delayed_since_ts": since, "content": { "later": true } })
        );
        assert!(waiting(&server, &boris).await.is_empty());
        for action in ["restart", "send", "cancel"] {
            let (status, answer) = update(&server, &boris, &one, action).await;
            assert_eq!((status, &answer["errcode"]), (StatusCode::NOT_FOUND, &json!("M_NOT_FOUND")), "{action}");
        }
        tokio::time::timeout(Duration::from_secs(5), async {
            while server.app.clock.now() <= since {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("time passes");
        // Who has the id needs no token.
        let path = format!("{DELAYED}/{one}/restart");
        assert_eq!(server.json(Method::POST, &path, None, &json!({})).await, (StatusCode::OK, json!({})));
        let listed = server.get(&anna, DELAYED).await["delayed_events"][0].clone();
        assert!(listed["running_since"].as_i64() > Some(since), "{listed}");
        server.refused(Method::POST, &anna, &format!("{DELAYED}/{one}"), json!({ "action": "burn" }), "M_INVALID_PARAM").await;
        assert_eq!(update(&server, &anna, &one, "cancel").await, (StatusCode::OK, json!({})));
        assert_eq!(update(&server, &anna, &one, "send").await.0, StatusCode::NOT_FOUND);
        assert!(waiting(&server, &anna).await.is_empty());
        let state = format!("/_matrix/client/v3/rooms/{room}/state/{KIND}/");
        server.refused(Method::GET, &anna, &state, Value::Null, "M_NOT_FOUND").await;
    }

    async fn an_endpoint_of_its_own_schedules(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let room = open_room(&server, &anna, &[&boris]).await;
        let path = |kind: &str, txn: &str| {
            format!("/_matrix/client/unstable/org.matrix.msc4140/rooms/{room}/delayed_event/{kind}/{txn}")
        };
        let text = json!({ "delay_ms": 60_000, "content": { "msgtype": "m.text", "body": "hello" } });
        let said = id(&server.put(&anna, &path("m.room.message", "1"), text.clone()).await);
        assert_eq!(id(&server.put(&anna, &path("m.room.message", "1"), text).await), said, "repeated");
        // As the field was called before; a key makes it state, an empty one too.
        let state = json!({ "delay": 60_000, "state_key": "", "content": { "later": true } });
        let set = id(&server.put(&anna, &path(KIND, "1"), state.clone()).await);
        assert_eq!(id(&server.put(&anna, &path(KIND, "1"), state).await), set, "repeated");
        let one = |delay_id: &str| format!("{DELAYED}/{delay_id}");
        let looked_at = server.get(&anna, &one(&set)).await;
        assert_eq!((&looked_at["type"], &looked_at["delay_ms"]), (&json!(KIND), &json!(60_000)), "{looked_at}");
        server.refused(Method::GET, &boris, &one(&set), Value::Null, "M_NOT_FOUND").await;
        for delay_id in [&said, &set] {
            assert_eq!(update(&server, &anna, delay_id, "send").await.0, StatusCode::OK);
            server.refused(Method::GET, &anna, &one(delay_id), Value::Null, "M_NOT_FOUND").await;
        }
        assert_eq!(texts(&server, &anna, &room).await, ["hello"]);
        let now = format!("/_matrix/client/v3/rooms/{room}/state/{KIND}/");
        assert_eq!(server.get(&anna, &now).await, json!({ "later": true }));
        for (bad, errcode) in [
            (json!({ "delay_ms": 0, "content": {} }), "M_INVALID_PARAM"),
            (json!({ "delay_ms": -1, "content": {} }), "M_BAD_JSON"),
            (json!({ "delay_ms": 1, "content": [] }), "M_BAD_JSON"),
            (json!({ "delay_ms": 1 }), "M_BAD_JSON"),
            (json!({ "content": {} }), "M_BAD_JSON"),
            (json!({ "delay_ms": 60_000, "state_key": "k".repeat(256), "content": {} }), "M_TOO_LARGE"),
            (json!({ "delay_ms": 60_000, "state_key": "a\0", "content": {} }), "M_INVALID_PARAM"),
        ] {
            server.refused(Method::PUT, &anna, &path(KIND, "2"), bad, errcode).await;
        }
        assert!(waiting(&server, &anna).await.is_empty());
        let told = server.get(&anna, "/_matrix/client/v3/capabilities").await;
        let limits = &told["capabilities"]["org.matrix.msc4140.delayed_events"];
        assert_eq!(*limits, json!({ "max_delay_ms": 2_592_000_000_u64, "max_scheduled": 100 }));
    }

    async fn state_of_somebody_else_cancels(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let levels = json!({ "preset": "public_chat", "power_level_content_override": { "state_default": 0 } });
        let room = room(&server, &anna, levels).await;
        crate::rooms::join(&server, &boris, &room).await;
        let (mine, other) = (set_later(&server, &anna, &room, "a").await, set_later(&server, &anna, &room, "b").await);
        let state = |key: &str| format!("/_matrix/client/v3/rooms/{room}/state/{KIND}/{key}");
        server.put(&anna, &state("a"), json!({ "by": "anna" })).await;
        server.put(&boris, &state("b"), json!({ "by": "boris" })).await;
        assert_eq!(update(&server, &anna, &other, "send").await.0, StatusCode::NOT_FOUND);
        assert_eq!(server.get(&anna, &state("b")).await, json!({ "by": "boris" }));
        let server = server.restarted().await;
        assert_eq!(waiting(&server, &anna).await, std::slice::from_ref(&mine));
        assert_eq!(update(&server, &anna, &mine, "send").await.0, StatusCode::OK);
        assert_eq!(server.get(&anna, &state("a")).await, json!({ "later": true }));
    }

    async fn who_has_left_sends_no_more(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let room = open_room(&server, &anna, &[&boris]).await;
        let delay_id = say_later(&server, &boris, &room, "late", 60_000).await;
        leave(&server, &boris, &room).await;
        assert_eq!(update(&server, &boris, &delay_id, "send").await.0, StatusCode::NOT_FOUND);
        until_none_waits(&server, &boris).await;
        assert!(texts(&server, &anna, &room).await.is_empty());
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/x?org.matrix.msc4140.delay=1");
        server.refused(Method::PUT, &boris, &path, json!({ "body": "x" }), "M_FORBIDDEN").await;
    }

    async fn delays_and_their_number_are_limited(server: Server) {
        let server = server.adjusted(|config| {
            config.delayed_events.max_delay_seconds = 60;
            config.delayed_events.max_per_user = 2;
        }).await;
        let anna = server.register("anna").await;
        let room = open_room(&server, &anna, &[]).await;
        let path = |delay: &str| format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/x?org.matrix.msc4140.delay={delay}");
        let refused = server.refused(Method::PUT, &anna, &path("60001"), json!({ "body": "x" }), "M_UNKNOWN").await;
        assert_eq!(refused["org.matrix.msc4140.errcode"], "M_MAX_DELAY_EXCEEDED");
        assert_eq!(refused["org.matrix.msc4140.max_delay"], 60_000);
        for bad in ["soon", "-1", ""] {
            server.refused(Method::PUT, &anna, &path(bad), json!({ "body": "x" }), "M_INVALID_PARAM").await;
        }
        for txn in ["a", "b"] {
            say_later(&server, &anna, &room, txn, 60_000).await;
        }
        let refused = server.refused(Method::PUT, &anna, &path("1000"), json!({ "body": "x" }), "M_UNKNOWN").await;
        assert_eq!(refused["org.matrix.msc4140.errcode"], "M_MAX_DELAYED_EVENTS_EXCEEDED");
        assert!(texts(&server, &anna, &room).await.is_empty(), "and nothing was sent instead");
    }
}
