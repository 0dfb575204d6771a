//! Pinned messages of the open room.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use matrix_sdk::{
    Room,
    ruma::{EventId, UserId},
};
use matrix_sdk_ui::timeline::{RoomExt, TimelineFocus, TimelineItem};
use tokio::task::AbortHandle;

use crate::{
    matrix::{failure, items, live::Live},
    model::{
        pins::{News, Pin, Wish},
        update::{Failure, Update},
    },
};

/// What follows the pins of the open room.
#[derive(Default)]
pub(super) struct Pins(Mutex<Option<AbortHandle>>);

impl Pins {
    /// Follows nothing any more, or this.
    pub(super) fn set(&self, task: Option<AbortHandle>) {
        let mut followed = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *followed, task) {
            before.abort();
        }
    }
}

/// Does what a wish about pins asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let done = match wish {
        Wish::Pin { room, key } => pin(live, &room, &key, true).await,
        Wish::Unpin { room, key } => pin(live, &room, &key, false).await,
    };
    if let Err(failure) = done {
        live.failed(failure);
    }
}

async fn pin(live: &Live, room: &str, key: &str, pinned: bool) -> Result<(), Failure> {
    let room = live.room(room).ok_or(Failure::NotFound)?;
    let event = EventId::parse(key).map_err(|_| Failure::NotFound)?;
    let done = if pinned { room.pin_event(&event).await } else { room.unpin_event(&event).await };
    done.map(|_| ()).map_err(|error| failure::of(&error))
}

impl Live {
    /// Tells what is pinned in a room, until another one is watched.
    pub(super) fn watch_pins(self: &Arc<Self>, room: &Room) {
        let updates = self.updates.clone();
        let room = room.clone();
        let task = tokio::spawn(async move {
            let built = room
                .timeline_builder()
                .with_focus(TimelineFocus::PinnedEvents)
                .with_internal_id_prefix("pins-".to_owned())
                .build();
            let timeline = match Box::pin(built).await {
                Ok(timeline) => timeline,
                Err(error) => {
                    tracing::info!(%error, "pinned messages cannot be followed");
                    return;
                }
            };
            let (mut pinned, mut changes) = timeline.subscribe().await;
            loop {
                let own = room.own_user_id();
                let pins = pinned.iter().filter_map(|item| self::pinned(item, own)).collect();
                updates.send(Update::Pins(News::Pinned { room: room.room_id().to_string(), pins }));
                let Some(batch) = changes.next().await else { return };
                batch.into_iter().for_each(|diff| diff.apply(&mut pinned));
            }
        });
        self.pins.set(Some(task.abort_handle()));
    }
}

fn pinned(item: &Arc<TimelineItem>, own: &UserId) -> Option<Pin> {
    let event = item.as_event()?;
    let preview = match items::content(event.content(), None, Some((event, own))) {
        Some(items::Content::Body(body)) => body.preview(),
        _ => return None,
    };
    Some(Pin {
        key: event.event_id()?.to_string(),
        sender: event.sender().to_string(),
        who: items::name(event.sender_profile(), event.sender().as_str()),
        preview,
        thread: event.content().thread_root().map(|root| root.to_string()),
    })
}
