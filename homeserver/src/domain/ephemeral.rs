//! The second stream: typing and presence, beside the journal's.
//!
//! Its positions begin at the milliseconds since the epoch at which the server started, so that a token of an earlier
//! start is older than everything in this one (a server would have to announce a thousand changes a second to overtake
//! the clock).

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use ruma::{OwnedUserId, RoomId};

use crate::clock::Millis;

/// What has changed, and can be read by now.
#[derive(Clone, Copy, Debug)]
pub enum Announcement<'a> {
    /// Who is typing in a room.
    Typing(&'a RoomId),
    /// The presence of some people.
    Presence(&'a [OwnedUserId]),
}

/// Is told of every change. Must not block.
pub type Listener = Box<dyn Fn(&Announcement<'_>) + Send + Sync>;

/// Positions for typing and presence, and those who wait for them.
pub struct Ephemeral {
    position: AtomicU64,
    listeners: RwLock<Vec<Listener>>,
}

impl std::fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ephemeral").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Ephemeral {
    /// A stream that begins now.
    pub fn new(now: Millis) -> Self {
        Self { position: AtomicU64::new(u64::try_from(now).unwrap_or(0)), listeners: RwLock::default() }
    }

    /// Gives out no position up to one that an earlier start has given out, should the clock have been set back.
    pub(super) fn begin_after(&self, position: u64) {
        self.position.fetch_max(position, Ordering::SeqCst);
    }

    /// The last position given out. Read it before reading what changed: what changes meanwhile then comes twice, and
    /// never not at all.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::SeqCst)
    }

    /// The next position. Taken while holding the lock on what changes, so that whoever sees the position and then
    /// takes that lock sees the change.
    pub(super) fn next(&self) -> u64 {
        self.position.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Adds one who is told of every change.
    pub fn listen(&self, listener: Listener) {
        self.listeners.write().push(listener);
    }

    /// Tells everybody, after the change can be read.
    pub(super) fn announce(&self, announcement: Announcement<'_>) {
        for listener in self.listeners.read().iter() {
            listener(&announcement);
        }
    }
}
