//! A small Matrix client for tests: requests by path, answers with their status, and the few helpers that every test
//! would otherwise repeat.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The password of every test account.
pub(crate) const PASSWORD: &str = "parta-test-Passw0rd";

/// A client-server path: `path!("v3/rooms/{}/state", room)`, every argument percent-encoded.
macro_rules! path {
    ($path:literal) => {
        concat!("/_matrix/client/", $path).to_owned()
    };
    ($format:literal $(, $argument:expr)+ $(,)?) => {
        format!(concat!("/_matrix/client/", $format) $(, $crate::api::segment(::std::convert::AsRef::<str>::as_ref(&$argument)))+)
    };
}

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One path segment or query value, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A name that no other test of this run, and no earlier run, has used.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    format!("{prefix}-{now:x}-{:x}-{number}", std::process::id())
}

/// A server to talk to.
#[derive(Clone, Debug)]
pub(crate) struct Homeserver {
    /// Its base URL without a slash at the end.
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// The body as JSON; null when it is not JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status == 200, "{self}");
        self.body
    }

    /// The body of a Matrix error with this status and code.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, errcode: &str) -> Value {
        assert!(self.status == status && self.body["errcode"] == errcode, "wanted {status} {errcode}: {self}");
        assert!(self.body["error"].is_string(), "an error explains itself: {self}");
        self.body
    }

    /// The body of a Matrix error with any status from 400 to 499.
    #[track_caller]
    pub(crate) fn refused(self) -> Value {
        assert!((400..500).contains(&self.status) && self.body["errcode"].is_string(), "wanted a Matrix error: {self}");
        self.body
    }

    /// A header's value, empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(4000)]).into_owned();
        write!(f, "{} answered {} {body}", self.asked, self.status)
    }
}

impl Homeserver {
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE + PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { base: base.trim_end_matches('/').to_owned(), http }
    }

    /// A request to be filled in by hand; `send` it with [`Homeserver::answer`].
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends, and reads the whole answer.
    pub(crate) async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let asked = format!("{} {}", request.method(), request.url());
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{asked}: {error:?}")).to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { asked, status, headers, bytes, body }
    }

    pub(crate) async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.answer(self.request(Method::GET, path.as_ref())).await
    }

    pub(crate) async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.answer(self.request(Method::POST, path.as_ref()).json(&body)).await
    }

    /// A fresh account, signed in.
    pub(crate) async fn user(&self, name: &str) -> User {
        let localpart = unique(name);
        let body = json!({ "username": localpart, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
        let answer = self.post(path!("v3/register"), body).await.ok();
        User::from_answer(self, &answer)
    }

    /// Several at once.
    pub(crate) async fn users<const N: usize>(&self, names: [&str; N]) -> [User; N] {
        let users = futures_util::future::join_all(names.map(|name| self.user(name))).await;
        users.try_into().unwrap()
    }

    /// Signs in by password, on a new device.
    pub(crate) async fn login(&self, user_id: &str) -> User {
        let body = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user_id }, "password": PASSWORD });
        let answer = self.post(path!("v3/login"), body).await.ok();
        User::from_answer(self, &answer)
    }
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) hs: Homeserver,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) device: String,
}

