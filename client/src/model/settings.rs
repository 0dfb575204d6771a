//! What the settings ask of the account and of the local store, and what comes back. Choices of this computer alone are
//! [`crate::settings`].

use crate::model::update::Failure;

/// Of which messages rooms tell unless told otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tells {
    /// All
    #[default]
    All,
    /// Those that name the account or hold a key word
    Mentions,
    /// None
    Nothing,
}

/// A wish from the settings.
#[derive(Clone, PartialEq, Eq)]
pub enum Wish {
    /// Tell what the account keeps: whom it ignores, its rules of notification
    Describe,
    /// Measure what is kept on this computer
    Measure,
    /// Another password
    ChangePassword {
        /// The one until now
        old: String,
        /// The one from now on
        new: String,
    },
    /// Show messages of a person again, by user id
    Unignore(String),
    /// Default of rooms
    Rooms(Tells),
    /// Default of personal chats
    Chats(Tells),
    /// One more word that calls
    AddKeyword(String),
    /// One word less
    RemoveKeyword(String),
    /// Delete the attachments kept on this computer
    ClearMedia,
    /// Delete the messages kept on this computer; they are loaded again as rooms are opened
    Refetch,
}

/// Rules of notification that the account keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Default of rooms
    pub rooms: Tells,
    /// Default of personal chats
    pub chats: Tells,
    /// Words that call
    pub keywords: Vec<String>,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// User ids of those ignored
    Ignored(Vec<String>),
    /// Rules of notification
    Rules(Rules),
    /// Bytes kept on this computer
    Sizes {
        /// In all
        store: u64,
        /// Of these, attachments
        media: u64,
    },
    /// The password is another one now
    PasswordChanged,
    /// It is not
    PasswordFailed(Failure),
    /// A wish was done
    Done,
    /// A wish was not done
    Failed(Failure),
}
