//! The recovery of an account's keys: how things stand, when the person is reminded, and what is wished and told.

use crate::model::update::Failure;

/// Between "later" and the next reminder, in milliseconds: a week.
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How recovery stands on this device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// The server has not said yet
    #[default]
    Unknown,
    /// The account has no recovery key
    Missing,
    /// It has one, and nobody said that it was put away
    Unsaved,
    /// It has one, and this device has not the keys it leads to
    Locked,
    /// All is well
    Ready,
}

impl Standing {
    /// Whether the bar asks about it now. Of a key, "later" holds for a week; a device that cannot read is told of until
    /// it can.
    #[must_use]
    pub fn reminds(self, later_ms: Option<i64>, now_ms: i64) -> bool {
        match self {
            Self::Unknown | Self::Ready => false,
            Self::Locked => true,
            Self::Missing | Self::Unsaved => later_ms.is_none_or(|later| now_ms.saturating_sub(later) >= WEEK_MS),
        }
    }
}

/// Words that no log may hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A wish of the person.
#[derive(Clone, PartialEq, Eq)]
pub enum Wish {
    /// Make a recovery key, or another one where the first was not put away; the password may be empty
    Make(Secret),
    /// The key was put away
    Kept,
    /// Ask again in a week
    Later,
    /// Read earlier messages by this recovery key
    Unlock(Secret),
    /// The key is lost: begin anew, with the password
    Reset(Secret),
    /// Look once more for the keys of messages of a room that cannot be read
    AskAgain(String),
    /// Tell what signing out would lose
    Weigh,
}

/// Why a wish was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// As with any other request
    Failed(Failure),
    /// The recovery key is not that of the account
    WrongKey,
    /// The server wants the password
    Password,
    /// The password is wrong
    WrongPassword,
    /// The account has keys that only another device has
    Elsewhere,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How things stand, and whether the bar says so
    Stands(Standing, bool),
    /// Keys of messages are being put into the backup: so many of so many
    Progress(u64, u64),
    /// The new recovery key
    Made(Secret),
    /// This device has the keys now
    Unlocked,
    /// The keys of a room were looked for; whether messages that cannot be read are left
    Asked {
        /// Some are left
        left: bool,
    },
    /// So many messages have not been sent
    Unsent(usize),
    /// What was asked for was not done
    Trouble(Trouble),
}

/// A recovery key in groups of four, as it is read and written by hand.
#[must_use]
pub fn grouped(key: &str) -> String {
    let signs: Vec<char> = key.chars().filter(|sign| !sign.is_whitespace()).collect();
    signs.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_holds_for_a_week_but_not_for_a_device_that_cannot_read() {
        assert!(Standing::Missing.reminds(None, 0));
        assert!(!Standing::Missing.reminds(Some(0), WEEK_MS - 1));
        assert!(Standing::Unsaved.reminds(Some(0), WEEK_MS));
        assert!(Standing::Locked.reminds(Some(0), 1));
        assert!(!Standing::Ready.reminds(None, WEEK_MS));
        assert!(!Standing::Unknown.reminds(None, WEEK_MS));
    }

    #[test]
    fn a_key_is_read_in_groups_of_four() {
        assert_eq!(grouped("EsTabc dEf\ng"), "EsTa bcdE fg");
        assert_eq!(grouped(""), "");
    }

    #[test]
    fn a_secret_is_not_told_to_a_log() {
        assert_eq!(format!("{:?}", News::Made(Secret("EsTa".into()))), "Made(Secret)");
    }
}
