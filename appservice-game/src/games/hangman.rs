//! Hangman for a whole room: a word is drawn by lot, everybody names letters, and eight mistakes lose it.

use rand::{rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use super::{Ending, Illegal, Outcome, Position, Reason, Rules, Seat, SeatName};
use crate::words::Lang;

/// The game.
pub(super) struct Hangman;

/// Mistakes that lose it: one for each part of the drawing.
const MOST: usize = 8;

/// The letters that are named; `ё` counts as `е`.
fn alphabet(lang: Lang) -> &'static str {
    lang.pick("абвгдежзийклмнопрстуфхцчшщъыьэюя", "abcdefghijklmnopqrstuvwxyz")
}

/// The words that are drawn, one in a line: nouns that a pupil knows.
fn dictionary(lang: Lang) -> Vec<&'static str> {
    lang.pick(include_str!("../../words/ru.txt"), include_str!("../../words/en.txt")).lines().collect()
}

/// The drawing after so many mistakes.
fn drawing(mistakes: usize) -> String {
    const PARTS: [(usize, usize, &str); MOST] = [
        (5, 0, "══╩══════"),
        (0, 2, "╔"),
        (0, 3, "════╗"),
        (1, 7, "║"),
        (2, 7, "○"),
        (3, 7, "│"),
        (3, 6, "/│\\"),
        (4, 6, "/ \\"),
    ];
    let mut rows = vec![[' '; 9]; 6];
    for (part, (row, column, text)) in PARTS.into_iter().take(mistakes).enumerate() {
        for (place, sign) in text.chars().enumerate() {
            rows[row][column + place] = sign;
        }
        // The post, from the ground up to the beam.
        if part == 1 {
            rows[1..5].iter_mut().for_each(|row| row[2] = '║');
        }
    }
    rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

const SEATS: [SeatName; 1] = [SeatName { id: "guessers", ru: "отгадывают", en: "guessers", choices: &[] }];

impl Rules for Hangman {
    fn kind(&self) -> &'static str {
        "hangman"
    }

    fn title(&self, lang: Lang) -> &'static str {
        lang.pick("Виселица", "Hangman")
    }

    fn commands(&self, lang: Lang) -> &'static [&'static str] {
        lang.pick(&["виселица", "слово"], &["hangman", "word"])
    }

    fn seats(&self) -> &'static [SeatName] {
        &SEATS
    }

    fn creator_seat(&self) -> Option<Seat> {
        Some(Seat(0))
    }

    fn start(&self) -> Box<dyn Position> {
        Box::new(Guess::new("созвездие", Lang::Ru))
    }

    fn deal(&self, lang: Lang, rng: &mut StdRng) -> String {
        dictionary(lang).choose(rng).copied().unwrap_or_default().to_owned()
    }

    /// Any word will do, not only one of today's dictionary: a log outlives it.
    fn begin(&self, deal: &str, lang: Lang) -> Option<Box<dyn Position>> {
        let is_word = !deal.is_empty() && deal.chars().all(|letter| alphabet(lang).contains(letter));
        is_word.then(|| Box::new(Guess::new(deal, lang)) as Box<dyn Position>)
    }

    fn is_for_all(&self) -> bool {
        true
    }

    fn describe_move(&self, _ply: usize, notation: &str, _lang: Lang) -> String {
        notation.to_owned()
    }

    fn how_to_move(&self, lang: Lang) -> &'static str {
        lang.pick(
            "Назовите букву сообщением, например а; всё слово сразу: !ход слово.",
            "Name a letter as a message, such as a; the whole word at once: !move word.",
        )
    }
}

/// A position: the word and what has been said.
#[derive(Debug, Clone)]
struct Guess {
    word: String,
    lang: Lang,
    /// Letters and words in the order they were said.
    tried: Vec<String>,
    /// Shown to all, though it was not guessed.
    open: bool,
}

