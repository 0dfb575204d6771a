mod networks;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    routing::{get, post, put},
};
use http::{HeaderMap, Method, Request, StatusCode};
use parking_lot::Mutex;
use ruma::presence::PresenceState;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::server::{Server, User};

/// An application service that notes what it is told.
#[derive(Clone, Default)]
struct Fake(Arc<Inner>);

#[derive(Default)]
struct Inner {
    address: Mutex<String>,
    /// Every attempt at a transaction: its id and its body.
    attempts: Mutex<Vec<(String, Value)>>,
    /// The transactions that were taken.
    taken: Mutex<Vec<(String, Value)>>,
    /// So many attempts are still refused.
    refuse: AtomicUsize,
    /// The users and aliases that it makes when asked.
    makes: Mutex<HashSet<String>>,
    /// Where it makes them; it only says so as long as this is not set.
    home: Mutex<Option<Router>>,
    /// What it was asked for.
    asked: Mutex<Vec<String>>,
    told: Notify,
}

impl Fake {
    async fn start() -> Self {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        *fake.0.address.lock() = format!("http://{}/base", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/base/_matrix/app/v1/transactions/{txn}", put(transaction))
            .route("/base/_matrix/app/v1/{kind}/{id}", get(query))
            .route("/base/_matrix/app/v1/thirdparty/{*path}", get(networks::answer))
            .route("/base/_matrix/app/v1/ping", post(ping))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    fn registration(&self, more: &str) -> String {
        let url = self.0.address.lock().clone();
        format!(
            "id: games\nurl: {url}\nas_token: from-games\nhs_token: to-games\nsender_localpart: games\n{more}\
             namespaces:\n  users:\n    - {{ exclusive: true, regex: '@bot_.*' }}\n  \
             aliases:\n    - {{ exclusive: true, regex: '#games_.*' }}\n"
        )
    }

    /// The events that were taken, each as often as it was.
    fn events(&self) -> Vec<String> {
        let taken = self.0.taken.lock();
        let events = taken.iter().flat_map(|(_, body)| body["events"].as_array().cloned().unwrap_or_default());
        events.map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The ephemeral events of a type that were taken.
    fn ephemeral(&self, kind: &str) -> Vec<Value> {
        let taken = self.0.taken.lock();
        let events = taken.iter().flat_map(|(_, body)| body["ephemeral"].as_array().cloned().unwrap_or_default());
        events.filter(|event| event["type"] == kind).collect()
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

fn authorized(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == "Bearer to-games")
}

async fn transaction(
    State(Fake(inner)): State<Fake>,
    Path(txn): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    inner.attempts.lock().push((txn.clone(), body.clone()));
    let refuse = inner.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
    if !refuse && authorized(&headers) {
        inner.taken.lock().push((txn, body));
    }
    inner.told.notify_one();
    if refuse { (StatusCode::BAD_GATEWAY, Json(json!({}))) } else { (StatusCode::OK, Json(json!({}))) }
}

async fn query(State(Fake(inner)): State<Fake>, Path((kind, id)): Path<(String, String)>) -> StatusCode {
    inner.asked.lock().push(id.clone());
    if !inner.makes.lock().contains(&id) {
        return StatusCode::NOT_FOUND;
    }
    let home = inner.home.lock().clone();
    if let Some(home) = home {
        let name = id.trim_start_matches(['#', '@']).trim_end_matches(":parta.test");
        let (at, path, body) = match kind.as_str() {
            "users" => ("profile", "register", json!({ "type": "m.login.application_service", "username": name })),
            _ => ("directory/room", "createRoom", json!({ "preset": "public_chat", "room_alias_name": name })),
        };
        let looked = Request::get(format!("/_matrix/client/v3/{at}/{}", id.replace('#', "%23")));
        let made = Request::post(format!("/_matrix/client/v3/{path}"));
        // A service may look before it makes; it is not asked what it asks.
        for request in [looked.body(Body::empty()), made.body(Body::from(body.to_string()))] {
            let mut request = request.expect("a request");
            request.headers_mut().insert("authorization", "Bearer from-games".parse().expect("a header"));
            let status = home.clone().oneshot(request).await.expect("an answer").status();
            assert!(status != StatusCode::BAD_REQUEST, "{status} for {id}");
        }
    }
    StatusCode::OK
}

async fn ping(State(_): State<Fake>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    if authorized(&headers) && body["transaction_id"] == "hello" {
        (StatusCode::OK, Json(json!({})))
    } else {
        (StatusCode::FORBIDDEN, Json(json!({ "errcode": "M_FORBIDDEN" })))
    }
}

impl Server {
    /// The same server with an application service.
    async fn with_appservice(self, registration: String) -> Self {
        self.adjusted(|config| {
            let folder = config.appservices.folder.clone().expect("a folder");
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("games.yaml"), registration).expect("a registration");
        })
        .await
    }
}

fn acting(user: &User) -> User {
    User { token: "from-games".into(), ..user.clone() }
}

on_both_engines! {
    async fn it_hears_of_its_users_rooms_in_order(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let (alice, bot) = (server.seed_user("alice").await, server.seed_user("bot_chess").await);
        let elsewhere = server.seed_room(&[&alice]).await;
        server.seed_text(&alice, &elsewhere, "not for it").await;
        let room = server.seed_room(&[&alice]).await;
        server.seed_text(&alice, &room, "before it came").await;
        let mut expected = vec![server.seed_membership(&bot, &room, "join").await.event_id.to_string()];
        for n in 0..250 {
            expected.push(server.seed_text(&alice, &room, &format!("{n}")).await.event_id.to_string());
        }
        expected.push(server.seed_text(&bot, &room, "its own").await.event_id.to_string());
        expected.push(server.seed_membership(&bot, &room, "leave").await.event_id.to_string());
        server.seed_text(&alice, &room, "after it left").await;
        fake.until("all events", || fake.events().len() >= expected.len()).await;
        assert_eq!(fake.events(), expected);
        let taken = fake.0.taken.lock().clone();
        assert!(taken.iter().all(|(_, body)| body["events"].as_array().is_some_and(|events| events.len() <= 100)));
        let join = &taken[0].1["events"][0];
        assert_eq!((&join["type"], &join["room_id"]), (&json!("m.room.member"), &json!(room)));
        assert!(join["unsigned"]["age"].is_u64() && join["origin_server_ts"].is_u64(), "{join}");
    }

    async fn a_transaction_is_tried_until_it_is_taken(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let bot = server.seed_user("bot_chess").await;
        fake.0.refuse.store(2, Ordering::SeqCst);
        let room = server.seed_room(&[&bot]).await;
        let last = server.seed_text(&bot, &room, "hello").await;
        fake.until("the last event", || fake.events().last() == Some(&last.event_id.to_string())).await;
        let attempts = fake.0.attempts.lock().clone();
        assert!(attempts[0].0 == attempts[1].0 && attempts[1].0 == attempts[2].0, "the same transaction: {attempts:#?}");
        let ids = |(_, body): &(String, Value)| body["events"].as_array().map(Vec::len);
        assert!(ids(&attempts[0]) == ids(&attempts[2]), "with the same events");
        let distinct: HashSet<_> = fake.events().into_iter().collect();
        assert_eq!(distinct.len(), fake.events().len(), "each once");
    }

    async fn a_flood_of_typing_holds_up_no_event(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("receive_ephemeral: true\n")).await;
        let (alice, bot) = (server.seed_user("alice").await, server.seed_user("bot_chess").await);
        let room = server.seed_room(&[&alice, &bot]).await;
        let attempts = |fake: &Fake| fake.0.attempts.lock().len();
        fake.0.refuse.store(usize::MAX, Ordering::SeqCst);
        server.seed_text(&alice, &room, "while it refuses").await;
        fake.until("an attempt", || attempts(&fake) > 0).await;
        for _ in 0..600 {
            server.app.typing.start(&room, &alice.user_id(), Duration::from_mins(1));
            server.app.typing.stop(&room, &alice.user_id());
        }
        let last = server.seed_text(&alice, &room, "the last for long").await;
        fake.0.refuse.store(0, Ordering::SeqCst);
        let hello = json!({ "transaction_id": "hello" });
        server.post(&acting(&bot), "/_matrix/client/v1/appservice/games/ping", hello).await;
        fake.until("the last", || fake.events().contains(&last.event_id.to_string())).await;
    }

    async fn a_restart_loses_and_doubles_nothing(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let (alice, bot) = (server.seed_user("alice").await, server.seed_user("bot_chess").await);
        let room = server.seed_room(&[&bot, &alice]).await;
        let count = |fake: &Fake| fake.0.attempts.lock().len();
        let first = server.seed_text(&alice, &room, "first").await;
        fake.until("the first", || fake.events().contains(&first.event_id.to_string())).await;
        let before = fake.events();
        fake.0.refuse.store(usize::MAX, Ordering::SeqCst);
        let attempts = count(&fake);
        let mut expected = before.clone();
        expected.push(server.seed_text(&alice, &room, "while it refuses").await.event_id.to_string());
        fake.until("an attempt", || count(&fake) > attempts).await;
        let refused = fake.0.attempts.lock().last().cloned().expect("an attempt");
        expected.push(server.seed_text(&alice, &room, "before the restart").await.event_id.to_string());
        expected.push(server.seed_membership(&bot, &room, "leave").await.event_id.to_string());
        server.seed_text(&alice, &room, "not for it").await;

        let server = server.adjusted(|_| {}).await;
        let attempts = count(&fake);
        fake.until("an attempt after the restart", || count(&fake) > attempts).await;
        let again = fake.0.attempts.lock().last().cloned().expect("an attempt");
        assert_eq!(again.0, refused.0, "the transaction that was under way");
        assert_eq!(again.1["events"].as_array().map(Vec::len), refused.1["events"].as_array().map(Vec::len));
        fake.0.refuse.store(0, Ordering::SeqCst);
        server.post(&acting(&bot), "/_matrix/client/v1/appservice/games/ping", json!({ "transaction_id": "hello" })).await;
        fake.until("all events", || fake.events().len() >= expected.len()).await;
        assert_eq!(fake.events(), expected);
    }

    async fn it_is_pinged(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let alice = server.seed_user("alice").await;
        let games = acting(&alice);
        let path = "/_matrix/client/v1/appservice/games/ping";
        let answer = server.post(&games, path, json!({ "transaction_id": "hello" })).await;
        assert!(answer["duration_ms"].is_u64(), "{answer}");
        let refused = server.json(Method::POST, path, Some(&games.token), &json!({})).await;
        assert_eq!((refused.0, refused.1["errcode"].as_str()), (StatusCode::BAD_GATEWAY, Some("M_BAD_STATUS")));
        assert_eq!((&refused.1["status"], &refused.1["body"]), (&json!(403), &json!("{\"errcode\":\"M_FORBIDDEN\"}")));
        let other = "/_matrix/client/v1/appservice/other/ping";
        server.refused(Method::POST, &games, other, json!({}), "M_FORBIDDEN").await;
        server.refused(Method::POST, &alice, path, json!({}), "M_FORBIDDEN").await;
        let nobody = User { token: "nobody's".into(), ..alice.clone() };
        server.refused(Method::POST, &nobody, path, json!({}), "M_UNKNOWN_TOKEN").await;

        let silent = fake.registration("").replace(&*fake.0.address.lock(), "null");
        let server = server.with_appservice(silent).await;
        server.refused(Method::POST, &games, path, json!({}), "M_URL_NOT_SET").await;
        // Nobody listens on a port that was just given back.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let gone = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let address = fake.0.address.lock().clone();
        let server = server.with_appservice(fake.registration("").replace(&address, &gone)).await;
        let (status, answer) = server.json(Method::POST, path, Some(&games.token), &json!({})).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::BAD_GATEWAY, Some("M_CONNECTION_FAILED")));
    }

