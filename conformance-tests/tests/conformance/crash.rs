//! SIGKILL in the middle of load: what was acknowledged is there, once; what was not can be sent again and is there
//! once as well; a reader goes on from where he was.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{PATIENCE, User, list, next_batch, segment, timeline};
use crate::harness::{Engine, Setup};

/// Senders of the first crash.
const SENDERS: usize = 12;

on_both_engines_alone![killed_in_the_middle_of_sending, killed_again_and_again, everything_else_survives_too];

/// What one sender knows of his messages.
#[derive(Default)]
struct Sent {
    /// Body to event id, as acknowledged.
    acknowledged: HashMap<String, String>,
    /// The one that was under way: its transaction id and body.
    open: Option<(String, String)>,
}

/// Sends one after the other until the server is gone.
async fn send_until_cut(
    user: User,
    room: String,
    name: String,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (txn, body) = (format!("{name}-{number}"), format!("{name} {number}"));
        let path = path!("v3/rooms/{}/send/m.room.message/{}", room, txn);
        let request =
            user.request(Method::PUT, path).json(&json!({ "msgtype": "m.text", "body": body })).timeout(PATIENCE);
        let answer = async {
            let response = request.send().await.ok()?.error_for_status().ok()?;
            response.json::<Value>().await.ok()
        };
        match answer.await {
            Some(answer) => {
                sent.acknowledged.insert(body, answer["event_id"].as_str().unwrap().to_owned());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                sent.open = Some((txn, body));
                break;
            }
        }
    }
    sent
}

/// Every message of the room, oldest first: body and event id.
async fn whole_history(user: &User, room: &str) -> Vec<(String, String)> {
    let (mut all, mut from) = (Vec::new(), String::new());
    loop {
        let page = user.get(format!("{}?dir=f&limit=200{from}", path!("v3/rooms/{}/messages", room))).await.ok();
        let chunk = list(&page["chunk"]);
        let done = chunk.is_empty();
        all.extend(chunk.into_iter().filter(|event| event["type"] == "m.room.message").map(|event| {
            (event["content"]["body"].as_str().unwrap().to_owned(), event["event_id"].as_str().unwrap().to_owned())
        }));
        match page["end"].as_str() {
            Some(end) if !done => from = format!("&from={}", segment(end)),
            _ => return all,
        }
    }
}

fn check(room: &str, sent: &[Sent], history: &[(String, String)]) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (body, _) in history {
        *counts.entry(body).or_default() += 1;
    }
    for (body, count) in &counts {
        assert_eq!(*count, 1, "{body:?} is there {count} times in {room}");
    }
    let by_body: HashMap<_, _> = history.iter().cloned().collect();
    for sender in sent {
        for (body, event_id) in &sender.acknowledged {
            assert_eq!(by_body.get(body), Some(event_id), "{body:?} was acknowledged in {room}");
        }
    }
}

async fn killed_in_the_middle_of_sending(engine: Engine) {
    let mut server = Setup::new(engine).start().await;
    let hs = server.homeserver();
    let [alice, reader] = hs.users(["alice", "reader"]).await;
    let senders = futures_util::future::join_all(
        (0..SENDERS).map(|number| hs.user(if number % 2 == 0 { "even" } else { "odd" })),
    )
    .await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let others: Vec<_> = senders.iter().chain([&reader]).collect();
        rooms.push(alice.room_with(&others).await);
    }
    // A reader who has seen some of it, and keeps his token over the crash.
    let mut since = next_batch(&reader.sync("").await);
    let mut read: HashMap<String, Vec<String>> = HashMap::new();

    let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = senders
        .iter()
        .enumerate()
        .map(|(number, sender)| {
            tokio::spawn(send_until_cut(
                sender.clone(),
                rooms[number % rooms.len()].clone(),
                format!("sender-{number}"),
                Arc::clone(&acknowledged),
                Arc::clone(&stop),
            ))
        })
        .collect();
    let filter = segment(&json!({ "room": { "timeline": { "limit": 1000 } } }).to_string());
    let collect = |sync: &Value, read: &mut HashMap<String, Vec<String>>| {
        for room in &rooms {
            let events = timeline(sync, room);
            if !events.is_empty() {
                assert_ne!(sync["rooms"]["join"][room]["timeline"]["limited"], true, "the reader keeps up");
            }
            let messages = events
                .into_iter()
                .filter(|event| event["type"] == "m.room.message")
                .map(|event| event["event_id"].as_str().unwrap().to_owned());
            read.entry(room.clone()).or_default().extend(messages);
        }
    };
    let mut syncs = 0;
    while acknowledged.load(Ordering::Relaxed) < 150 || syncs < 3 {
        let sync = reader.get(format!("{}&timeout=1000&filter={filter}", path!("v3/sync?since={}", since))).await.ok();
        since = next_batch(&sync);
        collect(&sync, &mut read);
        syncs += 1;
    }
    let before = acknowledged.load(Ordering::Relaxed);
    server.kill();
    stop.store(true, Ordering::Relaxed);
    let sent: Vec<Sent> = futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    assert!(before >= 150);
    assert!(sent.iter().any(|sender| sender.open.is_some()), "killed while something was under way");
    server.start_again().await;

    // What was cut off is sent again under the same transaction id, twice for good measure.
    let mut all = Vec::new();
    for (number, mut sender) in sent.into_iter().enumerate() {
        if let Some((txn, body)) = sender.open.take() {
            let path = path!("v3/rooms/{}/send/m.room.message/{}", rooms[number % rooms.len()], txn);
            let content = json!({ "msgtype": "m.text", "body": body });
            let first = senders[number].put(&path, content.clone()).await.ok();
            let second = senders[number].put(&path, content).await.ok();
            assert_eq!(first, second);
            sender.acknowledged.insert(body, first["event_id"].as_str().unwrap().to_owned());
        }
        // And one that was acknowledged before the crash: the same answer after it.
        if let Some((body, event_id)) = sender.acknowledged.iter().next() {
            let path = path!("v3/rooms/{}/send/m.room.message/{}", rooms[number % rooms.len()], body.replace(' ', "-"));
            let again = senders[number].put(&path, json!({ "msgtype": "m.text", "body": body })).await.ok();
            assert_eq!(again["event_id"], event_id.as_str(), "transaction ids outlive the crash");
        }
        all.push(sender);
    }
    // The reader goes on from his token: together it is everything, once, in order.
    for _ in 0..200 {
        let sync = reader.get(format!("{}&timeout=0&filter={filter}", path!("v3/sync?since={}", since))).await.ok();
        let ended = next_batch(&sync) == since || rooms.iter().all(|room| timeline(&sync, room).is_empty());
        since = next_batch(&sync);
        collect(&sync, &mut read);
        if ended {
            break;
        }
    }
    for (index, room) in rooms.iter().enumerate() {
        let history = whole_history(&alice, room).await;
        let own: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(number, _)| number % rooms.len() == index)
            .map(|(_, sender)| Sent { acknowledged: sender.acknowledged.clone(), open: None })
            .collect();
        check(room, &own, &history);
        let ids: Vec<_> = history.into_iter().map(|(_, event_id)| event_id).collect();
        assert_eq!(read[room], ids, "the reader missed nothing and saw nothing twice in {room}");
    }
}

