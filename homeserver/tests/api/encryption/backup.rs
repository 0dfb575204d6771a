use http::Method;
use serde_json::{Value, json};

use crate::server::{Server, User};

const VERSION: &str = "/_matrix/client/v3/room_keys/version";
const KEYS: &str = "/_matrix/client/v3/room_keys/keys";
const ROOM: &str = "!one:parta.test";

fn description(key: &str) -> Value {
    json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": key, "signatures": {} } })
}

fn key(is_verified: bool, first: u32, forwarded: u32) -> Value {
    json!({
        "is_verified": is_verified, "first_message_index": first, "forwarded_count": forwarded,
        "session_data": { "ephemeral": "ZQ", "ciphertext": "Yw", "mac": "bQ" },
    })
}

async fn create(server: &Server, user: &User) -> String {
    let answer = server.post(user, VERSION, description("a")).await;
    answer["version"].as_str().expect("a version").to_owned()
}

on_both_engines! {
    async fn versions_come_and_go(server: Server) {
        let alice = server.register("alice").await;
        server.refused(Method::GET, &alice, VERSION, Value::Null, "M_NOT_FOUND").await;
        let first = create(&server, &alice).await;
        let mut expected = description("a");
        (expected["version"], expected["etag"], expected["count"]) = (json!(first), json!("0"), json!(0));
        assert_eq!(server.get(&alice, VERSION).await, expected);
        assert_eq!(server.get(&alice, &format!("{VERSION}/{first}")).await, expected);

        server.put(&alice, &format!("{VERSION}/{first}"), description("b")).await;
        assert_eq!(server.get(&alice, VERSION).await["auth_data"]["public_key"], "b");
        let mut wrong = description("c");
        wrong["version"] = json!("77");
        server.refused(Method::PUT, &alice, &format!("{VERSION}/{first}"), wrong, "M_INVALID_PARAM").await;
        let mut wrong = description("c");
        wrong["algorithm"] = json!("org.example.other");
        server.refused(Method::PUT, &alice, &format!("{VERSION}/{first}"), wrong, "M_INVALID_PARAM").await;
        server.refused(Method::PUT, &alice, &format!("{VERSION}/77"), description("c"), "M_NOT_FOUND").await;

        let second = create(&server, &alice).await;
        assert_eq!(server.get(&alice, VERSION).await["version"], json!(second));
        for _ in 0..2 {
            server.delete(&alice, &format!("{VERSION}/{second}"), json!({})).await;
        }
        assert_eq!(server.get(&alice, VERSION).await["version"], json!(first), "the one before is current again");
        server.refused(Method::GET, &alice, &format!("{VERSION}/{second}"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::DELETE, &alice, &format!("{VERSION}/77"), Value::Null, "M_NOT_FOUND").await;
        assert_ne!(create(&server, &alice).await, second, "a number is not used twice");
    }

    async fn keys_are_put_and_read_by_session_room_and_all(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let version = create(&server, &alice).await;
        let at = |path: &str| format!("{KEYS}{path}?version={version}");
        let answer = server.put(&alice, &at(&format!("/{ROOM}/s1")), key(false, 1, 0)).await;
        assert_eq!(answer, json!({ "etag": "1", "count": 1 }));
        let room = json!({ "sessions": { "s1": key(false, 1, 0), "s2": key(false, 2, 0) } });
        let answer = server.put(&alice, &at(&format!("/{ROOM}")), room.clone()).await;
        assert_eq!(answer, json!({ "etag": "2", "count": 2 }));
        let all = json!({ "rooms": { ROOM: room, "!two:parta.test": { "sessions": { "s3": key(true, 0, 0) } } } });
        let answer = server.put(&alice, &at(""), all.clone()).await;
        assert_eq!(answer, json!({ "etag": "3", "count": 3 }));
        let again = server.put(&alice, &at(""), all.clone()).await;
        assert_eq!(again, json!({ "etag": "3", "count": 3 }), "nothing new");

        assert_eq!(server.get(&alice, &at("")).await, all);
        assert_eq!(server.get(&alice, &at(&format!("/{ROOM}"))).await, room);
        assert_eq!(server.get(&alice, &at(&format!("/{ROOM}/s2"))).await, key(false, 2, 0));
        assert_eq!(server.get(&alice, &at("/!other:parta.test")).await, json!({ "sessions": {} }));
        server.refused(Method::GET, &alice, &at(&format!("/{ROOM}/s9")), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::GET, &bob, &at(""), Value::Null, "M_NOT_FOUND").await;

        assert_eq!(server.delete(&alice, &at(&format!("/{ROOM}/s1")), json!({})).await, json!({ "etag": "4", "count": 2 }));
        assert_eq!(server.delete(&alice, &at(&format!("/{ROOM}")), json!({})).await, json!({ "etag": "5", "count": 1 }));
        assert_eq!(server.delete(&alice, &at(""), json!({})).await, json!({ "etag": "6", "count": 0 }));
        assert_eq!(server.get(&alice, &at("")).await, json!({ "rooms": {} }));
    }

    async fn the_better_key_of_a_session_stays(server: Server) {
        let alice = server.register("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}/{ROOM}/s?version={version}");
        let steps = [
            (key(false, 5, 5), true),
            (key(false, 5, 6), false),
            (key(false, 5, 4), true),
            (key(false, 6, 0), false),
            (key(false, 3, 9), true),
            (key(true, 9, 9), true),
            (key(false, 0, 0), false),
        ];
        let mut best = Value::Null;
        for (key, better) in steps {
            server.put(&alice, &path, key.clone()).await;
            if better {
                best = key;
            }
            assert_eq!(server.get(&alice, &path).await, best);
        }
    }

    async fn keys_go_into_the_current_version_alone(server: Server) {
        let alice = server.register("alice").await;
        let old = create(&server, &alice).await;
        let path = |version: &str| format!("{KEYS}/{ROOM}/s?version={version}");
        server.put(&alice, &path(&old), key(false, 0, 0)).await;
        let current = create(&server, &alice).await;
        let refused =
            server.refused(Method::PUT, &alice, &path(&old), key(true, 0, 0), "M_WRONG_ROOM_KEYS_VERSION").await;
        assert_eq!(refused["current_version"], json!(current));
        assert_eq!(server.get(&alice, &path(&old)).await, key(false, 0, 0), "what is there can still be read");
        server.refused(Method::PUT, &alice, &path("77"), key(true, 0, 0), "M_NOT_FOUND").await;
        server.refused(Method::PUT, &alice, &path("x"), key(true, 0, 0), "M_NOT_FOUND").await;
        let malformed = json!({ "is_verified": "yes" });
        server.refused(Method::PUT, &alice, &path(&current), malformed, "M_BAD_JSON").await;
    }
}
