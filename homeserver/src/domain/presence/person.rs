//! One person's presence: what time makes of it, and how it is told.

use std::sync::Arc;

use ruma::{OwnedUserId, UserId, presence::PresenceState};
use serde::Serialize;

use crate::{clock::Millis, storage::presence::Kept};

/// Without activity for so long, one who is online is shown as unavailable.
pub(super) const IDLE_MS: Millis = 5 * 60 * 1000;
/// So long after the last sync ended, one is offline.
pub(super) const GONE_MS: Millis = 30 * 1000;
/// Within so long of the last activity, one is currently active.
pub(super) const ACTIVE_MS: Millis = 60 * 1000;
/// How old `last_active_ago` of a rendered event may be.
const FRESH_MS: Millis = 5_000;

/// What others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Online, unavailable or offline.
    pub presence: PresenceState,
    /// What the person has written.
    pub status_msg: Option<String>,
    /// Whether the person has been active within the last minute.
    pub currently_active: bool,
}

/// What is known of one person.
#[derive(Debug)]
pub(super) struct Person {
    pub state: PresenceState,
    /// What the person's clients last asked for, so that only a change of it overrides the idle timer.
    pub wish: PresenceState,
    pub status_msg: Option<String>,
    pub last_active: Option<Millis>,
    /// Syncs under way.
    pub syncing: usize,
    /// When the last sync ended, or the last word came without one.
    pub seen: Millis,
    pub told: Status,
    /// Where in the stream that was told; zero if nothing was.
    pub position: u64,
    /// When time may change something, or the past if something has changed; `None` for one who is offline.
    pub due: Option<Millis>,
    rendered: Option<(Millis, Arc<str>)>,
}

impl Person {
    /// Nobody has heard of them.
    pub(super) fn away() -> Self {
        Self {
            state: PresenceState::Offline,
            wish: PresenceState::Offline,
            status_msg: None,
            last_active: None,
            syncing: 0,
            seen: 0,
            told: Status { presence: PresenceState::Offline, status_msg: None, currently_active: false },
            position: 0,
            due: None,
            rendered: None,
        }
    }

    /// One as before a restart: who was here has as long to come back as between any two syncs.
    pub(super) fn kept(kept: Kept, now: Millis) -> Self {
        let away = Self::away();
        let told = Status {
            presence: kept.state.clone(),
            status_msg: kept.status_msg.clone(),
            currently_active: kept.currently_active,
        };
        // One who was idle had most likely come as online: a client that only goes on does not bring them back.
        let idle = kept.state == PresenceState::Unavailable;
        let wish = if idle { PresenceState::Online } else { kept.state.clone() };
        Self {
            state: kept.state,
            wish,
            status_msg: kept.status_msg,
            last_active: kept.last_active,
            seen: now,
            told: if kept.position == 0 { away.told } else { told },
            position: kept.position,
            due: Some(now),
            ..away
        }
    }

    /// What is written of them.
    pub(super) fn to_keep(&self, user_id: OwnedUserId) -> Kept {
        Kept {
            user_id,
            state: self.told.presence.clone(),
            currently_active: self.told.currently_active,
            status_msg: self.told.status_msg.clone(),
            last_active: self.last_active,
            position: self.position,
        }
    }

    /// What others see.
    pub(super) fn status(&self, now: Millis) -> Status {
        let active = self.last_active.is_some_and(|at| now - at < ACTIVE_MS);
        Status {
            presence: self.state.clone(),
            status_msg: self.status_msg.clone(),
            currently_active: active && self.state == PresenceState::Online,
        }
    }

    /// Notes activity.
    pub(super) fn active(&mut self, now: Millis) {
        self.last_active = Some(now);
        self.seen = now;
    }

    /// Notes what others are told, and where in the stream.
    pub(super) fn tell(&mut self, status: Status, position: u64) {
        self.told = status;
        self.position = position;
        self.rendered = None;
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, now: Millis) {
        if self.state != PresenceState::Offline && self.syncing == 0 && now - self.seen >= GONE_MS {
            self.state = PresenceState::Offline;
            self.wish = PresenceState::Offline;
        }
        if self.state == PresenceState::Online && self.last_active.is_none_or(|at| now - at >= IDLE_MS) {
            self.state = PresenceState::Unavailable;
        }
    }

    /// When [`Self::pass`] or [`Self::status`] may next come to something else, if nothing but time passes. Who is not
    /// offline is looked at again before a sync that ends from now on can have been the last, so that nobody need be
    /// stirred when a sync ends.
    pub(super) fn deadline(&self, now: Millis) -> Option<Millis> {
        if self.state == PresenceState::Offline {
            return None;
        }
        let deadlines = [
            Some(now + GONE_MS),
            (self.syncing == 0).then_some(self.seen + GONE_MS),
            self.last_active.map(|at| at + ACTIVE_MS),
            self.last_active.map(|at| at + IDLE_MS),
        ];
        deadlines.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// The `m.presence` event that tells of them.
    pub(super) fn render(&mut self, user_id: &UserId, now: Millis) -> Arc<str> {
        #[derive(Serialize)]
        struct Event<'a> {
            content: Content<'a>,
            sender: &'a UserId,
            #[serde(rename = "type")]
            kind: &'a str,
        }
        #[derive(Serialize)]
        struct Content<'a> {
            presence: &'a PresenceState,
            #[serde(skip_serializing_if = "Option::is_none")]
            last_active_ago: Option<Millis>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status_msg: Option<&'a str>,
            currently_active: bool,
        }
        if let Some((at, event)) = &self.rendered
            && now - at < FRESH_MS
        {
            return event.clone();
        }
        let content = Content {
            presence: &self.told.presence,
            last_active_ago: self.last_active.map(|at| (now - at).max(0)),
            status_msg: self.told.status_msg.as_deref(),
            currently_active: self.told.currently_active,
        };
        let event = Event { content, sender: user_id, kind: "m.presence" };
        let event: Arc<str> = serde_json::to_string(&event).expect("strings and numbers always serialise").into();
        self.rendered = Some((now, event.clone()));
        event
    }
}
