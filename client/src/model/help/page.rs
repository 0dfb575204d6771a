//! A page of the handbook, read from Markdown: blocks one under the other.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::model::formatted::{self, Run};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of the page
    Title,
    /// The name of a part of it
    Heading,
    /// A question: its answer unfolds below it
    Question,
    /// A paragraph, or an entry of a list
    Words,
    /// The first row of a table
    Head,
    /// Another row
    Row,
    /// Lines as they are
    Code,
}

impl Kind {
    /// What follows belongs to it.
    pub fn begins(self) -> bool {
        matches!(self, Self::Title | Self::Heading | Self::Question)
    }
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is
    pub kind: Kind,
    /// It stands out: a thing to take care of
    pub note: bool,
    /// Its words; one for each column in a row of a table
    pub cells: Vec<formatted::Block>,
    /// How links name it; empty for most
    pub anchor: String,
}

impl Block {
    /// The words as they are.
    pub fn text(&self) -> String {
        self.cells.iter().map(formatted::Block::text).collect::<Vec<_>>().join(" ")
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How links name it
    pub id: &'static str,
    /// Its name
    pub title: String,
    /// From top to bottom; the first is the title
    pub blocks: Vec<Block>,
}

impl Page {
    /// Reads a page.
    pub fn read(id: &'static str, markdown: &str) -> Self {
        let mut reading = Reading::default();
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            reading.take(event);
        }
        let title = reading.blocks.first().map(Block::text).unwrap_or_default();
        Self { id, title, blocks: reading.blocks }
    }
}

#[derive(Default)]
struct Reading {
    blocks: Vec<Block>,
    cells: Vec<formatted::Block>,
    kind: Option<Kind>,
    // The numbers that the entries of the lists around have next.
    lists: Vec<Option<u64>>,
    marker: String,
    notes: usize,
    strong: bool,
    emphasis: bool,
    link: Option<String>,
    anchor: String,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.words(&text, false),
            Event::Code(text) => self.words(&text, true),
            Event::SoftBreak => self.words(" ", false),
            Event::HardBreak => self.words("\n", false),
            Event::InlineHtml(html) | Event::Html(html) => {
                if let Some(name) = html.strip_prefix("<a id=\"").and_then(|rest| rest.split('"').next()) {
                    name.clone_into(&mut self.anchor);
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.begin(match level {
                HeadingLevel::H1 => Kind::Title,
                HeadingLevel::H2 => Kind::Heading,
                _ => Kind::Question,
            }),
            Tag::Paragraph => self.begin(Kind::Words),
            Tag::CodeBlock(_) => self.begin(Kind::Code),
            Tag::TableHead => self.begin(Kind::Head),
            Tag::TableRow => self.begin(Kind::Row),
            Tag::TableCell => self.cells.push(formatted::Block::default()),
            Tag::BlockQuote(_) => self.notes += 1,
            Tag::List(first) => {
                self.finish();
                self.lists.push(first);
            }
            Tag::Item => {
                self.finish();
                self.marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "•".to_owned(),
                };
            }
            Tag::Strong => self.strong = true,
            Tag::Emphasis => self.emphasis = true,
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.into_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_)
            | TagEnd::Paragraph
            | TagEnd::CodeBlock
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::Item => self.finish(),
            TagEnd::BlockQuote(_) => self.notes = self.notes.saturating_sub(1),
            TagEnd::List(_) => {
                self.finish();
                self.lists.pop();
            }
            TagEnd::Strong => self.strong = false,
            TagEnd::Emphasis => self.emphasis = false,
            TagEnd::Link => self.link = None,
            _ => {}
        }
    }

    fn begin(&mut self, kind: Kind) {
        self.finish();
        self.kind = Some(kind);
    }

    fn words(&mut self, text: &str, code: bool) {
        let kind = *self.kind.get_or_insert(Kind::Words);
        if self.cells.is_empty() {
            self.cells.push(formatted::Block {
                kind: match kind {
                    Kind::Code => formatted::Kind::Code,
                    Kind::Title | Kind::Heading | Kind::Question | Kind::Head => formatted::Kind::Heading,
                    Kind::Words | Kind::Row => formatted::Kind::Words,
                },
                indent: u8::try_from(self.lists.len()).unwrap_or(u8::MAX),
                marker: std::mem::take(&mut self.marker),
                ..formatted::Block::default()
            });
        }
        let run = Run {
            text: text.to_owned(),
            strong: self.strong || kind == Kind::Head,
            emphasis: self.emphasis,
            code: code && !kind.begins(),
            link: self.link.clone(),
            ..Run::default()
        };
        if let Some(cell) = self.cells.last_mut() {
            match cell.runs.last_mut() {
                Some(last)
                    if Run { text: String::new(), ..last.clone() } == Run { text: String::new(), ..run.clone() } =>
                {
                    last.text.push_str(&run.text);
                }
                _ => cell.runs.push(run),
            }
        }
    }

    fn finish(&mut self) {
        let (kind, mut cells) = (self.kind.take(), std::mem::take(&mut self.cells));
        let Some(kind) = kind.filter(|_| cells.iter().any(|cell| !cell.text().trim().is_empty())) else { return };
        if let (Kind::Code, Some(run)) = (kind, cells.last_mut().and_then(|cell| cell.runs.last_mut())) {
            run.text.truncate(run.text.trim_end().len());
        }
        let anchor = if kind.begins() { std::mem::take(&mut self.anchor) } else { String::new() };
        self.blocks.push(Block { kind, note: self.notes > 0, cells, anchor });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Файлы\n\nНажмите **Прикрепить** и\nвыберите [файл](files.md#big).\n\n<a id=\"big\"></a>\n\n## Большие\n\n1. Раз\n2. Два\n   - и ещё\n\n> Осторожно.\n\n| Клавиши | Что |\n| --- | --- |\n| `Ctrl+K` | поиск |\n\n### Вопрос?\n\nДа.\n";

    #[test]
    fn markdown_becomes_blocks() {
        let page = Page::read("files", TEXT);
        assert_eq!(page.title, "Файлы");
        let blocks: Vec<(Kind, String)> = page.blocks.iter().map(|block| (block.kind, block.text())).collect();
        let expected = [
            (Kind::Title, "Файлы"),
            (Kind::Words, "Нажмите Прикрепить и выберите файл."),
            (Kind::Heading, "Большие"),
            (Kind::Words, "Раз"),
            (Kind::Words, "Два"),
            (Kind::Words, "и ещё"),
            (Kind::Words, "Осторожно."),
            (Kind::Head, "Клавиши Что"),
            (Kind::Row, "Ctrl+K поиск"),
            (Kind::Question, "Вопрос?"),
            (Kind::Words, "Да."),
        ];
        assert_eq!(blocks, expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn styles_links_lists_and_notes_are_kept() {
        let page = Page::read("files", TEXT);
        let runs = &page.blocks[1].cells[0].runs;
        assert!(runs[1].strong && runs[1].text == "Прикрепить");
        assert_eq!(runs[3].link.as_deref(), Some("files.md#big"));
        assert_eq!(page.blocks[2].anchor, "big");
        let lists: Vec<(&str, u8)> =
            page.blocks[3..6].iter().map(|block| (block.cells[0].marker.as_str(), block.cells[0].indent)).collect();
        assert_eq!(lists, [("1.", 1), ("2.", 1), ("•", 2)]);
        assert!(page.blocks[6].note && !page.blocks[5].note);
        assert_eq!(page.blocks[8].cells.len(), 2);
        assert!(page.blocks[8].cells[0].runs[0].code);
    }
}
