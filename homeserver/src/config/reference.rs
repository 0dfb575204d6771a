//! The configuration's reference and its example file are made from the documentation of the types, so that they can never
//! say something else than the program does. `PARTA_UPDATE=1` writes them anew.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use syn::{Fields, GenericArgument, Item, ItemStruct, PathArguments, Type};

use super::{Config, tests::SMALLEST};

/// A struct of the configuration.
struct Section {
    doc: Vec<String>,
    keys: Vec<Key>,
}

struct Key {
    name: String,
    doc: Vec<String>,
    /// The type without `Option` and `Vec` around it.
    kind: String,
    list: bool,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn doc(attributes: &[syn::Attribute]) -> Vec<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok().filter(|meta| meta.path.is_ident("doc"))?.value;
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = value else { return None };
        Some(text.value().trim().to_owned())
    });
    lines.collect()
}

/// The innermost type's name, and whether there are many of it.
fn kind(ty: &Type) -> (String, bool) {
    let Type::Path(path) = ty else { panic!("a configuration of plain types") };
    let last = path.path.segments.last().unwrap();
    let inner = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(inner) => Some(kind(inner)),
            _ => None,
        }),
        _ => None,
    };
    match (last.ident.to_string().as_str(), inner) {
        ("Option", Some(inner)) => inner,
        ("Vec", Some((name, _))) => (name, true),
        (name, _) => (name.to_owned(), false),
    }
}

fn skipped(field: &syn::Field) -> bool {
    field.attrs.iter().any(|attribute| {
        let mut skip = false;
        if attribute.path().is_ident("serde") {
            // Other arguments end the reading early, and are none of our business.
            let _ = attribute.parse_nested_meta(|meta| {
                skip |= meta.path.is_ident("skip");
                Ok(())
            });
        }
        skip
    })
}

fn section(item: &ItemStruct) -> Section {
    let Fields::Named(fields) = &item.fields else { panic!("a configuration of named fields") };
    let keys = fields.named.iter().filter(|field| !skipped(field)).map(|field| {
        let (kind, list) = kind(&field.ty);
        Key { name: field.ident.as_ref().unwrap().to_string(), doc: doc(&field.attrs), kind, list }
    });
    Section { doc: doc(&item.attrs), keys: keys.collect() }
}

fn sections() -> BTreeMap<String, Section> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("config")).unwrap().map(|e| e.unwrap().path()).collect();
    files.push(folder.join("config.rs"));
    let mut all = BTreeMap::new();
    for file in files {
        for item in syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap().items {
            if let Item::Struct(item) = item
                && matches!(item.fields, Fields::Named(_))
                && item.attrs.iter().any(|a| a.path().is_ident("derive"))
            {
                all.insert(item.ident.to_string(), section(&item));
            }
        }
    }
    all
}

/// A type in plain words, and an example of it.
fn words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "bool" => ("true or false", "true"),
        "u16" | "u32" | "u64" | "usize" | "i64" => ("number", "1"),
        "PathBuf" => ("path", "\"/path/to/it\""),
        "SocketAddr" => ("address and port", "\"127.0.0.1:9008\""),
        "IpAddr" => ("IP address", "\"127.0.0.1\""),
        "Url" => ("URL", "\"https://parta.school\""),
        "OwnedUserId" => ("user id", "\"@head:parta.school\""),
        "OwnedServerName" => ("server name", "\"parta.school\""),
        "RoomVersionId" => ("room version", "\"12\""),
        "Bucket" => ("`{ burst, per_minute }`", "{ burst = 10, per_minute = 60 }"),
        "String" => ("text", "\"text\""),
        other => panic!("say in words what a {other} is"),
    }
}

/// Takes a section's path, its header, itself and its own keys.
type Write<'a> = dyn FnMut(&str, &str, &Section, &[&Key]) + 'a;

/// One section and those inside it, in the order in which they stand in the file. The header of one of which there may be
/// many has two brackets.
fn each(sections: &BTreeMap<String, Section>, (name, list): (&str, bool), path: &str, out: &mut Write<'_>) {
    let section = &sections[name];
    let inner = |key: &&Key| sections.contains_key(&key.kind) && key.kind != "Bucket";
    let own: Vec<&Key> = section.keys.iter().filter(|key| !inner(key)).collect();
    if !path.is_empty() {
        let header = if list { format!("[[{path}]]") } else { format!("[{path}]") };
        out(path, &header, section, &own);
    }
    for key in section.keys.iter().filter(inner) {
        let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
        each(sections, (&key.kind, key.list), &path, out);
    }
}

