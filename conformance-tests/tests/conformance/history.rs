//! Reading back: pages, context, who may see what.

use serde_json::{Value, json};

use crate::api::{Homeserver, User, bodies, ids, list, next_batch, segment, timeline};

on_both_engines![
    pages_backward_and_forward,
    pages_from_a_sync,
    page_bounds_and_filters,
    page_refusals,
    context,
    timestamp_to_event,
    visibility_joined,
    visibility_invited,
    visibility_shared,
    visibility_world_readable,
    gaps_are_told_and_closed,
    pages_hold_state_of_lazy_members,
];

async fn say(user: &User, room: &str, from: usize, to: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for number in from..to {
        sent.push(user.send(room, &format!("message {number}")).await);
    }
    sent
}

async fn page(user: &User, room: &str, query: &str) -> Value {
    user.get(format!("{}?{query}", path!("v3/rooms/{}/messages", room))).await.ok()
}

/// Walks the whole room in one direction in pages of `limit`; gives everything in the order it came.
async fn walk(user: &User, room: &str, dir: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut from = String::new();
    for _ in 0..100 {
        let answer = page(user, room, &format!("dir={dir}&limit={limit}{from}")).await;
        let chunk = list(&answer["chunk"]);
        assert!(chunk.len() <= limit, "a page holds at most the limit");
        assert!(answer["start"].is_string(), "{answer}");
        all.extend(chunk);
        match answer["end"].as_str() {
            Some(end) => from = format!("&from={}", segment(end)),
            None => return all,
        }
        if dir == "f" && list(&answer["chunk"]).is_empty() {
            return all;
        }
    }
    panic!("the pages do not end");
}

async fn pages_backward_and_forward(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let sent = say(&alice, &room, 0, 23).await;
    for limit in [1, 7, 23, 100] {
        let back = walk(&alice, &room, "b", limit).await;
        let mut said: Vec<_> = ids(&back).into_iter().filter(|id| sent.contains(id)).collect();
        said.reverse();
        assert_eq!(said, sent, "backward in pages of {limit}");
        assert_eq!(back.last().unwrap()["type"], "m.room.create");
        let mut forward = ids(&walk(&alice, &room, "f", limit).await);
        forward.reverse();
        assert_eq!(forward, ids(&back), "forward is backward reversed, in pages of {limit}");
    }
}

async fn pages_from_a_sync(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let before = say(&alice, &room, 0, 5).await;
    let token = next_batch(&alice.sync("").await);
    let after = say(&alice, &room, 5, 10).await;
    let back = page(&alice, &room, &format!("dir=b&limit=5&from={}", segment(&token))).await;
    assert_eq!(
        ids(&list(&back["chunk"])),
        before.iter().rev().cloned().collect::<Vec<_>>(),
        "backward from a sync token is what was before it"
    );
    let forward = page(&alice, &room, &format!("dir=f&limit=50&from={}", segment(&token))).await;
    assert_eq!(ids(&list(&forward["chunk"])), after);
    let now = next_batch(&alice.sync("").await);
    let between = page(&alice, &room, &format!("dir=b&limit=50&from={}&to={}", segment(&now), segment(&token))).await;
    assert_eq!(ids(&list(&between["chunk"])), after.iter().rev().cloned().collect::<Vec<_>>(), "`to` ends it");
}

async fn page_bounds_and_filters(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    say(&alice, &room, 0, 12).await;
    let own = bob.send(&room, "bob's").await;
    assert_eq!(list(&page(&alice, &room, "dir=b").await["chunk"]).len(), 10, "ten by default");
    let filter = |value: Value| format!("dir=b&limit=100&filter={}", segment(&value.to_string()));
    let answer = page(&alice, &room, &filter(json!({ "types": ["m.room.message"], "senders": [bob.id] }))).await;
    assert_eq!(ids(&list(&answer["chunk"])), [own]);
    let answer = page(&alice, &room, &filter(json!({ "not_types": ["m.room.*"] }))).await;
    assert!(list(&answer["chunk"]).is_empty(), "{answer}");
    let answer = page(&alice, &room, &filter(json!({ "types": ["m.room.create"] }))).await;
    assert_eq!(list(&answer["chunk"]).len(), 1);
    let answer = page(&alice, &room, &filter(json!({ "contains_url": true }))).await;
    assert!(list(&answer["chunk"]).is_empty(), "{answer}");
    // An enormous limit is a wish, not an order.
    page(&alice, &room, "dir=b&limit=100000000").await;
}

