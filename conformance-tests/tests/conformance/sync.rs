//! Classic sync: what comes first, what comes next, and what a filter leaves out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Follower, Homeserver, ids, list, next_batch, of_type, segment, timeline};

on_both_engines![
    an_account_without_rooms,
    first_and_next,
    nothing_new_is_nothing,
    a_long_poll_wakes_at_once,
    a_long_poll_ends_in_time,
    every_kind_of_news_wakes,
    order_and_completeness_under_load,
    full_state,
    state_before_the_timeline,
    joining_brings_the_room_whole,
    refusals,
    state_after_the_timeline,
];

/// A joined room's part of a sync.
pub(crate) fn joined<'a>(sync: &'a Value, room: &str) -> &'a Value {
    &sync["rooms"]["join"][room]
}

/// A query parameter with this filter, beginning with `&`.
pub(crate) fn filter(value: Value) -> String {
    format!("&filter={}", segment(&value.to_string()))
}

async fn an_account_without_rooms(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let sync = alice.sync("").await;
    next_batch(&sync);
    assert!(sync["rooms"]["join"].as_object().is_none_or(serde_json::Map::is_empty));
    let rules = of_type(&sync["account_data"]["events"], "m.push_rules").expect("push rules come with the first sync");
    assert!(rules["content"]["global"]["override"].is_array(), "{rules}");
}

async fn first_and_next(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let one = alice.send(&room, "one").await;
    let first = bob.sync("").await;
    assert!(ids(&timeline(&first, &room)).contains(&one));
    let event = timeline(&first, &room).pop().unwrap();
    assert!(event["room_id"].is_null(), "the room id is the key, not in each event: {event}");
    assert!(event["unsigned"]["age"].as_i64().is_some_and(|age| (0..60_000).contains(&age)), "{event}");
    let two = alice.send(&room, "two").await;
    let second = bob.sync(&format!("&since={}", segment(&next_batch(&first)))).await;
    assert_eq!(ids(&timeline(&second, &room)), std::slice::from_ref(&two));
    assert!(list(&joined(&second, &room)["state"]["events"]).is_empty(), "state is not repeated");
    // The same token gives the same again: a lost answer can be asked for once more.
    let again = bob.sync(&format!("&since={}", segment(&next_batch(&first)))).await;
    assert_eq!(ids(&timeline(&again, &room)), [two]);
}

async fn nothing_new_is_nothing(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let since = next_batch(&alice.sync("&set_presence=offline").await);
    let sync = alice.sync(&format!("&set_presence=offline&since={}", segment(&since))).await;
    assert!(joined(&sync, &room).is_null(), "{sync}");
}

/// Starts a long poll, waits until it is under way, acts, and gives how long the answer took from the act on.
async fn woken_by<T>(listener: &mut Follower, act: impl Future<Output = T>) -> (T, Value, Duration) {
    let mut polling = listener.clone();
    let poll = tokio::spawn(async move {
        let answer = polling.poll(20_000).await;
        (answer, polling)
    });
    // There is no sign from outside that a request is waiting; if it is not yet, it finds the news on arrival, and
    // the test is weaker but not wrong.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let begun = Instant::now();
    let done = act.await;
    let (answer, polled) = poll.await.unwrap();
    *listener = polled;
    (done, answer, begun.elapsed())
}

/// A follower that has seen everything there is, so that only news wakes it.
async fn quiet(follower: &mut Follower) {
    for _ in 0..50 {
        let before = follower.since.clone();
        let sync = follower.poll(0).await;
        let empty = sync.as_object().unwrap().iter().all(|(key, value)| {
            key == "next_batch"
                || key.starts_with("device_")
                || value.as_object().is_some_and(serde_json::Map::is_empty)
        });
        if empty && (before == follower.since || sync.as_object().unwrap().len() <= 4) {
            return;
        }
    }
}

async fn a_long_poll_wakes_at_once(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let mut bobs = bob.follow_with("&set_presence=offline").await;
    quiet(&mut bobs).await;
    let (event_id, sync, took) = woken_by(&mut bobs, alice.send(&room, "wake up")).await;
    let found = if timeline(&sync, &room).is_empty() {
        bobs.event(&room, &event_id).await["event_id"].as_str().unwrap().to_owned()
    } else {
        ids(&timeline(&sync, &room)).pop().unwrap()
    };
    assert_eq!(found, event_id);
    assert!(took < Duration::from_secs(5), "woken after {took:?}");
}

