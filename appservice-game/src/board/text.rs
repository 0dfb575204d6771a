//! A session in words and in HTML.

use ruma::UserId;

use super::Names;
use crate::{
    games::{Hand, SeatName},
    session::{Session, Status},
    words::{self, Lang},
};

/// Longest name shown, in characters.
const LONGEST_NAME: usize = 48;

/// Running text in which people may be named.
pub(super) enum Span<'a> {
    Text(String),
    Strong(String),
    Person(&'a UserId),
    Line,
    Board(String),
}

/// What a board message says.
pub(super) fn describe(session: &Session) -> Vec<Span<'_>> {
    let lang = session.lang;
    let rules = session.rules();
    let seats = rules.seats();
    let text = |text: &str| Span::Text(text.to_owned());
    let mut spans = vec![Span::Strong(rules.title(lang).to_owned())];
    if session.status == Status::Waiting {
        let own = session.seat_of(&session.creator).map(|seat| &seats[seat.index()]);
        spans.push(text(lang.pick(". Приглашает ", ". Invitation from ")));
        spans.push(Span::Person(&session.creator));
        if let Some(own) = own {
            spans.push(Span::Text(format!(" ({})", own.name(lang))));
        }
        if let Some(invited) = &session.invited {
            spans.push(text(lang.pick(", соперник: ", ", opponent: ")));
            spans.push(Span::Person(invited));
        }
        spans.push(text("."));
        spans.push(Span::Line);
        spans.push(text(lang.pick(
            "Принять: реакция ✋ или !играю. Отказаться или отозвать: 👎 или !отмена.",
            "To accept: react ✋ or write !join. To refuse or withdraw: 👎 or !cancel.",
        )));
        return spans;
    }
    if session.status == Status::Cancelled {
        spans.push(text(lang.pick(". Игра не состоялась.", ". The game did not take place.")));
        return spans;
    }
    spans.push(text(": "));
    if rules.is_for_all() {
        spans.push(text(lang.pick("играет вся комната.", "the whole room plays.")));
    }
    for (index, (seat, player)) in seats.iter().zip(&session.players).enumerate() {
        if index > 0 {
            spans.push(text(" — "));
        }
        if let Some(player) = player {
            spans.push(Span::Person(player));
            spans.push(Span::Text(format!(" ({})", seat.name(lang))));
        }
    }
    spans.push(Span::Board(session.position().picture()));
    if let Some(last) = session.moves.last() {
        let described = rules.describe_move(session.moves.len(), &last.notation, lang);
        spans.push(Span::Text(match lang {
            Lang::Ru => format!("Последний ход: {described}"),
            Lang::En => format!("Last move: {described}"),
        }));
        if let Some(user) = &last.by {
            spans.push(text(" ("));
            spans.push(Span::Person(user));
            spans.push(text(")"));
        }
        spans.push(Span::Line);
    }
    status_line(session, seats, &mut spans);
    spans
}

/// What one player alone sees.
pub(super) fn describe_hand<'a>(session: &'a Session, hand: &Hand) -> Vec<Span<'a>> {
    let lang = session.lang;
    vec![
        Span::Strong(session.rules().title(lang).to_owned()),
        Span::Text(lang.pick(". Это видите только вы.", ". Only you see this.").to_owned()),
        Span::Board(hand.picture.clone()),
        Span::Text(session.rules().how_to_move(lang).to_owned()),
        Span::Line,
        Span::Text(lang.pick("Всё это пишите в комнату игры.", "Write all this in the game's room.").to_owned()),
    ]
}

fn status_line<'a>(session: &'a Session, seats: &[SeatName], spans: &mut Vec<Span<'a>>) {
    let lang = session.lang;
    let text = |text: &str| Span::Text(text.to_owned());
    if let Status::Finished(ending) = session.status {
        spans.push(Span::Strong(words::ending(ending, lang).to_owned()));
        if let Some((winner, seat)) = ending.winner.and_then(|seat| Some((session.player(seat)?, &seats[seat.index()])))
        {
            spans.push(text(lang.pick(" Победа: ", " Winner: ")));
            spans.push(Span::Person(winner));
            spans.push(Span::Text(format!(" ({}).", seat.name(lang))));
        }
        spans.push(Span::Line);
        spans.push(text(lang.pick("Ещё раз: реакция 🔁 или !реванш.", "Again: react 🔁 or write !rematch.")));
        return;
    }
    if session.position().in_check() {
        spans.push(Span::Strong(lang.pick("Шах! ", "Check! ").to_owned()));
    }
    if session.rules().is_for_all() {
        spans.push(text(session.rules().how_to_move(lang)));
    } else if let Some(seat) = session.turn() {
        spans.push(text(lang.pick("Ходит ", "To move: ")));
        if let Some(player) = session.player(seat) {
            spans.push(Span::Person(player));
        }
        spans.push(Span::Text(format!(" ({}). ", seats[seat.index()].name(lang))));
        spans.push(text(session.rules().how_to_move(lang)));
    }
    if let Some(player) = session.draw_offer.and_then(|seat| session.player(seat)) {
        spans.push(Span::Line);
        spans.push(Span::Person(player));
        spans.push(text(lang.pick(
            " предлагает ничью. Согласиться: 🤝 или !ничья; отказаться: 👎, !отказ или ход.",
            " offers a draw. To accept: 🤝 or !draw; to decline: 👎, !nodraw or a move.",
        )));
    }
    if let Some(reason) = session.draw_claim() {
        spans.push(Span::Line);
        spans.push(text(words::draw_claim(reason, lang)));
    }
}

/// A name fit to stand inside a sentence: one line, bounded, without characters that turn the text around.
pub(super) fn name_of(user: &UserId, names: &Names) -> String {
    let name: String = names
        .get(user)
        .map_or("", String::as_str)
        .chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .take(LONGEST_NAME)
        .collect();
    let name = name.trim();
    if name.is_empty() { user.localpart().to_owned() } else { name.to_owned() }
}

pub(super) fn plain(spans: &[Span<'_>], names: &Names) -> String {
    let mut body = String::new();
    for span in spans {
        match span {
            Span::Text(text) | Span::Strong(text) => body.push_str(text),
            Span::Person(user) => body.push_str(&name_of(user, names)),
            Span::Line => body.push('\n'),
            Span::Board(picture) => {
                body.push_str("\n\n");
                body.push_str(picture);
                body.push_str("\n\n");
            }
        }
    }
    body
}

pub(super) fn html(spans: &[Span<'_>], names: &Names) -> String {
    let mut body = String::new();
    for span in spans {
        match span {
            Span::Text(text) => escape(&mut body, text),
            Span::Strong(text) => {
                body.push_str("<strong>");
                escape(&mut body, text);
                body.push_str("</strong>");
            }
            Span::Person(user) => {
                body.push_str("<a href=\"");
                escape(&mut body, &user.matrix_to_uri().to_string());
                body.push_str("\">");
                escape(&mut body, &name_of(user, names));
                body.push_str("</a>");
            }
            Span::Line => body.push_str("<br>"),
            Span::Board(picture) => {
                body.push_str("<pre><code>");
                escape(&mut body, picture);
                body.push_str("\n</code></pre>");
            }
        }
    }
    body
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
