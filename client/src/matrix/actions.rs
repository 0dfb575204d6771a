//! What a person does with messages, rooms and people.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client, Room,
    room::edit::EditedContent,
    ruma::{
        EventId, OwnedUserId, RoomOrAliasId, UserId,
        api::client::{
            directory::get_public_rooms_filtered::v3::Request as DirectoryRequest,
            receipt::create_receipt::v3::ReceiptType,
            room::{
                Visibility,
                create_room::v3::{Request as CreateRequest, RoomPreset},
            },
        },
        directory::Filter,
        events::{
            InitialStateEvent,
            room::{
                encryption::RoomEncryptionEventContent,
                member::MembershipState,
                message::{RoomMessageEventContent, RoomMessageEventContentWithoutRelation},
            },
        },
        serde::Raw,
    },
};
use matrix_sdk_ui::timeline::Timeline;
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    matrix::{failure, items, live::Live},
    model::{
        command::Command,
        update::{Failure, Person, PublicRoom, Update},
    },
};

/// Where a failure is told.
enum Place {
    Window,
    Dialog,
}

/// Does what a command asks for.
pub(super) async fn take(live: &Arc<Live>, command: Command) {
    let place = match &command {
        Command::FindPeople(_)
        | Command::StartChat(_)
        | Command::Invite { .. }
        | Command::CreateRoom { .. }
        | Command::FindRooms(_)
        | Command::Join(_) => Place::Dialog,
        _ => Place::Window,
    };
    if let Err(failure) = attempt(live, command).await {
        tracing::info!(?failure, "a wish could not be done");
        live.updates.send(match place {
            Place::Window => Update::Failed(failure),
            Place::Dialog => Update::DialogFailed(failure),
        });
    }
}

async fn attempt(live: &Arc<Live>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Send { room, text, reply_to } => {
            let timeline = live.timeline(&room).await?;
            send(&timeline, &text, reply_to.as_deref()).await
        }
        Command::Edit { room, key, text } => {
            let content = EditedContent::RoomMessage(RoomMessageEventContentWithoutRelation::text_markdown(text));
            live.timeline_of(&room, &key)
                .await?
                .edit(&items::id(&key), content)
                .await
                .map_err(|error| failure::of_timeline(&error))
        }
        Command::React { room, key, reaction } => live
            .timeline_of(&room, &key)
            .await?
            .toggle_reaction(&items::id(&key), &reaction)
            .await
            .map(|_| ())
            .map_err(|error| failure::of_timeline(&error)),
        Command::Remove { room, key } => live
            .timeline_of(&room, &key)
            .await?
            .redact(&items::id(&key), None)
            .await
            .map_err(|error| failure::of_timeline(&error)),
        Command::Retry { room, key } => {
            let timeline = live.timeline_of(&room, &key).await?;
            retry(&timeline, &key).await
        }
        Command::Typing { room, typing } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            if let Err(error) = room.typing_notice(typing).await {
                tracing::debug!(%error, "typing was not told");
            }
            Ok(())
        }
        Command::FindPeople(term) => {
            let found = find_people(&live.client, &term).await?;
            live.updates.send(Update::People { term, found });
            Ok(())
        }
        Command::StartChat(user) => {
            let user = person(&live.client, &user)?;
            let room = match live.client.get_dm_room(&user) {
                Some(room) => room,
                None => live.client.create_dm(&user).await.map_err(|error| failure::of(&error))?,
            };
            enter(live, &room).await;
            Ok(())
        }
        Command::Invite { room, user } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            room.invite_user_by_id(&person(&live.client, &user)?).await.map_err(|error| failure::of(&error))?;
            live.updates.send(Update::Invited);
            Ok(())
        }
        Command::CreateRoom { name, topic, public, encrypted, alias } => {
            let alias = Some(alias.trim().to_owned()).filter(|alias| public && !alias.is_empty());
            if alias.as_deref().is_some_and(|alias| !is_address(alias)) {
                return Err(Failure::AddressInvalid);
            }
            let mut request = CreateRequest::new();
            request.name = Some(name.trim().to_owned());
            request.topic = Some(topic.trim().to_owned()).filter(|topic| !topic.is_empty());
            request.room_alias_name = alias;
            request.preset = Some(if public { RoomPreset::PublicChat } else { RoomPreset::PrivateChat });
            request.visibility = if public { Visibility::Public } else { Visibility::Private };
            if encrypted {
                let state =
                    InitialStateEvent::with_empty_state_key(RoomEncryptionEventContent::with_recommended_defaults());
                request.initial_state = vec![state.to_raw_any()];
            }
            let room = live.client.create_room(request).await.map_err(|error| failure::of(&error))?;
            enter(live, &room).await;
            Ok(())
        }
        Command::FindRooms(term) => {
            let found = find_rooms(&live.client, &term).await?;
            live.updates.send(Update::PublicRooms { term, found });
            Ok(())
        }
        Command::Join(address) => {
            let address = whole_address(&address, own_server(&live.client));
            let address = RoomOrAliasId::parse(address).map_err(|_| Failure::NotFound)?;
            let room =
                live.client.join_room_by_id_or_alias(&address, &[]).await.map_err(|error| failure::of(&error))?;
            enter(live, &room).await;
            Ok(())
        }
        Command::Accept(room) => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            // An invitation to a chat of two makes the room one for this account too.
            let direct = room.is_direct().await.unwrap_or(false);
            room.join().await.map_err(|error| failure::of(&error))?;
            if direct && let Err(error) = room.set_is_direct(true).await {
                tracing::info!(%error, "the chat was not marked as personal");
            }
            enter(live, &room).await;
            Ok(())
        }
        Command::Decline(room) | Command::Leave(room) => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            room.leave().await.map_err(|error| failure::of(&error))?;
            live.updates.send(Update::RoomGone(room.room_id().to_string()));
            Ok(())
        }
        Command::StartGame { room, kind, lang } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            bring_bot(&room).await?;
            let content = json!({ "action": "start", "kind": kind, "lang": lang });
            queue(&room, "org.parta.game.action", &content).await
        }
        Command::Play { room, game_id, board, ply, made } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            let content = json!({ "game_id": game_id, "ply": ply, "move": made, "m.relates_to": reference(&board) });
            queue(&room, "org.parta.game.move", &content).await
        }
        Command::Act { room, game_id, board, action } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            let content = json!({ "action": action, "game_id": game_id, "m.relates_to": reference(&board) });
            queue(&room, "org.parta.game.action", &content).await
        }
        _ => Ok(()),
    }
}

