//! What sync carries beside rooms' events: receipts, markers, typing, presence, account data, tags, to-device.

use serde_json::{Value, json};

use crate::api::{Follower, Homeserver, list, of_type, segment, unique};

on_both_engines![
    receipts,
    private_receipts_stay_private,
    threaded_receipts,
    receipt_refusals,
    read_markers,
    typing,
    typing_refusals,
    presence,
    presence_of_strangers,
    account_data,
    room_account_data,
    account_data_refusals,
    tags,
    to_device_messages,
    to_device_messages_wait,
    to_device_is_idempotent,
];

fn ephemeral(sync: &Value, room: &str, kind: &str) -> Option<Value> {
    of_type(&sync["rooms"]["join"][room]["ephemeral"]["events"], kind)
}

async fn receipts(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = alice.send(&room, "x").await;
    let mut alices = alice.follow().await;
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, event_id), json!({})).await.ok();
    let receipt = alices.until(|sync| ephemeral(sync, &room, "m.receipt")).await;
    let seen = &receipt["content"][&event_id]["m.read"][&bob.id];
    assert!(seen["ts"].as_i64().unwrap() > 1_600_000_000_000, "{receipt}");
    // A first sync tells where everyone is.
    let first = alice.sync("").await;
    assert!(
        ephemeral(&first, &room, "m.receipt").unwrap()["content"][&event_id]["m.read"][&bob.id].is_object(),
        "{first}"
    );
}

async fn private_receipts_stay_private(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = alice.send(&room, "x").await;
    let (mut alices, mut bobs) = (alice.follow().await, bob.follow().await);
    bob.post(path!("v3/rooms/{}/receipt/m.read.private/{}", room, event_id), json!({})).await.ok();
    bobs.until(|sync| {
        ephemeral(sync, &room, "m.receipt")
            .filter(|receipt| receipt["content"][&event_id]["m.read.private"][&bob.id].is_object())
    })
    .await;
    bobs.until(|sync| {
        Some(sync["rooms"]["join"][&room]["unread_notifications"]["notification_count"].as_i64().unwrap_or(0) == 0)
            .filter(|zero| *zero)
    })
    .await;
    let marker = bob.send(&room, "marker").await;
    alices
        .until(|sync| {
            assert!(!sync.to_string().contains("m.read.private"), "{sync}");
            crate::api::ids(&crate::api::timeline(sync, &room)).contains(&marker).then_some(())
        })
        .await;
}

async fn threaded_receipts(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let root = alice.send(&room, "root").await;
    let reply = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": { "rel_type": "m.thread", "event_id": root } });
    let reply = alice.send_event(&room, "m.room.message", reply).await;
    let mut alices = alice.follow().await;
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, reply), json!({ "thread_id": root })).await.ok();
    let receipt = alices.until(|sync| ephemeral(sync, &room, "m.receipt")).await;
    assert_eq!(receipt["content"][&reply]["m.read"][&bob.id]["thread_id"], root.as_str());
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, reply), json!({ "thread_id": "" })).await.refused();
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, root), json!({ "thread_id": "main" })).await.ok();
}

async fn receipt_refusals(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let event_id = alice.send(&room, "x").await;
    alice.post(path!("v3/rooms/{}/receipt/m.unknown/{}", room, event_id), json!({})).await.refused();
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, event_id), json!({})).await.refused();
}

async fn read_markers(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = alice.send(&room, "x").await;
    let (mut alices, mut bobs) = (alice.follow().await, bob.follow().await);
    bob.post(path!("v3/rooms/{}/read_markers", room), json!({ "m.fully_read": event_id, "m.read": event_id }))
        .await
        .ok();
    let (mut marker, mut receipt) = (None, None);
    bobs.until(|sync| {
        marker =
            marker.take().or_else(|| of_type(&sync["rooms"]["join"][&room]["account_data"]["events"], "m.fully_read"));
        receipt = receipt.take().or_else(|| ephemeral(sync, &room, "m.receipt"));
        (marker.is_some() && receipt.is_some()).then_some(())
    })
    .await;
    assert_eq!(marker.unwrap()["content"]["event_id"], event_id.as_str());
    let seen = alices.until(|sync| ephemeral(sync, &room, "m.receipt")).await;
    assert!(seen["content"][&event_id]["m.read"][&bob.id].is_object());
    let read = bob.get(path!("v3/user/{}/rooms/{}/account_data/m.fully_read", bob.id, room)).await.ok();
    assert_eq!(read["event_id"], event_id.as_str());
}

