//! What the buttons and keys of formatting do to the words in the composer.

/// Ways to format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Bold
    Bold,
    /// Italic
    Italic,
    /// Struck through
    Strike,
    /// Code, a block of it where it has more than a line
    Code,
    /// A link
    Link,
    /// A quote, line by line
    Quote,
    /// A list, line by line
    List,
}

/// The words and what is selected of them, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The words
    pub text: String,
    /// Where the selection begins
    pub anchor: usize,
    /// Where it ends, and the cursor is
    pub cursor: usize,
}

impl Written {
    /// Nothing selected.
    pub fn at(text: String, cursor: usize) -> Self {
        Self { text, anchor: cursor, cursor }
    }

    /// What is selected, from left to right; what is no place in the words is their end.
    fn selection(&self) -> (usize, usize) {
        let place = |at: usize| if self.text.is_char_boundary(at) { at } else { self.text.len() };
        let (a, b) = (place(self.anchor), place(self.cursor));
        (a.min(b), a.max(b))
    }
}

/// Puts words in place of what is selected.
pub fn insert(written: &Written, words: &str) -> Written {
    let (from, to) = written.selection();
    let text = format!("{}{words}{}", &written.text[..from], &written.text[to..]);
    Written::at(text, from + words.len())
}

/// Formats what is selected, or takes the formatting back.
pub fn mark(written: &Written, mark: Mark) -> Written {
    match mark {
        Mark::Bold => around(written, "**"),
        Mark::Italic => around(written, "_"),
        Mark::Strike => around(written, "~~"),
        Mark::Code => code(written),
        Mark::Link => link(written),
        Mark::Quote => lines(written, "> "),
        Mark::List => lines(written, "- "),
    }
}

fn around(written: &Written, sign: &str) -> Written {
    let (from, to) = written.selection();
    let (before, words, after) = (&written.text[..from], &written.text[from..to], &written.text[to..]);
    let unsigned = |text: String, from: usize, length: usize| Written { text, anchor: from, cursor: from + length };
    // Signs around the selection, or at its ends, go.
    if let (Some(start), Some(end)) = (before.strip_suffix(sign), after.strip_prefix(sign)) {
        return unsigned(format!("{start}{words}{end}"), start.len(), words.len());
    }
    if let Some(inner) = words.strip_prefix(sign).and_then(|rest| rest.strip_suffix(sign)) {
        return unsigned(format!("{before}{inner}{after}"), from, inner.len());
    }
    // Signs stand at the words, not at the spaces around them.
    let start = from + words.len() - words.trim_start().len();
    let inner = words.trim();
    let text = format!("{}{sign}{inner}{sign}{}", &written.text[..start], &written.text[start + inner.len()..]);
    Written { text, anchor: start + sign.len(), cursor: start + sign.len() + inner.len() }
}

fn code(written: &Written) -> Written {
    let (from, to) = written.selection();
    let words = &written.text[from..to];
    if !words.contains('\n') {
        return around(written, "`");
    }
    let (before, after) = (&written.text[..from], &written.text[to..]);
    let line = |there: bool| if there { "" } else { "\n" };
    let opening = format!("{}```\n", line(before.is_empty() || before.ends_with('\n')));
    let closing = format!("{}```{}", line(words.ends_with('\n')), line(after.is_empty() || after.starts_with('\n')));
    let anchor = from + opening.len();
    Written { text: format!("{before}{opening}{words}{closing}{after}"), anchor, cursor: anchor + words.len() }
}

fn link(written: &Written) -> Written {
    let (from, to) = written.selection();
    let (before, words, after) = (&written.text[..from], &written.text[from..to], &written.text[to..]);
    let is_address = ["https://", "http://"].iter().any(|scheme| words.starts_with(scheme));
    // What is still missing is where the cursor goes: the words of an address, the address of words.
    if is_address {
        return Written::at(format!("{before}[]({words}){after}"), from + 1);
    }
    let text = format!("{before}[{words}](https://){after}");
    let address = from + 1 + words.len() + 2;
    if words.is_empty() {
        return Written::at(text, from + 1);
    }
    Written { text, anchor: address, cursor: address + "https://".len() }
}

fn lines(written: &Written, sign: &str) -> Written {
    let (from, to) = written.selection();
    let from = written.text[..from].rfind('\n').map_or(0, |at| at + 1);
    let to = written.text[to..].find('\n').map_or(written.text.len(), |at| to + at);
    let words = &written.text[from..to];
    let signed = words.lines().all(|line| line.starts_with(sign)) && !words.is_empty();
    let changed: Vec<String> = if words.is_empty() {
        vec![sign.to_owned()]
    } else {
        words
            .split('\n')
            .map(|line| if signed { line[sign.len()..].to_owned() } else { format!("{sign}{line}") })
            .collect()
    };
    let changed = changed.join("\n");
    let text = format!("{}{changed}{}", &written.text[..from], &written.text[to..]);
    Written::at(text, from + changed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words with `|` at both ends of the selection, or once where nothing is selected.
    fn read(shown: &str) -> Written {
        let places: Vec<usize> = shown.match_indices('|').map(|(at, _)| at).collect();
        let anchor = places[0];
        let cursor = places.get(1).map_or(anchor, |at| at - 1);
        Written { text: shown.replace('|', ""), anchor, cursor }
    }

    fn show(written: &Written) -> String {
        let (from, to) = written.selection();
        let text = &written.text;
        if from == to {
            return format!("{}|{}", &text[..from], &text[to..]);
        }
        format!("{}|{}|{}", &text[..from], &text[from..to], &text[to..])
    }

    #[test]
    fn formatting_goes_around_the_words_and_comes_off_again() {
        let cases = [
            (Mark::Bold, "это |важно|!", "это **|важно|**!"),
            (Mark::Bold, "это **|важно|**!", "это |важно|!"),
            (Mark::Bold, "это |**важно**|!", "это |важно|!"),
            (Mark::Bold, "это| важно |!", "это **|важно|** !"),
            (Mark::Italic, "|", "_|_"),
            (Mark::Strike, "|нет|", "~~|нет|~~"),
            (Mark::Code, "|x = 1|", "`|x = 1|`"),
            (Mark::Code, "так: |a\nb|", "так: \n```\n|a\nb|\n```"),
            (Mark::Link, "см. |сайт|", "см. [сайт](|https://|)"),
            (Mark::Link, "|https://a.lan|", "[|](https://a.lan)"),
            (Mark::Link, "|", "[|](https://)"),
            (Mark::Quote, "раз\nд|ва\nтр|и", "раз\n> два\n> три|"),
            (Mark::Quote, "> д|ва", "два|"),
            (Mark::List, "|", "- |"),
        ];
        for (sign, before, after) in cases {
            assert_eq!(show(&mark(&read(before), sign)), after, "{sign:?} of {before}");
        }
    }

    #[test]
    fn an_emoji_takes_the_place_of_what_is_selected() {
        assert_eq!(show(&insert(&read("ура|!!|"), "🎉")), "ура🎉|");
        // A place beyond the words, as one may be that was told before they changed.
        assert_eq!(show(&insert(&Written::at("да".into(), 100), "!")), "да!|");
    }
}
