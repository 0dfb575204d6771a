//! What end-to-end encryption needs of a server: keys, cross-signing, key backup. The server cannot read any of
//! it; these tests use keys of the right form, and sdk.rs uses real ones.

use serde_json::{Value, json};

use crate::api::{Homeserver, PASSWORD, User, list};

on_both_engines![
    upload_and_query,
    one_time_keys_are_claimed_once,
    fallback_keys,
    counts_in_sync,
    device_lists_tell_of_changes,
    device_lists_tell_who_left,
    key_changes_between_tokens,
    keys_of_another_are_refused,
    deleting_a_device_deletes_its_keys,
    cross_signing_asks_for_the_password,
];

/// 32 bytes in unpadded base64, different for each seed.
pub(crate) fn key(seed: u8) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text: String = (0..42u8)
        .map(|place| char::from(DIGITS[usize::from(seed.wrapping_mul(37).wrapping_add(place.wrapping_mul(11))) % 64]))
        .collect();
    text.push('A');
    text
}

fn signature() -> String {
    format!("{}{}", key(200), &key(201)[..43])
}

fn device_keys(user: &User) -> Value {
    json!({
        "user_id": user.id,
        "device_id": user.device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": { format!("curve25519:{}", user.device): key(1), format!("ed25519:{}", user.device): key(2) },
        "signatures": { &user.id: { format!("ed25519:{}", user.device): signature() } },
    })
}

fn one_time_keys(user: &User, from: u8, to: u8) -> Value {
    let keys = (from..to).map(|number| {
        let signed = json!({ "key": key(number), "signatures": { &user.id: { format!("ed25519:{}", user.device): signature() } } });
        (format!("signed_curve25519:AAAA{number:02}"), signed)
    });
    Value::Object(keys.collect())
}

async fn upload(user: &User, body: Value) -> Value {
    user.post(path!("v3/keys/upload"), body).await.ok()["one_time_key_counts"].clone()
}

async fn query(user: &User, whom: &User) -> Value {
    user.post(path!("v3/keys/query"), json!({ "device_keys": { &whom.id: [] } })).await.ok()
}

async fn claim(user: &User, whom: &User) -> Value {
    let body = json!({ "one_time_keys": { &whom.id: { &whom.device: "signed_curve25519" } } });
    user.post(path!("v3/keys/claim"), body).await.ok()["one_time_keys"][&whom.id][&whom.device].clone()
}

async fn upload_and_query(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let mine = device_keys(&alice);
    upload(&alice, json!({ "device_keys": mine })).await;
    let got = query(&bob, &alice).await["device_keys"][&alice.id][&alice.device].clone();
    for field in ["user_id", "device_id", "algorithms", "keys", "signatures"] {
        assert_eq!(got[field], mine[field], "{field} comes back as it was signed");
    }
    alice.put(path!("v3/devices/{}", alice.device), json!({ "display_name": "desk" })).await.ok();
    let got = query(&bob, &alice).await["device_keys"][&alice.id][&alice.device].clone();
    assert!(
        got["unsigned"]["device_display_name"] == "desk" || got["unsigned"]["device_display_name"].is_null(),
        "{got}"
    );
    let chosen = bob.post(path!("v3/keys/query"), json!({ "device_keys": { &alice.id: ["NONE"] } })).await.ok();
    assert!(chosen["device_keys"][&alice.id].get(&alice.device).is_none(), "{chosen}");
    let none = bob
        .post(path!("v3/keys/query"), json!({ "device_keys": { format!("@nobody:{}", bob.server_name()): [] } }))
        .await
        .ok();
    assert!(none["device_keys"].is_object(), "{none}");
}

async fn one_time_keys_are_claimed_once(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let keys = one_time_keys(&alice, 10, 13);
    let counts = upload(&alice, json!({ "device_keys": device_keys(&alice), "one_time_keys": keys })).await;
    assert_eq!(counts["signed_curve25519"], 3);
    let (one, two, three) = tokio::join!(claim(&bob, &alice), claim(&carol, &alice), claim(&bob, &alice));
    let mut got: Vec<_> =
        [one, two, three].iter().map(|claimed| claimed.as_object().unwrap().keys().next().unwrap().clone()).collect();
    got.sort();
    assert_eq!(
        got,
        ["signed_curve25519:AAAA10", "signed_curve25519:AAAA11", "signed_curve25519:AAAA12"],
        "each once, also when asked at once"
    );
    let fourth = claim(&bob, &alice).await;
    assert!(fourth.as_object().is_none_or(serde_json::Map::is_empty), "{fourth}");
    // The same key again is nothing; another key under the same name is refused.
    upload(&alice, json!({ "one_time_keys": one_time_keys(&alice, 20, 21) })).await;
    let counts = upload(&alice, json!({ "one_time_keys": one_time_keys(&alice, 20, 21) })).await;
    assert_eq!(counts["signed_curve25519"], 1);
    let mut other = one_time_keys(&alice, 20, 21);
    other["signed_curve25519:AAAA20"]["key"] = json!(key(99));
    alice.post(path!("v3/keys/upload"), json!({ "one_time_keys": other })).await.refused();
}

