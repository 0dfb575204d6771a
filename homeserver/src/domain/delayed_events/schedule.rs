//! Which delayed events wait, in memory: whoever takes one out of the schedule, and nobody else, sends or cancels it.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use ruma::events::room::member::MembershipState;
use tokio::sync::Notify;

pub use crate::storage::delayed_events::Waiting;
use crate::{
    clock::Millis,
    domain::{
        event::Event,
        journal::{Change, Committed},
    },
};

/// The schedule.
#[derive(Debug, Default)]
pub struct Schedule {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: HashMap<String, Waiting>,
    by_time: BTreeSet<(Millis, String)>,
    /// Those that commits have cancelled, whose rows are still there.
    cancelled: Vec<String>,
}

impl Inner {
    fn take(&mut self, delay_id: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(delay_id)?;
        self.by_time.remove(&(waiting.due_at, waiting.delay_id.clone()));
        Some(waiting)
    }

    fn put(&mut self, waiting: Waiting) {
        self.by_time.insert((waiting.due_at, waiting.delay_id.clone()));
        self.waiting.insert(waiting.delay_id.clone(), waiting);
    }

    fn cancel(&mut self, is_cancelled: impl Fn(&Waiting) -> bool) -> bool {
        let ids: Vec<String> = self.waiting.values().filter(|w| is_cancelled(w)).map(|w| w.delay_id.clone()).collect();
        for id in &ids {
            self.take(id);
        }
        let any = !ids.is_empty();
        self.cancelled.extend(ids);
        any
    }
}

impl Schedule {
    /// Has an event wait.
    pub fn put(&self, waiting: Waiting) {
        self.inner.lock().put(waiting);
        self.changed.notify_one();
    }

    /// Takes an event out if it still waits.
    pub fn take(&self, delay_id: &str) -> Option<Waiting> {
        self.inner.lock().take(delay_id)
    }

    /// Takes out up to `most` that are due, and tells when the next one is.
    pub fn take_due(&self, now: Millis, most: usize) -> (Vec<Waiting>, Option<Millis>) {
        let mut inner = self.inner.lock();
        let due: Vec<String> =
            inner.by_time.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, id)| id.clone()).collect();
        let due = due.iter().filter_map(|id| inner.take(id)).collect();
        (due, inner.by_time.first().map(|(at, _)| *at))
    }

    /// Those that commits have cancelled since this was last asked.
    pub fn take_cancelled(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().cancelled)
    }

    /// Returns once something was put in or cancelled.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Sees every commit, before its callers have their answers.
    pub fn observe(&self, committed: &Committed) {
        let mut inner = self.inner.lock();
        let mut any = false;
        for change in &committed.changes {
            if inner.waiting.is_empty() {
                break;
            }
            any |= match change {
                Change::Event(event) => match &event.state_key {
                    Some(key) => inner.cancel(|waiting| is_cancelled(waiting, event, key)),
                    None => false,
                },
                Change::RoomDeleted(room_id) => inner.cancel(|waiting| waiting.room_id == *room_id),
                _ => false,
            };
        }
        if any {
            self.changed.notify_one();
        }
    }
}

/// State that somebody else sets in the meantime is newer than what was scheduled; who has left sends no more.
fn is_cancelled(waiting: &Waiting, event: &Event, key: &str) -> bool {
    if waiting.room_id != event.room_id {
        return false;
    }
    let same = waiting.state_key.as_deref() == Some(key) && waiting.kind == event.kind.to_string();
    let left = key == waiting.user_id.as_str()
        && matches!(event.membership, Some(MembershipState::Leave | MembershipState::Ban));
    left || same && event.sender != waiting.user_id
}

#[cfg(test)]
mod tests {
    use ruma::{owned_room_id, owned_user_id};

    use super::*;

    fn waiting(delay_id: &str, due_at: Millis) -> Waiting {
        Waiting {
            delay_id: delay_id.to_owned(),
            user_id: owned_user_id!("@anna:parta.test"),
            room_id: owned_room_id!("!room:parta.test"),
            kind: "m.room.message".to_owned(),
            state_key: None,
            due_at,
        }
    }

    #[test]
    fn each_is_taken_once_and_in_time() {
        let schedule = Schedule::default();
        for (id, due_at) in [("b", 20), ("a", 10), ("c", 30)] {
            schedule.put(waiting(id, due_at));
        }
        assert_eq!(schedule.take_due(5, 10), (vec![], Some(10)));
        assert_eq!(schedule.take_due(25, 1), (vec![waiting("a", 10)], Some(20)));
        assert_eq!(schedule.take("b"), Some(waiting("b", 20)));
        schedule.put(waiting("b", 40));
        assert_eq!(schedule.take_due(39, 10), (vec![waiting("c", 30)], Some(40)));
        assert_eq!(schedule.take("b"), Some(waiting("b", 40)));
        assert_eq!(schedule.take("b"), None);
        assert_eq!(schedule.take_due(1000, 10), (vec![], None));
    }

    #[test]
    fn a_deleted_room_has_nothing_waiting() {
        let schedule = Schedule::default();
        schedule.put(waiting("a", 10));
        let changes = vec![Change::RoomDeleted(owned_room_id!("!room:parta.test"))];
        schedule.observe(&Committed { position: 1, changes, rooms: HashMap::new() });
        assert_eq!((schedule.take("a"), schedule.take_cancelled()), (None, vec!["a".to_owned()]));
    }
}
