//! The application service API: registered from `DIR/appservices/*.yaml`, told of events in order and until it
//! answers, acting as the users of its namespace.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Homeserver, PATIENCE, User, list};
use crate::harness::{Engine, SERVER_NAME, Server, Setup, free_port};

on_both_engines_alone![
    transactions_carry_events,
    transactions_are_retried_in_order,
    transactions_survive_a_restart,
    acting_as_users,
    namespaces_are_exclusive,
    rooms_are_asked_for,
    users_are_asked_for,
    ping,
    wrong_tokens,
];

const AS_TOKEN: &str = "as-token-of-the-black-box";
const HS_TOKEN: &str = "hs-token-of-the-black-box";

/// What the service has been told, and how it answers.
#[derive(Default)]
struct Told {
    /// Transaction ids with their events, in the order of arrival, repetitions included.
    transactions: Vec<(String, Vec<Value>)>,
    queries: Vec<String>,
    pings: Vec<Value>,
    /// How many of the next transactions fail.
    failing: usize,
    /// Requests without the right token.
    unauthorized: usize,
}

type Shared = Arc<Mutex<Told>>;

fn authorized(told: &Shared, headers: &HeaderMap) -> bool {
    let right = headers.get("authorization").is_some_and(|value| value == format!("Bearer {HS_TOKEN}").as_str());
    if !right {
        told.lock().unwrap().unauthorized += 1;
    }
    right
}

async fn transaction(
    State(told): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if !authorized(&told, &headers) {
        return (StatusCode::FORBIDDEN, Json(json!({ "errcode": "M_FORBIDDEN" })));
    }
    let mut told = told.lock().unwrap();
    told.transactions.push((id, list(&body["events"])));
    if told.failing > 0 {
        told.failing -= 1;
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
    }
    (StatusCode::OK, Json(json!({})))
}

async fn query(State(told): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    authorized(&told, &headers);
    told.lock().unwrap().queries.push(id);
    (StatusCode::NOT_FOUND, Json(json!({ "errcode": "M_NOT_FOUND" })))
}

async fn pinged(State(told): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    authorized(&told, &headers);
    told.lock().unwrap().pings.push(body);
    Json(json!({}))
}

struct Service {
    told: Shared,
    server: Server,
    listening: tokio::task::JoinHandle<()>,
    port: u16,
}

impl Service {
    /// A server with this service registered, and the service listening.
    async fn start(engine: Engine) -> Self {
        let (port, setup) = (free_port(), Setup::new(engine));
        let registration = format!(
            r##"id: black-box
url: http://127.0.0.1:{port}
as_token: {AS_TOKEN}
hs_token: {HS_TOKEN}
sender_localpart: box_bot
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: "@box_.*:{SERVER_NAME}"
  aliases:
    - exclusive: true
      regex: "#box_.*:{SERVER_NAME}"
  rooms: []
"##
        );
        std::fs::create_dir_all(setup.data.path().join("appservices")).unwrap();
        std::fs::write(setup.data.path().join("appservices/black-box.yaml"), registration).unwrap();
        let told = Shared::default();
        let listening = listen(port, Arc::clone(&told)).await;
        Self { told, server: setup.start().await, listening, port }
    }

    fn homeserver(&self) -> Homeserver {
        self.server.homeserver()
    }

    /// The service's own user.
    fn bot(&self) -> User {
        User {
            hs: self.homeserver(),
            id: format!("@box_bot:{SERVER_NAME}"),
            token: AS_TOKEN.to_owned(),
            device: String::new(),
        }
    }

    /// Waits until `pick` finds what it looks for in what the service was told.
    async fn until<T>(&self, pick: impl Fn(&Told) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = pick(&self.told.lock().unwrap()) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "not told within {PATIENCE:?}: {:#?}",
                self.told.lock().unwrap().transactions
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

async fn listen(port: u16, told: Shared) -> tokio::task::JoinHandle<()> {
    let app = Router::new()
        .route("/_matrix/app/v1/transactions/{id}", put(transaction))
        .route("/_matrix/app/v1/users/{id}", get(query))
        .route("/_matrix/app/v1/rooms/{id}", get(query))
        .route("/_matrix/app/v1/ping", post(pinged))
        .with_state(told);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
}

/// The bodies of the messages told so far: each transaction once, by its id.
fn messages(told: &Told) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    told.transactions
        .iter()
        .filter(|(id, _)| seen.insert(id.clone()))
        .flat_map(|(_, events)| events.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)))
        .collect()
}

