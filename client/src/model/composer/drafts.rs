//! What was written and not sent, by room. It survives a restart: the Matrix side keeps it.

use std::collections::HashMap;

use super::Wish;
use crate::model::formatted::Mention;

/// What a draft belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum About {
    /// Nothing: it is a new message
    #[default]
    New,
    /// The message that it answers, by its key
    Reply(String),
    /// The message that it changes, by its key
    Edit(String),
}

/// What was written and not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The words
    pub text: String,
    /// Who is named in them
    pub mentions: Vec<Mention>,
    /// What it belongs to
    pub about: About,
}

impl Draft {
    /// Nothing that would be missed.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && !matches!(self.about, About::Reply(_))
    }
}

/// The drafts of all rooms.
#[derive(Debug, Default)]
pub struct Drafts {
    now: HashMap<String, Draft>,
    /// As the Matrix side has them.
    kept: HashMap<String, Draft>,
}

impl Drafts {
    /// The draft of a room.
    pub fn get(&self, room: &str) -> Option<&Draft> {
        self.now.get(room)
    }

    /// Puts a draft into a room, or takes it out where there is nothing in it.
    pub fn put(&mut self, room: &str, draft: Draft) {
        if draft.is_empty() {
            self.now.remove(room);
        } else {
            self.now.insert(room.to_owned(), draft);
        }
    }

    /// Takes the draft of a room out.
    pub fn remove(&mut self, room: &str) {
        self.now.remove(room);
    }

    /// Has a room's draft kept as it is now, unless it is kept so already.
    pub fn keep(&mut self, room: &str) -> Option<Wish> {
        let draft = self.now.get(room).cloned();
        if self.kept.get(room) == draft.as_ref() {
            return None;
        }
        match &draft {
            Some(draft) => self.kept.insert(room.to_owned(), draft.clone()),
            None => self.kept.remove(room),
        };
        Some(Wish::Keep { room: room.to_owned(), draft })
    }

    /// Takes in what was kept. What is being written now is newer.
    pub fn came(&mut self, drafts: Vec<(String, Draft)>) {
        for (room, draft) in drafts {
            self.kept.insert(room.clone(), draft.clone());
            self.now.entry(room).or_insert(draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> Draft {
        Draft { text: text.into(), ..Draft::default() }
    }

    #[test]
    fn a_draft_is_kept_once_and_forgotten_once() {
        let mut drafts = Drafts::default();
        drafts.put("!r", draft("недо"));
        assert_eq!(drafts.keep("!r"), Some(Wish::Keep { room: "!r".into(), draft: Some(draft("недо")) }));
        assert_eq!(drafts.keep("!r"), None);
        drafts.put("!r", draft("  "));
        assert_eq!(drafts.keep("!r"), Some(Wish::Keep { room: "!r".into(), draft: None }));
        assert_eq!(drafts.keep("!r"), None);
    }

    #[test]
    fn what_is_written_now_is_newer_than_what_was_kept() {
        let mut drafts = Drafts::default();
        drafts.put("!a", draft("новое"));
        drafts.came(vec![("!a".into(), draft("старое")), ("!b".into(), draft("иное"))]);
        assert_eq!(drafts.get("!a"), Some(&draft("новое")));
        assert_eq!(drafts.get("!b"), Some(&draft("иное")));
        assert!(drafts.keep("!a").is_some() && drafts.keep("!b").is_none());
    }

    #[test]
    fn an_answer_without_words_yet_is_a_draft() {
        let about = About::Reply("$1".into());
        assert!(!Draft { about, ..Draft::default() }.is_empty());
        assert!(Draft { about: About::Edit("$1".into()), ..Draft::default() }.is_empty());
    }
}
