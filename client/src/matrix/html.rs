//! Formatted words of a message, HTML on their way (specification, "m.room.message msgtypes"), as blocks of the model.
//! The SDK has taken out by then what may not be in them.

use matrix_sdk::ruma::html::{ElementData, Html, NodeData, NodeRef};

use crate::model::formatted::{Block, Formatted, Kind, Run};

/// Signs of lists within lists.
const SIGNS: [&str; 3] = ["•", "◦", "▪"];

/// Reads formatted words; `None` where they look the same as words without any formatting.
pub(super) fn read(html: &str) -> Option<Formatted> {
    let mut reader = Reader::default();
    for node in Html::parse(html).children() {
        reader.node(&node);
    }
    reader.finish();
    let formatted = Formatted { blocks: reader.blocks };
    (!formatted.blocks.is_empty() && !formatted.is_plain()).then_some(formatted)
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// The block that words go into.
    block: Block,
    /// The style that words have.
    style: Run,
    quotes: u8,
    /// The next number of each list around, if it has any.
    lists: Vec<Option<u64>>,
    /// The sign or number of the list's entry that begins.
    marker: String,
    /// Spaces and line ends mean what they are.
    exact: bool,
}

impl Reader {
    fn node(&mut self, node: &NodeRef) {
        match node.data() {
            NodeData::Text(text) if self.exact => self.push(&text.borrow()),
            NodeData::Text(text) => self.words(&text.borrow()),
            NodeData::Element(element) => self.element(element, node),
            NodeData::Document | NodeData::Other => {}
        }
    }

    fn inside(&mut self, node: &NodeRef) {
        for child in node.children() {
            self.node(&child);
        }
    }

    fn element(&mut self, element: &ElementData, node: &NodeRef) {
        match &*element.name.local {
            "br" => self.push("\n"),
            "hr" => {
                self.finish();
                self.blocks.push(Block { kind: Kind::Rule, quotes: self.quotes, ..Block::default() });
            }
            "p" | "div" | "details" | "summary" | "table" | "tr" | "caption" => self.apart(node),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.finish();
                self.block.kind = Kind::Heading;
                self.apart(node);
            }
            "pre" => {
                self.finish();
                self.block.kind = Kind::Code;
                self.exact = true;
                self.inside(node);
                self.exact = false;
                self.finish();
            }
            "blockquote" => {
                self.finish();
                self.quotes = self.quotes.saturating_add(1);
                self.apart(node);
                self.quotes -= 1;
            }
            "ul" => self.list(None, node),
            "ol" => {
                let first = attribute(element, "start").and_then(|start| start.parse().ok());
                self.list(first.or(Some(1)), node);
            }
            "li" => {
                self.finish();
                self.marker = self.next_marker();
                self.apart(node);
                self.marker.clear();
            }
            "td" | "th" => {
                if !self.block.runs.is_empty() {
                    self.push(" | ");
                }
                self.inside(node);
            }
            "img" => self.words(&attribute(element, "alt").unwrap_or_default()),
            "mx-reply" => {}
            _ => self.styled(element, node),
        }
    }

    /// What begins and ends on lines of its own.
    fn apart(&mut self, node: &NodeRef) {
        // A heading has said what it is before.
        if self.block.kind == Kind::Words {
            self.finish();
        }
        self.inside(node);
        self.finish();
    }

    fn list(&mut self, first: Option<u64>, node: &NodeRef) {
        self.finish();
        self.lists.push(first);
        self.apart(node);
        self.lists.pop();
    }

    fn next_marker(&mut self) -> String {
        let depth = self.lists.len().saturating_sub(1);
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}.");
                *number = number.saturating_add(1);
                marker
            }
            _ => SIGNS[depth % SIGNS.len()].to_owned(),
        }
    }

    fn styled(&mut self, element: &ElementData, node: &NodeRef) {
        let before = self.style.clone();
        match &*element.name.local {
            "b" | "strong" => self.style.strong = true,
            "i" | "em" => self.style.emphasis = true,
            "s" | "del" | "strike" => self.style.strike = true,
            "u" | "ins" => self.style.underline = true,
            "code" => self.style.code = !self.exact,
            "a" => self.style.link = attribute(element, "href").filter(|address| opens(address)),
            _ => {}
        }
        self.inside(node);
        self.style = before;
    }

    /// Words in which any number of spaces and line ends is one space.
    fn words(&mut self, text: &str) {
        let mut out = String::new();
        for c in text.chars() {
            let after = out.chars().next_back().or_else(|| self.block.runs.last()?.text.chars().next_back());
            if !c.is_whitespace() || c == '\u{a0}' {
                out.push(c);
            } else if after.is_some_and(|after| !after.is_whitespace()) {
                out.push(' ');
            }
        }
        self.push(&out);
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.block.runs.last_mut() {
            Some(last) if Run { text: String::new(), ..last.clone() } == self.style => last.text.push_str(text),
            _ => self.block.runs.push(Run { text: text.to_owned(), ..self.style.clone() }),
        }
    }

    /// Ends the block, if there is anything in it.
    fn finish(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        while let Some(last) = block.runs.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            block.runs.pop();
        }
        if block.kind != Kind::Code
            && let Some(first) = block.runs.first_mut()
        {
            first.text.drain(..first.text.len() - first.text.trim_start().len());
        }
        if block.runs.is_empty() {
            return;
        }
        block.quotes = self.quotes;
        block.indent = u8::try_from(self.lists.len()).unwrap_or(u8::MAX);
        block.marker = std::mem::take(&mut self.marker);
        self.blocks.push(block);
    }
}

