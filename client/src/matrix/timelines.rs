//! Open rooms: one is shown, a few stay warm so that going back to them is instant.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use eyeball_im::VectorDiff;
use futures_util::StreamExt;
use matrix_sdk::{
    Room, RoomState,
    deserialized_responses::TimelineEvent,
    event_handler::EventHandlerDropGuard,
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
        api::client::receipt::create_receipt::v3::ReceiptType, events::receipt::ReceiptThread,
    },
    sync::RoomUpdates,
};
use matrix_sdk_ui::timeline::{RoomExt, Timeline, TimelineDetails, TimelineFocus, TimelineItem};
use tokio::{sync::broadcast, task::AbortHandle};

use crate::{
    matrix::{crypto, failure, items, live::Live, members, rooms, verify},
    model::update::{Failure, Paging, Update},
};

/// Rooms kept warm besides the open one.
pub(super) const WARM: usize = 4;
/// Times that a timeline is built in the hope that nothing comes meanwhile.
const BUILDS: usize = 5;
/// Messages loaded at once while scrolling back.
const PAGE: u16 = 50;

/// The open room and the warm ones.
#[derive(Default)]
pub(super) struct Timelines {
    state: Mutex<State>,
    /// Held while a timeline is built, so that it is built once.
    building: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    shown: Option<OwnedRoomId>,
    /// Most recently used last.
    warm: VecDeque<Warm>,
    /// The newest event that a sync brought of each room, and whether it is told as read. A timeline learns of it only
    /// later, and says nothing of one that changes no item.
    newest: HashMap<OwnedRoomId, (OwnedEventId, bool)>,
    typing: Option<(AbortHandle, EventHandlerDropGuard)>,
}

struct Warm {
    room: OwnedRoomId,
    timeline: Arc<Timeline>,
    forward: AbortHandle,
}

impl Drop for Warm {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

impl Timelines {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A panic while the lock was held leaves a list that is still a list.
        work(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The timeline of a room, if it is open or warm.
    pub(super) fn get(&self, room: &RoomId) -> Option<Arc<Timeline>> {
        self.with(|state| {
            let at = state.warm.iter().position(|warm| warm.room == room)?;
            let warm = state.warm.remove(at)?;
            let timeline = Arc::clone(&warm.timeline);
            state.warm.push_back(warm);
            Some(timeline)
        })
    }

    /// The rooms that have one, the open one first.
    pub(super) fn rooms(&self) -> Vec<OwnedRoomId> {
        self.with(|state| state.warm.iter().rev().map(|warm| warm.room.clone()).collect())
    }

    /// True for the room on screen.
    pub(super) fn is_open(&self, room: &RoomId) -> bool {
        self.with(|state| state.shown.as_deref() == Some(room))
    }

    /// Notes what a sync brought.
    pub(super) fn came(&self, rooms: &RoomUpdates, own: &UserId) {
        self.with(|state| {
            for (room, update) in &rooms.joined {
                let mut events = update.timeline.events.iter().rev();
                if let Some((newest, event)) = events.find_map(|event| Some((event.event_id()?, event))) {
                    state.newest.insert(room.clone(), (newest, is_own_message(event, own)));
                }
            }
        });
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        self.with(|state| {
            if let Some((task, _)) = state.typing.take() {
                task.abort();
            }
            *state = State::default();
        });
    }
}

impl Live {
    /// Shows a room: what is stored at once, the rest as it comes.
    pub(super) async fn open(self: &Arc<Self>, id: &str) {
        let Some(room) = self.room(id) else { return };
        let room_id = room.room_id().to_owned();
        self.leave_shown(Some(&room_id)).await;
        self.updates.send(Update::Details { room: id.to_owned(), details: rooms::details(&room).await });
        if room.state() != RoomState::Joined {
            if room.state() == RoomState::Invited {
                rooms::preview(self, &room).await;
            }
            return;
        }
        self.watch_typing(&room);
        let timeline = match self.timeline(id).await {
            Ok(timeline) => timeline,
            Err(failure) => return self.failed(failure),
        };
        self.watch_pins(&room);
        verify::watch(self, &room);
        self.updates.send(Update::Members { room: id.to_owned(), members: rooms::members(&room, false).await });
        timeline.fetch_members().await;
        self.updates.send(Update::Members { room: id.to_owned(), members: rooms::members(&room, true).await });
        self.updates.send(Update::Details { room: id.to_owned(), details: rooms::details(&room).await });
        members::tell(self, &room).await;
        crypto::mend_once(self, &room).await;
    }

