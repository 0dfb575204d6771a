//! What goes out of words as they were written: Markdown becomes HTML, names become links. Words without either stay
//! words, and no sign that means nothing in Markdown is lost.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use crate::model::formatted::{self, EVERYONE, Mention};

/// Characters that stand for names while Markdown is read, so that no letter of a name is taken for a sign.
const STAND_IN: u32 = 0xf_0000;

/// A message as it goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Formatted words, where anything is formatted
    pub html: Option<String>,
    /// User ids of those who are named
    pub people: Vec<String>,
    /// All of the room is named
    pub everyone: bool,
}

/// Makes a message of words and of those who may be named in them.
pub fn outgoing(text: &str, mentions: &[Mention]) -> Outgoing {
    let mut out = Outgoing::default();
    let mut named: Vec<&Mention> = mentions.iter().collect();
    // "@Анна Петрова" before "@Анна".
    named.sort_by_key(|mention| std::cmp::Reverse(mention.written.len()));
    let mut source = text.to_owned();
    for (index, mention) in named.iter().enumerate() {
        let (replaced, found) = stand_in(&source, &mention.written, index);
        source = replaced;
        if found && mention.id == EVERYONE {
            out.everyone = true;
        } else if found && !out.people.contains(&mention.id) {
            out.people.push(mention.id.clone());
        }
    }
    out.html = html_of(&source, &named);
    out
}

/// Puts the character of a name in its places.
fn stand_in(text: &str, written: &str, index: usize) -> (String, bool) {
    let (Some(sign), false) = (place(index), written.is_empty()) else { return (text.to_owned(), false) };
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(written) {
        let end = at + written.len();
        let apart = !rest[..at].ends_with(char::is_alphanumeric) && !rest[end..].starts_with(char::is_alphanumeric);
        out.push_str(&rest[..at]);
        if apart {
            out.push(sign);
            found = true;
        } else {
            out.push_str(written);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    (out, found)
}

fn place(index: usize) -> Option<char> {
    u32::try_from(index).ok().and_then(|index| char::from_u32(STAND_IN + index))
}

/// The name that a character stands for.
fn named<'a>(c: char, mentions: &[&'a Mention]) -> Option<&'a Mention> {
    let index = usize::try_from(u32::from(c).checked_sub(STAND_IN)?).ok()?;
    mentions.get(index).copied()
}

fn html_of(source: &str, mentions: &[&Mention]) -> Option<String> {
    let mut events: Vec<Event<'_>> = Vec::new();
    let (mut formatted, mut words) = (false, false);
    let mut in_code = false;
    let parser = Parser::new_ext(source, Options::ENABLE_STRIKETHROUGH).map(as_written);
    for event in TextMergeStream::new(parser) {
        match event {
            Event::Text(text) if in_code => {
                words |= !text.trim().is_empty();
                events.push(Event::Text(spelled(&text, mentions).into()));
            }
            Event::Text(text) => {
                words |= !text.trim().is_empty();
                formatted |= linked(&text, mentions, &mut events);
            }
            Event::Code(text) => {
                (formatted, words) = (true, true);
                events.push(Event::Code(spelled(&text, mentions).into()));
            }
            // Who pressed Enter wants a new line.
            Event::SoftBreak => events.push(Event::HardBreak),
            event => {
                match &event {
                    Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) | Event::HardBreak => {}
                    Event::Start(Tag::CodeBlock(_)) => (formatted, in_code) = (true, true),
                    Event::End(TagEnd::CodeBlock) => in_code = false,
                    _ => formatted = true,
                }
                events.push(event);
            }
        }
    }
    // A lone sign, such as that of an empty list, is meant as it stands.
    if !formatted || !words {
        return None;
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    let out = out.trim_end();
    // One paragraph needs no saying that it is one.
    let inner = out.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).filter(|rest| !rest.contains("<p>"));
    Some(inner.unwrap_or(out).to_owned())
}

/// What looks like HTML was written as words; a picture from elsewhere is a link.
fn as_written(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image { dest_url, title, id, .. }) => {
            Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, title, id })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        event => event,
    }
}

