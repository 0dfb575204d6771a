//! Who is here, in memory, told at a bounded rate.
//! <https://spec.matrix.org/v1.18/client-server-api/#presence>
//!
//! Nothing here is written at the pace of messages: activity only moves a number. At most once a second a task looks at
//! those of whom something has changed or whose time has come, and at nobody else. What then differs from what was last
//! told gets a position and is announced, all at once.
//!
//! What was told is written every few minutes and when the server stops, with the positions: clients that return after a
//! restart hear only what is new to them.

mod person;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId, presence::PresenceState};
use tokio::sync::Notify;

use self::person::Person;
pub use self::person::Status;
use super::{
    ephemeral::{Announcement, Ephemeral},
    journal::{Change, Committed, Journal},
    rooms::Rooms,
};
use crate::{
    clock::{Clock, Millis},
    error::Result,
    storage::{self, db::Db, presence::Kept},
};

/// Changes are told at most this often.
const EVERY: Duration = Duration::from_secs(1);
/// While anybody is online, timers are looked at this often.
const LOOK: Duration = Duration::from_secs(10);
/// What changed is written this often.
const KEEP_EVERY: Duration = Duration::from_mins(5);

#[derive(Debug, Default)]
struct People {
    by_id: HashMap<OwnedUserId, Person>,
    by_position: BTreeMap<u64, OwnedUserId>,
    /// Who is to be looked at, and from when on: [`Person::due`] of all.
    due: BTreeSet<(Millis, OwnedUserId)>,
    /// Of whom the database does not know what is known here.
    unkept: HashSet<OwnedUserId>,
}

impl People {
    fn get(&mut self, user_id: &UserId) -> &mut Person {
        self.by_id.entry(user_id.to_owned()).or_insert_with(Person::away)
    }

    /// Has a person looked at, of whom something has changed.
    fn stir(&mut self, user_id: &UserId) {
        let Some(person) = self.by_id.get_mut(user_id) else { return };
        if let Some(at) = person.due.replace(Millis::MIN) {
            self.due.remove(&(at, user_id.to_owned()));
        }
        self.due.insert((Millis::MIN, user_id.to_owned()));
        self.unkept.insert(user_id.to_owned());
    }

    /// Takes one who is to be looked at now.
    fn next_due(&mut self, now: Millis) -> Option<OwnedUserId> {
        self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.pop_first().map(|(_, user_id)| user_id)
    }
}

/// Everybody's presence.
#[derive(Debug)]
pub struct Presence {
    clock: Clock,
    ephemeral: Arc<Ephemeral>,
    people: Mutex<People>,
    news: Notify,
}

/// A sync under way: while it is held, the person does not go offline.
#[derive(Debug)]
pub struct Syncing {
    presence: Arc<Presence>,
    user_id: OwnedUserId,
}

impl Drop for Syncing {
    fn drop(&mut self) {
        let now = self.presence.clock.now();
        if let Some(person) = self.presence.people.lock().by_id.get_mut(&self.user_id) {
            person.syncing = person.syncing.saturating_sub(1);
            person.seen = now;
        }
    }
}

impl Presence {
    /// Everybody as they were when the server stopped.
    pub async fn load(db: &Db, clock: Clock, ephemeral: Arc<Ephemeral>) -> Result<Self> {
        let now = clock.now();
        let mut people = People::default();
        for kept in storage::presence::all(db).await? {
            let (user_id, position) = (kept.user_id.clone(), kept.position);
            let person = Person::kept(kept, now);
            people.due.insert((now, user_id.clone()));
            people.by_id.insert(user_id.clone(), person);
            if position > 0 {
                ephemeral.begin_after(position);
                people.by_position.insert(position, user_id);
            }
        }
        Ok(Self { clock, ephemeral, people: Mutex::new(people), news: Notify::new() })
    }

