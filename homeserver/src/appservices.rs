//! What goes out to application services: transactions with events, queries, pings and look-ups in their networks.
//! <https://spec.matrix.org/v1.18/application-service-api/#homeserver---application-service-api>
//!
//! Each application service has a worker. The journal's observer hands it every commit; what the worker was too busy to
//! take it reads from the database, so that nothing is lost and nothing is skipped. It sleeps while nothing happens.

mod calls;
mod extras;
mod interest;
pub mod networks;
mod queries;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ruma::{OwnedRoomId, OwnedUserId, RoomAliasId, UserId};
use tokio::sync::{Notify, mpsc};

use self::{calls::Calls, queries::Queries, worker::Worker};
use crate::{
    clock::Clock,
    domain::{
        appservices::{Appservice, Appservices},
        ephemeral::{Announcement, Ephemeral},
        event::Event,
        journal::{Change, Committed, Journal},
        presence::Presence,
        receipts::Receipt,
        rooms::Rooms,
        typing::Typing,
    },
    error::Result,
    storage::{self, db::Db},
    tasks::Tasks,
};

/// Commits that wait for a busy worker; past it the worker reads from the database.
const NEWS: usize = 1_024;

/// What a worker is told.
#[derive(Clone, Debug)]
enum News {
    /// The events of a commit, in order.
    Events(Arc<[Arc<Event>]>),
    /// A room's aliases may have changed.
    Aliases(OwnedRoomId),
    /// Somebody has read.
    Receipt(OwnedRoomId, Arc<Receipt>),
    /// Somebody types, or has stopped.
    Typing(OwnedRoomId),
    /// Somebody came, idles or went.
    Presence(OwnedUserId),
}

/// The way to a worker.
#[derive(Debug)]
struct Line {
    appservice: Arc<Appservice>,
    news: mpsc::Sender<News>,
    /// Set where events or aliases did not find a place in `news`.
    missed: Arc<AtomicBool>,
    /// Wakes a worker that waits before it tries again.
    try_again: Arc<Notify>,
    /// The worker's end, until it starts.
    worker: parking_lot::Mutex<Option<mpsc::Receiver<News>>>,
}

impl Line {
    fn tell(&self, news: News) {
        let lasting = matches!(news, News::Events(_) | News::Aliases(_));
        if self.news.try_send(news).is_err() && lasting {
            self.missed.store(true, Ordering::Release);
        }
    }
}

/// Everything that goes out to application services.
#[derive(Debug)]
pub struct Outbound {
    registered: Arc<Appservices>,
    calls: Calls,
    queries: Queries,
    lines: Vec<Line>,
}

/// What the workers look at.
#[derive(Clone, Debug)]
pub struct Sources {
    /// For reading.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Who is in which room.
    pub rooms: Arc<Rooms>,
    /// Who types.
    pub typing: Arc<Typing>,
    /// Who is here.
    pub presence: Arc<Presence>,
}

impl Outbound {
    /// The lines to all registered application services that have an address. Nothing is sent before
    /// [`Outbound::start`].
    pub fn new(registered: Arc<Appservices>) -> anyhow::Result<Self> {
        let lines = registered.iter().filter(|appservice| appservice.url.is_some()).map(|appservice| {
            let (news, worker) = mpsc::channel(NEWS);
            Line {
                appservice: appservice.clone(),
                news,
                missed: Arc::default(),
                try_again: Arc::default(),
                worker: parking_lot::Mutex::new(Some(worker)),
            }
        });
        Ok(Self { lines: lines.collect(), calls: Calls::new()?, queries: Queries::default(), registered })
    }

    /// Hands a commit to the workers.
    pub fn observe(&self, committed: &Committed) {
        if self.lines.is_empty() {
            return;
        }
        let events: Arc<[Arc<Event>]> = committed
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Event(event) => Some(event.clone()),
                _ => None,
            })
            .collect();
        for line in &self.lines {
            if !events.is_empty() {
                line.tell(News::Events(events.clone()));
            }
            for change in &committed.changes {
                match change {
                    Change::Room(room_id) => line.tell(News::Aliases(room_id.clone())),
                    Change::Receipt { room_id, receipt, .. } if line.appservice.receive_ephemeral => {
                        line.tell(News::Receipt(room_id.clone(), receipt.clone()));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Starts the workers. An application service that is new hears of what comes from now on.
    pub async fn start(
        self: &Arc<Self>,
        journal: &Journal,
        ephemeral: &Ephemeral,
        sources: Sources,
        tasks: &Tasks,
    ) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = self.lines.iter().map(|line| line.appservice.id.clone()).collect();
        let position = journal.position();
        journal
            .write(move |w| {
                Box::pin(async move {
                    for id in ids {
                        storage::appservices::begin(&mut w.tx, &id, w.now, position).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        let this = self.clone();
        ephemeral.listen(Box::new(move |announcement| this.announced(announcement)));
        for line in &self.lines {
            let Some(news) = line.worker.lock().take() else { continue };
            let missed = (line.missed.clone(), line.try_again.clone());
            let worker = Worker::new(
                line.appservice.clone(),
                self.calls.clone(),
                journal.clone(),
                sources.clone(),
                news,
                missed,
            );
            tasks.spawn(worker.run());
        }
        Ok(())
    }

    fn announced(&self, announcement: &Announcement<'_>) {
        for line in self.lines.iter().filter(|line| line.appservice.receive_ephemeral) {
            match announcement {
                Announcement::Typing(room_id) => line.tell(News::Typing((*room_id).to_owned())),
                Announcement::Presence(users) => {
                    users.iter().for_each(|user_id| line.tell(News::Presence(user_id.clone())));
                }
            }
        }
    }

    /// Asks the application services in whose namespace an alias is whether they want to make it. Where one says yes,
    /// the alias is there by now. One that cannot be asked says no, and so does the one that asks, `asking`: it may
    /// well look for an alias while it makes it.
    pub async fn query_alias(&self, alias: &RoomAliasId, asking: Option<&Appservice>) -> bool {
        let appservices = self.others(asking, |appservice| appservice.has_alias(alias));
        self.queries.ask(&self.calls, &appservices, "rooms", alias.as_str()).await
    }

    /// Asks the application services in whose namespace a user is whether they want to make the account, as
    /// [`Outbound::query_alias`] does for an alias.
    pub async fn query_user(&self, user_id: &UserId, asking: Option<&Appservice>) -> bool {
        let appservices = self.others(asking, |appservice| appservice.has_user(user_id));
        self.queries.ask(&self.calls, &appservices, "users", user_id.as_str()).await
    }

    /// The application services that are so, without the one that asks.
    fn others(&self, asking: Option<&Appservice>, so: impl Fn(&Appservice) -> bool) -> Vec<Arc<Appservice>> {
        let another = |appservice: &Appservice| asking.is_none_or(|asking| asking.id != appservice.id);
        self.registered.iter().filter(|appservice| another(appservice) && so(appservice)).cloned().collect()
    }

    /// Pings an application service and tells how long that took. What waits for it is then sent at once.
    pub async fn ping(&self, appservice: &Appservice, transaction_id: Option<&str>) -> Result<Duration> {
        let duration = self.calls.ping(appservice, transaction_id).await?;
        if let Some(line) = self.lines.iter().find(|line| line.appservice.id == appservice.id) {
            line.try_again.notify_one();
        }
        Ok(duration)
    }
}
