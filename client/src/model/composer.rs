//! Writing a message: who and what is offered while a name or an emoji is being typed, what formatting does to the
//! words, what goes out, and the drafts that wait in their rooms.

mod drafts;
mod marks;
mod outgoing;

pub use drafts::{About, Draft, Drafts};
pub use marks::{Mark, Written, insert, mark};
pub use outgoing::{Outgoing, outgoing};

use crate::model::{
    emoji,
    formatted::{EVERYONE, Mention},
    update::Member,
};

/// Suggestions shown at once at most.
const MOST: usize = 8;
/// Letters of an emoji's name from which on some are offered.
const LETTERS: usize = 2;

/// What the composer asks of the Matrix side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Keep a room's draft, or forget it
    Keep {
        /// Room id
        room: String,
        /// The draft
        draft: Option<Draft>,
    },
}

/// What the Matrix side tells the composer.
#[derive(Debug)]
pub enum News {
    /// Drafts that were kept, by room id
    Drafts(Vec<(String, Draft)>),
}

/// Something that can be put where a name is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggestion {
    /// A member of the room
    Person {
        /// User id
        id: String,
        /// Name
        name: String,
    },
    /// All of the room
    Everyone {
        /// What is written for it
        written: &'static str,
    },
    /// An emoji
    Emoji {
        /// The emoji
        key: &'static str,
        /// What it is called
        name: String,
    },
}

/// What is being written in the open room besides its words.
#[derive(Debug, Default)]
pub struct Composer {
    /// What is offered
    pub suggestions: Vec<Suggestion>,
    /// People who were put in, and whether they are still there is seen when the message goes out
    pub mentions: Vec<Mention>,
    /// Where what is being typed begins, in bytes
    from: usize,
    /// The person does not want to be offered anything for what begins there
    refused: Option<usize>,
}

/// Whom a name may mean.
#[derive(Debug, Clone, Copy)]
pub struct Crowd<'a> {
    /// Members of the room
    pub members: &'a [Member],
    /// The account signed in, which is not offered
    pub own: &'a str,
    /// The account may notify all
    pub everyone: bool,
    /// The window speaks Russian
    pub russian: bool,
}

impl Composer {
    /// The words or the place in them changed; true if what is offered did.
    pub fn moved(&mut self, text: &str, cursor: usize, crowd: Crowd<'_>) -> bool {
        let before = std::mem::take(&mut self.suggestions);
        match typed(text, cursor) {
            Some((from, _)) if self.refused == Some(from) => {}
            Some((from, Token::Name(name))) => {
                self.from = from;
                self.suggestions = people(name, crowd);
            }
            Some((from, Token::Emoji(name))) => {
                self.from = from;
                self.suggestions = emoji::complete(name, MOST)
                    .into_iter()
                    .map(|(key, name)| Suggestion::Emoji { key, name })
                    .collect();
            }
            None => self.refused = None,
        }
        before != self.suggestions
    }

    /// Offers nothing more for what is being typed.
    pub fn dismiss(&mut self) {
        self.refused = Some(self.from);
        self.suggestions.clear();
    }

    /// Puts a suggestion in place of what was typed.
    pub fn take(&mut self, index: usize, text: &str, cursor: usize) -> Option<Written> {
        let suggestion = self.suggestions.get(index).cloned()?;
        let written = match suggestion {
            Suggestion::Person { id, name } => {
                let mention = Mention { id, written: format!("@{name}") };
                let written = mention.written.clone();
                // Of two people with one name it is the one who was chosen last.
                self.mentions.retain(|other| other.written != written);
                self.mentions.push(mention);
                written
            }
            Suggestion::Everyone { written } => {
                self.mentions.retain(|other| other.written != written);
                self.mentions.push(Mention { id: EVERYONE.to_owned(), written: written.to_owned() });
                written.to_owned()
            }
            Suggestion::Emoji { key, .. } => key.to_owned(),
        };
        self.suggestions.clear();
        let (before, after) = (text.get(..self.from)?, text.get(cursor..)?);
        let space = if after.starts_with(char::is_whitespace) { "" } else { " " };
        let at = before.len() + written.len() + 1;
        Some(Written::at(format!("{before}{written}{space}{after}"), at))
    }

    /// Another room, or none: nothing of this one stays but what its draft says.
    pub fn begin(&mut self, mentions: Vec<Mention>) {
        *self = Self { mentions, ..Self::default() };
    }
}

