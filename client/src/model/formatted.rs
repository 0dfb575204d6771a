//! Words that their sender formatted: blocks one under the other, each a run of styled words. What was HTML on its way
//! is read into these by the Matrix side; the view draws a block at a time.

use std::fmt::Write;

use crate::model::{
    link::{self, Target},
    rich,
};

/// A letter without width that is neither a space nor a sign: it keeps the signs of Markdown apart.
const JOINER: char = '\u{2060}';

/// What a block is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A paragraph, or what a list's entry says
    #[default]
    Words,
    /// A heading
    Heading,
    /// Code, with its lines as they are
    Code,
    /// A line across
    Rule,
}

/// Words of one style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The words; a line break is `\n`
    pub text: String,
    /// Bold
    pub strong: bool,
    /// Italic
    pub emphasis: bool,
    /// Struck through
    pub strike: bool,
    /// Underlined
    pub underline: bool,
    /// Code among words
    pub code: bool,
    /// Where pressing leads
    pub link: Option<String>,
}

/// A block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// What it is
    pub kind: Kind,
    /// Quotes that it stands in
    pub quotes: u8,
    /// Lists that it stands in
    pub indent: u8,
    /// The sign or number of a list's entry, before its first block
    pub marker: String,
    /// What it says
    pub runs: Vec<Run>,
}

/// Formatted words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formatted {
    /// From top to bottom
    pub blocks: Vec<Block>,
}

/// A person who is named in a message, and the words that name them there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// User id, or [`EVERYONE`]
    pub id: String,
    /// As it is written, such as `@Анна`
    pub written: String,
}

/// Stands for all of the room where a person's id would.
pub const EVERYONE: &str = "@room";

/// The address of a person, for others' clients.
pub fn address(user: &str) -> String {
    let mut address = "https://matrix.to/#/".to_owned();
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"@:._=-".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

impl Formatted {
    /// Nothing but words one after the other: they look the same without any formatting.
    pub fn is_plain(&self) -> bool {
        self.blocks.iter().all(|block| {
            block.kind == Kind::Words
                && block.quotes == 0
                && block.indent == 0
                && block.runs.iter().all(|run| *run == Run { text: run.text.clone(), ..Run::default() })
        })
    }

    /// The words alone, for where there is one line.
    pub fn plain(&self) -> String {
        let mut plain = String::new();
        for block in &self.blocks {
            if !plain.is_empty() {
                plain.push(' ');
            }
            block.runs.iter().for_each(|run| plain.push_str(&run.text));
        }
        plain
    }

    /// Who is named by a link.
    pub fn people(&self) -> Vec<Mention> {
        let mut people: Vec<Mention> = Vec::new();
        for run in self.blocks.iter().flat_map(|block| &block.runs) {
            if let Some(Target::Person(id)) = run.link.as_deref().and_then(link::parse) {
                let mention = Mention { id, written: run.text.clone() };
                if !people.contains(&mention) {
                    people.push(mention);
                }
            }
        }
        people
    }

    /// The first `most` characters; true if there are more.
    pub fn cut(&self, most: usize) -> (Self, bool) {
        let mut left = most;
        let mut short = Self::default();
        for block in &self.blocks {
            let mut kept = Block { runs: Vec::new(), ..block.clone() };
            for run in &block.runs {
                let count = run.text.chars().count();
                if count > left {
                    let text: String = run.text.chars().take(left).chain(['…']).collect();
                    kept.runs.push(Run { text, ..run.clone() });
                    short.blocks.push(kept);
                    return (short, true);
                }
                left -= count;
                kept.runs.push(run.clone());
            }
            short.blocks.push(kept);
        }
        (short, false)
    }
}

impl Block {
    /// The words as they are.
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }

    /// Markdown of the kind that the view draws. What names the account `own` is strong.
    pub fn markdown(&self, own: &str) -> String {
        let mut out = String::new();
        let mut signed = false;
        for run in &self.runs {
            let mut run = run.clone();
            run.strong |= self.kind == Kind::Heading
                || run.link.as_deref().and_then(link::parse) == Some(Target::Person(own.to_owned()));
            let signs = run.signs();
            if signed && (!signs.is_empty() || run.code) {
                out.push(JOINER);
            }
            run.write(&signs, &mut out);
            signed = !signs.is_empty() || run.code;
        }
        out
    }
}

/// Code among words.
fn span(code: &str) -> String {
    let fence = "`".repeat(1 + longest(code, '`'));
    let space = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{code}{space}{fence}")
}

