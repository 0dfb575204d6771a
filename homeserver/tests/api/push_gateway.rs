use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, response::Redirect, routing::post};
use homeserver::domain::event::Draft;
use http::{Method, StatusCode};
use parking_lot::Mutex;
use ruma::{CanonicalJsonObject, RoomId, events::StateEventType};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::server::{Server, User, count};

const SET: &str = "/_matrix/client/v3/pushers/set";

/// A push gateway that notes what it is told.
#[derive(Clone, Default)]
struct Gateway(Arc<Inner>);

#[derive(Default)]
struct Inner {
    url: Mutex<String>,
    /// Every notification that it was told, taken or not.
    attempts: Mutex<Vec<Value>>,
    taken: Mutex<Vec<Value>>,
    /// So many calls are still refused.
    refuse: AtomicUsize,
    /// The keys that it rejects.
    rejects: Mutex<Vec<String>>,
    told: Notify,
}

impl Gateway {
    async fn start() -> Self {
        let gateway = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        *gateway.0.url.lock() = format!("http://{address}/_matrix/push/v1/notify");
        let router = Router::new()
            .route("/_matrix/push/v1/notify", post(notify))
            .route("/elsewhere", post(notify))
            .with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        gateway
    }

    /// A pusher of it.
    fn pusher(&self, key: &str, more: Value) -> Value {
        let mut data = json!({ "url": *self.0.url.lock() });
        for (name, value) in more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        json!({
            "pushkey": key, "app_id": "org.example.app", "kind": "http", "app_display_name": "App",
            "device_display_name": "Phone", "lang": "ru", "data": data,
        })
    }

    /// The notifications that were taken of events, each as often as it was.
    fn events(&self) -> Vec<Value> {
        self.0.taken.lock().iter().filter(|n| n["event_id"].is_string()).cloned().collect()
    }