    /// No room is shown.
    pub(super) async fn close(&self) {
        self.leave_shown(None).await;
    }

    /// The room shown until now gives way. Its read marker moves only now, so that the line over the new messages
    /// stays where it was while they are read.
    async fn leave_shown(&self, next: Option<&RoomId>) {
        let before = self.timelines.with(|state| {
            if let Some((task, _)) = state.typing.take() {
                task.abort();
            }
            let before = state.shown.take();
            state.shown = next.map(ToOwned::to_owned);
            before
        });
        if before.as_deref() != next {
            self.threads.clear();
            self.pasts.clear();
            self.pins.set(None);
            self.verifying.unwatch();
        }
        if let Some(before) = before.filter(|before| Some(before.as_ref()) != next)
            && let Some(timeline) = self.timelines.get(&before)
            && let Err(error) = timeline.mark_as_read(ReceiptType::FullyRead).await
        {
            tracing::debug!(%error, "read marker was not moved");
        }
    }

    /// The timeline of a room that the account is in, built if it is not there yet.
    pub(super) async fn timeline(self: &Arc<Self>, id: &str) -> Result<Arc<Timeline>, Failure> {
        let room = self.room(id).filter(|room| room.state() == RoomState::Joined).ok_or(Failure::NotFound)?;
        let _building = self.timelines.building.lock().await;
        if let Some(timeline) = self.timelines.get(room.room_id()) {
            return Ok(timeline);
        }
        self.warm(&room).await.map_err(|error| failure::of_timeline(&error))
    }

    async fn warm(self: &Arc<Self>, room: &Room) -> Result<Arc<Timeline>, matrix_sdk_ui::timeline::Error> {
        let timeline = Arc::new(build(room).await?);
        let own: OwnedUserId = room.own_user_id().to_owned();
        let (initial, mut changes) = timeline.subscribe().await;
        let id = room.room_id().to_string();
        self.updates.send(Update::Timeline {
            room: id.clone(),
            diffs: vec![VectorDiff::Reset { values: initial.iter().map(|item| items::item(item, &own)).collect() }],
        });
        let live = Arc::downgrade(self);
        let updates = self.updates.clone();
        let quotes = id.clone();
        let mut wanted = missing_quotes(initial.iter());
        let forward = tokio::spawn(async move {
            loop {
                for key in wanted.drain(..) {
                    if let Some(live) = live.upgrade() {
                        let room = quotes.clone();
                        tokio::spawn(async move { live.fetch_quote(&room, &key).await });
                    }
                }
                let Some(batch) = changes.next().await else { return };
                wanted = batch.iter().flat_map(|diff| missing_quotes(new_items(diff).into_iter())).collect();
                let diffs = batch.into_iter().map(|diff| diff.map(|item| items::item(&item, &own))).collect();
                updates.send(Update::Timeline { room: id.clone(), diffs });
            }
        });
        let kept =
            Warm { room: room.room_id().to_owned(), timeline: Arc::clone(&timeline), forward: forward.abort_handle() };
        let cold = self.timelines.with(|state| {
            state.warm.push_back(kept);
            (state.warm.len() > WARM + 1).then(|| state.warm.pop_front()).flatten()
        });
        if let Some(cold) = cold {
            self.updates.send(Update::Timeline { room: cold.room.to_string(), diffs: vec![VectorDiff::Clear] });
        }
        Ok(timeline)
    }

