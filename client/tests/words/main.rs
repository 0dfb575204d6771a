//! Every word of the interface has a Russian translation, and every translation keeps its placeholders.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod handbook;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A message of `ui/` or of the Russian file: context, words, plural words.
type Key = (Option<String>, String);

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "slint") {
            found.push(path);
        }
    }
}

/// Reads a string literal at the start of `text` and returns it with what follows.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    for (at, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((text[..at].to_owned(), &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn used() -> BTreeMap<Key, PathBuf> {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut paths);
    let mut used = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for call in text.split("@tr(").skip(1) {
            let (first, rest) = literal(call).unwrap_or_else(|| panic!("{}: @tr without words", path.display()));
            let key = match rest.trim_start().strip_prefix("=>") {
                Some(rest) => (Some(first), literal(rest).unwrap().0),
                None => (None, first),
            };
            used.insert(key, path.clone());
        }
    }
    used
}

fn russian() -> BTreeMap<Key, Vec<String>> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("lang/ru/LC_MESSAGES/parta-ui.po")).unwrap();
    let mut found = BTreeMap::new();
    for block in text.split("\n\n") {
        let (mut context, mut id, mut words) = (None, None, Vec::new());
        for line in block.lines() {
            if let Some(rest) = line.strip_prefix("msgctxt ") {
                context = literal(rest).map(|(words, _)| words);
            } else if let Some(rest) = line.strip_prefix("msgid ") {
                id = literal(rest).map(|(words, _)| words);
            } else if line.starts_with("msgstr") {
                words.push(literal(line.split_once(' ').unwrap().1).unwrap().0);
            }
        }
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            found.insert((context, id), words);
        }
    }
    found
}

fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    found.sort_unstable();
    found
}

#[test]
fn every_word_is_translated_and_no_translation_is_left_over() {
    let (used, russian) = (used(), russian());
    for (key, path) in &used {
        let words = russian.get(key).unwrap_or_else(|| panic!("{}: {key:?} has no Russian", path.display()));
        assert!(words.iter().all(|words| !words.is_empty()), "{key:?} is empty in Russian");
    }
    for key in russian.keys() {
        assert!(used.contains_key(key), "{key:?} is translated but not used");
    }
}

#[test]
fn translations_keep_their_placeholders() {
    for ((_, id), words) in russian() {
        for word in words {
            assert_eq!(placeholders(&word), placeholders(&id), "{id:?} → {word:?}");
        }
    }
}

/// What has the same name in every language.
const NAMES: [&str; 1] = ["Parta"];

#[test]
fn no_words_are_left_out_of_the_translation() {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for property in ["text", "label", "title", "placeholder", "hint"] {
            for (words, _) in text.split(&format!("{property}: ")).skip(1).filter_map(literal) {
                // What is put together from other strings has no words of its own.
                let own: String =
                    words.split("\\{").map(|part| part.split_once('}').map_or(part, |(_, own)| own)).collect();
                assert!(
                    NAMES.contains(&own.as_str()) || !own.contains(char::is_alphabetic),
                    "{}: {words:?} is not translated",
                    path.display()
                );
            }
        }
    }
}