    fn ids(&self) -> Vec<String> {
        self.events().iter().map(|n| n["event_id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The numbers that were told without an event.
    fn badges(&self) -> Vec<Value> {
        let taken = self.0.taken.lock();
        taken.iter().filter(|n| n["event_id"].is_null()).map(|n| n["counts"]["unread"].clone()).collect()
    }

    fn attempts(&self) -> usize {
        self.0.attempts.lock().len()
    }

    async fn until(&self, what: &str, done: impl Fn() -> bool) {
        let waiting = async {
            while !done() {
                let told = self.0.told.notified();
                if !done() {
                    told.await;
                }
            }
        };
        let happened = tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok();
        assert!(happened, "{what} did not happen: {:#?}", self.0.taken.lock());
    }
}

async fn notify(State(Gateway(inner)): State<Gateway>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let notification = body["notification"].clone();
    let refuse = inner.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
    inner.attempts.lock().push(notification.clone());
    if !refuse {
        inner.taken.lock().push(notification);
    }
    inner.told.notify_one();
    let status = if refuse { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    (status, Json(json!({ "rejected": *inner.rejects.lock() })))
}

impl Server {
    /// The same server where gateways on this machine may be told.
    async fn with_gateways(self) -> Self {
        self.adjusted(|config| config.push.allowed_gateways = vec!["127.0.0.1".to_owned()]).await
    }

    async fn state(&self, user: &User, room: &RoomId, kind: StateEventType, key: &str, content: Value) -> String {
        let content: CanonicalJsonObject = serde_json::from_value(content).expect("canonical JSON");
        self.append(room, Draft::state(&user.user_id(), kind, key, content)).await.event_id.to_string()
    }
}

fn member(to: &str) -> Value {
    json!({ "membership": to })
}

on_both_engines! {
    async fn a_gateway_is_told_of_messages(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob, carol) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("carol").await);
        let room = server.seed_room(&[&alice, &bob, &carol]).await;
        server.state(&alice, &room, StateEventType::RoomName, "", json!({ "name": "Class 7" })).await;
        server.seed_text(&alice, &room, "before the pusher").await;
        server.post(&bob, SET, gateway.pusher("full", json!({ "default_payload": { "aps": 1 } }))).await;
        server.post(&bob, SET, gateway.pusher("short", json!({ "format": "event_id_only" }))).await;
        let mention = json!({ "msgtype": "m.text", "body": "hey", "m.mentions": { "user_ids": [bob.id] } });
        server.seed_text(&bob, &room, "his own").await;
        let notice = json!({ "msgtype": "m.notice", "body": "quiet" });
        server.seed_message(&alice, &room, notice).await;
        let plain = server.seed_text(&alice, &room, "hello").await.event_id.to_string();
        let loud = server.seed_message(&alice, &room, mention).await.event_id.to_string();
        let of = |key: &str| -> Vec<Value> {
            gateway.events().into_iter().filter(|n| n["devices"][0]["pushkey"] == key).collect()
        };
        gateway.until("four notifications", || of("full").len() >= 2 && of("short").len() >= 2).await;

        let (full, short) = (of("full"), of("short"));
        assert_eq!((&full[0]["event_id"], &full[1]["event_id"]), (&json!(plain), &json!(loud)), "in order");
        let expected = json!({
            "event_id": plain, "room_id": room, "type": "m.room.message", "sender": alice.id,
            "sender_display_name": "alice", "room_name": "Class 7", "prio": "low",
            "content": { "msgtype": "m.text", "body": "hello" }, "counts": { "unread": full[0]["counts"]["unread"] },
            "devices": [{
                "app_id": "org.example.app", "pushkey": "full", "data": { "default_payload": { "aps": 1 } },
                "pushkey_ts": full[0]["devices"][0]["pushkey_ts"],
            }],
        });
        assert_eq!(full[0], expected);
        assert!(full[0]["devices"][0]["pushkey_ts"].is_u64());
        assert!(full[0]["counts"]["unread"].as_u64().is_some_and(|n| (1..=2).contains(&n)), "{}", full[0]);
        assert_eq!(full[1]["counts"]["unread"], 2);
        // A number higher than `low` is the default and may be left out.
        assert_ne!(full[1]["prio"], "low");
        assert_eq!(full[1]["devices"][0]["tweaks"]["highlight"], true);
        let mut fields: Vec<_> = short[0].as_object().expect("a notification").keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["counts", "devices", "event_id", "prio", "room_id"], "{}", short[0]);
        assert_eq!(short[0]["devices"][0]["data"], json!({ "format": "event_id_only" }));
    }

    async fn invitations_encrypted_rooms_and_ignored_people(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob, carol) =
            (server.seed_user("alice").await, server.seed_user("bob").await, server.seed_user("carol").await);
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        let ignored = json!({ "ignored_users": { carol.id.clone(): {} } });
        let list = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", bob.id);
        server.put(&bob, &list, ignored).await;
        let (room, unwanted) = (server.seed_room(&[&alice, &carol]).await, server.seed_room(&[&carol]).await);
        server.state(&carol, &unwanted, StateEventType::RoomMember, &bob.id, member("invite")).await;
        server.seed_text(&alice, &room, "before he came").await;
        let invitation = server.state(&alice, &room, StateEventType::RoomMember, &bob.id, member("invite")).await;
        gateway.until("the invitation", || !gateway.events().is_empty()).await;
        assert_eq!(gateway.events()[0]["user_is_target"], true);
        server.seed_text(&alice, &room, "while he is only invited").await;
        server.seed_membership(&bob, &room, "join").await;
        server.seed_text(&carol, &room, "by one whom he ignores").await;
        let content = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x" });
        let content: CanonicalJsonObject = serde_json::from_value(content).expect("canonical JSON");
        let draft = Draft::message(&alice.user_id(), "m.room.encrypted".into(), content);
        let secret = server.append(&room, draft).await.event_id.to_string();
        gateway.until("the encrypted message", || gateway.ids().contains(&secret)).await;
        assert_eq!(gateway.ids(), [invitation, secret], "and nothing else");
        assert_ne!(gateway.events()[1]["prio"], "low");
    }

    async fn who_follows_threads_is_told_of_those_alone(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        let followed = server.seed_text(&alice, &room, "followed").await;
        let other = server.seed_text(&alice, &room, "not followed").await;
        let subscription = format!(
            "/_matrix/client/unstable/io.element.msc4306/rooms/{room}/thread/{}/subscription",
            followed.event_id,
        );
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        let reply = |root: &str| {
            json!({ "msgtype": "m.text", "body": "a", "m.relates_to": { "rel_type": "m.thread", "event_id": root } })
        };
        let before = server.seed_message(&alice, &room, reply(other.event_id.as_str())).await.event_id.to_string();
        gateway.until("a reply, as to everybody", || gateway.ids() == [before.clone()]).await;
        server.put(&bob, &subscription, json!({})).await;
        server.seed_message(&alice, &room, reply(other.event_id.as_str())).await;
        let after = server.seed_message(&alice, &room, reply(followed.event_id.as_str())).await.event_id.to_string();
        gateway.until("another reply", || gateway.ids().len() > 1).await;
        assert_eq!(gateway.ids(), [before, after]);
    }

