//! Sends what the bot has written down: in order within a room, several rooms at once, again until it is done.
//!
//! A row is removed when the homeserver has answered. A crash before that sends it again under the same transaction id,
//! which the homeserver recognises (Client-Server API, "Transaction identifiers").

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use reqwest::StatusCode;
use ruma::{OwnedEventId, OwnedRoomId, UserId};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    board,
    bot::Bot,
    homeserver::{Failure, Homeserver},
    store::{self, Job, Pending},
};

/// Rooms that are served at once.
const AT_ONCE: usize = 16;
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_mins(1));

/// The sender.
pub struct Outbox {
    bot: Arc<Bot>,
    homeserver: Homeserver,
    wake: Arc<Notify>,
}

/// A room that waits after a failure.
struct Pause {
    until: Instant,
    failures: u32,
}

enum Done {
    /// The row is removed.
    Yes,
    /// The row stays.
    After(Option<Duration>),
}

impl Outbox {
    /// A sender for `bot`'s answers, woken by `wake`.
    pub fn new(bot: Arc<Bot>, homeserver: Homeserver, wake: Arc<Notify>) -> Self {
        Self { bot, homeserver, wake }
    }

    /// Runs until `stop` says so. Whatever is under way then is sent again at the next start, under the same transaction id.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        let mut busy: HashSet<OwnedRoomId> = HashSet::new();
        let mut pauses: HashMap<OwnedRoomId, Pause> = HashMap::new();
        let mut running: JoinSet<(OwnedRoomId, Done)> = JoinSet::new();
        let mut store_pause = None;
        loop {
            let mut next_look = store_pause.take();
            match this.bot.store().outbox_heads().await {
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    next_look = Some(Instant::now() + Duration::from_secs(1));
                }
                Ok(heads) => {
                    for pending in heads {
                        if busy.contains(&pending.room_id) || running.len() >= AT_ONCE {
                            continue;
                        }
                        if let Some(pause) = pauses.get(&pending.room_id)
                            && pause.until > Instant::now()
                        {
                            next_look = Some(next_look.map_or(pause.until, |look| pause.until.min(look)));
                            continue;
                        }
                        busy.insert(pending.room_id.clone());
                        let this = this.clone();
                        running.spawn(async move {
                            let done = this.work(&pending).await;
                            (pending.room_id, done)
                        });
                    }
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = this.wake.notified() => {}
                Some(finished) = running.join_next(), if !running.is_empty() => match finished {
                    Ok((room_id, done)) => {
                        busy.remove(&room_id);
                        match done {
                            Done::Yes => drop(pauses.remove(&room_id)),
                            Done::After(asked) => {
                                let failures = pauses.get(&room_id).map_or(0, |pause| pause.failures) + 1;
                                let until = Instant::now() + pause_after(failures, asked);
                                pauses.insert(room_id, Pause { until, failures });
                            }
                        }
                    }
                    Err(error) => {
                        // A panic in one room must not keep the others waiting; nobody knows which it was, so all are free again.
                        tracing::error!(%error, "sending stopped unexpectedly");
                        busy.clear();
                        running.abort_all();
                        store_pause = Some(Instant::now() + Duration::from_secs(1));
                    }
                },
                () = sleep_until(next_look) => {}
            }
        }
    }

    async fn work(&self, pending: &Pending) -> Done {
        match self.attempt(pending).await {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "the store does not take what was sent");
                Done::After(None)
            }
        }
    }

    async fn attempt(&self, pending: &Pending) -> Result<Done, store::Error> {
        let store = self.bot.store();
        if store.is_superseded(pending).await? {
            store.done(pending, None).await?;
            return Ok(Done::Yes);
        }
        let event_id = match self.send(pending).await? {
            Ok(Sent::Event(event_id)) => Some(event_id),
            Ok(Sent::Nothing) => None,
            Ok(Sent::Kept) => return Ok(Done::Yes),
            Err(Failure::Later { after, why }) => {
                tracing::warn!(room_id = %pending.room_id, why, "sending failed and will be repeated");
                return Ok(Done::After(after));
            }
            Err(Failure::Never { status, errcode }) => {
                tracing::warn!(room_id = %pending.room_id, %status, errcode, "the homeserver refused, and the answer is dropped");
                None
            }
        };
        store.done(pending, event_id.as_deref()).await?;
        Ok(Done::Yes)
    }

    async fn send(&self, pending: &Pending) -> Result<Result<Sent, Failure>, store::Error> {
        let store = self.bot.store();
        let room_id = &pending.room_id;
        let (kind, content) = match &pending.job {
            Job::Join | Job::Look => {
                let found = async {
                    if pending.job == Job::Join {
                        self.homeserver.join(room_id).await?;
                    }
                    let names = self.homeserver.members(room_id).await?;
                    Ok((names, self.homeserver.is_encrypted(room_id).await?))
                };
                return Ok(match found.await {
                    Err(failure) => Err(failure),
                    Ok((names, encrypted)) => {
                        self.bot.looked(pending, names, encrypted).await?;
                        Ok(Sent::Kept)
                    }
                });
            }
            Job::LeaveIfAlone => return Ok(self.leave_if_alone(pending).await),
            Job::Hand { user, content } => {
                let sent = self.homeserver.send_to_device(user, board::HAND, &pending.txn_id, content).await;
                return Ok(sent.map(|()| Sent::Nothing));
            }
            Job::Direct { user, content } => return self.direct(pending, user, content).await,
            Job::Message { content, .. } => ("m.room.message", content.clone()),
            Job::Edit { board, content, .. } => match store.board_event(*board).await? {
                Some(event_id) => ("m.room.message", board::edit(content, &event_id)),
                None => return Ok(Ok(Sent::Nothing)),
            },
            Job::React { board, key } => match store.board_event(*board).await? {
                Some(event_id) => (
                    "m.reaction",
                    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": event_id, "key": key } }),
                ),
                None => return Ok(Ok(Sent::Nothing)),
            },
        };
        let sent = self.homeserver.send(room_id, kind, &pending.txn_id, &content).await;
        Ok(sent.map(Sent::Event))
    }

    /// Says something in the direct chat with a person; in a new one when there is none or the bot is no longer in it.
    async fn direct(
        &self,
        pending: &Pending,
        user: &UserId,
        content: &Value,
    ) -> Result<Result<Sent, Failure>, store::Error> {
        let store = self.bot.store();
        if let Some(room_id) = store.direct(user).await? {
            match self.homeserver.send(&room_id, "m.room.message", &pending.txn_id, content).await {
                Err(Failure::Never { status, .. }) if status == StatusCode::FORBIDDEN => {}
                sent => return Ok(sent.map(|_| Sent::Nothing)),
            }
        }
        let room_id = match self.homeserver.create_direct(user).await {
            Ok(room_id) => room_id,
            Err(failure) => return Ok(Err(failure)),
        };
        store.keep_direct(user, &room_id).await?;
        let sent = self.homeserver.send(&room_id, "m.room.message", &pending.txn_id, content).await;
        Ok(sent.map(|_| Sent::Nothing))
    }

    async fn leave_if_alone(&self, pending: &Pending) -> Result<Sent, Failure> {
        let names = self.homeserver.members(&pending.room_id).await?;
        if names.keys().all(|user| user == self.bot.me()) {
            self.homeserver.leave(&pending.room_id).await?;
        }
        Ok(Sent::Nothing)
    }
}

enum Sent {
    /// It became this event.
    Event(OwnedEventId),
    /// There is nothing to remember.
    Nothing,
    /// The row has been removed already.
    Kept,
}

fn pause_after(failures: u32, asked: Option<Duration>) -> Duration {
    let (first, longest) = PAUSES;
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    asked.unwrap_or(Duration::ZERO).max(doubled.min(longest)).min(longest * 10)
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause_after(1, None), Duration::from_millis(250));
        assert_eq!(pause_after(3, None), Duration::from_secs(1));
        assert_eq!(pause_after(u32::MAX, None), Duration::from_mins(1));
        assert_eq!(pause_after(1, Some(Duration::from_secs(5))), Duration::from_secs(5));
        assert_eq!(pause_after(1, Some(Duration::MAX)), Duration::from_mins(10));
    }
}
