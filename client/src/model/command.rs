//! What the view asks of the Matrix side.

use std::path::PathBuf;

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
    },
    /// Change a message
    Edit {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
        /// New words
        text: String,
    },
    /// Send a file from disk
    SendFile {
        /// Room id
        room: String,
        /// Where it lies
        path: PathBuf,
    },
    /// Send a picture from the clipboard
    SendPixels {
        /// Room id
        room: String,
        /// The picture
        pixels: super::update::Pixels,
    },
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
    /// Load and decode a whole picture
    Picture {
        /// `Media::source`
        source: String,
    },
    /// Save a file where the person said
    SaveFile {
        /// `Media::source`
        source: String,
        /// Where to
        path: PathBuf,
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
    /// Make a room
    CreateRoom {
        /// Name
        name: String,
        /// Topic, may be empty
        topic: String,
        /// Listed, and anyone may join
        public: bool,
        /// Encrypted from the first message
        encrypted: bool,
        /// Local part of its address, may be empty
        alias: String,
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
    /// Ask the game bot for a game, bringing it into the room first
    StartGame {
        /// Room id
        room: String,
        /// `chess` or `tictactoe`
        kind: String,
        /// `ru` or `en`
        lang: String,
    },
    /// Make a move
    Play {
        /// Room id
        room: String,
        /// Which game
        game_id: String,
        /// Event id of the board message
        board: String,
        /// Number of this move
        ply: u32,
        /// The move
        made: String,
    },
    /// Join, decline, cancel, resign, a draw, a rematch
    Act {
        /// Room id
        room: String,
        /// Which game
        game_id: String,
        /// Event id of the board message
        board: String,
        /// One of the actions of docs/games-events.md
        action: String,
    },
    /// About one message
    Menu(super::menu::Wish),
    /// About threads
    Threads(super::threads::Wish),
    /// About pinned messages
    Pins(super::pins::Wish),
    /// Sending a message on
    Forward(super::forward::Wish),
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