async fn transactions_carry_events(engine: Engine) {
    let service = Service::start(engine).await;
    let alice = service.homeserver().user("alice").await;
    let room = alice.create_room(json!({ "preset": "private_chat", "invite": [service.bot().id] })).await;
    let invite = service
        .until(|told| {
            told.transactions
                .iter()
                .flat_map(|(_, events)| events)
                .find(|event| event["content"]["membership"] == "invite")
                .cloned()
        })
        .await;
    assert_eq!(invite["state_key"], service.bot().id.as_str());
    assert_eq!(invite["room_id"], room.as_str());
    service.bot().join(&room).await;
    let event_id = alice.send(&room, "привет, бот").await;
    let event = service
        .until(|told| {
            told.transactions
                .iter()
                .flat_map(|(_, events)| events)
                .find(|event| event["event_id"] == event_id.as_str())
                .cloned()
        })
        .await;
    assert_eq!(event["sender"], alice.id.as_str());
    assert_eq!(event["content"]["body"], "привет, бот");
    assert!(event["origin_server_ts"].is_i64() && event["room_id"] == room.as_str(), "{event}");
    // What is none of its business it is not told.
    let other = alice.create_room(json!({})).await;
    alice.send(&other, "secret").await;
    alice.send(&room, "marker").await;
    service.until(|told| messages(told).contains(&"marker".to_owned()).then_some(())).await;
    let told = service.told.lock().unwrap();
    assert!(!messages(&told).contains(&"secret".to_owned()));
    assert_eq!(told.unauthorized, 0);
}

async fn transactions_are_retried_in_order(engine: Engine) {
    let service = Service::start(engine).await;
    let alice = service.homeserver().user("alice").await;
    let room = alice.room_with(&[]).await;
    service.bot().join(&room).await;
    service.told.lock().unwrap().failing = 2;
    let wanted: Vec<String> = (0..10).map(|number| format!("{number}")).collect();
    for body in &wanted {
        alice.send(&room, body).await;
    }
    let got = service
        .until(|told| {
            let got: Vec<_> = messages(told);
            (told.failing == 0 && got.len() >= wanted.len()).then_some(got)
        })
        .await;
    assert_eq!(got, wanted);
    // A retry is the same transaction: the same id, the same events.
    let told = service.told.lock().unwrap();
    for (id, events) in &told.transactions {
        let first = told.transactions.iter().find(|(other, _)| other == id).unwrap();
        assert_eq!(crate::api::ids(&first.1), crate::api::ids(events), "transaction {id}");
    }
}

async fn transactions_survive_a_restart(engine: Engine) {
    let mut service = Service::start(engine).await;
    let alice = service.homeserver().user("alice").await;
    let room = alice.room_with(&[]).await;
    service.bot().join(&room).await;
    alice.send(&room, "before").await;
    service.until(|told| messages(told).contains(&"before".to_owned()).then_some(())).await;
    // The service is away while things are said, and the server is killed meanwhile.
    service.listening.abort();
    let _ = (&mut service.listening).await;
    alice.send(&room, "while it was away").await;
    service.server.kill();
    service.listening = listen(service.port, Arc::clone(&service.told)).await;
    service.server.start_again().await;
    service.until(|told| messages(told).contains(&"while it was away".to_owned()).then_some(())).await;
}

