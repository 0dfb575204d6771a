//! The search of messages: what is asked, what was found, and where its words stand in it.

use crate::model::{rich, update::Failure};

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The words
    pub words: String,
    /// Id of the only room to search; all if `None`
    pub room: Option<String>,
    /// A part of the sender's name; anyone if empty
    pub from: String,
}

/// Wishes about the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Search anew; an older search ends
    Find {
        /// Its number, higher than of all before
        number: u64,
        /// What is searched for
        ask: Ask,
    },
    /// Find more of the same on the server
    More {
        /// Number of the search
        number: u64,
        /// What is searched for
        ask: Ask,
        /// Where the server goes on
        batch: String,
    },
    /// No longer search
    End,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Room id
    pub room: String,
    /// `Message::key`
    pub key: String,
    /// `Message::key` of the message that began the thread it stands in
    pub thread: Option<String>,
    /// Sender's user id
    pub sender: String,
    /// Sender's name
    pub who: String,
    /// Milliseconds since the Unix epoch
    pub at_ms: i64,
    /// What it says
    pub text: String,
}

/// News about the search. Each names the search it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The server found these, and perhaps more
    Server {
        /// Number of the search
        number: u64,
        /// What was found
        hits: Vec<Hit>,
        /// Where it goes on
        batch: Option<String>,
    },
    /// The server did not search
    Failed {
        /// Number of the search
        number: u64,
        /// Why
        failure: Failure,
    },
    /// An encrypted room was gone through on this computer
    Local {
        /// Number of the search
        number: u64,
        /// What was found in it
        hits: Vec<Hit>,
        /// Rooms gone through
        done: u32,
        /// Rooms to go through
        all: u32,
    },
}

/// How far the server is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Server {
    /// Nothing is asked of it
    #[default]
    Idle,
    /// It searches
    Searching,
    /// It found what it did, and goes on from here
    More(String),
    /// It did not search
    Failed(Failure),
}

/// Words shorter than this, in characters, are not searched for: everything has them.
const SHORTEST: usize = 2;
/// Found messages that are kept at most.
const MOST: usize = 500;

/// The state of the panel.
#[derive(Debug, Default)]
pub struct Search {
    /// What was asked last
    pub ask: Ask,
    /// How far the server is
    pub server: Server,
    /// Encrypted rooms gone through, and all of them; zeros while there are none
    pub local: (u32, u32),
    number: u64,
    hits: Vec<Hit>,
    /// Encrypted rooms are still being gone through
    going: bool,
}

impl Search {
    /// Searches for something else; what to ask for. What was found before goes.
    pub fn begin(&mut self, ask: Ask, encrypted: bool) -> Wish {
        self.number += 1;
        self.hits.clear();
        self.local = (0, 0);
        self.ask = ask;
        if self.ask.words.trim().chars().count() < SHORTEST {
            (self.server, self.going) = (Server::Idle, false);
            return Wish::End;
        }
        // The server cannot read what is encrypted, and need not be asked for it.
        let only_here = self.ask.room.is_some() && encrypted;
        self.server = if only_here { Server::Idle } else { Server::Searching };
        self.going = self.ask.room.is_none() || encrypted;
        Wish::Find { number: self.number, ask: self.ask.clone() }
    }

    /// Asks for more; `None` where there is none or it is on its way.
    pub fn more(&mut self) -> Option<Wish> {
        let Server::More(batch) = &self.server else { return None };
        let wish = Wish::More { number: self.number, ask: self.ask.clone(), batch: batch.clone() };
        self.server = Server::Searching;
        Some(wish)
    }

    /// Takes news; false if they belong to an older search.
    pub fn take(&mut self, news: News) -> bool {
        let (News::Server { number, .. } | News::Failed { number, .. } | News::Local { number, .. }) = &news;
        if *number != self.number {
            return false;
        }
        match news {
            News::Server { hits, batch, .. } => {
                self.server = batch.map_or(Server::Idle, Server::More);
                self.add(hits);
            }
            News::Failed { failure, .. } => self.server = Server::Failed(failure),
            News::Local { hits, done, all, .. } => {
                self.local = (done, all);
                self.going = done < all;
                self.add(hits);
            }
        }
        true
    }

