//! Fan-out: messages on a schedule into a room whose members all long-poll, and how long each takes to reach each.
//!
//! The schedule does not wait for the server: a closed loop would ask a stalling server for less and so flatter it.
//! Latency counts from the moment a message was due, to each member's sync answer that carries it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use hyper::Method;
use serde_json::value::RawValue;
use serde_json::{Map, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::accounts::Account;
use super::client::Http;
use super::lab::Lab;
use super::listening::{self, Sync};
use super::process::round;
use super::report::{Outcome, micros, percentile_ms};

/// How long after the last message a member still waits for what is missing.
const DRAIN: Duration = Duration::from_mins(1);
/// Precedes a message's number in its body.
const MARK: &str = "parta-load#";

/// When each message is due.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    interval: Duration,
    /// Messages of the warm-up, which count for nothing.
    skipped: u32,
    count: u32,
}

impl Schedule {
    fn due(&self, message: u32) -> Instant {
        self.start + self.interval * message
    }

    fn deadline(&self) -> Instant {
        self.due(self.count) + DRAIN
    }
}

/// What one member saw.
#[derive(Default)]
struct Received {
    latencies: Vec<u32>,
    missing: u64,
    doubled: u64,
    errors: u64,
    last: Option<Instant>,
}

/// Sends `rate` messages a second to `members` listeners.
pub(crate) async fn run(lab: &mut Lab) -> Result<Outcome> {
    let room = lab.large_room().await?;
    let rate = lab.options.rate;
    let query = listening::query(lab);
    let (since, online) = listening::come_online(&lab.http, &room.members, &query).await?;
    eprintln!("# {} members online in {:.1} s", since.len(), online.as_secs_f64());

    let skipped = (lab.options.warmup as f64 * rate).round() as u32;
    let count = skipped + ((lab.options.duration as f64 * rate).round() as u32).max(1);
    let interval = Duration::from_secs_f64(1.0 / rate);
    // A moment for the listeners to be listening.
    let schedule = Schedule { start: Instant::now() + Duration::from_secs(1), interval, skipped, count };

    let mut listeners = JoinSet::new();
    for (account, since) in room.members.iter().cloned().zip(since) {
        listeners.spawn(listen(lab.http.clone(), account, since, Arc::clone(&query), schedule));
    }
    let run: u32 = rand::random();
    let mut sends = JoinSet::new();
    let meter = lab.meter();
    let mut before = meter.cpu();
    for message in 0..count {
        sleep_until(schedule.due(message)).await;
        if message == skipped {
            before = meter.cpu();
        }
        let (http, authorization) = (lab.http.clone(), room.creator.authorization.clone());
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{run:x}-{message}", room.path_id);
        sends.spawn(async move {
            let begun = Instant::now();
            let body = json!({ "msgtype": "m.text", "body": format!("{MARK}{message}.") });
            http.call(Method::PUT, &path, Some(&authorization), Bytes::from(body.to_string())).await?.success()?;
            anyhow::Ok((message, begun.elapsed()))
        });
    }

    let (mut all, mut send_latencies) = (Received::default(), Vec::new());
    while let Some(sent) = sends.join_next().await {
        match sent? {
            Ok((message, took)) if message >= skipped => send_latencies.push(micros(took)),
            Ok(_) => {}
            Err(error) => {
                all.errors += 1;
                eprintln!("# a send failed: {error:#}");
            }
        }
    }
    while let Some(received) = listeners.join_next().await {
        let received = received?;
        all.latencies.extend(received.latencies);
        all.missing += received.missing;
        all.doubled += received.doubled;
        all.errors += received.errors;
        all.last = all.last.max(received.last);
    }

    let measured = count - skipped;
    let last_due = schedule.due(count - 1);
    let behind = all.last.map_or(DRAIN, |last| last.saturating_duration_since(last_due));
    let mut extra = Map::new();
    meter.describe(before, measured as usize, &mut extra);
    send_latencies.sort_unstable();
    let mut put = |key: &str, value| extra.insert(key.to_owned(), value);
    put("messages", json!(measured));
    put("missing", json!(all.missing));
    put("doubled", json!(all.doubled));
    put("send_p50_ms", json!(percentile_ms(&send_latencies, 0.5)));
    put("send_p99_ms", json!(percentile_ms(&send_latencies, 0.99)));
    put("behind_ms", json!(round(behind.as_secs_f64() * 1000.0, 1)));
    // Kept up: nothing lost, and the last message had reached everyone before the third after it would have been due.
    put("kept_up", json!(all.missing == 0 && behind < interval * 3));
    put("coming_online_s", json!(round(online.as_secs_f64(), 2)));
    put("joins_s", json!(round(room.joined_in.as_secs_f64(), 2)));
    let elapsed = all.last.map_or(DRAIN, |last| last.saturating_duration_since(schedule.due(skipped)));
    let sizes = json!({ "members": room.members.len(), "rate": rate, "presence": lab.options.presence.as_str() });
    Ok(Outcome { latencies: all.latencies, errors: all.errors + all.missing + all.doubled, elapsed, sizes, extra })
}

/// Long-polls until every message was seen or the deadline passed.
async fn listen(http: Http, account: Account, mut since: String, query: Arc<str>, schedule: Schedule) -> Received {
    let mut received = Received::default();
    let mut seen = vec![false; schedule.count as usize];
    let mut open = schedule.count;
    while open > 0 {
        let poll = listening::poll(&http, &account, &since, &query);
        let Ok(answer) = timeout_at(schedule.deadline(), poll).await else {
            break;
        };
        let now = Instant::now();
        let Ok(body) = answer else {
            received.errors += 1;
            tokio::time::sleep(listening::PAUSE).await;
            continue;
        };
        let Ok(sync) = serde_json::from_slice::<Sync<'_>>(&body) else {
            received.errors += 1;
            break;
        };
        for message in marks(sync.rooms.map_or("", RawValue::get)) {
            let Some(slot) = seen.get_mut(message as usize) else {
                continue;
            };
            if std::mem::replace(slot, true) {
                received.doubled += 1;
                continue;
            }
            open -= 1;
            received.last = Some(now);
            if message >= schedule.skipped {
                received.latencies.push(micros(now.saturating_duration_since(schedule.due(message))));
            }
        }
        since = sync.next_batch.into_owned();
    }
    received.missing = u64::from(open);
    received
}

/// The numbers of the load's messages in a piece of JSON.
fn marks(json: &str) -> impl Iterator<Item = u32> + '_ {
    json.split(MARK).skip(1).filter_map(|rest| rest.split_once('.')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{Sync, marks};

    #[test]
    fn finds_messages_in_a_sync_answer() {
        let body = br#"{"next_batch":"s1","rooms":{"join":{"!a":{"timeline":{"events":[{"content":{"body":"parta-load#7."}},{"content":{"body":"parta-load#12."}}]}}}}}"#;
        let sync: Sync<'_> = serde_json::from_slice(body).unwrap();
        assert_eq!(marks(sync.rooms.unwrap().get()).collect::<Vec<_>>(), [7, 12]);
        let empty: Sync<'_> = serde_json::from_slice(br#"{"next_batch":"s\u0031"}"#).unwrap();
        assert_eq!(empty.next_batch, "s1");
        assert!(empty.rooms.is_none());
    }
}
