//! Reports on their way: in which order they go, how long is waited after one did not, and which come to rest. The
//! present is a parameter.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Kind;

/// Pauses while the server is away: the first, each twice the one before, and the longest.
const FIRST_MS: i64 = 5_000;
const LONGEST_MS: i64 = 30 * 60 * 1000;

/// A report that the server does not have yet, as it is kept on this computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// A UUID: the server takes a report once, however often it comes
    pub client_id: String,
    /// When it was written, in milliseconds since the Unix epoch
    pub written_ms: i64,
    /// What it is
    pub kind: Kind,
    /// What it says
    pub text: String,
    /// What goes along in words
    pub diagnostics: BTreeMap<String, String>,
    /// A picture goes along
    pub picture: bool,
    /// Where the server has put the picture
    pub picture_uri: Option<String>,
    /// How often the server was away
    pub tries: u32,
    /// Not before, in milliseconds since the Unix epoch
    pub due_ms: i64,
    /// Too much was sent; the server said when it may go
    pub limited: bool,
    /// The server does not want it
    pub refused: Option<Refusal>,
}

/// Why the server does not want a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Feedback is switched off
    Off,
    /// The picture is too large, or none to the server
    Picture,
    /// The text or the details
    Words,
}

/// What became of sending one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No answer
    Away,
    /// Too much was sent: the server names the pause
    Limited(Option<Duration>),
    /// The server no longer has the picture
    PictureGone,
    /// It does not want it
    Refused(Refusal),
}

/// What waits, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    waiting: Vec<Waiting>,
}

impl Queue {
    /// As it was kept.
    #[must_use]
    pub fn of(mut waiting: Vec<Waiting>) -> Self {
        waiting.sort_by(|a, b| (a.written_ms, &a.client_id).cmp(&(b.written_ms, &b.client_id)));
        Self { waiting }
    }

    /// All, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[Waiting] {
        &self.waiting
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, client_id: &str) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.client_id == client_id)
    }

    /// One more, as the last.
    pub fn add(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    /// One less.
    pub fn remove(&mut self, client_id: &str) {
        self.waiting.retain(|waiting| waiting.client_id != client_id);
    }

    /// The one that goes next: the oldest that was not refused. The others wait for it.
    fn head(&self) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.refused.is_none())
    }

    /// The one to send now.
    #[must_use]
    pub fn due(&self, now_ms: i64) -> Option<&Waiting> {
        self.head().filter(|head| head.due_ms <= now_ms)
    }

    /// How long until the next one may go; none while nothing waits.
    #[must_use]
    pub fn rest(&self, now_ms: i64) -> Option<Duration> {
        self.head().map(|head| Duration::from_millis((head.due_ms - now_ms).max(0).unsigned_abs()))
    }

    /// The server answers again: nothing waits for it any longer, but for its own word.
    pub fn wake(&mut self, now_ms: i64) {
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.limited) {
            waiting.tries = 0;
            waiting.due_ms = waiting.due_ms.min(now_ms);
        }
    }

    /// The server has the picture of one.
    pub fn uploaded(&mut self, client_id: &str, uri: String) {
        if let Some(waiting) = self.find(client_id) {
            waiting.picture_uri = Some(uri);
        }
    }

    /// One did not go.
    pub fn failed(&mut self, client_id: &str, now_ms: i64, fault: Fault) {
        let Some(waiting) = self.find(client_id) else { return };
        waiting.limited = false;
        match fault {
            Fault::Refused(refusal) => waiting.refused = Some(refusal),
            Fault::Limited(asked) => {
                let asked = asked.map_or(LONGEST_MS, |asked| i64::try_from(asked.as_millis()).unwrap_or(i64::MAX));
                waiting.limited = true;
                waiting.due_ms = now_ms.saturating_add(asked.max(FIRST_MS));
            }
            Fault::Away | Fault::PictureGone => {
                if fault == Fault::PictureGone {
                    waiting.picture_uri = None;
                }
                waiting.due_ms = now_ms.saturating_add(pause(waiting.tries));
                waiting.tries = waiting.tries.saturating_add(1);
            }
        }
    }

    fn find(&mut self, client_id: &str) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| waiting.client_id == client_id)
    }
}

