//! Earlier messages of the open room: a screen full to begin with, more while the person scrolls back, and the message
//! that an answer quotes.

use super::{AppModel, Changed};
use crate::model::{
    command::Command,
    timeline::{Keep, Older},
    update::Failure,
};

/// Pages of history loaded at most while a quoted message is looked for.
const FURTHEST: u32 = 20;

/// A quoted message that is looked for.
#[derive(Debug)]
pub(super) struct Search {
    /// `Message::key`
    key: String,
    /// Pages that may still be loaded for it
    pages: u32,
}

impl AppModel {
    /// The view came near the upper edge.
    pub fn older(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        let Some(timeline) = self.timeline_mut() else { return (Changed::default(), None) };
        // The place is kept where rows go below, the distance from the end where rows come above: two steps.
        if timeline.trim_below() {
            return (Changed { rows: Some(Keep::Place), ..Changed::default() }, None);
        }
        match timeline.older() {
            (Older::Nothing, _) => (Changed::default(), None),
            (Older::Grew, keep) => (Changed { rows: Some(keep), ..Changed::default() }, None),
            (Older::Load, _) => (Changed { header: true, ..Changed::default() }, Some(Command::PageBack(room))),
        }
    }

    /// Tries once more to load what could not be loaded.
    pub fn try_older(&mut self) -> (Changed, Option<Command>) {
        if let Some(timeline) = self.timeline_mut() {
            timeline.stalled = false;
        }
        self.older()
    }

    /// Goes to a message by its key, loading history until it is found.
    pub fn jump(&mut self, key: &str) -> (Changed, Option<Command>) {
        if let Some(timeline) = self.timeline_mut() {
            timeline.stalled = false;
        }
        self.search = Some(Search { key: key.to_owned(), pages: FURTHEST });
        let (changed, command) = self.more();
        (Changed { header: true, ..changed }, command)
    }

    /// Goes to the newest message.
    pub fn jump_to_end(&mut self) -> Changed {
        self.search = None;
        if let Some(timeline) = self.timeline_mut() {
            timeline.to_end();
        }
        Changed { rows: Some(Keep::Follow), to_bottom: true, header: true, ..Changed::default() }
    }

    /// A quoted message is looked for.
    pub fn searches(&self) -> bool {
        self.search.is_some()
    }

    /// What the open room still wants of its history: a message that is looked for, or a screen full. Call after
    /// everything that may have brought either.
    pub fn more(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = &self.open else { return (Changed::default(), None) };
        if self.rooms.get(room).is_some_and(|room| room.invited) {
            return (Changed::default(), None);
        }
        let Some(timeline) = self.timelines.get_mut(room) else { return (Changed::default(), None) };
        let header = Changed { header: true, ..Changed::default() };
        if let Some(search) = &mut self.search {
            if let Some(row) = timeline.reveal(&search.key) {
                self.row = row;
                self.search = None;
                return (Changed { rows: Some(Keep::Place), to_row: true, ..header }, None);
            }
            // The rows of the last page may come after the word that it was the last.
            if timeline.is_whole() || search.pages == 0 && !timeline.loading {
                self.search = None;
                return (Changed { failed: Some(Failure::QuoteGone), ..header }, None);
            }
            if timeline.load() {
                search.pages -= 1;
                return (header, Some(Command::PageBack(room.clone())));
            }
        } else {
            let rows = timeline.fill().then_some(Keep::End);
            let load = timeline.is_short() && timeline.load();
            return (
                Changed { rows, header: load, ..Changed::default() },
                load.then(|| Command::PageBack(room.clone())),
            );
        }
        (Changed::default(), None)
    }
}