async fn fallback_keys(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let mut fallback = one_time_keys(&alice, 30, 31);
    fallback["signed_curve25519:AAAA30"]["fallback"] = json!(true);
    upload(&alice, json!({ "device_keys": device_keys(&alice), "fallback_keys": fallback, "one_time_keys": one_time_keys(&alice, 31, 32) })).await;
    assert_eq!(alice.sync("").await["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    assert!(claim(&bob, &alice).await.get("signed_curve25519:AAAA31").is_some(), "one-time keys go first");
    for _ in 0..2 {
        let claimed = claim(&bob, &alice).await;
        assert_eq!(
            claimed["signed_curve25519:AAAA30"]["fallback"], true,
            "the fallback is given again and again: {claimed}"
        );
    }
    assert_eq!(alice.sync("").await["device_unused_fallback_key_types"], json!([]));
}

async fn counts_in_sync(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    upload(&alice, json!({ "device_keys": device_keys(&alice), "one_time_keys": one_time_keys(&alice, 40, 45) })).await;
    let mut alices = alice.follow().await;
    let first = alice.sync("").await;
    assert_eq!(first["device_one_time_keys_count"]["signed_curve25519"], 5);
    claim(&bob, &alice).await;
    alice.create_room(json!({})).await;
    alices.until(|sync| (sync["device_one_time_keys_count"]["signed_curve25519"] == 4).then_some(())).await;
}

fn changed(sync: &Value, user: &User) -> Option<()> {
    list(&sync["device_lists"]["changed"]).contains(&json!(user.id)).then_some(())
}

async fn device_lists_tell_of_changes(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob]).await;
    let (mut alices, mut carols) = (alice.follow().await, carol.follow().await);
    upload(&bob, json!({ "device_keys": device_keys(&bob) })).await;
    alices.until(|sync| changed(sync, &bob)).await;
    let phone = hs.login(&bob.id).await;
    upload(&phone, json!({ "device_keys": device_keys(&phone) })).await;
    alices.until(|sync| changed(sync, &bob)).await;
    phone.post(path!("v3/logout"), json!({})).await.ok();
    alices.until(|sync| changed(sync, &bob)).await;
    // Whoever begins to share a room is news too.
    carol.join(&room).await;
    carols.until(|sync| changed(sync, &bob)).await;
    alices.until(|sync| changed(sync, &carol)).await;
}

async fn device_lists_tell_who_left(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let (one, two) = (alice.room_with(&[&bob]).await, alice.room_with(&[&bob]).await);
    let mut alices = alice.follow().await;
    bob.leave(&one).await;
    let marker = alice.send(&two, "marker").await;
    alices
        .until(|sync| {
            assert!(!list(&sync["device_lists"]["left"]).contains(&json!(bob.id)), "another room is still shared");
            crate::api::ids(&crate::api::timeline(sync, &two)).contains(&marker).then_some(())
        })
        .await;
    bob.leave(&two).await;
    alices.until(|sync| list(&sync["device_lists"]["left"]).contains(&json!(bob.id)).then_some(())).await;
}

async fn key_changes_between_tokens(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    alice.room_with(&[&bob]).await;
    let mut alices = alice.follow().await;
    let from = alices.since.clone();
    upload(&bob, json!({ "device_keys": device_keys(&bob) })).await;
    alices.until(|sync| changed(sync, &bob)).await;
    let answer = alice.get(path!("v3/keys/changes?from={}&to={}", from, alices.since)).await.ok();
    assert!(list(&answer["changed"]).contains(&json!(bob.id)), "{answer}");
    alice.get(path!("v3/keys/changes")).await.refused();
}

async fn keys_of_another_are_refused(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    alice.post(path!("v3/keys/upload"), json!({ "device_keys": device_keys(&bob) })).await.refused();
    let mut wrong = device_keys(&alice);
    wrong["device_id"] = json!("OTHER");
    alice.post(path!("v3/keys/upload"), json!({ "device_keys": wrong })).await.refused();
    alice.post(path!("v3/keys/upload"), json!({ "one_time_keys": { "no colon": "x" } })).await.refused();
    alice.post(path!("v3/keys/query"), json!({ "device_keys": [] })).await.refused();
}

async fn deleting_a_device_deletes_its_keys(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let phone = hs.login(&alice.id).await;
    upload(&phone, json!({ "device_keys": device_keys(&phone), "one_time_keys": one_time_keys(&phone, 50, 51) })).await;
    phone.post(path!("v3/logout"), json!({})).await.ok();
    assert!(query(&bob, &alice).await["device_keys"][&alice.id].get(&phone.device).is_none());
    assert!(claim(&bob, &phone).await.as_object().is_none_or(serde_json::Map::is_empty));
}

async fn cross_signing_asks_for_the_password(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let master = |seed: u8| json!({ "user_id": alice.id, "usage": ["master"], "keys": { format!("ed25519:{}", key(seed)): key(seed) } });
    // "User-Interactive Authentication ... is not required when there is no existing cross-signing master key".
    let first = alice.post(path!("v3/keys/device_signing/upload"), json!({ "master_key": master(60) })).await;
    if first.status == 401 {
        let auth = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": PASSWORD, "session": first.body["session"] });
        alice
            .post(path!("v3/keys/device_signing/upload"), json!({ "master_key": master(60), "auth": auth }))
            .await
            .ok();
    } else {
        first.ok();
    }
    let seen = query(&bob, &alice).await;
    assert_eq!(seen["master_keys"][&alice.id]["keys"], master(60)["keys"]);
    assert!(seen["user_signing_keys"].get(&alice.id).is_none(), "those are for alice alone");
    let replacing = alice.post(path!("v3/keys/device_signing/upload"), json!({ "master_key": master(61) })).await;
    assert_eq!(replacing.status, 401, "replacing takes the password: {replacing}");
    assert_eq!(query(&bob, &alice).await["master_keys"][&alice.id]["keys"], master(60)["keys"], "nothing has changed");
    alice
        .post(
            path!("v3/keys/device_signing/upload"),
            json!({ "master_key": { "user_id": bob.id, "usage": ["master"], "keys": {} } }),
        )
        .await;
    assert!(query(&alice, &bob).await["master_keys"].get(&bob.id).is_none());
}