async fn acting_as_users(engine: Engine) {
    let service = Service::start(engine).await;
    let (hs, bot) = (service.homeserver(), service.bot());
    assert_eq!(bot.get(path!("v3/account/whoami")).await.ok()["user_id"], bot.id.as_str());
    let register = json!({ "type": "m.login.application_service", "username": "box_ghost", "inhibit_login": true });
    bot.post(path!("v3/register"), register.clone()).await.ok();
    bot.post(path!("v3/register"), register).await.fails(400, "M_USER_IN_USE");
    let ghost = format!("@box_ghost:{SERVER_NAME}");
    let as_ghost = |path: String| {
        format!("{path}{}user_id={}", if path.contains('?') { '&' } else { '?' }, crate::api::segment(&ghost))
    };
    assert_eq!(bot.get(as_ghost(path!("v3/account/whoami"))).await.ok()["user_id"], ghost.as_str());
    let alice = hs.user("alice").await;
    let room = alice.room_with(&[]).await;
    bot.post(as_ghost(path!("v3/join/{}", room)), json!({})).await.ok();
    let sent = bot
        .put(
            as_ghost(path!("v3/rooms/{}/send/m.room.message/{}", room, "1")),
            json!({ "msgtype": "m.text", "body": "бу" }),
        )
        .await
        .ok();
    let event = alice.get(path!("v3/rooms/{}/event/{}", room, sent["event_id"].as_str().unwrap())).await.ok();
    assert_eq!(event["sender"], ghost.as_str());
    let old = 1_500_000_000_000i64;
    let dated = bot
        .put(
            format!("{}&ts={old}", as_ghost(path!("v3/rooms/{}/send/m.room.message/{}", room, "2"))),
            json!({ "msgtype": "m.text", "body": "давно" }),
        )
        .await
        .ok();
    let event = alice.get(path!("v3/rooms/{}/event/{}", room, dated["event_id"].as_str().unwrap())).await.ok();
    assert_eq!(event["origin_server_ts"], old, "a service may date what it brings in");
    bot.get(format!("{}?user_id={}", path!("v3/account/whoami"), crate::api::segment(&alice.id)))
        .await
        .fails(403, "M_FORBIDDEN");
    let login =
        json!({ "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": "box_ghost" } });
    let session = User::from_answer(&hs, &bot.post(path!("v3/login"), login).await.ok());
    assert_eq!(session.get(path!("v3/account/whoami")).await.ok()["user_id"], ghost.as_str());
}

async fn namespaces_are_exclusive(engine: Engine) {
    let service = Service::start(engine).await;
    let hs = service.homeserver();
    let body = |name: &str| json!({ "username": name, "password": "x-long-enough-Password1", "auth": { "type": "m.login.dummy" } });
    hs.post(path!("v3/register"), body("box_intruder")).await.fails(400, "M_EXCLUSIVE");
    hs.get(path!("v3/register/available?username={}", "box_intruder")).await.fails(400, "M_EXCLUSIVE");
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    let alias = format!("#box_mine:{SERVER_NAME}");
    alice.put(path!("v3/directory/room/{}", alias), json!({ "room_id": room })).await.fails(400, "M_EXCLUSIVE");
    let bot = service.bot();
    let own = bot.create_room(json!({})).await;
    bot.put(path!("v3/directory/room/{}", alias), json!({ "room_id": own })).await.ok();
    bot.post(path!("v3/register"), json!({ "type": "m.login.application_service", "username": "outside" }))
        .await
        .fails(400, "M_EXCLUSIVE");
}

async fn rooms_are_asked_for(engine: Engine) {
    let service = Service::start(engine).await;
    let alice = service.homeserver().user("alice").await;
    let alias = format!("#box_lobby:{SERVER_NAME}");
    alice.get(path!("v3/directory/room/{}", alias)).await.fails(404, "M_NOT_FOUND");
    service.until(|told| told.queries.contains(&alias).then_some(())).await;
}

async fn users_are_asked_for(engine: Engine) {
    let service = Service::start(engine).await;
    let alice = service.homeserver().user("alice").await;
    let ghost = format!("@box_unborn:{SERVER_NAME}");
    alice.post(path!("v3/createRoom"), json!({ "invite": [ghost] })).await;
    service.until(|told| told.queries.contains(&ghost).then_some(())).await;
}

async fn ping(engine: Engine) {
    let service = Service::start(engine).await;
    let bot = service.bot();
    let answer =
        bot.post(path!("v1/appservice/black-box/ping"), json!({ "transaction_id": "are-you-there" })).await.ok();
    assert!(answer["duration_ms"].is_u64(), "{answer}");
    assert_eq!(service.told.lock().unwrap().pings, [json!({ "transaction_id": "are-you-there" })]);
    bot.post(path!("v1/appservice/another/ping"), json!({})).await.fails(403, "M_FORBIDDEN");
    let alice = service.homeserver().user("alice").await;
    alice.post(path!("v1/appservice/black-box/ping"), json!({})).await.fails(403, "M_FORBIDDEN");
}

async fn wrong_tokens(engine: Engine) {
    let service = Service::start(engine).await;
    let mut forged = service.bot();
    forged.token = String::from(HS_TOKEN);
    forged.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    let alice = service.homeserver().user("alice").await;
    let masked = format!("{}?user_id={}", path!("v3/account/whoami"), crate::api::segment(&service.bot().id));
    assert_eq!(alice.get(masked).await.ok()["user_id"], alice.id.as_str(), "only services may speak for others");
}
