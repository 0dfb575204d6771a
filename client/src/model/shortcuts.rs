//! Keys that work everywhere in the window. One table, which the window obeys and a sheet of shortcuts shows.

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To the search of rooms
    Search,
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
pub const SHORTCUTS: [Shortcut; 10] = [
    control(Action::Search, Key::Letter('k'), "Ctrl+K"),
    control(Action::NewChat, Key::Letter('n'), "Ctrl+N"),
    control(Action::Back, Key::Letter('w'), "Ctrl+W"),
    control(Action::Settings, Key::Letter(','), "Ctrl+,"),
    control(Action::Larger, Key::Plus, "Ctrl++"),
    control(Action::Smaller, Key::Minus, "Ctrl+-"),
    control(Action::Plain, Key::Zero, "Ctrl+0"),
    control(Action::Help, Key::Letter('/'), "Ctrl+/"),
    Shortcut { action: Action::Help, control: false, key: Key::F1, label: "F1" },
    control(Action::Quit, Key::Letter('q'), "Ctrl+Q"),
];

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
    fn no_key_does_two_things() {
        for (at, one) in SHORTCUTS.iter().enumerate() {
            assert!(!SHORTCUTS[at + 1..].iter().any(|other| (other.key, other.control) == (one.key, one.control)));
        }
    }
}