    /// Keeps the newest first, and each once.
    fn add(&mut self, hits: Vec<Hit>) {
        for hit in hits {
            if !self.hits.iter().any(|known| known.key == hit.key) {
                self.hits.push(hit);
            }
        }
        self.hits.sort_by_key(|hit| std::cmp::Reverse(hit.at_ms));
        self.hits.truncate(MOST);
    }

    /// What was found, the newest first.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// A message that was found, by its key.
    pub fn hit(&self, key: &str) -> Option<&Hit> {
        self.hits.iter().find(|hit| hit.key == key)
    }

    /// It goes on.
    pub fn busy(&self) -> bool {
        self.server == Server::Searching || self.going
    }

    /// Something was asked.
    pub fn asked(&self) -> bool {
        self.ask.words.trim().chars().count() >= SHORTEST
    }
}

/// A letter as it is searched for: large and small are the same, and so are `е` and `ё`.
fn fold(letter: char) -> char {
    match letter.to_lowercase().next().unwrap_or(letter) {
        'ё' => 'е',
        letter => letter,
    }
}

/// Where one of the words stands first at or after a place: in letters.
fn find(letters: &[char], word: &[char], from: usize) -> Option<usize> {
    (from..(letters.len() + 1).saturating_sub(word.len())).find(|&at| letters[at..].starts_with(word))
}

fn words(text: &str) -> Vec<Vec<char>> {
    text.split_whitespace().map(|word| word.chars().map(fold).collect()).collect()
}

/// Whether a text has all of the words in it.
pub fn matches(text: &str, wanted: &str) -> bool {
    let letters: Vec<char> = text.chars().map(fold).collect();
    words(wanted).iter().all(|word| find(&letters, word, 0).is_some())
}

/// Letters shown of a message at most, and before the first word that was found.
const SHOWN: usize = 140;
const BEFORE: usize = 30;

/// The part of a text in which the words stand, in one line, and where: ranges in its letters.
pub fn excerpt(text: &str, wanted: &str) -> (String, Vec<std::ops::Range<usize>>) {
    let line: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let folded: Vec<char> = line.iter().copied().map(fold).collect();
    let wanted = words(wanted);
    let first = wanted.iter().filter_map(|word| find(&folded, word, 0)).min().unwrap_or_default();
    let start = first.saturating_sub(BEFORE);
    let end = line.len().min(start + SHOWN);
    let mut shown: String = line[start..end].iter().collect();
    let mut shift = 0;
    if start > 0 {
        shown.insert(0, '…');
        shift = 1;
    }
    if end < line.len() {
        shown.push('…');
    }
    let mut marks: Vec<std::ops::Range<usize>> = Vec::new();
    for word in &wanted {
        let mut at = start;
        while let Some(found) = find(&folded[..end], word, at) {
            marks.push(found - start + shift..found - start + shift + word.len());
            at = found + word.len();
        }
    }
    marks.sort_by_key(|mark| mark.start);
    let mut apart: Vec<std::ops::Range<usize>> = Vec::new();
    for mark in marks {
        match apart.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => apart.push(mark),
        }
    }
    (shown, apart)
}

