//! What a person asks of the game bot (docs/games-events.md). The bot reads nothing encrypted, so requests go out in plain
//! in every room: past the send queue, which encrypts.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use matrix_sdk::{
    Room,
    ruma::{
        OwnedUserId, TransactionId, UserId,
        api::client::message::send_message_event::v3::Request,
        events::{
            AnyToDeviceEvent, MessageLikeEventType, member_hints::MemberHintsEventContent,
            room::member::MembershipState,
        },
        serde::Raw,
    },
};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc::unbounded_channel};

use crate::{
    matrix::{failure, live::Live},
    model::{
        game::{Hand, Opponent, Wish},
        update::{Failure, Update},
    },
};

/// The game bot's account on the account's own server.
const BOT: &str = "games";
/// How often a request is repeated while the server does not answer, and how long is waited before the first time.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Type of the to-device event with what one player alone may see.
const HAND: &str = "org.parta.game.hand";

/// Hears what bots tell this person alone, until the session ends.
pub(super) async fn listen(live: Arc<Live>) {
    let (teller, mut told) = unbounded_channel();
    let handler = live.client.add_event_handler(move |event: Raw<AnyToDeviceEvent>| {
        let heard = hand(&event).map(|hand| teller.send(hand));
        async move { drop(heard) }
    });
    let _guard = live.client.event_handler_drop_guard(handler);
    while let Some(hand) = told.recv().await {
        live.updates.send(Update::Hand(hand));
    }
}

fn hand(event: &Raw<AnyToDeviceEvent>) -> Option<Hand> {
    let kind: String = event.get_field("type").ok()??;
    if kind != HAND {
        return None;
    }
    let sender: OwnedUserId = event.get_field("sender").ok()??;
    Hand::parse(sender.as_str(), &event.get_field("content").ok()??)
}

/// Does what was asked.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    if let Err(failure) = attempt(live, wish).await {
        tracing::info!(?failure, "the game bot was not asked");
        live.failed(failure);
    }
}

async fn attempt(live: &Live, wish: Wish) -> Result<(), Failure> {
    let room = live.room(wish.room()).ok_or(Failure::NotFound)?;
    if matches!(wish, Wish::Start { .. }) {
        bring_bot(&room).await?;
    }
    let (kind, content) = event(wish);
    send(&room, kind, &content).await
}

/// The type of the event and its content.
fn event(wish: Wish) -> (&'static str, Value) {
    let reference = |board: String| json!({ "rel_type": "m.reference", "event_id": board });
    match wish {
        Wish::Start { kind, lang, opponent, seat, .. } => {
            let mut content = json!({ "action": "start", "kind": kind, "lang": lang });
            if !seat.is_empty() {
                content["seat"] = json!(seat);
            }
            match opponent {
                Opponent::Anyone => {}
                Opponent::Person(user) => content["opponent"] = json!(user),
                Opponent::Computer(strength) => content["strength"] = json!(strength),
            }
            ("org.parta.game.action", content)
        }
        Wish::Play { game_id, board, ply, made, .. } => (
            "org.parta.game.move",
            json!({ "game_id": game_id, "ply": ply, "move": made, "m.relates_to": reference(board) }),
        ),
        Wish::Act { game_id, board, action, .. } => {
            ("org.parta.game.action", json!({ "action": action, "game_id": game_id, "m.relates_to": reference(board) }))
        }
    }
}

/// Sends an event in plain, under one transaction id however often it has to be repeated.
async fn send(room: &Room, kind: &str, content: &Value) -> Result<(), Failure> {
    let body = Raw::new(content).map_err(|_| Failure::Other)?.cast_unchecked();
    let request = Request::new_raw(
        room.room_id().to_owned(),
        TransactionId::new(),
        MessageLikeEventType::from(kind.to_owned()),
        body,
    );
    let mut pause = PAUSE;
    for attempt in 1.. {
        let Err(error) = room.client().send(request.clone()).await else { break };
        let failure = failure::of_http(&error);
        if attempt == TRIES || !matches!(failure, Failure::ServerAway | Failure::TooMany) {
            return Err(failure);
        }
        tracing::debug!(%error, attempt, "the request is repeated");
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Ok(())
}

/// Invites the game bot where it is missing, and waits until it has come.
async fn bring_bot(room: &Room) -> Result<(), Failure> {
    let bot = UserId::parse(format!("@{BOT}:{}", room.own_user_id().server_name())).map_err(|_| Failure::NoGames)?;
    let there = async || matches!(room.get_member_no_sync(&bot).await, Ok(Some(member)) if *member.membership() == MembershipState::Join);
    if there().await
        || matches!(room.get_member(&bot).await, Ok(Some(member)) if *member.membership() == MembershipState::Join)
    {
        return Ok(());
    }
    // A chat of two keeps the name of the other person, though there are three.
    if room.is_dm()
        && let Err(error) = room.send_state_event(MemberHintsEventContent::new(BTreeSet::from([bot.clone()]))).await
    {
        tracing::info!(%error, "the bot was not noted as a helper of the chat");
    }
    room.invite_user_by_id(&bot).await.map_err(|error| match failure::of(&error) {
        Failure::NotFound => Failure::NoGames,
        failure => failure,
    })?;
    let mut changes = room.subscribe_to_updates();
    let came = async {
        while !there().await {
            if let Err(broadcast::error::RecvError::Closed) = changes.recv().await {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), came).await.map_err(|_| Failure::NoGames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_the_bot_reads() {
        let start = Wish::Start {
            room: "!r:x".into(),
            kind: "chess".into(),
            lang: "ru".into(),
            opponent: Opponent::Person("@b:x".into()),
            seat: "white".into(),
        };
        let (kind, content) = event(start);
        assert_eq!(kind, "org.parta.game.action");
        assert_eq!(
            content,
            json!({ "action": "start", "kind": "chess", "lang": "ru", "seat": "white", "opponent": "@b:x" })
        );
        let open = Wish::Start {
            room: "!r:x".into(),
            kind: "hangman".into(),
            lang: "en".into(),
            opponent: Opponent::Anyone,
            seat: String::new(),
        };
        assert_eq!(event(open).1, json!({ "action": "start", "kind": "hangman", "lang": "en" }));
        let play = Wish::Play {
            room: "!r:x".into(),
            game_id: "g".into(),
            board: "$board".into(),
            ply: 3,
            made: "g1f3".into(),
        };
        let (kind, content) = event(play);
        assert_eq!(kind, "org.parta.game.move");
        assert_eq!(
            content,
            json!({
                "game_id": "g", "ply": 3, "move": "g1f3",
                "m.relates_to": { "rel_type": "m.reference", "event_id": "$board" },
            })
        );
    }

    #[test]
    fn only_the_event_of_games_is_read() {
        let event = |kind: &str, content: Value| {
            let event = json!({ "type": kind, "sender": "@games:x", "content": content });
            hand(&Raw::new(&event).expect("an event").cast_unchecked())
        };
        let content =
            json!({ "version": 1, "game_id": "g", "revision": 1, "seat": "first", "state": { "cells": "s" } });
        let read = event(HAND, content.clone()).expect("read");
        assert_eq!((read.sender.as_str(), read.seat.as_str()), ("@games:x", "first"));
        assert_eq!(event("m.dummy", content), None);
        assert_eq!(event(HAND, json!({ "game_id": 1 })), None);
    }
}
