//! A room's timeline as it is shown: the items the Matrix side told, the part of them on screen, and how they group.
//!
//! Rows differ in height, so the view lays out all rows it is given. It is given a window: the newest rows, more while
//! the person scrolls back, never many hundreds.

use eyeball_im::VectorDiff;

use crate::model::item::{Item, ItemKind, Message};

/// Rows shown when a room is opened.
const WINDOW: usize = 120;
/// Rows added when the view comes near an edge of the window.
const STEP: usize = 60;
/// Rows at most; beyond, the far edge is let go.
const MOST: usize = 360;
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
}

impl Timeline {
    /// Applies changes in order and says what the view keeps.
    pub fn apply(&mut self, diffs: Vec<VectorDiff<Item>>) -> Keep {
        let mut keep = Keep::Follow;
        for diff in diffs {
            if self.apply_one(diff) {
                keep = Keep::End;
            }
        }
        self.below = self.below.min(self.items.len());
        let end = self.items.len() - self.below;
        self.start = self.start.min(end.saturating_sub(1));
        if self.below == 0 && end - self.start > MOST {
            self.start = end - MOST;
            keep = Keep::End;
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
            }
        }
        false
    }

    fn insert(&mut self, index: usize, value: Item) -> bool {
        let index = index.min(self.items.len());
        let above = index <= self.start && !self.items.is_empty();
        self.items.insert(index, value);
        // What is shown stays shown. Up to a window's worth, rows above are shown at once.
        if above && self.items.len() - self.below - self.start >= WINDOW {
            self.start += 1;
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

    /// The rows of the window.
    pub fn rows(&self) -> Vec<Row> {
        let end = self.items.len() - self.below;
        let shown: Vec<&Item> =
            self.items[self.start..end].iter().filter(|item| item.kind != ItemKind::Hidden).collect();
        shown
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let before = index.checked_sub(1).map(|before| shown[before]);
                let after = shown.get(index + 1);
                Row {
                    item: (*item).clone(),
                    first: !before.is_some_and(|before| together(before, item)),
                    last: !after.is_some_and(|after| together(item, after) && same_minute(item, after)),
                }
            })
            .collect()
    }

    /// The view came near its upper edge.
    pub fn older(&mut self) -> (Older, Keep) {
        let mut grew = false;
        if self.start > 0 {
            self.start = self.start.saturating_sub(STEP);
            grew = true;
        }
        if grew {
            return (Older::Grew, Keep::End);
        }
        if self.at_start || self.loading {
            return (Older::Nothing, Keep::Follow);
        }
        self.loading = true;
        (Older::Load, Keep::End)
    }

    /// Lets go of rows far below, once the view is far above them. Call after [`Self::older`].
    pub fn trim_below(&mut self) -> bool {
        let shown = self.items.len() - self.below - self.start;
        if shown <= MOST {
            return false;
        }
        self.below += shown - MOST;
        true
    }

    /// The view came to its lower edge: true if more rows are shown.
    pub fn newer(&mut self) -> bool {
        if self.below == 0 {
            return false;
        }
        self.below = self.below.saturating_sub(STEP);
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

    /// All items, oldest first.
    pub fn items(&self) -> &[Item] {
        &self.items
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::item::{Body, SendState};

    fn message(n: usize, sender: &str, at_ms: i64) -> Item {
        Item {
            id: format!("i{n}"),
            kind: ItemKind::Message(Box::new(Message {
                key: format!("$e{n}"),
                remote: true,
                sender: sender.into(),
                sender_name: sender.into(),
                own: false,
                at_ms,
                body: Body::Text { text: format!("{n}"), html: None, emote: false, emoji: false },
                edited: false,
                reply: None,
                reactions: Vec::new(),
                state: SendState::Sent,
                editable: false,
                replyable: true,
                refusal: None,
            })),
        }
    }

    fn many(range: std::ops::Range<usize>) -> imbl::Vector<Item> {
        range.map(|n| message(n, "@a:x", n as i64 * 1000)).collect()
    }

    fn shown(timeline: &Timeline) -> (String, String, usize) {
        let rows = timeline.rows();
        (rows[0].item.id.clone(), rows[rows.len() - 1].item.id.clone(), rows.len())
    }

    #[test]
    fn groups_by_sender_and_minute() {
        let mut timeline = Timeline::default();
        let values = [
            message(0, "@a:x", 0),
            message(1, "@a:x", 1_000),
            message(2, "@a:x", 61_000),
            message(3, "@b:x", 62_000),
            message(4, "@b:x", 900_000),
        ];
        timeline.apply(vec![VectorDiff::Reset { values: values.into_iter().collect() }]);
        let flags: Vec<(bool, bool)> = timeline.rows().iter().map(|row| (row.first, row.last)).collect();
        assert_eq!(flags, [(true, false), (false, true), (false, true), (true, true), (true, true)]);
    }

    #[test]
    fn a_long_room_opens_at_its_end_and_grows_upwards() {
        let mut timeline = Timeline::default();
        timeline.apply(vec![VectorDiff::Reset { values: many(0..1000) }]);
        assert_eq!(shown(&timeline), ("i880".into(), "i999".into(), 120));
        assert_eq!(timeline.older(), (Older::Grew, Keep::End));
        assert_eq!(shown(&timeline), ("i820".into(), "i999".into(), 180));
        for _ in 0..6 {
            timeline.older();
        }
        assert!(timeline.trim_below());
        assert_eq!(shown(&timeline), ("i460".into(), "i819".into(), 360));
        assert!(!timeline.follows());
        // New messages do not move what is shown.
        timeline.apply(vec![VectorDiff::PushBack { value: message(1000, "@a:x", 1_000_000) }]);
        assert_eq!(shown(&timeline).0, "i460");
        timeline.to_end();
        assert_eq!(shown(&timeline), ("i881".into(), "i1000".into(), 120));
    }

    #[test]
    fn history_loads_once_at_a_time_and_keeps_the_distance_from_the_end() {
        let mut timeline = Timeline::default();
        timeline.apply(vec![VectorDiff::Reset { values: many(10..200) }]);
        while timeline.older().0 == Older::Grew {}
        assert!(timeline.loading);
        assert_eq!(timeline.older().0, Older::Nothing);
        let keep =
            timeline.apply((0..10).rev().map(|n| VectorDiff::PushFront { value: message(n, "@a:x", 0) }).collect());
        assert_eq!(keep, Keep::End);
        assert_eq!(shown(&timeline).1, "i199");
        timeline.loading = false;
        timeline.at_start = true;
        while timeline.older().0 == Older::Grew {}
        assert_eq!(shown(&timeline).0, "i0");
        assert_eq!(timeline.older().0, Older::Nothing);
    }

    #[test]
    fn every_diff_is_applied() {
        let mut timeline = Timeline::default();
        let keep = timeline.apply(vec![
            VectorDiff::Append { values: many(0..4) },
            VectorDiff::PushBack { value: message(9, "@b:x", 0) },
            VectorDiff::PopFront,
            VectorDiff::Set { index: 0, value: message(7, "@a:x", 0) },
            VectorDiff::Remove { index: 1 },
            VectorDiff::Insert { index: 1, value: message(8, "@a:x", 0) },
            VectorDiff::PopBack,
            VectorDiff::Truncate { length: 2 },
        ]);
        assert_eq!(keep, Keep::Follow);
        assert_eq!(shown(&timeline), ("i7".into(), "i8".into(), 2));
        timeline.apply(vec![VectorDiff::Clear]);
        assert!(timeline.rows().is_empty());
        assert!(timeline.message("$e7").is_none());
    }

    #[test]
    fn newer_rows_come_back() {
        let mut timeline = Timeline::default();
        timeline.apply(vec![VectorDiff::Reset { values: many(0..1000) }]);
        for _ in 0..10 {
            timeline.older();
            timeline.trim_below();
        }
        assert!(!timeline.follows());
        while timeline.newer() {}
        assert!(timeline.follows());
        assert_eq!(shown(&timeline).1, "i999");
    }
}
