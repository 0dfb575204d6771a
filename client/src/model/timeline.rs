//! A room's timeline as it is shown: the items the Matrix side told, the part of them on screen, and how they group.
//!
//! Rows differ in height, so the view lays out all rows it is given. It is given a window: the newest rows, more while
//! the person scrolls back, never many hundreds.

#[cfg(test)]
mod tests;

use eyeball_im::VectorDiff;

use crate::model::{
    item::{Item, ItemKind, Message, SendState},
    update::Paging,
};

/// Rows shown when a room is opened, enough for a screen of a classroom's size; the view asks for more where it is higher.
const WINDOW: usize = 24;
/// Rows added when the view comes near the upper edge of the window: as many as are made between two frames.
const STEP: usize = 2;
/// Rows added when it comes to the lower edge, where it stands still until they are there.
const STEP_BACK: usize = 4;
/// Rows that fill the highest of screens.
pub const SCREEN: usize = 60;
/// Rows that are kept while new ones come at the end; beyond, the far edge is let go. More than are kept anywhere else.
const MOST: usize = 160;
/// Rows that are kept out of sight above the view; the view asks for more when it has fewer, so there are no more of them.
const ABOVE: usize = 30;
/// So many rows too many are let go of at once.
const SPARE: usize = 20;
/// Messages of one person closer than this stand together, in milliseconds.
const TOGETHER_MS: i64 = 5 * 60 * 1000;

/// A row of the view.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it shows
    pub item: Item,
    /// First of its group: has the avatar and the name
    pub first: bool,
    /// Last of its group and minute: has the time
    pub last: bool,
}

/// What the view does with its place when rows change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// At the end it stays at the end, elsewhere it stays where it is
    Follow,
    /// The distance from the end stays: rows came or went above
    End,
    /// The distance from the top stays: rows came or went below
    Place,
}

/// What near the upper edge has to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// Nothing: all is shown, or loading already
    Nothing,
    /// The window grew
    Grew,
    /// Earlier messages have to be loaded
    Load,
}

/// The timeline of one room.
#[derive(Debug, Default)]
pub struct Timeline {
    items: Vec<Item>,
    /// First item of the window.
    start: usize,
    /// Items below the window; 0 follows the end.
    below: usize,
    /// Earlier messages are being loaded.
    pub loading: bool,
    /// There are no earlier messages.
    pub at_start: bool,
    /// Loading did not work: it is not tried again by itself.
    pub stalled: bool,
    /// Its end is not the newest message: the view does not go with it.
    past: bool,
}

impl Timeline {
    /// A part of a room's past.
    pub fn of_past() -> Self {
        Self { past: true, ..Self::default() }
    }

    /// Applies changes in order and says what the view keeps.
    pub fn apply(&mut self, diffs: Vec<VectorDiff<Item>>) -> Keep {
        let mut keep = if self.past { Keep::Place } else { Keep::Follow };
        for diff in diffs {
            if self.apply_one(diff) {
                keep = Keep::End;
            }
        }
        self.below = self.below.min(self.items.len());
        let end = self.items.len() - self.below;
        self.start = self.start.min(end.saturating_sub(1));
        if self.below == 0 && !self.past {
            while let Some(over) = self.over(MOST) {
                self.start += over;
                keep = Keep::End;
            }
        }
        keep
    }

    /// Applies one change; true if rows came in above what is shown.
    fn apply_one(&mut self, diff: VectorDiff<Item>) -> bool {
        match diff {
            VectorDiff::Append { values } => self.items.extend(values),
            VectorDiff::Clear => {
                self.items.clear();
                self.start = 0;
                self.below = 0;
                self.at_start = false;
            }
            VectorDiff::PushFront { value } => return self.insert(0, value),
            VectorDiff::PushBack { value } => self.items.push(value),
            VectorDiff::PopFront => self.remove(0),
            VectorDiff::PopBack => self.remove(self.items.len().saturating_sub(1)),
            VectorDiff::Insert { index, value } => return self.insert(index, value),
            VectorDiff::Set { index, value } => {
                if let Some(item) = self.items.get_mut(index) {
                    *item = value;
                }
            }
            VectorDiff::Remove { index } => self.remove(index),
            VectorDiff::Truncate { length } => self.items.truncate(length),
            VectorDiff::Reset { values } => {
                self.items = values.into_iter().collect();
                self.start = self.items.len().saturating_sub(WINDOW);
                self.below = 0;
                self.at_start = false;
            }
        }
        false
    }

