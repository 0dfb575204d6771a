//! Growth: whether a sync costs what changed or what exists. A member is measured beside one with ten times the rooms
//! and one with ten times the history, each in turn, so that noise hits all alike.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::accounts::Account;
use super::lab::{Lab, path_segment};
use super::listening::POLL_MS;
use super::process::round;
use super::reading::{Ask, WINDOW, sliding};
use super::report::{Outcome, micros, percentile};

/// How many times more the others have.
const TIMES: u64 = 10;
/// Messages of each room that a first classic sync tells: fewer than any room has.
const TIMELINE: u64 = 10;
/// How long one member syncs before it is the next one's turn. CPU time is read between turns, and comes in hundredths
/// of a second.
const TURN: Duration = Duration::from_millis(100);

/// A way to sync.
struct Protocol {
    name: &'static str,
    /// The request from a position on, or the first, with the longest wait in milliseconds.
    ask: fn(Option<&str>, u32) -> Ask,
    /// Where in an answer its rooms are.
    rooms: &'static str,
    /// The most rooms that the first answer tells; `None` where it tells them all.
    window: Option<usize>,
}

const PROTOCOLS: [Protocol; 2] = [
    Protocol { name: "classic", ask: classic, rooms: "/rooms/join", window: None },
    Protocol { name: "sliding", ask: sliding, rooms: "/rooms", window: Some(WINDOW) },
];

/// When a sync is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Nothing was told before.
    First,
    /// One message is new.
    OneMessage,
    /// Nothing is new.
    Idle,
}

impl Moment {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::OneMessage => "one-message",
            Self::Idle => "idle",
        }
    }
}

/// What a member has ten times of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tenfold {
    Rooms,
    History,
}

impl Tenfold {
    fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms_x10",
            Self::History => "history_x10",
        }
    }

    /// Whether what is told stays the same, and so has to cost the same.
    fn must_stay_near_1(self, protocol: &Protocol, moment: Moment) -> bool {
        self == Self::History || moment != Moment::First || protocol.window.is_some()
    }
}

/// A member.
struct Person {
    account: Account,
    rooms: Vec<String>,
}

/// What a member's syncs cost.
#[derive(Default)]
struct Cost {
    latencies: Vec<u32>,
    server_cpu_s: Option<f64>,
}

impl Cost {
    fn median_ms(&mut self) -> Option<f64> {
        self.latencies.sort_unstable();
        percentile(&self.latencies, 0.5).map(|micros| f64::from(micros) / 1000.0)
    }

    fn server_cpu_ms_per_op(&self) -> Option<f64> {
        let operations = self.latencies.len();
        self.server_cpu_s.filter(|_| operations > 0).map(|seconds| seconds * 1000.0 / operations as f64)
    }
}

/// A member who syncs.
struct Syncing<'a> {
    lab: &'a Lab,
    protocol: &'a Protocol,
    moment: Moment,
    person: &'a Person,
    writer: &'a Account,
    /// Up to where the member was told; `None` for one who asks for everything each time.
    position: Option<String>,
    cost: Cost,
}

/// Both protocols at each moment: an outcome each, of the member with the fewest, and of the others beside it.
pub(crate) async fn run(lab: &mut Lab) -> Result<Vec<Outcome>> {
    let mut accounts = lab.newcomers(4).await?;
    let writer = accounts.remove(0);
    let lab = &*lab;
    let (rooms, messages) = (lab.options.growth_rooms, lab.options.growth_messages);
    let begun = Instant::now();
    let mut people = Vec::new();
    for (account, (rooms, messages)) in
        accounts.into_iter().zip([(rooms, messages), (rooms * TIMES, messages), (rooms, messages * TIMES)])
    {
        let rooms = lab.rooms_with_history(&writer, &account, rooms, messages).await?;
        people.push(Person { account, rooms });
    }
    eprintln!("# rooms with history in {:.1} s", begun.elapsed().as_secs_f64());
    let mut outcomes = Vec::new();
    for protocol in &PROTOCOLS {
        for moment in [Moment::First, Moment::OneMessage, Moment::Idle] {
            let measured = measure(lab, &writer, &people, protocol, moment).await;
            outcomes.push(measured.with_context(|| format!("{} sync, {}", protocol.name, moment.name()))?);
        }
    }
    Ok(outcomes)
}

async fn measure(
    lab: &Lab,
    writer: &Account,
    people: &[Person],
    protocol: &Protocol,
    moment: Moment,
) -> Result<Outcome> {
    let mut syncing = Vec::new();
    for person in people {
        let cost = Cost::default();
        let mut one = Syncing { lab, protocol, moment, person, writer, position: None, cost };
        let first = one.sync(Moment::First).await?;
        one.position = (moment != Moment::First).then_some(first);
        syncing.push(one);
    }
    take_turns(&mut syncing, lab.options.warmup).await?;
    for one in &mut syncing {
        one.cost = Cost::default();
    }
    let meter = lab.meter();
    let before = meter.cpu();
    take_turns(&mut syncing, lab.options.duration).await?;

    let mut extra = Map::new();
    // Of everything, the sending included; what an operation costs is counted by turns.
    meter.describe(before, 0, &mut extra);
    let mut costs = syncing.into_iter().map(|one| one.cost);
    let mut least = costs.next().context("nobody syncs")?;
    let (median, cpu) = (least.median_ms(), least.server_cpu_ms_per_op());
    extra.insert("server_cpu_ms_per_op".to_owned(), json!(cpu.map(|ms| round(ms, 4))));
    for (tenfold, mut cost) in [Tenfold::Rooms, Tenfold::History].into_iter().zip(costs) {
        let (its_median, its_cpu) = (cost.median_ms(), cost.server_cpu_ms_per_op());
        let beside = json!({
            "must_stay_near_1": tenfold.must_stay_near_1(protocol, moment),
            "ops": cost.latencies.len(),
            "p50_ms": its_median.map(|ms| round(ms, 2)),
            "p50_ratio": ratio(its_median, median),
            "server_cpu_ms_per_op": its_cpu.map(|ms| round(ms, 4)),
            "server_cpu_ratio": ratio(its_cpu, cpu),
        });
        extra.insert(tenfold.name().to_owned(), beside);
    }
    let sizes = json!({
        "sync": protocol.name,
        "moment": moment.name(),
        "rooms": lab.options.growth_rooms,
        "messages_a_room": lab.options.growth_messages,
    });
    // The rate is that of the one member, as if the others had not had their turns.
    let elapsed = least.latencies.iter().map(|micros| Duration::from_micros((*micros).into())).sum();
    Ok(Outcome { latencies: least.latencies, errors: 0, elapsed, sizes, extra })
}

