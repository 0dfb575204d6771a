//! The program as a guest of the desktop: where its window lies, and what comes to it from outside.

use serde::{Deserialize, Serialize};

use crate::model::update::PublicRoom;

/// Where the window was, in pixels of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Left edge
    pub x: i32,
    /// Upper edge
    pub y: i32,
    /// Width
    pub width: u32,
    /// Height
    pub height: u32,
    /// It filled its screen; the rest tells where it goes back to
    pub maximised: bool,
}

/// A screen, in the same pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Left edge
    pub x: i32,
    /// Upper edge
    pub y: i32,
    /// Width
    pub width: u32,
    /// Height
    pub height: u32,
}

impl Screen {
    /// Whether a window of this size, with its title and a panel of the system, has no place on it.
    pub fn is_small_for(&self, width: u32, height: u32) -> bool {
        width > self.width || height + PANELS > self.height
    }
}

/// What a title and a panel take of a screen's height, in pixels.
const PANELS: u32 = 80;

/// So much of the upper edge has to be on a screen that the window can be taken hold of, in pixels.
const GRIP: i64 = 80;

impl Place {
    /// Whether the window can be reached there.
    pub fn lies_on(&self, screens: &[Screen]) -> bool {
        let (left, top) = (i64::from(self.x), i64::from(self.y));
        let right = left + i64::from(self.width);
        screens.iter().any(|screen| {
            let (x, y) = (i64::from(screen.x), i64::from(screen.y));
            let across = right.min(x + i64::from(screen.width)) - left.max(x);
            // A frame may begin a few pixels above the screen.
            across >= GRIP && top >= y - 40 && top + GRIP <= y + i64::from(screen.height)
        })
    }

    /// A size that a window may have.
    pub fn sound(&self) -> bool {
        (200..=16_384).contains(&self.width) && (200..=16_384).contains(&self.height)
    }
}

/// What comes from outside of the window: another start, a pressed notification, the tray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// Bring the window to the front
    Show,
    /// Show a room
    Room(String),
    /// Follow a link
    Link(String),
}

/// What is asked of the Matrix side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The room behind a link
    Find {
        /// Room id or address
        address: String,
        /// Event id of a message in it
        event: Option<String>,
        /// Servers to ask
        via: Vec<String>,
    },
    /// The personal chat with a person, if there is one
    Chat(String),
}

/// What the Matrix side found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A room of the account
    Found {
        /// Room id
        room: String,
        /// Event id of a message in it
        event: Option<String>,
    },
    /// A room that could be joined
    Offer {
        /// As the link names it
        address: String,
        /// What is known of it, if anything
        room: Option<PublicRoom>,
    },
    /// There is no chat with this person yet
    NoChat(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREENS: [Screen; 2] =
        [Screen { x: 0, y: 0, width: 1366, height: 768 }, Screen { x: 1366, y: 0, width: 1920, height: 1080 }];

    fn place(x: i32, y: i32) -> Place {
        Place { x, y, width: 1000, height: 700, maximised: false }
    }

    #[test]
    fn a_window_is_where_it_can_be_taken_hold_of() {
        assert!(place(100, 30).lies_on(&SCREENS));
        assert!(place(2000, 300).lies_on(&SCREENS));
        assert!(place(-900, 0).lies_on(&SCREENS), "a corner of it");
        assert!(!place(-990, 0).lies_on(&SCREENS), "a sliver of it");
        assert!(!place(2000, 300).lies_on(&SCREENS[..1]), "that screen is gone");
        assert!(!place(100, 760).lies_on(&SCREENS), "below");
        assert!(!place(100, -300).lies_on(&SCREENS), "above");
        assert!(!place(0, 0).lies_on(&[]));
        assert!(!Place { x: i32::MAX, y: i32::MIN, ..place(0, 0) }.lies_on(&SCREENS));
    }

    #[test]
    fn a_window_fills_a_screen_that_has_no_place_for_it() {
        assert!(SCREENS[0].is_small_for(1200, 760));
        assert!(SCREENS[0].is_small_for(1500, 500));
        assert!(!SCREENS[1].is_small_for(1200, 760));
    }

    #[test]
    fn a_size_of_nothing_is_not_kept() {
        assert!(place(0, 0).sound());
        assert!(!Place::default().sound());
        assert!(!Place { width: u32::MAX, ..place(0, 0) }.sound());
    }
}
