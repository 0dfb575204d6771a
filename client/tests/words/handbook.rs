//! The handbook speaks both languages alike, its links lead somewhere, and what it calls a button is called so.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use parta_client::{
    model::help::{Kind, Page, SOURCES, parts},
    options::Language,
};

use super::russian;

fn folder(language: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/handbook").join(language)
}

fn names(language: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(language)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// All pages of a language by name: also those that the program does not show.
fn pages(language: &str) -> BTreeMap<String, Page> {
    let page = |name: String| {
        let text = std::fs::read_to_string(folder(language).join(&name)).unwrap();
        (name.strip_suffix(".md").unwrap().to_owned(), Page::read("", &text))
    };
    names(language).into_iter().map(page).collect()
}

#[test]
fn both_languages_have_the_same_pages() {
    assert_eq!(names("ru"), names("en"));
    let index = std::fs::read_to_string(folder("README.md")).unwrap();
    for name in names("ru") {
        for language in ["ru", "en"] {
            assert!(index.contains(&format!("({language}/{name})")), "README.md does not name {language}/{name}");
        }
    }
    for source in &SOURCES {
        assert!(names("ru").contains(&format!("{}.md", source.id)));
        assert_ne!(source.text(Language::Ru), source.text(Language::En));
    }
}

#[test]
fn both_languages_have_the_same_headings_lists_and_tables() {
    let english = pages("en");
    for (name, russian) in pages("ru") {
        let shape = |page: &Page| -> Vec<(Kind, bool, u8, usize, String)> {
            let of = |block: &parta_client::model::help::Block| {
                (block.kind, block.note, block.cells[0].indent, block.cells.len(), block.anchor.clone())
            };
            page.blocks.iter().map(of).collect()
        };
        assert_eq!(shape(&russian), shape(&english[&name]), "{name}: ru, en");
    }
}

#[test]
fn links_lead_to_a_page_and_a_place_on_it() {
    for language in ["ru", "en"] {
        let pages = pages(language);
        for (name, page) in &pages {
            let runs = page.blocks.iter().flat_map(|block| &block.cells).flat_map(|cell| &cell.runs);
            let links = runs.filter_map(|run| run.link.as_deref()).filter(|link| !link.contains(':'));
            for link in links.filter(|link| parts(link).0.is_empty() || !link.starts_with("..")) {
                let (target, anchor) = parts(link);
                let target = if target.is_empty() { name } else { target };
                let found = pages.get(target).unwrap_or_else(|| panic!("{language}/{name}: no page {link}"));
                assert!(
                    anchor.is_empty() || found.blocks.iter().any(|block| block.anchor == anchor),
                    "{language}/{name}: no place {link}"
                );
            }
        }
    }
}

#[test]
fn the_program_leads_to_pages_that_there_are() {
    let pages = pages("ru");
    let mut paths = Vec::new();
    super::files(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut paths);
    let mut led = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        // Help.open("…"), and the table of failures.
        for place in ["Help.open(", "Failure) -> string {"] {
            let rests = text.split(place).skip(1).filter(|rest| place == "Help.open(" || rest.contains("faq#"));
            for rest in rests {
                let targets: Vec<&str> = if place == "Help.open(" {
                    rest.strip_prefix('"').and_then(|rest| rest.split('"').next()).into_iter().collect()
                } else {
                    rest.split("return \"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
                };
                for target in targets.into_iter().filter(|target| !target.is_empty()) {
                    led += 1;
                    let (page, anchor) = parts(target);
                    let found = pages.get(page).unwrap_or_else(|| panic!("{}: {target}", path.display()));
                    assert!(
                        anchor.is_empty() || found.blocks.iter().any(|block| block.anchor == anchor),
                        "{}: {target}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(led > 8, "{led}");
}

#[test]
fn bold_words_are_words_of_the_interface() {
    let words = russian();
    let english: BTreeSet<&str> = words.keys().map(|(_, id)| id.as_str()).collect();
    let russian: BTreeSet<&str> = words.values().flatten().map(String::as_str).collect();
    for (language, known) in [(Language::Ru, russian), (Language::En, english)] {
        for source in &SOURCES {
            let page = Page::read(source.id, source.text(language));
            let words = page.blocks.iter().filter(|block| block.kind != Kind::Head).flat_map(|block| &block.cells);
            for run in words.flat_map(|cell| &cell.runs).filter(|run| run.strong) {
                assert!(known.contains(run.text.as_str()), "{language:?} {}: {:?}", source.id, run.text);
            }
        }
    }
}
