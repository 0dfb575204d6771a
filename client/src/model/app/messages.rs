//! Single messages of the open room, in its timeline or in the open thread: what can be done with them.

use super::{AppModel, Chip};
use crate::model::{
    command::Command,
    item::{ItemKind, Message},
    menu::{self, Act, May, Standing},
    threads::Wish,
    timeline::{Keep, Timeline},
};

impl AppModel {
    /// A message by its key, in the room or in the open thread.
    pub fn message(&self, key: &str) -> Option<&Message> {
        self.timeline().and_then(|timeline| timeline.message(key)).or_else(|| self.threads.timeline.message(key))
    }

    fn message_of(&self, key: &str, threaded: bool) -> Option<&Message> {
        if threaded { self.threads.timeline.message(key) } else { self.timeline()?.message(key) }
    }

    /// What the account may do in the open room.
    pub fn may(&self) -> May {
        May { write: self.details.can_write, remove: self.details.can_remove, pin: self.details.can_pin }
    }

    /// The menu of a message.
    pub fn acts(&self, key: &str, threaded: bool) -> Vec<Act> {
        let standing = Standing { threaded, pinned: self.pins.get(key).is_some() };
        self.message_of(key, threaded).map(|message| menu::acts(message, standing, self.may())).unwrap_or_default()
    }

    /// The row that the keyboard's focus comes to from another row; `None` when it goes back to the composer.
    pub fn walk(&self, from: &str, step: i32) -> Option<String> {
        let rows = self.timeline().map(Timeline::rows).unwrap_or_default();
        let messages: Vec<&str> = rows
            .iter()
            .filter(|row| matches!(row.item.kind, ItemKind::Message(_)))
            .map(|row| row.item.id.as_str())
            .collect();
        menu::walk(&messages, from, step)
    }

    /// The key of a row's message.
    pub fn key_of(&self, row: &str) -> Option<String> {
        let rows = self.timeline()?.rows();
        rows.into_iter().find(|shown| shown.item.id == row).and_then(|shown| match shown.item.kind {
            ItemKind::Message(message) => Some(message.key),
            _ => None,
        })
    }

    /// Opens a thread in the panel: what to ask for, unless it is open already.
    pub fn open_thread(&mut self, root: &str) -> Option<Command> {
        let room = self.open.clone()?;
        self.threads.open(root).then(|| Command::Threads(Wish::Open { room, root: root.to_owned() }))
    }

    /// Opens the list of the room's threads.
    pub fn list_threads(&mut self) -> Option<Command> {
        self.threads.leave();
        let room = self.open.clone()?;
        self.threads.list_paging = Some(crate::model::update::Paging::Loading);
        Some(Command::Threads(Wish::List(room)))
    }

    /// Answers a message within its thread.
    pub fn reply_in_thread(&mut self, key: &str) {
        self.chip_in_thread(key, false);
    }

    /// Changes a message of the open thread; gives its words.
    pub fn edit_in_thread(&mut self, key: &str) -> Option<String> {
        self.chip_in_thread(key, true)
    }

    fn chip_in_thread(&mut self, key: &str, editing: bool) -> Option<String> {
        let message = self.threads.timeline.message(key)?;
        if !(if editing { message.editable } else { message.replyable }) {
            return None;
        }
        let words = message.body.words().to_owned();
        self.threads.chip = Some(Chip {
            editing,
            key: message.key.clone(),
            who: message.sender_name.clone(),
            preview: message.body.preview(),
        });
        Some(words)
    }

    /// Sends what is in the thread's composer: an answer or a change.
    pub fn send_in_thread(&mut self, text: &str) -> Option<Command> {
        let (room, root) = (self.open.clone()?, self.threads.root.clone()?);
        let text = text.trim_end();
        if text.trim().is_empty() {
            return None;
        }
        let text = text.to_owned();
        self.threads.timeline.to_end();
        Some(match self.threads.take_chip() {
            Err(key) => {
                // Whoever is still named in the words stays named.
                let mentions = self.threads.timeline.message(&key).map(|message| message.body.people());
                Command::Edit { room, key, text, mentions: mentions.unwrap_or_default() }
            }
            Ok(reply_to) => Command::Threads(Wish::Send { room, root, text, reply_to }),
        })
    }

    /// The view of the thread came near its upper edge.
    pub fn older_in_thread(&mut self) -> (Option<Keep>, Option<Command>) {
        let (keep, load) = self.threads.older();
        (keep, load.then(|| self.page_thread()).flatten())
    }

    /// Loads more where too little of the thread is here to scroll.
    pub fn fill_thread(&mut self) -> Option<Command> {
        self.threads.fill().then(|| self.page_thread()).flatten()
    }

    fn page_thread(&self) -> Option<Command> {
        Some(Command::Threads(Wish::Older { room: self.open.clone()?, root: self.threads.root.clone()? }))
    }

    /// The end of the open thread is on screen, in a window that has the focus.
    pub fn see_thread(&mut self) -> Option<Command> {
        let room = self.watched()?.to_owned();
        let root = self.threads.root.clone()?;
        self.threads.see().then_some(Command::Threads(Wish::Read { room, root }))
    }

    /// Whether the room has answers in threads, among its loaded messages, that the person has not seen.
    pub fn unread_threads(&self) -> bool {
        self.timeline().is_some_and(|timeline| timeline.messages().any(|message| self.threads.unread(message)))
    }
}
