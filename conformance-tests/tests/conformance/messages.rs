//! Sending, redacting, relations, single events.

use serde_json::{Value, json};

use crate::api::{Homeserver, bodies, ids, list, unique};

on_both_engines![
    sending_is_idempotent,
    transaction_ids_are_a_devices_own,
    content_survives_exactly,
    senders_must_be_members,
    transaction_id_comes_back_to_the_device,
    redaction_strips_content,
    redaction_permissions,
    redaction_by_version,
    redaction_is_idempotent,
    edits,
    reactions,
    threads,
    relations_are_paged,
    replies_keep_their_relation,
    single_events,
    too_large_events,
    encrypted_events_pass_through,
    reports,
];

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

async fn sending_is_idempotent(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let path = path!("v3/rooms/{}/send/m.room.message/{}", room, unique("txn"));
    let first = alice.put(&path, text("once")).await.ok();
    let second = alice.put(&path, text("once")).await.ok();
    assert_eq!(first, second);
    // Also when both are under way at once.
    let path = path!("v3/rooms/{}/send/m.room.message/{}", room, unique("txn"));
    let (one, two) = tokio::join!(alice.put(&path, text("twice")), alice.put(&path, text("twice")));
    assert_eq!(one.ok(), two.ok());
    let sent = bodies(&alice.back(&room).await);
    assert_eq!(sent, ["twice", "once"]);
    // The same transaction id for another room or type is another event.
    let other = alice.create_room(json!({})).await;
    let id = unique("txn");
    let a = alice.put(path!("v3/rooms/{}/send/m.room.message/{}", room, id), text("a")).await.ok();
    let b = alice.put(path!("v3/rooms/{}/send/m.room.message/{}", other, id), text("b")).await.ok();
    assert_ne!(a["event_id"], b["event_id"]);
}

/// Client-server API, "Transaction identifiers": their scope is the device.
async fn transaction_ids_are_a_devices_own(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let phone = hs.login(&alice.id).await;
    let room = alice.create_room(json!({})).await;
    let path = path!("v3/rooms/{}/send/m.room.message/{}", room, unique("txn"));
    let one = alice.put(&path, text("desk")).await.ok();
    let two = phone.put(&path, text("phone")).await.ok();
    assert_ne!(one["event_id"], two["event_id"]);
}

async fn content_survives_exactly(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let content = json!({
        "msgtype": "org.example.anything",
        "body": "Ёжик 🦔 \u{200f}مرحبا\" \\ \u{7} \n\t конец",
        "nested": { "list": [1, -9_007_199_254_740_991i64, 9_007_199_254_740_991i64, true, null, { "": "" }] },
        "ключ": "значение",
    });
    let event_id = alice.send_event(&room, "m.room.message", content.clone()).await;
    let event = bob.get(path!("v3/rooms/{}/event/{}", room, event_id)).await.ok();
    assert_eq!(event["content"], content);
    let custom = alice.send_event(&room, "org.example.событие", json!({ "x": 1 })).await;
    let event = bob.get(path!("v3/rooms/{}/event/{}", room, custom)).await.ok();
    assert_eq!(event["type"], "org.example.событие");
}

async fn senders_must_be_members(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await;
    bob.try_send(&room, "m.room.message", text("x")).await.fails(403, "M_FORBIDDEN");
    let unknown = bob.try_send("!none:hs1", "m.room.message", text("x")).await;
    assert!([403, 404].contains(&unknown.status), "{unknown}");
    unknown.refused();
}

async fn transaction_id_comes_back_to_the_device(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let phone = hs.login(&alice.id).await;
    let room = alice.room_with(&[&bob]).await;
    let (mut desk, mut other, mut bobs) = (alice.follow().await, phone.follow().await, bob.follow().await);
    let txn = unique("txn");
    let sent = alice.put(path!("v3/rooms/{}/send/m.room.message/{}", room, txn), text("mine")).await.ok();
    let event_id = sent["event_id"].as_str().unwrap();
    assert_eq!(desk.event(&room, event_id).await["unsigned"]["transaction_id"], txn.as_str());
    assert!(other.event(&room, event_id).await["unsigned"]["transaction_id"].is_null());
    assert!(bobs.event(&room, event_id).await["unsigned"]["transaction_id"].is_null());
}