async fn typing(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let mut alices = alice.follow().await;
    let path = path!("v3/rooms/{}/typing/{}", room, bob.id);
    bob.put(&path, json!({ "typing": true, "timeout": 30_000 })).await.ok();
    let typing = alices.until(|sync| ephemeral(sync, &room, "m.typing")).await;
    assert_eq!(typing["content"]["user_ids"], json!([bob.id]));
    bob.put(&path, json!({ "typing": false })).await.ok();
    alices
        .until(|sync| ephemeral(sync, &room, "m.typing").filter(|typing| typing["content"]["user_ids"] == json!([])))
        .await;
    // It ends by itself.
    bob.put(&path, json!({ "typing": true, "timeout": 300 })).await.ok();
    alices
        .until(|sync| {
            ephemeral(sync, &room, "m.typing").filter(|typing| typing["content"]["user_ids"] == json!([bob.id]))
        })
        .await;
    alices
        .until(|sync| ephemeral(sync, &room, "m.typing").filter(|typing| typing["content"]["user_ids"] == json!([])))
        .await;
}

async fn typing_refusals(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    bob.put(path!("v3/rooms/{}/typing/{}", room, bob.id), json!({ "typing": true, "timeout": 1000 }))
        .await
        .fails(403, "M_FORBIDDEN");
    alice.put(path!("v3/rooms/{}/typing/{}", room, bob.id), json!({ "typing": true, "timeout": 1000 })).await.refused();
    alice.put(path!("v3/rooms/{}/typing/{}", room, alice.id), json!({ "typing": "yes" })).await.refused();
}

async fn presence(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    alice.room_with(&[&bob]).await;
    let mut alices = alice.follow().await;
    bob.put(path!("v3/presence/{}/status", bob.id), json!({ "presence": "unavailable", "status_msg": "на уроке" }))
        .await
        .ok();
    let event = alices
        .until(|sync| {
            list(&sync["presence"]["events"])
                .into_iter()
                .find(|event| event["sender"] == bob.id.as_str() && event["content"]["status_msg"] == "на уроке")
        })
        .await;
    assert_eq!(event["type"], "m.presence");
    assert!(event["content"]["presence"].is_string());
    let read = alice.get(path!("v3/presence/{}/status", bob.id)).await.ok();
    assert_eq!(read["status_msg"], "на уроке");
    alice.put(path!("v3/presence/{}/status", bob.id), json!({ "presence": "online" })).await.fails(403, "M_FORBIDDEN");
    bob.put(path!("v3/presence/{}/status", bob.id), json!({ "presence": "dancing" })).await.refused();
}

async fn presence_of_strangers(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    bob.put(path!("v3/presence/{}/status", bob.id), json!({ "presence": "online" })).await.ok();
    alice.get(path!("v3/presence/{}/status", bob.id)).await.fails(403, "M_FORBIDDEN");
}

async fn account_data(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let phone = hs.login(&alice.id).await;
    let path = path!("v3/user/{}/account_data/{}", alice.id, "org.example.settings");
    alice.get(&path).await.fails(404, "M_NOT_FOUND");
    let mut other: Follower = phone.follow().await;
    alice.put(&path, json!({ "theme": "тёмная" })).await.ok();
    assert_eq!(alice.get(&path).await.ok(), json!({ "theme": "тёмная" }));
    let event = other.until(|sync| of_type(&sync["account_data"]["events"], "org.example.settings")).await;
    assert_eq!(event["content"], json!({ "theme": "тёмная" }), "one's other devices hear of it");
    alice.put(&path, json!({ "theme": "светлая" })).await.ok();
    let first = alice.sync("").await;
    assert_eq!(
        of_type(&first["account_data"]["events"], "org.example.settings").unwrap()["content"]["theme"],
        "светлая"
    );
    bob.get(&path).await.fails(403, "M_FORBIDDEN");
    bob.put(&path, json!({})).await.fails(403, "M_FORBIDDEN");
}

async fn room_account_data(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let path = path!("v3/user/{}/rooms/{}/account_data/{}", alice.id, room, "org.example.room");
    let (mut alices, mut bobs) = (alice.follow().await, bob.follow().await);
    alice.put(&path, json!({ "colour": "red" })).await.ok();
    assert_eq!(alice.get(&path).await.ok(), json!({ "colour": "red" }));
    alices.until(|sync| of_type(&sync["rooms"]["join"][&room]["account_data"]["events"], "org.example.room")).await;
    let marker = alice.send(&room, "marker").await;
    bobs.until(|sync| {
        assert!(!sync.to_string().contains("org.example.room"), "it is alice's alone");
        crate::api::ids(&crate::api::timeline(sync, &room)).contains(&marker).then_some(())
    })
    .await;
    bob.get(&path).await.fails(403, "M_FORBIDDEN");
}