async fn a_long_poll_ends_in_time(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let mut alices = alice.follow_with("&set_presence=offline").await;
    quiet(&mut alices).await;
    let begun = Instant::now();
    let sync = alices.poll(1_000).await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}: {sync}");
    let begun = Instant::now();
    alices.poll(0).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

async fn every_kind_of_news_wakes(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let event_id = alice.send(&room, "x").await;
    let mut bobs = bob.follow().await;
    let contains = |wanted: &'static str| move |sync: &Value| sync.to_string().contains(wanted).then_some(());

    alice.put(path!("v3/rooms/{}/typing/{}", room, alice.id), json!({ "typing": true, "timeout": 30_000 })).await.ok();
    bobs.until(contains("m.typing")).await;
    alice.post(path!("v3/rooms/{}/receipt/m.read/{}", room, event_id), json!({})).await.ok();
    bobs.until(contains("m.receipt")).await;
    bob.put(path!("v3/user/{}/account_data/{}", bob.id, "org.example.global"), json!({ "a": 1 })).await.ok();
    bobs.until(contains("org.example.global")).await;
    bob.put(path!("v3/user/{}/rooms/{}/account_data/{}", bob.id, room, "org.example.room"), json!({ "a": 1 }))
        .await
        .ok();
    bobs.until(contains("org.example.room")).await;
    let messages = json!({ "messages": { &bob.id: { "*": { "hello": "device" } } } });
    alice.put(path!("v3/sendToDevice/{}/{}", "org.example.device", crate::api::unique("txn")), messages).await.ok();
    bobs.until(contains("org.example.device")).await;
    alice.set_state(&room, "org.example.state", "", json!({})).await.ok();
    bobs.until(contains("org.example.state")).await;
    let other = alice.create_room(json!({ "invite": [bob.id] })).await;
    bobs.until(|sync| sync["rooms"]["invite"].get(&other).cloned()).await;
    bob.put(path!("v3/user/{}/rooms/{}/tags/{}", bob.id, room, "m.favourite"), json!({ "order": 0.5 })).await.ok();
    let tags = bobs.until(|sync| of_type(&joined(sync, &room)["account_data"]["events"], "m.tag")).await;
    assert_eq!(tags["content"]["tags"]["m.favourite"]["order"], 0.5);
}

/// Many senders, one reader who syncs all the while: everything arrives, once, and in the order of the room.
async fn order_and_completeness_under_load(hs: Homeserver) {
    let [alice, bob, carol, dave] = hs.users(["alice", "bob", "carol", "dave"]).await;
    let room = alice.room_with(&[&bob, &carol, &dave]).await;
    let mut reader = bob.follow().await;
    let senders = [alice.clone(), carol, dave].map(|user| {
        let room = room.clone();
        tokio::spawn(async move {
            let mut sent = Vec::new();
            for number in 0..20 {
                sent.push(user.send(&room, &format!("{number}")).await);
            }
            sent
        })
    });
    let mut seen: Vec<String> = Vec::new();
    reader
        .until(|sync| {
            let part = joined(sync, &room);
            assert_ne!(part["timeline"]["limited"], true, "the reader keeps up");
            seen.extend(
                timeline(sync, &room)
                    .iter()
                    .filter(|event| event["type"] == "m.room.message")
                    .map(|event| event["event_id"].as_str().unwrap().to_owned()),
            );
            (seen.len() >= 60).then_some(())
        })
        .await;
    for sender in senders {
        let sent = sender.await.unwrap();
        let own: Vec<_> = seen.iter().filter(|id| sent.contains(id)).cloned().collect();
        assert_eq!(own, sent, "a sender's messages keep their order");
    }
    let mut paged: Vec<_> = alice
        .back(&room)
        .await
        .into_iter()
        .filter(|event| event["type"] == "m.room.message")
        .map(|event| event["event_id"].as_str().unwrap().to_owned())
        .collect();
    paged.reverse();
    assert_eq!(paged, seen, "history has the order of the sync");
}

