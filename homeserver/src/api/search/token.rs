//! Where the next results of a search begin.

use std::{fmt, str::FromStr};

use ruma::{OwnedRoomId, OwnedUserId};

use crate::{
    domain::{
        event::{Event, Position},
        rooms::search::{Found, Hit},
    },
    error::ApiError,
};

/// A place in the results of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Before which position the search begins.
    pub(super) before: Position,
    /// How many of what it finds were told before.
    pub(super) skip: usize,
    /// Of which results alone.
    pub(super) group: Option<Group>,
}

/// Results that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Those of a room.
    Room(OwnedRoomId),
    /// Those by a sender.
    Sender(OwnedUserId),
}

impl Group {
    /// Whether an event belongs to it.
    pub(super) fn has(&self, event: &Event) -> bool {
        match self {
            Self::Room(room_id) => event.room_id == *room_id,
            Self::Sender(user_id) => event.sender == *user_id,
        }
    }
}

impl Token {
    /// Where the results begin that come after the first `told` of those that were found, or of these the ones of a group;
    /// `None` if there are no more.
    pub(super) fn next(&self, found: &Found, told: usize, group: Option<Group>) -> Option<Self> {
        let group = self.group.clone().or(group);
        let has = |hit: &&Hit| group.as_ref().is_none_or(|group| group.has(&hit.event));
        let (before, after) = found.hits.split_at(told);
        if after.iter().any(|hit| has(&hit)) {
            return Some(Self { before: self.before, skip: before.iter().filter(has).count(), group });
        }
        found.more_before.map(|before| Self { before, skip: 0, group })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.before, self.skip)?;
        match &self.group {
            None => Ok(()),
            Some(Group::Room(room_id)) => write!(f, "_{room_id}"),
            Some(Group::Sender(user_id)) => write!(f, "_{user_id}"),
        }
    }
}

impl FromStr for Token {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let mut parts = text.splitn(3, '_');
            Some(Self {
                before: parts.next()?.parse().ok().filter(|position: &Position| *position >= 0)?,
                skip: parts.next()?.parse().ok()?,
                group: match parts.next() {
                    None => None,
                    Some(id) if id.starts_with('@') => Some(Group::Sender(id.try_into().ok()?)),
                    Some(id) => Some(Group::Room(id.try_into().ok()?)),
                },
            })
        };
        parse()
            .ok_or_else(|| ApiError::invalid_param("next_batch is no token of a search. Leave it out to begin anew."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::{owned_room_id, owned_user_id};

    use super::*;

    proptest! {
        #[test]
        fn reads_what_it_writes(before in 0..i64::MAX, skip in any::<usize>(), kind in 0..3) {
            let group = match kind {
                0 => None,
                1 => Some(Group::Room(owned_room_id!("!a_b_c:parta.test"))),
                _ => Some(Group::Sender(owned_user_id!("@a_b_c:parta.test"))),
            };
            let token = Token { before, skip, group };
            prop_assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Token>();
        }
    }
}
