//! What a message's menu asks for: its address, who has read it, its removal with a reason.

use std::{collections::HashSet, sync::Arc};

use matrix_sdk::{
    Room,
    ruma::{EventId, OwnedUserId},
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