fn default(defaults: &toml::Value, path: &str, key: &str) -> Option<String> {
    let section = path.split('.').try_fold(defaults, |value, part| value.get(part))?;
    Some(section.get(key)?.to_string())
}

/// Keys that a file must have; their defaults are this test's own.
fn required(path: &str, key: &str) -> bool {
    matches!(
        (path, key),
        ("server", "name" | "data_dir")
            | ("login.jwt", "secret" | "algorithm")
            | ("terms.policies", "id" | "version")
            | ("terms.policies.ru" | "terms.policies.en", "name")
    )
}

fn reference(sections: &BTreeMap<String, Section>, defaults: &toml::Value) -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Parta reads one file, by default `/etc/parta/parta.toml` (`--config` names another). \
         [deploy/parta.toml](../deploy/parta.toml) is an example with every key. Every key can be set by the environment \
         too, which counts more than the file: `PARTA__SECTION__KEY`, for example `PARTA__SERVER__LISTEN`. An unknown key \
         is an error. `parta-server config check` says whether a file is right and prints what it comes to.\n\n\
         This page is made from the program's own documentation.\n",
    );
    each(sections, ("Config", false), "", &mut |path, header, section, keys| {
        write!(text, "\n## `{header}`\n\n{}\n", section.doc.join(" ")).unwrap();
        if !keys.is_empty() {
            text.push_str("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        }
        for key in keys {
            let words = words(&key.kind).0;
            let value = if key.list { format!("list of {words}") } else { words.to_owned() };
            let default = match default(defaults, path, &key.name) {
                _ if required(path, &key.name) => "required".to_owned(),
                Some(value) => format!("`{value}`"),
                None => "not set".to_owned(),
            };
            writeln!(text, "| `{}` | {value} | {default} | {} |", key.name, key.doc.join(" ")).unwrap();
        }
    });
    text
}

fn example(sections: &BTreeMap<String, Section>, defaults: &toml::Value) -> String {
    let mut text = String::from(
        "# The configuration of Parta, with every key. What is commented out stands at its default.\n\
         # Check the file with: parta-server --config FILE config check\n",
    );
    each(sections, ("Config", false), "", &mut |path, header, section, keys| {
        let optional = path.contains('.');
        let comment = if optional { "#" } else { "" };
        writeln!(text, "\n# {}\n{comment}{header}", section.doc.join("\n# ")).unwrap();
        for key in keys {
            writeln!(text, "\n# {}", key.doc.join("\n# ")).unwrap();
            let value = default(defaults, path, &key.name);
            let comment = if required(path, &key.name) && !optional { "" } else { "#" };
            let value = value.unwrap_or_else(|| words(&key.kind).1.to_owned());
            writeln!(text, "{comment}{} = {value}", key.name).unwrap();
        }
    });
    text
}

fn defaults() -> toml::Value {
    let config = Config::parse(SMALLEST, std::iter::empty()).unwrap();
    toml::Value::try_from(config).unwrap()
}

fn agree(file: &str, text: &str) {
    let file = root().join(file);
    if std::env::var_os("PARTA_UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{} is out of date: PARTA_UPDATE=1 cargo test -p parta-server reference", file.display());
}

#[test]
fn the_reference_says_what_the_program_does() {
    agree("docs/configuration.md", &reference(&sections(), &defaults()));
}

#[test]
fn the_example_is_complete_and_right() {
    let text = example(&sections(), &defaults());
    agree("deploy/parta.toml", &text);
    let config = Config::parse(&text, std::iter::empty()).unwrap();
    assert_eq!(toml::Value::try_from(config).unwrap(), defaults(), "the example changes nothing");
    // With every key uncommented it must still be read, so that no example is wrong.
    let all: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let all: toml::Table = all.parse().unwrap();
    assert!(all["server"].as_table().unwrap().contains_key("metrics_listen"));
}