async fn redaction_strips_content(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = bob.send(&room, "oops").await;
    let mut alices = alice.follow().await;
    let redaction = bob
        .put(path!("v3/rooms/{}/redact/{}/{}", room, event_id, unique("txn")), json!({ "reason": "ошибка" }))
        .await
        .ok();
    let redaction_id = redaction["event_id"].as_str().unwrap();
    let seen = alices.event(&room, redaction_id).await;
    assert_eq!(seen["type"], "m.room.redaction");
    assert_eq!(seen["content"]["reason"], "ошибка");
    let event = alice.get(path!("v3/rooms/{}/event/{}", room, event_id)).await.ok();
    assert_eq!(event["content"], json!({}));
    assert_eq!(event["unsigned"]["redacted_because"]["event_id"], redaction_id);
    let paged = alice.back(&room).await.into_iter().find(|event| event["event_id"] == event_id.as_str()).unwrap();
    assert_eq!(paged["content"], json!({}));
    assert!(!alice.sync("").await.to_string().contains("oops"));
}

async fn redaction_permissions(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob]).await;
    let bobs = bob.send(&room, "bob's").await;
    let alices = alice.send(&room, "alice's").await;
    let redact = async |who: &crate::api::User, event: &str| {
        who.put(path!("v3/rooms/{}/redact/{}/{}", room, event, unique("txn")), json!({})).await
    };
    redact(&bob, &alices).await.fails(403, "M_FORBIDDEN");
    redact(&carol, &alices).await.fails(403, "M_FORBIDDEN");
    redact(&alice, &bobs).await.ok();
    redact(&bob, &bob.send(&room, "own").await).await.ok();
}

/// Room version 11 moved `redacts` into the content; servers give clients both forms.
async fn redaction_by_version(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for version in [6, 7, 8, 9, 10, 11, 12] {
        let room = alice.create_room(json!({ "room_version": version.to_string() })).await;
        let target = alice.send(&room, "x").await;
        let answer = alice.put(path!("v3/rooms/{}/redact/{}/{}", room, target, unique("txn")), json!({})).await.ok();
        let event = alice.get(path!("v3/rooms/{}/event/{}", room, answer["event_id"].as_str().unwrap())).await.ok();
        assert_eq!(event["redacts"], target.as_str(), "version {version}: {event}");
        if version >= 11 {
            assert_eq!(event["content"]["redacts"], target.as_str(), "version {version}: {event}");
        }
    }
}

async fn redaction_is_idempotent(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let target = alice.send(&room, "x").await;
    let path = path!("v3/rooms/{}/redact/{}/{}", room, target, unique("txn"));
    let first = alice.put(&path, json!({})).await.ok();
    assert_eq!(first, alice.put(&path, json!({})).await.ok());
}

