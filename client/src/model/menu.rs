//! What a person can do with one message: the entries of its menu, and what is asked of the Matrix side for them.

use crate::model::item::{Body, Message, SendState};

/// An entry of a message's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Answer it
    Reply,
    /// Answer it in its thread
    Thread,
    /// Put its words into the composer
    Quote,
    /// Change it
    Edit,
    /// Send it to other rooms
    Forward,
    /// Copy its words
    Copy,
    /// Mark words of it
    Select,
    /// Copy its address
    Link,
    /// Keep it at the top of the room
    Pin,
    /// No longer keep it there
    Unpin,
    /// Who has read it, and who reacted
    Readers,
    /// Remove it
    Remove,
}

/// What the account may do in the room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct May {
    /// Write
    pub write: bool,
    /// Remove messages of others
    pub remove: bool,
    /// Pin
    pub pin: bool,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// In the panel of its thread
    pub threaded: bool,
    /// Among the pinned
    pub pinned: bool,
}

/// Wishes about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Its address
    Link {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Who has read it, and who reacted
    Readers {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Remove it and say why
    Remove {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
        /// Why, may be empty
        reason: String,
    },
}

/// News about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Its address
    Link(String),
    /// Who has read it, and who reacted
    Readers {
        /// `Message::key`
        key: String,
        /// Id and name of those who have read it
        readers: Vec<(String, String)>,
        /// Each reaction and the names of those who gave it
        reactions: Vec<(String, Vec<String>)>,
    },
}

/// The entries of a message's menu, in their order.
pub fn acts(message: &Message, standing: Standing, may: May) -> Vec<Act> {
    let words = !message.body.words().is_empty() && message.body != Body::Redacted;
    let removed = message.body == Body::Redacted;
    // Where it failed to go out, the row itself offers what can be done.
    let there = message.remote && message.state != SendState::Failed;
    let entries = [
        (Act::Reply, message.replyable && may.write),
        (Act::Thread, message.replyable && there && may.write && !standing.threaded),
        (Act::Edit, message.editable),
        (Act::Quote, words && may.write),
        (Act::Forward, there && travels(&message.body)),
        (Act::Copy, words),
        (Act::Select, words),
        (Act::Link, there),
        (Act::Pin, there && may.pin && !removed && !standing.pinned),
        (Act::Unpin, there && may.pin && standing.pinned),
        (Act::Readers, there),
        (Act::Remove, (message.own || may.remove) && !removed),
    ];
    entries.into_iter().filter(|(_, offered)| *offered).map(|(act, _)| act).collect()
}

/// What keeps its meaning in another room. A board lives where its bot plays, a poll where its voters are.
fn travels(body: &Body) -> bool {
    matches!(body, Body::Text { .. } | Body::Image(_) | Body::Video(_) | Body::Audio(_) | Body::File(_))
}

/// The draft with a quotation of these words before it.
pub fn quoted(words: &str, draft: &str) -> String {
    let mut text: String = words.trim().lines().flat_map(|line| ["> ", line, "\n"]).collect();
    text.push('\n');
    text.push_str(draft);
    text
}

/// The next of these rows from one of them, upwards for a negative step; the newest to begin with. `None` past the end.
pub fn walk(rows: &[&str], from: &str, step: i32) -> Option<String> {
    let last = rows.len().checked_sub(1)?;
    let to = match rows.iter().position(|row| *row == from) {
        None if step < 0 => last,
        None => return None,
        Some(at) if step < 0 => at.saturating_sub(1),
        Some(at) if at == last => return None,
        Some(at) => at + 1,
    };
    Some(rows[to].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: May = May { write: true, remove: true, pin: true };

    fn message() -> Message {
        Message::words("$1", "@ivan:academy", "Иван", "привет")
    }

    #[test]
    fn others_words_are_answered_and_not_changed() {
        let acts = acts(&message(), Standing::default(), May { write: true, ..May::default() });
        assert!(acts.contains(&Act::Reply) && acts.contains(&Act::Thread) && acts.contains(&Act::Forward));
        assert!(!acts.contains(&Act::Edit) && !acts.contains(&Act::Remove) && !acts.contains(&Act::Pin));
    }

    #[test]
    fn one_who_may_not_write_still_copies_and_forwards() {
        let acts = acts(&message(), Standing::default(), May::default());
        assert_eq!(acts, [Act::Forward, Act::Copy, Act::Select, Act::Link, Act::Readers]);
    }

    #[test]
    fn what_is_pinned_can_be_unpinned_and_a_thread_has_no_threads() {
        let acts = acts(&message(), Standing { threaded: true, pinned: true }, ALL);
        assert!(acts.contains(&Act::Unpin) && !acts.contains(&Act::Pin) && !acts.contains(&Act::Thread));
        assert_eq!(acts.last(), Some(&Act::Remove));
    }

    #[test]
    fn a_removed_message_keeps_only_its_place() {
        let removed = Message { body: Body::Redacted, own: true, replyable: false, ..message() };
        assert_eq!(acts(&removed, Standing::default(), ALL), [Act::Link, Act::Readers]);
    }

    #[test]
    fn what_did_not_go_out_cannot_be_pointed_at() {
        let failed = Message { remote: false, replyable: false, own: true, state: SendState::Failed, ..message() };
        assert_eq!(acts(&failed, Standing::default(), ALL), [Act::Quote, Act::Copy, Act::Select, Act::Remove]);
    }

    #[test]
    fn every_line_of_a_quotation_has_its_mark() {
        assert_eq!(quoted("раз\nдва\n", "и я"), "> раз\n> два\n\nи я");
    }

    #[test]
    fn the_focus_walks_from_the_newest_up_and_leaves_below() {
        let rows = ["a", "b", "c"];
        assert_eq!(walk(&rows, "", -1).as_deref(), Some("c"));
        assert_eq!(walk(&rows, "c", -1).as_deref(), Some("b"));
        assert_eq!(walk(&rows, "a", -1).as_deref(), Some("a"));
        assert_eq!(walk(&rows, "b", 1).as_deref(), Some("c"));
        assert_eq!(walk(&rows, "c", 1), None);
        assert_eq!(walk(&rows, "", 1), None);
        assert_eq!(walk(&[], "", -1), None);
    }
}