impl Guess {
    fn new(word: &str, lang: Lang) -> Self {
        Self { word: word.to_owned(), lang, tried: Vec::new(), open: false }
    }

    /// A letter or a word as it is compared, when it is one in this language.
    fn read(&self, text: &str) -> Option<String> {
        let text = text.trim().to_lowercase().replace('ё', "е");
        (!text.is_empty() && text.chars().all(|letter| alphabet(self.lang).contains(letter))).then_some(text)
    }

    fn is_right(&self, said: &str) -> bool {
        if said.chars().count() == 1 { self.word.contains(said) } else { self.word == said }
    }

    fn is_known(&self, letter: char) -> bool {
        let said = |said: &String| *said == self.word || said.chars().eq([letter]);
        self.tried.iter().any(said)
    }

    fn missed(&self) -> impl Iterator<Item = &String> {
        self.tried.iter().filter(|said| !self.is_right(said))
    }

    fn mistakes(&self) -> usize {
        self.missed().count()
    }

    /// The word with a sign for every letter that is not known yet.
    fn shown(&self) -> String {
        self.word.chars().map(|letter| if self.is_known(letter) { letter } else { '_' }).collect()
    }
}

impl Position for Guess {
    fn apply(&self, player: Seat, text: &str) -> Result<Outcome, Illegal> {
        if self.ending().is_some() {
            return Err(Illegal::Over);
        }
        if player != self.turn() {
            return Err(Illegal::NotYourTurn);
        }
        let said = self.read(text).ok_or(Illegal::Unreadable)?;
        // A word of another length cannot be meant.
        if !matches!(said.chars().count(), length if length == 1 || length == self.word.chars().count()) {
            return Err(Illegal::Unreadable);
        }
        if self.tried.contains(&said) {
            return Err(Illegal::TriedBefore);
        }
        let mut next = self.clone();
        next.tried.push(said.clone());
        Ok(Outcome { ending: next.ending(), next: Box::new(next), canonical: said.clone(), notation: said })
    }

    fn turn(&self) -> Seat {
        Seat(0)
    }

    fn ending(&self) -> Option<Ending> {
        if self.word.chars().all(|letter| self.is_known(letter)) {
            return Some(Ending { winner: Some(Seat(0)), reason: Reason::WordGuessed });
        }
        (self.mistakes() >= MOST).then_some(Ending { winner: None, reason: Reason::Hanged })
    }

    fn legal_moves(&self) -> Vec<String> {
        if self.ending().is_some() {
            return Vec::new();
        }
        let letters = alphabet(self.lang).chars().map(String::from);
        letters.filter(|letter| !self.tried.contains(letter)).collect()
    }

    /// Only a letter: a word is what people write anyway.
    fn looks_like_move(&self, text: &str) -> bool {
        self.read(text).is_some_and(|said| said.chars().count() == 1)
    }

    fn revealed(&self) -> Option<Box<dyn Position>> {
        Some(Box::new(Self { open: true, ..self.clone() }))
    }

    fn state(&self) -> Value {
        let mut state = json!({
            "word": self.shown(),
            "tried": self.tried,
            "missed": self.missed().collect::<Vec<_>>(),
            "mistakes": self.mistakes(),
            "most": MOST,
            "alphabet": alphabet(self.lang),
        });
        if self.open || self.ending().is_some() {
            state["answer"] = json!(self.word);
        }
        state
    }

