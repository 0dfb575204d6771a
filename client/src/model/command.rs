//! What the view asks of the Matrix side.

use crate::model::{avatars, game, presence, profile, room_menu};

use super::{composer, formatted::Mention, poll};

/// A wish of the person at the screen.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Sign in
    SignIn(Credentials),
    /// Make an account and sign in
    Register(Credentials),
    /// Sign out and forget everything kept on this computer
    SignOut,
    /// Show a room: its timeline, details and members follow
    Open(String),
    /// No room is shown any more
    Close,
    /// Load earlier messages
    PageBack(String),
    /// Send words, perhaps as an answer
    Send {
        /// Room id
        room: String,
        /// Words, Markdown allowed
        text: String,
        /// Event id of the message answered
        reply_to: Option<String>,
        /// Who may be named in them
        mentions: Vec<Mention>,
    },
    /// Change a message
    Edit {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
        /// New words
        text: String,
        /// Who may be named in them
        mentions: Vec<Mention>,
    },
    /// Files on the sheet
    Attach(super::attach::Wish),
    /// Files of messages
    Media(super::media::Wish),
    /// The picture in the viewer
    Viewer(super::viewer::Wish),
    /// Give or take back a reaction
    React {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
        /// An emoji
        reaction: String,
    },
    /// Remove a message, or one not sent yet
    Remove {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Try to send a failed message again
    Retry {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// Tell that the person is writing, or has stopped
    Typing {
        /// Room id
        room: String,
        /// Is writing
        typing: bool,
    },
    /// The newest message was seen
    MarkRead(String),
    /// Load a quoted message
    FetchQuote {
        /// Room id
        room: String,
        /// Event id of the message that quotes
        key: String,
    },
    /// Load and decode a thumbnail
    Thumbnail {
        /// `Media::source`
        source: String,
        /// `Media::thumbnail`
        thumbnail: Option<String>,
        /// Box to fit, in pixels
        size: (u32, u32),
    },
    /// Open a file with the program the system has for it
    OpenFile {
        /// `Media::source`
        source: String,
        /// File name
        name: String,
    },
    /// Search people
    FindPeople(String),
    /// Open a personal chat, a new one if there is none
    StartChat(String),
    /// Invite a person
    Invite {
        /// Room id
        room: String,
        /// User id
        user: String,
    },
    /// Search the public directory
    FindRooms(String),
    /// Join by room id or address
    Join(String),
    /// Accept an invitation
    Accept(String),
    /// Decline an invitation
    Decline(String),
    /// Leave a room
    Leave(String),
    /// About a game
    Game(game::Wish),
    /// Load and decode the picture of a person or room
    Avatar(avatars::Wish),
    /// About who is here
    Presence(presence::Wish),
    /// About a room of the list
    RoomMenu(room_menu::Wish),
    /// About the card of a person
    Profile(profile::Wish),
    /// Something of the settings
    Settings(super::settings::Wish),
    /// Something from outside of the window
    Desktop(super::desktop::Wish),
    /// Settings of a room
    Manage(super::manage::Wish),
    /// Those in a room
    Members(super::members::Wish),
    /// Spaces, and making rooms
    Spaces(super::spaces::Wish),
    /// Of drafts
    Composer(composer::Wish),
    /// Of polls
    Poll(poll::Wish),
    /// The window is closed: what was asked before is done, then everything ends
    End,
    /// About one message
    Menu(super::menu::Wish),
    /// About threads
    Threads(super::threads::Wish),
    /// About pinned messages
    Pins(super::pins::Wish),
    /// Sending a message on
    Forward(super::forward::Wish),
    /// Bytes of sounds, and recordings
    Voice(super::voice::Wish),
    /// For the thread of sounds
    Sound(super::voice::Order),
    /// About the recovery key
    Crypto(super::crypto::Wish),
    /// Verification of devices and people
    Verify(super::verify::Wish),
    /// About the account's devices
    Devices(super::devices::Wish),
    /// About the past of a room
    Jump(super::jump::Wish),
    /// The search of messages
    Search(super::search::Wish),
    /// Feedback for the administrators
    Feedback(super::feedback::Wish),
    /// About the accounts of this computer
    Accounts(super::accounts::Wish),
}

/// What signing in needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Address as typed
    pub server: String,
    /// User name as typed
    pub user: String,
    /// Password
    pub password: String,
    /// Registration token, may be empty
    pub token: String,
}
