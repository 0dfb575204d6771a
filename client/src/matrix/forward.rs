//! Sending a message on: the same content without what tied it to its room. A file is not uploaded again, its place on
//! the server, with its keys where it is encrypted, is all that a message holds of it.

use std::{collections::BTreeSet, sync::Arc};

use matrix_sdk::{
    RoomState,
    ruma::events::{AnyMessageLikeEventContent, MessageLikeEventType, room::message::RoomMessageEventContent},
};
use matrix_sdk_ui::timeline::{MsgLikeKind, TimelineItemContent};

use crate::{
    matrix::{items, live::Live},
    model::{
        forward::{News, Wish},
        update::{Failure, Update},
    },
};

/// Does what a wish about sending on asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Places => {
            let places = places(live).await;
            live.updates.send(Update::Forward(News::Places(places)));
        }
        Wish::Send { room, key, to } => match send(live, &room, &key, &to).await {
            Ok(()) => live.updates.send(Update::Forward(News::Sent)),
            Err(failure) => live.failed(failure),
        },
    }
}

async fn places(live: &Live) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for room in live.client.joined_rooms() {
        if !room.is_space()
            && room
                .power_levels_or_default()
                .await
                .user_can_send_message(room.own_user_id(), MessageLikeEventType::RoomMessage)
        {
            places.insert(room.room_id().to_string());
        }
    }
    places
}

async fn send(live: &Arc<Live>, room: &str, key: &str, to: &[String]) -> Result<(), Failure> {
    let timeline = live.timeline_of(room, key).await?;
    let id = items::id(key);
    let content = timeline
        .items()
        .await
        .iter()
        .filter_map(|item| item.as_event())
        .find(|event| event.identifier() == id)
        .and_then(|event| content(event.content()))
        .ok_or(Failure::NotFound)?;
    for place in to {
        let room = live.room(place).filter(|room| room.state() == RoomState::Joined).ok_or(Failure::NotFound)?;
        room.send_queue().send(content.clone()).await.map_err(|error| {
            tracing::info!(%error, "a message was not taken for sending on");
            Failure::Other
        })?;
    }
    Ok(())
}

/// What goes on: neither what was answered nor who was named.
fn content(content: &TimelineItemContent) -> Option<AnyMessageLikeEventContent> {
    match &content.as_msglike()?.kind {
        MsgLikeKind::Message(message) => Some(RoomMessageEventContent::new(message.msgtype().clone()).into()),
        MsgLikeKind::Sticker(sticker) => {
            let mut content = sticker.content().clone();
            content.relates_to = None;
            Some(content.into())
        }
        _ => None,
    }
}
