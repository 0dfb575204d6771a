//! Earlier messages of the open room: a screen full to begin with, more while the person scrolls back, and a message that
//! lies further back. What lies too far to be scrolled to is shown by itself, as a part of the past.

use eyeball_im::VectorDiff;

use super::{AppModel, Changed};
use crate::model::{
    command::Command,
    jump::{News, Past, Wish},
    timeline::{Keep, Older, Timeline},
    update::Failure,
};

/// Pages of history loaded at most before a message is shown by itself.
const FURTHEST: u32 = 3;
/// Messages that a screen shows: that many need not be gone to.
const ON_SCREEN: u64 = 10;

/// A message that is looked for.
#[derive(Debug)]
pub(super) struct Search {
    /// `Message::key`
    key: String,
    /// Pages that may still be loaded for it
    pages: u32,
    /// It is loaded by itself
    apart: bool,
}

impl AppModel {
    /// The view, in which so many rows have a place, came near the upper edge.
    pub fn older(&mut self, fit: usize) -> (Changed, Option<Command>) {
        // The place is kept where rows go below, the distance from the end where rows come above: two steps.
        if self.timeline_mut().is_some_and(|timeline| timeline.trim_below(fit)) {
            return (Changed { rows: Some(Keep::Place), ..Changed::default() }, None);
        }
        self.grow()
    }

    fn grow(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        let Some(timeline) = self.timeline_mut() else { return (Changed::default(), None) };
        match timeline.older() {
            (Older::Nothing, _) => (Changed::default(), None),
            (Older::Grew, keep) => (Changed { rows: Some(keep), ..Changed::default() }, None),
            (Older::Load, _) => (Changed { header: true, ..Changed::default() }, Some(self.page_back(room))),
        }
    }

    /// The view came to the lower edge.
    pub fn newer(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        let rows = |keep| (Changed { rows: Some(keep), ..Changed::default() }, None);
        // As above, in two steps.
        if self.timeline_mut().is_some_and(Timeline::trim_above) {
            return rows(Keep::End);
        }
        if self.timeline_mut().is_some_and(Timeline::newer) {
            return rows(Keep::Place);
        }
        let Some(past) = &mut self.past else { return (Changed::default(), None) };
        if past.at_end() {
            // Who has read on to the newest message is there.
            return (self.jump_to_end(), None);
        }
        let wish = Wish::Page { room, key: past.key.clone(), newer: true };
        let loads = past.load_newer().then_some(Command::Jump(wish));
        (Changed { header: loads.is_some(), ..Changed::default() }, loads)
    }

    /// Asks for earlier messages of what is shown.
    pub(super) fn page_back(&self, room: String) -> Command {
        match &self.past {
            Some(past) => Command::Jump(Wish::Page { room, key: past.key.clone(), newer: false }),
            None => Command::PageBack(room),
        }
    }

    /// Tries once more to load what could not be loaded.
    pub fn try_older(&mut self) -> (Changed, Option<Command>) {
        self.retry();
        self.grow()
    }

    fn retry(&mut self) {
        self.past.iter_mut().for_each(Past::retry);
        if let Some(timeline) = self.timeline_mut() {
            timeline.stalled = false;
        }
    }

    /// Goes to a message by its key: within what is shown, among the newest, or by showing the past around it.
    pub fn jump(&mut self, key: &str) -> (Changed, Option<Command>) {
        self.retry();
        if self.in_past()
            && let Some(row) = self.timeline_mut().and_then(|timeline| timeline.reveal(key))
        {
            return (self.at_row(row), None);
        }
        // From one place of the past to another: paging back from the newest would be the longer way.
        let pages = if self.in_past() { 0 } else { FURTHEST };
        self.search = Some(Search { key: key.to_owned(), pages, apart: false });
        let (changed, command) = self.more();
        (Changed { header: true, ..changed }, command)
    }

    fn at_row(&mut self, row: String) -> Changed {
        self.row = row;
        self.search = None;
        Changed { rows: Some(Keep::Place), to_row: true, header: true, ..Changed::default() }
    }

    /// Goes to the newest message.
    pub fn jump_to_end(&mut self) -> Changed {
        self.search = None;
        self.show_newest();
        Changed { rows: Some(Keep::Follow), to_bottom: true, header: true, ..Changed::default() }
    }

    /// Leaves the past, and shows the newest rows only.
    pub(super) fn show_newest(&mut self) {
        self.past = None;
        self.coming = None;
        if let Some(timeline) = self.timeline_mut() {
            timeline.to_end();
        }
    }

