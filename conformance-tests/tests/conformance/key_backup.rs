//! The server side of key backup: versions, sessions, and which of two versions of a session is kept.

use serde_json::{Value, json};

use crate::api::{Homeserver, User, unique};
use crate::encryption::key;

on_both_engines![backup_versions, backup_keys, backup_keeps_the_better_key, backup_refusals,];

fn backup_auth() -> Value {
    json!({ "public_key": key(70), "signatures": {} })
}

async fn new_backup(user: &User) -> String {
    let body = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": backup_auth() });
    user.post(path!("v3/room_keys/version"), body).await.ok()["version"].as_str().unwrap().to_owned()
}

fn session(first: u32, forwarded: u32, verified: bool) -> Value {
    json!({
        "first_message_index": first, "forwarded_count": forwarded, "is_verified": verified,
        "session_data": { "ciphertext": format!("c{first}"), "ephemeral": key(71), "mac": "bWFj" },
    })
}

async fn backup_versions(hs: Homeserver) {
    let alice = hs.user("alice").await;
    alice.get(path!("v3/room_keys/version")).await.fails(404, "M_NOT_FOUND");
    let one = new_backup(&alice).await;
    let info = alice.get(path!("v3/room_keys/version")).await.ok();
    assert_eq!(info["version"], one.as_str());
    assert_eq!(info["count"], 0);
    assert_eq!(info["auth_data"]["public_key"], key(70));
    assert!(info["etag"].is_string());
    let two = new_backup(&alice).await;
    assert_ne!(one, two);
    assert_eq!(alice.get(path!("v3/room_keys/version")).await.ok()["version"], two.as_str());
    assert_eq!(alice.get(path!("v3/room_keys/version/{}", one)).await.ok()["version"], one.as_str());
    let changed = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": key(72), "signatures": {} }, "version": two });
    alice.put(path!("v3/room_keys/version/{}", two), changed.clone()).await.ok();
    assert_eq!(alice.get(path!("v3/room_keys/version")).await.ok()["auth_data"]["public_key"], key(72));
    let mut other = changed;
    other["algorithm"] = json!("org.example.other");
    alice.put(path!("v3/room_keys/version/{}", two), other).await.fails(400, "M_INVALID_PARAM");
    alice.delete(path!("v3/room_keys/version/{}", two)).await.ok();
    alice.get(path!("v3/room_keys/version/{}", two)).await.fails(404, "M_NOT_FOUND");
    assert_eq!(alice.get(path!("v3/room_keys/version")).await.ok()["version"], one.as_str());
}

async fn backup_keys(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let version = new_backup(&alice).await;
    let at = |rest: &str| format!("{}{rest}?version={version}", path!("v3/room_keys/keys"));
    let (one, two) = ("%21one%3Ahs1", "%21two%3Ahs1");
    let first = alice.put(at(&format!("/{one}/s1")), session(0, 0, true)).await.ok();
    assert_eq!(first["count"], 1);
    let second = alice.put(at(&format!("/{one}")), json!({ "sessions": { "s2": session(1, 0, true) } })).await.ok();
    assert_eq!(second["count"], 2);
    assert_ne!(first["etag"], second["etag"]);
    let third = alice
        .put(at(""), json!({ "rooms": { "!two:hs1": { "sessions": { "s3": session(2, 0, false) } } } }))
        .await
        .ok();
    assert_eq!(third["count"], 3);
    assert_eq!(alice.get(at(&format!("/{one}/s1"))).await.ok(), session(0, 0, true));
    let room = alice.get(at(&format!("/{one}"))).await.ok();
    assert_eq!(room["sessions"].as_object().unwrap().len(), 2);
    let all = alice.get(at("")).await.ok();
    assert_eq!(all["rooms"]["!two:hs1"]["sessions"]["s3"]["first_message_index"], 2);
    alice.get(at(&format!("/{one}/none"))).await.fails(404, "M_NOT_FOUND");
    assert_eq!(alice.get(at("/%21none%3Ahs1")).await.ok(), json!({ "sessions": {} }));
    assert_eq!(alice.delete(at(&format!("/{one}/s1"))).await.ok()["count"], 2);
    assert_eq!(alice.delete(at(&format!("/{two}"))).await.ok()["count"], 1);
    assert_eq!(alice.delete(at("")).await.ok()["count"], 0);
    bob.get(at("")).await.fails(404, "M_NOT_FOUND");
}

/// Client-server API, "Backup algorithm": which of two versions of a session is kept.
async fn backup_keeps_the_better_key(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let version = new_backup(&alice).await;
    let path = format!("{}?version={version}", path!("v3/room_keys/keys/{}/{}", "!one:hs1", "s"));
    let kept = async |offered: Value| {
        alice.put(&path, offered).await.ok();
        alice.get(&path).await.ok()
    };
    assert_eq!(kept(session(5, 1, false)).await, session(5, 1, false));
    assert_eq!(kept(session(6, 0, false)).await, session(5, 1, false), "an earlier index is better");
    assert_eq!(kept(session(5, 0, false)).await, session(5, 0, false), "fewer forwardings are better");
    assert_eq!(kept(session(9, 9, true)).await, session(9, 9, true), "verified is best");
    assert_eq!(kept(session(0, 0, false)).await, session(9, 9, true));
}

async fn backup_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let old = new_backup(&alice).await;
    let new = new_backup(&alice).await;
    let path = |version: &str| format!("{}?version={version}", path!("v3/room_keys/keys/{}/{}", "!one:hs1", "s"));
    let error = alice.put(path(&old), session(0, 0, true)).await.fails(403, "M_WRONG_ROOM_KEYS_VERSION");
    assert_eq!(error["current_version"], new.as_str());
    alice.put(path("999"), session(0, 0, true)).await.fails(404, "M_NOT_FOUND");
    alice.put(path(&new), json!({ "first_message_index": -1 })).await.refused();
    alice.put(path!("v3/room_keys/keys/{}/{}", "!one:hs1", unique("s")), session(0, 0, true)).await.refused();
    alice.post(path!("v3/room_keys/version"), json!({ "algorithm": 7 })).await.refused();
}
