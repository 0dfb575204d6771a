//! The one task that writes: it decides jobs against the in-memory state of rooms, hands rows to storage, and makes a
//! whole batch durable with one commit.
//!
//! Two kinds of job. The hot path ([`Journal::decide`]) is a synchronous function over a [`Batch`]: it reads rooms from
//! memory and yields rows, which are flushed one multi-row statement a table. Everything else ([`Journal::write`]) is an
//! asynchronous function over a transaction, in a savepoint of its own.
//!
//! Positions are given out here, in the order of commits and without gaps, so a sync token is a position. After a commit
//! the new states are published, then caches see its changes, then the position is, then the observers see the changes in
//! their order (notifier, push, application services), then the callers get their answers. An answer therefore never comes
//! before what it answers is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId, events::receipt::ReceiptThread,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    encryption::to_device::Waiting,
    event::{Event, Position},
    receipts::{self, Receipt},
    rooms::{Membership, Rooms, state::RoomState},
};
use crate::{
    clock::Clock,
    error::{ApiError, Result},
    storage::{
        self,
        commit::Rows,
        db::{Db, Query, Tx},
    },
};

mod batch;
mod transactions;

pub use batch::Batch;
use transactions::Transactions;

/// Jobs that may wait; more callers wait for a place.
const QUEUE: usize = 1024;
/// Jobs in one commit.
const BATCH: usize = 256;

/// One thing that a commit changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new event of a room.
    Event(Arc<Event>),
    /// An event that was emptied by a redaction; this is what is left.
    Redacted(Arc<Event>),
    /// A room was created, or its entry in the directory changed.
    Room(OwnedRoomId),
    /// A room and all that was in it is gone.
    RoomDeleted(OwnedRoomId),
    /// A receipt in a room.
    Receipt {
        /// The room.
        room_id: OwnedRoomId,
        /// Whose receipt.
        user_id: OwnedUserId,
        /// Whether others may see it (`m.read`) or only its owner (`m.read.private`, `m.fully_read`).
        public: bool,
        /// The receipt itself.
        receipt: Arc<Receipt>,
    },
    /// Account data of a user, for one room or globally (`None`).
    AccountData {
        /// Whose.
        user_id: OwnedUserId,
        /// For which room.
        room_id: Option<OwnedRoomId>,
    },
    /// A user subscribed to a thread, or unsubscribed from one.
    ThreadSubscription(OwnedUserId),
    /// A message waits for a device.
    ToDevice {
        /// Whose device.
        user_id: OwnedUserId,
        /// Which.
        device_id: OwnedDeviceId,
        /// The message.
        message: Waiting,
    },
    /// A user's devices or their keys changed, as all who share a room with them shall see. Comes from
    /// [`super::encryption::list_changed`], which also makes it durable.
    DeviceList(OwnedUserId),
    /// An account was made, closed or locked, or its password or sessions changed.
    Account(OwnedUserId),
    /// A user's profile changed.
    Profile(OwnedUserId),
    /// A user set or removed a pusher.
    Pushers(OwnedUserId),
    /// Something about a user's keys changed that one other user alone shall see: a signature of theirs.
    DeviceListFor {
        /// Whose keys.
        user_id: OwnedUserId,
        /// Who shall see it.
        seen_by: OwnedUserId,
    },
    /// A device's one-time or fallback keys were claimed or replenished.
    OneTimeKeys {
        /// Whose device.
        user_id: OwnedUserId,
        /// Which.
        device_id: OwnedDeviceId,
    },
    /// A device is gone, with all that waited for it.
    DeviceForgotten {
        /// Whose device.
        user_id: OwnedUserId,
        /// Which.
        device_id: OwnedDeviceId,
    },
}

/// What a commit did, as its observers see it.
#[derive(Debug)]
pub struct Committed {
    /// The last position that it gave out.
    pub position: Position,
    /// What changed, in order.
    pub changes: Vec<Change>,
    /// The rooms with new events, as they stand now.
    pub rooms: HashMap<OwnedRoomId, Arc<RoomState>>,
}