fn attribute(element: &ElementData, name: &str) -> Option<String> {
    element.attrs.borrow().iter().find(|attribute| &*attribute.name.local == name).map(|found| found.value.to_string())
}

/// Addresses that a press may lead to.
fn opens(address: &str) -> bool {
    ["https://", "http://", "mailto:", "matrix:"].iter().any(|scheme| address.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{composer, formatted::Mention};

    /// Blocks in short: how far in, what they are, what they say.
    fn shown(html: &str) -> Vec<String> {
        let blocks = read(html).map(|formatted| formatted.blocks).unwrap_or_default();
        blocks
            .iter()
            .map(|block| {
                let kind = match block.kind {
                    Kind::Words => "",
                    Kind::Heading => "# ",
                    Kind::Code => "$ ",
                    Kind::Rule => "---",
                };
                let quotes = ">".repeat(block.quotes.into());
                let marker = if block.marker.is_empty() { String::new() } else { format!("{} ", block.marker) };
                format!("{quotes}{}{marker}{kind}{}", "\t".repeat(block.indent.into()), block.text())
            })
            .collect()
    }

    #[test]
    fn blocks_stand_one_under_the_other() {
        assert_eq!(
            shown(
                "<h1>План</h1>\n<p>на  <b>завтра</b>:</p>\n<ul>\n<li>раз<ol start=\"3\"><li>два</li></ol></li>\n<li><p>три</p><p>и</p></li>\n</ul><hr>"
            ),
            ["# План", "на завтра:", "\t• раз", "\t\t3. два", "\t• три", "\tи", "---"]
        );
        assert_eq!(shown("<blockquote><p>раз</p><blockquote>два</blockquote></blockquote>да"), [">раз", ">>два", "да"]);
        assert_eq!(
            shown("<pre><code class=\"language-rs\">if a &lt; b {\n    c\n}\n</code></pre>"),
            ["$ if a < b {\n    c\n}"]
        );
        assert_eq!(shown("<b>раз</b><br />\nдва"), ["раз\nдва"]);
        assert_eq!(shown("<table><tr><td>а</td><td>б</td></tr><tr><td><i>в</i></td></tr></table>"), ["а | б", "в"]);
    }

    #[test]
    fn words_that_look_the_same_need_no_formatting() {
        assert_eq!(read("просто <span>слова</span> &amp; знаки"), None);
        assert_eq!(read(""), None);
        assert_eq!(read("<p> </p>"), None);
    }

    #[test]
    fn styles_and_links_are_kept_and_strange_links_are_words() {
        let runs = |html: &str| read(html).unwrap().blocks.remove(0).runs;
        let found = runs("a<strong>b<em>c</em></strong><code>d</code><a href=\"javascript:x\">e</a>");
        let said: Vec<&str> = found.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(said, ["a", "b", "c", "d", "e"]);
        assert!(found[1].strong && found[2].strong && found[2].emphasis && found[3].code && found[4].link.is_none());
        assert_eq!(runs("<a href=\"https://a.lan\">x</a>")[0].link.as_deref(), Some("https://a.lan"));
    }

    #[test]
    fn what_goes_out_comes_back() {
        let mentions = [Mention { id: "@anna:a".into(), written: "@Анна".into() }];
        let out = composer::outgoing("@Анна, вот **план**:\n- раз\n- два < 3\n```\nx * y\n```", &mentions);
        let formatted = read(&out.html.unwrap()).unwrap();
        assert_eq!(formatted.people(), mentions);
        let said: Vec<String> = formatted.blocks.iter().map(Block::text).collect();
        assert_eq!(said, ["@Анна, вот план:", "раз", "два < 3", "x * y"]);
    }
}
