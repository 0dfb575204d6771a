//! What a web page says of itself: OpenGraph data, or in its place title and description. <https://ogp.me/>
//!
//! Only the tokens of the page are looked at. No tree is built, so a page nested a million deep costs no more than
//! another.

use std::{borrow::Cow, cell::RefCell};

use encoding_rs::Encoding;
use html5ever::{
    Attribute,
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata, ScriptData},
    },
};
use serde_json::{Map, Value};

/// The longest value that is handed on, in characters.
const MAX_VALUE: usize = 500;
/// The longest address that is handed on, in characters.
const MAX_LINK: usize = 2000;
/// The properties that are handed on.
const PROPERTIES: [&str; 10] = [
    "og:title",
    "og:description",
    "og:type",
    "og:url",
    "og:site_name",
    "og:locale",
    "og:image",
    "og:image:alt",
    "article:author",
    "article:published_time",
];

/// The text of a page, by the charset that its header or its first kilobyte names; UTF-8 without one.
pub(super) fn decode<'a>(bytes: &'a [u8], content_type: &str) -> Cow<'a, str> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let named = [content_type, &start].into_iter().find_map(|text| {
        let (_, rest) = text.split_once("charset=")?;
        let label = rest.trim_start_matches(['"', '\'', ' ']);
        let end = label.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).unwrap_or(label.len());
        Encoding::for_label(&label.as_bytes()[..end])
    });
    named.unwrap_or(encoding_rs::UTF_8).decode(bytes).0
}

/// A page's OpenGraph data. What it does not say is filled in from its title, its description and its Twitter card.
pub(super) fn open_graph(html: &str) -> Map<String, Value> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // Nothing stops it half-way: the sink asks for no script to be run.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut found = tokenizer.sink.0.into_inner();
    let title = found.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let fallbacks = [
        ("og:title", vec!["twitter:title"], Some(title)),
        ("og:description", vec!["twitter:description", "description"], None),
        ("og:image", vec!["og:image:secure_url", "og:image:url", "twitter:image", "twitter:image:src"], None),
    ];
    for (name, others, last) in fallbacks {
        let value = others.into_iter().find_map(|other| found.meta.get(other).cloned());
        if let Some(value) = value.or_else(|| last.filter(|text| !text.is_empty()).map(Value::from)) {
            found.meta.entry(name).or_insert(value);
        }
    }
    found.meta.retain(|name, _| PROPERTIES.contains(&name.as_str()));
    found.meta
}

#[derive(Default)]
struct Found {
    meta: Map<String, Value>,
    title: String,
    in_title: bool,
    /// Once the body has begun, a title is one of a picture's, not the page's.
    titled: bool,
}

#[derive(Default)]
struct Sink(RefCell<Found>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => return found.tag(&tag),
            Token::CharacterTokens(text) if found.in_title && found.title.len() < MAX_VALUE * 4 => {
                found.title.push_str(&text);
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Found {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let begins = tag.kind == TagKind::StartTag;
        match &*tag.name {
            "title" => {
                self.in_title = begins && !self.titled;
                self.titled |= begins;
            }
            "meta" if begins => self.meta(&tag.attrs),
            _ => {}
        }
        if !begins {
            return TokenSinkResult::Continue;
        }
        // What a tree builder would tell the tokenizer, for elements whose content is text.
        match &*tag.name {
            "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(Rawtext),
            "script" => TokenSinkResult::RawData(ScriptData),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }

    fn meta(&mut self, attributes: &[Attribute]) {
        let attribute = |name: &str| attributes.iter().find(|a| &*a.name.local == name).map(|a| a.value.trim());
        let Some(name) = attribute("property").or_else(|| attribute("name")) else { return };
        let Some(content) = attribute("content").filter(|content| !content.is_empty()) else { return };
        let name = name.to_ascii_lowercase();
        let link = name.ends_with(":url") || name.contains(":image");
        if self.meta.len() >= 100 || name.len() > 64 || (link && content.chars().count() > MAX_LINK) {
            return;
        }
        let most = if link { MAX_LINK } else { MAX_VALUE };
        // The first one counts: a page that shows several pictures names its best one first.
        self.meta.entry(name).or_insert_with(|| content.chars().take(most).collect::<String>().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_graph_data_is_read() {
        let data = open_graph(
            "<!doctype html><html><head><title>Other</title><meta property='og:title' content='Расписание &amp; звонки'>\
             <meta property=og:image content=/a.png><meta name=description content='О школе'>\
             <meta property='og:secret' content=x><script>'<meta property=og:type content=fake>'</script></head>",
        );
        let expected = serde_json::json!({
            "og:title": "Расписание & звонки", "og:image": "/a.png", "og:description": "О школе",
        });
        assert_eq!(Value::Object(data), expected);
    }

    #[test]
    fn a_plain_page_has_its_title() {
        let data = open_graph("<title>\n Школа\n 57 </title><body><svg><title>icon</title></svg><p>text");
        assert_eq!(Value::Object(data), serde_json::json!({ "og:title": "Школа 57" }));
    }

    #[test]
    fn charsets_are_known() {
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode("<meta charset=windows-1251><title>Привет</title>");
        assert!(decode(&bytes, "text/html").contains("Привет"));
        let (bytes, _, _) = encoding_rs::KOI8_R.encode("Привет");
        assert_eq!(decode(&bytes, "text/html; charset=\"koi8-r\""), "Привет");
        assert_eq!(decode("Привет".as_bytes(), ""), "Привет");
    }

    #[test]
    fn a_page_nested_deep_is_no_danger() {
        open_graph(&"<div>".repeat(300_000));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text: String, bytes: Vec<u8>) {
            open_graph(&text);
            open_graph(&decode(&bytes, &text));
        }
    }
}