    async fn it_acts_as_its_own_users_alone(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let alice = server.seed_user("alice").await;
        let games = acting(&alice);
        let (register, login) = ("/_matrix/client/v3/register", "/_matrix/client/v3/login");
        let whoami = |name: &str| format!("/_matrix/client/v3/account/whoami?user_id=@{name}:parta.test");
        let new = |name: &str| json!({ "type": "m.login.application_service", "username": name });
        let known = |name: &str| {
            let identifier = json!({ "type": "m.id.user", "user": name });
            json!({ "type": "m.login.application_service", "identifier": identifier })
        };
        let itself = server.get(&games, "/_matrix/client/v3/account/whoami").await;
        assert_eq!(itself["user_id"], "@games:parta.test");
        server.refused(Method::GET, &games, &whoami("alice"), Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::GET, &games, &whoami("bot_chess"), Value::Null, "M_FORBIDDEN").await;
        server.refused(Method::POST, &games, login, known("bot_chess"), "M_FORBIDDEN").await;
        server.refused(Method::POST, &games, register, new("outside"), "M_EXCLUSIVE").await;
        server.refused(Method::POST, &alice, register, new("bot_chess"), "M_MISSING_TOKEN").await;
        server.post(&games, register, new("bot_chess")).await;
        assert_eq!(server.get(&games, &whoami("bot_chess")).await["user_id"], "@bot_chess:parta.test");
        assert_eq!(server.post(&games, login, known("bot_chess")).await["user_id"], "@bot_chess:parta.test");
        for outside in ["alice", "outside"] {
            server.refused(Method::POST, &games, login, known(outside), "M_EXCLUSIVE").await;
        }
        server.refused(Method::POST, &alice, login, known("bot_chess"), "M_MISSING_TOKEN").await;

        let bot = ruma::user_id!("@bot_chess:parta.test");
        server.app.accounts.set_locked(bot, true).await.expect("a locked account");
        server.refused(Method::GET, &games, &whoami("bot_chess"), Value::Null, "M_USER_LOCKED").await;
        server.app.accounts.close(&server.app.rooms, bot, false).await.expect("a closed account");
        server.refused(Method::GET, &games, &whoami("bot_chess"), Value::Null, "M_USER_DEACTIVATED").await;
        server.refused(Method::POST, &games, login, known("bot_chess"), "M_USER_DEACTIVATED").await;
    }