/// One after the other and then all again, until the time is over.
async fn take_turns(syncing: &mut [Syncing<'_>], seconds: u64) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        for one in &mut *syncing {
            one.turn().await?;
        }
    }
    Ok(())
}

impl Syncing<'_> {
    /// One sync after a new message, which is sent before anything is measured; else as many as a turn has time for.
    async fn turn(&mut self) -> Result<()> {
        let mut end = Instant::now() + TURN;
        if self.moment == Moment::OneMessage {
            let transaction = format!("{:x}", rand::random::<u64>());
            self.lab.say(self.writer, &self.person.rooms[0], &transaction, "One more thing").await?;
            end = Instant::now();
        }
        let meter = self.lab.meter();
        let before = meter.cpu();
        loop {
            let position = self.sync(self.moment).await?;
            if self.position.is_some() {
                self.position = Some(position);
            }
            if Instant::now() >= end {
                break;
            }
        }
        let used = meter.server_since(before);
        self.cost.server_cpu_s = used.map(|seconds| seconds + self.cost.server_cpu_s.unwrap_or_default());
        Ok(())
    }

    /// One sync, which has to tell what there is at this moment: a server cannot be fast by leaving things out. The
    /// position that it leads to.
    async fn sync(&mut self, moment: Moment) -> Result<String> {
        let all = self.person.rooms.len();
        // With a message that was acknowledged there is nothing to wait for, unless the server shows it late.
        let (expected, timeout_ms) = match moment {
            Moment::First => (self.protocol.window.map_or(all, |window| window.min(all)), 0),
            Moment::OneMessage => (1, POLL_MS),
            Moment::Idle => (0, 0),
        };
        let ask = (self.protocol.ask)(self.position.as_deref(), timeout_ms);
        let begun = Instant::now();
        let answer = ask.send(&self.lab.http, &self.person.account.authorization).await?;
        self.cost.latencies.push(micros(begun.elapsed()));
        let answer: Value = serde_json::from_slice(&answer)?;
        let told = answer.pointer(self.protocol.rooms).and_then(Value::as_object).map_or(0, Map::len);
        ensure!(told == expected, "the sync tells of {told} rooms instead of {expected}");
        let position = answer["next_batch"].as_str().or_else(|| answer["pos"].as_str());
        Ok(position.context("the sync has no position")?.to_owned())
    }
}

/// A classic sync; presence is left to `fanout`.
fn classic(position: Option<&str>, timeout_ms: u32) -> Ask {
    let filter = json!({
        "presence": { "not_types": ["*"] },
        "room": { "timeline": { "limit": TIMELINE }, "state": { "lazy_load_members": true } },
    });
    let filter = path_segment(&filter.to_string());
    let since = position.map(|position| format!("&since={}", path_segment(position))).unwrap_or_default();
    Ask::get(format!("/_matrix/client/v3/sync?timeout={timeout_ms}&set_presence=offline&filter={filter}{since}"))
}

/// How many times `small` something is; `None` where either was not measured, or too small for the clock.
fn ratio(big: Option<f64>, small: Option<f64>) -> Option<f64> {
    let (big, small) = (big?, small?);
    (small > 0.0).then(|| round(big / small, 2))
}

#[cfg(test)]
mod tests {
    use super::{Cost, Moment, PROTOCOLS, Tenfold, ratio};

    #[test]
    fn a_ratio_needs_both() {
        assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
        assert_eq!(ratio(Some(1.0), Some(3.0)), Some(0.33));
        assert_eq!(ratio(Some(3.0), Some(0.0)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
        assert_eq!(ratio(Some(3.0), None), None);
    }

    #[test]
    fn a_cost_is_a_median_and_a_share() {
        let mut cost = Cost { latencies: vec![9_000, 1_500, 2_500, 2_000], server_cpu_s: Some(0.02) };
        assert_eq!(cost.median_ms(), Some(2.0));
        assert_eq!(cost.server_cpu_ms_per_op(), Some(5.0));
        let mut nothing = Cost::default();
        assert_eq!((nothing.median_ms(), nothing.server_cpu_ms_per_op()), (None, None));
        let unmeasured = Cost { server_cpu_s: None, ..cost };
        assert_eq!(unmeasured.server_cpu_ms_per_op(), None);
    }

    #[test]
    fn only_a_first_sync_without_a_window_grows_and_only_with_rooms() {
        let mut growing = Vec::new();
        for protocol in &PROTOCOLS {
            for moment in [Moment::First, Moment::OneMessage, Moment::Idle] {
                for tenfold in [Tenfold::Rooms, Tenfold::History] {
                    if !tenfold.must_stay_near_1(protocol, moment) {
                        growing.push((protocol.name, moment.name(), tenfold.name()));
                    }
                }
            }
        }
        assert_eq!(growing, [("classic", "first", "rooms_x10")]);
    }
}
