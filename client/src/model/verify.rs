//! Verification of a device or a person by seven emoji or a QR code (spec: client-server API, "Device verification"): how
//! far it is, and what is wished and told. One runs at a time.

use crate::model::update::Failure;

/// With whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partner {
    /// User id
    pub person: String,
    /// Name of the person, or of the account's other device where it is known
    pub name: String,
    /// Another device of the account itself
    pub own: bool,
}

/// A QR code: a square of light and dark points.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// Points of a side
    pub side: usize,
    /// Row by row, true where it is dark
    pub dark: Vec<bool>,
}

impl std::fmt::Debug for Code {
    /// It holds keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

/// Why a verification ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The other side did not want it, or stopped it
    Declined,
    /// Nobody answered in time
    Late,
    /// What was compared differs
    Mismatch,
    /// Another device of the account answered
    Elsewhere,
    /// There is no other device, or the person has no keys
    Nobody,
    /// As with any other request
    Failed(Failure),
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The other side asks
    Asked,
    /// The other side is asked
    Waiting,
    /// Both are there: the way is chosen; the code is for the other side's camera, if it can read it
    Ready(Option<Code>),
    /// The other side has read the code: is that so?
    Scanned,
    /// Emoji are on their way
    Preparing,
    /// Both sides show these, by their numbers in the specification
    Emoji([u8; 7]),
    /// Both sides show these numbers: the other one knows no emoji
    Numbers([u16; 3]),
    /// Said here; the other side has not yet
    Confirming,
    /// The keys are verified
    Done,
    /// It ended before
    Ended(End),
}

impl Stage {
    /// Nothing comes after it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done | Self::Ended(_))
    }
}

/// A wish of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Ask all other devices of the account
    Own,
    /// Ask this device of the account
    Device(String),
    /// Ask a person
    Person(String),
    /// Answer the one who asks
    Accept,
    /// Compare emoji
    Compare,
    /// What is compared is the same, or the code was read by the right device
    Same,
    /// It is not
    Different,
    /// Stop, or say no
    Stop,
    /// How a person's keys stand
    Look(String),
    /// The changed keys of a person are taken as they are
    Take(String),
}

/// How the keys of a person stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// The person has none, or it is not known yet
    #[default]
    Unknown,
    /// Never compared
    Unverified,
    /// Compared
    Verified,
    /// Other ones than those that were compared
    Changed,
}

/// A person whose keys are not those that this device knew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// User id
    pub id: String,
    /// Name
    pub name: String,
    /// The keys from before had been compared
    pub compared: bool,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How far the verification is
    Stage(Partner, Stage),
    /// How a person's keys stand
    Trust(String, Trust),
    /// Those of a room whose keys changed
    Changed {
        /// Room id
        room: String,
        /// Who, by user id
        people: Vec<Changed>,
    },
}

/// The verification on screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// With whom, and how far
    pub now: Option<(Partner, Stage)>,
}

impl State {
    /// Takes what was told.
    pub fn take(&mut self, partner: Partner, stage: Stage) {
        // What another device answered is its own matter; nobody here began it.
        if stage == Stage::Ended(End::Elsewhere) && matches!(self.now, None | Some((_, Stage::Asked))) {
            self.now = None;
        } else {
            self.now = Some((partner, stage));
        }
    }

    /// What closing the dialog means.
    pub fn close(&mut self) -> Option<Wish> {
        let (_, stage) = self.now.take()?;
        (!stage.is_last()).then_some(Wish::Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_stops_what_is_not_over() {
        let mut state = State::default();
        assert_eq!(state.close(), None);
        state.take(Partner::default(), Stage::Emoji([0; 7]));
        assert_eq!(state.close(), Some(Wish::Stop));
        assert_eq!(state.now, None);
        state.take(Partner::default(), Stage::Done);
        assert_eq!(state.close(), None);
    }

    #[test]
    fn a_question_that_another_device_answered_goes_away_unsaid() {
        let mut state = State::default();
        state.take(Partner::default(), Stage::Asked);
        state.take(Partner::default(), Stage::Ended(End::Elsewhere));
        assert_eq!(state.now, None);
        // What was begun here does not vanish without a word.
        state.take(Partner::default(), Stage::Preparing);
        state.take(Partner::default(), Stage::Ended(End::Elsewhere));
        assert_eq!(state.now, Some((Partner::default(), Stage::Ended(End::Elsewhere))));
    }

    #[test]
    fn a_code_is_not_told_to_a_log() {
        let code = Code { side: 1, dark: vec![true] };
        assert_eq!(format!("{:?}", Stage::Ready(Some(code))), "Ready(Some(Code))");
    }
}
