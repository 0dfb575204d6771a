//! What a client wants of a room: how much of its timeline, and which state.

use std::{collections::BTreeSet, sync::Arc};

use ruma::{UInt, UserId, events::StateEventType};

use crate::domain::{event::Event, rooms::state::RoomState};

/// The most events that a client may ask for at once.
const MAX_TIMELINE: usize = 1_000;

/// The longest type and state key that an event may have, in bytes: what is longer names none.
/// <https://spec.matrix.org/v1.18/client-server-api/#size-limits>
const MAX_NAME: usize = 255;

/// What is wanted of a room. Where several lists and subscriptions name it, all that any of them wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The last events, at most.
    pub timeline_limit: usize,
    /// Whether members are told as they are needed (`$LAZY`).
    pub lazy: bool,
    state: BTreeSet<Element>,
}

/// State of a type and with a key; `None` stands for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    kind: Option<StateEventType>,
    key: Option<String>,
}

impl Config {
    /// What one list or subscription asks for. `$ME` is the user's own id, `*` anything.
    pub fn new(timeline_limit: UInt, required: &[(StateEventType, String)], user_id: &UserId) -> Self {
        let limit = usize::try_from(u64::from(timeline_limit)).unwrap_or(usize::MAX);
        let mut config = Self { timeline_limit: limit.min(MAX_TIMELINE), ..Self::default() };
        for (kind, key) in required {
            if key == "$LAZY" {
                config.lazy |= *kind == StateEventType::RoomMember;
                continue;
            }
            if key.len() > MAX_NAME || kind.to_string().len() > MAX_NAME {
                continue;
            }
            let key = match key.as_str() {
                "*" => None,
                "$ME" => Some(user_id.as_str().to_owned()),
                key => Some(key.to_owned()),
            };
            let kind = Some(kind).filter(|kind| kind.to_string() != "*").cloned();
            config.state.insert(Element { kind, key });
        }
        config
    }

    /// Takes in what another list or subscription wants of the same room.
    pub fn add(&mut self, other: &Self) {
        self.timeline_limit = self.timeline_limit.max(other.timeline_limit);
        self.lazy |= other.lazy;
        self.state.extend(other.state.iter().cloned());
    }

    /// Whether some state may be wanted that another does not want.
    pub fn goes_beyond(&self, other: &Self) -> bool {
        !self.state.is_subset(&other.state) || (other.lazy && !self.lazy)
    }

    /// Whether a state event is wanted. Members that are told as they are needed are so even where all types are wanted.
    pub fn wants(&self, event: &Event) -> bool {
        event.state_key.as_deref().is_some_and(|key| self.names(&event.state_type(), key))
    }

    fn names(&self, kind: &StateEventType, key: &str) -> bool {
        let lazy = self.lazy && *kind == StateEventType::RoomMember;
        self.state.iter().any(|element| {
            element.kind.as_ref().map_or(!lazy, |wanted| wanted == kind)
                && element.key.as_deref().is_none_or(|wanted| wanted == key)
        })
    }

    /// The state of a room that is wanted. Where single events are named, no others are looked at.
    pub fn of<'r>(&'r self, room: &'r RoomState) -> impl Iterator<Item = &'r Arc<Event>> {
        let named = self.state.iter().filter_map(|element| match element {
            Element { kind: Some(kind), key: Some(key) } => room.get(kind, key),
            _ => None,
        });
        let of_type = self.state.iter().filter_map(|element| match element {
            Element { kind: Some(kind), key: None } => Some(kind),
            _ => None,
        });
        let of_types = of_type.flat_map(|kind| room.of_type(kind).map(|(_, event)| event));
        let any = self.state.iter().any(|element| element.kind.is_none());
        let of_any = any.then(|| room.all().filter(|event| self.wants(event))).into_iter().flatten();
        named.chain(of_types).chain(of_any)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{uint, user_id};

    use super::*;

    fn config(required: &[(&str, &str)]) -> Config {
        let required: Vec<_> = required.iter().map(|(kind, key)| ((*kind).into(), (*key).to_owned())).collect();
        Config::new(uint!(1), &required, user_id!("@anna:parta.test"))
    }

    #[test]
    fn asterisks_and_names_are_matched() {
        for (required, kind, key, expected) in [
            (&[("m.room.name", "")][..], "m.room.name", "", true),
            (&[("m.room.name", "")], "m.room.topic", "", false),
            (&[("m.room.member", "$ME")], "m.room.member", "@anna:parta.test", true),
            (&[("m.room.member", "$ME")], "m.room.member", "@boris:parta.test", false),
            (&[("m.room.member", "$LAZY")], "m.room.member", "@boris:parta.test", false),
            (&[("m.space.child", "*")], "m.space.child", "!a", true),
            (&[("*", "*")], "m.room.member", "@boris:parta.test", true),
            (&[("*", "*"), ("m.room.member", "$LAZY")], "m.room.member", "@boris:parta.test", false),
            (&[("*", "*"), ("m.room.member", "$LAZY")], "m.room.name", "", true),
            (&[("*", "@boris:parta.test")], "m.room.member", "@boris:parta.test", true),
            (&[("*", "@boris:parta.test")], "m.room.member", "@anna:parta.test", false),
        ] {
            assert_eq!(config(required).names(&kind.into(), key), expected, "{required:?} {kind} {key}");
        }
    }

    #[test]
    fn what_names_no_event_is_not_remembered() {
        let long = "x".repeat(MAX_NAME + 1);
        assert_eq!(config(&[("m.space.child", &long), (&long, "")]), config(&[]));
    }

    #[test]
    fn two_make_the_larger() {
        let mut one = config(&[("m.room.name", "")]);
        let mut other = config(&[("m.room.topic", ""), ("m.room.member", "$LAZY")]);
        other.timeline_limit = 20;
        one.add(&other);
        assert_eq!((one.timeline_limit, one.lazy), (20, true));
        assert!(one.names(&"m.room.name".into(), "") && one.names(&"m.room.topic".into(), ""));
    }
}
