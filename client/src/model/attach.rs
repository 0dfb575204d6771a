//! The sheet that files lie on before they are sent: what they are, what may go, and what goes with them.

use std::{path::PathBuf, sync::Arc};

use crate::model::{
    media::{self, FileKind},
    update::Pixels,
};

/// Where the bytes of a file are.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// On disk
    File(PathBuf),
    /// In the clipboard, as pixels
    Pixels(Arc<Pixels>),
    /// In memory, as a file would be
    Bytes(Arc<Vec<u8>>),
}

/// What is wished.
#[derive(Clone, PartialEq)]
pub enum Wish {
    /// Say how large a file the server takes
    Limit,
    /// Look at a file
    Look {
        /// Its number on the sheet
        id: u64,
        /// The file
        content: Content,
    },
    /// Send files
    Send {
        /// Room id
        room: String,
        /// Names and contents, in order
        files: Vec<(String, Content)>,
        /// Words that go with the first
        caption: String,
        /// Make large pictures smaller
        shrink: bool,
        /// Event id of the message that the first answers
        reply_to: Option<String>,
    },
}

/// What was seen of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Bytes
    pub size: u64,
    /// A small picture of it
    pub preview: Option<Pixels>,
    /// It is a picture that would become smaller
    pub shrinks: bool,
    /// The bytes, where they had to be made first
    pub bytes: Option<Arc<Vec<u8>>>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The server takes files of so many bytes
    Limit(u64),
    /// A file was looked at; none if it cannot be read
    Seen {
        /// Its number on the sheet
        id: u64,
        /// What it is
        seen: Option<Seen>,
    },
}

/// Why a file does not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server would not take it
    TooLarge,
    /// It cannot be read
    Unreadable,
}

/// A file on the sheet.
#[derive(Clone)]
pub struct Entry {
    /// Its number
    pub id: u64,
    /// File name
    pub name: String,
    /// What it is
    pub kind: FileKind,
    /// Bytes, once it was looked at
    pub size: Option<u64>,
    /// A small picture of it
    pub preview: Option<Pixels>,
    content: Content,
    shrinks: bool,
    unreadable: bool,
}

/// The sheet.
#[derive(Default)]
pub struct Sheet {
    /// The room that the files are for
    pub room: String,
    /// The files
    pub entries: Vec<Entry>,
    /// The caption began as the draft of a message: once sent, the draft is not needed any more
    pub took_draft: bool,
    limit: Option<u64>,
    next: u64,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Sheet {
    /// An empty sheet for a room. What the server takes stays known, and no number is given twice.
    pub fn begin(&mut self, room: &str, took_draft: bool) {
        room.clone_into(&mut self.room);
        self.entries.clear();
        self.took_draft = took_draft;
    }

    /// Puts files on the sheet that are not there yet, and says what has to be looked at.
    pub fn add(&mut self, files: Vec<(String, Content)>) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for (name, content) in files {
            if self.entries.iter().any(|entry| entry.content == content) {
                continue;
            }
            let id = self.next;
            self.next += 1;
            let mime = mime_guess::from_path(&name).first_or_octet_stream();
            wishes.push(Wish::Look { id, content: content.clone() });
            self.entries.push(Entry {
                id,
                kind: media::kind(&name, mime.essence_str()),
                name,
                size: None,
                preview: None,
                content,
                shrinks: false,
                unreadable: false,
            });
        }
        if self.limit.is_none() && !wishes.is_empty() {
            wishes.push(Wish::Limit);
        }
        wishes
    }

