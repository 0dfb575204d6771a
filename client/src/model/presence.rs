//! Who is here, and whether the person at this screen is.

use std::{collections::HashMap, time::Duration};

/// How long after the last key or movement a person still counts as here.
pub const IDLE_AFTER: Duration = Duration::from_mins(5);

/// Whether a person is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// At the computer
    Online,
    /// Connected, not at the computer
    Idle,
    /// Not connected
    Offline,
}

/// What is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Whether they are here
    pub kind: Kind,
    /// When they last did something, in milliseconds since the Unix epoch
    pub active_ms: Option<i64>,
}

/// What the view asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The window was used
    Used,
    /// Ask the server about one person, whose presence is on screen
    Ask(String),
}

/// What the server told of people, by id.
pub type News = Vec<(String, Presence)>;

/// All that is known.
#[derive(Debug, Default)]
pub struct Known(HashMap<String, Presence>);

impl Known {
    /// Takes what was told; true if anything is new. One who is told as gone without a time keeps the one known.
    pub fn take(&mut self, news: News) -> bool {
        let mut changed = false;
        for (person, mut presence) in news {
            let before = self.0.get(&person);
            presence.active_ms = presence.active_ms.or_else(|| before.and_then(|before| before.active_ms));
            changed |= before != Some(&presence);
            self.0.insert(person, presence);
        }
        changed
    }

    /// What is known of a person.
    pub fn get(&self, person: &str) -> Option<Presence> {
        self.0.get(person).copied()
    }
}

/// Whether a person who did nothing for so long counts as here.
pub fn is_here(idle: Duration) -> bool {
    idle < IDLE_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, active_ms: Option<i64>) -> News {
        vec![("@anna:academy".into(), Presence { kind, active_ms })]
    }

    #[test]
    fn a_time_once_known_stays_until_a_newer_one_comes() {
        let mut known = Known::default();
        assert!(known.take(told(Kind::Online, Some(5))));
        assert!(!known.take(told(Kind::Online, Some(5))), "nothing new");
        assert!(known.take(told(Kind::Offline, None)));
        assert_eq!(known.get("@anna:academy"), Some(Presence { kind: Kind::Offline, active_ms: Some(5) }));
        assert!(known.take(told(Kind::Offline, Some(9))));
        assert_eq!(known.get("@anna:academy").unwrap().active_ms, Some(9));
        assert_eq!(known.get("@oleg:academy"), None);
    }

    #[test]
    fn five_minutes_without_a_key_and_a_person_is_away() {
        assert!(is_here(Duration::from_secs(299)));
        assert!(!is_here(Duration::from_mins(5)));
    }
}
