//! Parts of a room's past: a timeline around one message, beside the one of the newest.

use std::sync::{Arc, Mutex};

use eyeball_im::VectorDiff;
use futures_util::StreamExt;
use matrix_sdk::{
    Room,
    room::MessagesOptions,
    ruma::{
        EventId, MilliSecondsSinceUnixEpoch, OwnedRoomId, UInt,
        api::client::room::get_event_by_timestamp::v1::Request as ByTimestamp,
        events::{AnySyncTimelineEvent, fully_read::FullyReadEventContent},
        serde::Raw,
    },
};
use matrix_sdk_ui::timeline::{RoomExt, Timeline, TimelineEventFocusThreadMode, TimelineFocus};
use tokio::task::AbortHandle;

use crate::{
    matrix::{failure, items, live::Live, threads::fetch_quotes, timelines::new_items},
    model::{
        jump::{News, Wish},
        update::{Failure, Paging, Update},
    },
};

/// Messages around the one that is jumped to.
const AROUND: u16 = 60;
/// Messages loaded at once in either direction.
const PAGE: u16 = 50;
/// Events that are looked at at once, and how often at most, to find the first new message.
const COUNTED: u32 = 100;
const COUNTED_PAGES: usize = 20;
/// Events of a day that are passed over at most until one is a message.
const PASSED: u32 = 20;

/// The part of a room's past that is followed.
#[derive(Default)]
pub(super) struct Pasts(Mutex<Option<Open>>);

struct Open {
    room: OwnedRoomId,
    key: String,
    timeline: Arc<Timeline>,
    forward: Option<AbortHandle>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.forward.iter().for_each(AbortHandle::abort);
    }
}

impl Pasts {
    fn with<T>(&self, work: impl FnOnce(&mut Option<Open>) -> T) -> T {
        // A panic while the lock was held leaves what was open open.
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Lets go of it.
    pub(super) fn clear(&self) {
        self.with(|open| *open = None);
    }

    /// The timeline of a room's past, if one is followed.
    pub(super) fn of(&self, room: &str) -> Option<Arc<Timeline>> {
        self.with(|open| open.as_ref().filter(|open| open.room == room).map(|open| Arc::clone(&open.timeline)))
    }

    fn get(&self, room: &str, key: &str) -> Option<Arc<Timeline>> {
        self.with(|open| {
            let open = open.as_ref().filter(|open| open.room == room && open.key == key)?;
            Some(Arc::clone(&open.timeline))
        })
    }
}

/// Does what a wish about the past asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Open { room, key } => {
            if let Err(failure) = Box::pin(open(live, &room, &key)).await {
                live.updates.send(Update::Jump(News::Failed { room, key, failure }));
            }
        }
        Wish::Page { room, key, newer } => Box::pin(page(live, room, key, newer)).await,
        Wish::Day { room, at_ms } => match Box::pin(day(live, &room, at_ms)).await {
            Ok(Some(key)) => live.updates.send(Update::Jump(News::Found { room, key })),
            Ok(None) => live.updates.send(Update::Jump(News::Nothing { room })),
            Err(failure) => live.failed(failure),
        },
        Wish::Unread { room, count } => match Box::pin(unread(live, &room, count)).await {
            Ok(Some(key)) => live.updates.send(Update::Jump(News::Found { room, key })),
            Ok(None) => {}
            Err(failure) => live.failed(failure),
        },
    }
}

async fn open(live: &Arc<Live>, id: &str, key: &str) -> Result<(), Failure> {
    let room = live.room(id).ok_or(Failure::NotFound)?;
    let target = EventId::parse(key).map_err(|_| Failure::NotFound)?;
    let event = room.load_or_fetch_event(&target, None).await.map_err(|error| failure::of(&error))?;
    if let Some(root) = thread(event.raw()) {
        live.updates.send(Update::Jump(News::Thread { room: id.to_owned(), root }));
        return Ok(());
    }
    let timeline = room
        .timeline_builder()
        .with_focus(TimelineFocus::Event {
            target,
            num_context_events: AROUND,
            thread_mode: TimelineEventFocusThreadMode::Automatic { hide_threaded_events: true },
        })
        // Its rows are told from those of the newest messages by their ids.
        .with_internal_id_prefix("past-".to_owned())
        .build()
        .await
        .map_err(|error| failure::of_timeline(&error))?;
    let timeline = Arc::new(timeline);
    // The room may have been left while this was loaded.
    if !live.timelines.is_open(room.room_id()) {
        return Ok(());
    }
    // Kept before it is told: what is told is asked for more at once.
    let open =
        Open { room: room.room_id().to_owned(), key: key.to_owned(), timeline: Arc::clone(&timeline), forward: None };
    live.pasts.with(|state| *state = Some(open));
    let forward = follow(live, &room, key, &timeline).await;
    live.pasts.with(|state| match state {
        Some(open) if Arc::ptr_eq(&open.timeline, &timeline) => open.forward = Some(forward),
        _ => forward.abort(),
    });
    Ok(())
}