impl Run {
    fn signs(&self) -> String {
        let mut signs = String::new();
        for (on, sign) in [(self.strike, "~~"), (self.strong, "**"), (self.emphasis, "*")] {
            if on {
                signs.push_str(sign);
            }
        }
        signs
    }

    /// Signs go around the words without the spaces at their ends: beside a space a sign is only a sign.
    fn write(&self, signs: &str, out: &mut String) {
        // A style does not reach over the end of a line.
        for (index, line) in self.text.split('\n').enumerate() {
            if index > 0 {
                out.push_str("  \n");
            }
            let words = line.trim();
            if words.is_empty() {
                out.push_str(if line.is_empty() { "" } else { " " });
                continue;
            }
            if line.starts_with(char::is_whitespace) {
                out.push(' ');
            }
            self.write_words(signs, words, out);
            if line.ends_with(char::is_whitespace) {
                out.push(' ');
            }
        }
    }

    fn write_words(&self, signs: &str, words: &str, out: &mut String) {
        let sign = |c: Option<char>| c.is_some_and(|c| !c.is_alphanumeric());
        out.push_str(signs);
        if !signs.is_empty() && (sign(words.chars().next()) || self.underline) {
            out.push(JOINER);
        }
        if self.underline {
            out.push_str("<u>");
        }
        if self.link.is_some() {
            out.push('[');
        }
        if self.code {
            out.push_str(&span(words));
        } else {
            rich::escape(words, out);
        }
        if let Some(link) = &self.link {
            let _ = write!(out, "]({})", rich::destination(link));
        }
        if self.underline {
            out.push_str("</u>");
        }
        if !signs.is_empty() && (sign(words.chars().last()) || self.link.is_some() || self.code || self.underline) {
            out.push(JOINER);
        }
        out.extend(signs.chars().rev());
    }
}

/// The longest row of one character.
fn longest(text: &str, c: char) -> usize {
    text.split(|other| other != c).map(|row| row.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Run {
        Run { text: text.into(), ..Run::default() }
    }

    fn markdown(runs: Vec<Run>) -> String {
        Block { runs, ..Block::default() }.markdown("@me:a").replace(JOINER, "·")
    }

    #[test]
    fn the_address_of_a_person_leads_to_them() {
        assert_eq!(link::parse(&address("@a/б:academy")), Some(Target::Person("@a/б:academy".into())));
    }

    #[test]
    fn styles_stay_apart_whatever_stands_beside_them() {
        let strong = |text: &str| Run { strong: true, ..run(text) };
        assert_eq!(markdown(vec![run("a "), strong("б "), run("в")]), "a **б** в");
        assert_eq!(
            markdown(vec![strong("а"), Run { emphasis: true, ..run("б") }]),
            "**а**·*б*",
            "signs that meet would be read as one"
        );
        assert_eq!(markdown(vec![strong("(а)"), run("б")]), "**·\\(а\\)·**б");
        assert_eq!(markdown(vec![strong("а\nб")]), "**а**  \n**б**");
        assert_eq!(markdown(vec![Run { code: true, ..run("a`b") }]), "``a`b``");
        assert_eq!(markdown(vec![run("2 * 3 < 7")]), "2 \\* 3 \\< 7");
    }

    #[test]
    fn a_person_is_a_link_and_oneself_is_strong() {
        let person = |id: &str| Run { link: Some(address(id)), ..run("@Анна") };
        assert_eq!(markdown(vec![person("@anna:a")]), "[@Анна](https://matrix.to/#/@anna:a)");
        assert_eq!(markdown(vec![person("@me:a")]), "**·[@Анна](https://matrix.to/#/@me:a)·**");
        let formatted = Formatted { blocks: vec![Block { runs: vec![person("@anna:a")], ..Block::default() }] };
        assert_eq!(formatted.people(), [Mention { id: "@anna:a".into(), written: "@Анна".into() }]);
        assert!(!formatted.is_plain());
    }

    #[test]
    fn long_words_are_cut_within_a_run() {
        let block = |text: &str| Block { runs: vec![run(text)], ..Block::default() };
        let long = Formatted { blocks: vec![block("раз"), block("два"), block("три")] };
        let (short, more) = long.cut(4);
        assert!(more);
        assert_eq!(short.plain(), "раз д…");
        assert_eq!(long.cut(9), (long.clone(), false));
    }
}
