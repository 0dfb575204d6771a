//! Threads: the open one has a timeline of its own, and a room's list of threads is followed while its panel is up.

use std::sync::{Arc, Mutex};

use eyeball_im::VectorDiff;
use futures_util::StreamExt;
use matrix_sdk::{
    Room,
    ruma::{
        EventId, OwnedRoomId, RoomId,
        api::client::receipt::create_receipt::v3::ReceiptType,
        events::room::message::{RoomMessageEventContent, RoomMessageEventContentWithoutRelation},
    },
};
use matrix_sdk_ui::timeline::{
    RoomExt, ThreadListPaginationState, ThreadListService, Timeline, TimelineEventItemId, TimelineFocus, TimelineItem,
    thread_list_service::{ThreadListItem, ThreadListItemEvent, ThreadListServiceError},
};
use tokio::task::AbortHandle;

use crate::{
    matrix::{
        failure, items,
        live::Live,
        timelines::{missing_quotes, new_items},
    },
    model::{
        item::Preview,
        threads::{News, Thread, Wish},
        update::{Failure, Paging, Update},
    },
};

/// Answers loaded at once.
const PAGE: u16 = 50;

/// The open thread and the list that is followed.
#[derive(Default)]
pub(super) struct Threads(Mutex<State>);

#[derive(Default)]
struct State {
    open: Option<Open>,
    list: Option<List>,
}

struct Open {
    room: OwnedRoomId,
    root: String,
    timeline: Arc<Timeline>,
    forward: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

struct List {
    room: OwnedRoomId,
    service: Arc<ThreadListService>,
    forward: AbortHandle,
}

impl Drop for List {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

impl Threads {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A panic while the lock was held leaves what was open open.
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Lets go of everything.
    pub(super) fn clear(&self) {
        self.with(|state| *state = State::default());
    }

    /// The timeline of the open thread, if it is this one.
    fn get(&self, room: &RoomId, root: &str) -> Option<Arc<Timeline>> {
        self.with(|state| {
            let open = state.open.as_ref().filter(|open| open.room == room && open.root == root)?;
            Some(Arc::clone(&open.timeline))
        })
    }

    /// The timeline of whichever thread of a room is open.
    fn of(&self, room: &str) -> Option<Arc<Timeline>> {
        self.with(|state| state.open.as_ref().filter(|open| open.room == room).map(|open| Arc::clone(&open.timeline)))
    }
}

/// Does what a wish about threads asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Open { room, root } => {
            if let Err(failure) = Box::pin(live.open_thread(&room, &root)).await {
                live.updates.send(Update::Threads(News::Paging { root, paging: Paging::Failed(failure) }));
                live.failed(failure);
            }
        }
        Wish::Older { room, root } => live.page_thread(&room, &root).await,
        Wish::Send { room, root, text, reply_to } => {
            if let Err(failure) = live.answer(&room, &root, &text, reply_to.as_deref()).await {
                live.failed(failure);
            }
        }
        Wish::Read { room, root } => live.read_thread(&room, &root).await,
        Wish::List(room) => live.list_threads(&room).await,
        Wish::MoreList(room) => live.more_threads(&room).await,
    }
}

/// True if the timeline holds the message.
async fn holds(timeline: &Timeline, key: &TimelineEventItemId) -> bool {
    timeline.items().await.iter().filter_map(|item| item.as_event()).any(|event| match key {
        TimelineEventItemId::EventId(id) => event.event_id() == Some(id),
        TimelineEventItemId::TransactionId(id) => event.transaction_id() == Some(id),
    })
}

impl Live {
    /// The timeline that a message stands in: that of the open thread, the room's, or that of its past.
    pub(super) async fn timeline_of(self: &Arc<Self>, room: &str, key: &str) -> Result<Arc<Timeline>, Failure> {
        if let Some(thread) = self.threads.of(room)
            && holds(&thread, &items::id(key)).await
        {
            return Ok(thread);
        }
        let newest = self.timeline(room).await?;
        if let Some(past) = self.pasts.of(room)
            && !holds(&newest, &items::id(key)).await
            && holds(&past, &items::id(key)).await
        {
            return Ok(past);
        }
        Ok(newest)
    }

    async fn open_thread(self: &Arc<Self>, id: &str, root: &str) -> Result<(), Failure> {
        let room = self.room(id).ok_or(Failure::NotFound)?;
        let root_event_id = EventId::parse(root).map_err(|_| Failure::NotFound)?;
        let timeline = room
            .timeline_builder()
            .with_focus(TimelineFocus::Thread { root_event_id })
            // The rows of a room and of its thread are told apart by their ids.
            .with_internal_id_prefix("thread-".to_owned())
            .build()
            .await
            .map_err(|error| failure::of_timeline(&error))?;
        let timeline = Arc::new(timeline);
        let forward = self.follow_thread(&room, root, &timeline).await;
        let open = Open { room: room.room_id().to_owned(), root: root.to_owned(), timeline, forward };
        self.threads.with(|state| state.open = Some(open));
        self.page_thread(id, root).await;
        Ok(())
    }

    async fn follow_thread(&self, room: &Room, root: &str, timeline: &Arc<Timeline>) -> AbortHandle {
        let own = room.own_user_id().to_owned();
        let (initial, mut changes) = timeline.subscribe().await;
        let updates = self.updates.clone();
        let root = root.to_owned();
        let tell = move |diffs| updates.send(Update::Threads(News::Timeline { root: root.clone(), diffs }));
        tell(vec![VectorDiff::Reset { values: initial.iter().map(|item| items::item(item, &own)).collect() }]);
        fetch_quotes(timeline, initial.iter());
        let source = Arc::clone(timeline);
        tokio::spawn(async move {
            while let Some(batch) = changes.next().await {
                fetch_quotes(&source, batch.iter().flat_map(new_items));
                tell(batch.into_iter().map(|diff| diff.map(|item| items::item(&item, &own))).collect());
            }
        })
        .abort_handle()
    }

