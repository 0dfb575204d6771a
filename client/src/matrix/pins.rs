//! Pinned messages of the open room.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt;
use matrix_sdk::{
    Room,
    ruma::{EventId, OwnedRoomId, UserId},
};
use matrix_sdk_ui::timeline::{self, RoomExt, Timeline, TimelineFocus, TimelineItem};
use tokio::task::AbortHandle;

use crate::{
    matrix::{failure, items, live::Live, timelines::WARM},
    model::{
        pins::{News, Pin, Wish},
        update::{Failure, Update},
    },
};

/// What follows the pins of the open room, and the timelines that tell them.
///
/// A timeline is used again while it is at hand: whatever is built anew with every switch of the room also leaves the handles
/// of its aborted tasks behind until the session ends (matrix-sdk 0.18, `TaskMonitor`).
#[derive(Default)]
pub(super) struct Pins(Mutex<State>);

#[derive(Default)]
struct State {
    task: Option<AbortHandle>,
    /// Those of the open room and the warm ones, most recently used last.
    kept: VecDeque<(OwnedRoomId, Arc<Timeline>)>,
}

impl Pins {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Follows nothing any more, or this.
    pub(super) fn set(&self, task: Option<AbortHandle>) {
        if let Some(before) = self.with(|state| std::mem::replace(&mut state.task, task)) {
            before.abort();
        }
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        self.set(None);
        self.with(|state| state.kept.clear());
    }

    /// The timeline of the pinned messages of a room.
    async fn timeline(&self, room: &Room) -> Result<Arc<Timeline>, timeline::Error> {
        let known = self.with(|state| {
            let at = state.kept.iter().position(|(kept, _)| kept == room.room_id())?;
            let known = state.kept.remove(at)?;
            let timeline = Arc::clone(&known.1);
            state.kept.push_back(known);
            Some(timeline)
        });
        if let Some(timeline) = known {
            return Ok(timeline);
        }
        let builder = room.timeline_builder().with_focus(TimelineFocus::PinnedEvents);
        let timeline = Arc::new(Box::pin(builder.with_internal_id_prefix("pins-".to_owned()).build()).await?);
        self.with(|state| {
            state.kept.retain(|(kept, _)| kept != room.room_id());
            state.kept.push_back((room.room_id().to_owned(), Arc::clone(&timeline)));
            if state.kept.len() > WARM + 1 {
                state.kept.pop_front();
            }
        });
        Ok(timeline)
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
        let live = Arc::clone(self);
        let room = room.clone();
        let task = tokio::spawn(async move {
            let timeline = match live.pins.timeline(&room).await {
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
                live.updates.send(Update::Pins(News::Pinned { room: room.room_id().to_string(), pins }));
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
