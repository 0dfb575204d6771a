//! The words of a text as they are searched: in small letters and, in Russian and English, whatever their endings.

use std::collections::BTreeSet;

use ruma::{CanonicalJsonObject, RoomId, events::TimelineEventType};
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The longest word in characters; of longer ones the beginning counts.
const MAX_WORD: usize = 64;
/// Letters of a room's id in the word that stands for it: enough to tell rooms apart by far the most of the time.
const ROOM_LETTERS: usize = 24;

/// The words of a text in small letters, in their order.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    // Names of files may have й and ё in two parts: a letter and what stands above it.
    let apart = |letter: char| !letter.is_alphanumeric() && !is_combining_mark(letter);
    let found = text.split(apart).filter(|word| word.contains(char::is_alphanumeric));
    found.map(|word| {
        let letters = word.nfc().flat_map(char::to_lowercase).map(|letter| if letter == 'ё' { 'е' } else { letter });
        letters.take(MAX_WORD).collect()
    })
}

/// A word without its ending. A word that is neither Russian nor English stays as it is.
pub fn stem(word: &str) -> String {
    let algorithm = if word.chars().all(|letter| matches!(letter, 'а'..='я')) {
        Algorithm::Russian
    } else if word.bytes().all(|letter| letter.is_ascii_lowercase()) {
        Algorithm::English
    } else {
        return word.to_owned();
    };
    Stemmer::create(algorithm).stem(word).into_owned()
}

/// The different stems of a text.
pub fn stems(text: &str) -> BTreeSet<String> {
    words(text).map(|word| stem(&word)).collect()
}

/// The word that stands for a room in the index. No text has it: none of its words has this sign.
pub fn of_room(room_id: &RoomId) -> String {
    let letters = room_id.as_str().chars().filter(char::is_ascii_alphanumeric).take(ROOM_LETTERS);
    std::iter::once('§').chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
}

/// Where the text of an event stands that is searched.
fn field(kind: &TimelineEventType) -> Option<&'static str> {
    match kind {
        TimelineEventType::RoomMessage => Some("body"),
        TimelineEventType::RoomName => Some("name"),
        TimelineEventType::RoomTopic => Some("topic"),
        _ => None,
    }
}

/// Whether events of a type are searched.
pub fn is_searched(kind: &TimelineEventType) -> bool {
    field(kind).is_some()
}

/// The text by which an event is found: a message's, without the one that it answers to; what an edit makes of a message;
/// a room's name or topic.
pub fn text<'a>(kind: &TimelineEventType, content: &'a CanonicalJsonObject) -> Option<&'a str> {
    let field = field(kind)?;
    let relation = content.get("m.relates_to").and_then(|relation| relation.as_object());
    let of_relation = |field: &str| relation.and_then(|relation| relation.get(field));
    let edits = of_relation("rel_type").and_then(|kind| kind.as_str()) == Some("m.replace");
    let said = if edits { content.get("m.new_content")?.as_object()? } else { content };
    let text = said.get(field)?.as_str()?;
    Some(if of_relation("m.in_reply_to").is_some() { without_quote(text) } else { text })
}

/// A text without the lines in front by which older clients quote what it answers to.
fn without_quote(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with("> ") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

/// The stems by which an event is found, apart by spaces; `None` for an event that is not searched.
pub fn of_event(kind: &TimelineEventType, content: &CanonicalJsonObject) -> Option<String> {
    let stems = stems(text(kind, content)?);
    (!stems.is_empty()).then(|| stems.into_iter().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruma::room_id;
    use serde_json::json;

    use super::*;
    use crate::domain::event::canonical_content;

    #[test]
    fn forms_of_a_word_are_one() {
        for (forms, other) in [
            (vec!["Урок", "уроки", "УРОКОВ", "уроками"], "урон"),
            (vec!["алгебра", "алгебры", "алгебре", "алгеброй"], "геометрия"),
            (vec!["контрольная", "контрольной", "контрольные"], "контур"),
            (vec!["ёлка", "елка", "ёлки", "е\u{308}лка"], "палка"),
            (vec!["район", "раи\u{306}он"], "раи"),
            (vec!["Lesson", "lessons"], "less"),
            (vec!["running", "runs", "run"], "ruin"),
            (vec!["7Б", "7б"], "7в"),
        ] {
            let found: BTreeSet<String> = forms.iter().flat_map(|form| stems(form)).collect();
            assert_eq!(found.len(), 1, "{forms:?}: {found:?}");
            assert!(stems(other).is_disjoint(&found), "{other}: {found:?}");
        }
    }

    #[test]
    fn texts_are_taken_apart() {
        for (text, expected) in [
            ("Дом.Сад,  don't_stop", vec!["дом", "сад", "don", "t", "stop"]),
            ("👍 — !", vec![]),
            ("IMG_2024.jpg", vec!["img", "2024", "jpg"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
        assert_eq!(words(&"ы".repeat(100)).next().map(|word| word.chars().count()), Some(MAX_WORD));
    }

    #[test]
    fn events_are_found_by_what_they_say() {
        for (kind, content, expected) in [
            ("m.room.message", json!({ "msgtype": "m.text", "body": "Привет" }), Some("Привет")),
            ("m.room.message", json!({ "msgtype": "m.text", "body": 7 }), None),
            ("m.room.topic", json!({ "topic": "Физика" }), Some("Физика")),
            ("m.room.name", json!({ "body": "Имя" }), None),
            ("m.room.encrypted", json!({ "body": "шифр" }), None),
            (
                "m.room.message",
                json!({ "body": "> <@a:b> вопрос\n> ещё\n\nответ", "m.relates_to": { "m.in_reply_to": { "event_id": "$a" } } }),
                Some("\nответ"),
            ),
            ("m.room.message", json!({ "body": "> цитата" }), Some("> цитата")),
            (
                "m.room.message",
                json!({
                    "body": "* новое", "m.new_content": { "body": "новое" },
                    "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" },
                }),
                Some("новое"),
            ),
            (
                "m.room.message",
                json!({ "body": "* новое", "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" } }),
                None,
            ),
        ] {
            let content = canonical_content(&content).expect("canonical JSON");
            assert_eq!(text(&kind.into(), &content), expected, "{kind} {content:?}");
        }
    }

    #[test]
    fn a_room_has_a_word_of_its_own() {
        let word = of_room(room_id!("!AbC-d:parta.test"));
        assert_eq!(word, "§abcdpartatest");
        assert!(stems(&word).iter().all(|stem| *stem != word));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_index(text in ".{0,200}") {
            for stem in stems(&text) {
                prop_assert!(!stem.is_empty() && !stem.contains([' ', '"', '\0', '§']), "{stem:?}");
            }
        }
    }
}
