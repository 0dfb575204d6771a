//! Events that are sent later: scheduled messages, and state that is to change when a client is gone.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4140>
//!
//! What waits is in the database and, without its content, in the [`Schedule`]. Its row goes in the transaction in which the
//! event is sent, so that a restart neither loses nor doubles one.

mod delivery;
pub mod schedule;

use std::{sync::Arc, time::Duration};

use ruma::{OwnedRoomId, OwnedTransactionId, UserId, events::TimelineEventType};
use serde_json::{json, value::RawValue};

use self::schedule::{Schedule, Waiting};
use super::{
    event::canonical,
    journal::Journal,
    rooms::{RoomActions, send::sending_device},
    sessions::Requester,
    users::Users,
};
pub use crate::storage::delayed_events::DelayedEvent;
use crate::{
    clock::{self, Clock, Millis},
    config,
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// What can be done with an event that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin the delay anew.
    Restart,
    /// Send it now.
    Send,
    /// Never send it.
    Cancel,
}

/// An event that is to be scheduled.
#[derive(Debug)]
pub struct NewDelayedEvent<'a> {
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its type.
    pub kind: TimelineEventType,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// The transaction id of the request, if it has one.
    pub txn_id: Option<OwnedTransactionId>,
    /// Its content.
    pub content: &'a RawValue,
    /// After what time it is sent.
    pub delay: Duration,
}

/// The service.
#[derive(Debug)]
pub struct DelayedEvents {
    db: Db,
    clock: Clock,
    journal: Journal,
    users: Arc<Users>,
    rooms: Arc<RoomActions>,
    schedule: Arc<Schedule>,
    max_delay_ms: Millis,
    max_per_user: i64,
}

impl DelayedEvents {
    /// The service, with what waits in the database on its `schedule`.
    pub async fn load(
        config: &config::DelayedEvents,
        db: Db,
        clock: Clock,
        journal: Journal,
        users: Arc<Users>,
        rooms: Arc<RoomActions>,
        schedule: Arc<Schedule>,
    ) -> Result<Self> {
        journal.run(vec![storage::delayed_events::delete_cancelled()], None).await?;
        for waiting in storage::delayed_events::waiting(&db).await? {
            schedule.put(waiting);
        }
        let max_delay_ms = i64::try_from(config.max_delay_seconds.saturating_mul(1000)).unwrap_or(i64::MAX / 2);
        let max_per_user = i64::try_from(config.max_per_user).unwrap_or(i64::MAX);
        Ok(Self { db, clock, journal, users, rooms, schedule, max_delay_ms, max_per_user })
    }

    /// Schedules an event and returns its id. A request with a transaction id that is repeated by the same device has the
    /// first one's answer.
    ///
    /// # Errors
    ///
    /// `M_FORBIDDEN` for one who is not in the room; `M_MAX_DELAY_EXCEEDED` and `M_MAX_DELAYED_EVENTS_EXCEEDED`, in the form
    /// in which clients know them.
    pub async fn schedule(&self, requester: &Requester, new: NewDelayedEvent<'_>) -> Result<String> {
        requester.may_take_part()?;
        let delay_ms = i64::try_from(new.delay.as_millis()).unwrap_or(i64::MAX);
        if delay_ms > self.max_delay_ms {
            return Err(too_late(self.max_delay_ms));
        }
        self.rooms.may_schedule(&requester.user_id, &new.room_id, &new.kind, new.state_key.as_deref()).await?;
        let now = self.clock.now();
        let event = DelayedEvent {
            delay_id: clock::random_token(),
            user_id: requester.user_id.clone(),
            device_id: sending_device(requester),
            txn_id: new.txn_id,
            room_id: new.room_id,
            kind: new.kind.to_string(),
            state_key: new.state_key,
            content: serde_json::to_string(&canonical(new.content)?)?,
            delay_ms,
            running_since: now,
            due_at: now + delay_ms,
            position: self.journal.position(),
        };
        if event.content.len() + event.kind.len() > MAX_CONTENT {
            return Err(ApiError::too_large("This event is larger than 65,535 bytes. Send long texts as a file."));
        }
        let max_per_user = self.max_per_user;
        let waiting = waiting(&event);
        let (delay_id, is_new) = self
            .journal
            .write(move |w| {
                Box::pin(async move {
                    if let Some(first) = storage::delayed_events::repeated(&mut w.tx, &event).await? {
                        return Ok((first, false));
                    }
                    if storage::delayed_events::count(&mut w.tx, &event.user_id).await? >= max_per_user {
                        return Err(too_many());
                    }
                    storage::delayed_events::insert(&mut w.tx, &event).await?;
                    Ok((event.delay_id, true))
                })
            })
            .await?;
        if is_new {
            self.schedule.put(waiting);
        }
        Ok(delay_id)
    }

