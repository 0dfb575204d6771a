//! Words as Markdown that the view can draw: links made pressable, everything else as it was written.

/// Words longer than this, in characters, are cut until the person asks for all: long texts are slow to lay out.
pub const LONG: usize = 4_000;

/// The words to show, cut where they are long; true if they were cut.
pub fn cut(text: &str, all: bool) -> (String, bool) {
    if all {
        return (text.to_owned(), false);
    }
    match text.char_indices().nth(LONG) {
        Some((end, _)) => (format!("{}…", &text[..end]), true),
        None => (text.to_owned(), false),
    }
}

/// Addresses in plain words, in order, as byte ranges.
fn links(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = ["https://", "http://", "matrix:roomid/"]
        .iter()
        .filter_map(|scheme| text[from..].find(scheme))
        .min()
        .map(|at| from + at)
    {
        let rest = &text[start..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '«' | '»')).unwrap_or(rest.len());
        // Signs at the end belong to the sentence, not to the address.
        let address = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
        let place = address.split_once("://").or_else(|| address.split_once('/'));
        if place.is_some_and(|(_, place)| !place.is_empty()) {
            found.push(start..start + address.len());
        }
        from = start + end.max(1);
    }
    found
}

/// Signs that mean something in Markdown get a backslash.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            // Markdown joins lines; two spaces before the end keep them apart.
            '\n' => out.push_str("  \n"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '=' | '.' | '!' | '~'
            | '|' | '<' | '>' | '&' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
}

/// Markdown for plain words that hold addresses; `None` where plain text will do.
pub fn linked(text: &str) -> Option<String> {
    let links = links(text);
    if links.is_empty() {
        return None;
    }
    let mut out = String::new();
    let mut at = 0;
    for link in links {
        escape(&text[at..link.start], &mut out);
        let address = &text[link.clone()];
        out.push('[');
        escape(address, &mut out);
        out.push_str("](");
        out.push_str(&destination(address));
        out.push(')');
        at = link.end;
    }
    escape(&text[at..], &mut out);
    Some(out)
}

/// An address as Markdown's links take it.
pub(super) fn destination(address: &str) -> String {
    let mut out = String::new();
    for c in address.chars() {
        match c {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            c if c.is_whitespace() || c.is_control() => out.push_str("%20"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_and_the_rest_is_escaped() {
        assert_eq!(linked("без ссылок *тут*"), None);
        assert_eq!(
            linked("см. https://a.lan/x_1, *да*").unwrap(),
            "см\\. [https://a\\.lan/x\\_1](https://a.lan/x_1), \\*да\\*"
        );
        assert_eq!(linked("(http://b.lan)").unwrap(), "\\([http://b\\.lan](http://b.lan)\\)");
        assert_eq!(linked("https:// пусто"), None);
        assert_eq!(linked("matrix:roomid/a/e/b").unwrap(), "[matrix:roomid/a/e/b](matrix:roomid/a/e/b)");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let long = "я".repeat(LONG + 1);
        let (short, was_cut) = cut(&long, false);
        assert!(was_cut && short.chars().count() == LONG + 1 && short.ends_with('…'));
        assert_eq!(cut(&long, true), (long, false));
        assert_eq!(cut("коротко", false), ("коротко".to_owned(), false));
    }
}