    async fn it_makes_devices_and_acts_as_them(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let alice = server.seed_user("alice").await;
        let games = acting(&alice);
        let new = json!({ "type": "m.login.application_service", "username": "bot_chess", "inhibit_login": true });
        let made = server.post(&games, "/_matrix/client/v3/register", new).await;
        assert_eq!(made, json!({ "user_id": "@bot_chess:parta.test" }));
        let as_bot = |path: &str| format!("/_matrix/client/v3/{path}?user_id=@bot_chess:parta.test");
        let board = as_bot("devices/BOARD");
        for (body, status, name) in [
            (json!({ "display_name": "Board" }), StatusCode::CREATED, "Board"),
            (json!({}), StatusCode::OK, "Board"),
            (json!({ "display_name": "Big board" }), StatusCode::OK, "Big board"),
        ] {
            assert_eq!(server.json(Method::PUT, &board, Some(&games.token), &body).await, (status, json!({})));
            assert_eq!(server.get(&games, &board).await["display_name"], name);
        }
        let long = as_bot(&format!("devices/{}", "X".repeat(256)));
        server.refused(Method::PUT, &games, &long, json!({}), "M_INVALID_PARAM").await;
        server.refused(Method::PUT, &alice, "/_matrix/client/v3/devices/BOARD", json!({}), "M_NOT_FOUND").await;

        let whoami = as_bot("account/whoami");
        assert_eq!(server.get(&games, &format!("{whoami}&device_id=BOARD")).await["device_id"], "BOARD");
        assert!(server.get(&games, &board).await["last_seen_ts"].is_u64(), "it was seen");
        let none = format!("{whoami}&device_id=NONE");
        let (status, answer) = server.json(Method::GET, &none, Some(&games.token), &Value::Null).await;
        assert_eq!((status, answer["errcode"].as_str()), (StatusCode::BAD_REQUEST, Some("M_UNKNOWN_DEVICE")));
        assert!(server.get(&alice, "/_matrix/client/v3/account/whoami?device_id=NONE").await["device_id"] != "NONE");
        // Nobody is asked for the password of a user who has none.
        assert_eq!(server.delete(&games, &board, json!({})).await, json!({}));
        server.refused(Method::GET, &games, &board, Value::Null, "M_NOT_FOUND").await;
    }