    /// Takes news of the past.
    pub(super) fn past_came(&mut self, news: News) -> Changed {
        let (News::Timeline { room, key, .. } | News::Paging { room, key, .. } | News::Failed { room, key, .. }) =
            &news
        else {
            return Changed::default();
        };
        if self.open.as_ref() != Some(room) {
            return Changed::default();
        }
        let comes = self.coming.as_ref().is_some_and(|coming| coming.key == *key);
        let shown = self.past.as_mut().filter(|past| past.key == *key);
        match news {
            News::Timeline { diffs, .. } if comes && matches!(diffs.first(), Some(VectorDiff::Reset { .. })) => {
                self.past = self.coming.take();
                self.search = None;
                let Some(past) = &mut self.past else { return Changed::default() };
                past.timeline.apply(diffs);
                let row = past.timeline.reveal(&past.key).or_else(|| past.timeline.middle());
                if let Some(row) = row {
                    return self.at_row(row);
                }
                self.past = None;
                let failed = Some(Failure::QuoteGone);
                Changed { rows: Some(Keep::Follow), header: true, failed, ..Changed::default() }
            }
            News::Timeline { diffs, .. } => {
                let keep = shown.map(|past| past.timeline.apply(diffs));
                Changed { rows: keep, ..Changed::default() }
            }
            News::Paging { newer, paging, .. } => {
                shown.into_iter().for_each(|past| past.page(newer, paging));
                Changed { header: true, ..Changed::default() }
            }
            News::Failed { failure, .. } if comes => {
                (self.coming, self.search) = (None, None);
                let gone = matches!(failure, Failure::NotFound | Failure::Forbidden);
                let failed = Some(if gone { Failure::QuoteGone } else { failure });
                Changed { header: true, failed, ..Changed::default() }
            }
            _ => Changed::default(),
        }
    }

    /// What was looked for stands in a thread of this room; false where another room is open by now.
    pub fn found_in_thread(&mut self, room: &str) -> bool {
        let is_open = self.open.as_deref() == Some(room);
        if is_open {
            (self.coming, self.search) = (None, None);
        }
        is_open
    }

    /// How many messages came while the room was not open, where they are more than a screen shows.
    pub fn fresh(&self) -> u64 {
        if self.fresh > ON_SCREEN { self.fresh } else { 0 }
    }

    /// Goes to the first message that came while the room was not open.
    pub fn to_fresh(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        let count = std::mem::take(&mut self.fresh);
        let line = self.timelines.get_mut(&room).and_then(Timeline::reveal_line);
        match line {
            Some(row) => {
                (self.past, self.coming) = (None, None);
                (self.at_row(row), None)
            }
            None => (Changed { header: true, ..Changed::default() }, Some(Command::Jump(Wish::Unread { room, count }))),
        }
    }

    /// They need not be gone to.
    pub fn leave_fresh(&mut self) -> (Changed, Option<Command>) {
        self.fresh = 0;
        let told = self.open.clone().map(Command::MarkRead);
        (Changed { header: true, ..Changed::default() }, told)
    }

    /// A message is looked for.
    pub fn searches(&self) -> bool {
        self.search.is_some()
    }

    /// What the open room still wants of its history: a message that is looked for, or a screen full. Call after
    /// everything that may have brought either.
    pub fn more(&mut self) -> (Changed, Option<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), None) };
        if self.rooms.get(&room).is_some_and(|room| room.invited) {
            return (Changed::default(), None);
        }
        if self.search.is_some() { self.look_on(room) } else { self.fill(room) }
    }

    /// Goes on looking for a message: among the newest and a few pages before them, then apart from them.
    fn look_on(&mut self, room: String) -> (Changed, Option<Command>) {
        let nothing = (Changed::default(), None);
        let (Some(search), Some(timeline)) = (&mut self.search, self.timelines.get_mut(&room)) else { return nothing };
        let header = Changed { header: true, ..Changed::default() };
        if let Some(row) = timeline.reveal(&search.key) {
            (self.past, self.coming) = (None, None);
            return (self.at_row(row), None);
        }
        if search.apart {
            return nothing;
        }
        // A whole room does not have what stands in a thread, or is gone. The rows of the last page may come after the
        // word that it was the last.
        if timeline.is_whole() || search.pages == 0 && !timeline.loading {
            search.apart = true;
            let key = search.key.clone();
            self.coming = Some(Past::around(&key));
            return (header, Some(Command::Jump(Wish::Open { room, key })));
        }
        if search.pages > 0 && timeline.load() {
            search.pages -= 1;
            return (header, Some(Command::PageBack(room)));
        }
        nothing
    }

    fn fill(&mut self, room: String) -> (Changed, Option<Command>) {
        let Some(timeline) = self.timeline_mut() else { return (Changed::default(), None) };
        let rows = timeline.fill().then_some(Keep::End);
        let load = timeline.is_short() && timeline.load();
        let changed = Changed { rows, header: load, ..Changed::default() };
        (changed, load.then(|| self.page_back(room)))
    }
}