fn reference(board: &str) -> serde_json::Value {
    json!({ "rel_type": "m.reference", "event_id": board })
}

/// Sends an event through the send queue, which repeats it under one transaction id after a lost connection.
async fn queue(room: &Room, kind: &str, content: &serde_json::Value) -> Result<(), Failure> {
    let raw = Raw::new(content).map_err(|_| Failure::Other)?.cast_unchecked();
    room.send_queue().send_raw(raw, kind.to_owned()).await.map(|_| ()).map_err(|error| {
        tracing::info!(%error, "event was not taken for sending");
        Failure::Other
    })
}

/// The game bot's account on the account's own server (docs/games-events.md).
const BOT: &str = "games";

/// Invites the game bot where it is missing, and waits until it has come.
async fn bring_bot(room: &Room) -> Result<(), Failure> {
    let bot = UserId::parse(format!("@{BOT}:{}", room.own_user_id().server_name())).map_err(|_| Failure::NoGames)?;
    let there = async || matches!(room.get_member_no_sync(&bot).await, Ok(Some(member)) if *member.membership() == MembershipState::Join);
    if there().await
        || matches!(room.get_member(&bot).await, Ok(Some(member)) if *member.membership() == MembershipState::Join)
    {
        return Ok(());
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

async fn send(timeline: &Timeline, text: &str, reply_to: Option<&str>) -> Result<(), Failure> {
    let reply_to = reply_to.and_then(|key| EventId::parse(key).ok());
    let sent = match (reply_to, text.strip_prefix("/me ")) {
        (Some(key), _) => timeline.send_reply(RoomMessageEventContentWithoutRelation::text_markdown(text), key).await,
        (None, Some(emote)) => timeline.send(RoomMessageEventContent::emote_markdown(emote).into()).await.map(|_| ()),
        (None, None) => timeline.send(RoomMessageEventContent::text_markdown(text).into()).await.map(|_| ()),
    };
    sent.map_err(|error| failure::of_timeline(&error))?;
    // Who writes has read what stands above.
    if let Err(error) = timeline.mark_as_read(ReceiptType::FullyRead).await {
        tracing::debug!(%error, "read marker was not moved");
    }
    Ok(())
}

async fn retry(timeline: &Timeline, key: &str) -> Result<(), Failure> {
    timeline.room().send_queue().set_enabled(true);
    let handle = timeline
        .items()
        .await
        .iter()
        .filter_map(|item| item.as_event())
        .find(|event| event.transaction_id().is_some_and(|id| id == key))
        .and_then(|event| event.local_echo_send_handle())
        .ok_or(Failure::NotFound)?;
    handle.unwedge().await.map_err(|error| {
        tracing::info!(%error, "message was not sent again");
        Failure::Other
    })
}

/// Tells the room and shows it.
async fn enter(live: &Live, room: &Room) {
    crate::matrix::rooms::tell(live, [room.room_id().to_owned()].into()).await;
    live.updates.send(Update::Entered(room.room_id().to_string()));
}

/// Letters that the local part of a room's address may have.
fn is_address(alias: &str) -> bool {
    alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The address of a room or a person as typed, with the account's own server where none was named.
fn whole_address(typed: &str, own_server: &str) -> String {
    let typed = typed.trim();
    if typed.starts_with(['#', '@']) && !typed.contains(':') {
        format!("{typed}:{own_server}")
    } else {
        typed.to_owned()
    }
}

fn own_server(client: &Client) -> &str {
    client.user_id().map(|own| own.server_name().as_str()).unwrap_or_default()
}

fn person(client: &Client, address: &str) -> Result<OwnedUserId, Failure> {
    UserId::parse(whole_address(address, own_server(client))).map_err(|_| Failure::NotFound)
}

/// People by name from the user directory, and by exact address even where the directory does not show them.
async fn find_people(client: &Client, term: &str) -> Result<Vec<Person>, Failure> {
    let own = client.user_id().map(ToString::to_string).unwrap_or_default();
    let answer = client.search_users(term.trim(), 30).await.map_err(|error| failure::of_http(&error))?;
    let mut found: Vec<Person> = answer
        .results
        .into_iter()
        .map(|user| Person {
            name: user.display_name.unwrap_or_else(|| user.user_id.localpart().to_owned()),
            id: user.user_id.to_string(),
        })
        .collect();
    if let Ok(id) = UserId::parse(whole_address(term, own_server(client)))
        && !found.iter().any(|person| person.id == id.as_str())
        && let Ok(profile) = client.account().fetch_user_profile_of(&id).await
    {
        let name = profile.get_static::<matrix_sdk::ruma::api::client::profile::DisplayName>().ok().flatten();
        found.insert(0, Person { name: name.unwrap_or_else(|| id.localpart().to_owned()), id: id.to_string() });
    }
    found.retain(|person| person.id != own);
    Ok(found)
}

async fn find_rooms(client: &Client, term: &str) -> Result<Vec<PublicRoom>, Failure> {
    let mut request = DirectoryRequest::new();
    request.limit = Some(100_u32.into());
    let mut filter = Filter::new();
    filter.generic_search_term = Some(term.trim().to_owned()).filter(|term| !term.is_empty());
    request.filter = filter;
    let answer = client.public_rooms_filtered(request).await.map_err(|error| failure::of_http(&error))?;
    Ok(answer
        .chunk
        .into_iter()
        .map(|room| {
            let address = room.canonical_alias.map(|alias| alias.to_string()).unwrap_or_default();
            PublicRoom {
                id: room.room_id.to_string(),
                name: room.name.unwrap_or_else(|| address.clone()),
                address,
                topic: room.topic.unwrap_or_default(),
                members: room.num_joined_members.into(),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_the_own_server() {
        assert_eq!(whole_address(" #class-7b ", "academy"), "#class-7b:academy");
        assert_eq!(whole_address("#class-7b:other", "academy"), "#class-7b:other");
        assert_eq!(whole_address("!id", "academy"), "!id");
        assert_eq!(whole_address("@anna", "academy"), "@anna:academy");
        assert_eq!(whole_address("Анна", "academy"), "Анна");
    }

    #[test]
    fn addresses_have_small_latin_letters_digits_and_hyphens() {
        assert!(is_address("class-7b"));
        assert!(!is_address("Класс") && !is_address("class 7") && !is_address("#class"));
    }
}