    async fn page_thread(self: &Arc<Self>, room: &str, root: &str) {
        let Some(timeline) = self.room(room).and_then(|room| self.threads.get(room.room_id(), root)) else { return };
        let tell = |paging| {
            self.updates.send(Update::Threads(News::Paging { root: root.to_owned(), paging }));
        };
        tell(Paging::Loading);
        tell(match timeline.paginate_backwards(PAGE).await {
            Ok(true) => Paging::Start,
            Ok(false) => Paging::More,
            Err(error) => Paging::Failed(failure::of_timeline(&error)),
        });
    }

    async fn answer(&self, room: &str, root: &str, text: &str, reply_to: Option<&str>) -> Result<(), Failure> {
        let room = self.room(room).ok_or(Failure::NotFound)?;
        let timeline = self.threads.get(room.room_id(), root).ok_or(Failure::NotFound)?;
        let reply_to = reply_to.and_then(|key| EventId::parse(key).ok());
        let sent = match (reply_to, text.strip_prefix("/me ")) {
            (Some(key), _) => {
                timeline.send_reply(RoomMessageEventContentWithoutRelation::text_markdown(text), key).await
            }
            (None, Some(emote)) => {
                timeline.send(RoomMessageEventContent::emote_markdown(emote).into()).await.map(|_| ())
            }
            (None, None) => timeline.send(RoomMessageEventContent::text_markdown(text).into()).await.map(|_| ()),
        };
        sent.map_err(|error| failure::of_timeline(&error))
    }

    async fn read_thread(&self, room: &str, root: &str) {
        let Some(timeline) = self.room(room).and_then(|room| self.threads.get(room.room_id(), root)) else { return };
        if let Err(error) = timeline.mark_as_read(ReceiptType::Read).await {
            tracing::debug!(%error, "receipt of the thread was not sent");
        }
    }

    async fn list_threads(self: &Arc<Self>, id: &str) {
        let Some(room) = self.room(id) else { return };
        // Begun anew each time: what was written meanwhile may have begun threads.
        let service = Arc::new(room.thread_list_service());
        let (_, mut changes) = service.subscribe_to_items_updates();
        let forward = tokio::spawn({
            let (live, id, service) = (Arc::downgrade(self), id.to_owned(), Arc::downgrade(&service));
            async move {
                while changes.next().await.is_some() {
                    let (Some(live), Some(service)) = (live.upgrade(), service.upgrade()) else { return };
                    live.tell_threads(&id, &service, None);
                }
            }
        })
        .abort_handle();
        let list = List { room: room.room_id().to_owned(), service, forward };
        self.threads.with(|state| state.list = Some(list));
        self.more_threads(id).await;
    }

    async fn more_threads(&self, id: &str) {
        let service = self
            .threads
            .with(|state| state.list.as_ref().filter(|list| list.room == id).map(|list| Arc::clone(&list.service)));
        let Some(service) = service else { return };
        let failed = match service.paginate().await {
            Ok(()) => None,
            Err(ThreadListServiceError::Sdk(error)) => Some(failure::of(&error)),
        };
        self.tell_threads(id, &service, failed);
    }

    fn tell_threads(&self, room: &str, service: &ThreadListService, failed: Option<Failure>) {
        let paging = match (failed, service.pagination_state()) {
            (Some(failure), _) => Paging::Failed(failure),
            (None, ThreadListPaginationState::Loading) => Paging::Loading,
            (None, ThreadListPaginationState::Idle { end_reached: true }) => Paging::Start,
            (None, ThreadListPaginationState::Idle { end_reached: false }) => Paging::More,
        };
        let threads = service.items().iter().map(thread).collect();
        self.updates.send(Update::Threads(News::List { room: room.to_owned(), threads, paging }));
    }
}

fn thread(item: &ThreadListItem) -> Thread {
    let root = &item.root_event;
    let last = item.latest_event.as_ref();
    Thread {
        root: root.event_id.to_string(),
        sender: root.sender.to_string(),
        who: items::name(&root.sender_profile, root.sender.as_str()),
        preview: preview(root),
        replies: item.num_replies,
        last_who: last.map(|last| items::name(&last.sender_profile, last.sender.as_str())).unwrap_or_default(),
        last: last.map(preview).unwrap_or_default(),
        at_ms: last.unwrap_or(root).timestamp.get().into(),
    }
}

fn preview(event: &ThreadListItemEvent) -> Preview {
    match event.content.as_ref().and_then(|content| items::content(content, None, None)) {
        Some(items::Content::Body(body)) => body.preview(),
        _ => Preview::Other,
    }
}

/// Loads what answers quote and is not known yet.
pub(super) fn fetch_quotes<'a>(timeline: &Arc<Timeline>, items: impl Iterator<Item = &'a Arc<TimelineItem>>) {
    for key in missing_quotes(items) {
        let timeline = Arc::clone(timeline);
        tokio::spawn(async move {
            if let Ok(event) = EventId::parse(&key)
                && let Err(error) = timeline.fetch_details_for_event(&event).await
            {
                tracing::debug!(%error, "quoted message was not loaded");
            }
        });
    }
}