    fn watch_typing(self: &Arc<Self>, room: &Room) {
        let (guard, mut receiver) = room.subscribe_to_typing_notifications();
        let updates = self.updates.clone();
        let room = room.clone();
        let task = tokio::spawn(async move {
            loop {
                match receiver.recv().await {
                    Ok(users) => {
                        let mut names = Vec::new();
                        for user in users {
                            names.push(person_name(&room, &user).await);
                        }
                        updates.send(Update::Typing { room: room.room_id().to_string(), names });
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
        self.timelines.with(|state| {
            if let Some((before, _)) = state.typing.replace((task.abort_handle(), guard)) {
                before.abort();
            }
        });
    }

    /// Loads earlier messages.
    pub(super) async fn page_back(self: &Arc<Self>, id: &str) {
        let tell = |paging| self.updates.send(Update::Paging { room: id.to_owned(), paging });
        tell(Paging::Loading);
        let paged = match self.timeline(id).await {
            Ok(timeline) => timeline.paginate_backwards(PAGE).await.map_err(|error| failure::of_timeline(&error)),
            Err(failure) => Err(failure),
        };
        tell(match paged {
            Ok(true) => Paging::Start,
            Ok(false) => Paging::More,
            Err(failure) => {
                tracing::info!(?failure, "earlier messages were not loaded");
                Paging::Failed(failure)
            }
        });
    }

    /// Tells the others that everything up to the newest event was seen, whatever that is: a move in a game or an edit
    /// counts as unread as a message does.
    pub(super) async fn mark_read(&self, id: &str) {
        let Some(room) = self.room(id) else { return };
        let Some(timeline) = self.timelines.get(room.room_id()) else { return };
        let newest = self.timelines.with(|state| {
            let (newest, told) = state.newest.get_mut(room.room_id())?;
            Some((!std::mem::replace(told, true)).then(|| newest.clone()))
        });
        let sent = match newest {
            Some(None) => return,
            // The SDK's own check knows only what the timeline has.
            Some(Some(newest)) => room.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, newest).await,
            None => timeline.mark_as_read(ReceiptType::Read).await.map(|_| ()),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "receipt was not sent");
            self.timelines.with(|state| state.newest.remove(room.room_id()));
        }
    }

    /// Loads the message that another one quotes.
    pub(super) async fn fetch_quote(&self, room: &str, key: &str) {
        let Some(timeline) = self.room(room).and_then(|room| self.timelines.get(room.room_id())) else { return };
        if let Ok(event) = EventId::parse(key)
            && let Err(error) = timeline.fetch_details_for_event(&event).await
        {
            tracing::debug!(%error, "quoted message was not loaded");
        }
    }
}

/// A timeline that holds nothing twice. matrix-sdk-ui 0.18 listens to a room's events first and reads them then: what a
/// sync brings in between, as it does at every start, it has from both. So one that something came to is built anew.
async fn build(room: &Room) -> Result<Timeline, matrix_sdk_ui::timeline::Error> {
    let (events, _handles) = room.event_cache().await?;
    let (_, mut came) = events.subscribe().await?;
    for _ in 0..BUILDS {
        let timeline = live_timeline(room).await?;
        if came.is_empty() {
            return Ok(timeline);
        }
        while !came.is_empty() {
            let _ = came.try_recv();
        }
    }
    live_timeline(room).await
}

/// The room's timeline without the answers in threads, which are shown beside it.
async fn live_timeline(room: &Room) -> Result<Timeline, matrix_sdk_ui::timeline::Error> {
    room.timeline_builder().with_focus(TimelineFocus::Live { hide_threaded_events: true }).build().await
}

/// A message of the account's own is as good as a receipt, to the server and to the SDK; a change of the room is not.
fn is_own_message(event: &TimelineEvent, own: &UserId) -> bool {
    event.sender().as_deref() == Some(own) && event.raw().get_field::<String>("state_key").ok().flatten().is_none()
}

/// A member's name, or the local part of the id.
pub(super) async fn person_name(room: &Room, user: &UserId) -> String {
    match room.get_member_no_sync(user).await {
        Ok(Some(member)) => member.name().to_owned(),
        _ => user.localpart().to_owned(),
    }
}

/// Messages that quote others which are not known yet.
pub(super) fn missing_quotes<'a>(items: impl Iterator<Item = &'a Arc<TimelineItem>>) -> Vec<String> {
    items
        .filter_map(|item| item.as_event())
        .filter(|event| {
            event
                .content()
                .as_msglike()
                .and_then(|like| like.in_reply_to.as_ref())
                .is_some_and(|reply| matches!(reply.event, TimelineDetails::Unavailable))
        })
        .filter_map(|event| event.event_id().map(ToString::to_string))
        .collect()
}

pub(super) fn new_items(diff: &VectorDiff<Arc<TimelineItem>>) -> Vec<&Arc<TimelineItem>> {
    match diff {
        VectorDiff::Append { values } | VectorDiff::Reset { values } => values.iter().collect(),
        VectorDiff::PushFront { value }
        | VectorDiff::PushBack { value }
        | VectorDiff::Insert { value, .. }
        | VectorDiff::Set { value, .. } => {
            vec![value]
        }
        _ => Vec::new(),
    }
}