/// What is being typed.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// The name of a person
    Name(&'a str),
    /// The name of an emoji
    Emoji(&'a str),
}

/// What is being typed right before the cursor, and where it begins.
fn typed(text: &str, cursor: usize) -> Option<(usize, Token<'_>)> {
    let before = text.get(..cursor)?;
    let from = before.rfind(['@', ':'])?;
    let name = &before[from + 1..];
    let apart = before[..from].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"@:/".contains(c));
    // What is not typed at its end is being read, not written.
    let whole = text[cursor..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    if !apart || !whole || name.contains(char::is_whitespace) {
        return None;
    }
    if before[from..].starts_with('@') {
        return Some((from, Token::Name(name)));
    }
    let is_name = name.chars().all(|c| c.is_alphanumeric() || "_+-".contains(c));
    (is_name && name.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS).then_some((from, Token::Emoji(name)))
}

/// Letters as they are compared: small, and without the dots that many leave out.
pub fn folded(text: &str) -> String {
    text.to_lowercase().replace('ё', "е")
}

/// True if a word of the name begins so. An empty beginning is that of all names.
fn begins(name: &str, folded_start: &str) -> bool {
    let name = folded(name);
    name.starts_with(folded_start)
        || name.split(|c: char| !c.is_alphanumeric()).any(|word| !word.is_empty() && word.starts_with(folded_start))
}

fn people(start: &str, crowd: Crowd<'_>) -> Vec<Suggestion> {
    let start = folded(start);
    let own = crowd.own;
    // A first word that fits before any other; members come in an order of their own, which stays otherwise.
    let mut found: Vec<(u8, &Member)> = crowd
        .members
        .iter()
        .filter(|member| member.id != own)
        .filter_map(|member| {
            if folded(&member.name).starts_with(&start) {
                Some((0, member))
            } else if begins(&member.name, &start) {
                Some((1, member))
            } else {
                folded(member.id.trim_start_matches('@')).starts_with(&start).then_some((2, member))
            }
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let words = if crowd.russian { ["@комната", "@room"] } else { ["@room", "@комната"] };
    let everyone = words.into_iter().find(|written| crowd.everyone && written[1..].starts_with(&start));
    let mut suggestions: Vec<Suggestion> = found
        .into_iter()
        .map(|(_, member)| Suggestion::Person { id: member.id.clone(), name: member.name.clone() })
        .take(MOST - usize::from(everyone.is_some()))
        .collect();
    suggestions.extend(everyone.map(|written| Suggestion::Everyone { written }));
    suggestions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, name: &str) -> Member {
        Member { id: id.into(), name: name.into(), level: 0, invited: false, avatar: String::new() }
    }

    fn members() -> Vec<Member> {
        vec![
            member("@olga:a", "Ольга Семёнова"),
            member("@anna:a", "Анна Петрова"),
            member("@pavel:a", "Павел Аннин"),
            member("@me:a", "Аня"),
        ]
    }

    fn names(composer: &Composer) -> Vec<String> {
        composer
            .suggestions
            .iter()
            .map(|suggestion| match suggestion {
                Suggestion::Person { name, .. } | Suggestion::Emoji { name, .. } => name.clone(),
                Suggestion::Everyone { written } => (*written).to_owned(),
            })
            .collect()
    }

    fn offered(text: &str, everyone: bool) -> Vec<String> {
        let members = members();
        let mut composer = Composer::default();
        composer.moved(text, text.len(), Crowd { members: &members, own: "@me:a", everyone, russian: true });
        names(&composer)
    }

    #[test]
    fn any_word_of_a_name_and_the_id_find_a_person() {
        assert_eq!(offered("@анн", false), ["Анна Петрова", "Павел Аннин"]);
        assert_eq!(offered("привет, @СЕМЕН", false), ["Ольга Семёнова"]);
        assert_eq!(offered("(@pav", false), ["Павел Аннин"]);
        assert!(offered("@етр", false).is_empty(), "not from the middle of a word");
        assert!(offered("почта anna@пав", false).is_empty(), "an address of mail is no name");
        assert!(offered("@анна п", false).is_empty());
        assert_eq!(offered("@", false).len(), 3, "not oneself");
    }

    #[test]
    fn everyone_is_offered_to_those_who_may_notify_all() {
        assert_eq!(offered("@ком", true), ["@комната"]);
        assert_eq!(offered("@ro", true), ["@room"]);
        assert_eq!(offered("@", true).last().map(String::as_str), Some("@комната"));
        assert!(offered("@ком", false).is_empty());
    }

    #[test]
    fn no_more_than_eight_are_offered() {
        let members: Vec<Member> = (0..50).map(|n| member(&format!("@u{n}:a"), &format!("Ученик {n}"))).collect();
        let mut composer = Composer::default();
        composer.moved("@уч", "@уч".len(), Crowd { members: &members, own: "", everyone: true, russian: true });
        assert_eq!(composer.suggestions.len(), MOST);
        composer.moved("@", 1, Crowd { members: &members, own: "", everyone: true, russian: true });
        assert_eq!(composer.suggestions.len(), MOST);
    }

    #[test]
    fn the_one_who_is_chosen_takes_the_place_of_what_was_typed() {
        let members = members();
        let crowd = Crowd { members: &members, own: "@me:a", everyone: true, russian: true };
        let mut composer = Composer::default();
        let (text, cursor) = ("Спасибо, @ан и все", "Спасибо, @ан".len());
        assert!(composer.moved(text, cursor, crowd));
        let written = composer.take(0, text, cursor).unwrap();
        assert_eq!(written.text, "Спасибо, @Анна Петрова и все");
        assert_eq!(written.cursor, "Спасибо, @Анна Петрова ".len());
        assert_eq!(composer.mentions, [Mention { id: "@anna:a".into(), written: "@Анна Петрова".into() }]);
        assert!(composer.suggestions.is_empty());
    }

    #[test]
    fn what_was_refused_is_not_offered_again() {
        let members = members();
        let crowd = Crowd { members: &members, own: "", everyone: false, russian: true };
        let mut composer = Composer::default();
        composer.moved("@а", "@а".len(), crowd);
        composer.dismiss();
        assert!(!composer.moved("@ан", "@ан".len(), crowd) && composer.suggestions.is_empty());
        composer.moved("@ан ", "@ан ".len(), crowd);
        composer.moved("@ан @п", "@ан @п".len(), crowd);
        assert!(!composer.suggestions.is_empty(), "another name is another matter");
    }

    #[test]
    fn emoji_are_offered_from_two_letters_on() {
        assert!(!offered(":сме", false).is_empty());
        assert!(!offered("ура :tada", false).is_empty());
        for text in [":c", "в 12:30", "https://a", "да:нет"] {
            assert!(offered(text, false).is_empty(), "{text}");
        }
    }
}