    /// Sets what a person wants to be seen as.
    ///
    /// A new message is written at once; the state with all that [`Presence::write`] writes.
    pub async fn set(
        &self,
        journal: &Journal,
        user_id: &UserId,
        state: PresenceState,
        status_msg: Option<String>,
    ) -> Result<()> {
        let status_msg = status_msg.filter(|text| !text.is_empty());
        let now = self.clock.now();
        let rewritten = {
            let mut people = self.people.lock();
            let person = people.get(user_id);
            person.state = state.clone();
            person.wish = state;
            person.seen = now;
            if person.state != PresenceState::Offline {
                person.active(now);
            }
            let rewritten = std::mem::replace(&mut person.status_msg, status_msg.clone()) != status_msg;
            people.stir(user_id);
            rewritten
        };
        self.news.notify_one();
        if rewritten {
            let user_id = user_id.to_owned();
            journal
                .write(move |w| {
                    Box::pin(async move {
                        storage::presence::keep_message(&mut w.tx, &user_id, status_msg.as_deref())
                            .await
                            .map_err(Into::into)
                    })
                })
                .await?;
        }
        Ok(())
    }

    /// Notes that a person syncs, as `set_presence` says. `Offline` leaves the presence alone.
    pub fn syncing(self: &Arc<Self>, user_id: &UserId, wish: &PresenceState) -> Option<Syncing> {
        if *wish == PresenceState::Offline {
            return None;
        }
        let now = self.clock.now();
        let changed = {
            let mut people = self.people.lock();
            let person = people.get(user_id);
            person.syncing += 1;
            person.seen = now;
            let changed = person.state == PresenceState::Offline || person.wish != *wish;
            if changed {
                person.state = wish.clone();
                person.wish = wish.clone();
                if *wish == PresenceState::Online {
                    person.active(now);
                }
                people.stir(user_id);
            }
            changed
        };
        if changed {
            self.news.notify_one();
        }
        Some(Syncing { presence: self.clone(), user_id: user_id.to_owned() })
    }

    /// Notes that a person did something: it brings one who was idle back.
    pub fn active(&self, user_id: &UserId) {
        let now = self.clock.now();
        let returned = {
            let mut people = self.people.lock();
            let People { by_id, unkept, .. } = &mut *people;
            let Some(person) = by_id.get_mut(user_id) else { return };
            if person.state == PresenceState::Offline {
                return;
            }
            person.active(now);
            let returned = person.state == PresenceState::Unavailable || !person.told.currently_active;
            person.state = PresenceState::Online;
            if returned {
                people.stir(user_id);
            } else if !unkept.contains(user_id) {
                unkept.insert(user_id.to_owned());
            }
            returned
        };
        if returned {
            self.news.notify_one();
        }
    }