    fn insert(&mut self, index: usize, value: Item) -> bool {
        let index = index.min(self.items.len());
        // Earlier messages of the same day come in below the line of that day.
        let above = !self.items.is_empty()
            && (index <= self.start
                || !self.items[self.start..index]
                    .iter()
                    .any(|item| matches!(item.kind, ItemKind::Message(_) | ItemKind::Notice(_))));
        self.items.insert(index, value);
        // What is shown stays shown. Up to a window's worth, rows above are shown at once.
        if above && self.items.len() - self.below - self.start >= WINDOW {
            self.start = (self.start + 1).max(index + 1);
        }
        above
    }

    fn remove(&mut self, index: usize) {
        if index < self.items.len() {
            self.items.remove(index);
            if index < self.start {
                self.start -= 1;
            }
        }
    }

    /// What the window shows: moves of games and the like are items, but no rows.
    fn shown(&self) -> impl Iterator<Item = &Item> {
        self.items[self.start..self.items.len() - self.below].iter().filter(|item| item.kind != ItemKind::Hidden)
    }

    /// How many rows there are beyond so many, if there are.
    fn over(&self, most: usize) -> Option<usize> {
        self.shown().count().checked_sub(most).filter(|over| *over > 0)
    }

    /// The rows of the window.
    pub fn rows(&self) -> Vec<Row> {
        let shown: Vec<&Item> = self.shown().collect();
        let read = self.read();
        shown
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let before = index.checked_sub(1).map(|before| shown[before]);
                let after = shown.get(index + 1);
                let mut item = (*item).clone();
                if let ItemKind::Message(message) = &mut item.kind
                    && message.own
                    && message.state == SendState::Sent
                    && index < read
                {
                    message.state = SendState::Seen;
                }
                Row {
                    first: !before.is_some_and(|before| together(before, &item)),
                    last: !after.is_some_and(|after| together(&item, after) && same_minute(&item, after)),
                    item,
                }
            })
            .collect()
    }

    /// How many rows of the window somebody else has read: who wrote or read something has read all above it, though
    /// the receipt stands only under the newest.
    fn read(&self) -> usize {
        let by_others = |item: &Item| match &item.kind {
            ItemKind::Message(message) => {
                !message.own || !message.readers.is_empty() || message.state == SendState::Seen
            }
            _ => false,
        };
        let end = self.items.len() - self.below;
        if self.items[end..].iter().any(by_others) {
            return usize::MAX;
        }
        let rows = self.items[self.start..end].iter().filter(|item| item.kind != ItemKind::Hidden);
        rows.enumerate().filter(|(_, item)| by_others(item)).last().map_or(0, |(index, _)| index + 1)
    }

    /// The view came near its upper edge.
    pub fn older(&mut self) -> (Older, Keep) {
        if self.start > 0 {
            // Counted in rows: of what is hidden, any number makes none.
            let mut rows = 0;
            while self.start > 0 && rows < STEP {
                self.start -= 1;
                rows += usize::from(self.items[self.start].kind != ItemKind::Hidden);
            }
            return (Older::Grew, Keep::End);
        }
        if self.load() { (Older::Load, Keep::End) } else { (Older::Nothing, Keep::Follow) }
    }

    /// Begins to load earlier messages; false where that goes on already, did not work, or has come to the start.
    pub fn load(&mut self) -> bool {
        let begins = !self.loading && !self.at_start && !self.stalled;
        self.loading |= begins;
        begins
    }

    /// Loading came so far.
    pub fn page(&mut self, paging: Paging) {
        self.loading = paging == Paging::Loading;
        self.at_start = paging == Paging::Start;
        self.stalled = matches!(paging, Paging::Failed(_));
    }

    /// Too few rows are known to fill a screen, and so to scroll back.
    pub fn is_short(&self) -> bool {
        let known = self.items[..self.items.len() - self.below].iter().filter(|item| item.kind != ItemKind::Hidden);
        known.take(SCREEN).count() < SCREEN
    }

    /// Grows the window until it has the rows that a room opens with, as far as there are items; true if it grew.
    pub fn fill(&mut self) -> bool {
        let before = self.start;
        while self.start > 0 && self.shown().take(WINDOW).count() < WINDOW {
            self.start = self.start.saturating_sub(STEP);
        }
        self.start < before
    }

    /// All is here, from the first message on.
    pub fn is_whole(&self) -> bool {
        self.items.first().is_some_and(|item| item.kind == ItemKind::Start)
    }

    /// Moves the window to a message, by its key, and names the row; `None` if it is not loaded.
    pub fn reveal(&mut self, key: &str) -> Option<String> {
        self.reveal_item(|item| matches!(&item.kind, ItemKind::Message(message) if message.key == key))
    }

    /// The same with the line over the new messages.
    pub fn reveal_line(&mut self) -> Option<String> {
        self.reveal_item(|item| item.kind == ItemKind::NewMessages)
    }

    fn reveal_item(&mut self, is: impl Fn(&Item) -> bool) -> Option<String> {
        let index = self.items.iter().rposition(is)?;
        if !(self.start..self.items.len() - self.below).contains(&index) {
            self.start = index.saturating_sub(SCREEN / 2);
            self.below = self.items.len().saturating_sub(index + SCREEN / 2);
        }
        Some(self.items[index].id.clone())
    }

    /// Lets go of rows far below a view near the upper edge, in which so many rows have a place: true if there were any.
    pub fn trim_below(&mut self, fit: usize) -> bool {
        let kept = ABOVE + fit;
        if self.over(kept + SPARE).is_none() {
            return false;
        }
        while let Some(over) = self.over(kept) {
            self.below += over;
        }
        true
    }

    /// Lets go of rows far above, once the view of a part of the past is far below them: true if there were any.
    pub fn trim_above(&mut self) -> bool {
        if !self.past || self.over(MOST + SPARE).is_none() {
            return false;
        }
        while let Some(over) = self.over(MOST) {
            self.start += over;
        }
        true
    }

    /// The row in the middle, where the message that was asked for is none that is shown.
    pub fn middle(&self) -> Option<String> {
        let rows: Vec<&Item> = self.items.iter().filter(|item| item.kind != ItemKind::Hidden).collect();
        rows.get(rows.len() / 2).map(|item| item.id.clone())
    }

    /// The view came to its lower edge: true if more rows are shown.
    pub fn newer(&mut self) -> bool {
        if self.below == 0 {
            return false;
        }
        self.below = self.below.saturating_sub(STEP_BACK);
        true
    }

    /// Shows the newest rows only.
    pub fn to_end(&mut self) {
        self.below = 0;
        self.start = self.items.len().saturating_sub(WINDOW);
    }

    /// True while the window reaches to the newest row.
    pub fn follows(&self) -> bool {
        self.below == 0
    }

    /// The row of a message, by its key.
    pub fn row_of(&self, key: &str) -> Option<String> {
        let is = |item: &&Item| matches!(&item.kind, ItemKind::Message(message) if message.key == key);
        self.items.iter().rev().find(is).map(|item| item.id.clone())
    }

    /// A message by its key.
    pub fn message(&self, key: &str) -> Option<&Message> {
        self.messages().find(|message| message.key == key)
    }

    /// Messages, newest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.items.iter().rev().filter_map(|item| match &item.kind {
            ItemKind::Message(message) => Some(message.as_ref()),
            _ => None,
        })
    }

    /// True before anything was told.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

fn together(a: &Item, b: &Item) -> bool {
    match (&a.kind, &b.kind) {
        (ItemKind::Message(a), ItemKind::Message(b)) => a.sender == b.sender && (b.at_ms - a.at_ms).abs() < TOGETHER_MS,
        _ => false,
    }
}

fn same_minute(a: &Item, b: &Item) -> bool {
    match (&a.kind, &b.kind) {
        (ItemKind::Message(a), ItemKind::Message(b)) => a.at_ms.div_euclid(60_000) == b.at_ms.div_euclid(60_000),
        _ => false,
    }
}
