//! Emoji to choose from: in groups, by words of both languages, and those that were used last.

use std::{collections::HashMap, sync::LazyLock};

use emojis::{Emoji, Group};

use crate::model::composer::folded;

/// Emoji in a row of the panel.
pub const COLUMNS: usize = 8;
/// Emoji kept as used last.
const RECENT: usize = 32;
/// Emoji found at most.
const FOUND: usize = 160;

/// The newest version of emoji that there are pictures of.
const NEWEST: u32 = 17;

/// Words of a line are what its emoji is found by in Russian; the first names it.
const RUSSIAN: &str = include_str!("emoji/russian.txt");

/// Russian words by emoji.
static WORDS: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| RUSSIAN.lines().filter_map(|line| line.split_once(' ')).collect());

/// A row of the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Begins those that were used last
    Recent,
    /// Begins a group
    Group(Group),
    /// Emoji, [`COLUMNS`] at most
    Emoji(Vec<String>),
}

/// Where the arrow keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the one before
    Left,
    /// To the next one
    Right,
    /// To the row above
    Up,
    /// To the row below
    Down,
}

/// What an emoji is called, for those who hear it.
pub fn name(key: &str, russian: bool) -> String {
    let words = WORDS.get(key).filter(|_| russian).map(|words| (*words).to_owned());
    words.or_else(|| emojis::get(key).map(|emoji| emoji.name().to_owned())).unwrap_or_else(|| key.to_owned())
}

/// Whether there is a picture of an emoji.
fn drawn(emoji: &Emoji) -> bool {
    emoji.emoji_version().major() <= NEWEST
}

/// How well an emoji fits the words that are looked for, the less the better; `None` where it does not.
fn rank(emoji: &Emoji, terms: &[String]) -> Option<usize> {
    let russian = WORDS.get(emoji.as_str()).copied().unwrap_or_default();
    let english = emoji.shortcodes().flat_map(|code| code.split('_')).chain(emoji.name().split([' ', '-']));
    let words: Vec<String> = russian.split_whitespace().chain(english).map(folded).collect();
    // A whole word, then one of the first words of its line, then any.
    terms
        .iter()
        .map(|term| {
            words
                .iter()
                .enumerate()
                .filter(|(_, word)| word.starts_with(term.as_str()))
                .map(|(index, word)| if word == term { index.min(9) } else { 10 + index.min(9) })
                .min()
        })
        .sum()
}

fn ranked(term: &str, most: usize) -> Vec<&'static Emoji> {
    let terms: Vec<String> = folded(term)
        .split(|c: char| c.is_whitespace() || c == '_')
        .filter(|term| !term.is_empty())
        .map(Into::into)
        .collect();
    if terms.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, &Emoji)> =
        emojis::iter().filter(|emoji| drawn(emoji)).filter_map(|emoji| Some((rank(emoji, &terms)?, emoji))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, emoji)| emoji).take(most).collect()
}

/// Emoji for the beginning of a name as it is typed after a colon, each with the name that it was found by.
pub fn complete(start: &str, most: usize) -> Vec<(&'static str, String)> {
    let term = folded(start);
    ranked(start, most)
        .into_iter()
        .map(|emoji| {
            let fits = |word: &&str| folded(word).starts_with(&term);
            let russian = || WORDS.get(emoji.as_str()).and_then(|words| words.split_whitespace().find(fits));
            let name = emoji.shortcodes().find(fits).or_else(russian).or_else(|| emoji.shortcode());
            (emoji.as_str(), name.unwrap_or_else(|| emoji.name()).to_owned())
        })
        .collect()
}

/// The rows of the panel: what is looked for, or all groups after those that were used last.
pub fn rows(term: &str, recent: &[String]) -> Vec<Row> {
    if !term.trim().is_empty() {
        return in_rows(ranked(term, FOUND).into_iter().map(Emoji::as_str)).collect();
    }
    let mut rows = Vec::new();
    if !recent.is_empty() {
        rows.push(Row::Recent);
        rows.extend(in_rows(recent.iter().map(String::as_str)));
    }
    for group in Group::iter() {
        rows.push(Row::Group(group));
        rows.extend(in_rows(group.emojis().filter(|emoji| drawn(emoji)).map(Emoji::as_str)));
    }
    rows
}

fn in_rows<'a>(keys: impl Iterator<Item = &'a str>) -> impl Iterator<Item = Row> {
    let keys: Vec<String> = keys.map(ToOwned::to_owned).collect();
    let rows: Vec<Row> = keys.chunks(COLUMNS).map(|row| Row::Emoji(row.to_vec())).collect();
    rows.into_iter()
}

