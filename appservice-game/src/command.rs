//! What a message or a reaction asks for. Pure reading of text; who may do what is decided elsewhere.

use crate::{
    games::{self, Rules, Strength},
    words::Lang,
};

/// A command in chat.
#[derive(Debug)]
pub enum Command {
    /// What can be played here and how.
    Help,
    /// A new game; the words after the command are an opponent and a side.
    Start {
        /// Which game.
        rules: &'static dyn Rules,
        /// The words after the command.
        arguments: Vec<String>,
    },
    /// Take part.
    Join,
    /// Refuse or withdraw an invitation.
    Cancel,
    /// Make a move.
    Move(String),
    /// Give up.
    Resign,
    /// Offer, accept or claim a draw.
    Draw,
    /// Decline a draw.
    NoDraw,
    /// Play again.
    Rematch,
    /// Show the board again.
    Board,
    /// Tell the whole game for other programs to read.
    Pgn,
    /// See what one alone may see.
    Hand,
    /// Lay it out anew.
    Arrange,
    /// Choose the room's language; `None` when none was named.
    Language(Option<Lang>),
}

/// Reads a message that begins with an exclamation mark, and the language it was written in.
pub fn read(body: &str) -> Option<(Command, Lang)> {
    let line = body.trim().lines().next()?;
    let mut words = line.strip_prefix('!')?.split_whitespace();
    let command = fold(words.next()?);
    let arguments: Vec<String> = words.map(str::to_owned).collect();
    let rest = || arguments.join(" ");
    let simple = match command.as_str() {
        // "!игра шахматы @anna" is how other bots do it.
        "игра" | "игры" | "помощь" | "game" | "games" | "play" => {
            if let Some((name, more)) = arguments.split_first()
                && let Some(start) = start(&fold(name), more)
            {
                return Some(start);
            }
            (Command::Help, if command.is_ascii() { Lang::En } else { Lang::Ru })
        }
        "играю" | "принять" => (Command::Join, Lang::Ru),
        "join" | "accept" => (Command::Join, Lang::En),
        "отмена" | "отменить" => (Command::Cancel, Lang::Ru),
        "cancel" | "decline" => (Command::Cancel, Lang::En),
        "ход" => (Command::Move(rest()), Lang::Ru),
        "move" => (Command::Move(rest()), Lang::En),
        "сдаюсь" | "сдаться" => (Command::Resign, Lang::Ru),
        "resign" => (Command::Resign, Lang::En),
        "ничья" => (Command::Draw, Lang::Ru),
        "draw" => (Command::Draw, Lang::En),
        "отказ" => (Command::NoDraw, Lang::Ru),
        "nodraw" => (Command::NoDraw, Lang::En),
        "реванш" => (Command::Rematch, Lang::Ru),
        "rematch" => (Command::Rematch, Lang::En),
        "доска" => (Command::Board, Lang::Ru),
        "board" => (Command::Board, Lang::En),
        "запись" | "партия" => (Command::Pgn, Lang::Ru),
        "pgn" => (Command::Pgn, Lang::En),
        "корабли" | "флот" => (Command::Hand, Lang::Ru),
        "fleet" | "hand" => (Command::Hand, Lang::En),
        "переставить" | "расставить" => (Command::Arrange, Lang::Ru),
        "shuffle" | "arrange" => (Command::Arrange, Lang::En),
        "язык" => (Command::Language(Lang::find(&fold(&rest()))), Lang::Ru),
        "language" | "lang" => (Command::Language(Lang::find(&fold(&rest()))), Lang::En),
        _ => return start(&command, &arguments),
    };
    Some(simple)
}

/// A new game, when `word` is the command of one.
fn start(word: &str, arguments: &[String]) -> Option<(Command, Lang)> {
    games::ALL.iter().find_map(|&rules| {
        let lang = [Lang::Ru, Lang::En].into_iter().find(|&lang| rules.commands(lang).contains(&word))?;
        let arguments = arguments.to_vec();
        Some((Command::Start { rules, arguments }, lang))
    })
}

/// Lower case, `ё` as `е`: how words are compared.
pub fn fold(word: &str) -> String {
    word.to_lowercase().replace('ё', "е")
}