    async fn its_namespace_is_its_own(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let alice = server.seed_user("alice").await;
        let games = acting(&alice);
        let intruder =
            json!({ "username": "bot_alice", "password": "wonderland", "auth": { "type": "m.login.dummy" } });
        server.refused(Method::POST, &alice, "/_matrix/client/v3/register", intruder, "M_EXCLUSIVE").await;
        let available = "/_matrix/client/v3/register/available?username=bot_alice";
        server.refused(Method::GET, &alice, available, Value::Null, "M_EXCLUSIVE").await;
        let room = server.seed_room(&[&alice]).await;
        let alias = |name: &str| format!("/_matrix/client/v3/directory/room/%23{name}:parta.test");
        let leads = || json!({ "room_id": room });
        server.refused(Method::PUT, &alice, &alias("games_chess"), leads(), "M_EXCLUSIVE").await;
        let named = json!({ "room_alias_name": "games_chess" });
        server.refused(Method::POST, &alice, "/_matrix/client/v3/createRoom", named, "M_EXCLUSIVE").await;
        server.refused(Method::PUT, &games, &alias("school"), leads(), "M_EXCLUSIVE").await;
        server.put(&games, &alias("games_chess"), leads()).await;
        server.put(&alice, &alias("school"), leads()).await;
        server.refused(Method::DELETE, &alice, &alias("games_chess"), json!({}), "M_EXCLUSIVE").await;
        server.refused(Method::DELETE, &games, &alias("school"), json!({}), "M_EXCLUSIVE").await;
        let as_bot = format!("{}?user_id=@bot_chess:parta.test", alias("games_chess"));
        server.seed_user("bot_chess").await;
        // Any of its users removes what is in its namespace.
        server.delete(&games, &as_bot, json!({})).await;
    }