impl User {
    pub(crate) fn from_answer(hs: &Homeserver, answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer}")).to_owned();
        Self { hs: hs.clone(), id: text("user_id"), token: text("access_token"), device: text("device_id") }
    }

    /// The part between `@` and `:`.
    pub(crate) fn localpart(&self) -> &str {
        self.id[1..].split_once(':').unwrap().0
    }

    /// The domain.
    pub(crate) fn server_name(&self) -> &str {
        self.id.split_once(':').unwrap().1
    }

    pub(crate) fn request(&self, method: Method, path: impl AsRef<str>) -> reqwest::RequestBuilder {
        self.hs.request(method, path.as_ref()).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.hs.answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.hs.answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.hs.answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: impl AsRef<str>) -> Answer {
        self.hs.answer(self.request(Method::DELETE, path)).await
    }

    /// Creates a room; gives its id.
    pub(crate) async fn create_room(&self, body: Value) -> String {
        self.post(path!("v3/createRoom"), body).await.ok()["room_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn join(&self, room: &str) {
        self.post(path!("v3/rooms/{}/join", room), json!({})).await.ok();
    }

    pub(crate) async fn leave(&self, room: &str) {
        self.post(path!("v3/rooms/{}/leave", room), json!({})).await.ok();
    }

    /// `invite`, `kick`, `ban` or `unban`.
    pub(crate) async fn member(&self, room: &str, action: &str, user: &User) -> Answer {
        self.post(path!("v3/rooms/{}/{}", room, action), json!({ "user_id": user.id })).await
    }

    /// A room of this user's with the others joined.
    pub(crate) async fn room_with(&self, others: &[&User]) -> String {
        let room = self.create_room(json!({ "preset": "public_chat" })).await;
        for other in others {
            other.join(&room).await;
        }
        room
    }

    pub(crate) async fn try_send(&self, room: &str, kind: &str, content: Value) -> Answer {
        self.put(path!("v3/rooms/{}/send/{}/{}", room, kind, unique("txn")), content).await
    }

    /// Sends an event; gives its id.
    pub(crate) async fn send_event(&self, room: &str, kind: &str, content: Value) -> String {
        self.try_send(room, kind, content).await.ok()["event_id"].as_str().unwrap().to_owned()
    }

    /// Sends a text message; gives its id.
    pub(crate) async fn send(&self, room: &str, text: &str) -> String {
        self.send_event(room, "m.room.message", json!({ "msgtype": "m.text", "body": text })).await
    }

    pub(crate) async fn state(&self, room: &str, kind: &str, key: &str) -> Answer {
        self.get(path!("v3/rooms/{}/state/{}/{}", room, kind, key)).await
    }

    pub(crate) async fn set_state(&self, room: &str, kind: &str, key: &str, content: Value) -> Answer {
        self.put(path!("v3/rooms/{}/state/{}/{}", room, kind, key), content).await
    }

    /// The whole current state.
    pub(crate) async fn whole_state(&self, room: &str) -> Vec<Value> {
        self.get(path!("v3/rooms/{}/state", room)).await.ok().as_array().unwrap().clone()
    }

    /// One page of history, newest first.
    pub(crate) async fn back(&self, room: &str) -> Vec<Value> {
        let page = self.get(path!("v3/rooms/{}/messages?dir=b&limit=100", room)).await.ok();
        page["chunk"].as_array().unwrap().clone()
    }

    /// A sync with this query, answered at once.
    pub(crate) async fn sync(&self, query: &str) -> Value {
        self.get(format!("{}?timeout=0{query}", path!("v3/sync"))).await.ok()
    }

    /// Follows the sync from now on.
    pub(crate) async fn follow(&self) -> Follower {
        self.follow_with("").await
    }

    /// Follows the sync from now on with `query` (beginning with `&`) in every request.
    pub(crate) async fn follow_with(&self, query: &str) -> Follower {
        let first = self.sync(query).await;
        Follower { user: self.clone(), since: next_batch(&first), query: query.to_owned() }
    }
}

/// The token to go on from.
pub(crate) fn next_batch(sync: &Value) -> String {
    sync["next_batch"].as_str().unwrap_or_else(|| panic!("no next_batch in {sync}")).to_owned()
}

/// A sync loop.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    pub(crate) user: User,
    pub(crate) since: String,
    query: String,
}

impl Follower {
    /// Long-polls until `pick` finds what it looks for in an answer.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, mut pick: impl FnMut(&Value) -> Option<T>) -> impl Future<Output = T> {
        let place = std::panic::Location::caller();
        async move {
            let deadline = Instant::now() + PATIENCE;
            let mut seen = Vec::new();
            while Instant::now() < deadline {
                let sync = self.poll(2_000).await;
                if let Some(found) = pick(&sync) {
                    return found;
                }
                if sync.as_object().is_some_and(|fields| fields.len() > 2) && seen.len() < 8 {
                    seen.push(sync);
                }
            }
            panic!("{place}: not in the sync of {} within {PATIENCE:?}; seen: {seen:#?}", self.user.id);
        }
    }

    /// One sync from where the last one ended.
    pub(crate) async fn poll(&mut self, timeout_ms: u32) -> Value {
        let path = path!("v3/sync?since={}", self.since);
        let sync = self.user.get(format!("{path}&timeout={timeout_ms}{}", self.query)).await.ok();
        self.since = next_batch(&sync);
        sync
    }

    /// Long-polls until the event with this id is in the room's timeline; gives it.
    #[track_caller]
    pub(crate) fn event(&mut self, room: &str, event_id: &str) -> impl Future<Output = Value> {
        let (room, event_id) = (room.to_owned(), event_id.to_owned());
        self.until(move |sync| timeline(sync, &room).into_iter().find(|event| event["event_id"] == event_id.as_str()))
    }
}

/// The timeline of a joined room in a sync.
pub(crate) fn timeline(sync: &Value, room: &str) -> Vec<Value> {
    list(&sync["rooms"]["join"][room]["timeline"]["events"])
}

/// An array, empty when it is not there.
pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The first event of this type in a list.
pub(crate) fn of_type(events: &Value, kind: &str) -> Option<Value> {
    list(events).into_iter().find(|event| event["type"] == kind)
}

/// The bodies of the messages in a list of events, in its order.
pub(crate) fn bodies(events: &[Value]) -> Vec<String> {
    events.iter().filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
}

/// The ids of the events of a list, in its order.
pub(crate) fn ids(events: &[Value]) -> Vec<String> {
    events.iter().filter_map(|event| event["event_id"].as_str().map(str::to_owned)).collect()
}
