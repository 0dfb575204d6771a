//! A homeserver as far as the bot sees one, and the service beside it.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use appservice_game::{config::Config, service::Service};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, put},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) const BOT: &str = "@games:academy";
pub(crate) const IVAN: &str = "@ivan:academy";
pub(crate) const ANNA: &str = "@anna:academy";
pub(crate) const OLGA: &str = "@olga:academy";
pub(crate) const ROOM: &str = "!class:academy";

type Answer = (StatusCode, Json<Value>);

/// What the bot sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) event_id: String,
    pub(crate) room_id: String,
    pub(crate) kind: String,
    pub(crate) content: Value,
}

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) sent: Mutex<Vec<Sent>>,
    by_txn: Mutex<HashMap<String, String>>,
    pub(crate) joined: Mutex<Vec<String>>,
    pub(crate) left: Mutex<Vec<String>>,
    pub(crate) members: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    pub(crate) encrypted: Mutex<Vec<String>>,
    /// Whom the bot has made a direct chat with, in order.
    pub(crate) directs: Mutex<Vec<String>>,
    /// Rooms that the bot may not write to.
    pub(crate) forbidden: Mutex<Vec<String>>,
    /// So many answers to sends get lost after the event was taken.
    pub(crate) lose_answers: AtomicU32,
    /// To-device events by their receiver.
    pub(crate) to_device: Mutex<Vec<(String, Value)>>,
    pub(crate) changed: Notify,
}

impl Fake {
    async fn start() -> (Arc<Self>, String) {
        let fake = Arc::new(Self::default());
        let members = [(BOT, "Игры"), (IVAN, "Иван"), (ANNA, "Анна Петрова"), (OLGA, "")];
        fake.members
            .lock()
            .unwrap()
            .insert(ROOM.to_owned(), members.map(|(user, name)| (user.to_owned(), name.to_owned())).to_vec());
        let router = Router::new()
            .route("/_matrix/client/v3/register", post(|| async { done() }))
            .route(
                "/_matrix/client/v3/profile/{user}/displayname",
                get(|| async { Json(json!({})) }).put(|| async { done() }),
            )
            .route("/_matrix/client/v1/appservice/{id}/ping", post(|| async { done() }))
            .route("/_matrix/client/v3/join/{room}", post(join))
            .route("/_matrix/client/v3/rooms/{room}/joined_members", get(members_of))
            .route("/_matrix/client/v3/rooms/{room}/state/m.room.encryption/", get(encryption))
            .route("/_matrix/client/v3/rooms/{room}/send/{kind}/{txn}", put(send))
            .route("/_matrix/client/v3/sendToDevice/{kind}/{txn}", put(to_device))
            .route("/_matrix/client/v3/createRoom", post(create_room))
            .route("/_matrix/client/v3/rooms/{room}/leave", post(leave))
            .route("/_matrix/client/v3/rooms/{room}/forget", post(|| async { done() }))
            .with_state(fake.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, address)
    }