    async fn it_is_asked_for_what_is_in_its_namespace(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let outbound = &server.app.outbound;
        let alias = ruma::room_alias_id!("#games_chess:parta.test");
        assert!(!outbound.query_alias(alias, None).await);
        fake.0.makes.lock().extend([alias.to_string(), "#other:parta.test".into(), "@bot_new:parta.test".into()]);
        assert!(outbound.query_alias(alias, None).await);
        assert!(!outbound.query_alias(ruma::room_alias_id!("#other:parta.test"), None).await, "not in its namespace");
        assert!(outbound.query_user(ruma::user_id!("@bot_new:parta.test"), None).await);
        assert!(!outbound.query_user(ruma::user_id!("@alice:parta.test"), None).await);
        let games = server.app.appservices.by_token("from-games").expect("the service");
        assert!(!outbound.query_alias(alias, Some(&games)).await, "it asks itself");
    }

    async fn a_room_is_made_when_somebody_comes(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        *fake.0.home.lock() = Some(homeserver::api::router(&server.app));
        let (alice, boris) = (server.seed_user("alice").await, server.seed_user("boris").await);
        let path = |alias: &str| format!("/_matrix/client/v3/directory/room/%23{alias}:parta.test");
        server.refused(Method::GET, &alice, &path("games_chess"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::GET, &alice, &path("school"), Value::Null, "M_NOT_FOUND").await;
        assert_eq!(*fake.0.asked.lock(), ["#games_chess:parta.test"], "of what is in its namespace");
        fake.0.makes.lock().extend(["chess", "go"].map(|name| format!("#games_{name}:parta.test")));
        let join = "/_matrix/client/v3/join/%23games_chess:parta.test";
        let (first, second) = tokio::join!(server.post(&alice, join, json!({})), server.post(&boris, join, json!({})));
        assert_eq!(first["room_id"], second["room_id"], "both are in the one room that was made");
        assert_eq!(server.get(&alice, &path("games_chess")).await["room_id"], first["room_id"]);
        assert!(server.get(&alice, &path("games_go")).await["room_id"].is_string());
        let asked = fake.0.asked.lock().clone();
        let of_chess = asked.iter().filter(|id| **id == "#games_chess:parta.test").count();
        assert_eq!(of_chess, 2, "once before and once for both: {asked:?}");
        server.refused(Method::GET, &acting(&alice), &path("games_draughts"), Value::Null, "M_NOT_FOUND").await;
        assert!(!fake.0.asked.lock().iter().any(|id| id.contains("draughts")), "it is not asked what it asks");
    }

    async fn a_user_is_made_when_somebody_asks(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        *fake.0.home.lock() = Some(homeserver::api::router(&server.app));
        let (alice, boris) = (server.seed_user("alice").await, server.seed_user("boris").await);
        let room = server.seed_room(&[&alice]).await;
        let profile = |name: &str| format!("/_matrix/client/v3/profile/@{name}:parta.test");
        let invite = format!("/_matrix/client/v3/rooms/{room}/invite");
        let invited = |name: &str| json!({ "user_id": format!("@{name}:parta.test") });
        server.refused(Method::GET, &alice, &profile("bot_chess"), Value::Null, "M_NOT_FOUND").await;
        server.refused(Method::POST, &alice, &invite, invited("bot_chess"), "M_NOT_FOUND").await;
        server.refused(Method::GET, &alice, &profile("nobody"), Value::Null, "M_NOT_FOUND").await;
        assert_eq!(fake.0.asked.lock().len(), 2, "not of nobody");
        let makes = ["chess", "go", "draughts"].map(|name| format!("@bot_{name}:parta.test"));
        fake.0.makes.lock().extend(makes);
        server.refused(Method::POST, &boris, &invite, invited("bot_chess"), "M_FORBIDDEN").await;
        assert_eq!(fake.0.asked.lock().len(), 2, "who is not in the room has nobody made");
        server.post(&alice, &invite, invited("bot_chess")).await;
        server.get(&alice, &profile("bot_go")).await;
        let with_both = json!({ "invite": ["@bot_draughts:parta.test", "@bot_none:parta.test"] });
        let create = "/_matrix/client/v3/createRoom";
        server.refused(Method::POST, &alice, create, with_both, "M_NOT_FOUND").await;
        server.post(&alice, create, json!({ "invite": ["@bot_draughts:parta.test"] })).await;
    }

    async fn an_invitation_says_what_room_it_is_to(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("")).await;
        let (alice, boris) = (server.seed_user("alice").await, server.seed_user("boris").await);
        server.seed_user("bot_chess").await;
        let options = json!({ "name": "Chess club", "invite": ["@bot_chess:parta.test", boris.id] });
        server.post(&alice, "/_matrix/client/v3/createRoom", options).await;
        fake.until("the invitation", || !fake.events().is_empty()).await;
        let taken = fake.0.taken.lock().clone();
        let invite = &taken[0].1["events"][0];
        assert_eq!(invite["state_key"], "@bot_chess:parta.test", "{invite:#}");
        assert_eq!(invite["content"]["membership"], "invite");
        let state = invite["unsigned"]["invite_room_state"].as_array().cloned().unwrap_or_default();
        let of = |kind: &str| state.iter().find(|event| event["type"] == kind).cloned().unwrap_or_default();
        assert_eq!(of("m.room.name")["content"]["name"], "Chess club", "{invite:#}");
        assert_eq!(of("m.room.create")["sender"], json!(alice.id));
        assert_eq!(of("m.room.member")["state_key"], json!(alice.id), "who invites");
        assert!(state.iter().all(|event| event["event_id"].is_null()), "stripped: {state:#?}");
        let room = invite["room_id"].as_str().expect("a room");
        let join = format!("/_matrix/client/v3/join/{room}?user_id=@bot_chess:parta.test");
        server.post(&acting(&alice), &join, json!({})).await;
        fake.until("the join", || fake.events().len() > 1).await;
        let taken = fake.0.taken.lock().clone();
        assert!(taken.iter().skip(1).all(|(_, body)| !body.to_string().contains("invite_room_state")), "{taken:#?}");
    }

