//! What a filter leaves out of a sync, what a room is summed up in, and what is counted.

use serde_json::json;

use crate::api::{Homeserver, ids, list, next_batch, segment, timeline};
use crate::sync::{filter, joined};

on_both_engines![
    summary_and_heroes,
    filters_by_type_and_room,
    stored_filters,
    filter_refusals,
    left_rooms_on_request,
    lazy_loading,
    limits_of_the_timeline,
    unread_counts,
];

async fn summary_and_heroes(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room(json!({ "invite": [carol.id], "preset": "public_chat" })).await;
    bob.join(&room).await;
    let sync = alice.sync(&filter(json!({ "room": { "state": { "lazy_load_members": true } } }))).await;
    let summary = &joined(&sync, &room)["summary"];
    assert_eq!(summary["m.joined_member_count"], 2);
    assert_eq!(summary["m.invited_member_count"], 1);
    let mut heroes: Vec<_> = list(&summary["m.heroes"]).iter().map(|hero| hero.as_str().unwrap().to_owned()).collect();
    heroes.sort();
    let mut others = vec![bob.id.clone(), carol.id.clone()];
    others.sort();
    assert_eq!(heroes, others, "a room without a name is named after the others");
    // The heroes' member events come with it, lazily loaded or not.
    let part = joined(&sync, &room);
    let members: Vec<_> = list(&part["state"]["events"])
        .into_iter()
        .chain(timeline(&sync, &room))
        .filter(|event| event["type"] == "m.room.member")
        .collect();
    for hero in heroes {
        assert!(members.iter().any(|event| event["state_key"] == hero.as_str()), "{hero} in {part}");
    }
    let mut alices = alice.follow_with(&filter(json!({ "room": { "state": { "lazy_load_members": true } } }))).await;
    carol.join(&room).await;
    let count = alices.until(|sync| joined(sync, &room)["summary"]["m.joined_member_count"].as_i64()).await;
    assert_eq!(count, 3);
}

async fn filters_by_type_and_room(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let (one, two) =
        (alice.create_room(json!({ "name": "one" })).await, alice.create_room(json!({ "name": "two" })).await);
    let said = alice.send(&one, "x").await;
    alice.send_event(&one, "org.example.other", json!({})).await;

    let sync = alice.sync(&filter(json!({ "room": { "rooms": [one] } }))).await;
    assert!(!joined(&sync, &one).is_null() && joined(&sync, &two).is_null());
    let sync = alice.sync(&filter(json!({ "room": { "not_rooms": [one] } }))).await;
    assert!(joined(&sync, &one).is_null() && !joined(&sync, &two).is_null());
    let sync = alice.sync(&filter(json!({ "room": { "timeline": { "types": ["m.room.message"] } } }))).await;
    assert_eq!(ids(&timeline(&sync, &one)), std::slice::from_ref(&said));
    let sync = alice.sync(&filter(json!({ "room": { "timeline": { "not_types": ["m.room.*"] } } }))).await;
    assert!(timeline(&sync, &one).iter().all(|event| event["type"] == "org.example.other"));
    let sync = alice
        .sync(&filter(json!({ "room": { "state": { "types": ["m.room.name"] }, "timeline": { "types": [] } } })))
        .await;
    let state = list(&joined(&sync, &one)["state"]["events"]);
    assert_eq!(state.len(), 1, "{sync}");
    assert!(timeline(&sync, &one).is_empty(), "an empty list of types is none");
    let sync = alice
        .sync(&filter(json!({ "account_data": { "not_types": ["*"] }, "event_fields": ["content.body", "type"] })))
        .await;
    assert!(list(&sync["account_data"]["events"]).is_empty());
}

async fn stored_filters(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let definition = json!({ "room": { "timeline": { "limit": 1 } }, "event_format": "client" });
    let stored = alice.post(path!("v3/user/{}/filter", alice.id), definition.clone()).await.ok();
    let id = stored["filter_id"].as_str().unwrap();
    assert!(!id.starts_with('{'));
    let read = alice.get(path!("v3/user/{}/filter/{}", alice.id, id)).await.ok();
    assert_eq!(read["room"]["timeline"]["limit"], 1);
    let room = alice.create_room(json!({})).await;
    let sync = alice.sync(&format!("&filter={}", segment(id))).await;
    assert_eq!(timeline(&sync, &room).len(), 1);
    bob.get(path!("v3/user/{}/filter/{}", alice.id, id)).await.refused();
    bob.post(path!("v3/user/{}/filter", alice.id), definition).await.fails(403, "M_FORBIDDEN");
    alice.get(path!("v3/user/{}/filter/999999", alice.id)).await.fails(404, "M_NOT_FOUND");
}

async fn filter_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for bad in [json!({ "room": 1 }), json!({ "room": { "timeline": { "limit": "x" } } }), json!([])] {
        alice.post(path!("v3/user/{}/filter", alice.id), bad).await.refused();
    }
    alice.get(format!("{}?filter=%7Bbroken", path!("v3/sync"))).await.refused();
}