/// Words with names in them as names are written.
fn spelled(text: &str, mentions: &[&Mention]) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match named(c, mentions) {
            Some(mention) => out.push_str(&mention.written),
            None => out.push(c),
        }
    }
    out
}

/// Words with names in them as links; true if there are any.
fn linked(text: &str, mentions: &[&Mention], events: &mut Vec<Event<'_>>) -> bool {
    let (mut words, mut any) = (String::new(), false);
    for c in text.chars() {
        match named(c, mentions) {
            // There is no address of everyone.
            Some(mention) if mention.id == EVERYONE => words.push_str(&mention.written),
            Some(mention) => {
                push_words(&mut words, events);
                any = true;
                events.push(Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url: formatted::address(&mention.id).into(),
                    title: CowStr::Borrowed(""),
                    id: CowStr::Borrowed(""),
                }));
                events.push(Event::Text(mention.written.clone().into()));
                events.push(Event::End(TagEnd::Link));
            }
            None => words.push(c),
        }
    }
    push_words(&mut words, events);
    any
}

fn push_words(words: &mut String, events: &mut Vec<Event<'_>>) {
    if !words.is_empty() {
        events.push(Event::Text(std::mem::take(words).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> Option<String> {
        outgoing(text, &[]).html
    }

    fn mention(id: &str, written: &str) -> Mention {
        Mention { id: id.into(), written: written.into() }
    }

    #[test]
    fn words_without_formatting_have_none() {
        let plain = [
            "Привет",
            "раз\nдва\n\nтри",
            "2 * 3 < 7 > 5 & 1",
            "*",
            "<",
            "-",
            "1.",
            "> ",
            "<b>не жирно</b>",
            "<div>\nи тут\n</div>",
            "¯\\_(ツ)_/¯",
            "имя_файла_тут",
            "---",
        ];
        for text in plain {
            assert_eq!(html(text), None, "{text}");
        }
    }

    #[test]
    fn markdown_becomes_html_and_signs_stay() {
        let cases = [
            ("это **важно**", "это <strong>важно</strong>"),
            ("**a**\nb", "<strong>a</strong><br />\nb"),
            ("**a** < b > c <i>", "<strong>a</strong> &lt; b &gt; c &lt;i&gt;"),
            ("- раз\n- два", "<ul>\n<li>раз</li>\n<li>два</li>\n</ul>"),
            ("> цитата", "<blockquote>\n<p>цитата</p>\n</blockquote>"),
            ("```\nif a < b {}\n```", "<pre><code>if a &lt; b {}\n</code></pre>"),
            ("[сайт](https://a.lan)", "<a href=\"https://a.lan\">сайт</a>"),
            ("![фото](https://a.lan/1.png)", "<a href=\"https://a.lan/1.png\">фото</a>"),
            ("~~нет~~", "<del>нет</del>"),
        ];
        for (text, expected) in cases {
            assert_eq!(html(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn those_who_are_named_become_links() {
        let mentions = [mention("@anna:a", "@Анна"), mention("@p:a", "@Анна Петрова"), mention("@x:a", "@И_ван*")];
        let out = outgoing("@Анна Петрова, @Анна и @И_ван*!", &mentions);
        assert_eq!(
            out.html.as_deref(),
            Some(
                "<a href=\"https://matrix.to/#/@p:a\">@Анна Петрова</a>, \
                 <a href=\"https://matrix.to/#/@anna:a\">@Анна</a> и \
                 <a href=\"https://matrix.to/#/@x:a\">@И_ван*</a>!"
            )
        );
        assert_eq!(out.people.len(), 3);
        // Whose name was taken out again is not called.
        assert_eq!(outgoing("@Аннабель", &mentions), Outgoing::default());
        let code = outgoing("`@Анна`", &mentions);
        assert_eq!(code.html.as_deref(), Some("<code>@Анна</code>"));
    }

    #[test]
    fn all_of_the_room_are_called_without_a_link() {
        let out = outgoing("@комната, собираемся", &[mention(EVERYONE, "@комната")]);
        assert!(out.everyone && out.people.is_empty() && out.html.is_none());
    }
}
