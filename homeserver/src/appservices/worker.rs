//! The queue of one application service: in order, a transaction at a time, each until it is acknowledged.
//!
//! What is kept is a position (everything up to it is acknowledged) and the transaction that was begun after it. A
//! restart sends that one again as it was, and goes on from its end.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ruma::events::room::member::MembershipState;
use tokio::sync::{Notify, mpsc};

use super::{News, Sources, calls::Calls, extras::Extras, interest::Interest};
use crate::{
    clock::Millis,
    domain::{
        appservices::Appservice,
        event::{Event, Position},
        journal::Journal,
        rooms::view::SHOWN_OUTSIDE,
    },
    error::{ApiError, Result},
    storage::{self, appservices::Pending},
};

/// Events in one transaction.
const BATCH: usize = 100;
/// Events read from the database at once.
const CHUNK: i64 = 500;
/// After so many positions without an event of interest that is kept too, so that a restart need not look at them again.
const QUIET: Position = 5_000;
/// The wait after a first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The wait after a failure of ours.
const OWN_FAILURE: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    appservice: Arc<Appservice>,
    calls: Calls,
    journal: Journal,
    sources: Sources,
    news: mpsc::Receiver<News>,
    missed: Arc<AtomicBool>,
    try_again: Arc<Notify>,
    interest: Interest,
    extras: Extras,
    /// Events of interest that wait.
    queue: VecDeque<Arc<Event>>,
    /// Events up to here have been looked at.
    looked_at: Position,
    /// Events up to here are acknowledged, and that is kept.
    acknowledged: Position,
    /// Whether there are events past `looked_at` that `news` will not tell.
    behind: bool,
    /// When the application service was first seen: with the number it makes a transaction's id that no other database
    /// of this server has used.
    since: Millis,
    txn: i64,
    /// Numbers the transactions that only carry extras, which are not kept.
    extra_txn: u64,
}

impl Worker {
    pub(super) fn new(
        appservice: Arc<Appservice>,
        calls: Calls,
        journal: Journal,
        sources: Sources,
        news: mpsc::Receiver<News>,
        (missed, try_again): (Arc<AtomicBool>, Arc<Notify>),
    ) -> Self {
        Self {
            interest: Interest::new(appservice.clone(), sources.db.clone()),
            extra_txn: u64::try_from(sources.clock.now()).unwrap_or(0),
            appservice,
            calls,
            journal,
            sources,
            news,
            missed,
            try_again,
            extras: Extras::default(),
            queue: VecDeque::new(),
            looked_at: 0,
            acknowledged: 0,
            behind: true,
            since: 0,
            txn: 0,
        }
    }