/// How well the computer is to play, when `word` asks for it or says how.
pub fn computer(word: &str) -> Option<Option<Strength>> {
    Some(match fold(word).as_str() {
        "компьютер" | "комп" | "бот" | "computer" | "bot" => None,
        "легко" | "легкий" | "слабый" | "easy" => Some(Strength::Easy),
        "средне" | "средний" | "medium" => Some(Strength::Medium),
        "сложно" | "трудно" | "сильный" | "hard" => Some(Strength::Hard),
        _ => return None,
    })
}

/// A message's own words: without the quotation that older clients put before a reply.
pub fn without_quotation(body: &str) -> &str {
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.trim()
}

/// What a reaction means on a board.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaction {
    /// ✋ 👍
    Yes,
    /// 👎
    No,
    /// 🤝
    Draw,
    /// 🏳️
    Resign,
    /// 🔁
    Again,
    /// A number.
    Move(String),
}

/// Reads the key of a reaction; variation selectors and skin tones make no difference.
pub fn reaction(key: &str) -> Option<Reaction> {
    let bare: String = key
        .chars()
        .filter(|c| !matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}'))
        .collect();
    Some(match bare.as_str() {
        "✋" | "🖐" | "👍" => Reaction::Yes,
        "👎" => Reaction::No,
        "🤝" => Reaction::Draw,
        "🏳" => Reaction::Resign,
        "🔁" | "🔄" => Reaction::Again,
        digit if digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit() => Reaction::Move(digit.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_in_both_languages() {
        for (text, expected, lang) in [
            ("!игра", "Help", Lang::Ru),
            ("  !GAME  ", "Help", Lang::En),
            ("!сдаюсь", "Resign", Lang::Ru),
            ("!Draw", "Draw", Lang::En),
            ("!ход e2 e4", "Move(\"e2 e4\")", Lang::Ru),
            ("!move Nf3\nhello", "Move(\"Nf3\")", Lang::En),
            ("!язык en", "Language(Some(En))", Lang::Ru),
            ("!language", "Language(None)", Lang::En),
        ] {
            let (command, found) = read(text).unwrap();
            assert_eq!((format!("{command:?}").as_str(), found), (expected, lang), "{text}");
        }
        for text in ["", "!", "! ", "hello", "e2e4", "!unknown", "игра", "!!chess"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn starting_a_game() {
        for (text, expected) in [
            ("!шахматы @anna чёрные", Lang::Ru),
            ("!игра шахматы @anna чёрные", Lang::Ru),
            ("!chess @anna чёрные", Lang::En),
            ("!play chess @anna чёрные", Lang::En),
        ] {
            let (Command::Start { rules, arguments }, lang) = read(text).unwrap() else {
                panic!("{text}");
            };
            assert_eq!((rules.kind(), lang), ("chess", expected), "{text}");
            assert_eq!(arguments, ["@anna", "чёрные"]);
        }
    }

    #[test]
    fn command_words_are_unique() {
        let mut words: Vec<&str> = games::ALL
            .iter()
            .flat_map(|rules| [Lang::Ru, Lang::En].map(|lang| rules.commands(lang)))
            .flatten()
            .copied()
            .collect();
        for word in &words {
            assert_eq!(fold(word), *word);
        }
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn reactions() {
        assert_eq!(reaction("5️⃣"), Some(Reaction::Move("5".to_owned())));
        assert_eq!(reaction("👍🏽"), Some(Reaction::Yes));
        assert_eq!(reaction("🏳️"), Some(Reaction::Resign));
        assert_eq!(reaction("❤️"), None);
        assert_eq!(reaction(""), None);
    }

    #[test]
    fn quotations_are_left_out() {
        assert_eq!(without_quotation("> <@a:b> board\n> more\n\ne2e4"), "e2e4");
        assert_eq!(without_quotation("e2e4"), "e2e4");
        assert_eq!(without_quotation("> all"), "");
    }

    proptest! {
        #[test]
        fn any_text(text in "!?.*") {
            let _ = read(&text);
            let _ = reaction(&text);
            let _ = without_quotation(&text);
        }
    }
}
