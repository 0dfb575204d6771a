//! A part of the open room's past: the messages around one that lies far back, with its own way up and down.

use eyeball_im::VectorDiff;

use crate::model::{
    item::Item,
    timeline::Timeline,
    update::{Failure, Paging},
};

/// Wishes about the past of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Load what stands around a message, and follow it; what was followed before is let go
    Open {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Load more of it
    Page {
        /// Room id
        room: String,
        /// `Message::key` of the message it was opened at
        key: String,
        /// Later messages rather than earlier ones
        newer: bool,
    },
    /// Find the first message of a day
    Day {
        /// Room id
        room: String,
        /// When the day begins, in milliseconds since the Unix epoch
        at_ms: i64,
    },
    /// Find the message up to which a room was read when it was left, or the first of the new ones where nobody ever
    /// left it
    Unread {
        /// Room id
        room: String,
        /// How many new messages there are
        count: u64,
    },
}

/// News about the past of a room.
#[derive(Debug)]
pub enum News {
    /// It changed
    Timeline {
        /// Room id
        room: String,
        /// `Message::key` of the message it was opened at
        key: String,
        /// In order
        diffs: Vec<VectorDiff<Item>>,
    },
    /// Loading began or ended; `Start` is the end in that direction
    Paging {
        /// Room id
        room: String,
        /// `Message::key` of the message it was opened at
        key: String,
        /// Later messages rather than earlier ones
        newer: bool,
        /// How far it is
        paging: Paging,
    },
    /// It cannot be opened
    Failed {
        /// Room id
        room: String,
        /// `Message::key` of the message that was wanted
        key: String,
        /// Why
        failure: Failure,
    },
    /// It stands in a thread, and is shown there
    Thread {
        /// Room id
        room: String,
        /// `Message::key` of the message that began the thread
        root: String,
    },
    /// The first message of a day, the last one read, or the first new one
    Found {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Nothing was written since that day
    Nothing {
        /// Room id
        room: String,
    },
}

/// What is shown instead of the newest messages.
#[derive(Debug)]
pub struct Past {
    /// `Message::key` of the message it was opened at
    pub key: String,
    /// Its messages
    pub timeline: Timeline,
    newer: Paging,
}

impl Past {
    /// What stands around a message, not here yet.
    pub fn around(key: &str) -> Self {
        Self { key: key.to_owned(), timeline: Timeline::of_past(), newer: Paging::More }
    }

    /// Loading came so far.
    pub fn page(&mut self, newer: bool, paging: Paging) {
        if newer {
            self.newer = paging;
        } else {
            self.timeline.page(paging);
        }
    }

    /// Begins to load later messages; false where that goes on already, did not work, or has come to the end.
    pub fn load_newer(&mut self) -> bool {
        let begins = self.newer == Paging::More;
        if begins {
            self.newer = Paging::Loading;
        }
        begins
    }

    /// It reaches to the newest message of the room.
    pub fn at_end(&self) -> bool {
        self.newer == Paging::Start
    }

    /// Tries again what did not work.
    pub fn retry(&mut self) {
        self.timeline.stalled = false;
        if matches!(self.newer, Paging::Failed(_)) {
            self.newer = Paging::More;
        }
    }
}
