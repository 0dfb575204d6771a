//! Threads: the answers to one message in a panel of their own, and the list of a room's threads.

use std::collections::HashMap;

use eyeball_im::VectorDiff;

use crate::model::{
    app::Chip,
    item::{Item, Message, Preview},
    timeline::{Keep, Older, SCREEN, Timeline},
    update::Paging,
};

/// What a message says of the thread that it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many answers there are
    pub replies: u32,
    /// Name of who answered last, empty until known
    pub who: String,
    /// What they said
    pub preview: Preview,
    /// `Message::key` of that answer, empty until known
    pub latest: String,
    /// It is of somebody else, and the account was not told to have read it
    pub unread: bool,
}

/// A thread of the room's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// `Message::key` of the message that began it
    pub root: String,
    /// Its sender's user id
    pub sender: String,
    /// Its sender's name
    pub who: String,
    /// What it says
    pub preview: Preview,
    /// How many answers there are
    pub replies: u32,
    /// Name of who answered last, empty until known
    pub last_who: String,
    /// What they said
    pub last: Preview,
    /// When, in milliseconds since the Unix epoch
    pub at_ms: i64,
}

/// Wishes about threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Follow a thread; the one followed before is let go
    Open {
        /// Room id
        room: String,
        /// `Message::key` of the message that began it
        root: String,
    },
    /// Load earlier answers
    Older {
        /// Room id
        room: String,
        /// `Message::key` of the message that began it
        root: String,
    },
    /// Answer in the thread
    Send {
        /// Room id
        room: String,
        /// `Message::key` of the message that began it
        root: String,
        /// Words, Markdown allowed
        text: String,
        /// `Message::key` of the answer that is answered
        reply_to: Option<String>,
    },
    /// The newest answer was seen
    Read {
        /// Room id
        room: String,
        /// `Message::key` of the message that began it
        root: String,
    },
    /// Follow the list of a room's threads
    List(String),
    /// Load more of that list
    MoreList(String),
}

/// News about threads.
#[derive(Debug)]
pub enum News {
    /// A thread changed
    Timeline {
        /// `Message::key` of the message that began it
        root: String,
        /// In order
        diffs: Vec<VectorDiff<Item>>,
    },
    /// Loading of earlier answers began or ended
    Paging {
        /// `Message::key` of the message that began it
        root: String,
        /// How far it is
        paging: Paging,
    },
    /// The list of a room's threads
    List {
        /// Room id
        room: String,
        /// The threads in their order
        threads: Vec<Thread>,
        /// How far its loading is; `Start` when all are here
        paging: Paging,
    },
}

/// The threads of the open room.
#[derive(Debug, Default)]
pub struct Threads {
    /// The message that began the open thread
    pub root: Option<String>,
    /// The open thread
    pub timeline: Timeline,
    /// What the thread's composer does besides
    pub chip: Option<Chip>,
    /// The room's threads
    pub list: Vec<Thread>,
    /// How far the loading of that list is; `None` before it was asked for
    pub list_paging: Option<Paging>,
    /// The newest answer that was seen of each thread in this session. The SDK tells of receipts in a thread only with
    /// the next answer.
    seen: HashMap<String, String>,
    /// Something came into the open thread since it was last told as read
    unseen: bool,
}

impl Threads {
    /// Opens a thread; false if it is the open one.
    pub fn open(&mut self, root: &str) -> bool {
        if self.root.as_deref() == Some(root) {
            return false;
        }
        self.root = Some(root.to_owned());
        self.timeline = Timeline::default();
        // The first page is asked for by the Matrix side itself.
        self.timeline.loading = true;
        self.chip = None;
        self.unseen = true;
        true
    }

    /// Goes back to the list.
    pub fn leave(&mut self) {
        self.root = None;
        self.timeline = Timeline::default();
        self.chip = None;
    }

    /// Takes changes of a thread; `None` if it is not the open one.
    pub fn apply(&mut self, root: &str, diffs: Vec<VectorDiff<Item>>) -> Option<Keep> {
        (self.root.as_deref() == Some(root)).then(|| {
            self.unseen = true;
            self.timeline.apply(diffs)
        })
    }

