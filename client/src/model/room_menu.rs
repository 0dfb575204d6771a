//! What is done with one room of the list.

/// Which messages of a room are told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Notify {
    /// All
    #[default]
    All,
    /// Those that name the account
    Mentions,
    /// None
    Mute,
}

/// Which rooms of the scope are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Filter {
    /// All
    #[default]
    All,
    /// Those with something unread
    Unread,
    /// Personal chats
    People,
    /// Rooms of many
    Rooms,
}

/// A wish about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Room id
    pub room: String,
    /// What is done with it
    pub act: Act,
}

/// What can be done with a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// To the favourites, or no longer
    Favourite(bool),
    /// To the end of the list, or no longer
    Low(bool),
    /// Mark as unread, or as read
    Mark(bool),
    /// What is told of
    Notify(Notify),
}