async fn left_rooms_on_request(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    bob.leave(&room).await;
    assert!(bob.sync("").await["rooms"]["leave"].get(&room).is_none());
    let sync = bob.sync(&filter(json!({ "room": { "include_leave": true } }))).await;
    assert!(sync["rooms"]["leave"].get(&room).is_some(), "{sync}");
}

/// Client-server API, "Lazy-loading room members".
async fn lazy_loading(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room =
        alice.create_room(json!({ "preset": "public_chat", "name": "named, so that there are no heroes" })).await;
    bob.join(&room).await;
    carol.join(&room).await;
    bob.send(&room, "from bob").await;
    let lazy = filter(json!({ "room": { "timeline": { "limit": 1 }, "state": { "lazy_load_members": true } } }));
    let sync = alice.sync(&lazy).await;
    let members: Vec<_> = list(&joined(&sync, &room)["state"]["events"])
        .into_iter()
        .filter(|event| event["type"] == "m.room.member")
        .map(|event| event["state_key"].as_str().unwrap().to_owned())
        .collect();
    assert!(members.contains(&bob.id), "the sender on the timeline: {members:?}");
    assert!(!members.contains(&carol.id), "not those who are silent: {members:?}");
    let since = next_batch(&sync);
    carol.send(&room, "from carol").await;
    let sync = alice.sync(&format!("{lazy}&since={}", segment(&since))).await;
    let members: Vec<_> = list(&joined(&sync, &room)["state"]["events"])
        .into_iter()
        .map(|event| event["state_key"].as_str().unwrap().to_owned())
        .collect();
    assert!(members.contains(&carol.id), "a new sender's membership comes when it is needed: {members:?}");
}

async fn limits_of_the_timeline(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    for number in 0..15 {
        alice.send(&room, &format!("{number}")).await;
    }
    let default = alice.sync("").await;
    let count = timeline(&default, &room).len();
    assert!((10..=20).contains(&count), "some ten by default: {count}");
    let sync = alice.sync(&filter(json!({ "room": { "timeline": { "limit": 1 } } }))).await;
    assert_eq!(timeline(&sync, &room).len(), 1);
    let sync = alice.sync(&filter(json!({ "room": { "timeline": { "limit": 100 } } }))).await;
    let part = joined(&sync, &room);
    assert_eq!(timeline(&sync, &room).first().unwrap()["type"], "m.room.create");
    assert_ne!(part["timeline"]["limited"], true, "all of it is not limited");
    assert!(list(&part["state"]["events"]).is_empty(), "before the first event there is no state");
}

/// Counts by the default push rules: notifications for all messages, highlights for mentions.
async fn unread_counts(hs: Homeserver) {
    let [alice, bob, carol] = hs.users(["alice", "bob", "carol"]).await;
    let room = alice.room_with(&[&bob, &carol]).await;
    let mut bobs = bob.follow().await;
    alice.send(&room, "one").await;
    let two = alice.send(&room, "two").await;
    let counts = bobs
        .until(|sync| {
            ids(&timeline(sync, &room)).contains(&two).then(|| joined(sync, &room)["unread_notifications"].clone())
        })
        .await;
    assert_eq!(counts, json!({ "notification_count": 2, "highlight_count": 0 }));
    let mention = alice
        .send_event(
            &room,
            "m.room.message",
            json!({ "msgtype": "m.text", "body": "Bob!", "m.mentions": { "user_ids": [bob.id] } }),
        )
        .await;
    let counts = bobs
        .until(|sync| {
            ids(&timeline(sync, &room)).contains(&mention).then(|| joined(sync, &room)["unread_notifications"].clone())
        })
        .await;
    assert_eq!(counts, json!({ "notification_count": 3, "highlight_count": 1 }));
    bob.post(path!("v3/rooms/{}/receipt/m.read/{}", room, two), json!({})).await.ok();
    bobs.until(|sync| {
        (joined(sync, &room)["unread_notifications"] == json!({ "notification_count": 1, "highlight_count": 1 }))
            .then_some(())
    })
    .await;
    // One's own message reads everything before it.
    bob.send(&room, "read").await;
    bobs.until(|sync| {
        (joined(sync, &room)["unread_notifications"] == json!({ "notification_count": 0, "highlight_count": 0 }))
            .then_some(())
    })
    .await;
    assert_eq!(
        joined(&alice.sync("").await, &room)["unread_notifications"]["notification_count"],
        1,
        "bob's message is new to alice"
    );
    // State changes and notices do not count.
    alice.set_state(&room, "m.room.topic", "", json!({ "topic": "x" })).await.ok();
    alice.send_event(&room, "m.room.message", json!({ "msgtype": "m.notice", "body": "beep" })).await;
    assert_eq!(joined(&bob.sync("").await, &room)["unread_notifications"]["notification_count"], 0);
}