    fn picture(&self) -> String {
        let word = if self.open || self.ending().is_some() { self.word.clone() } else { self.shown() };
        let spaced = word.to_uppercase().chars().map(String::from).collect::<Vec<_>>().join(" ");
        let mut lines = vec![spaced, String::new()];
        let mistakes = self.mistakes();
        if mistakes > 0 {
            let missed = self.missed().map(String::as_str).collect::<Vec<_>>().join(", ");
            lines.push(match self.lang {
                Lang::Ru => format!("Мимо ({mistakes} из {MOST}): {missed}"),
                Lang::En => format!("Missed ({mistakes} of {MOST}): {missed}"),
            });
            lines.push(String::new());
            lines.push(drawing(mistakes));
        } else {
            lines.push(match self.lang {
                Lang::Ru => format!("Ошибиться можно {} раз, на {MOST}-й игра кончится.", MOST - 1),
                Lang::En => format!("{} mistakes are forgiven; number {MOST} ends the game.", MOST - 1),
            });
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::{super::tests::play, *};

    fn over(moves: &str) -> (Option<Ending>, Value) {
        let position = play(&Hangman, moves);
        (position.ending(), position.state())
    }

    #[test]
    fn the_word_letter_by_letter_and_at_once() {
        let (ending, state) = over("с о щ");
        assert_eq!((ending, &state["word"], &state["missed"]), (None, &json!("со_______"), &json!(["щ"])));
        assert_eq!(state.get("answer"), None);
        let won = Some(Ending { winner: Some(Seat(0)), reason: Reason::WordGuessed });
        let (ending, state) = over("с о з в Ё");
        assert_eq!((ending, &state["word"]), (None, &json!("созвез__е")));
        assert_eq!(over("с о з в е д и").0, won);
        assert_eq!(over("с созвездие").0, won);
        assert_eq!(over("созвездие").1["word"], "созвездие");
    }

    #[test]
    fn eight_mistakes_and_the_word_is_told() {
        let (ending, state) = over("а б г ж й к л м");
        assert_eq!(ending, Some(Ending { winner: None, reason: Reason::Hanged }));
        assert_eq!((&state["answer"], &state["mistakes"]), (&json!("созвездие"), &json!(8)));
        let picture = play(&Hangman, "а б г ж й к л м").picture();
        assert!(
            picture.starts_with("С О З В Е З Д И Е\n") && picture.ends_with("\n  ║   / \\\n══╩══════"),
            "{picture}"
        );
    }

    #[test]
    fn what_is_not_a_guess() {
        let position = play(&Hangman, "а");
        for (text, illegal) in [
            ("А", Illegal::TriedBefore),
            ("a", Illegal::Unreadable),
            ("", Illegal::Unreadable),
            ("аб", Illegal::Unreadable),
            ("созвездия", Illegal::NotYourTurn),
        ] {
            let player = if illegal == Illegal::NotYourTurn { Seat(1) } else { Seat(0) };
            assert_eq!(position.apply(player, text).unwrap_err(), illegal, "{text}");
        }
        // A wrong word of the right length is a mistake, and one that is told from a letter.
        let wrong = position.apply(Seat(0), "звездочет").unwrap().next;
        assert_eq!(wrong.state()["missed"], json!(["а", "звездочет"]));
        assert_eq!(wrong.state()["word"], "_________");
        assert!(position.looks_like_move(" Ё ") && !position.looks_like_move("слово"));
    }

    #[test]
    fn words_are_fit_to_be_guessed() {
        for lang in [Lang::Ru, Lang::En] {
            let mut words = dictionary(lang);
            assert!(words.len() >= 300, "{}", words.len());
            for word in &words {
                assert!((5..=11).contains(&word.chars().count()) && Hangman.begin(word, lang).is_some(), "{word}");
            }
            let count = words.len();
            words.dedup();
            assert_eq!(words.len(), count);
            let deal = |seed| Hangman.deal(lang, &mut StdRng::seed_from_u64(seed));
            assert!(words.contains(&deal(1).as_str()) && deal(1) != deal(2));
        }
        assert!(Hangman.begin("", Lang::Ru).is_none() && Hangman.begin("moon", Lang::Ru).is_none());
    }

    #[test]
    fn who_gives_up_is_told_the_word() {
        let position = play(&Hangman, "с").revealed().unwrap();
        assert_eq!(
            (&position.state()["word"], &position.state()["answer"]),
            (&json!("с________"), &json!("созвездие"))
        );
        assert!(position.picture().starts_with("С О З"));
    }

    random_games!(Hangman, 32);
}