/// Sees every commit, in order, before its callers have their answers. Must not block. Caches see it before its position
/// is told, so that whoever reads the position and then a cache finds the commit there.
pub type Observer = Box<dyn Fn(&Committed) + Send + Sync>;

type Deliver = Box<dyn FnOnce(Result<(), ()>) + Send>;
/// Given an error where a room that it looks at cannot be loaded.
type Decide = Box<dyn FnOnce(Result<&mut Batch<'_>>) -> (bool, Deliver) + Send>;
type Write = Box<dyn for<'t> FnOnce(&'t mut Writing) -> BoxFuture<'t, (bool, Deliver)> + Send>;

enum Job {
    Decide {
        rooms: Vec<OwnedRoomId>,
        run: Decide,
    },
    Write(Write),
    /// Take no further jobs, finish those that wait, and then tell.
    Stop(oneshot::Sender<()>),
}

/// The way to write. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    queue: mpsc::Sender<Job>,
    transactions: Arc<Transactions>,
    db: Db,
    clock: Clock,
    position: tokio::sync::watch::Receiver<Position>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// A transaction in which an asynchronous job writes.
#[derive(Debug)]
pub struct Writing {
    /// The transaction; the job runs in a savepoint of it.
    pub tx: Tx,
    /// Now.
    pub now: i64,
    position: Position,
    changes: Vec<Change>,
}

impl Writing {
    /// The next position of the stream.
    pub fn next_position(&mut self) -> Position {
        self.position += 1;
        self.position
    }

    /// The last position that was given out.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Says what the job changed.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }
}

impl Journal {
    /// Starts the task. `caches` see a commit before its position can be read, `observers` after. The task ends when
    /// every clone of the journal is dropped or one of them says [`Self::stop`], and the queue is empty.
    pub async fn start(
        db: Db,
        clock: Clock,
        rooms: Arc<Rooms>,
        caches: Vec<Observer>,
        observers: Vec<Observer>,
    ) -> sqlx::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let last = storage::commit::last_position(&db).await?;
        let (published, position) = tokio::sync::watch::channel(last);
        let transactions = Arc::new(Transactions::default());
        let task = Task {
            db: db.clone(),
            clock: clock.clone(),
            rooms,
            caches,
            observers,
            position: last,
            published,
            transactions: transactions.clone(),
            stopped: Vec::new(),
        };
        tokio::spawn(task.run(jobs));
        Ok(Self { queue, transactions, db, clock, position })
    }

    /// Takes no further jobs, and returns once those that wait are committed.
    pub async fn stop(&self) {
        let (stopped, wait) = oneshot::channel();
        if self.queue.send(Job::Stop(stopped)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// The last committed position.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until a position is told, which is a moment after its rooms are published. Where the journal ends first,
    /// there is nothing to wait for.
    pub async fn reached(&self, position: Position) {
        let mut told = self.position.clone();
        let _ = told.wait_for(|told| *told >= position).await;
    }

    /// Runs a decision on the hot path. `rooms` are those that it will look at; they are loaded beforehand. What the
    /// decision did is kept only if it answers `Ok`, and its answer comes back once it is durable.
    ///
    /// Neither this nor [`Self::write`] is an asynchronous function: both are compiled for every job, what waits for the
    /// answer only for every type of answer.
    pub fn decide<T: Send + 'static>(
        &self,
        rooms: &[&RoomId],
        run: impl FnOnce(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> {
        let (answer, wait) = oneshot::channel();
        let run: Decide = Box::new(move |batch| {
            let result = batch.and_then(run);
            (result.is_ok(), deliver(answer, result))
        });
        self.submit(Job::Decide { rooms: rooms.iter().map(|&id| id.to_owned()).collect(), run }, wait)
    }

    /// Runs anything else in a savepoint. What it wrote is kept only if it answers `Ok`, and its answer comes back once
    /// it is durable.
    pub fn write<T, F>(&self, run: F) -> impl Future<Output = Result<T>>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Writing) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let run: Write = Box::new(move |writing| Box::pin(finished(run(writing), answer)));
        self.submit(Job::Write(run), wait)
    }

    /// Runs statements, and says what they change if anybody is to hear of it.
    pub async fn run(&self, statements: Vec<Query>, change: Option<Change>) -> Result<()> {
        self.decide(&[], move |batch| {
            for statement in statements {
                batch.rows().statement(statement);
            }
            if let Some(change) = change {
                batch.changed(change);
            }
            Ok(())
        })
        .await
    }

    async fn submit<T>(&self, job: Job, wait: oneshot::Receiver<Result<T>>) -> Result<T> {
        let stopped = || ApiError::internal("the journal has stopped");
        self.queue.send(job).await.map_err(|_| stopped())?;
        wait.await.map_err(|_| stopped())?
    }

    /// Makes sure that what a device has sent is in memory, so that [`Batch::sent`] knows a repetition when it comes.
    pub async fn remember(&self, user_id: &UserId, device_id: &DeviceId) -> Result<()> {
        self.transactions.load(&self.db, self.clock.now(), user_id, device_id).await
    }
}

