//! What a timeline is made of, as plain values that any thread may hold.

use crate::model::{
    formatted::{Formatted, Mention},
    game::Board,
    poll::Poll,
};

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique in its timeline and stable through edits
    pub id: String,
    /// What it is
    pub kind: ItemKind,
}

/// The kinds of entries.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// A new day begins, in milliseconds since the Unix epoch
    Day(i64),
    /// Everything below is unread
    NewMessages,
    /// The beginning of the room
    Start,
    /// Something a person wrote or sent
    Message(Box<Message>),
    /// Something that happened to the room
    Notice(Notice),
    /// Something not meant for the eye, such as a move in a game
    Hidden,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The event's id, or the transaction's until the server has it
    pub key: String,
    /// True once the server knows it
    pub remote: bool,
    /// Sender's user id
    pub sender: String,
    /// Sender's name
    pub sender_name: String,
    /// `mxc://…` of the sender's picture, empty without one
    pub sender_avatar: String,
    /// User ids of others who have read up to here and no further
    pub readers: Vec<String>,
    /// Sent by the account signed in
    pub own: bool,
    /// Milliseconds since the Unix epoch
    pub at_ms: i64,
    /// The content
    pub body: Body,
    /// Was changed after sending
    pub edited: bool,
    /// What it answers
    pub reply: Option<Quote>,
    /// Reactions in the order they first appeared
    pub reactions: Vec<Reaction>,
    /// How far it got
    pub state: SendState,
    /// The account may change it
    pub editable: bool,
    /// It can be answered and reacted to
    pub replyable: bool,
    /// The game whose bot refuses a request with this message
    pub refusal: Option<String>,
    /// It names the account, or all of the room
    pub mentioned: bool,
    /// What is to be known of who wrote it, in an encrypted room
    pub shield: Shield,
    /// The thread that it began
    pub thread: Option<Box<super::threads::Summary>>,
}

impl Message {
    /// Plain words that the server has: what every other message differs from.
    pub fn words(key: &str, sender: &str, sender_name: &str, text: &str) -> Self {
        Self {
            key: key.to_owned(),
            remote: true,
            sender: sender.to_owned(),
            sender_name: sender_name.to_owned(),
            sender_avatar: String::new(),
            readers: Vec::new(),
            own: false,
            at_ms: 0,
            body: Body::Text { text: text.to_owned(), html: None, emote: false, emoji: false },
            edited: false,
            reply: None,
            reactions: Vec::new(),
            state: SendState::Sent,
            editable: false,
            replyable: true,
            refusal: None,
            mentioned: false,
            shield: Shield::None,
            thread: None,
        }
    }
}

impl From<Message> for Item {
    /// An item that is known by its message's key.
    fn from(message: Message) -> Self {
        Self { id: message.key.clone(), kind: ItemKind::Message(Box::new(message)) }
    }
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Words; `html` when the sender formatted them
    Text {
        /// Plain words
        text: String,
        /// Formatted words
        html: Option<Formatted>,
        /// Said of oneself, like "/me waves"
        emote: bool,
        /// Only a few emoji
        emoji: bool,
    },
    /// A picture
    Image(Media),
    /// A film
    Video(Media),
    /// A sound
    Audio(Media),
    /// Any other file
    File(Media),
    /// A poll
    Poll(Box<Poll>),
    /// The board of a game
    Game {
        /// The board
        board: Box<Board>,
        /// The same in words
        text: String,
    },
    /// Was removed
    Redacted,
    /// The key is missing
    Unreadable(Missing),
    /// A kind this version does not know
    Unsupported,
}

/// A file on the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Media {
    /// Opaque address, with the keys of an encrypted file
    pub source: String,
    /// Opaque address of the sender's own thumbnail
    pub thumbnail: Option<String>,
    /// File name
    pub name: String,
    /// Words under it
    pub caption: String,
    /// Media type, such as `image/png`
    pub mime: String,
    /// Bytes
    pub size: Option<u64>,
    /// Pixels
    pub width: Option<u32>,
    /// Pixels
    pub height: Option<u32>,
    /// A picture that moves
    pub animated: bool,
    /// How long a film or a sound is, in milliseconds
    pub duration_ms: Option<u64>,
    /// A voice message rather than music
    pub voice: bool,
    /// How loud a sound is, in equal times, up to 1024; empty where its sender did not say
    pub waveform: Vec<u16>,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SendState {
    /// The server has it
    Sent,
    /// On its way; progress of an upload from 0 to 1
    Sending(Option<f32>),
    /// The server refused it
    Failed,
    /// Somebody else has read it
    Seen,
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// Its event id
    pub key: String,
    /// Its sender, empty until known
    pub who: String,
    /// What it says
    pub preview: Preview,
}