    /// Waits until the condition holds.
    pub(crate) async fn until<T>(&self, what: &str, mut holds: impl FnMut(&Self) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = holds(self) {
                    return found;
                }
                changed.await;
            }
        };
        let Ok(found) = tokio::time::timeout(Duration::from_secs(20), waiting).await else {
            panic!("never came: {what}; sent: {:#?}", self.sent.lock().unwrap());
        };
        found
    }

    /// The newest block of a kind of game, wherever it stands.
    pub(crate) fn block(&self) -> Option<Value> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter_map(|sent| sent.content.get("org.parta.game"))
            .max_by_key(|block| {
                let number: u64 = block["game_id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
                (number, block["revision"].as_u64())
            })
            .cloned()
    }

    /// The event of the newest board message.
    pub(crate) fn board(&self) -> String {
        let sent = self.sent.lock().unwrap();
        let board = sent
            .iter()
            .rev()
            .find(|sent| sent.content.get("org.parta.game").is_some() && sent.content.get("m.relates_to").is_none());
        board.unwrap().event_id.clone()
    }

    /// Bodies of everything said apart from boards.
    pub(crate) fn notices(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter(|sent| sent.content["msgtype"] == "m.notice")
            .map(|sent| sent.content["body"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What stands in the newest direct chat with a person.
    pub(crate) fn direct(&self, user: &str) -> Vec<String> {
        let room_id = self.directs.lock().unwrap().iter().rposition(|with| with == user).map(direct_room);
        let sent = self.sent.lock().unwrap();
        let here = sent.iter().filter(|sent| Some(&sent.room_id) == room_id.as_ref());
        here.map(|sent| sent.content["body"].as_str().unwrap().to_owned()).collect()
    }

    /// What only this person's native boards were told of a game, all of it in order.
    pub(crate) fn hands(&self, user: &str) -> Vec<Value> {
        let told = self.to_device.lock().unwrap();
        told.iter().filter(|(to, _)| to == user).map(|(_, content)| content.clone()).collect()
    }

    /// Codes of the refusals.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter_map(|sent| Some(sent.content.get("org.parta.game.error")?["code"].as_str()?.to_owned()))
            .collect()
    }
}

fn done() -> Answer {
    (StatusCode::OK, Json(json!({})))
}

async fn join(State(fake): State<Arc<Fake>>, Path(room): Path<String>) -> Answer {
    fake.joined.lock().unwrap().push(room);
    fake.changed.notify_waiters();
    done()
}

pub(crate) fn direct_room(number: usize) -> String {
    format!("!direct{number}:academy")
}

async fn create_room(State(fake): State<Arc<Fake>>, Json(asked): Json<Value>) -> Answer {
    assert_eq!((&asked["is_direct"], asked["invite"].as_array().unwrap().len()), (&json!(true), 1));
    let mut directs = fake.directs.lock().unwrap();
    directs.push(asked["invite"][0].as_str().unwrap().to_owned());
    (StatusCode::OK, Json(json!({ "room_id": direct_room(directs.len() - 1) })))
}

async fn to_device(
    State(fake): State<Arc<Fake>>,
    Path((kind, txn)): Path<(String, String)>,
    Json(content): Json<Value>,
) -> Answer {
    assert_eq!(kind, "org.parta.game.hand");
    if fake.by_txn.lock().unwrap().insert(txn.clone(), txn).is_none() {
        let mut told = fake.to_device.lock().unwrap();
        for (user, devices) in content["messages"].as_object().unwrap() {
            told.push((user.clone(), devices["*"].clone()));
        }
    }
    fake.changed.notify_waiters();
    done()
}

async fn leave(State(fake): State<Arc<Fake>>, Path(room): Path<String>) -> Answer {
    fake.left.lock().unwrap().push(room);
    fake.changed.notify_waiters();
    done()
}

async fn members_of(State(fake): State<Arc<Fake>>, Path(room): Path<String>) -> Json<Value> {
    let members = fake.members.lock().unwrap();
    let joined: serde_json::Map<_, _> = members
        .get(&room)
        .into_iter()
        .flatten()
        .map(|(user, name)| (user.clone(), json!({ "display_name": name })))
        .collect();
    Json(json!({ "joined": joined }))
}

async fn encryption(State(fake): State<Arc<Fake>>, Path(room): Path<String>) -> Answer {
    if fake.encrypted.lock().unwrap().contains(&room) {
        (StatusCode::OK, Json(json!({ "algorithm": "m.megolm.v1.aes-sha2" })))
    } else {
        (StatusCode::NOT_FOUND, Json(json!({ "errcode": "M_NOT_FOUND" })))
    }
}

async fn send(
    State(fake): State<Arc<Fake>>,
    Path((room_id, kind, txn)): Path<(String, String, String)>,
    Json(content): Json<Value>,
) -> Answer {
    if fake.forbidden.lock().unwrap().contains(&room_id) {
        return (StatusCode::FORBIDDEN, Json(json!({ "errcode": "M_FORBIDDEN" })));
    }
    let event_id = {
        let mut sent = fake.sent.lock().unwrap();
        let mut by_txn = fake.by_txn.lock().unwrap();
        by_txn
            .entry(txn)
            .or_insert_with(|| {
                let event_id = format!("$sent{}", sent.len());
                sent.push(Sent { event_id: event_id.clone(), room_id, kind, content });
                event_id
            })
            .clone()
    };
    fake.changed.notify_waiters();
    let lose = fake.lose_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if lose.is_ok() {
        return (StatusCode::BAD_GATEWAY, Json(json!({})));
    }
    (StatusCode::OK, Json(json!({ "event_id": event_id })))
}

/// A homeserver, the service, and the people of one room.
pub(crate) struct Academy {
    pub(crate) fake: Arc<Fake>,
    pub(crate) config: Config,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
    pub(crate) address: String,
    service: Option<Service>,
    events: AtomicU64,
    transactions: AtomicU64,
}

pub(crate) const HS_TOKEN: &str = "homeserver-token";

impl Academy {
    /// Files for the service, which is not started.
    pub(crate) async fn prepared() -> Self {
        let (fake, homeserver) = Fake::start().await;
        let folder = tempfile::tempdir().unwrap();
        let registration = folder.path().join("registration.yaml");
        let yaml = format!(
            "id: games\nurl: null\nas_token: as\nhs_token: {HS_TOKEN}\nsender_localpart: games\nnamespaces: {{users: []}}\n"
        );
        std::fs::write(&registration, yaml).unwrap();
        let path = folder.path().join("games.toml");
        let toml = format!(
            "homeserver = '{homeserver}'\nserver_name = 'academy'\nlisten = '127.0.0.1:0'\n\
             data_dir = 'data'\nregistration = 'registration.yaml'\n"
        );
        std::fs::write(&path, toml).unwrap();
        Self {
            fake,
            config: Config::read(&path).unwrap(),
            folder,
            http: reqwest::Client::new(),
            address: String::new(),
            service: None,
            events: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
        }
    }

    /// A running service that has been invited to the room and has greeted it.
    pub(crate) async fn open() -> Self {
        let mut academy = Self::prepared().await;
        academy.start().await;
        academy.invite(ROOM).await;
        academy.fake.until("the greeting", |fake| (!fake.notices().is_empty()).then_some(())).await;
        academy
    }

    pub(crate) async fn start(&mut self) {
        let service = Service::start(&self.config).await.unwrap();
        self.address = format!("http://{}", service.address);
        self.service = Some(service);
    }

    pub(crate) async fn restart(&mut self) {
        self.service.take().unwrap().stop().await;
        self.start().await;
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data/games.sqlite3")
    }

    pub(crate) fn event(&self, room: &str, sender: &str, kind: &str, content: Value) -> Value {
        let number = self.events.fetch_add(1, Ordering::SeqCst);
        json!({
            "event_id": format!("$event{number}"),
            "room_id": room,
            "sender": sender,
            "type": kind,
            "origin_server_ts": 1_700_000_000_000_u64 + number,
            "content": content,
        })
    }

    pub(crate) fn member(&self, room: &str, sender: &str, target: &str, membership: &str) -> Value {
        let mut event = self.event(room, sender, "m.room.member", json!({ "membership": membership }));
        event["state_key"] = json!(target);
        event
    }

    /// Sends a transaction and its repetition, the second time also under another id.
    pub(crate) async fn push(&self, events: &[Value]) {
        let number = self.transactions.fetch_add(1, Ordering::SeqCst);
        for txn in [format!("{number}"), format!("{number}"), format!("{number}-again")] {
            let status = self.transaction(&txn, events).await.unwrap();
            assert_eq!(status, 200);
        }
    }

    pub(crate) async fn transaction(&self, txn: &str, events: &[Value]) -> reqwest::Result<u16> {
        let answer = self
            .http
            .put(format!("{}/_matrix/app/v1/transactions/{txn}", self.address))
            .bearer_auth(HS_TOKEN)
            .json(&json!({ "events": events }))
            .send()
            .await?;
        Ok(answer.status().as_u16())
    }

    pub(crate) async fn invite(&self, room: &str) {
        self.push(&[self.member(room, IVAN, BOT, "invite")]).await;
    }

    pub(crate) async fn say(&self, sender: &str, body: &str) {
        let content = json!({ "msgtype": "m.text", "body": body });
        self.push(&[self.event(ROOM, sender, "m.room.message", content)]).await;
    }

    pub(crate) async fn react(&self, sender: &str, key: &str) {
        let board = self.fake.board();
        let content = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": board, "key": key } });
        self.push(&[self.event(ROOM, sender, "m.reaction", content)]).await;
    }

    /// Waits until the bot has put this reaction under its newest board; from then on it knows the board's event.
    pub(crate) async fn offered(&self, key: &str) {
        self.fake
            .until(key, |fake| {
                let board = fake.board();
                let sent = fake.sent.lock().unwrap();
                let under = |sent: &Sent| {
                    let relation = &sent.content["m.relates_to"];
                    relation["key"] == key && relation["event_id"] == board
                };
                sent.iter().any(under).then_some(())
            })
            .await;
    }

    pub(crate) async fn native(&self, sender: &str, kind: &str, content: Value) {
        self.push(&[self.event(ROOM, sender, kind, content)]).await;
    }

    /// The block once it says what is expected.
    pub(crate) async fn block(&self, what: &str, expected: impl Fn(&Value) -> bool) -> Value {
        self.fake.until(what, |fake| fake.block().filter(|block| expected(block))).await
    }

    pub(crate) async fn ply(&self, ply: u64) -> Value {
        self.block(&format!("move {ply}"), |block| block["ply"] == ply).await
    }

    pub(crate) async fn status(&self, status: &str) -> Value {
        self.block(status, |block| block["status"] == status).await
    }

    pub(crate) async fn refusal(&self, number: usize) -> String {
        self.fake.until("a refusal", |fake| fake.refusals().get(number).cloned()).await
    }
}