/// Whether what a job wrote is to be kept, and how its caller hears of it.
async fn finished<T: Send + 'static>(
    running: BoxFuture<'_, Result<T>>,
    answer: oneshot::Sender<Result<T>>,
) -> (bool, Deliver) {
    let result = running.await;
    (result.is_ok(), deliver(answer, result))
}

/// Hands a result to its caller after the commit, or an error of ours if there was none.
fn deliver<T: Send + 'static>(answer: oneshot::Sender<Result<T>>, result: Result<T>) -> Deliver {
    Box::new(move |committed| {
        let result = match (committed, result) {
            (Err(()), Ok(_)) => Err(ApiError::internal("the commit failed; nothing was written")),
            (_, result) => result,
        };
        // A caller that went away is no concern of ours.
        let _ = answer.send(result);
    })
}

struct Task {
    db: Db,
    clock: Clock,
    rooms: Arc<Rooms>,
    caches: Vec<Observer>,
    observers: Vec<Observer>,
    position: Position,
    published: tokio::sync::watch::Sender<Position>,
    transactions: Arc<Transactions>,
    /// Who waits for the end.
    stopped: Vec<oneshot::Sender<()>>,
}

/// What a batch has decided so far.
#[derive(Default)]
struct Pending {
    rows: Rows,
    changes: Vec<Change>,
    rooms: HashMap<OwnedRoomId, Arc<RoomState>>,
    /// Rooms that this batch has deleted: to its later decisions there are none.
    deleted: HashSet<OwnedRoomId>,
    memberships: Vec<(OwnedUserId, OwnedRoomId, Membership)>,
    sent: HashMap<transactions::Key, OwnedEventId>,
    /// How far the receipts of this batch go.
    receipts: HashMap<ReceiptKey, Position>,
}