    /// Loading came so far; false if it is not of the open thread.
    pub fn page(&mut self, root: &str, paging: Paging) -> bool {
        let open = self.root.as_deref() == Some(root);
        if open {
            self.timeline.page(paging);
        }
        open
    }

    /// The view came near the upper edge: what the rows keep if they changed, and whether to load.
    pub fn older(&mut self) -> (Option<Keep>, bool) {
        if self.root.is_none() {
            return (None, false);
        }
        if self.timeline.trim_below(SCREEN) {
            return (Some(Keep::Place), false);
        }
        match self.timeline.older() {
            (Older::Nothing, _) => (None, false),
            (Older::Grew, keep) => (Some(keep), false),
            (Older::Load, _) => (None, true),
        }
    }

    /// Too little is here to scroll back, and there may be more: it is loaded now.
    pub fn fill(&mut self) -> bool {
        self.root.is_some() && !self.timeline.is_empty() && self.timeline.is_short() && self.timeline.load()
    }

    /// The newest answer is on screen: true if it has to be told as read.
    pub fn see(&mut self) -> bool {
        let (Some(root), true) = (&self.root, self.timeline.follows()) else { return false };
        let Some(newest) = self.timeline.messages().find(|message| message.remote && message.key != *root) else {
            return false;
        };
        self.seen.insert(root.clone(), newest.key.clone());
        std::mem::take(&mut self.unseen)
    }

    /// Whether a message's thread has answers that the person has not seen.
    pub fn unread(&self, message: &Message) -> bool {
        message
            .thread
            .as_ref()
            .is_some_and(|thread| thread.unread && self.seen.get(&message.key) != Some(&thread.latest))
    }

    /// Sends what is in the thread's composer; `Err` holds the key of the message that is changed instead.
    pub fn take_chip(&mut self) -> Result<Option<String>, String> {
        match self.chip.take() {
            Some(chip) if chip.editing => Err(chip.key),
            chip => Ok(chip.map(|chip| chip.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(key: &str) -> Item {
        Item::from(Message::words(key, "@ivan:x", "Иван", "да"))
    }

    fn opened() -> Threads {
        let mut threads = Threads::default();
        assert!(threads.open("$root"));
        let values = [answer("$root"), answer("$1")].into_iter().collect();
        assert_eq!(threads.apply("$root", vec![VectorDiff::Append { values }]), Some(Keep::Follow));
        threads
    }

    #[test]
    fn another_threads_news_are_not_taken() {
        let mut threads = opened();
        assert_eq!(threads.apply("$other", vec![VectorDiff::Clear]), None);
        assert!(!threads.page("$other", Paging::Start));
        assert_eq!(threads.timeline.rows().len(), 2);
        assert!(!threads.open("$root"), "it is open already");
    }

    #[test]
    fn answers_are_told_as_read_once() {
        let mut threads = opened();
        assert!(threads.see() && !threads.see());
        threads.apply("$root", vec![VectorDiff::PushBack { value: answer("$2") }]);
        assert!(threads.see() && !threads.see());
    }

    #[test]
    fn a_thread_without_answers_is_not_told_as_read() {
        let mut threads = Threads::default();
        threads.open("$root");
        threads.apply("$root", vec![VectorDiff::PushBack { value: answer("$root") }]);
        assert!(!threads.see());
    }

    #[test]
    fn what_was_seen_here_is_not_unread_until_the_next_answer() {
        let mut threads = opened();
        let root = |latest: &str, unread| Message {
            thread: Some(Box::new(Summary {
                replies: 1,
                who: "Иван".into(),
                preview: Preview::Nothing,
                latest: latest.into(),
                unread,
            })),
            ..Message::words("$root", "@anna:x", "Анна", "?")
        };
        assert!(threads.unread(&root("$1", true)) && !threads.unread(&root("$1", false)));
        threads.see();
        assert!(!threads.unread(&root("$1", true)));
        assert!(threads.unread(&root("$2", true)));
    }

    #[test]
    fn earlier_answers_are_loaded_until_the_first() {
        let mut threads = opened();
        assert_eq!(threads.older(), (None, false), "the first page is on its way");
        threads.page("$root", Paging::More);
        assert!(threads.fill() && !threads.fill());
        threads.page("$root", Paging::Start);
        assert!(!threads.fill());
        assert_eq!(threads.older(), (None, false));
    }
}