/// The specification keeps some types for the server to manage.
async fn account_data_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    alice.put(path!("v3/user/{}/account_data/m.push_rules", alice.id), json!({})).await.fails(405, "M_BAD_JSON");
    alice.put(path!("v3/user/{}/account_data/m.fully_read", alice.id), json!({})).await.fails(405, "M_BAD_JSON");
    alice
        .put(path!("v3/user/{}/rooms/{}/account_data/m.fully_read", alice.id, room), json!({ "event_id": "$x" }))
        .await
        .fails(405, "M_BAD_JSON");
    alice.put(path!("v3/user/{}/account_data/org.example", alice.id), json!([])).await.refused();
}

async fn tags(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let path = path!("v3/user/{}/rooms/{}/tags", alice.id, room);
    alice.put(format!("{path}/u.%D0%BA%D0%BB%D0%B0%D1%81%D1%81"), json!({ "order": 0.25 })).await.ok();
    alice.put(format!("{path}/m.favourite"), json!({})).await.ok();
    let tags = alice.get(&path).await.ok();
    assert_eq!(tags["tags"], json!({ "u.класс": { "order": 0.25 }, "m.favourite": {} }));
    alice.delete(format!("{path}/m.favourite")).await.ok();
    assert_eq!(alice.get(&path).await.ok()["tags"], json!({ "u.класс": { "order": 0.25 } }));
    let first = alice.sync("").await;
    let tag = of_type(&first["rooms"]["join"][&room]["account_data"]["events"], "m.tag").unwrap();
    assert!(tag["content"]["tags"]["u.класс"].is_object());
    bob.get(&path).await.fails(403, "M_FORBIDDEN");
}

fn to_device(sync: &Value, kind: &str) -> Option<Value> {
    of_type(&sync["to_device"]["events"], kind)
}

async fn to_device_messages(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let phone = hs.login(&bob.id).await;
    let (mut desk, mut other) = (bob.follow().await, phone.follow().await);
    let send = async |messages: Value| {
        alice
            .put(path!("v3/sendToDevice/{}/{}", "org.example.hello", unique("txn")), json!({ "messages": messages }))
            .await
            .ok()
    };
    send(json!({ &bob.id: { &bob.device: { "to": "desk" } } })).await;
    let event = desk.until(|sync| to_device(sync, "org.example.hello")).await;
    assert_eq!(event, json!({ "type": "org.example.hello", "sender": alice.id, "content": { "to": "desk" } }));
    send(json!({ &bob.id: { "*": { "to": "all" } } })).await;
    assert_eq!(desk.until(|sync| to_device(sync, "org.example.hello")).await["content"]["to"], "all");
    let first = other.until(|sync| to_device(sync, "org.example.hello")).await;
    assert_eq!(first["content"]["to"], "all", "what was for the desk did not reach the phone");
}

/// Messages wait until a sync's token acknowledges them, and are gone after.
async fn to_device_messages_wait(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    for number in 0..3 {
        let messages = json!({ "messages": { &bob.id: { &bob.device: { "number": number } } } });
        alice.put(path!("v3/sendToDevice/{}/{}", "org.example.count", unique("txn")), messages).await.ok();
    }
    let numbers = |sync: &Value| {
        list(&sync["to_device"]["events"])
            .iter()
            .map(|event| event["content"]["number"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let first = bob.sync("").await;
    assert_eq!(numbers(&first), [0, 1, 2], "in the order sent");
    let next = bob.sync(&format!("&since={}", segment(&crate::api::next_batch(&first)))).await;
    assert!(numbers(&next).is_empty(), "acknowledged by the token: {next}");
}

async fn to_device_is_idempotent(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let path = path!("v3/sendToDevice/{}/{}", "org.example.once", unique("txn"));
    for _ in 0..2 {
        alice.put(&path, json!({ "messages": { &bob.id: { &bob.device: {} } } })).await.ok();
    }
    assert_eq!(list(&bob.sync("").await["to_device"]["events"]).len(), 1);
    // Devices and users that are not there are passed over.
    alice
        .put(
            path!("v3/sendToDevice/{}/{}", "org.example.none", unique("txn")),
            json!({ "messages": { &bob.id: { "NODEVICE": {} }, "@nobody:hs1": { "*": {} } } }),
        )
        .await
        .ok();
}
