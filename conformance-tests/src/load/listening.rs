//! Listening: the long polls of clients that are open.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::accounts::Account;
use super::client::Http;
use super::lab::{Lab, path_segment};
use super::process::round;
use super::report::Outcome;

/// What a long poll asks for.
pub(crate) const POLL_MS: u32 = 30_000;
/// As a client waits after a failed sync, so that a broken server is not asked without a pause.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// The part of a sync answer that matters here; the rest is skipped unparsed.
#[derive(Deserialize)]
pub(crate) struct Sync<'a> {
    /// Where to go on.
    #[serde(borrow)]
    pub(crate) next_batch: Cow<'a, str>,
    /// What happened in rooms.
    #[serde(borrow, default)]
    pub(crate) rooms: Option<&'a RawValue>,
}

/// What every sync of a listener says of itself.
pub(crate) fn query(lab: &Lab) -> Arc<str> {
    let filter = json!({ "room": { "timeline": { "limit": 100 }, "state": { "lazy_load_members": true } } });
    format!("set_presence={}&filter={}", lab.options.presence.as_str(), path_segment(&filter.to_string())).into()
}

/// Everyone's first sync, all at once; gives the positions to listen from, and how long it took.
pub(crate) async fn come_online(http: &Http, members: &[Account], query: &Arc<str>) -> Result<(Vec<String>, Duration)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, account) in members.iter().cloned().enumerate() {
        let (http, query) = (http.clone(), Arc::clone(query));
        tasks.spawn(async move {
            let path = format!("/_matrix/client/v3/sync?timeout=0&{query}");
            let body = http.call(Method::GET, &path, Some(&account.authorization), Bytes::new()).await?.success()?;
            let sync: Sync<'_> = serde_json::from_slice(&body)?;
            anyhow::Ok((index, sync.next_batch.into_owned()))
        });
    }
    let mut since = vec![String::new(); members.len()];
    while let Some(done) = tasks.join_next().await {
        let (index, token) = done?.context("a member's first sync")?;
        since[index] = token;
    }
    Ok((since, begun.elapsed()))
}

/// One long poll; the answer's body.
pub(crate) async fn poll(http: &Http, account: &Account, since: &str, query: &str) -> Result<Bytes> {
    let path = format!("/_matrix/client/v3/sync?timeout={POLL_MS}&since={}&{query}", path_segment(since));
    http.call(Method::GET, &path, Some(&account.authorization), Bytes::new()).await?.success()
}

/// Members who long-poll for as long as this is held.
pub(crate) struct Listening {
    heard: Arc<Heard>,
    begun: Instant,
    _tasks: JoinSet<()>,
}

/// What all of them have heard.
#[derive(Default)]
struct Heard {
    syncs: AtomicU64,
    messages: AtomicU64,
    errors: AtomicU64,
}

impl Listening {
    /// The members come online and begin to listen.
    pub(crate) async fn begin(lab: &Lab, members: &[Account]) -> Result<Self> {
        let query = query(lab);
        let (since, _) = come_online(&lab.http, members, &query).await?;
        let heard = Arc::new(Heard::default());
        let mut tasks = JoinSet::new();
        for (account, since) in members.iter().cloned().zip(since) {
            tasks.spawn(listen(lab.http.clone(), account, since, Arc::clone(&query), Arc::clone(&heard)));
        }
        Ok(Self { heard, begun: Instant::now(), _tasks: tasks })
    }

    /// Ends it, and adds how much was heard meanwhile, the warm-up included.
    pub(crate) fn end(self, outcome: &mut Outcome) {
        let seconds = self.begun.elapsed().as_secs_f64();
        for (key, count) in [("syncs_per_s", &self.heard.syncs), ("delivered_per_s", &self.heard.messages)] {
            let rate = round(count.load(Ordering::Relaxed) as f64 / seconds, 1);
            outcome.extra.insert(key.to_owned(), json!(rate));
        }
        outcome.errors += self.heard.errors.load(Ordering::Relaxed);
    }
}

async fn listen(http: Http, account: Account, mut since: String, query: Arc<str>, heard: Arc<Heard>) {
    loop {
        let answer = poll(&http, &account, &since, &query).await;
        let Some((next, messages)) = answer.ok().and_then(|body| read(&body)) else {
            heard.errors.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        heard.syncs.fetch_add(1, Ordering::Relaxed);
        heard.messages.fetch_add(messages, Ordering::Relaxed);
        since = next;
    }
}

/// Where to go on after an answer, and how many messages it tells; `None` if it cannot be read.
fn read(body: &[u8]) -> Option<(String, u64)> {
    let sync: Sync<'_> = serde_json::from_slice(body).ok()?;
    let rooms = sync.rooms.map_or("", RawValue::get);
    Some((sync.next_batch.into_owned(), rooms.matches("\"m.room.message\"").count() as u64))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn counts_the_messages_of_an_answer() {
        let body = br#"{"next_batch":"s\u0032","rooms":{"join":{"!a":{"timeline":{"events":[{"type":"m.room.message"},{"type":"m.room.member"},{"type":"m.room.message"}]}}}}}"#;
        assert_eq!(read(body), Some(("s2".to_owned(), 2)));
        assert_eq!(read(br#"{"next_batch":"s3"}"#), Some(("s3".to_owned(), 0)));
        assert_eq!(read(b"<html>"), None);
    }
}