/// Room, user, kind and thread of a receipt.
type ReceiptKey = (OwnedRoomId, OwnedUserId, receipts::Kind, ReceiptThread);

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            let started = Instant::now();
            metrics::histogram!("parta_journal_batch_jobs").record(batch.len() as f64);
            let mut answers = Vec::with_capacity(batch.len());
            let before = self.position;
            let committed = match self.batch(batch.drain(..), &mut answers).await {
                Ok(()) => Ok(()),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a commit failed; its batch was undone");
                    self.position = before;
                    Err(())
                }
            };
            metrics::histogram!("parta_journal_batch_seconds").record(started.elapsed().as_secs_f64());
            for answer in answers {
                answer(committed);
            }
            if committed.is_err() {
                self.heed_lost_answer().await;
            }
            if !self.stopped.is_empty() {
                jobs.close();
            }
        }
        for waiting in self.stopped {
            let _ = waiting.send(());
        }
    }

    /// A commit that failed may still have been made, its answer being lost with the connection. Then memory is behind
    /// the database for good, and only a new start mends that; what clients repeat after it is known by its
    /// transaction ids.
    async fn heed_lost_answer(&self) {
        loop {
            match storage::commit::last_position(&self.db).await {
                Ok(position) if position == self.position => return,
                Ok(position) => {
                    tracing::error!(position, "a commit was made whose answer was lost; ending, to be started anew");
                    std::process::abort();
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the database does not answer");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn batch(&mut self, jobs: impl Iterator<Item = Job>, answers: &mut Vec<Deliver>) -> sqlx::Result<()> {
        let now = self.clock.now();
        let mut pending = Pending::default();
        let mut tx = None;
        let before = self.position;
        for job in jobs {
            match job {
                Job::Decide { rooms, run } => answers.push(match self.load(&rooms, &pending).await {
                    Ok(()) => self.decide(run, now, &mut pending),
                    Err(error) => run(Err(error)).1,
                }),
                Job::Write(run) => {
                    let mut open = match tx.take() {
                        Some(tx) => tx,
                        None => self.db.begin().await?,
                    };
                    // What was decided before must be there for the job to see.
                    pending.rows.flush(&mut open).await?;
                    tx = Some(self.write(run, now, open, &mut pending, answers).await?);
                }
                Job::Stop(stopped) => self.stopped.push(stopped),
            }
        }
        if tx.is_none() && before == self.position && pending.rows.is_empty() {
            return Ok(());
        }
        let mut tx = match tx {
            Some(tx) => tx,
            None => self.db.begin().await?,
        };
        pending.rows.flush(&mut tx).await?;
        if self.position > before {
            storage::commit::keep_position(&mut tx, self.position).await?;
        }
        tx.commit().await?;
        self.publish(pending);
        Ok(())
    }

    /// Has the rooms in memory that a decision reads. One that could not be read would be one that does not exist.
    async fn load(&self, rooms: &[OwnedRoomId], pending: &Pending) -> Result<()> {
        for room_id in rooms.iter().filter(|room_id| !pending.rooms.contains_key(*room_id)) {
            self.rooms.get(room_id).await?;
        }
        Ok(())
    }

    fn decide(&mut self, run: Decide, now: i64, pending: &mut Pending) -> Deliver {
        let mark = pending.rows.mark();
        let (changes, memberships, position) = (pending.changes.len(), pending.memberships.len(), self.position);
        let mut batch = Batch::new(now, self.position, &self.rooms, &self.transactions, pending);
        let (keep, deliver) = run(Ok(&mut batch));
        if keep {
            self.position = batch.finish();
        } else {
            pending.rows.back_to(mark);
            pending.changes.truncate(changes);
            pending.memberships.truncate(memberships);
            self.position = position;
        }
        deliver
    }

    async fn write(
        &mut self,
        run: Write,
        now: i64,
        mut tx: Tx,
        pending: &mut Pending,
        answers: &mut Vec<Deliver>,
    ) -> sqlx::Result<Tx> {
        tx.batch("SAVEPOINT job".into()).await?;
        let mut writing = Writing { tx, now, position: self.position, changes: Vec::new() };
        let (keep, deliver) = run(&mut writing).await;
        answers.push(deliver);
        if keep {
            writing.tx.batch("RELEASE SAVEPOINT job".into()).await?;
            self.position = writing.position;
            for change in &writing.changes {
                if let Change::RoomDeleted(room_id) = change {
                    pending.rooms.remove(room_id);
                    pending.deleted.insert(room_id.clone());
                }
            }
            pending.changes.append(&mut writing.changes);
        } else {
            writing.tx.batch("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job".into()).await?;
        }
        Ok(writing.tx)
    }

    fn publish(&self, pending: Pending) {
        self.transactions.keep(pending.sent);
        self.rooms.publish(pending.rooms.values().cloned(), pending.memberships);
        for room_id in &pending.deleted {
            self.rooms.evict(room_id);
        }
        let committed = Committed { position: self.position, changes: pending.changes, rooms: pending.rooms };
        for cache in &self.caches {
            cache(&committed);
        }
        self.published.send_replace(self.position);
        for observer in &self.observers {
            observer(&committed);
        }
    }
}