async fn follow(live: &Arc<Live>, room: &Room, key: &str, timeline: &Arc<Timeline>) -> AbortHandle {
    let own = room.own_user_id().to_owned();
    let (initial, mut changes) = timeline.subscribe().await;
    let updates = live.updates.clone();
    let (id, key) = (room.room_id().to_string(), key.to_owned());
    let tell = move |diffs| {
        updates.send(Update::Jump(News::Timeline { room: id.clone(), key: key.clone(), diffs }));
    };
    tell(vec![VectorDiff::Reset { values: initial.iter().map(|item| items::item(item, &own)).collect() }]);
    fetch_quotes(timeline, initial.iter());
    let source = Arc::downgrade(timeline);
    tokio::spawn(async move {
        while let Some(batch) = changes.next().await {
            let Some(source) = source.upgrade() else { return };
            fetch_quotes(&source, batch.iter().flat_map(new_items));
            tell(batch.into_iter().map(|diff| diff.map(|item| items::item(&item, &own))).collect());
        }
    })
    .abort_handle()
}

async fn page(live: &Arc<Live>, room: String, key: String, newer: bool) {
    let Some(timeline) = live.pasts.get(&room, &key) else { return };
    let tell = |paging| {
        live.updates.send(Update::Jump(News::Paging { room: room.clone(), key: key.clone(), newer, paging }));
    };
    tell(Paging::Loading);
    let paged = if newer { timeline.paginate_forwards(PAGE).await } else { timeline.paginate_backwards(PAGE).await };
    tell(match paged {
        Ok(true) => Paging::Start,
        Ok(false) => Paging::More,
        Err(error) => Paging::Failed(failure::of_timeline(&error)),
    });
}

/// The first message since a moment (specification, "Jump to a date"): events that show nothing are passed over.
async fn day(live: &Live, room: &str, at_ms: i64) -> Result<Option<String>, Failure> {
    let room = live.room(room).ok_or(Failure::NotFound)?;
    let mut since = MilliSecondsSinceUnixEpoch(UInt::new_saturating(u64::try_from(at_ms).unwrap_or_default()));
    for _ in 0..PASSED {
        let found = match live.client.send(ByTimestamp::since(room.room_id().to_owned(), since)).await {
            Ok(found) => found,
            Err(error) => {
                return match failure::of_http(&error) {
                    Failure::NotFound => Ok(None),
                    failure => Err(failure),
                };
            }
        };
        let event = room.event(&found.event_id, None).await.map_err(|error| failure::of(&error))?;
        if shows(event.raw()) {
            return Ok(Some(found.event_id.to_string()));
        }
        since = MilliSecondsSinceUnixEpoch(found.origin_server_ts.0.saturating_add(1_u32.into()));
    }
    Ok(None)
}

/// The last message that was read, as the read marker says. A room that was never left has none yet: then the first of
/// so many new messages, counted from the newest.
async fn unread(live: &Live, room: &str, count: u64) -> Result<Option<String>, Failure> {
    let room = live.room(room).ok_or(Failure::NotFound)?;
    if let Ok(Some(read)) = room.account_data_static::<FullyReadEventContent>().await
        && let Ok(read) = read.deserialize()
    {
        return Ok(Some(read.content.event_id.to_string()));
    }
    let mut new = Unread { left: count, first: None };
    let mut options = MessagesOptions::backward();
    options.limit = COUNTED.into();
    for _ in 0..COUNTED_PAGES {
        let page = room.messages(options).await.map_err(|error| failure::of(&error))?;
        for event in &page.chunk {
            let own = event.sender().is_some_and(|sender| sender == room.own_user_id());
            if new.is_first(event.raw(), own) {
                return Ok(new.first);
            }
        }
        let Some(end) = page.end else { break };
        options = MessagesOptions::backward().from(Some(end.as_str()));
        options.limit = COUNTED.into();
    }
    Ok(new.first)
}