async fn page_refusals(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({})).await;
    let ask =
        async |user: &User, query: &str| user.get(format!("{}?{query}", path!("v3/rooms/{}/messages", room))).await;
    ask(&alice, "dir=sideways").await.refused();
    ask(&alice, "limit=10").await.refused();
    ask(&alice, "dir=b&limit=many").await.refused();
    ask(&alice, "dir=b&from=garbage").await.refused();
    ask(&alice, "dir=b&filter=%7Bbroken").await.refused();
    ask(&bob, "dir=b").await.fails(403, "M_FORBIDDEN");
}

async fn context(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "name": "n" })).await;
    let sent = say(&alice, &room, 0, 11).await;
    let answer = alice.get(path!("v3/rooms/{}/context/{}?limit=4", room, sent[5])).await.ok();
    assert_eq!(answer["event"]["event_id"], sent[5].as_str());
    let (before, after) = (ids(&list(&answer["events_before"])), ids(&list(&answer["events_after"])));
    assert_eq!(before, [sent[4].clone(), sent[3].clone()], "nearest first");
    assert_eq!(after, [sent[6].clone(), sent[7].clone()]);
    assert!(list(&answer["state"]).iter().any(|event| event["type"] == "m.room.name"), "{answer}");
    let earlier =
        page(&alice, &room, &format!("dir=b&limit=2&from={}", segment(answer["start"].as_str().unwrap()))).await;
    assert_eq!(ids(&list(&earlier["chunk"])), [sent[2].clone(), sent[1].clone()], "`start` pages on backward");
    let later = page(&alice, &room, &format!("dir=f&limit=2&from={}", segment(answer["end"].as_str().unwrap()))).await;
    assert_eq!(ids(&list(&later["chunk"])), [sent[8].clone(), sent[9].clone()], "`end` pages on forward");
    let alone = alice.get(path!("v3/rooms/{}/context/{}?limit=0", room, sent[5])).await.ok();
    assert!(list(&alone["events_before"]).is_empty() && list(&alone["events_after"]).is_empty());
    alice.get(path!("v3/rooms/{}/context/{}", room, "$none")).await.fails(404, "M_NOT_FOUND");
    let hidden = bob.get(path!("v3/rooms/{}/context/{}", room, sent[5])).await;
    assert!([403, 404].contains(&hidden.status), "{hidden}");
}

async fn timestamp_to_event(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let sent = say(&alice, &room, 0, 2).await;
    let last = alice.get(path!("v3/rooms/{}/event/{}", room, sent[1])).await.ok();
    let then = last["origin_server_ts"].as_i64().unwrap();
    let found =
        alice.get(format!("{}?dir=b&ts={}", path!("v1/rooms/{}/timestamp_to_event", room), then + 60_000)).await.ok();
    assert_eq!(found["event_id"], sent[1].as_str());
    assert_eq!(found["origin_server_ts"], then);
    let first = alice.get(format!("{}?dir=f&ts=0", path!("v1/rooms/{}/timestamp_to_event", room))).await.ok();
    let create = alice.get(path!("v3/rooms/{}/event/{}", room, first["event_id"].as_str().unwrap())).await.ok();
    assert_eq!(create["type"], "m.room.create");
    alice
        .get(format!("{}?dir=f&ts={}", path!("v1/rooms/{}/timestamp_to_event", room), then + 60_000))
        .await
        .fails(404, "M_NOT_FOUND");
}

