//! Emoji among words. The software renderer draws letters from their outlines, which colour emoji have none of, so they
//! are shown as pictures: words that hold any are broken into lines here, and each line is a row of words and pictures.

use unicode_segmentation::UnicodeSegmentation;

/// Size of the words of a message, `Theme.type-body`, in logical pixels.
const WORDS: f32 = 14.0;
/// Side of an emoji among words.
pub(super) const SMALL: f32 = 18.0;
/// Side of an emoji that stands alone.
pub(super) const BIG: f32 = 44.0;
/// The space between two words, in logical pixels.
const GAP: f32 = 4.0;

/// A part of a line: words, or one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run<P> {
    /// What it says
    pub(super) text: String,
    /// The picture of an emoji
    pub(super) picture: Option<P>,
    /// There is a space before it
    pub(super) gap: bool,
}

/// Lines at most so wide, in logical pixels; `None` where nothing has a picture and plain text will do.
pub(super) fn lines<P>(
    text: &str,
    width: f32,
    side: f32,
    mut picture: impl FnMut(&str) -> Option<P>,
) -> Option<Vec<Vec<Run<P>>>> {
    if !text.graphemes(true).any(may_be_emoji) {
        return None;
    }
    let mut lines = Vec::new();
    for written in text.lines() {
        let (mut line, mut used) = (Vec::new(), 0.0);
        for word in written.split_whitespace() {
            let runs = runs(word, width, &mut picture);
            let wide: f32 = runs.iter().map(|run| run_width(run, side)).sum();
            if used > 0.0 && used + GAP + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            for (index, mut run) in runs.into_iter().enumerate() {
                run.gap = index == 0 && !line.is_empty();
                let wide = run_width(&run, side) + if run.gap { GAP } else { 0.0 };
                // A word wider than a line has come in parts that fit one.
                if used > 0.0 && used + wide > width {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                used += wide;
                add(&mut line, run);
            }
        }
        lines.push(line);
    }
    let pictured = lines.iter().flatten().any(|run| run.picture.is_some());
    pictured.then_some(lines)
}

/// Words that follow words become one run.
fn add<P>(line: &mut Vec<Run<P>>, run: Run<P>) {
    match line.last_mut() {
        Some(last) if last.picture.is_none() && run.picture.is_none() => {
            if run.gap {
                last.text.push(' ');
            }
            last.text.push_str(&run.text);
        }
        _ => line.push(run),
    }
}

/// A word as emoji and what lies between them, in parts that fit a line.
fn runs<P>(word: &str, width: f32, picture: &mut impl FnMut(&str) -> Option<P>) -> Vec<Run<P>> {
    let mut runs: Vec<Run<P>> = Vec::new();
    let mut used = 0.0;
    for grapheme in word.graphemes(true) {
        let picture = if may_be_emoji(grapheme) { picture(grapheme) } else { None };
        let wide = text_width(grapheme);
        match runs.last_mut() {
            Some(last) if last.picture.is_none() && picture.is_none() && used + wide <= width => {
                last.text.push_str(grapheme);
                used += wide;
            }
            _ => {
                used = wide;
                runs.push(Run { text: grapheme.to_owned(), picture, gap: false });
            }
        }
    }
    runs
}

fn run_width<P>(run: &Run<P>, side: f32) -> f32 {
    if run.picture.is_some() { side } else { text_width(&run.text) }
}

fn text_width(text: &str) -> f32 {
    text.chars().map(advance).sum::<f32>() * WORDS
}

/// The width of a letter in ems, near enough for Noto Sans: a bubble has room for the few pixels that a line comes out
/// longer.
fn advance(letter: char) -> f32 {
    match letter {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0.0,
        ' ' => GAP / WORDS,
        'i' | 'j' | 'l' | 'I' | '|' | '!' | '.' | ',' | ':' | ';' | '\'' => 0.28,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '-' | '"' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' | '…' | 'ж' | 'м' | 'ф' | 'ш' | 'щ' | 'ы' | 'ю' | 'Ж' | 'М' | 'Ф'
        | 'Ш' | 'Щ' | 'Ы' | 'Ю' => 0.88,
        '\u{2e80}'.. => 1.0,
        letter if letter.is_uppercase() => 0.68,
        _ => 0.58,
    }
}

/// A cheap look before the pictures are asked. Signs that are text as much as emoji (©, ™, digits) count only with the
/// mark that makes them emoji.
fn may_be_emoji(grapheme: &str) -> bool {
    grapheme.contains(['\u{fe0f}', '\u{20e3}'])
        || grapheme.chars().next().is_some_and(|first| first >= '\u{231a}' && !first.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said, a line a row: emoji in brackets, a gap as `_`.
    fn shown(text: &str, width: f32) -> Option<Vec<String>> {
        let known = |key: &str| ["😀", "🎉", "👍🏽", "1️⃣"].contains(&key).then_some(());
        let write = |run: &Run<()>| {
            let gap = if run.gap { "_" } else { "" };
            if run.picture.is_some() { format!("{gap}[{}]", run.text) } else { format!("{gap}{}", run.text) }
        };
        Some(lines(text, width, SMALL, known)?.iter().map(|line| line.iter().map(write).collect()).collect())
    }

    #[test]
    fn emoji_stand_between_words() {
        let cases: [(&str, &[&str]); 6] = [
            ("Привет всем 😀!", &["Привет всем_[😀]!"]),
            ("😀 🎉", &["[😀]_[🎉]"]),
            ("ура🎉ура", &["ура[🎉]ура"]),
            ("👍🏽\n\nпункт 1️⃣ готов", &["[👍🏽]", "", "пункт_[1️⃣]_готов"]),
            // One without a picture stays a sign of the text.
            ("☂ и 😀", &["☂ и_[😀]"]),
            ("  раз   два  😀", &["раз два_[😀]"]),
        ];
        for (text, lines) in cases {
            assert_eq!(shown(text, 600.0).unwrap(), lines);
        }
    }

    #[test]
    fn words_without_pictures_are_left_to_the_text() {
        for text in ["Привет", "© 2026 №1 — 100 %", "☂", ""] {
            assert_eq!(shown(text, 600.0), None, "{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_bubble() {
        let text = format!("{} 😀 {}😀", "слово ".repeat(40), "щ".repeat(100));
        let lines = lines(&text, 200.0, SMALL, |key| (key == "😀").then_some(())).unwrap();
        assert!(lines.len() > 10);
        for line in &lines {
            let wide: f32 = line.iter().map(|run| run_width(run, SMALL) + if run.gap { GAP } else { 0.0 }).sum();
            assert!(!line.is_empty() && wide < 200.1, "{wide}: {line:?}");
        }
        let said: String = lines.iter().flatten().map(|run| run.text.replace(' ', "")).collect();
        assert_eq!(said, text.replace(' ', ""), "nothing is lost");
    }
}