    /// Sending a message and reading one are activity.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            match change {
                Change::Event(event) => self.active(&event.sender),
                Change::Receipt { user_id, .. } => self.active(user_id),
                _ => {}
            }
        }
    }

    /// What a person is seen as now, and how long ago they were active.
    pub fn status(&self, user_id: &UserId) -> (Status, Option<Duration>) {
        let now = self.clock.now();
        let mut people = self.people.lock();
        let Some(person) = people.by_id.get_mut(user_id) else {
            return (Person::away().told, None);
        };
        person.pass(now);
        let ago = person.last_active.map(|at| Duration::from_millis(u64::try_from(now - at).unwrap_or(0)));
        (person.status(now), ago)
    }

    /// The last position given out to typing or presence.
    pub fn position(&self) -> u64 {
        self.ephemeral.position()
    }

    /// The `m.presence` events of those whose presence was told after a position and whom `visible` lets through.
    /// For one who knows nothing (`since` is zero) those who are offline without a word are left out.
    pub fn since(&self, since: u64, mut visible: impl FnMut(&UserId) -> bool) -> Vec<Arc<str>> {
        let now = self.clock.now();
        let mut people = self.people.lock();
        let People { by_id, by_position, .. } = &mut *people;
        let mut events = Vec::new();
        for user_id in by_position.range(since.saturating_add(1)..).map(|(_, user_id)| user_id) {
            let Some(person) = by_id.get_mut(user_id) else { continue };
            let nothing = person.told.presence == PresenceState::Offline && person.told.status_msg.is_none();
            if (since == 0 && nothing) || !visible(user_id) {
                continue;
            }
            events.push(person.render(user_id, now));
        }
        events
    }

    /// Those whose presence was told after a position.
    pub fn changed_since(&self, since: u64) -> Vec<OwnedUserId> {
        self.people.lock().by_position.range(since.saturating_add(1)..).map(|(_, user_id)| user_id.clone()).collect()
    }

    /// The `m.presence` event of one person.
    pub fn event(&self, user_id: &UserId) -> Option<Arc<str>> {
        let now = self.clock.now();
        self.people.lock().by_id.get_mut(user_id).map(|person| person.render(user_id, now))
    }

    /// Lets time pass for those who are due and tells what differs from what was last told. Says whether anybody is not
    /// offline.
    fn tell(&self) -> bool {
        let now = self.clock.now();
        let mut told = Vec::new();
        let anybody = {
            let mut people = self.people.lock();
            while let Some(user_id) = people.next_due(now) {
                let People { by_id, by_position, due, unkept } = &mut *people;
                let Some(person) = by_id.get_mut(&user_id) else { continue };
                person.pass(now);
                let status = person.status(now);
                if status != person.told {
                    by_position.remove(&person.position);
                    person.tell(status, self.ephemeral.next());
                    by_position.insert(person.position, user_id.clone());
                    unkept.insert(user_id.clone());
                    told.push(user_id.clone());
                }
                person.due = person.deadline(now);
                due.extend(person.due.map(|at| (at, user_id)));
            }
            !people.due.is_empty()
        };
        if !told.is_empty() {
            self.ephemeral.announce(Announcement::Presence(&told));
        }
        anybody
    }

    /// Writes what was told of people, and when they were last active, where that is not written yet.
    pub async fn write(&self, journal: &Journal) -> Result<()> {
        // What was not told is not what others know.
        self.tell();
        let kept: Arc<[Kept]> = {
            let mut people = self.people.lock();
            let People { by_id, unkept, .. } = &mut *people;
            unkept.drain().filter_map(|user_id| Some(by_id.get(&user_id)?.to_keep(user_id))).collect()
        };
        if kept.is_empty() {
            return Ok(());
        }
        let rows = kept.clone();
        let written = journal
            .write(move |w| {
                Box::pin(async move { storage::presence::keep(&mut w.tx, &rows).await.map_err(Into::into) })
            })
            .await;
        if written.is_err() {
            self.people.lock().unkept.extend(kept.iter().map(|kept| kept.user_id.clone()));
        }
        written
    }

    /// The task that writes now and then.
    pub async fn keep(self: Arc<Self>, journal: Journal) {
        loop {
            tokio::time::sleep(KEEP_EVERY).await;
            if let Err(error) = self.write(&journal).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "presence was not written");
            }
        }
    }

    /// The task that watches timers and tells changes.
    pub async fn run(self: Arc<Self>) {
        loop {
            let anybody = self.tell();
            tokio::time::sleep(EVERY).await;
            if anybody {
                drop(tokio::time::timeout(LOOK, self.news.notified()).await);
            } else {
                self.news.notified().await;
            }
        }
    }
}

/// Whether two people see each other's presence: they are the same, or share a room.
pub async fn see_each_other(rooms: &Rooms, one: &UserId, other: &UserId) -> Result<bool> {
    use ruma::events::room::member::MembershipState::Join;
    if one == other {
        return Ok(true);
    }
    let (one, other) = (rooms.of_user(one).await?, rooms.of_user(other).await?);
    let (fewer, more) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    Ok(fewer.iter().any(|(room_id, here)| {
        here.membership == Join && more.get(room_id).is_some_and(|there| there.membership == Join)
    }))
}