    /// Restarts, sends or cancels an event that waits; with `owner` only one of theirs. The id itself is the right to do
    /// so: clients hand it to those who see a call end.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for one that waits no more; whatever sending it says.
    pub async fn update(&self, delay_id: &str, action: Action, owner: Option<&UserId>) -> Result<()> {
        if let Some(owner) = owner {
            self.get(delay_id, owner).await?;
        }
        if action == Action::Restart {
            return self.restart(delay_id).await;
        }
        let waiting = self.schedule.take(delay_id).ok_or_else(no_such)?;
        if action == Action::Send {
            return self.deliver(waiting).await.map(drop);
        }
        let cancelled = self.forget(vec![waiting.delay_id.clone()]).await;
        if cancelled.is_err() {
            self.schedule.put(waiting);
        }
        cancelled
    }

    /// One that waits, of a user's.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn get(&self, delay_id: &str, owner: &UserId) -> Result<DelayedEvent> {
        let event = storage::delayed_events::get(&self.db, delay_id).await?;
        event.filter(|event| event.user_id == *owner).ok_or_else(no_such)
    }

    /// What waits of a user, the next one first.
    pub async fn of_user(&self, user_id: &UserId) -> Result<Vec<DelayedEvent>> {
        Ok(storage::delayed_events::of_user(&self.db, user_id).await?)
    }

    /// An event leaves the schedule before its row is changed, so that it is not sent meanwhile at its former time.
    async fn restart(&self, delay_id: &str) -> Result<()> {
        let waiting = self.schedule.take(delay_id).ok_or_else(no_such)?;
        let (id, now) = (delay_id.to_owned(), self.clock.now());
        let restarted = self
            .journal
            .write(move |w| Box::pin(async move { Ok(storage::delayed_events::restart(&mut w.tx, &id, now).await?) }));
        match restarted.await {
            Ok(Some(due_at)) => self.schedule.put(Waiting { due_at, ..waiting }),
            Ok(None) => return Err(no_such()),
            Err(error) => {
                self.schedule.put(waiting);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn forget(&self, delay_ids: Vec<String>) -> Result<()> {
        let statements = delay_ids.iter().map(|delay_id| storage::delayed_events::delete(delay_id)).collect();
        self.journal.run(statements, None).await
    }
}

/// The largest content: an event has 65,535 bytes with all its fields.
const MAX_CONTENT: usize = 65_000;

fn waiting(event: &DelayedEvent) -> Waiting {
    Waiting {
        delay_id: event.delay_id.clone(),
        user_id: event.user_id.clone(),
        room_id: event.room_id.clone(),
        kind: event.kind.clone(),
        state_key: event.state_key.clone(),
        due_at: event.due_at,
    }
}

fn no_such() -> ApiError {
    ApiError::not_found("No such event waits to be sent: it was sent or cancelled, or there was none.")
}

/// Clients take the longest delay from the error and try again with it.
fn too_late(max_delay_ms: Millis) -> ApiError {
    let fields =
        json!({ "org.matrix.msc4140.errcode": "M_MAX_DELAY_EXCEEDED", "org.matrix.msc4140.max_delay": max_delay_ms });
    ApiError::proposed(
        format!("An event waits at most {} seconds. Choose a shorter delay.", max_delay_ms / 1000),
        fields,
    )
}

fn too_many() -> ApiError {
    let fields = json!({ "org.matrix.msc4140.errcode": "M_MAX_DELAYED_EVENTS_EXCEEDED" });
    ApiError::proposed("You have too many events waiting to be sent. Cancel one first.", fields)
}
