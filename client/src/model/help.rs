//! The handbook inside the program: its pages, what unfolds on them, and finding words in all of them. The pages are the
//! files of `docs/handbook`, so that nothing has to be loaded and the help fits the program it comes with.

pub mod page;
pub mod search;

use std::collections::BTreeSet;

use crate::options::Language;

pub use page::{Block, Kind, Page};
pub use search::Hit;

/// A page in both languages.
pub struct Source {
    /// The name of its file, and of the page in links
    pub id: &'static str,
    russian: &'static str,
    english: &'static str,
}

impl Source {
    /// The text in a language.
    pub fn text(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => self.russian,
            Language::En => self.english,
        }
    }
}

macro_rules! source {
    ($id:literal) => {
        Source {
            id: $id,
            russian: include_str!(concat!("../../../docs/handbook/ru/", $id, ".md")),
            english: include_str!(concat!("../../../docs/handbook/en/", $id, ".md")),
        }
    };
}

/// The pages, in the order of the contents. What is for administrators stands beside these files and is not shown.
pub const SOURCES: [Source; 9] = [
    source!("beginner"),
    source!("messages"),
    source!("rooms"),
    source!("files"),
    source!("games"),
    source!("encryption"),
    source!("settings"),
    source!("shortcuts"),
    source!("faq"),
];

/// Where a link of the handbook leads: a page, and the place on it that it names.
pub fn parts(link: &str) -> (&str, &str) {
    let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
    (page.strip_suffix(".md").unwrap_or(page), anchor)
}

/// What is being read.
pub struct Reader {
    language: Language,
    /// All pages of the language
    pub pages: Vec<Page>,
    /// The page that is open
    pub at: usize,
    open: BTreeSet<(usize, usize)>,
    /// What is looked for, as [`search::words`] reads it; marked on the pages
    pub words: Vec<String>,
    /// Where it was found
    pub hits: Vec<Hit>,
}

impl Reader {
    /// At the first page.
    pub fn new(language: Language) -> Self {
        let pages = SOURCES.iter().map(|source| Page::read(source.id, source.text(language))).collect();
        Self { language, pages, at: 0, open: BTreeSet::new(), words: Vec::new(), hits: Vec::new() }
    }

    /// The same page in another language. What was looked for is of no use there. False if nothing changes.
    pub fn speak(&mut self, language: Language) -> bool {
        let other = language != self.language;
        if other {
            // Pages have the same headings in both languages, so what is unfolded stays.
            *self = Self { at: self.at, ..Self::new(language) };
        }
        other
    }

    /// The page that is open.
    pub fn page(&self) -> &Page {
        &self.pages[self.at]
    }

    /// Goes where a link leads. Returns the block to show, none where there is no such page.
    pub fn go(&mut self, link: &str) -> Option<usize> {
        let (id, anchor) = parts(link);
        let at = if id.is_empty() { self.at } else { self.pages.iter().position(|page| page.id == id)? };
        let block = self.pages[at].blocks.iter().position(|block| !anchor.is_empty() && block.anchor == anchor);
        self.show(at, block.unwrap_or(0));
        block.or(Some(0))
    }

    /// Shows a block of a page, unfolded if it is folded.
    pub fn show(&mut self, page: usize, block: usize) {
        self.at = page.min(self.pages.len() - 1);
        if self.page().blocks.get(block).is_some_and(|block| block.kind == Kind::Question) {
            self.open.insert((self.at, block));
        }
    }

    /// Unfolds a question of the open page, or folds it.
    pub fn unfold(&mut self, block: usize) {
        if !self.open.remove(&(self.at, block)) {
            self.open.insert((self.at, block));
        }
    }

    /// A question of the open page is unfolded.
    pub fn is_open(&self, block: usize) -> bool {
        self.open.contains(&(self.at, block))
    }

    /// A block of the open page belongs to a question that is folded.
    pub fn is_hidden(&self, block: usize) -> bool {
        let blocks = &self.page().blocks;
        !blocks[block].kind.begins()
            && blocks[..block]
                .iter()
                .rposition(|block| block.kind.begins())
                .is_some_and(|head| blocks[head].kind == Kind::Question && !self.is_open(head))
    }

    /// Looks for words in all pages; nothing is looked for if there are none.
    pub fn search(&mut self, term: &str) {
        self.words = search::words(term);
        self.hits = search::find(&self.pages, &self.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::shortcuts;

    #[test]
    fn a_link_leads_to_its_place_and_unfolds_it() {
        let mut reader = Reader::new(Language::Ru);
        let block = reader.go("faq.md#password").unwrap();
        assert_eq!((reader.page().id, reader.page().blocks[block].kind), ("faq", Kind::Question));
        assert!(reader.is_open(block) && !reader.is_hidden(block + 1));
        reader.unfold(block);
        assert!(!reader.is_open(block) && reader.is_hidden(block + 1) && !reader.is_hidden(block));
        assert_eq!(reader.go("#password"), Some(block), "on the same page");
        assert_eq!(reader.go("nowhere"), None);
        assert_eq!(reader.page().id, "faq", "stays where it was");
    }

    #[test]
    fn the_page_stays_in_another_language() {
        let mut reader = Reader::new(Language::Ru);
        reader.go("games");
        assert!(!reader.speak(Language::Ru));
        assert!(reader.speak(Language::En));
        assert_eq!(reader.page().id, "games");
        assert_eq!(reader.page().title, "Games");
    }

    #[test]
    fn questions_are_only_where_they_unfold_and_every_one_has_an_answer() {
        for language in [Language::Ru, Language::En] {
            let reader = Reader::new(language);
            let faq = reader.pages.iter().find(|page| page.id == "faq").unwrap();
            let questions = faq.blocks.iter().filter(|block| block.kind == Kind::Question).count();
            assert!(questions >= 30, "{questions} questions");
            for pair in faq.blocks.windows(2) {
                assert!(pair[0].kind != Kind::Question || !pair[1].kind.begins(), "{:?}", pair[0].text());
            }
        }
    }

    #[test]
    fn the_page_of_shortcuts_has_every_key() {
        for source in SOURCES.iter().filter(|source| source.id == "shortcuts") {
            for language in [Language::Ru, Language::En] {
                for (place, _, keys) in shortcuts::sheet() {
                    for key in keys.split(' ') {
                        assert!(source.text(language).contains(&format!("`{key}`")), "{place:?}: {key}");
                    }
                }
            }
        }
    }
}
