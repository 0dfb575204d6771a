//! What the room versions 6 to 12 change.

use serde_json::json;

use crate::api::{Homeserver, of_type};
use crate::rooms::state_value;

on_both_engines![
    every_room_version_works,
    version_10_names_its_creator,
    version_12_rooms_are_named_by_their_create_event,
    version_12_creators_stand_above_power_levels,
    version_12_additional_creators,
    upgrade,
];

async fn every_room_version_works(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    for version in ["6", "7", "8", "9", "10", "11", "12"] {
        let room = alice.create_room(json!({ "preset": "private_chat", "room_version": version })).await;
        let create = alice.state(&room, "m.room.create", "").await.ok();
        assert_eq!(create["room_version"], version);
        alice.member(&room, "invite", &bob).await.ok();
        bob.join(&room).await;
        let event_id = bob.send(&room, "привет").await;
        assert!(
            event_id.starts_with('$') && !event_id.contains(':') && event_id.len() == 44,
            "an unpadded SHA-256: {event_id}"
        );
        let event = alice.get(path!("v3/rooms/{}/event/{}", room, event_id)).await.ok();
        assert_eq!(event["content"]["body"], "привет");
        assert_eq!(event["room_id"], room.as_str());
        assert!(event["origin_server_ts"].as_i64().unwrap() > 1_600_000_000_000);
        for hidden in ["auth_events", "prev_events", "hashes", "signatures", "depth"] {
            assert!(event[hidden].is_null(), "{hidden} is not for clients: {event}");
        }
    }
}

async fn version_10_names_its_creator(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let old = alice.create_room(json!({ "room_version": "10" })).await;
    assert_eq!(alice.state(&old, "m.room.create", "").await.ok()["creator"], alice.id.as_str());
    assert!(old.ends_with(&format!(":{}", alice.server_name())), "{old}");
    let new = alice.create_room(json!({ "room_version": "11" })).await;
    assert!(
        alice.state(&new, "m.room.create", "").await.ok()["creator"].is_null(),
        "room version 11 takes it from the sender"
    );
    assert!(new.ends_with(&format!(":{}", alice.server_name())), "{new}");
}

/// Room version 12: the room id is the create event's reference hash with `!` before it.
async fn version_12_rooms_are_named_by_their_create_event(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({ "room_version": "12" })).await;
    assert!(room.starts_with('!') && !room.contains(':') && room.len() == 44, "{room}");
    let create = of_type(&json!(alice.whole_state(&room).await), "m.room.create").unwrap();
    assert_eq!(create["event_id"].as_str().unwrap()[1..], room[1..]);
}

/// Room version 12: creators have more power than any number, and no number may be given to them.
async fn version_12_creators_stand_above_power_levels(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "room_version": "12", "preset": "public_chat" })).await;
    bob.join(&room).await;
    let mut levels = alice.state(&room, "m.room.power_levels", "").await.ok();
    assert!(levels["users"][&alice.id].is_null(), "{levels}");
    levels["users"] = json!({ &bob.id: 100 });
    alice.set_state(&room, "m.room.power_levels", "", levels.clone()).await.ok();
    bob.set_state(&room, "m.room.name", "", json!({ "name": "bob's" })).await.ok();
    bob.member(&room, "kick", &alice).await.fails(403, "M_FORBIDDEN");
    bob.member(&room, "ban", &alice).await.fails(403, "M_FORBIDDEN");
    // The creator may lower someone at 100, which nobody below a creator could.
    levels["users"] = json!({ &bob.id: 0 });
    alice.set_state(&room, "m.room.power_levels", "", levels.clone()).await.ok();
    bob.set_state(&room, "m.room.name", "", json!({ "name": "bob's again" })).await.fails(403, "M_FORBIDDEN");
    levels["users"] = json!({ &alice.id: 100 });
    alice.set_state(&room, "m.room.power_levels", "", levels).await.refused();
    // Upgrading takes more than 100 by default, so that it is the creators' alone.
    let tombstone =
        alice.state(&room, "m.room.power_levels", "").await.ok()["events"]["m.room.tombstone"].as_i64().unwrap();
    assert!(tombstone > 100, "{tombstone}");
}

async fn version_12_additional_creators(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room(json!({ "room_version": "12", "preset": "public_chat", "creation_content": { "additional_creators": [bob.id] } })).await;
    assert_eq!(alice.state(&room, "m.room.create", "").await.ok()["additional_creators"], json!([bob.id]));
    bob.join(&room).await;
    carol.join(&room).await;
    bob.set_state(&room, "m.room.topic", "", json!({ "topic": "bob is a creator" })).await.ok();
    bob.member(&room, "ban", &carol).await.ok();
    // Nobody is above a creator: not even another one.
    alice.member(&room, "kick", &bob).await.fails(403, "M_FORBIDDEN");

    let trusted =
        alice.create_room(json!({ "room_version": "12", "preset": "trusted_private_chat", "invite": [bob.id] })).await;
    let creators = alice.state(&trusted, "m.room.create", "").await.ok()["additional_creators"].clone();
    assert_eq!(creators, json!([bob.id]), "a trusted chat's invitees are creators");
    alice
        .post(
            path!("v3/createRoom"),
            json!({ "room_version": "12", "creation_content": { "additional_creators": ["bob"] } }),
        )
        .await
        .refused();
    alice
        .post(
            path!("v3/createRoom"),
            json!({ "room_version": "12", "creation_content": { "additional_creators": "bob" } }),
        )
        .await
        .refused();
}

async fn upgrade(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let old = alice.create_room(json!({ "room_version": "11", "preset": "public_chat", "name": "Grows" })).await;
    bob.join(&old).await;
    bob.post(path!("v3/rooms/{}/upgrade", old), json!({ "new_version": "12" })).await.fails(403, "M_FORBIDDEN");
    let answer = alice.post(path!("v3/rooms/{}/upgrade", old), json!({ "new_version": "12" })).await.ok();
    let new = answer["replacement_room"].as_str().unwrap();
    assert_eq!(state_value(&alice, &old, "m.room.tombstone", "replacement_room").await, new);
    let create = alice.state(new, "m.room.create", "").await.ok();
    assert_eq!(create["predecessor"]["room_id"], old.as_str());
    assert_eq!(create["room_version"], "12");
    assert_eq!(state_value(&alice, new, "m.room.name", "name").await, "Grows");
    bob.try_send(&old, "m.room.message", json!({ "msgtype": "m.text", "body": "late" }))
        .await
        .fails(403, "M_FORBIDDEN");
    alice
        .post(path!("v3/rooms/{}/upgrade", old), json!({ "new_version": "none" }))
        .await
        .fails(400, "M_UNSUPPORTED_ROOM_VERSION");
}