    async fn a_service_that_is_away_has_made_nothing(server: Server) {
        let fake = Fake::start().await;
        let registration = fake.registration("");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let gone = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let address = fake.0.address.lock().clone();
        let server = server.with_appservice(registration.replace(&address, &gone)).await;
        let alice = server.seed_user("alice").await;
        for path in ["directory/room/%23games_chess:parta.test", "profile/@bot_chess:parta.test"] {
            let path = format!("/_matrix/client/v3/{path}");
            server.refused(Method::GET, &alice, &path, Value::Null, "M_NOT_FOUND").await;
        }
        let join = "/_matrix/client/v3/join/%23games_chess:parta.test";
        server.refused(Method::POST, &alice, join, json!({}), "M_NOT_FOUND").await;
    }

    async fn it_hears_of_typing_receipts_and_presence_if_it_wants(server: Server) {
        let fake = Fake::start().await;
        let server = server.with_appservice(fake.registration("receive_ephemeral: true\n")).await;
        let (alice, bot) = (server.seed_user("alice").await, server.seed_user("bot_chess").await);
        let elsewhere = server.seed_room(&[&alice]).await;
        let room = server.seed_room(&[&alice, &bot]).await;
        let text = server.seed_text(&bot, &room, "hello").await;
        for room in [&elsewhere, &room] {
            let typing = format!("/_matrix/client/v3/rooms/{room}/typing/{}", alice.id);
            server.put(&alice, &typing, json!({ "typing": true, "timeout": 60_000 })).await;
        }
        let receipt = |kind: &str| format!("/_matrix/client/v3/rooms/{room}/receipt/{kind}/{}", text.event_id);
        server.post(&alice, &receipt("m.read.private"), json!({})).await;
        server.post(&alice, &receipt("m.read"), json!({})).await;
        let _syncing = server.app.presence.syncing(&alice.user_id(), &PresenceState::Online);
        let heard = |kind: &str| !fake.ephemeral(kind).is_empty();
        fake.until("all three", || heard("m.typing") && heard("m.receipt") && heard("m.presence")).await;
        let typing = fake.ephemeral("m.typing");
        assert!(typing.iter().all(|event| event["room_id"] == json!(room)), "{typing:?}");
        assert_eq!(typing[0]["content"]["user_ids"], json!([alice.id]));
        let receipts = fake.ephemeral("m.receipt");
        assert!(receipts[0]["content"][text.event_id.as_str()]["m.read"][&alice.id].is_object(), "{receipts:?}");
        assert!(!json!(receipts).to_string().contains("private"), "{receipts:?}");
        assert_eq!(fake.ephemeral("m.presence")[0]["sender"], json!(alice.id));
    }
}
