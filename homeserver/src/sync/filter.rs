//! Filters: which events a client wants.
//! <https://spec.matrix.org/v1.18/client-server-api/#filtering>

use ruma::{
    RoomId, UserId,
    api::client::filter::{Filter, RoomEventFilter, UrlFilter},
};

use crate::domain::event::Event;

/// Whether a filter of room events lets an event through.
pub fn event_wanted(filter: &RoomEventFilter, event: &Event) -> bool {
    type_wanted(filter.types.as_deref(), &filter.not_types, &event.kind.to_string())
        && sender_wanted(filter.senders.as_deref(), &filter.not_senders, &event.sender)
        && room_wanted(filter.rooms.as_deref(), &filter.not_rooms, &event.room_id)
        && match filter.url_filter {
            None => true,
            Some(UrlFilter::EventsWithUrl) => event.content_str("url").is_some(),
            Some(UrlFilter::EventsWithoutUrl) => event.content_str("url").is_none(),
        }
}

/// Whether a filter lets a type through: one of `types` if there are any, none of `not_types`.
pub fn type_wanted(types: Option<&[String]>, not_types: &[String], kind: &str) -> bool {
    types.is_none_or(|types| types.iter().any(|pattern| matches(pattern, kind)))
        && !not_types.iter().any(|pattern| matches(pattern, kind))
}

/// Whether a filter lets a sender through.
pub fn sender_wanted<T: std::ops::Deref<Target = UserId>>(
    senders: Option<&[T]>,
    not_senders: &[T],
    sender: &UserId,
) -> bool {
    senders.is_none_or(|senders| senders.iter().any(|s| **s == *sender)) && !not_senders.iter().any(|s| **s == *sender)
}

/// Whether a filter lets a room through.
pub fn room_wanted<T: std::ops::Deref<Target = RoomId>>(
    rooms: Option<&[T]>,
    not_rooms: &[T],
    room_id: &RoomId,
) -> bool {
    rooms.is_none_or(|rooms| rooms.iter().any(|r| **r == *room_id)) && !not_rooms.iter().any(|r| **r == *room_id)
}

/// Whether a filter of account data or presence lets a type and a sender through.
pub fn wanted(filter: &Filter, kind: &str, sender: Option<&UserId>) -> bool {
    type_wanted(filter.types.as_deref(), &filter.not_types, kind)
        && sender.is_none_or(|sender| sender_wanted(filter.senders.as_deref(), &filter.not_senders, sender))
}

/// `*` stands for any sequence of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn asterisks_stand_for_anything() {
        for (pattern, text, expected) in [
            ("m.room.message", "m.room.message", true),
            ("m.room.message", "m.room.messages", false),
            ("m.*", "m.room.topic", true),
            ("*", "", true),
            ("m.*.x", "m.a.b.x", true),
            ("m.*.x", "m.x", false),
            ("*a*a*", "aa", true),
            ("*a*a*", "a", false),
            ("", "m", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_and_never_panics(pattern in ".{0,20}", text in "[^*]{0,20}") {
            prop_assert!(matches(&text, &text));
            matches(&pattern, &text);
        }
    }
}