/// The same as Markdown, the words strong.
pub fn marked(text: &str, wanted: &str) -> String {
    let (shown, marks) = excerpt(text, wanted);
    let letters: Vec<char> = shown.chars().collect();
    let part = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    let (mut out, mut at) = (String::new(), 0);
    for mark in marks {
        rich::escape(&part(at..mark.start), &mut out);
        // Between other signs the stars of Markdown would be stars.
        let strong = letters[mark.start].is_alphanumeric() && letters[mark.end - 1].is_alphanumeric();
        let stars = if strong { "**" } else { "" };
        out.push_str(stars);
        rich::escape(&part(mark.clone()), &mut out);
        out.push_str(stars);
        at = mark.end;
    }
    rich::escape(&part(at..letters.len()), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &str) -> Ask {
        Ask { words: words.into(), ..Ask::default() }
    }

    fn hit(key: &str, at_ms: i64) -> Hit {
        Hit {
            room: "!r".into(),
            key: key.into(),
            thread: None,
            sender: "@a:x".into(),
            who: "Анна".into(),
            at_ms,
            text: String::new(),
        }
    }

    #[test]
    fn an_older_answer_never_replaces_a_newer_one() {
        let mut search = Search::default();
        let Wish::Find { number: old, .. } = search.begin(ask("контр"), false) else {
            panic!("it is searched for")
        };
        let Wish::Find { number: new, .. } = search.begin(ask("контрольная"), false) else {
            panic!("and this")
        };
        let came = |number, key: &str| News::Server { number, hits: vec![hit(key, 1)], batch: None };
        assert!(search.take(came(new, "$new")));
        assert!(!search.take(came(old, "$old")));
        assert_eq!(search.hits().len(), 1);
        assert_eq!(search.hits()[0].key, "$new");
    }

    #[test]
    fn a_letter_is_not_searched_for() {
        let mut search = Search::default();
        assert_eq!(search.begin(ask(" а "), false), Wish::End);
        assert!(!search.busy() && !search.asked());
    }

    #[test]
    fn what_was_found_here_and_there_is_one_list_the_newest_first() {
        let mut search = Search::default();
        search.begin(ask("да"), false);
        search.take(News::Server { number: 1, hits: vec![hit("$3", 3), hit("$1", 1)], batch: Some("b".into()) });
        assert!(search.busy(), "encrypted rooms are still gone through");
        search.take(News::Local { number: 1, hits: vec![hit("$2", 2), hit("$3", 3)], done: 1, all: 1 });
        let keys: Vec<&str> = search.hits().iter().map(|hit| hit.key.as_str()).collect();
        assert_eq!(keys, ["$3", "$2", "$1"]);
        assert!(!search.busy());
        assert!(matches!(search.more(), Some(Wish::More { batch, .. }) if batch == "b"));
        assert!(search.busy() && search.more().is_none(), "once");
        search.take(News::Failed { number: 1, failure: Failure::ServerAway });
        assert_eq!(search.hits().len(), 3, "what is here stays");
    }

    #[test]
    fn an_encrypted_room_is_searched_on_this_computer() {
        let mut search = Search::default();
        search.begin(Ask { room: Some("!r".into()), ..ask("да") }, true);
        assert!(search.server == Server::Idle && search.busy());
        search.begin(Ask { room: Some("!r".into()), ..ask("да") }, false);
        assert!(search.server == Server::Searching);
        search.take(News::Server { number: 2, hits: Vec::new(), batch: None });
        assert!(!search.busy());
    }

    #[test]
    fn words_are_found_in_any_order_and_case() {
        assert!(matches("Контрольная в пятницу, всё по плану", "ПЯТНИЦ контр"));
        assert!(matches("Всё готово", "все"));
        assert!(!matches("Контрольная", "контрольная пятница"));
    }

    #[test]
    fn the_words_are_shown_and_marked() {
        assert_eq!(marked("Контрольная\nв пятницу.", "пятницу"), "Контрольная в **пятницу**\\.");
        assert_eq!(marked("a*b c", "*"), "a\\*b c", "a sign is not made strong");
        let long = format!("{} цель {}", "а ".repeat(100), "б ".repeat(200));
        let (shown, marks) = excerpt(&long, "цель");
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.chars().count() <= SHOWN + 2);
        assert_eq!(shown.chars().skip(marks[0].start).take(4).collect::<String>(), "цель");
        let touching = excerpt("ананас", "ана нас").1;
        assert_eq!((touching.len(), &touching[0]), (1, &(0..6)), "they are one");
    }
}