/// Client-server API, "Event replacements": the latest edit comes bundled with the original.
async fn edits(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let original = alice.send(&room, "teh").await;
    let edit = |body: &str| json!({ "msgtype": "m.text", "body": format!("* {body}"), "m.new_content": text(body), "m.relates_to": { "rel_type": "m.replace", "event_id": original } });
    alice.send_event(&room, "m.room.message", edit("hte")).await;
    let last = alice.send_event(&room, "m.room.message", edit("the")).await;
    // An edit by another does not count.
    bob.send_event(&room, "m.room.message", edit("mine now")).await;
    let event = bob.get(path!("v3/rooms/{}/event/{}", room, original)).await.ok();
    let bundled = &event["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(bundled["event_id"], last.as_str(), "{event}");
    assert_eq!(event["content"]["body"], "teh", "the original stays what it was");
    let page = bob.back(&room).await.into_iter().find(|event| event["event_id"] == original.as_str()).unwrap();
    assert_eq!(page["unsigned"]["m.relations"]["m.replace"]["event_id"], last.as_str());
}

async fn reactions(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let target = alice.send(&room, "2 + 2 = 4").await;
    let react = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": "👍" } });
    let reaction = bob.send_event(&room, "m.reaction", react.clone()).await;
    // "Clients may not send the same annotation twice": M_DUPLICATE_ANNOTATION.
    bob.try_send(&room, "m.reaction", react.clone()).await.fails(400, "M_DUPLICATE_ANNOTATION");
    let related = alice.get(path!("v1/rooms/{}/relations/{}/m.annotation/m.reaction", room, target)).await.ok();
    assert_eq!(ids(&list(&related["chunk"])), std::slice::from_ref(&reaction));
    // Once it is withdrawn it may be given again, and the withdrawn one is no longer a relation.
    bob.put(path!("v3/rooms/{}/redact/{}/{}", room, reaction, unique("txn")), json!({})).await.ok();
    let again = bob.send_event(&room, "m.reaction", react).await;
    let related = alice.get(path!("v1/rooms/{}/relations/{}", room, target)).await.ok();
    assert_eq!(ids(&list(&related["chunk"])), [again]);
}

/// Client-server API, "Threading".
async fn threads(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let root = alice.send(&room, "root").await;
    let quiet = alice.send(&room, "quiet root").await;
    let reply = |root: &str, body: &str| json!({ "msgtype": "m.text", "body": body, "m.relates_to": { "rel_type": "m.thread", "event_id": root } });
    alice.send_event(&room, "m.room.message", reply(&quiet, "own")).await;
    bob.send_event(&room, "m.room.message", reply(&root, "one")).await;
    let last = bob.send_event(&room, "m.room.message", reply(&root, "two")).await;
    let event = alice.get(path!("v3/rooms/{}/event/{}", room, root)).await.ok();
    let thread = &event["unsigned"]["m.relations"]["m.thread"];
    assert_eq!(thread["count"], 2, "{event}");
    assert_eq!(thread["latest_event"]["event_id"], last.as_str());
    assert_eq!(thread["current_user_participated"], true, "the root is alice's");
    let threads = alice.get(path!("v1/rooms/{}/threads", room)).await.ok();
    assert_eq!(ids(&list(&threads["chunk"])), [root.clone(), quiet.clone()], "latest activity first");
    let mine = bob.get(path!("v1/rooms/{}/threads?include=participated", room)).await.ok();
    assert_eq!(ids(&list(&mine["chunk"])), [root]);
}

async fn relations_are_paged(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let root = alice.send(&room, "root").await;
    let mut sent = Vec::new();
    for number in 0..5 {
        let content = json!({ "msgtype": "m.text", "body": format!("{number}"), "m.relates_to": { "rel_type": "m.thread", "event_id": root } });
        sent.push(alice.send_event(&room, "m.room.message", content).await);
    }
    let base = path!("v1/rooms/{}/relations/{}/m.thread", room, root);
    let first = alice.get(format!("{base}?limit=3")).await.ok();
    assert_eq!(ids(&list(&first["chunk"])), [sent[4].clone(), sent[3].clone(), sent[2].clone()], "newest first");
    let next = crate::api::segment(first["next_batch"].as_str().unwrap());
    let second = alice.get(format!("{base}?limit=3&from={next}")).await.ok();
    assert_eq!(ids(&list(&second["chunk"])), [sent[1].clone(), sent[0].clone()]);
    let forward = alice.get(format!("{base}?dir=f&limit=2")).await.ok();
    assert_eq!(ids(&list(&forward["chunk"])), [sent[0].clone(), sent[1].clone()]);
    alice.get(path!("v1/rooms/{}/relations/{}", room, "$none")).await.fails(404, "M_NOT_FOUND");
}

async fn replies_keep_their_relation(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let target = alice.send(&room, "question").await;
    let relates = json!({ "m.in_reply_to": { "event_id": target } });
    let reply = alice
        .send_event(&room, "m.room.message", json!({ "msgtype": "m.text", "body": "answer", "m.relates_to": relates }))
        .await;
    let event = alice.get(path!("v3/rooms/{}/event/{}", room, reply)).await.ok();
    assert_eq!(event["content"]["m.relates_to"], relates);
}

async fn single_events(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let event_id = alice.send(&room, "x").await;
    let hidden = bob.get(path!("v3/rooms/{}/event/{}", room, event_id)).await;
    assert!([403, 404].contains(&hidden.status), "{hidden}");
    hidden.refused();
    alice.get(path!("v3/rooms/{}/event/{}", room, "$none")).await.fails(404, "M_NOT_FOUND");
    // An event is only found in its own room.
    let other = alice.create_room(json!({})).await;
    alice.get(path!("v3/rooms/{}/event/{}", other, event_id)).await.fails(404, "M_NOT_FOUND");
}

/// "The complete event MUST NOT be larger than 65536 bytes": `M_TOO_LARGE`.
async fn too_large_events(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    alice.try_send(&room, "m.room.message", text(&"x".repeat(66_000))).await.fails(413, "M_TOO_LARGE");
    alice.try_send(&room, "m.room.message", text(&"x".repeat(60_000))).await.ok();
    alice.set_state(&room, "org.example.long", &"k".repeat(256), json!({})).await.refused();
    alice.try_send(&room, &"t".repeat(256), json!({})).await.refused();
}

async fn encrypted_events_pass_through(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    alice.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await.ok();
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg", "session_id": "X3lUlvLELLYxeTx4yOVu6UDpasGEVO0Jbu+QFnm0cKQ" });
    let event_id = alice.send_event(&room, "m.room.encrypted", content.clone()).await;
    assert_eq!(bob.get(path!("v3/rooms/{}/event/{}", room, event_id)).await.ok()["content"], content);
}

async fn reports(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = alice.send(&room, "rude").await;
    bob.post(path!("v3/rooms/{}/report/{}", room, event_id), json!({ "reason": "грубость" })).await.ok();
    bob.post(path!("v3/rooms/{}/report/{}", room, "$none"), json!({ "reason": "x" })).await.fails(404, "M_NOT_FOUND");
}