/// A room where messages were said before an invitation, between it and the joining, and after.
async fn story(hs: &Homeserver, visibility: &str) -> (Vec<String>, Vec<String>) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let state = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": visibility } }]);
    let room = alice.create_room(json!({ "preset": "private_chat", "initial_state": state })).await;
    alice.send(&room, "before").await;
    alice.member(&room, "invite", &bob).await.ok();
    alice.send(&room, "invited").await;
    bob.join(&room).await;
    alice.send(&room, "joined").await;
    let mut paged = bodies(&walk(&bob, &room, "b", 100).await);
    paged.reverse();
    let synced = bodies(&timeline(&bob.sync("").await, &room));
    (paged, synced)
}

async fn visibility_joined(hs: Homeserver) {
    assert_eq!(story(&hs, "joined").await.0, ["joined"]);
    assert_eq!(story(&hs, "joined").await.1, ["joined"], "a sync hides what a page hides");
}

async fn visibility_invited(hs: Homeserver) {
    assert_eq!(story(&hs, "invited").await.0, ["invited", "joined"]);
}

async fn visibility_shared(hs: Homeserver) {
    assert_eq!(story(&hs, "shared").await.0, ["before", "invited", "joined"]);
}

async fn visibility_world_readable(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let state = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } }]);
    let room = alice.create_room(json!({ "initial_state": state, "name": "open" })).await;
    let said = alice.send(&room, "for all").await;
    assert_eq!(bodies(&bob.back(&room).await), ["for all"]);
    assert_eq!(bob.state(&room, "m.room.name", "").await.ok()["name"], "open");
    bob.get(path!("v3/rooms/{}/event/{}", room, said)).await.ok();
    bob.try_send(&room, "m.room.message", json!({ "body": "x" })).await.fails(403, "M_FORBIDDEN");
    // Closing it hides what is said from then on.
    alice.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "joined" })).await.ok();
    let later = alice.send(&room, "for us").await;
    let hidden = bob.get(path!("v3/rooms/{}/event/{}", room, later)).await;
    assert!([403, 404].contains(&hidden.status), "{hidden}");
}

/// A limited timeline says so, and `prev_batch` closes the gap without loss and without doubling.
async fn gaps_are_told_and_closed(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    let since = next_batch(&bob.sync("").await);
    let sent = say(&alice, &room, 0, 30).await;
    let filter = segment(&json!({ "room": { "timeline": { "limit": 5 } } }).to_string());
    let sync = bob.sync(&format!("&since={}&filter={filter}", segment(&since))).await;
    let joined = &sync["rooms"]["join"][&room]["timeline"];
    assert_eq!(joined["limited"], true);
    let mut got = ids(&list(&joined["events"]));
    assert_eq!(got, sent[25..], "the newest come with the sync");
    let prev = segment(joined["prev_batch"].as_str().unwrap());
    let gap = page(&bob, &room, &format!("dir=b&limit=100&from={prev}&to={}", segment(&since))).await;
    let mut older = ids(&list(&gap["chunk"]));
    older.reverse();
    older.append(&mut got);
    assert_eq!(older, sent);
    let rest = bob.sync(&format!("&since={}&filter={filter}", segment(&next_batch(&sync)))).await;
    assert!(timeline(&rest, &room).is_empty());
    let complete = bob.sync(&format!("&since={}", segment(&next_batch(&sync)))).await;
    assert_ne!(complete["rooms"]["join"][&room]["timeline"]["limited"], true);
}

async fn pages_hold_state_of_lazy_members(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.room_with(&[&bob]).await;
    bob.send(&room, "x").await;
    let filter = segment(&json!({ "lazy_load_members": true }).to_string());
    let answer = page(&alice, &room, &format!("dir=b&limit=1&filter={filter}")).await;
    let members: Vec<_> =
        list(&answer["state"]).iter().map(|event| event["state_key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(members, [bob.id], "the members of the senders on the page");
}
