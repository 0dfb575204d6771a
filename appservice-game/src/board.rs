//! The board message: a session in words, in HTML and as the block that a native board reads.
//!
//! The block's shape is documented in docs/games-events.md. This module knows neither the store nor HTTP.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use ruma::{EventId, OwnedUserId};
use serde_json::{Value, json};

use crate::{
    games::{Hand, Reason, Seat},
    pgn,
    session::{Session, Status},
};

mod text;

/// Key of the block in a board message.
pub const BLOCK: &str = "org.parta.game";
/// Type of the to-device event that tells a player what only they may see.
pub const HAND: &str = "org.parta.game.hand";
/// Key of the block in a refusal.
pub const ERROR_BLOCK: &str = "org.parta.game.error";
/// Moves beyond this number are left out of the block: an event has at most 65,536 bytes, and an edit carries the block twice.
const MOST_MOVES: usize = 1000;

/// Display names of a room's members.
pub type Names = BTreeMap<OwnedUserId, String>;

/// The `org.parta.game` block.
pub fn block(session: &Session) -> Value {
    let seats = session.rules().seats();
    let name = |seat: Seat| seats.get(seat.index()).map(|seat| seat.id);
    let players: Vec<Value> = seats
        .iter()
        .zip(&session.players)
        .map(|(seat, player)| match player {
            Some(user) => json!({ "seat": seat.id, "user_id": user }),
            None => json!({ "seat": seat.id }),
        })
        .collect();
    let playing = session.status == Status::Playing;
    let mut block = json!({
        "version": 1,
        "game_id": session.game_id,
        "kind": session.rules().kind(),
        "lang": session.lang.code(),
        "revision": session.revision,
        "status": match session.status {
            Status::Waiting => "waiting",
            Status::Playing => "playing",
            Status::Finished(_) => "finished",
            Status::Cancelled => "cancelled",
        },
        "creator": session.creator,
        "players": players,
        "ply": session.moves.len(),
        "state": session.position().state(),
        "legal_moves": if playing { session.position().legal_moves() } else { Vec::new() },
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            block[key] = value;
        }
    };
    put("invited", session.invited.as_ref().map(|user| json!(user)));
    put("open", session.rules().is_for_all().then_some(Value::Bool(true)));
    put("started_by", session.started_by.as_ref().map(|id| json!(id)));
    put("computer", session.computer.map(|strength| json!(strength)));
    put("turn", session.turn().and_then(name).map(|seat| json!(seat)));
    put(
        "last_move",
        session.moves.last().map(|played| {
            let mut last = json!({
                "ply": session.moves.len(),
                "seat": name(played.seat),
                "move": played.canonical,
                "notation": played.notation,
            });
            if let Some(user) = &played.by {
                last["user_id"] = json!(user);
            }
            last
        }),
    );
    put(
        "moves",
        (session.moves.len() <= MOST_MOVES)
            .then(|| session.moves.iter().map(|played| json!(played.canonical)).collect()),
    );
    put("draw_offer", session.draw_offer.and_then(name).map(|seat| json!(seat)));
    put("draw_claim", session.draw_claim().map(|reason| json!(reason)));
    if let Status::Finished(ending) = session.status {
        let mut result = json!({ "reason": ending.reason });
        if let Some(winner) = ending.winner.and_then(name) {
            result["winner"] = json!(winner);
        }
        put("result", Some(result));
    }
    put("rematch_of", session.rematch_of.as_ref().map(|id| json!(id)));
    put("rematch", session.rematch.as_ref().map(|id| json!(id)));
    block
}

/// The content of a board message.
pub fn message(session: &Session, names: &Names) -> Value {
    let spans = text::describe(session);
    let mut content = json!({
        // A notice would never notify the player at turn (push rule `.m.rule.suppress_notices`).
        "msgtype": "m.text",
        "body": text::plain(&spans, names),
        "format": "org.matrix.custom.html",
        "formatted_body": text::html(&spans, names),
        "m.mentions": mentions(session),
    });
    content[BLOCK] = block(session);
    content
}

/// The content of the to-device event with what one player alone sees.
pub fn hand(session: &Session, seat: Seat, hand: &Hand) -> Value {
    json!({
        "version": 1,
        "game_id": session.game_id,
        "room_id": session.room_id,
        "kind": session.rules().kind(),
        "revision": session.revision,
        "seat": session.rules().seats().get(seat.index()).map(|seat| seat.id),
        "state": hand.state,
    })
}

/// The same in words, for a direct chat.
pub fn hand_message(session: &Session, hand: &Hand) -> Value {
    notice(&text::describe_hand(session, hand), &Names::new())
}

/// A game of chess for other programs to read; `None` where there is none to tell.
pub fn pgn_message(session: &Session, names: &Names, began_ms: i64) -> Option<Value> {
    let player = |seat| session.player(seat).map(|user| text::name_of(user, names)).unwrap_or_default();
    let began = Timestamp::from_millisecond(began_ms).map(|at| at.to_zoned(TimeZone::system()).date()).ok();
    let game = pgn::write(session, [&player(Seat(0)), &player(Seat(1))], began)?;
    Some(notice(&[text::Span::Board(game)], names))
}

