//! Power levels: what a level allows, and that nobody gives what he has not.

use serde_json::{Value, json};

use crate::api::{Homeserver, User};

on_both_engines![
    defaults_of_a_new_room,
    levels_are_kept,
    nobody_rises_by_himself,
    equals_do_not_touch_each_other,
    broken_levels_are_refused,
    private_state_keys
];

async fn levels(user: &User, room: &str) -> Value {
    user.state(room, "m.room.power_levels", "").await.ok()
}

async fn defaults_of_a_new_room(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat", "room_version": "11" })).await;
    bob.join(&room).await;
    let levels = levels(&alice, &room).await;
    for (key, expected) in
        [("ban", 50), ("kick", 50), ("redact", 50), ("state_default", 50), ("events_default", 0), ("users_default", 0)]
    {
        assert_eq!(levels[key].as_i64().unwrap_or(expected), expected, "{key} in {levels}");
    }
    bob.send(&room, "everyone may speak").await;
    for (kind, content) in [
        ("m.room.name", json!({ "name": "x" })),
        ("m.room.topic", json!({ "topic": "x" })),
        ("m.room.power_levels", levels.clone()),
        ("m.room.join_rules", json!({ "join_rule": "invite" })),
        ("m.room.history_visibility", json!({ "history_visibility": "joined" })),
        ("m.room.tombstone", json!({ "body": "x", "replacement_room": "!x:hs1" })),
        ("org.example.own", json!({})),
    ] {
        bob.set_state(&room, kind, "", content).await.fails(403, "M_FORBIDDEN");
    }
}

async fn levels_are_kept(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let mut content = levels(&alice, &room).await;
    content["events"]["m.room.message"] = json!(25);
    content["events"]["m.room.topic"] = json!(10);
    alice.set_state(&room, "m.room.power_levels", "", content.clone()).await.ok();
    let message = json!({ "msgtype": "m.text", "body": "x" });
    bob.try_send(&room, "m.room.message", message.clone()).await.fails(403, "M_FORBIDDEN");
    bob.set_state(&room, "m.room.topic", "", json!({ "topic": "x" })).await.fails(403, "M_FORBIDDEN");
    content["users"][&bob.id] = json!(25);
    alice.set_state(&room, "m.room.power_levels", "", content).await.ok();
    bob.try_send(&room, "m.room.message", message).await.ok();
    bob.set_state(&room, "m.room.topic", "", json!({ "topic": "x" })).await.ok();
    bob.set_state(&room, "m.room.name", "", json!({ "name": "x" })).await.fails(403, "M_FORBIDDEN");
}

async fn nobody_rises_by_himself(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let mut content = levels(&alice, &room).await;
    content["events"]["m.room.power_levels"] = json!(50);
    content["users"][&bob.id] = json!(50);
    alice.set_state(&room, "m.room.power_levels", "", content.clone()).await.ok();
    let attempt = async |change: &dyn Fn(&mut Value)| {
        let mut wanted = content.clone();
        change(&mut wanted);
        bob.set_state(&room, "m.room.power_levels", "", wanted).await
    };
    attempt(&|levels| levels["users"][&bob.id] = json!(51)).await.fails(403, "M_FORBIDDEN");
    attempt(&|levels| levels["users"][&carol.id] = json!(51)).await.fails(403, "M_FORBIDDEN");
    attempt(&|levels| levels["ban"] = json!(60)).await.fails(403, "M_FORBIDDEN");
    attempt(&|levels| levels["events"]["m.room.tombstone"] = json!(0)).await.fails(403, "M_FORBIDDEN");
    attempt(&|levels| levels["users_default"] = json!(75)).await.fails(403, "M_FORBIDDEN");
    attempt(&|levels| levels["users"][&carol.id] = json!(50)).await.ok();
}

async fn equals_do_not_touch_each_other(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let mut content = levels(&alice, &room).await;
    content["events"]["m.room.power_levels"] = json!(50);
    content["users"][&bob.id] = json!(50);
    content["users"][&carol.id] = json!(50);
    alice.set_state(&room, "m.room.power_levels", "", content.clone()).await.ok();
    bob.member(&room, "kick", &carol).await.fails(403, "M_FORBIDDEN");
    bob.member(&room, "ban", &carol).await.fails(403, "M_FORBIDDEN");
    let mut lowered = content.clone();
    lowered["users"][&carol.id] = json!(0);
    bob.set_state(&room, "m.room.power_levels", "", lowered).await.fails(403, "M_FORBIDDEN");
    let mut stepping_down = content.clone();
    stepping_down["users"][&bob.id] = json!(0);
    bob.set_state(&room, "m.room.power_levels", "", stepping_down).await.ok();
    carol.member(&room, "kick", &bob).await.ok();
}

/// Room version 10 and later: levels are integers, nothing else.
async fn broken_levels_are_refused(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for version in ["10", "11", "12"] {
        let room = alice.create_room(json!({ "room_version": version })).await;
        let good = levels(&alice, &room).await;
        let attempt = async |change: &dyn Fn(&mut Value)| {
            let mut wanted = good.clone();
            change(&mut wanted);
            alice.set_state(&room, "m.room.power_levels", "", wanted).await.refused();
        };
        attempt(&|levels| levels["ban"] = json!("50")).await;
        attempt(&|levels| levels["ban"] = json!(50.5)).await;
        attempt(&|levels| levels["ban"] = json!(9_007_199_254_740_993i64)).await;
        attempt(&|levels| levels["users"] = json!(["alice"])).await;
        attempt(&|levels| levels["users"]["not a user id"] = json!(1)).await;
        attempt(&|levels| levels["users"]["@x:hs1"] = json!("100")).await;
        attempt(&|levels| levels["events"] = json!({ "m.room.name": [] })).await;
        assert_eq!(levels(&alice, &room).await, good, "nothing half-written");
    }
}

/// State keys that are user ids belong to those users.
async fn private_state_keys(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let mut content = levels(&alice, &room).await;
    content["state_default"] = json!(0);
    alice.set_state(&room, "m.room.power_levels", "", content).await.ok();
    bob.set_state(&room, "org.example.own", &bob.id, json!({})).await.ok();
    bob.set_state(&room, "org.example.own", &alice.id, json!({})).await.fails(403, "M_FORBIDDEN");
}