/// An emoji was used: it comes to the front of those that were.
pub fn used(recent: &mut Vec<String>, key: &str) {
    recent.retain(|other| other != key);
    recent.insert(0, key.to_owned());
    recent.truncate(RECENT);
}

/// The place that a key leads to from a row and a column; from nowhere to the first emoji.
pub fn step(rows: &[Row], place: Option<(usize, usize)>, way: Way) -> Option<(usize, usize)> {
    let width = |row: usize| match rows.get(row) {
        Some(Row::Emoji(keys)) => keys.len(),
        _ => 0,
    };
    let below = |from: usize| (from..rows.len()).find(|row| width(*row) > 0);
    let above = |to: usize| (0..to).rev().find(|row| width(*row) > 0);
    let Some((row, column)) = place else { return below(0).map(|row| (row, 0)) };
    let next = match way {
        Way::Left if column > 0 => Some((row, column - 1)),
        Way::Left => above(row).map(|row| (row, width(row) - 1)),
        Way::Right if column + 1 < width(row) => Some((row, column + 1)),
        Way::Right => below(row + 1).map(|row| (row, 0)),
        Way::Up => above(row).map(|row| (row, column.min(width(row) - 1))),
        Way::Down => below(row + 1).map(|row| (row, column.min(width(row) - 1))),
    };
    next.or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(term: &str) -> Vec<&'static str> {
        ranked(term, 12).into_iter().map(Emoji::as_str).collect()
    }

    #[test]
    fn every_line_of_the_russian_words_has_an_emoji_and_words() {
        let lines = RUSSIAN.lines().count();
        assert!(lines > 400 && WORDS.len() == lines, "each emoji has one line");
        for (key, words) in WORDS.iter() {
            let known = emojis::get(key).unwrap_or_else(|| panic!("{key} is no emoji"));
            assert_eq!(known.as_str(), *key, "as the table of all emoji writes it");
            assert!(!words.trim().is_empty(), "{key}");
        }
    }

    #[test]
    fn words_of_both_languages_find_emoji() {
        assert_eq!(found("ракета")[0], "🚀");
        assert_eq!(found("rocket")[0], "🚀");
        assert!(found("спасиб").contains(&"🙏"));
        assert!(found("ЁЛКА").contains(&"🎄") && found("елка").contains(&"🎄"));
        assert!(found("сердце красное").contains(&"❤️"));
        assert!(found("нетакогослова").is_empty() && found(" ").is_empty());
    }

    #[test]
    fn a_name_is_completed_with_what_it_was_found_by() {
        assert!(complete("tad", 8).contains(&("🎉", "tada".to_owned())));
        assert!(complete("подар", 8).contains(&("🎁", "подарок".to_owned())));
        assert!(complete("s", 3).len() <= 3);
    }

    #[test]
    fn the_panel_begins_with_what_was_used_last() {
        let mut recent = Vec::new();
        for n in 0..40 {
            used(&mut recent, &n.to_string());
        }
        used(&mut recent, "39");
        used(&mut recent, "20");
        assert_eq!((recent.len(), recent[0].as_str(), recent[1].as_str()), (RECENT, "20", "39"));
        let rows = rows("", &recent);
        assert_eq!(rows[0], Row::Recent);
        assert_eq!(rows[1 + RECENT / COLUMNS], Row::Group(Group::SmileysAndEmotion));
        assert_eq!(rows.iter().filter(|row| matches!(row, Row::Group(_))).count(), 9);
    }

    #[test]
    fn arrows_go_over_the_headings() {
        let row = |count: usize| Row::Emoji(vec![String::new(); count]);
        let rows = [Row::Recent, row(3), Row::Group(Group::Flags), row(8), row(1)];
        let go = |place, way| step(&rows, Some(place), way);
        assert_eq!(step(&rows, None, Way::Down), Some((1, 0)));
        assert_eq!(go((1, 2), Way::Right), Some((3, 0)));
        assert_eq!(go((3, 0), Way::Left), Some((1, 2)));
        assert_eq!(go((3, 5), Way::Down), Some((4, 0)));
        assert_eq!(go((3, 5), Way::Up), Some((1, 2)));
        assert_eq!(go((4, 0), Way::Down), Some((4, 0)));
        assert_eq!(step(&[], None, Way::Down), None);
    }
}
