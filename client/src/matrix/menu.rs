//! What a message's menu asks for: its address, who has read it, its removal with a reason.

use std::{collections::HashSet, sync::Arc};

use matrix_sdk::{
    Room, RoomState,
    ruma::{EventId, MatrixToUri, MatrixUri, OwnedUserId, RoomId, matrix_uri::MatrixId},
};

use crate::{
    matrix::{failure, items, live::Live, timelines::person_name},
    model::{
        menu::{News, Wish},
        update::{Failure, Update},
    },
};

/// Does what a wish about one message asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let done = match wish {
        Wish::Link { room, key } => link(live, &room, &key).await,
        Wish::Readers { room, key } => readers(live, &room, &key).await,
        Wish::Follow(link) => follow(live, &link),
        Wish::Remove { room, key, reason } => remove(live, &room, &key, reason.trim()).await,
    };
    if let Err(failure) = done {
        live.failed(failure);
    }
}

async fn link(live: &Live, room: &str, key: &str) -> Result<(), Failure> {
    let room = live.room(room).ok_or(Failure::NotFound)?;
    let event = EventId::parse(key).map_err(|_| Failure::NotFound)?;
    let link = room.matrix_event_permalink(event).await.map_err(|error| failure::of(&error))?;
    live.updates.send(Update::Menu(News::Link(link.to_string())));
    Ok(())
}

/// Finds what an address in either form of the specification ("URIs") leads to.
fn follow(live: &Live, link: &str) -> Result<(), Failure> {
    let id = match MatrixUri::parse(link) {
        Ok(link) => link.id().clone(),
        Err(_) => MatrixToUri::parse(link).map_err(|_| Failure::NotFound)?.id().clone(),
    };
    let (room, key) = match id {
        MatrixId::Room(room) => (room, String::new()),
        MatrixId::Event(room, event) => {
            (RoomId::parse(room.as_str()).map_err(|_| Failure::NotFound)?, event.to_string())
        }
        _ => return Err(Failure::NotFound),
    };
    let room = live.room(room.as_str()).filter(|room| room.state() == RoomState::Joined).ok_or(Failure::NotFound)?;
    live.updates.send(Update::Menu(News::Leads { room: room.room_id().to_string(), key }));
    Ok(())
}

/// A receipt stands at the newest message that its person has read: all before are read as well.
async fn readers(live: &Arc<Live>, id: &str, key: &str) -> Result<(), Failure> {
    let room = live.room(id).ok_or(Failure::NotFound)?;
    let timeline = live.timeline_of(id, key).await?;
    let item_id = items::id(key);
    let items = timeline.items().await;
    let events: Vec<_> =
        items.iter().filter_map(|item| item.as_event()).skip_while(|event| event.identifier() != item_id).collect();
    let message = events.first().ok_or(Failure::NotFound)?;
    let mut seen: HashSet<OwnedUserId> = [message.sender().to_owned(), room.own_user_id().to_owned()].into();
    let mut readers = Vec::new();
    for reader in events.iter().flat_map(|event| event.read_receipts().keys()) {
        if seen.insert(reader.clone()) {
            readers.push((reader.to_string(), person_name(&room, reader).await));
        }
    }
    readers.sort_by_cached_key(|(_, name)| name.to_lowercase());
    let mut reactions = Vec::new();
    for (reaction, senders) in message.content().reactions().into_iter().flat_map(|given| given.iter()) {
        reactions.push((reaction.clone(), names(&room, senders.keys()).await));
    }
    live.updates.send(Update::Menu(News::Readers { key: key.to_owned(), readers, reactions }));
    Ok(())
}

async fn names(room: &Room, people: impl Iterator<Item = &OwnedUserId>) -> Vec<String> {
    let mut names = Vec::new();
    for person in people {
        names.push(person_name(room, person).await);
    }
    names
}

async fn remove(live: &Arc<Live>, room: &str, key: &str, reason: &str) -> Result<(), Failure> {
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    live.timeline_of(room, key)
        .await?
        .redact(&items::id(key), reason)
        .await
        .map_err(|error| failure::of_timeline(&error))
}
