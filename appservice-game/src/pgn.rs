//! A game of chess in Portable Game Notation, which chess programs and sites read (S. J. Edwards, "Portable Game Notation
//! Specification and Implementation Guide", 1994).

use jiff::civil::Date;

use crate::{
    games::{Reason, Seat},
    session::{Session, Status},
};

/// Longest line of moves, in characters (section 8.2.1 asks for fewer than 80).
const LINE: usize = 79;

/// The export format of a game of chess; `None` of any other game, and of one without moves. `names` are the players' in the
/// order of seats, `began` is the day on which the game was asked for.
pub fn write(session: &Session, names: [&str; 2], began: Option<Date>) -> Option<String> {
    if session.rules().kind() != "chess" || session.moves.is_empty() {
        return None;
    }
    let (result, why) = match session.status {
        Status::Finished(ending) => {
            let result = match ending.winner {
                Some(Seat(0)) => "1-0",
                Some(_) => "0-1",
                None => "1/2-1/2",
            };
            (result, if ending.reason == Reason::LeftRoom { "abandoned" } else { "normal" })
        }
        _ => ("*", "unterminated"),
    };
    let date = began.map_or_else(|| "????.??.??".to_owned(), |day| day.strftime("%Y.%m.%d").to_string());
    let site = session.room_id.server_name().map_or("?", |server| server.as_str());
    let tags = [
        ("Event", "Parta"),
        ("Site", site),
        ("Date", &date),
        ("Round", "-"),
        ("White", names[0]),
        ("Black", names[1]),
        ("Result", result),
        ("Termination", why),
    ];
    let mut text = tags
        .map(|(name, value)| format!("[{name} \"{}\"]\n", value.replace('\\', "\\\\").replace('"', "\\\"")))
        .concat();
    let mut line = String::new();
    let tokens = session.moves.iter().enumerate().flat_map(|(ply, played)| {
        let number = (ply % 2 == 0).then(|| format!("{}.", ply / 2 + 1));
        number.into_iter().chain([played.notation.clone()])
    });
    for token in tokens.chain([result.to_owned()]) {
        if !line.is_empty() && line.chars().count() + 1 + token.chars().count() > LINE {
            text.push('\n');
            text.push_str(&std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&token);
    }
    text.push('\n');
    text.push_str(&line);
    Some(text)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::session::tests::played;

    const DAY: Option<Date> = Some(date(2026, 11, 24));

    #[test]
    fn a_mate_with_its_tags() {
        let mate = played("chess", &["f3", "e5", "g4", "Qh4#"]);
        let expected = "[Event \"Parta\"]\n[Site \"academy.example\"]\n[Date \"2026.11.24\"]\n[Round \"-\"]\n\
                        [White \"Иван \\\"Грозный\\\"\"]\n[Black \"back\\\\slash\"]\n[Result \"0-1\"]\n\
                        [Termination \"normal\"]\n\n1. f3 e5 2. g4 Qh4# 0-1";
        assert_eq!(write(&mate, ["Иван \"Грозный\"", "back\\slash"], DAY).unwrap(), expected);
    }

    #[test]
    fn a_game_that_goes_on_in_lines_that_fit() {
        let moves = ["Nf3", "Nf6", "Ng1", "Ng8"].repeat(3);
        let text = write(&played("chess", &moves[..10]), ["a", "b"], DAY).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= LINE), "{text}");
        assert!(text.contains("\n\n1. Nf3 Nf6 2. Ng1 Ng8 3. Nf3") && text.ends_with(" *"), "{text}");
        assert!(text.contains("[Termination \"unterminated\"]"));
        let undated = write(&played("chess", &["e4"]), ["a", "b"], None).unwrap();
        assert!(undated.contains("[Date \"????.??.??\"]"));
    }

    #[test]
    fn what_is_no_game_of_chess() {
        assert_eq!(write(&played("tictactoe", &["5"]), ["a", "b"], DAY), None);
        assert_eq!(write(&played("chess", &[]), ["a", "b"], DAY), None);
    }
}