/// A reaction and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// An emoji, or any short text
    pub key: String,
    /// Names of those who gave it
    pub who: Vec<String>,
    /// The account signed in is one of them
    pub mine: bool,
}

/// A message in a few words, for the list of rooms and for quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Preview {
    /// Nothing yet
    #[default]
    Nothing,
    /// Words
    Text(String),
    /// A picture
    Image,
    /// A film
    Video,
    /// A sound
    Audio,
    /// What somebody said
    Voice,
    /// A file and its name
    File(String),
    /// A poll
    Poll,
    /// Something of a game
    Game,
    /// Was removed
    Redacted,
    /// Cannot be read yet
    Unreadable,
    /// Somebody joined
    Joined,
    /// Anything else
    Other,
    /// What was written and not sent
    Draft(String),
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Its key has not come
    #[default]
    Key,
    /// It was sent before the account joined
    Joining,
    /// Its sender's keys are not those that were compared
    Changed,
    /// Its sender's device is not confirmed
    Sender,
    /// It is older than this device, and the account has no backup of keys
    Backup,
    /// Its sender did not give the key to this device
    Withheld,
    /// Its sender gives keys only to devices that are confirmed, or its key is in the backup that this device cannot open
    Here,
}

/// What is to be known of the one who wrote a message in an encrypted room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shield {
    /// Nothing
    #[default]
    None,
    /// It was not encrypted
    Plain,
    /// The sender's device is not confirmed
    Device,
    /// The sender's keys are not those that were compared
    Changed,
    /// It came from another device than it says
    Sender,
}

impl Body {
    /// The body in a few words.
    pub fn preview(&self) -> Preview {
        match self {
            Self::Text { html: Some(formatted), .. } => Preview::Text(one_line(&formatted.plain())),
            Self::Text { text, .. } => Preview::Text(one_line(text)),
            Self::Image(_) => Preview::Image,
            Self::Video(_) => Preview::Video,
            Self::Audio(media) if media.voice => Preview::Voice,
            Self::Audio(_) => Preview::Audio,
            Self::File(media) => Preview::File(media.name.clone()),
            Self::Poll(_) => Preview::Poll,
            Self::Game { .. } => Preview::Game,
            Self::Redacted => Preview::Redacted,
            Self::Unreadable(_) => Preview::Unreadable,
            Self::Unsupported => Preview::Other,
        }
    }

    /// The file, if the body is one.
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media) | Self::Video(media) | Self::Audio(media) | Self::File(media) => Some(media),
            _ => None,
        }
    }

    /// The words of the body: text, or the caption of a file.
    pub fn words(&self) -> &str {
        match self {
            Self::Text { text, .. } | Self::Game { text, .. } => text,
            Self::Poll(poll) => &poll.question,
            Self::Image(media) | Self::Video(media) | Self::Audio(media) | Self::File(media) => &media.caption,
            Self::Redacted | Self::Unreadable(_) | Self::Unsupported => "",
        }
    }

    /// The people who are named in it.
    pub fn people(&self) -> Vec<Mention> {
        match self {
            Self::Text { html: Some(formatted), .. } => formatted.people(),
            _ => Vec::new(),
        }
    }
}

/// The first 120 characters with every run of white space as one space.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() >= 120 {
            return line.chars().take(120).collect();
        }
    }
    line
}

/// Something that happened to the room.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What happened
    pub kind: NoticeKind,
    /// Who did it
    pub who: String,
    /// To whom
    pub whom: String,
    /// The new name or topic
    pub what: String,
}

/// What can happen to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It was made
    Created,
    /// It became encrypted
    Encrypted,
    /// A person joined
    Joined,
    /// A person left
    Left,
    /// A person was invited
    Invited,
    /// An invitation was declined
    Declined,
    /// A person was removed
    Kicked,
    /// A person was banned
    Banned,
    /// A ban was lifted
    Unbanned,
    /// A person took another name
    RenamedPerson,
    /// The room got a name
    NamedRoom,
    /// The room lost its name
    UnnamedRoom,
    /// The topic changed
    Topic,
    /// The picture changed
    Picture,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_short_line() {
        assert_eq!(one_line("  раз\n\nдва   три "), "раз два три");
        assert_eq!(one_line(&"а".repeat(500)).chars().count(), 120);
    }
}