/// Five crashes in a row on the same data, each while sending.
async fn killed_again_and_again(engine: Engine) {
    let mut server = Setup::new(engine).start().await;
    let hs = server.homeserver();
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let mut sent = Vec::new();
    for crash in 0..5 {
        let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                tokio::spawn(send_until_cut(
                    alice.clone(),
                    room.clone(),
                    format!("crash-{crash}-{number}"),
                    Arc::clone(&acknowledged),
                    Arc::clone(&stop),
                ))
            })
            .collect();
        let waiting = async {
            while acknowledged.load(Ordering::Relaxed) < 20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the server takes messages");
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            sent.push(task.await.unwrap());
        }
        server.start_again().await;
    }
    check(&room, &sent, &whole_history(&alice, &room).await);
}

/// Not messages alone: whatever had its answer is there after the crash.
async fn everything_else_survives_too(engine: Engine) {
    let mut server = Setup::new(engine).start().await;
    let hs = server.homeserver();
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = alice.create_room(json!({ "preset": "private_chat", "name": "before", "invite": [bob.id] })).await;
    let media = crate::media::upload(&alice, "", "text/plain", b"kept").await;
    let event_id = alice.send(&room, "x").await;
    alice.set_state(&room, "m.room.name", "", json!({ "name": "after" })).await.ok();
    alice.put(path!("v3/user/{}/account_data/{}", alice.id, "org.example.kept"), json!({ "kept": true })).await.ok();
    alice.put(path!("v3/profile/{}/displayname", alice.id), json!({ "displayname": "Алиса" })).await.ok();
    let messages = json!({ "messages": { &bob.id: { &bob.device: { "kept": true } } } });
    alice.put(path!("v3/sendToDevice/{}/{}", "org.example.kept", "1"), messages).await.ok();
    alice.post(path!("v3/rooms/{}/receipt/m.read/{}", room, event_id), json!({})).await.ok();
    bob.join(&room).await;
    alice
        .post(
            path!("v3/room_keys/version"),
            json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": "x" } }),
        )
        .await
        .ok();
    let session = hs.login(&alice.id).await;
    server.kill();
    server.start_again().await;

    session.get(path!("v3/account/whoami")).await.ok();
    assert_eq!(alice.state(&room, "m.room.name", "").await.ok()["name"], "after");
    assert_eq!(alice.state(&room, "m.room.member", &bob.id).await.ok()["membership"], "join");
    assert_eq!(
        alice.get(path!("v3/user/{}/account_data/{}", alice.id, "org.example.kept")).await.ok(),
        json!({ "kept": true })
    );
    assert_eq!(bob.get(path!("v3/profile/{}/displayname", alice.id)).await.ok()["displayname"], "Алиса");
    assert_eq!(alice.get(format!("/_matrix/client/v1/media/download/{media}")).await.bytes, b"kept");
    alice.get(path!("v3/room_keys/version")).await.ok();
    let sync = bob.sync("").await;
    assert_eq!(list(&sync["to_device"]["events"]).len(), 1);
    assert!(sync.to_string().contains("m.receipt"), "{sync}");
}
