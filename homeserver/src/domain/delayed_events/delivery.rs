//! The task that sends what is due.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use ruma::{OwnedEventId, OwnedRoomId};

use super::{DelayedEvents, no_such, schedule::Waiting};
use crate::{
    clock::Millis,
    domain::{
        event::{Draft, canonical},
        sessions::Requester,
    },
    error::{ApiError, Result},
    storage::{self, delayed_events::DelayedEvent},
};

/// Events that are taken at once: as many as share a commit or two.
const AT_ONCE: usize = 64;
/// The longest sleep: the system's clock may be set forward.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// When an event is tried again that could not be sent for a reason of ours.
const AGAIN_AFTER_MS: Millis = 30_000;

impl DelayedEvents {
    /// Sends what is due, until the server stops.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.forget_cancelled().await;
            let now = self.clock.now();
            let (due, next) = self.schedule.take_due(now, AT_ONCE);
            if due.is_empty() {
                let sleep = next.map_or(LONGEST_SLEEP, |at| Duration::from_millis((at - now).max(0) as u64));
                // Woken early or late, the next round looks at the time itself.
                let _ = tokio::time::timeout(sleep.min(LONGEST_SLEEP), self.schedule.changed()).await;
                continue;
            }
            let mut by_room: HashMap<OwnedRoomId, Vec<Waiting>> = HashMap::new();
            for waiting in due {
                by_room.entry(waiting.room_id.clone()).or_default().push(waiting);
            }
            join_all(by_room.into_values().map(|due| self.send_in_order(due))).await;
        }
    }

    /// Sends what is due in one room.
    async fn send_in_order(&self, due: Vec<Waiting>) {
        for waiting in due {
            if let Err(error) = self.deliver(waiting.clone()).await {
                let (room_id, user_id) = (waiting.room_id, waiting.user_id);
                tracing::info!(%room_id, %user_id, %error, "a delayed event was not sent");
            }
        }
    }

    /// Sends an event that was taken out of the schedule. One that may not be sent is given up; a failure of ours puts it
    /// back.
    pub(super) async fn deliver(&self, waiting: Waiting) -> Result<OwnedEventId> {
        let row = match storage::delayed_events::get(&self.db, &waiting.delay_id).await {
            Ok(Some(row)) => row,
            Ok(None) => return Err(no_such()),
            Err(error) => {
                self.put_back(waiting);
                return Err(error.into());
            }
        };
        match Box::pin(self.send(row)).await {
            Err(error @ ApiError::Internal(_)) => {
                self.put_back(waiting);
                Err(error)
            }
            Err(error) => {
                self.forget(vec![waiting.delay_id]).await?;
                Err(error)
            }
            sent => sent,
        }
    }

    fn put_back(&self, waiting: Waiting) {
        self.schedule.put(Waiting { due_at: self.clock.now() + AGAIN_AFTER_MS, ..waiting });
    }

    async fn send(&self, row: DelayedEvent) -> Result<OwnedEventId> {
        let account = self.users.require(&row.user_id).await?;
        if account.deactivated || account.locked {
            return Err(ApiError::forbidden("This account cannot send at present."));
        }
        let requester = Requester {
            user_id: row.user_id.clone(),
            device_id: row.device_id,
            appservice: None,
            token: None,
            oauth: false,
            suspended: account.suspended,
        };
        let content = canonical(&serde_json::value::RawValue::from_string(row.content)?)?;
        let draft = Draft {
            state_key: row.state_key,
            delay_id: Some(row.delay_id),
            ..Draft::message(&row.user_id, row.kind.into(), content)
        };
        match row.txn_id {
            Some(txn_id) if draft.state_key.is_none() => {
                self.rooms.send_draft(&requester, &row.room_id, draft, txn_id).await
            }
            _ => {
                requester.may_take_part()?;
                self.rooms.send_state_draft(&row.room_id, draft).await
            }
        }
    }

    async fn forget_cancelled(&self) {
        let cancelled = self.schedule.take_cancelled();
        if cancelled.is_empty() {
            return;
        }
        // Those that stay are found by the next start.
        if let Err(error) = self.forget(cancelled).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cancelled delayed events were not deleted");
        }
    }
}