/// After so many failures.
fn pause(tries: u32) -> i64 {
    FIRST_MS.checked_shl(tries.min(20)).unwrap_or(LONGEST_MS).min(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        let waiting = |id: &str, written_ms| Waiting { client_id: id.into(), written_ms, ..Waiting::default() };
        Queue::of(vec![waiting("b", 20), waiting("c", 30), waiting("a", 10)])
    }

    fn due(queue: &Queue, now_ms: i64) -> Option<&str> {
        queue.due(now_ms).map(|waiting| waiting.client_id.as_str())
    }

    #[test]
    fn the_oldest_goes_first_and_the_others_wait_for_it() {
        let mut queue = queue();
        queue.add(Waiting { client_id: "d".into(), written_ms: 5, ..Waiting::default() });
        assert_eq!(due(&queue, 100), Some("a"));
        queue.failed("a", 100, Fault::Away);
        assert_eq!(due(&queue, 100), None, "not past the first");
        assert_eq!(due(&queue, 5_100), Some("a"));
        for id in ["a", "b", "c"] {
            queue.remove(id);
        }
        assert_eq!(due(&queue, 100), Some("d"));
        queue.remove("d");
        assert_eq!((due(&queue, 100), queue.rest(100)), (None, None));
    }

    #[test]
    fn pauses_grow_to_half_an_hour_and_end_when_the_server_answers() {
        let mut queue = queue();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            queue.failed("a", now, Fault::Away);
            let rest = queue.rest(now).unwrap();
            assert_eq!(due(&queue, now + i64::try_from(rest.as_millis()).unwrap() - 1), None);
            now += i64::try_from(rest.as_millis()).unwrap();
            assert_eq!(due(&queue, now), Some("a"));
            pauses.push(rest.as_secs());
        }
        assert_eq!(pauses[..5], [5, 10, 20, 40, 80]);
        assert_eq!(pauses[9..], [1_800, 1_800, 1_800]);
        queue.failed("a", now, Fault::Away);
        queue.wake(now);
        assert_eq!(due(&queue, now), Some("a"));
        queue.failed("a", now, Fault::Away);
        assert_eq!(queue.rest(now), Some(Duration::from_secs(5)), "from the beginning");
    }

    #[test]
    fn a_limit_holds_also_when_the_server_answers_again() {
        let mut queue = queue();
        queue.failed("a", 0, Fault::Limited(Some(Duration::from_hours(1))));
        queue.wake(1_000);
        assert_eq!(due(&queue, 1_000), None);
        assert!(queue.all()[0].limited);
        assert_eq!(due(&queue, 3_600_000), Some("a"));
        queue.failed("a", 3_600_000, Fault::Away);
        assert!(!queue.all()[0].limited);
    }

    #[test]
    fn a_refused_one_rests_and_holds_nobody_up() {
        let mut queue = queue();
        queue.failed("a", 0, Fault::Refused(Refusal::Words));
        assert_eq!(due(&queue, 0), Some("b"));
        queue.wake(0);
        assert_eq!(due(&queue, 0), Some("b"));
        assert_eq!(queue.get("a").unwrap().refused, Some(Refusal::Words));
    }

    #[test]
    fn a_picture_that_the_server_lost_is_uploaded_again() {
        let mut queue = queue();
        queue.uploaded("a", "mxc://a/b".into());
        queue.failed("a", 0, Fault::Away);
        assert_eq!(queue.get("a").unwrap().picture_uri.as_deref(), Some("mxc://a/b"), "not for nothing");
        queue.failed("a", 0, Fault::PictureGone);
        assert_eq!(queue.get("a").unwrap().picture_uri, None);
    }

    #[test]
    fn what_is_kept_is_what_was() {
        let mut queue = queue();
        queue.failed("b", 7, Fault::Refused(Refusal::Picture));
        queue.failed("a", 7, Fault::Limited(None));
        let text = serde_json::to_string(queue.all()).unwrap();
        assert_eq!(Queue::of(serde_json::from_str(&text).unwrap()), queue);
    }
}
