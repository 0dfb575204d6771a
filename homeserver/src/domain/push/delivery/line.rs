//! A pusher and what waits for it.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use ruma::{
    EventId, OwnedUserId,
    api::client::push::{Pusher, PusherIds, PusherKind},
    push::{HttpPusherData, Tweak},
};
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    clock::Millis,
    domain::event::{Event, Position},
    storage::push::Kept,
};

/// Notifications that wait for one pusher at most; past it the oldest go.
const MOST: usize = 32;
/// After so many positions without a notification its place is kept too, so that a restart need not look at them again.
pub(super) const QUIET: Position = 5_000;
/// What is older notifies nobody any more.
const TOO_OLD: Millis = 24 * 60 * 60 * 1_000;

/// Where a pusher's notifications go, as its owner set it last.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) data: HttpPusherData,
    pub(super) created_at: Millis,
    /// Places at the gateway, which all its pushers share.
    pub(super) places: Arc<Semaphore>,
}

impl Target {
    /// By a pusher's row; `None` for one that is not of the kind `http`.
    pub(super) fn parse(kept: &Kept, places: impl FnOnce(&Url) -> Arc<Semaphore>) -> Option<(PusherIds, Self)> {
        let Pusher { ids, kind, .. } = serde_json::from_str(&kept.json).ok()?;
        let PusherKind::Http(data) = kind else { return None };
        let url = data.url.parse().ok()?;
        Some((ids, Self { places: places(&url), url, data, created_at: kept.created_at }))
    }
}

/// An event that its owner is to be told of.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) event: Arc<Event>,
    pub(super) tweaks: Vec<Tweak>,
    /// Whether a sleeping phone is to be woken.
    pub(super) urgent: bool,
}

/// What a courier does next.
#[derive(Debug)]
pub(super) enum Next {
    Event(Waiting),
    /// The number of unread messages may have changed.
    Badge,
}

/// A pusher.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) user_id: OwnedUserId,
    pub(super) ids: PusherIds,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once the pusher was removed.
    target: Option<Arc<Target>>,
    /// In the order of their positions.
    queue: VecDeque<Waiting>,
    /// Whether the number that its owner sees may be another by now.
    badge_is_stale: bool,
    /// The number that its gateway was told last.
    badge: Option<u64>,
    /// Whether a courier is on its way.
    under_way: bool,
    /// The last event that was put into the queue: one that is looked at twice is not sent twice.
    heard: Position,
    /// The position that is in the database.
    kept: Position,
    /// Whether that is to be written soon: something was told, or dropped, since.
    moved: bool,
}

impl Line {
    pub(super) fn new(user_id: OwnedUserId, ids: PusherIds, target: Target, kept: Position) -> Self {
        let state = State {
            target: Some(Arc::new(target)),
            queue: VecDeque::new(),
            badge_is_stale: false,
            badge: None,
            under_way: false,
            heard: kept,
            kept,
            moved: false,
        };
        Self { user_id, ids, state: Mutex::new(state) }
    }

    /// The position that is in the database.
    pub(super) fn kept(&self) -> Position {
        self.state.lock().kept
    }

    /// Its owner has set it anew.
    pub(super) fn retarget(&self, target: Target) {
        self.state.lock().target = Some(Arc::new(target));
    }

    /// It was removed: nothing more is sent.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.target = None;
        state.queue.clear();
    }

    /// Puts an event at the end of the queue. `true` if a courier is to be sent.
    pub(super) fn push(&self, waiting: Waiting) -> bool {
        let mut state = self.state.lock();
        if waiting.event.position <= state.heard {
            return false;
        }
        state.heard = waiting.event.position;
        state.queue.push_back(waiting);
        if state.queue.len() > MOST {
            state.queue.pop_front();
            state.moved = true;
        }
        state.depart()
    }

    /// The number of unread messages may have changed. `true` if a courier is to be sent.
    pub(super) fn recount(&self) -> bool {
        let mut state = self.state.lock();
        state.badge_is_stale = true;
        state.depart()
    }

    /// Takes back an event that was redacted before it was sent.
    pub(super) fn withdraw(&self, event_id: &EventId) {
        self.state.lock().queue.retain(|waiting| waiting.event.event_id != event_id);
    }

    /// What to send next, and where; with `None` the courier is at its end.
    pub(super) fn next(&self, now: Millis) -> Option<(Arc<Target>, Next)> {
        let mut state = self.state.lock();
        while state.queue.front().is_some_and(|waiting| is_too_old(&waiting.event, now)) {
            state.queue.pop_front();
            state.moved = true;
        }
        let next = match state.queue.front() {
            Some(waiting) => Some(Next::Event(waiting.clone())),
            None => state.badge_is_stale.then_some(Next::Badge),
        };
        let next = state.target.clone().zip(next);
        if next.is_some() {
            // What is unread is counted from here on.
            state.badge_is_stale = false;
        } else {
            state.under_way = false;
        }
        next
    }

    /// It is settled.
    pub(super) fn done(&self, next: &Next) {
        let mut state = self.state.lock();
        if let Next::Event(done) = next {
            state.queue.retain(|waiting| waiting.event.position > done.event.position);
            state.moved = true;
        }
    }

    /// The gateway is away: when it is back it is told of the newest alone.
    pub(super) fn failed(&self) {
        let mut state = self.state.lock();
        let older = state.queue.len().saturating_sub(1);
        state.queue.drain(..older);
        state.moved |= older > 0;
        state.badge_is_stale = true;
    }

    /// Whether the gateway knows another number of unread messages, or none.
    pub(super) fn shows_other_than(&self, unread: u64) -> bool {
        self.state.lock().badge != Some(unread)
    }

    /// The gateway was told a number of unread messages.
    pub(super) fn shows(&self, unread: u64) {
        self.state.lock().badge = Some(unread);
    }

    /// How far it has come, if that is to be written; everything up to `looked_at` has been looked at.
    pub(super) fn to_keep(&self, looked_at: Position) -> Option<Position> {
        let state = self.state.lock();
        let settled = state.queue.front().map_or(looked_at, |waiting| waiting.event.position - 1);
        let due = state.moved || settled - state.kept > QUIET;
        (due && settled > state.kept && state.target.is_some()).then_some(settled)
    }

    /// That is written.
    pub(super) fn keep(&self, settled: Position) {
        let mut state = self.state.lock();
        state.kept = state.kept.max(settled);
        state.moved = false;
    }
}

impl State {
    fn depart(&mut self) -> bool {
        self.target.is_some() && !std::mem::replace(&mut self.under_way, true)
    }
}

pub(super) fn is_too_old(event: &Event, now: Millis) -> bool {
    now - event.origin_server_ts > TOO_OLD
}