/// Counts new messages, the newest first.
struct Unread {
    left: u64,
    first: Option<String>,
}

impl Unread {
    /// Takes the next older event; true if there is nothing new before it. Whoever wrote or came in had read so far.
    fn is_first(&mut self, event: &Raw<AnySyncTimelineEvent>, own: bool) -> bool {
        let kind = event.get_field::<String>("type").ok().flatten();
        let is_message = shows(event);
        if own && (is_message || kind.as_deref() == Some("m.room.member")) {
            return true;
        }
        if is_message && !own {
            self.first = event.get_field("event_id").ok().flatten();
            self.left = self.left.saturating_sub(1);
        }
        self.left == 0
    }
}

#[derive(serde::Deserialize)]
struct Content {
    #[serde(rename = "m.relates_to")]
    relation: Option<Relation>,
}

#[derive(serde::Deserialize)]
struct Relation {
    rel_type: Option<String>,
    event_id: Option<String>,
}

fn relation(event: &Raw<AnySyncTimelineEvent>) -> Option<Relation> {
    event.get_field::<Content>("content").ok().flatten()?.relation
}

/// A message of the room itself: not of a thread, and no change of another one.
fn shows(event: &Raw<AnySyncTimelineEvent>) -> bool {
    let kind = event.get_field::<String>("type").ok().flatten().unwrap_or_default();
    matches!(kind.as_str(), "m.room.message" | "m.room.encrypted" | "m.sticker")
        && relation(event).is_none_or(|relation| relation.rel_type.is_none())
}

/// The message that began the thread in which an event stands.
fn thread(event: &Raw<AnySyncTimelineEvent>) -> Option<String> {
    let relation = relation(event)?;
    relation.event_id.filter(|_| relation.rel_type.as_deref() == Some("m.thread"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: serde_json::Value) -> bool {
        shows(&serde_json::from_value(json).expect("any JSON is raw"))
    }

    #[test]
    fn a_day_begins_with_a_message_of_the_room_itself() {
        assert!(event(serde_json::json!({"type": "m.room.message", "content": {"body": "а"}})));
        assert!(event(serde_json::json!({"type": "m.room.message",
            "content": {"body": "а", "m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}})));
        for rel_type in ["m.thread", "m.replace"] {
            let content = serde_json::json!({"body": "а", "m.relates_to": {"rel_type": rel_type, "event_id": "$1"}});
            assert!(!event(serde_json::json!({"type": "m.room.message", "content": content})), "{rel_type}");
        }
        let threaded = serde_json::json!({"type": "m.room.message",
            "content": {"m.relates_to": {"rel_type": "m.thread", "event_id": "$1"}}});
        let threaded: Raw<AnySyncTimelineEvent> = serde_json::from_value(threaded).expect("any JSON is raw");
        assert_eq!(thread(&threaded).as_deref(), Some("$1"));
        assert!(!event(serde_json::json!({"type": "m.reaction", "content": {}})));
        assert!(!event(serde_json::json!({"type": "m.room.member", "content": {}, "state_key": "@a:x"})));
    }

    #[test]
    fn new_messages_are_counted_from_the_newest_to_where_somebody_was() {
        let said = |id: &str| {
            serde_json::from_value::<Raw<AnySyncTimelineEvent>>(
                serde_json::json!({"type": "m.room.message", "event_id": id, "content": {"body": "а"}}),
            )
            .expect("any JSON is raw")
        };
        let came = |kind: &str| {
            serde_json::from_value::<Raw<AnySyncTimelineEvent>>(
                serde_json::json!({"type": kind, "event_id": "$state", "state_key": "@a:x", "content": {}}),
            )
            .expect("any JSON is raw")
        };
        let mut new = Unread { left: 2, first: None };
        assert!(!new.is_first(&said("$3"), false));
        assert!(!new.is_first(&came("m.reaction"), true), "an answer by a sign is no message");
        assert!(new.is_first(&said("$2"), false));
        assert_eq!(new.first.as_deref(), Some("$2"));

        for (event, own) in [(said("$1"), true), (came("m.room.member"), true)] {
            let mut new = Unread { left: 40, first: None };
            assert!(!new.is_first(&said("$2"), false));
            assert!(!new.is_first(&came("m.room.member"), false), "somebody else came");
            assert!(new.is_first(&event, own));
            assert_eq!(new.first.as_deref(), Some("$2"));
        }
    }
}