    async fn the_number_of_unread_messages_follows_reading(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        server.seed_text(&alice, &room, "one").await;
        let last = server.seed_text(&alice, &room, "two").await;
        gateway.until("both", || gateway.events().len() == 2).await;
        assert_eq!(gateway.events()[1]["counts"]["unread"], 2);
        let receipt = format!("/_matrix/client/v3/rooms/{room}/receipt/m.read/{}", last.event_id);
        server.post(&bob, &receipt, json!({})).await;
        gateway.until("nothing is unread", || gateway.badges().last() == Some(&json!(0))).await;
        server.seed_text(&alice, &room, "three").await;
        gateway.until("the third", || gateway.events().len() == 3).await;
        assert_eq!(gateway.events()[2]["counts"]["unread"], 1);
        server.seed_text(&bob, &room, "an answer").await;
        gateway.until("nothing is unread again", || gateway.badges() == [json!(0), json!(0)]).await;
    }

    async fn while_a_gateway_is_away_the_newest_waits(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        let first = server.seed_text(&alice, &room, "first").await.event_id.to_string();
        gateway.until("the first", || gateway.ids() == [first.clone()]).await;
        gateway.0.refuse.store(usize::MAX, Ordering::SeqCst);
        server.seed_text(&alice, &room, "while it is away").await;
        gateway.until("an attempt", || gateway.attempts() == 2).await;
        for n in 0..40 {
            server.seed_text(&alice, &room, &format!("message {n}")).await;
        }
        let last = server.seed_text(&alice, &room, "last").await.event_id.to_string();
        let attempts = gateway.attempts();
        gateway.until("another attempt", || gateway.attempts() > attempts).await;
        gateway.0.refuse.store(0, Ordering::SeqCst);
        gateway.until("the last", || gateway.ids().last() == Some(&last)).await;
        let told = gateway.ids();
        assert!(told[0] == first && told.len() < 10, "not all that came meanwhile: {told:?}");
        assert_eq!(gateway.events().last().expect("the last")["counts"]["unread"], 43);
    }

