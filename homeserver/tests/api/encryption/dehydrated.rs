use http::Method;
use serde_json::{Value, json};

use super::{SigningKey, device_keys, one_time_keys};
use crate::server::{Server, User};

const PATH: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";

fn body(alice: &User, device: &str) -> Value {
    let dehydrated = User { device: device.to_owned(), ..alice.clone() };
    json!({
        "device_id": device,
        "initial_device_display_name": "asleep",
        "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": "cGlja2xl", "nonce": "bm9uY2U" },
        "device_keys": device_keys(&dehydrated, &SigningKey::of_device(device)),
        "one_time_keys": one_time_keys(["A"]),
    })
}

on_both_engines! {
    async fn a_dehydrated_device_receives_while_nobody_is_signed_in(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        server.refused(Method::GET, &alice, PATH, Value::Null, "M_NOT_FOUND").await;
        assert_eq!(server.put(&alice, PATH, body(&alice, "ASLEEP")).await, json!({ "device_id": "ASLEEP" }));
        let kept = server.get(&alice, PATH).await;
        assert_eq!((&kept["device_id"], &kept["device_data"]), (&json!("ASLEEP"), &body(&alice, "ASLEEP")["device_data"]));

        let seen = server.query(&bob, &alice).await;
        assert_eq!(seen["device_keys"][&alice.id]["ASLEEP"]["unsigned"]["device_display_name"], "asleep", "{seen}");
        let dehydrated = User { device: "ASLEEP".to_owned(), ..alice.clone() };
        assert_eq!(server.claim(&bob, &dehydrated).await, one_time_keys(["A"]));
        let message = json!({ "messages": { &alice.id: { "ASLEEP": { "n": 1 } } } });
        server.put(&bob, "/_matrix/client/v3/sendToDevice/m.room_key/1", message).await;

        let events = format!("{PATH}/ASLEEP/events");
        let first = server.post(&alice, &events, json!({})).await;
        assert_eq!(first["events"][0]["content"]["n"], 1, "{first}");
        let next = server.post(&alice, &events, json!({ "next_batch": first["next_batch"] })).await;
        assert_eq!(next["events"], json!([]));
        server.refused(Method::POST, &alice, &format!("{PATH}/OTHER/events"), json!({}), "M_FORBIDDEN").await;

        assert_eq!(server.delete(&alice, PATH, json!({})).await, json!({ "device_id": "ASLEEP" }));
        server.refused(Method::GET, &alice, PATH, Value::Null, "M_NOT_FOUND").await;
        assert_eq!(server.query(&bob, &alice).await["device_keys"][&alice.id], json!({}));
    }

    async fn another_takes_the_place_of_the_first(server: Server) {
        let alice = server.register("alice").await;
        for device in ["ONE", "TWO"] {
            server.put(&alice, PATH, body(&alice, device)).await;
            assert_eq!(server.get(&alice, PATH).await["device_id"], device);
            let seen = server.query(&alice, &alice).await;
            let devices = seen["device_keys"][&alice.id].as_object().expect("devices").keys().cloned().collect::<Vec<_>>();
            assert_eq!(devices, [device]);
        }
        let taken = body(&alice, &alice.device);
        server.refused(Method::PUT, &alice, PATH, taken, "M_INVALID_PARAM").await;
    }
}
