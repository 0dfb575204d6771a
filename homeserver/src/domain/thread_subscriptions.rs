//! Which threads people follow (MSC4306), and what of it their clients have missed (MSC4308).
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4306>
//!
//! What was last said of a thread counts: a subscription, by the person or by a client of theirs on its own, or that the
//! person has unsubscribed. All of it has a position in the stream, as the events have, so that of a client's own
//! subscription it is known whether the event that caused it came before the person unsubscribed.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UInt, UserId,
    api::client::threads::get_thread_subscriptions_changes::unstable::{ThreadSubscription, ThreadUnsubscription},
};

use super::{
    event::{Event, Position},
    journal::{Change, Journal, Writing},
    push,
    rooms::{RoomActions, Rooms, state::RoomState},
    thread,
};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db, thread_subscriptions::Said},
};

/// Threads on one page at most.
const MAX_PAGE: u64 = 100;

/// The service.
#[derive(Debug)]
pub struct ThreadSubscriptions {
    db: Db,
    journal: Journal,
    rooms: Arc<Rooms>,
    room_actions: Arc<RoomActions>,
}

/// What somebody said of threads, the last of it.
#[derive(Debug, Default)]
pub struct Page {
    /// Subscriptions, by room and root.
    pub subscribed: BTreeMap<OwnedRoomId, BTreeMap<OwnedEventId, ThreadSubscription>>,
    /// Threads that they have unsubscribed from, likewise.
    pub unsubscribed: BTreeMap<OwnedRoomId, BTreeMap<OwnedEventId, ThreadUnsubscription>>,
    /// Up to where the page before this goes; `None` where there is none.
    pub next: Option<Position>,
}

/// A thread that somebody may see.
struct Thread {
    room: Arc<RoomState>,
    root: Arc<Event>,
}

impl ThreadSubscriptions {
    /// Over the services that it needs.
    pub fn new(db: Db, journal: Journal, rooms: Arc<Rooms>, room_actions: Arc<RoomActions>) -> Self {
        Self { db, journal, rooms, room_actions }
    }

    /// Whether a person's subscription to a thread was a client's own; `None` where there is no subscription.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for a thread that they may not see.
    pub async fn of(&self, user_id: &UserId, room_id: &RoomId, root: &EventId) -> Result<Option<bool>> {
        let thread = self.thread(user_id, room_id, root).await?;
        let said = storage::thread_subscriptions::get(&self.db, user_id, &thread.root.event_id).await?;
        Ok(said.and_then(|said| said.automatic))
    }

    /// Subscribes a person to a thread. With a `cause` it is a client that does so on its own, for an event of the thread.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for a thread that they may not see, `M_NOT_IN_THREAD` for a cause from elsewhere,
    /// `M_CONFLICTING_UNSUBSCRIPTION` where they have unsubscribed since the cause.
    pub async fn subscribe(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        root: &EventId,
        cause: Option<&EventId>,
    ) -> Result<()> {
        let thread = self.thread(user_id, room_id, root).await?;
        let caused_at = match cause {
            Some(cause) => Some(self.reply(user_id, &thread, cause).await?.position),
            None => None,
        };
        let (user_id, root) = (user_id.to_owned(), thread.root);
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let before = storage::thread_subscriptions::get(&mut w.tx, &user_id, &root.event_id).await?;
                    if let Some(before) = before {
                        match (before.automatic, caused_at) {
                            // What the person chose is more than what a client would choose.
                            (Some(false), _) | (Some(true), Some(_)) => return Ok(()),
                            (None, Some(caused_at)) if caused_at < before.position => {
                                return Err(ApiError::conflicting_unsubscription(
                                    "You have unsubscribed from this thread since then.",
                                ));
                            }
                            _ => {}
                        }
                    }
                    keep(w, user_id, &root, Some(caused_at.is_some())).await
                })
            })
            .await
    }

    /// Unsubscribes a person from a thread. Said again it holds for what has come since, too.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for a thread that they may not see.
    pub async fn unsubscribe(&self, user_id: &UserId, room_id: &RoomId, root: &EventId) -> Result<()> {
        let (user_id, root) = (user_id.to_owned(), self.thread(user_id, room_id, root).await?.root);
        self.journal.write(move |w| Box::pin(async move { keep(w, user_id, &root, None).await })).await
    }

    /// The last of what a person said of threads between two positions, as much as a page holds.
    pub async fn page(&self, user_id: &UserId, after: Position, up_to: Position, limit: Option<UInt>) -> Result<Page> {
        let limit = limit.map_or(MAX_PAGE, u64::from).clamp(1, MAX_PAGE) as usize;
        // One more, to see whether there is more.
        let all = storage::thread_subscriptions::between(&self.db, user_id, after, up_to, limit as i64 + 1).await?;
        let mut page = Page { next: all.get(limit).map(|said| said.position), ..Page::default() };
        for said in all.into_iter().take(limit) {
            let bump_stamp = UInt::try_from(said.position).unwrap_or(UInt::MAX);
            match said.automatic {
                Some(automatic) => {
                    let of_room = page.subscribed.entry(said.room_id).or_default();
                    of_room.insert(said.root, ThreadSubscription::new(automatic, bump_stamp));
                }
                None => {
                    let of_room = page.unsubscribed.entry(said.room_id).or_default();
                    of_room.insert(said.root, ThreadUnsubscription::new(bump_stamp));
                }
            }
        }
        Ok(page)
    }

    /// A thread that a person may see. Nobody needs to have answered yet: who answers first subscribes along with it.
    async fn thread(&self, user_id: &UserId, room_id: &RoomId, root: &EventId) -> Result<Thread> {
        let missing = || ApiError::not_found("There is no such thread, or you may not see it.");
        let room = self.rooms.get(room_id).await?.ok_or_else(missing)?;
        let root = self.room_actions.event(&room, user_id, root).await?;
        // What relates to another event is no root.
        if root.relation.is_some() { Err(missing()) } else { Ok(Thread { room, root }) }
    }

    /// An event of a thread.
    async fn reply(&self, user_id: &UserId, Thread { room, root }: &Thread, event_id: &EventId) -> Result<Arc<Event>> {
        let elsewhere = || ApiError::not_in_thread("The event that causes the subscription is not in this thread.");
        let reply = thread::find(&self.db, room, event_id).await?.ok_or_else(elsewhere)?;
        let sight = self.room_actions.sight(room, user_id).await?;
        let in_thread = thread::root_of(&self.db, room, &reply).await?.is_some_and(|of| of == root.event_id);
        if in_thread && sight.sees(&reply, user_id) { Ok(reply) } else { Err(elsewhere()) }
    }
}

/// Keeps what a person says of a thread, from the first time on with the push rules that look at it.
async fn keep(w: &mut Writing, user_id: OwnedUserId, root: &Event, automatic: Option<bool>) -> Result<()> {
    push::follow_threads(w, &user_id).await?;
    let position = w.next_position();
    let said = Said { root: root.event_id.clone(), room_id: root.room_id.clone(), automatic, position };
    storage::thread_subscriptions::put(&mut w.tx, &user_id, &said).await?;
    w.changed(Change::ThreadSubscription(user_id));
    Ok(())
}