    async fn a_restart_loses_and_doubles_nothing(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        let first = server.seed_text(&alice, &room, "first").await.event_id.to_string();
        gateway.until("the first", || gateway.ids() == [first.clone()]).await;
        gateway.0.refuse.store(usize::MAX, Ordering::SeqCst);
        let second = server.seed_text(&alice, &room, "while it is away").await;
        gateway.until("an attempt", || gateway.attempts() == 2).await;
        let server = server.restarted().await;
        gateway.until("an attempt after the restart", || gateway.attempts() >= 3).await;
        gateway.0.refuse.store(0, Ordering::SeqCst);
        gateway.until("the second", || gateway.ids().len() >= 2).await;
        let settled = async {
            while count(&server, "SELECT settled AS n FROM pushers").await < second.position {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), settled).await.is_ok(), "the second is settled");
        let server = server.restarted().await;
        let third = server.seed_text(&alice, &room, "third").await.event_id.to_string();
        gateway.until("the third", || gateway.ids().contains(&third)).await;
        assert_eq!(gateway.ids(), [first, second.event_id.to_string(), third]);
    }

    async fn what_was_read_meanwhile_is_no_news(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, gateway.pusher("bob", json!({}))).await;
        gateway.0.refuse.store(1, Ordering::SeqCst);
        let read = server.seed_text(&alice, &room, "read on another device").await;
        gateway.until("an attempt", || gateway.attempts() == 1).await;
        let receipt = format!("/_matrix/client/v3/rooms/{room}/receipt/m.read/{}", read.event_id);
        server.post(&bob, &receipt, json!({})).await;
        gateway.until("the number", || gateway.badges() == [json!(0)]).await;
        assert!(gateway.ids().is_empty());
    }

    async fn pushers_go_when_they_are_rejected_or_their_device_is_gone(server: Server) {
        let server = server.with_gateways().await;
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.register("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, gateway.pusher("old", json!({}))).await;
        server.post(&bob, SET, gateway.pusher("new", json!({}))).await;
        gateway.0.rejects.lock().push("old".to_owned());
        server.seed_text(&alice, &room, "hello").await;
        let keys = async || -> Vec<Value> {
            let pushers = server.get(&bob, "/_matrix/client/v3/pushers").await;
            pushers["pushers"].as_array().expect("pushers").iter().map(|p| p["pushkey"].clone()).collect()
        };
        let removed = async {
            while keys().await != ["new"] {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), removed).await.is_ok(), "the old one goes");
        gateway.until("both", || gateway.events().len() == 2).await;
        let second = server.seed_text(&alice, &room, "to the new one alone").await.event_id.to_string();
        gateway.until("the second", || gateway.ids().contains(&second)).await;

        let phone = server.sign_in("bob").await;
        server.post(&phone, SET, gateway.pusher("phone", json!({}))).await;
        let password = json!({
            "new_password": "looking-glass", "logout_devices": true,
            "auth": {
                "type": "m.login.password", "password": "wonderland",
                "identifier": { "type": "m.id.user", "user": "bob" },
            },
        });
        server.post(&bob, "/_matrix/client/v3/account/password", password).await;
        assert_eq!(keys().await, ["new"], "the other device's pusher went with it");
        let third = server.seed_text(&alice, &room, "to this device alone").await.event_id.to_string();
        gateway.until("the third", || gateway.ids().contains(&third)).await;
        server.post(&bob, "/_matrix/client/v3/logout", json!({})).await;
        server.seed_text(&alice, &room, "to nobody").await;
        let carol = server.seed_user("carol").await;
        server.seed_membership(&carol, &room, "join").await;
        server.post(&carol, SET, gateway.pusher("carol", json!({}))).await;
        let fourth = server.seed_text(&alice, &room, "to carol").await.event_id.to_string();
        gateway.until("carol's", || gateway.ids().contains(&fourth)).await;
        let events = gateway.events();
        let told = |key: &str| events.iter().filter(|n| n["devices"][0]["pushkey"] == key).count();
        assert_eq!((told("old"), told("new"), told("phone"), told("carol")), (1, 3, 0, 1));
    }

    async fn gateways_of_the_own_network_must_be_listed(server: Server) {
        let gateway = Gateway::start().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.refused(Method::POST, &bob, SET, gateway.pusher("bob", json!({})), "M_INVALID_PARAM").await;
        for url in ["http://10.0.0.1", "http://[::1]", "http://169.254.169.254", "http://0x7f000001", "ftp://example.org"] {
            let data = json!({ "url": format!("{url}/_matrix/push/v1/notify") });
            server.refused(Method::POST, &bob, SET, gateway.pusher("bob", data), "M_INVALID_PARAM").await;
        }
        // A name is no way around it: what counts is the address that it leads to.
        let named = gateway.0.url.lock().replace("127.0.0.1", "localhost");
        server.post(&bob, SET, gateway.pusher("bob", json!({ "url": named }))).await;
        server.seed_text(&alice, &room, "never told").await;
        let server = server.with_gateways().await;
        server.post(&bob, SET, gateway.pusher("bob by address", json!({}))).await;
        let told = server.seed_text(&alice, &room, "hello").await.event_id.to_string();
        gateway.until("the listed one", || gateway.ids().contains(&told)).await;
        let keys: Vec<_> = gateway.0.attempts.lock().iter().map(|n| n["devices"][0]["pushkey"].clone()).collect();
        assert!(keys.iter().all(|key| key == "bob by address"), "{keys:?}");
    }

    async fn redirects_are_not_followed(server: Server) {
        let gateway = Gateway::start().await;
        let elsewhere = gateway.0.url.lock().replace("/_matrix/push/v1/notify", "/elsewhere");
        let asked = Gateway::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        *asked.0.url.lock() = format!("http://{address}/_matrix/push/v1/notify");
        let noting = asked.clone();
        let redirect = move || async move {
            noting.0.attempts.lock().push(Value::Null);
            noting.0.told.notify_one();
            Redirect::temporary(&elsewhere)
        };
        let router = Router::new().route("/_matrix/push/v1/notify", post(redirect));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let server = server.with_gateways().await;
        let (alice, bob) = (server.seed_user("alice").await, server.seed_user("bob").await);
        let room = server.seed_room(&[&alice, &bob]).await;
        server.post(&bob, SET, asked.pusher("bob", json!({}))).await;
        server.seed_text(&alice, &room, "hello").await;
        asked.until("a second attempt", || asked.attempts() >= 2).await;
        assert_eq!(gateway.attempts(), 0);
    }
}
