//! Keys that work everywhere in the window. One table, which the window obeys and a sheet of shortcuts shows.

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To the search of rooms
    Search,
    /// To the search of messages
    Find,
    /// A new personal chat
    NewChat,
    /// The settings
    Settings,
    /// From the conversation back to the list
    Back,
    /// Letters larger
    Larger,
    /// Letters smaller
    Smaller,
    /// Letters as they were
    Plain,
    /// The sheet of shortcuts
    Sheet,
    /// The handbook
    Help,
    /// End the program
    Quit,
}

/// A key by its place on the keyboard, so that it is the same in every layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// With these letters of the Latin layout
    Letter(char),
    /// `+` of the row of digits or of the block of digits
    Plus,
    /// `-` of either
    Minus,
    /// `0` of either
    Zero,
    /// F1
    F1,
}

/// One line of the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortcut {
    /// What it does
    pub action: Action,
    /// With Ctrl held
    pub control: bool,
    /// The key
    pub key: Key,
    /// As a person reads it
    pub label: &'static str,
}

const fn control(action: Action, key: Key, label: &'static str) -> Shortcut {
    Shortcut { action, control: true, key, label }
}

/// All of them, in the order of the sheet.
pub const SHORTCUTS: [Shortcut; 11] = [
    control(Action::Search, Key::Letter('k'), "Ctrl+K"),
    control(Action::Find, Key::Letter('f'), "Ctrl+F"),
    control(Action::NewChat, Key::Letter('n'), "Ctrl+N"),
    control(Action::Back, Key::Letter('w'), "Ctrl+W"),
    control(Action::Settings, Key::Letter(','), "Ctrl+,"),
    control(Action::Larger, Key::Plus, "Ctrl++"),
    control(Action::Smaller, Key::Minus, "Ctrl+-"),
    control(Action::Plain, Key::Zero, "Ctrl+0"),
    control(Action::Sheet, Key::Letter('/'), "Ctrl+/"),
    Shortcut { action: Action::Help, control: false, key: Key::F1, label: "F1" },
    control(Action::Quit, Key::Letter('q'), "Ctrl+Q"),
];

/// Where keys work, as the sheet groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everywhere in the window
    Everywhere,
    /// The list of rooms, and walking through it
    Rooms,
    /// The field one writes in
    Writing,
    /// A message that the arrow keys came to
    Messages,
    /// The viewer of pictures
    Pictures,
    /// The board of a game
    Board,
}

/// What a line of the sheet speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// See [`Action::Search`]
    Search,
    /// See [`Action::Find`]
    Find,
    /// See [`Action::NewChat`]
    NewChat,
    /// See [`Action::Settings`]
    Settings,
    /// See [`Action::Back`]
    Back,
    /// See [`Action::Larger`]
    Larger,
    /// See [`Action::Smaller`]
    Smaller,
    /// See [`Action::Plain`]
    Plain,
    /// See [`Action::Sheet`]
    Sheet,
    /// See [`Action::Help`]
    Help,
    /// See [`Action::Quit`]
    Quit,
    /// Close a dialog or a menu
    Close,
    /// To the next thing that can be pressed
    Next,
    /// To the room above or below
    Walk,
    /// Open the room that the search found
    OpenFound,
    /// The menu of a room or a message
    Menu,
    /// Send
    Send,
    /// Begin a line
    Line,
    /// Bold
    Bold,
    /// Italic
    Italic,
    /// Code
    Code,
    /// Struck through
    Strike,
    /// Send the picture of the clipboard
    Paste,
    /// Change the own last message
    EditLast,
    /// From the empty field to the messages
    ToMessages,
    /// Give up an answer or a change
    Cancel,
    /// To the message above or below
    WalkMessages,
    /// Answer
    Reply,
    /// Answer in a thread
    Thread,
    /// Change
    Edit,
    /// Copy
    Copy,
    /// Remove
    Remove,
    /// Back to the field
    Leave,
    /// To the picture before or after
    Turn,
    /// Zoom
    Zoom,
    /// Fit to the window
    Fit,
    /// In its own size
    Full,
    /// Copy the picture
    CopyPicture,
    /// Save the picture
    Save,
    /// Walk over the board
    Squares,
    /// Take a piece, or put it down
    Move,
}

