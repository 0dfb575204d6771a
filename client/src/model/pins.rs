//! The pinned messages of the open room, and which of them the bar shows.

use crate::model::item::Preview;

/// A pinned message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// `Message::key`
    pub key: String,
    /// Sender's user id
    pub sender: String,
    /// Sender's name
    pub who: String,
    /// What it says
    pub preview: Preview,
    /// Root of the thread it stands in
    pub thread: Option<String>,
}

/// Wishes about pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Keep a message at the top of the room
    Pin {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
    /// No longer keep it there
    Unpin {
        /// Room id
        room: String,
        /// `Message::key`
        key: String,
    },
}

/// News about pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// All pinned messages of a room, the oldest first
    Pinned {
        /// Room id
        room: String,
        /// The messages
        pins: Vec<Pin>,
    },
}

/// Pins of the open room.
#[derive(Debug, Default)]
pub struct Pins {
    all: Vec<Pin>,
    /// How many newer ones than the one on the bar there are.
    back: usize,
}

impl Pins {
    /// Takes what is pinned now. The bar stays with its message while that is pinned.
    pub fn set(&mut self, pins: Vec<Pin>) {
        let shown = self.shown().map(|pin| pin.key.clone());
        let newest = pins.last().map(|pin| &pin.key) != self.all.last().map(|pin| &pin.key);
        self.back = match shown.and_then(|key| pins.iter().rposition(|pin| pin.key == key)) {
            Some(at) if !newest => pins.len() - 1 - at,
            _ => 0,
        };
        self.all = pins;
    }

    /// All, the newest first.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Pin> {
        self.all.iter().rev()
    }

    /// The one on the bar.
    pub fn shown(&self) -> Option<&Pin> {
        self.all.iter().rev().nth(self.back)
    }

    /// Place of the one on the bar among all, the oldest being 1.
    pub fn place(&self) -> usize {
        self.all.len().saturating_sub(self.back)
    }

    /// Puts the next older one on the bar, the newest after the oldest, and gives the one that was there.
    pub fn turn(&mut self) -> Option<Pin> {
        let pin = self.shown().cloned()?;
        self.back = (self.back + 1) % self.all.len();
        Some(pin)
    }

    /// The pin of a message.
    pub fn get(&self, key: &str) -> Option<&Pin> {
        self.all.iter().find(|pin| pin.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(key: &str) -> Pin {
        Pin {
            key: key.into(),
            sender: "@a:x".into(),
            who: "А".into(),
            preview: Preview::Text(key.into()),
            thread: None,
        }
    }

    fn pins(keys: &[&str]) -> Pins {
        let mut pins = Pins::default();
        pins.set(keys.iter().map(|key| pin(key)).collect());
        pins
    }

    #[test]
    fn the_bar_goes_from_the_newest_to_the_oldest_and_round() {
        let mut pins = pins(&["$1", "$2", "$3"]);
        let keys: Vec<String> = (0..4).filter_map(|_| pins.turn().map(|pin| pin.key)).collect();
        assert_eq!(keys, ["$3", "$2", "$1", "$3"]);
        assert_eq!((pins.shown().unwrap().key.as_str(), pins.place()), ("$2", 2));
    }

    #[test]
    fn a_new_pin_comes_to_the_bar_and_one_that_goes_leaves_it_alone() {
        let mut pins = pins(&["$1", "$2", "$3"]);
        pins.turn();
        pins.set(vec![pin("$2"), pin("$3")]);
        assert_eq!(pins.shown().unwrap().key, "$2");
        pins.set(vec![pin("$2"), pin("$3"), pin("$4")]);
        assert_eq!(pins.shown().unwrap().key, "$4");
        pins.set(Vec::new());
        assert!(pins.shown().is_none() && pins.turn().is_none() && pins.place() == 0);
    }
}