async fn full_state(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({ "name": "n" })).await;
    let since = next_batch(&alice.sync("").await);
    let sync = alice.sync(&format!("&full_state=true&since={}", segment(&since))).await;
    let state = &joined(&sync, &room)["state"]["events"];
    assert!(of_type(state, "m.room.name").is_some() && of_type(state, "m.room.create").is_some(), "{sync}");
}

/// `state` is the state before the timeline, so a state event is never told twice.
async fn state_before_the_timeline(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({ "name": "first" })).await;
    for number in 0..3 {
        alice.set_state(&room, "m.room.name", "", json!({ "name": format!("name {number}") })).await.ok();
    }
    let limit = |limit: u32| filter(json!({ "room": { "timeline": { "limit": limit } } }));
    let sync = alice.sync(&limit(2)).await;
    let part = joined(&sync, &room);
    assert_eq!(of_type(&part["state"]["events"], "m.room.name").unwrap()["content"]["name"], "name 0");
    let names: Vec<_> =
        timeline(&sync, &room).iter().map(|event| event["content"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["name 1", "name 2"]);
    let last = timeline(&sync, &room).pop().unwrap();
    assert_eq!(last["unsigned"]["prev_content"]["name"], "name 1", "{last}");
    // After a gap the state is the change since the token.
    let since = next_batch(&sync);
    alice.set_state(&room, "m.room.topic", "", json!({ "topic": "new" })).await.ok();
    for number in 0..4 {
        alice.send(&room, &format!("{number}")).await;
    }
    let sync = alice.sync(&format!("{}&since={}", limit(2), segment(&since))).await;
    let part = joined(&sync, &room);
    assert_eq!(part["timeline"]["limited"], true);
    let state = list(&part["state"]["events"]);
    assert_eq!(state.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), ["m.room.topic"]);
}

async fn joining_brings_the_room_whole(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "public_chat", "name": "n" })).await;
    let said = alice.send(&room, "before bob").await;
    let mut bobs = bob.follow().await;
    bob.join(&room).await;
    let part = bobs.until(|sync| sync["rooms"]["join"].get(&room).cloned()).await;
    let events: Vec<_> = list(&part["state"]["events"]).into_iter().chain(list(&part["timeline"]["events"])).collect();
    for kind in ["m.room.create", "m.room.name", "m.room.power_levels", "m.room.join_rules"] {
        assert!(events.iter().any(|event| event["type"] == kind), "{kind} in {part}");
    }
    assert!(ids(&list(&part["timeline"]["events"])).contains(&said), "and its shared history: {part}");
    // Leaving and coming back does so again.
    bob.leave(&room).await;
    bobs.until(|sync| sync["rooms"]["leave"].get(&room).cloned()).await;
    alice.set_state(&room, "m.room.topic", "", json!({ "topic": "while bob was away" })).await.ok();
    bob.join(&room).await;
    let part = bobs.until(|sync| sync["rooms"]["join"].get(&room).cloned()).await;
    assert!(part.to_string().contains("while bob was away"), "{part}");
}

async fn refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    hs.get(path!("v3/sync")).await.fails(401, "M_MISSING_TOKEN");
    for query in ["timeout=soon", "since=garbage", "full_state=perhaps", "set_presence=dancing", "since=s9%00"] {
        alice.get(format!("{}?{query}", path!("v3/sync"))).await.refused();
    }
}

/// Client-server API v1.16: with `use_state_after` the state is that after the timeline.
async fn state_after_the_timeline(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({ "name": "old" })).await;
    alice.set_state(&room, "m.room.name", "", json!({ "name": "new" })).await.ok();
    let sync = alice.sync("&use_state_after=true").await;
    let part = joined(&sync, &room);
    if part.get("state_after").is_none() {
        return eprintln!("skipped: the server does not know use_state_after, and may ignore it");
    }
    assert!(part.get("state").is_none(), "{part}");
    assert_eq!(of_type(&part["state_after"]["events"], "m.room.name").unwrap()["content"]["name"], "new");
}
