//! The account's devices, as the settings list them.

use crate::model::{
    crypto::{Secret, Trouble},
    update::Failure,
};

/// Longest name of a device that is taken, in characters.
pub const LONGEST_NAME: usize = 100;

/// Whether a device has the account's confirmation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// It has no keys: it cannot read what is encrypted
    #[default]
    NoKeys,
    /// Nobody has confirmed it
    Unconfirmed,
    /// It is confirmed
    Confirmed,
}

/// A device of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Device id
    pub id: String,
    /// Its name, or empty
    pub name: String,
    /// When the server saw it last, in milliseconds since the Unix epoch
    pub seen_ms: Option<i64>,
    /// This one
    pub here: bool,
    /// Whether it is confirmed
    pub standing: Standing,
}

/// This device first, then those that were seen last.
pub fn sort(devices: &mut [Device]) {
    devices.sort_by(|one, other| {
        other.here.cmp(&one.here).then(other.seen_ms.cmp(&one.seen_ms)).then_with(|| one.id.cmp(&other.id))
    });
}

/// A wish of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// List them
    List,
    /// Call a device by another name
    Rename {
        /// Device id
        id: String,
        /// The name
        name: String,
    },
    /// Sign these out
    SignOut {
        /// Device ids
        ids: Vec<String>,
        /// May be empty: the server asks if it wants it
        password: Secret,
    },
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// All of them, in the order to show
    Known(Vec<Device>),
    /// They were signed out
    SignedOut,
    /// The list did not come, or a name was not kept
    Failed(Failure),
    /// They were not signed out
    Refused(Trouble),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_device_comes_first_then_what_was_seen_last() {
        let device = |id: &str, seen_ms, here| Device { id: id.into(), seen_ms, here, ..Device::default() };
        let mut devices = [
            device("old", Some(1), false),
            device("never", None, false),
            device("here", Some(5), true),
            device("new", Some(9), false),
        ];
        sort(&mut devices);
        assert_eq!(devices.each_ref().map(|device| device.id.as_str()), ["here", "new", "old", "never"]);
    }
}