/// What asks for nothing and notifies nobody.
fn notice(spans: &[text::Span<'_>], names: &Names) -> Value {
    json!({
        "msgtype": "m.notice",
        "body": text::plain(spans, names).trim(),
        "format": "org.matrix.custom.html",
        "formatted_body": text::html(spans, names),
    })
}

/// An edit that replaces the board message `board` (Client-Server API, "Event replacements").
pub fn edit(content: &Value, board: &EventId) -> Value {
    let starred = |key: &str| format!("* {}", content[key].as_str().unwrap_or_default());
    json!({
        "msgtype": content["msgtype"],
        "body": starred("body"),
        "format": content["format"],
        "formatted_body": starred("formatted_body"),
        "m.mentions": content["m.mentions"],
        "m.new_content": content,
        "m.relates_to": { "rel_type": "m.replace", "event_id": board },
        BLOCK: content[BLOCK],
    })
}

/// Who has to act: the player at turn, the one who was offered a draw, the one who was invited. When it is over, the one
/// who did not end it; both where either may have.
fn mentions(session: &Session) -> Value {
    let user = match session.status {
        Status::Waiting => session.invited.as_deref(),
        Status::Playing => session.draw_offer.map(Seat::other).or(session.turn()).and_then(|seat| session.player(seat)),
        Status::Finished(ending) => match ending.reason {
            Reason::Agreement | Reason::ThreefoldRepetition | Reason::FiftyMoves => {
                return json!({ "user_ids": session.players.iter().flatten().collect::<Vec<_>>() });
            }
            Reason::Resignation | Reason::LeftRoom => ending.winner.and_then(|seat| session.player(seat)),
            _ => session.moves.last().and_then(|last| session.player(last.seat.other())),
        },
        Status::Cancelled => None,
    };
    match user {
        Some(user) => json!({ "user_ids": [user] }),
        None => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;
    use crate::session::{Entry, tests::played};

    #[test]
    fn the_documented_block() {
        let documented = include_str!("../../docs/games-events.md");
        let session = played("chess", &["e4", "e5"]);
        let mut block = block(&session);
        let legal = block["legal_moves"].as_array().unwrap();
        assert_eq!(legal.len(), 29);
        block["legal_moves"] = json!(["a2a3", "a2a4", "e1e2", "g1f3", "…all of them…"]);
        let examples: Vec<Value> = documented
            .split("```json\n")
            .skip(1)
            .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
            .collect();
        assert!(examples.iter().any(|example| example["content"][BLOCK] == block), "{block:#}");
    }

    #[test]
    fn a_board_in_words() {
        let mut names = Names::new();
        names.insert(owned_user_id!("@ivan:academy.example"), "Иван <b>\u{202e}Грозный</b>\n".to_owned());
        let content = message(&played("chess", &["e4", "e5", "Bc4", "Nc6", "Qh5", "Nf6", "Qxf7#"]), &names);
        let body = content["body"].as_str().unwrap();
        assert!(body.contains("Мат. Победа: Иван <b>Грозный</b> (белые)."), "{body}");
        assert!(body.contains("Последний ход: 4.\u{a0}Фxf7#"), "{body}");
        assert!(body.contains("7 ♟\u{fe0e} ♟\u{fe0e} ♟\u{fe0e} ♟\u{fe0e} · ♕ ♟\u{fe0e} ♟\u{fe0e}"), "{body}");
        let html = content["formatted_body"].as_str().unwrap();
        assert!(html.contains(">Иван &lt;b&gt;Грозный&lt;/b&gt;</a>"), "{html}");
        assert!(html.contains("https://matrix.to/#/@ivan:academy.example"), "{html}");
        assert_eq!(content["m.mentions"], json!({ "user_ids": ["@anna:academy.example"] }));
        assert_eq!(content[BLOCK]["result"], json!({ "winner": "white", "reason": "checkmate" }));
    }

    #[test]
    fn a_board_of_cells_and_who_learns_that_it_was_left() {
        let mut session = played("tictactoe", &["5"]);
        session.apply(&Entry::Left { seat: Seat(1) }).unwrap();
        let content = message(&session, &Names::new());
        let picture = "1\u{fe0f}\u{20e3} 2\u{fe0f}\u{20e3} 3\u{fe0f}\u{20e3}\n4\u{fe0f}\u{20e3} ❌ 6\u{fe0f}\u{20e3}\n";
        assert!(content["body"].as_str().unwrap().contains(&format!("\n\n{picture}")), "{content:#}");
        assert!(content["formatted_body"].as_str().unwrap().contains(&format!("<pre><code>{picture}")), "{content:#}");
        assert_eq!(content["m.mentions"], json!({ "user_ids": ["@ivan:academy.example"] }));
    }

    #[test]
    fn an_edit_fits_into_an_event_after_a_thousand_moves() {
        let mut session = played("chess", &[]);
        let shuffle = ["Nf3", "Nf6", "Ng1", "Ng8"];
        // Far longer than real: the same moves counted again and again.
        let played: Vec<_> = played("chess", &shuffle).moves;
        session.moves = played.iter().cloned().cycle().take(MOST_MOVES).collect();
        let edit = edit(&message(&session, &Names::new()), ruma::event_id!("$b"));
        assert!(edit.to_string().len() < 40_000);
        session.moves.push(played[0].clone());
        assert!(block(&session).get("moves").is_none());
    }
}
