use http::Method;
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::{Value, json};

use crate::server::{Server, User, count};

fn ids(user: &User) -> (OwnedUserId, OwnedDeviceId) {
    (user.id.as_str().try_into().expect("an id"), user.device.as_str().into())
}

/// What waits for a user's device after a position, as a sync would be given it, and where it ends.
async fn waiting(server: &Server, user: &User, since: i64, limit: usize) -> (Vec<Value>, i64) {
    let ((user_id, device_id), up_to) = (ids(user), server.app.journal.position());
    let delivery = server.app.encryption.to_device(&user_id, &device_id, since, up_to, limit).await.expect("messages");
    let events = delivery.events.iter().map(|event| serde_json::from_str(event.json().get()).expect("JSON"));
    (events.collect(), delivery.up_to)
}

async fn send(server: &Server, from: &User, txn: &str, messages: Value) {
    let path = format!("/_matrix/client/v3/sendToDevice/m.room_key/{txn}");
    server.put(from, &path, json!({ "messages": messages })).await;
}

async fn acknowledge(server: &Server, user: &User, up_to: i64) {
    let (user_id, device_id) = ids(user);
    server.app.encryption.acknowledge(&user_id, &device_id, up_to).await.expect("acknowledged");
}

fn numbers(messages: &[Value]) -> Vec<i64> {
    messages.iter().filter_map(|message| message["content"]["n"].as_i64()).collect()
}

on_both_engines! {
    async fn a_message_waits_until_its_device_has_it(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        assert_eq!(waiting(&server, &bob, 0, 10).await.0, Vec::<Value>::new());
        send(&server, &alice, "1", json!({ &bob.id: { &bob.device: { "n": 1 } } })).await;
        let message = json!({ "type": "m.room_key", "sender": alice.id, "content": { "n": 1 } });
        for _ in 0..2 {
            // As often as it asks with the same token.
            assert_eq!(waiting(&server, &bob, 0, 10).await.0, std::slice::from_ref(&message));
        }
        let (_, up_to) = waiting(&server, &bob, 0, 10).await;
        assert_eq!(waiting(&server, &bob, up_to, 10).await.0, Vec::<Value>::new());
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 1, "kept until it comes back");
        acknowledge(&server, &bob, up_to).await;
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 0);
        assert_eq!(waiting(&server, &bob, 0, 10).await.0, Vec::<Value>::new());
    }

    async fn a_message_goes_to_the_devices_that_are_there(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let second = server.sign_in("bob").await;
        let messages = json!({
            &bob.id: { "*": { "n": 1 }, &bob.device: { "n": 2 }, "NOSUCH": { "n": 3 } },
            "@nobody:parta.test": { "*": { "n": 4 } },
        });
        send(&server, &alice, "1", messages).await;
        assert_eq!(numbers(&waiting(&server, &bob, 0, 10).await.0), [2], "named, it has its own");
        assert_eq!(numbers(&waiting(&server, &second, 0, 10).await.0), [1]);
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 2);
        let path = "/_matrix/client/v3/sendToDevice/m.room_key/2";
        let text = json!({ "messages": { &bob.id: { "*": "text" } } });
        server.refused(Method::PUT, &alice, path, text, "M_BAD_JSON").await;
    }

    async fn a_repeated_transaction_sends_nothing_even_after_a_restart(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let message = |n: i64| json!({ &bob.id: { "*": { "n": n } } });
        for _ in 0..3 {
            send(&server, &alice, "same", message(1)).await;
        }
        let server = server.restarted().await;
        send(&server, &alice, "same", message(2)).await;
        send(&server, &alice, "other", message(3)).await;
        let other_type = "/_matrix/client/v3/sendToDevice/m.dummy/same";
        server.put(&alice, other_type, json!({ "messages": message(4) })).await;
        send(&server, &bob, "same", message(5)).await;
        assert_eq!(numbers(&waiting(&server, &bob, 0, 10).await.0), [1, 3, 4, 5]);
    }

    async fn more_than_the_limit_comes_in_parts(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        for n in 0..5 {
            send(&server, &alice, &n.to_string(), json!({ &bob.id: { "*": { "n": n } } })).await;
        }
        let (mut since, mut seen) = (0, Vec::new());
        for expected in [2, 2, 1, 0] {
            let (messages, up_to) = waiting(&server, &bob, since, 2).await;
            assert_eq!(messages.len(), expected);
            seen.extend(numbers(&messages));
            since = up_to;
            acknowledge(&server, &bob, since).await;
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 0);
    }

    async fn a_device_that_was_long_away_has_everything(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        // More than is held in memory for one device.
        for n in 0..130 {
            send(&server, &alice, &n.to_string(), json!({ &bob.id: { "*": { "n": n } } })).await;
        }
        let (first, up_to) = waiting(&server, &bob, 0, 100).await;
        assert_eq!(numbers(&first), (0..100).collect::<Vec<_>>());
        acknowledge(&server, &bob, up_to).await;
        send(&server, &alice, "last", json!({ &bob.id: { "*": { "n": 130 } } })).await;
        let (rest, up_to) = waiting(&server, &bob, up_to, 100).await;
        assert_eq!(numbers(&rest), (100..131).collect::<Vec<_>>());
        acknowledge(&server, &bob, up_to).await;
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 0);
    }

    async fn old_requests_and_orphans_are_tidied_away(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        send(&server, &alice, "1", json!({ &bob.id: { "*": { "n": 1 } } })).await;
        server.app.encryption.tidy().await.expect("tidied");
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device_requests").await, 1, "not old yet");
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM to_device").await, 1);
    }
}
