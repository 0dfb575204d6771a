//! Reading: what a member of many rooms asks for when a client is opened, paged back in, and searched.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::client::Http;
use super::closed_loop;
use super::lab::{History, Lab, path_segment};
use super::report::Outcome;

/// Rooms that a phone asks for first.
pub(crate) const WINDOW: usize = 20;
/// Messages on a page of history.
const PAGE: usize = 20;

/// A request that is repeated.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    body: Bytes,
}

impl Ask {
    /// A `GET`.
    pub(crate) fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Bytes::new() }
    }

    fn post(path: &str, body: &Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: Bytes::from(body.to_string()) }
    }

    /// Sends it; the body of what must be a success.
    pub(crate) async fn send(&self, http: &Http, authorization: &HeaderValue) -> Result<Bytes> {
        http.call(self.method.clone(), &self.path, Some(authorization), self.body.clone()).await?.success()
    }

    async fn answer(&self, lab: &Lab, history: &History) -> Result<(Value, usize)> {
        let answer = self.send(&lab.http, &history.reader.authorization).await?;
        Ok((serde_json::from_slice(&answer)?, answer.len()))
    }
}

/// One reader who asks, one after the other, again and again.
async fn again_and_again(lab: &Lab, history: &History, asks: Vec<Ask>, bytes: usize) -> Result<Outcome> {
    let (http, authorization) = (lab.http.clone(), history.reader.authorization.clone());
    let sizes = json!({
        "rooms": history.rooms.len(),
        "messages_a_room": lab.options.messages,
        "response_kib": bytes.div_ceil(1024),
    });
    let asks = Arc::new(asks);
    closed_loop::run(lab, 1, sizes, move |_, round| {
        let (http, authorization, asks) = (http.clone(), authorization.clone(), Arc::clone(&asks));
        async move {
            asks[round as usize % asks.len()].send(&http, &authorization).await?;
            Ok(())
        }
    })
    .await
}

fn shown<'a>(rooms: impl Iterator<Item = &'a Value>) -> usize {
    rooms.map(|events| events.as_array().map_or(0, Vec::len)).sum()
}

/// The first classic sync, with every message of every room.
pub(crate) async fn initial_sync(lab: &mut Lab) -> Result<Outcome> {
    let history = lab.history().await?;
    let (rooms, messages) = (history.rooms.len(), lab.options.messages as usize);
    let filter = json!({ "room": { "timeline": { "limit": messages }, "state": { "lazy_load_members": true } } });
    let filter = path_segment(&filter.to_string());
    let ask = Ask::get(format!("/_matrix/client/v3/sync?timeout=0&set_presence=offline&filter={filter}"));
    // One look at what comes back, so that a server cannot be fast by leaving things out.
    let (first, bytes) = ask.answer(lab, &history).await?;
    let joined = first["rooms"]["join"].as_object().context("no rooms in the sync")?;
    ensure!(joined.len() >= rooms, "the sync shows {} rooms instead of {rooms}", joined.len());
    let events = shown(joined.values().map(|room| &room["timeline"]["events"]));
    ensure!(events >= rooms * messages, "the sync shows {events} timeline events instead of {}", rooms * messages);
    again_and_again(lab, &history, vec![ask], bytes).await
}

/// A sliding sync of the rooms at the top of the list, as phones ask for them: all of it, or what is new since a
/// position.
pub(crate) fn sliding(position: Option<&str>, timeout_ms: u32) -> Ask {
    let state = json!([
        ["m.room.create", ""],
        ["m.room.name", ""],
        ["m.room.encryption", ""],
        ["m.room.avatar", ""],
        ["m.room.power_levels", ""],
        ["m.room.join_rules", ""],
        ["m.room.member", "$LAZY"],
        ["m.room.member", "$ME"],
    ]);
    let list = json!({ "ranges": [[0, WINDOW - 1]], "timeline_limit": 1, "required_state": state });
    let on = json!({ "enabled": true });
    let extensions = json!({ "account_data": on, "receipts": on, "typing": on, "e2ee": on, "to_device": on });
    let body = json!({ "conn_id": "load", "lists": { "all": list }, "extensions": extensions });
    let position = position.map(|position| format!("&pos={}", path_segment(position))).unwrap_or_default();
    let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    Ask::post(&format!("{path}?timeout={timeout_ms}&set_presence=offline{position}"), &body)
}

/// The first answer of a sliding sync.
pub(crate) async fn sliding_sync(lab: &mut Lab) -> Result<Outcome> {
    let history = lab.history().await?;
    let rooms = history.rooms.len().min(WINDOW);
    let ask = sliding(None, 0);
    let (first, bytes) = ask.answer(lab, &history).await?;
    let told = first["rooms"].as_object().context("no rooms in the sync")?;
    ensure!(told.len() == rooms, "the sync shows {} rooms instead of {rooms}", told.len());
    ensure!(shown(told.values().map(|room| &room["timeline"])) == rooms, "a room has not its last message");
    ensure!(told.values().all(|room| room["initial"] == true && room["name"].is_string()), "a room is not described");
    again_and_again(lab, &history, vec![ask], bytes).await
}

/// A page of `/messages` from the middle of a room's history, of one room after the other.
pub(crate) async fn messages(lab: &mut Lab) -> Result<Outcome> {
    let history = lab.history().await?;
    let (mut asks, mut bytes) = (Vec::new(), 0);
    for room in &history.rooms {
        let page = |from: &str, limit: usize| {
            Ask::get(format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit={limit}{from}"))
        };
        let (newest, _) = page("", (lab.options.messages as usize / 2).max(1)).answer(lab, &history).await?;
        let from = newest["end"].as_str().context("no further page of history")?;
        let ask = page(&format!("&from={}", path_segment(from)), PAGE);
        let (first, length) = ask.answer(lab, &history).await?;
        ensure!(first["chunk"].as_array().is_some_and(|chunk| !chunk.is_empty()), "a page of history is empty");
        bytes = bytes.max(length);
        asks.push(ask);
    }
    again_and_again(lab, &history, asks, bytes).await
}

/// A search for a word that every message has and a number that one in each room has.
pub(crate) async fn search(lab: &mut Lab) -> Result<Outcome> {
    let history = lab.history().await?;
    let (mut asks, mut bytes) = (Vec::new(), 0);
    for message in 0..lab.options.messages {
        let criteria = json!({ "search_term": format!("message {message}"), "keys": ["content.body"] });
        let ask = Ask::post("/_matrix/client/v3/search", &json!({ "search_categories": { "room_events": criteria } }));
        if message == 0 {
            let (first, length) = ask.answer(lab, &history).await?;
            let results = &first["search_categories"]["room_events"]["results"];
            ensure!(results.as_array().is_some_and(|results| !results.is_empty()), "the search finds nothing");
            bytes = length;
        }
        asks.push(ask);
    }
    again_and_again(lab, &history, asks, bytes).await
}