    /// Runs until the server stops.
    pub(super) async fn run(mut self) {
        while let Err(error) = self.resume().await {
            self.failed(&error).await;
        }
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    // What was taken and not sent is read again.
                    self.start_over();
                    self.failed(&error).await;
                }
            }
        }
    }

    async fn failed(&self, error: &ApiError) {
        let id = &self.appservice.id;
        tracing::error!(appservice = id, %error, "the queue of an application service was held up for a reason of ours");
        tokio::time::sleep(OWN_FAILURE).await;
    }

    fn start_over(&mut self) {
        self.interest = Interest::new(self.appservice.clone(), self.sources.db.clone());
        self.queue.clear();
        self.looked_at = self.acknowledged;
        self.behind = true;
    }

    /// Goes on where the last run of the server left off, with the transaction that was under way.
    async fn resume(&mut self) -> Result<()> {
        let progress = storage::appservices::progress(&self.sources.db, &self.appservice.id).await?;
        let progress = progress.ok_or_else(|| ApiError::internal("an application service without a beginning"))?;
        (self.since, self.acknowledged, self.txn) = (progress.created_at, progress.acknowledged, progress.txn);
        if let Some(pending) = progress.pending {
            let events = storage::events::at(&self.sources.db, &pending.events).await?;
            self.send(&self.txn_id(), &events, &[]).await?;
            self.acknowledge(pending.up_to).await?;
        }
        self.start_over();
        Ok(())
    }

    fn txn_id(&self) -> String {
        format!("{}-{}", self.since, self.txn)
    }

    /// Waits for something to send and sends it. `false` once nothing more can come.
    async fn round(&mut self) -> Result<bool> {
        if self.behind {
            self.catch_up().await?;
        }
        if self.queue.is_empty() && self.extras.is_empty() && !self.behind {
            let Some(news) = self.news.recv().await else { return Ok(false) };
            self.take(news).await?;
        }
        while self.queue.len() < BATCH && !self.behind {
            let Ok(news) = self.news.try_recv() else { break };
            self.take(news).await?;
        }
        self.deliver().await?;
        Ok(true)
    }

    async fn take(&mut self, news: News) -> Result<()> {
        if self.missed.swap(false, Ordering::AcqRel) {
            // Something found no place, and it may be the last for long: all is read from where this one stands, and
            // rooms are judged by the aliases that they have now.
            self.behind = true;
            self.interest = Interest::new(self.appservice.clone(), self.sources.db.clone());
        }
        match news {
            // It is among what is read.
            News::Events(_) if self.behind => {}
            News::Events(events) => {
                for event in events.iter() {
                    self.look_at(event).await?;
                }
            }
            News::Aliases(room_id) => self.interest.aliases_changed(&room_id).await?,
            other => self.extras.take(other),
        }
        Ok(())
    }

    async fn look_at(&mut self, event: &Arc<Event>) -> Result<()> {
        if event.position > self.looked_at {
            if self.interest.in_event(event).await? {
                self.queue.push_back(event.clone());
            }
            self.looked_at = event.position;
        }
        Ok(())
    }

    /// Reads what `news` does not tell, as much as a transaction holds.
    async fn catch_up(&mut self) -> Result<()> {
        while self.queue.len() < BATCH {
            let up_to = self.journal.position();
            let events = storage::events::of_all_rooms(&self.sources.db, self.looked_at, up_to, CHUNK).await?;
            for event in &events {
                self.look_at(event).await?;
            }
            if events.len() < CHUNK as usize {
                self.looked_at = self.looked_at.max(up_to);
                self.behind = false;
                break;
            }
        }
        Ok(())
    }

    /// Sends what waits, as one transaction.
    async fn deliver(&mut self) -> Result<()> {
        let events: Vec<_> = self.queue.iter().take(BATCH).cloned().collect();
        let extras = if self.extras.is_empty() {
            Vec::new()
        } else {
            self.extras.events(&self.appservice, &mut self.interest, &self.sources, self.looked_at).await?
        };
        // With the last event that waits, everything that was looked at is settled.
        let up_to = match events.last() {
            Some(last) if events.len() < self.queue.len() => last.position,
            _ => self.looked_at,
        };
        if events.is_empty() {
            if !extras.is_empty() {
                self.extra_txn += 1;
                self.send(&format!("{}-e{}", self.since, self.extra_txn), &[], &extras).await?;
            }
            if up_to - self.acknowledged > QUIET {
                self.acknowledge(up_to).await?;
            }
            return Ok(());
        }
        self.begin(&events, up_to).await?;
        self.send(&self.txn_id(), &events, &extras).await?;
        self.queue.drain(..events.len());
        self.acknowledge(up_to).await
    }

    /// Keeps a transaction before it is first sent, so that whatever happens its retry is the same.
    async fn begin(&mut self, events: &[Arc<Event>], up_to: Position) -> Result<()> {
        let pending = Pending { events: events.iter().map(|event| event.position).collect(), up_to };
        let (id, txn) = (self.appservice.id.clone(), self.txn + 1);
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    storage::appservices::begin_transaction(&mut w.tx, &id, txn, &pending).await.map_err(Into::into)
                })
            })
            .await?;
        self.txn = txn;
        Ok(())
    }

    async fn acknowledge(&mut self, up_to: Position) -> Result<()> {
        // Whatever becomes of the writing: it was taken, and is not to be sent again by this run.
        self.acknowledged = up_to;
        let id = self.appservice.id.clone();
        self.journal
            .write(move |w| {
                Box::pin(
                    async move { storage::appservices::acknowledge(&mut w.tx, &id, up_to).await.map_err(Into::into) },
                )
            })
            .await
    }

    /// For an invitation or a knock of one of the application service's users, which has no other way to learn what room
    /// that is: the field of `unsigned` that says it.
    /// <https://spec.matrix.org/v1.18/client-server-api/#mroommember>
    async fn outside(&self, event: &Event) -> Result<Option<String>> {
        let field = match &event.membership {
            Some(MembershipState::Invite) => "invite_room_state",
            Some(MembershipState::Knock) => "knock_room_state",
            _ => return Ok(None),
        };
        if self.interest.user_of(event).is_none() {
            return Ok(None);
        }
        let (room_id, before) = (&event.room_id, event.position - 1);
        let db = &self.sources.db;
        let state = storage::events::some_state_at(db, room_id, before, &event.sender, &SHOWN_OUTSIDE).await?;
        let state: Vec<_> = state.iter().map(|event| event.stripped()).collect();
        Ok(Some(format!("\"{field}\":[{}]", state.join(","))))
    }

    /// Sends a transaction until it is taken.
    async fn send(&self, txn: &str, events: &[Arc<Event>], extras: &[String]) -> Result<()> {
        let id = &self.appservice.id;
        let mut shown = Vec::with_capacity(events.len());
        for event in events {
            shown.push((&**event, self.outside(event).await?));
        }
        let mut wait = FIRST_WAIT;
        loop {
            let body = body(&shown, extras, self.sources.clock.now());
            match self.calls.transaction(&self.appservice, txn, body).await {
                Ok(()) => {
                    metrics::counter!("parta_appservice_events_total", "appservice" => id.clone())
                        .increment(events.len() as u64);
                    return Ok(());
                }
                Err(error) => {
                    let (events, wait_ms) = (events.len(), wait.as_millis() as u64);
                    tracing::warn!(appservice = id, txn, events, wait_ms, %error, "an application service did not take a transaction");
                }
            }
            drop(tokio::time::timeout(wait, self.try_again.notified()).await);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// A transaction's body. The age of an event is what it is at each attempt, all else is the same.
fn body(events: &[(&Event, Option<String>)], extras: &[String], now: Millis) -> String {
    let events: Vec<_> = events
        .iter()
        .map(|(event, outside)| {
            let mut unsigned = format!("{{\"age\":{}", (now - event.origin_server_ts).max(0));
            if let Some(content) = &event.prev_content {
                unsigned.push_str(",\"prev_content\":");
                unsigned.push_str(content.get());
            }
            if let Some(outside) = outside {
                unsigned.push(',');
                unsigned.push_str(outside);
            }
            unsigned.push('}');
            event.with(Some(&event.room_id), Some(&unsigned))
        })
        .collect();
    let mut body = format!("{{\"events\":[{}]", events.join(","));
    if !extras.is_empty() {
        body.push_str(",\"ephemeral\":[");
        body.push_str(&extras.join(","));
        body.push(']');
    }
    body.push('}');
    body
}