    /// Takes a file off the sheet.
    pub fn remove(&mut self, id: u64) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// Takes what was found out.
    pub fn apply(&mut self, news: News) {
        match news {
            News::Limit(limit) => self.limit = Some(limit),
            News::Seen { id, seen } => {
                let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return };
                match seen {
                    Some(seen) => {
                        entry.size = Some(seen.size);
                        entry.preview = seen.preview;
                        entry.shrinks = seen.shrinks;
                        if let Some(bytes) = seen.bytes {
                            entry.content = Content::Bytes(bytes);
                        }
                    }
                    None => entry.unreadable = true,
                }
            }
        }
    }

    /// Why a file does not go. A picture that becomes smaller is measured when that is done.
    pub fn refusal(&self, entry: &Entry, shrink: bool) -> Option<Refusal> {
        if entry.unreadable {
            return Some(Refusal::Unreadable);
        }
        let over = self.limit.zip(entry.size).is_some_and(|(limit, size)| size > limit);
        (over && !(shrink && entry.shrinks)).then_some(Refusal::TooLarge)
    }

    /// There is a picture that would become smaller.
    pub fn can_shrink(&self) -> bool {
        self.entries.iter().any(|entry| entry.shrinks)
    }

    /// How many files would go.
    pub fn ready(&self, shrink: bool) -> usize {
        self.entries.iter().filter(|entry| self.refusal(entry, shrink).is_none()).count()
    }

    /// Takes what goes off the sheet; none if nothing does. What was not looked at yet goes too: a person who pastes a
    /// picture and presses Enter does not wait.
    pub fn send(&mut self, caption: &str, shrink: bool, reply_to: Option<String>) -> Option<Wish> {
        let entries = std::mem::take(&mut self.entries);
        let files: Vec<(String, Content)> = entries
            .into_iter()
            .filter(|entry| self.refusal(entry, shrink).is_none())
            .map(|entry| (entry.name, entry.content))
            .collect();
        (!files.is_empty()).then(|| Wish::Send {
            room: self.room.clone(),
            files,
            caption: caption.trim().to_owned(),
            shrink,
            reply_to,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> (String, Content) {
        (name.to_owned(), Content::File(name.into()))
    }

    fn seen(size: u64, shrinks: bool) -> Seen {
        Seen { size, preview: None, shrinks, bytes: None }
    }

    fn sheet(names: &[&str]) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.begin("!class", false);
        sheet.add(names.iter().map(|name| file(name)).collect());
        sheet
    }

    fn names(wish: Option<Wish>) -> Vec<String> {
        match wish {
            Some(Wish::Send { files, .. }) => files.into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_file_lies_on_the_sheet_once_and_is_looked_at() {
        let mut sheet = sheet(&["a.pdf"]);
        let wishes = sheet.add(vec![file("a.pdf"), file("b.jpg")]);
        assert!(matches!(&wishes[..], [Wish::Look { id: 1, .. }, Wish::Limit]));
        assert_eq!(
            sheet.entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(),
            [FileKind::Document, FileKind::Picture]
        );
    }

    #[test]
    fn what_the_server_would_not_take_stays() {
        let mut sheet = sheet(&["a.pdf", "b.jpg", "c.txt"]);
        sheet.apply(News::Limit(100));
        sheet.apply(News::Seen { id: 0, seen: Some(seen(101, false)) });
        sheet.apply(News::Seen { id: 1, seen: Some(seen(101, true)) });
        sheet.apply(News::Seen { id: 2, seen: None });
        assert_eq!(sheet.refusal(&sheet.entries[0], true), Some(Refusal::TooLarge));
        assert_eq!(sheet.refusal(&sheet.entries[1], false), Some(Refusal::TooLarge));
        assert_eq!(sheet.refusal(&sheet.entries[2], true), Some(Refusal::Unreadable));
        assert_eq!((sheet.ready(true), sheet.ready(false)), (1, 0));
        assert_eq!(names(sheet.send("", true, None)), ["b.jpg"]);
    }

    #[test]
    fn what_was_not_looked_at_yet_goes_too_and_what_was_removed_does_not() {
        let mut sheet = sheet(&["a.pdf", "b.pdf"]);
        sheet.remove(0);
        assert_eq!(names(sheet.send(" слова ", true, None)), ["b.pdf"]);
        assert!(sheet.send("", true, None).is_none(), "the sheet is empty now");
    }

    #[test]
    fn a_word_about_a_file_of_an_earlier_sheet_changes_nothing() {
        let mut sheet = sheet(&["a.pdf"]);
        sheet.begin("!other", false);
        sheet.add(vec![file("b.pdf")]);
        sheet.apply(News::Seen { id: 0, seen: Some(seen(5, true)) });
        assert!(!sheet.can_shrink());
        assert_eq!(sheet.entries[0].size, None);
    }
}
