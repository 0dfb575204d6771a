//! Hangman: a word that the whole room guesses, and the letters that were said.

use serde_json::Value;

use super::{Board, Status};

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nobody said it
    Not,
    /// It is in the word
    Right,
    /// It is not, or at the end of the game: nobody said it, and it is
    Wrong,
}

/// A letter of the word, empty while nobody knows it, or one that can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The letter
    pub text: String,
    /// What became of it
    pub said: Said,
}

/// Where the guessing stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guess {
    /// The word
    pub word: Vec<Letter>,
    /// All that can be said
    pub alphabet: Vec<Letter>,
    /// Mistakes so far
    pub mistakes: usize,
    /// Mistakes that end the game
    pub most: usize,
}

impl Guess {
    /// What a board tells. Nothing of another kind of game.
    pub fn of(board: &Board) -> Self {
        let words = |key: &str| board.state.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| board.state.get(key).and_then(Value::as_u64).map_or(0, |number| number as usize);
        let listed = |key: &str| -> Vec<&str> {
            board.state.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (tried, missed) = (listed("tried"), listed("missed"));
        let mut answer = words("answer").chars();
        let letter = |known: char| {
            let answer = answer.next().filter(|_| board.status == Status::Finished);
            match (known, answer) {
                ('_', None) => Letter { text: String::new(), said: Said::Not },
                ('_', Some(answer)) => Letter { text: answer.to_string(), said: Said::Wrong },
                (known, _) => Letter { text: known.to_string(), said: Said::Right },
            }
        };
        let key = |letter: char| {
            let text = letter.to_string();
            let said = match (tried.contains(&text.as_str()), missed.contains(&text.as_str())) {
                (_, true) => Said::Wrong,
                (true, _) => Said::Right,
                _ => Said::Not,
            };
            Letter { text, said }
        };
        Self {
            word: words("word").chars().map(letter).collect(),
            alphabet: words("alphabet").chars().map(key).collect(),
            mistakes: number("mistakes"),
            most: number("most"),
        }
    }
}

impl Board {
    /// What a person says, as the bot takes it: a letter that nobody has said, or a whole word. `None` for all else.
    pub fn guess(&self, words: &str) -> Option<String> {
        let said = words.trim().to_lowercase().replace('ё', "е");
        let alphabet = self.state.get("alphabet").and_then(Value::as_str)?;
        let length = self.state.get("word").and_then(Value::as_str)?.chars().count();
        let is_word = said.chars().count() == length && said.chars().all(|letter| alphabet.contains(letter));
        (is_word || self.legal_moves.contains(&said)).then_some(said)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::parse, *};
    use crate::model::game::{Pressed, Table};

    fn board(status: &str, more: &Value) -> Board {
        let mut state = json!({
            "word": "с_в_", "tried": ["с", "щ", "в", "соль"], "missed": ["щ", "соль"], "mistakes": 2, "most": 8,
            "alphabet": "авклосщ",
        });
        state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parse(&json!({"org.parta.game": {
            "version": 1, "game_id": "g", "kind": "hangman", "revision": 5, "status": status, "creator": "@a:x", "open": true,
            "players": [{"seat": "guessers"}], "turn": "guessers", "ply": 4, "legal_moves": ["а", "к", "л", "о"],
            "state": state,
            "last_move": {"ply": 4, "seat": "guessers", "user_id": "@b:x", "move": "соль", "notation": "соль"},
        }}))
        .unwrap()
    }

    #[test]
    fn the_word_and_what_was_said() {
        let guess = Guess::of(&board("playing", &json!({})));
        let letters = |letters: &[Letter]| letters.iter().map(|letter| letter.text.clone()).collect::<Vec<_>>();
        assert_eq!(letters(&guess.word), ["с", "", "в", ""]);
        assert_eq!(letters(&guess.alphabet).concat(), "авклосщ");
        let said = |text: &str| guess.alphabet.iter().find(|letter| letter.text == text).unwrap().said;
        assert_eq!((said("а"), said("в"), said("щ")), (Said::Not, Said::Right, Said::Wrong));
        assert_eq!((guess.mistakes, guess.most), (2, 8));
    }

    #[test]
    fn what_nobody_knew_is_shown_at_the_end() {
        let guess = Guess::of(&board("finished", &json!({ "answer": "сова" })));
        assert_eq!(guess.word[1], Letter { text: "о".into(), said: Said::Wrong });
        assert_eq!(guess.word[2], Letter { text: "в".into(), said: Said::Right });
    }

    #[test]
    fn everybody_may_say_a_letter_or_the_word() {
        let board = board("playing", &json!({}));
        for (words, said) in
            [(" О", Some("о")), ("Сова", Some("сова")), ("щ", None), ("z", None), ("сов", None), ("", None)]
        {
            assert_eq!(board.guess(words).as_deref(), said, "{words}");
        }
        let mut table = Table::default();
        assert_eq!(table.say(&board, "@c:x", "о"), Pressed::Move("о".into()), "nobody has to join");
        assert_eq!(table.say(&board, "@c:x", "а"), Pressed::Nothing, "one after the other");
        assert!(board.may_resign("@a:x") && !board.may_resign("@b:x"));
    }

    #[test]
    fn a_broken_word_is_no_word() {
        let broken = json!({ "word": 1, "alphabet": null, "tried": "а", "mistakes": -1 });
        let board = board("playing", &broken);
        assert_eq!(Guess::of(&board), Guess { most: 8, ..Guess::default() });
        assert_eq!(board.guess("а"), None);
    }
}
