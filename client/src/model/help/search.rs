//! Finding words in the handbook: each word looked for has to begin a word of the part that is found.

use crate::model::{
    formatted::{self, Run},
    help::page::{Kind, Page},
};

/// The most that is found at once.
const MOST: usize = 30;
/// How much of the words around is shown before what was found, and in all, in characters.
const BEFORE: usize = 40;
const LENGTH: usize = 160;

/// A part of a page that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Index of the page
    pub page: usize,
    /// The block it begins with
    pub block: usize,
    /// What its heading says
    pub title: String,
    /// Words around what was found
    pub around: formatted::Block,
}

/// A letter as it is compared: small, and ё as е. Always one for one, so that places stay places.
fn fold(letter: char) -> char {
    match letter.to_lowercase().next().unwrap_or(letter) {
        'ё' => 'е',
        small => small,
    }
}

/// The words of what a person typed.
pub fn words(term: &str) -> Vec<String> {
    let folded: String = term.chars().map(fold).collect();
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Where words begin with one of these: first character and number of characters.
fn places(text: &str, words: &[String]) -> Vec<(usize, usize)> {
    let letters: Vec<char> = text.chars().map(fold).collect();
    let mut found = Vec::new();
    for at in 0..letters.len() {
        if at > 0 && letters[at - 1].is_alphanumeric() {
            continue;
        }
        let longest = words
            .iter()
            .filter(|word| word.chars().enumerate().all(|(n, letter)| letters.get(at + n) == Some(&letter)))
            .map(|word| word.chars().count())
            .max();
        found.extend(longest.map(|length| (at, length)));
    }
    found
}

/// The block with what was found marked.
pub fn marked(block: &formatted::Block, words: &[String]) -> formatted::Block {
    if words.is_empty() || block.kind == formatted::Kind::Code {
        return block.clone();
    }
    let mut runs = Vec::new();
    for run in &block.runs {
        let part = |from: usize, to: usize, mark: bool| Run {
            text: run.text.chars().skip(from).take(to - from).collect(),
            strong: run.strong || mark,
            underline: run.underline || mark,
            ..run.clone()
        };
        // Code among words has one style only.
        if run.code {
            runs.push(run.clone());
            continue;
        }
        let mut at = 0;
        for (from, length) in places(&run.text, words) {
            runs.push(part(at, from, false));
            runs.push(part(from, from + length, true));
            at = from + length;
        }
        runs.push(part(at, run.text.chars().count(), false));
    }
    runs.retain(|run| !run.text.is_empty());
    formatted::Block { runs, ..block.clone() }
}

/// The part that has all the words, those with them in the heading first.
pub fn find(pages: &[Page], words: &[String]) -> Vec<Hit> {
    if words.is_empty() {
        return Vec::new();
    }
    let has = |text: &str, word: &String| !places(text, std::slice::from_ref(word)).is_empty();
    let mut found = Vec::new();
    for (page, Page { blocks, .. }) in pages.iter().enumerate() {
        let heads: Vec<usize> = (0..blocks.len()).filter(|at| blocks[*at].kind.begins()).collect();
        for (index, head) in heads.iter().copied().enumerate() {
            let end = heads.get(index + 1).copied().unwrap_or(blocks.len());
            let texts: Vec<String> = blocks[head..end].iter().map(super::Block::text).collect();
            if !words.iter().all(|word| texts.iter().any(|text| has(text, word))) {
                continue;
            }
            let titled = words.iter().filter(|word| has(&texts[0], word)).count();
            let of_title = usize::from(blocks[head].kind == Kind::Title);
            let body = texts[1..].iter().find(|text| words.iter().any(|word| has(text, word))).or(texts.get(1));
            let around = body.map(|text| around(text, words)).unwrap_or_default();
            found.push((titled, of_title, Hit { page, block: head, title: texts[0].clone(), around }));
        }
    }
    found.sort_by_key(|(titled, of_title, _)| std::cmp::Reverse((*titled, *of_title)));
    found.into_iter().map(|(.., hit)| hit).take(MOST).collect()
}

/// A line of words around the first that was found.
fn around(text: &str, words: &[String]) -> formatted::Block {
    let letters: Vec<char> = text.chars().collect();
    let place = places(text, words).first().map_or(0, |(at, _)| *at);
    let mut from = place.saturating_sub(BEFORE);
    // Not in the middle of a word.
    while from > 0 && from < place && letters[from - 1].is_alphanumeric() {
        from += 1;
    }
    let to = (from + LENGTH).min(letters.len());
    let mut line: String = letters[from..to].iter().collect();
    if from > 0 {
        line.insert(0, '…');
    }
    if to < letters.len() {
        line.push('…');
    }
    let plain = formatted::Block { runs: vec![Run { text: line, ..Run::default() }], ..formatted::Block::default() };
    marked(&plain, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(term: &str) -> Vec<Hit> {
        let pages = [
            Page::read("a", "# Файлы\n\nЁлка и **прикреплённый** файл.\n\n## Отмена\n\nНажмите крестик у файла."),
            Page::read("b", "# Комнаты\n\nНичего.\n\n### Где файлы?\n\nВ комнате."),
        ];
        find(&pages, &words(term))
    }

    fn marks(block: &formatted::Block) -> Vec<&str> {
        block.runs.iter().filter(|run| run.underline).map(|run| run.text.as_str()).collect()
    }

    #[test]
    fn words_are_found_by_their_beginning_in_any_spelling_of_yo() {
        assert_eq!(found("елк")[0].title, "Файлы");
        assert_eq!(found("ПРИКРЕПЛЕНН")[0].title, "Файлы");
        assert!(found("лка").is_empty(), "not in the middle");
        assert!(found("  ,").is_empty());
        assert!(found("ёлка крестик").is_empty(), "both have to be in one part");
    }

    #[test]
    fn headings_come_first_and_hits_are_marked() {
        let hits = found("файл");
        let titles: Vec<&str> = hits.iter().map(|hit| hit.title.as_str()).collect();
        assert_eq!(titles, ["Файлы", "Где файлы?", "Отмена"]);
        assert_eq!(marks(&hits[0].around), ["файл"]);
        assert_eq!(hits[1].block, 2);
        assert_eq!(hits[1].around.text(), "В комнате.");
    }

    #[test]
    fn marking_keeps_the_words_and_their_styles() {
        let page = Page::read("a", "# А\n\nКод `файл`, **файл** и файлы.");
        let block = marked(&page.blocks[1].cells[0], &words("файл"));
        assert_eq!(block.text(), "Код файл, файл и файлы.");
        assert_eq!(marks(&block), ["файл", "файл"]);
    }

    #[test]
    fn long_words_are_cut_around_the_hit() {
        let text = format!("{} нужное слово {}", "лишнее ".repeat(30), "потом ".repeat(60));
        let line = around(&text, &words("нужно"));
        let words = line.text();
        assert!(words.starts_with('…') && words.ends_with('…') && words.chars().count() <= LENGTH + 2, "{words}");
        assert_eq!(marks(&line), ["нужно"]);
    }
}
