use http::Method;
use serde_json::{Value, json};

use super::{SigningKey, device_keys, one_time_key, one_time_keys};
use crate::server::Server;

const UPLOAD: &str = "/_matrix/client/v3/keys/upload";

on_both_engines! {
    async fn others_see_the_keys_that_a_device_uploaded(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let keys = device_keys(&alice, &SigningKey::of_device(&alice.device));
        let answer = server.upload(&alice, json!({ "device_keys": keys })).await;
        assert_eq!(answer, json!({ "one_time_key_counts": { "signed_curve25519": 0 } }));

        let seen = server.query(&bob, &alice).await;
        let device = &seen["device_keys"][&alice.id][&alice.device];
        for field in ["user_id", "device_id", "algorithms", "keys", "signatures"] {
            assert_eq!(device[field], keys[field], "{seen}");
        }
        assert!(device["unsigned"].is_object(), "{seen}");

        // The name that the owner gives the device goes with it, soon after.
        let path = format!("/_matrix/client/v3/devices/{}", alice.device);
        server.put(&alice, &path, json!({ "display_name": "Alice's phone" })).await;
        let seen = server.query(&bob, &alice).await;
        assert_eq!(seen["device_keys"][&alice.id][&alice.device]["unsigned"]["device_display_name"], "Alice's phone");

        // One may ask for single devices; who has none, or is nobody, has none.
        let wanted = json!({ "device_keys": { &alice.id: ["OTHER"], &bob.id: [], "@nobody:parta.test": [] } });
        let seen = server.post(&bob, "/_matrix/client/v3/keys/query", wanted).await;
        let expected = json!({ &alice.id: {}, &bob.id: {}, "@nobody:parta.test": {} });
        assert_eq!(seen["device_keys"], expected);
    }

    async fn a_device_uploads_no_keys_but_its_own(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let keys = device_keys(&alice, &SigningKey::of_device(&alice.device));
        server.refused(Method::POST, &bob, UPLOAD, json!({ "device_keys": keys }), "M_BAD_JSON").await;
        let malformed = [
            json!({ "device_keys": { "user_id": alice.id, "device_id": alice.device } }),
            json!({ "device_keys": 3 }),
            json!({ "one_time_keys": { "signed_curve25519:A": 3 } }),
            json!({ "one_time_keys": { "nocolon": one_time_key("a") } }),
            json!({ "one_time_keys": [] }),
        ];
        for body in malformed {
            server.refused(Method::POST, &alice, UPLOAD, body, "M_BAD_JSON").await;
        }
        let two = json!({ "fallback_keys": one_time_keys(["A", "B"]) });
        server.refused(Method::POST, &alice, UPLOAD, two, "M_INVALID_PARAM").await;
        assert_eq!(server.query(&bob, &alice).await["device_keys"][&alice.id], json!({}));
    }

    async fn one_time_keys_are_given_out_once_and_in_order(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        assert_eq!(server.claim(&bob, &alice).await, Value::Null, "there is none yet");
        // The later name first, so that order is by upload and not by name.
        for (name, count) in [("B", 1), ("A", 2)] {
            let answer = server.upload(&alice, json!({ "one_time_keys": one_time_keys([name]) })).await;
            assert_eq!(answer["one_time_key_counts"]["signed_curve25519"], count);
        }
        let again = server.upload(&alice, json!({ "one_time_keys": one_time_keys(["A", "B"]) })).await;
        assert_eq!(again["one_time_key_counts"]["signed_curve25519"], 2, "the same once more changes nothing");

        let other = json!({ "one_time_keys": { "signed_curve25519:A": one_time_key("another") } });
        let refused = server.refused(Method::POST, &alice, UPLOAD, other, "M_UNKNOWN").await;
        let message = refused["error"].as_str().expect("a message");
        assert!(message.starts_with("One time key signed_curve25519:A already exists. Old key: {"), "{message}");

        assert_eq!(server.claim(&bob, &alice).await, one_time_keys(["B"]));
        let late = server.upload(&alice, json!({ "one_time_keys": one_time_keys(["B"]) })).await;
        assert_eq!(late["one_time_key_counts"]["signed_curve25519"], 1, "a key that was given out stays given out");
        assert_eq!(server.claim(&bob, &alice).await, one_time_keys(["A"]));
        assert_eq!(server.claim(&bob, &alice).await, Value::Null);
    }

    async fn fallback_keys_serve_when_one_time_keys_have_run_out(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let body = json!({ "one_time_keys": one_time_keys(["A"]), "fallback_keys": one_time_keys(["F"]) });
        server.upload(&alice, body.clone()).await;
        let counts = |server: &Server| {
            let app = server.app.clone();
            let (user, device): (ruma::OwnedUserId, ruma::OwnedDeviceId) =
                (alice.id.as_str().try_into().expect("an id"), alice.device.as_str().into());
            async move {
                let counts = app.encryption.key_counts(&user, &device).await.expect("counts");
                let (left, unused) = (&counts.one_time_keys, &counts.unused_fallback_keys);
                (u64::from(*left.values().next().expect("one algorithm")), unused.len())
            }
        };
        assert_eq!(counts(&server).await, (1, 1));
        assert_eq!(server.claim(&bob, &alice).await, one_time_keys(["A"]));
        assert_eq!(counts(&server).await, (0, 1));
        for _ in 0..2 {
            assert_eq!(server.claim(&bob, &alice).await, one_time_keys(["F"]), "as often as it takes");
            assert_eq!(counts(&server).await, (0, 0));
        }
        server.upload(&alice, json!({ "fallback_keys": one_time_keys(["F"]) })).await;
        assert_eq!(counts(&server).await, (0, 0), "the same key is still used");
        server.upload(&alice, json!({ "fallback_keys": one_time_keys(["G"]) })).await;
        assert_eq!(counts(&server).await, (0, 1));
        assert_eq!(server.claim(&bob, &alice).await, one_time_keys(["G"]));
    }

    async fn another_identity_begins_without_keys(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        server.upload_device_keys(&alice).await;
        server.upload(&alice, json!({ "one_time_keys": one_time_keys(["A"]) })).await;
        // Signed in anew on the same device, with an empty store: the same names for other keys.
        let keys = device_keys(&alice, &SigningKey::of_device(&alice.device));
        let new = json!({ "device_keys": keys, "one_time_keys": { "signed_curve25519:A": one_time_key("new") } });
        let answer = server.upload(&alice, new).await;
        assert_eq!(answer["one_time_key_counts"]["signed_curve25519"], 1);
        let claimed = server.claim(&bob, &alice).await;
        assert_eq!(claimed, json!({ "signed_curve25519:A": one_time_key("new") }));
    }

    async fn a_device_that_is_deleted_takes_its_keys_along(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        server.upload_device_keys(&alice).await;
        server.upload(&alice, json!({ "one_time_keys": one_time_keys(["A"]) })).await;
        assert_ne!(server.query(&bob, &alice).await["device_keys"][&alice.id], json!({}));
        server.post(&alice, "/_matrix/client/v3/logout", json!({})).await;
        assert_eq!(server.query(&bob, &alice).await["device_keys"][&alice.id], json!({}));
        assert_eq!(server.claim(&bob, &alice).await, Value::Null);
    }
}
