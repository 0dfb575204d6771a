//! Reads the imports and keeps the direction of dependencies that docs/ARCHITECTURE.md promises.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers, lowest first; a module may use those before it, and itself.
const LAYERS: &[&[&str]] = &[
    &["clock", "config", "error", "event", "limits", "lock", "tasks", "telemetry", "tls"],
    &["storage"],
    &["domain"],
    &["sync", "appservices", "assistant", "backup"],
    &["app"],
    &["api", "admin"],
    &["server", "lib", "main", "cli"],
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of sources").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            into.push(entry);
        }
    }
}

fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(&root).expect("below the root").display().to_string();
            (name, fs::read_to_string(file).expect("a source"))
        })
        .collect()
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn every_module_has_a_layer() {
    for (file, _) in all() {
        assert!(layer(module(&file)).is_some(), "{file}: give its module a layer in this test and in ARCHITECTURE.md");
    }
}

#[test]
fn sql_stands_in_storage() {
    for (file, text) in all() {
        if module(&file) == "storage" {
            continue;
        }
        for statement in ["\"SELECT ", "\"INSERT INTO", "\"UPDATE ", "\"DELETE FROM"] {
            assert!(!text.contains(statement), "{file} has SQL; it belongs into storage/");
        }
    }
}

#[test]
fn only_the_facade_names_an_engine() {
    for (file, text) in all() {
        let engines = ["sqlx::sqlite", "sqlx::postgres", "sqlx::Sqlite", "sqlx::Postgres"];
        assert!(
            file == "storage/db.rs" || !engines.iter().any(|engine| text.contains(engine)),
            "{file} names an engine"
        );
    }
}

#[test]
fn http_stands_in_api_and_admin() {
    for (file, text) in all() {
        let may = ["api", "admin", "server", "app", "error", "telemetry"].contains(&module(&file));
        assert!(may || !text.contains("axum::"), "{file} speaks HTTP; it belongs into api/ or admin/");
    }
}

/// The modules that a source imports from its own crate.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if !rest.starts_with('{') {
            found.push(name(rest));
            continue;
        }
        // `use crate::{a::b, c::{d, e}}`: the names at the first level.
        let mut depth = 0;
        let mut start = true;
        for (index, letter) in rest.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && start && letter.is_ascii_lowercase() {
                found.push(name(&rest[index..]));
                start = false;
            }
            start |= depth == 1 && (letter == ',' || letter == '{');
        }
    }
    found
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn nothing_below_imports_anything_above() {
    for (file, text) in all() {
        // The container of services names them all, and what is above the domain is handed the container.
        let (own, Some(at)) = (module(&file), layer(module(&file))) else { continue };
        if own == "app" {
            continue;
        }
        for import in imports(&text) {
            let Some(above) = layer(&import) else { continue };
            let container = import == "app" && at >= 3;
            assert!(above <= at || container, "{file} imports {import}, which stands above it");
        }
    }
}

#[test]
fn imports_are_read() {
    let text = "use crate::{\n    app::App,\n    domain::{event::Event, rooms::view},\n    error::Result,\n};\nuse crate::clock::Clock;";
    assert_eq!(imports(text), ["app", "domain", "error", "clock"]);
}