impl From<Action> for Deed {
    fn from(action: Action) -> Self {
        match action {
            Action::Search => Self::Search,
            Action::Find => Self::Find,
            Action::NewChat => Self::NewChat,
            Action::Settings => Self::Settings,
            Action::Back => Self::Back,
            Action::Larger => Self::Larger,
            Action::Smaller => Self::Smaller,
            Action::Plain => Self::Plain,
            Action::Sheet => Self::Sheet,
            Action::Help => Self::Help,
            Action::Quit => Self::Quit,
        }
    }
}

/// Keys of single places, which these places obey themselves: where, what, and the keys as a person reads them.
const PLACES: [(Place, Deed, &str); 33] = [
    (Place::Everywhere, Deed::Close, "Esc"),
    (Place::Everywhere, Deed::Next, "Tab"),
    (Place::Rooms, Deed::Walk, "Alt+↑ Alt+↓"),
    (Place::Rooms, Deed::OpenFound, "↑ ↓ Enter"),
    (Place::Rooms, Deed::Menu, "Shift+F10"),
    (Place::Writing, Deed::Send, "Enter"),
    (Place::Writing, Deed::Line, "Shift+Enter"),
    (Place::Writing, Deed::Bold, "Ctrl+B"),
    (Place::Writing, Deed::Italic, "Ctrl+I"),
    (Place::Writing, Deed::Code, "Ctrl+E"),
    (Place::Writing, Deed::Strike, "Ctrl+Shift+X"),
    (Place::Writing, Deed::Paste, "Ctrl+V"),
    (Place::Writing, Deed::EditLast, "Ctrl+↑"),
    (Place::Writing, Deed::ToMessages, "↑"),
    (Place::Writing, Deed::Cancel, "Esc"),
    (Place::Messages, Deed::WalkMessages, "↑ ↓"),
    (Place::Messages, Deed::Reply, "R"),
    (Place::Messages, Deed::Thread, "T"),
    (Place::Messages, Deed::Edit, "E"),
    (Place::Messages, Deed::Copy, "Ctrl+C"),
    (Place::Messages, Deed::Remove, "Delete"),
    (Place::Messages, Deed::Menu, "Enter"),
    (Place::Messages, Deed::Leave, "Esc"),
    (Place::Pictures, Deed::Turn, "← →"),
    (Place::Pictures, Deed::Zoom, "+ -"),
    (Place::Pictures, Deed::Fit, "0"),
    (Place::Pictures, Deed::Full, "1"),
    (Place::Pictures, Deed::CopyPicture, "Ctrl+C"),
    (Place::Pictures, Deed::Save, "Ctrl+S"),
    (Place::Pictures, Deed::Close, "Esc"),
    (Place::Board, Deed::Squares, "← ↑ → ↓"),
    (Place::Board, Deed::Move, "Enter"),
    (Place::Board, Deed::Turn, "← →"),
];

/// The sheet: every line with its place, the lines of a place one after the other.
pub fn sheet() -> impl Iterator<Item = (Place, Deed, &'static str)> {
    SHORTCUTS.iter().map(|one| (Place::Everywhere, one.action.into(), one.label)).chain(PLACES)
}

/// What a key does, if anything.
pub fn action(key: Key, control: bool) -> Option<Action> {
    SHORTCUTS.iter().find(|shortcut| shortcut.key == key && shortcut.control == control).map(|found| found.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_the_table_says() {
        assert_eq!(action(Key::Letter('k'), true), Some(Action::Search));
        assert_eq!(action(Key::Letter('k'), false), None, "a letter is for writing");
        assert_eq!(action(Key::F1, false), Some(Action::Help));
        assert_eq!(action(Key::Zero, true), Some(Action::Plain));
    }

    #[test]
    fn the_sheet_keeps_the_lines_of_a_place_together() {
        let mut places: Vec<Place> = sheet().map(|(place, ..)| place).collect();
        places.dedup();
        assert_eq!(places.len(), 6, "{places:?}");
    }

    #[test]
    fn no_place_has_a_key_twice() {
        let lines: Vec<_> = sheet().filter(|(_, deed, _)| *deed != Deed::Turn).collect();
        for (at, (place, _, keys)) in lines.iter().enumerate() {
            assert!(!lines[at + 1..].iter().any(|other| (other.0, other.2) == (*place, *keys)), "{place:?}: {keys}");
        }
    }

    #[test]
    fn no_key_does_two_things() {
        for (at, one) in SHORTCUTS.iter().enumerate() {
            assert!(!SHORTCUTS[at + 1..].iter().any(|other| (other.key, other.control) == (one.key, one.control)));
        }
    }
}
