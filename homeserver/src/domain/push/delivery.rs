//! Tells push gateways what notifies people.
//! <https://spec.matrix.org/v1.18/client-server-api/#push-notifications>
//!
//! One task looks at every event after its commit, for those members alone who have a pusher: everybody else costs
//! nothing. A pusher with something to say has a courier, which sends one call after another and tries again with growing
//! pauses. While a gateway is away only the newest waits for it, and what is a day old is dropped.
//!
//! A position a pusher is kept: everything up to it is settled. It is written a moment after a call, so that a burst is one
//! statement; who is killed in that moment may repeat a call, which its event id tells.

mod line;
mod notification;

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use ruma::{
    OwnedEventId, OwnedUserId, UserId,
    events::{StateEventType, TimelineEventType, room::member::MembershipState},
    push::Action,
};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::JoinSet,
};
use url::Url;

use self::line::{Line, Next, QUIET, Target, Waiting, is_too_old};
use super::{
    Push,
    gateway::{GatewayError, Gateways},
    pushers,
};
use crate::{
    clock::Clock,
    config,
    domain::{
        event::{Event, Position},
        ignored::IgnoredUsers,
        journal::{Change, Committed, Journal},
        moved::MovedRooms,
        receipts::{Kind, Receipts},
        rooms::{Rooms, state::RoomState},
        thread,
        unread::{UnreadCounts, joins},
    },
    error::{ApiError, Result},
    storage::{self, db::Db},
    tasks::Tasks,
};

/// Commits that wait to be looked at; past it they are read from the database.
const NEWS: usize = 1_024;
/// Events read from the database at once.
const CHUNK: i64 = 500;
/// How far back a start looks for what was not delivered.
const LOOKBACK: Position = 50_000;
/// Calls at the same time, and of those to one gateway: one that is slow must not hold up the others.
const AT_ONCE: usize = 32;
const AT_ONE_GATEWAY: usize = 8;
/// The wait after a first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// The wait after a failure of ours.
const OWN_FAILURE: Duration = Duration::from_secs(2);
/// What was settled meanwhile is written together.
const GATHER: Duration = Duration::from_secs(1);

/// What a commit means for pushers.
#[derive(Debug, Default)]
struct News {
    position: Position,
    events: Vec<Arc<Event>>,
    redacted: Vec<OwnedEventId>,
    /// Who has read.
    read: Vec<OwnedUserId>,
    /// Who set or removed a pusher.
    pushers: Vec<OwnedUserId>,
    /// Whose account or devices changed, and maybe so their pushers.
    accounts: Vec<OwnedUserId>,
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Own(#[from] ApiError),
}

impl From<serde_json::Error> for NotTold {
    fn from(error: serde_json::Error) -> Self {
        Self::Own(error.into())
    }
}

/// What is looked at to decide who is told what.
#[derive(Clone, Debug)]
pub struct Sources {
    /// For reading.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The way to write.
    pub journal: Journal,
    /// Who is in which room.
    pub rooms: Arc<Rooms>,
    /// In which rooms something moved.
    pub moved: Arc<MovedRooms>,
    /// Push rules.
    pub push: Arc<Push>,
    /// Whom people ignore.
    pub ignored: Arc<IgnoredUsers>,
    /// How far they have read.
    pub receipts: Arc<Receipts>,
    /// How much is unread.
    pub unread: Arc<UnreadCounts>,
}

/// All pushers and what is on its way to them.
#[derive(Debug)]
pub struct Delivery {
    enabled: bool,
    gateways: Gateways,
    news: mpsc::Sender<News>,
    /// The other end, until the task starts.
    receiver: Mutex<Option<mpsc::Receiver<News>>>,
    /// Set where a commit did not find a place in `news`.
    missed: AtomicBool,
    /// Whether there has been a pusher since the server started: without one a commit costs one look at its changes.
    in_use: AtomicBool,
    lines: Mutex<HashMap<OwnedUserId, Vec<Arc<Line>>>>,
    /// Events up to here have been looked at.
    looked_at: AtomicI64,
    at_once: Semaphore,
    at_gateways: Mutex<HashMap<String, Weak<Semaphore>>>,
    /// Something was settled and is to be written.
    settled: Notify,
}

impl Delivery {
    /// As configured. Nothing is sent before [`Delivery::start`].
    pub fn new(config: &config::Push) -> Self {
        let (news, receiver) = mpsc::channel(NEWS);
        Self {
            enabled: config.enabled,
            gateways: Gateways::new(config.clone()),
            news,
            receiver: Mutex::new(Some(receiver)),
            missed: AtomicBool::new(false),
            in_use: AtomicBool::new(false),
            lines: Mutex::default(),
            looked_at: AtomicI64::new(0),
            at_once: Semaphore::new(AT_ONCE),
            at_gateways: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// The way to push gateways.
    pub fn gateways(&self) -> &Gateways {
        &self.gateways
    }

    /// Hands on what a commit means for pushers.
    pub fn observe(&self, committed: &Committed) {
        let new_pusher = |change: &Change| matches!(change, Change::Pushers(_));
        if !self.enabled || !(self.in_use.load(Ordering::Acquire) || committed.changes.iter().any(new_pusher)) {
            return;
        }
        self.in_use.store(true, Ordering::Release);
        let mut news = News { position: committed.position, ..News::default() };
        for change in &committed.changes {
            match change {
                Change::Event(event) => news.events.push(event.clone()),
                Change::Redacted(event) => news.redacted.push(event.event_id.clone()),
                Change::Receipt { user_id, receipt, .. } if receipt.kind != Kind::FullyRead => {
                    news.read.push(user_id.clone());
                }
                Change::Pushers(user_id) => news.pushers.push(user_id.clone()),
                Change::Account(user_id) | Change::DeviceForgotten { user_id, .. } => {
                    news.accounts.push(user_id.clone());
                }
                _ => {}
            }
        }
        if self.news.try_send(news).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }

    /// Starts with what was not delivered by the last run of the server.
    pub async fn start(self: &Arc<Self>, sources: Sources, tasks: &Tasks) -> Result<()> {
        let Some(news) = self.receiver.lock().take().filter(|_| self.enabled) else { return Ok(()) };
        self.load(&sources, None).await?;
        let position = sources.journal.position();
        let furthest_back = self.lines.lock().values().flatten().map(|line| line.kept()).min();
        self.in_use.store(furthest_back.is_some(), Ordering::Release);
        let from = furthest_back.map_or(position, |kept| kept.clamp(position - LOOKBACK, position));
        self.looked_at.store(from, Ordering::Release);
        tasks.spawn(self.clone().keep_settled(sources.journal.clone()));
        tasks.spawn(self.clone().run(news, Arc::new(sources)));
        Ok(())
    }

    async fn run(self: Arc<Self>, mut news: mpsc::Receiver<News>, sources: Arc<Sources>) {
        let mut couriers = JoinSet::new();
        self.missed.store(true, Ordering::Release);
        let mut next = Some(News::default());
        loop {
            if let Some(news) = next.take()
                && let Err(error) = self.take(news, &sources, &mut couriers).await
            {
                tracing::error!(%error, "push notifications were held up for a reason of ours");
                tokio::time::sleep(OWN_FAILURE).await;
                // What was not looked at is read again.
                self.missed.store(true, Ordering::Release);
                next = Some(News::default());
                continue;
            }
            tokio::select! {
                received = news.recv() => match received {
                    Some(news) => next = Some(news),
                    None => return,
                },
                Some(ended) = couriers.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "a courier of push notifications failed");
                },
            }
        }
    }

    async fn take(self: &Arc<Self>, news: News, sources: &Arc<Sources>, couriers: &mut JoinSet<()>) -> Result<()> {
        let mut send = Vec::new();
        let taken = self.digest(news, sources, &mut send).await;
        // Also after a failure: a line that counts on a courier gets no other.
        for line in send {
            couriers.spawn(self.clone().courier(line, sources.clone()));
        }
        taken
    }

    async fn digest(&self, news: News, sources: &Sources, send: &mut Vec<Arc<Line>>) -> Result<()> {
        if self.missed.swap(false, Ordering::AcqRel) {
            self.load(sources, None).await?;
            self.catch_up(sources, send).await?;
        }
        for user_id in news.pushers.iter().chain(news.accounts.iter().filter(|user_id| self.has_pusher(user_id))) {
            self.load(sources, Some(user_id)).await?;
        }
        for event in &news.events {
            self.look_at(event, sources, send).await?;
        }
        self.looked_up_to(news.position);
        for event_id in &news.redacted {
            self.lines.lock().values().flatten().for_each(|line| line.withdraw(event_id));
        }
        for user_id in &news.read {
            self.recount(user_id, send);
        }
        Ok(())
    }

    async fn catch_up(&self, sources: &Sources, send: &mut Vec<Arc<Line>>) -> Result<()> {
        let up_to = sources.journal.position();
        loop {
            let looked_at = self.looked_at.load(Ordering::Acquire);
            let events = storage::events::of_all_rooms(&sources.db, looked_at, up_to, CHUNK).await?;
            for event in &events {
                self.look_at(event, sources, send).await?;
            }
            if (events.len() as i64) < CHUNK {
                self.looked_up_to(up_to);
                return Ok(());
            }
        }
    }

    fn looked_up_to(&self, position: Position) {
        let before = self.looked_at.fetch_max(position, Ordering::AcqRel);
        if position / QUIET > before / QUIET {
            self.settled.notify_one();
        }
    }

    fn has_pusher(&self, user_id: &UserId) -> bool {
        self.lines.lock().contains_key(user_id)
    }

    /// Reads the pushers of a person, or of everybody. Those that are as they were keep what waits for them.
    async fn load(&self, sources: &Sources, user_id: Option<&UserId>) -> Result<()> {
        let kept = storage::push::kept(&sources.db, user_id).await?;
        let mut lines = self.lines.lock();
        let mut before: Vec<Arc<Line>> = match user_id {
            Some(user_id) => lines.remove(user_id).unwrap_or_default(),
            None => lines.drain().flat_map(|(_, of_user)| of_user).collect(),
        };
        for kept in kept {
            let Some((ids, target)) = Target::parse(&kept, |url| self.places(url)) else { continue };
            let known = before.iter().position(|line| line.user_id == kept.user_id && line.ids == ids);
            let line = match known {
                Some(index) => {
                    let line = before.swap_remove(index);
                    line.retarget(target);
                    line
                }
                None => Arc::new(Line::new(kept.user_id.clone(), ids, target, kept.settled)),
            };
            lines.entry(kept.user_id).or_default().push(line);
        }
        before.iter().for_each(|line| line.end());
        metrics::gauge!("parta_push_pushers").set(lines.values().map(Vec::len).sum::<usize>() as f64);
        Ok(())
    }

    /// The places at a gateway, one and the same for all who share it.
    fn places(&self, url: &Url) -> Arc<Semaphore> {
        let mut all = self.at_gateways.lock();
        let origin = url.origin().ascii_serialization();
        if let Some(places) = all.get(&origin).and_then(Weak::upgrade) {
            return places;
        }
        all.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(AT_ONE_GATEWAY));
        all.insert(origin, Arc::downgrade(&places));
        places
    }

    /// Decides whom an event notifies, of those with a pusher.
    async fn look_at(&self, event: &Arc<Event>, sources: &Sources, send: &mut Vec<Arc<Line>>) -> Result<()> {
        if event.position <= self.looked_at.load(Ordering::Acquire) {
            return Ok(());
        }
        if event.redacted_by.is_none()
            && !is_too_old(event, sources.clock.now())
            && let Some(room) = sources.rooms.get(&event.room_id).await?
        {
            for user_id in self.concerned(&room, event) {
                if let Some(waiting) = judge(sources, &room, event, &user_id).await? {
                    let lines = self.lines.lock();
                    let of_user = lines.get(&user_id).into_iter().flatten();
                    send.extend(of_user.filter(|line| line.push(waiting.clone())).cloned());
                }
            }
            // Who says something has read what was before.
            self.recount(&event.sender, send);
        }
        self.looked_up_to(event.position);
        Ok(())
    }

    /// Those with a pusher who are in a room, and who is invited.
    fn concerned(&self, room: &RoomState, event: &Event) -> Vec<OwnedUserId> {
        let lines = self.lines.lock();
        let concerned = |user_id: &UserId| room.is_joined(user_id) || is_invitation(event, user_id);
        if (lines.len() as u64) <= room.joined_count {
            return lines.keys().filter(|user_id| concerned(user_id)).cloned().collect();
        }
        let target = event.state_key.as_deref().and_then(|key| <&UserId>::try_from(key).ok());
        let target = target.filter(|user_id| is_invitation(event, user_id) && !room.is_joined(user_id));
        room.joined().chain(target).filter(|user_id| lines.contains_key(*user_id)).map(ToOwned::to_owned).collect()
    }

    fn recount(&self, user_id: &UserId, send: &mut Vec<Arc<Line>>) {
        let lines = self.lines.lock();
        send.extend(lines.get(user_id).into_iter().flatten().filter(|line| line.recount()).cloned());
    }

    /// Sends what waits for a pusher, until nothing does.
    async fn courier(self: Arc<Self>, line: Arc<Line>, sources: Arc<Sources>) {
        let mut wait = FIRST_WAIT;
        while let Some((target, next)) = line.next(sources.clock.now()) {
            match self.tell(&line, &target, &next, &sources).await {
                Ok(()) => {
                    line.done(&next);
                    self.settled.notify_one();
                    wait = FIRST_WAIT;
                }
                Err(error) => {
                    line.failed();
                    self.settled.notify_one();
                    metrics::counter!("parta_push_failures_total").increment(1);
                    let gateway = target.url.host_str();
                    // Once is enough: a gateway that is away for a night would fill the log.
                    if wait == FIRST_WAIT {
                        tracing::warn!(user_id = %line.user_id, gateway, %error, "a push gateway was not told");
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn tell(&self, line: &Line, target: &Target, next: &Next, sources: &Sources) -> Result<(), NotTold> {
        let _place = target.places.acquire().await.map_err(ApiError::internal)?;
        let _any_place = self.at_once.acquire().await.map_err(ApiError::internal)?;
        let room = match next {
            Next::Event(waiting) => match still_news(sources, &line.user_id, &waiting.event).await? {
                Some(room) => Some(room),
                None => {
                    // It was read meanwhile: the number alone may be news.
                    line.recount();
                    return Ok(());
                }
            },
            Next::Badge => None,
        };
        let unread = unread(sources, &line.user_id).await?;
        let body = match (next, &room) {
            (Next::Event(waiting), Some(room)) => notification::of_event(line, target, waiting, room, unread)?,
            _ if line.shows_other_than(unread) => notification::of_badge(line, target, unread)?,
            _ => return Ok(()),
        };
        let rejected = self.gateways.notify(&target.url, body).await?;
        metrics::counter!("parta_push_notifications_total").increment(1);
        line.shows(unread);
        if rejected.contains(&line.ids.pushkey) {
            tracing::info!(user_id = %line.user_id, app_id = line.ids.app_id, "a push gateway rejected a pusher");
            metrics::counter!("parta_push_rejected_total").increment(1);
            pushers::remove(&sources.journal, &line.user_id, line.ids.clone()).await?;
            line.end();
        }
        Ok(())
    }

    async fn keep_settled(self: Arc<Self>, journal: Journal) {
        loop {
            self.settled.notified().await;
            tokio::time::sleep(GATHER).await;
            if let Err(error) = self.write_settled(&journal).await {
                tracing::warn!(%error, "how far pushers have come was not written");
                self.settled.notify_one();
            }
        }
    }

    /// Writes how far pushers have come.
    pub async fn write_settled(&self, journal: &Journal) -> Result<()> {
        let looked_at = self.looked_at.load(Ordering::Acquire);
        let due: Vec<(Arc<Line>, Position)> = {
            let lines = self.lines.lock();
            let all = lines.values().flatten();
            all.filter_map(|line| line.to_keep(looked_at).map(|settled| (line.clone(), settled))).collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        let row = |(line, settled): &(Arc<Line>, Position)| (line.user_id.clone(), line.ids.clone(), *settled);
        journal.run(storage::push::settle(&due.iter().map(row).collect::<Vec<_>>()), None).await?;
        due.iter().for_each(|(line, settled)| line.keep(*settled));
        Ok(())
    }
}

fn is_invitation(event: &Event, user_id: &UserId) -> bool {
    event.membership == Some(MembershipState::Invite) && notification::targets(event, user_id)
}

/// What an event is to somebody; `None` if it does not notify them.
async fn judge(sources: &Sources, room: &RoomState, event: &Arc<Event>, user_id: &UserId) -> Result<Option<Waiting>> {
    let ignored = sources.ignored.of(user_id).await?;
    let own = room.get(&StateEventType::RoomMember, user_id.as_str());
    let withheld = if is_invitation(event, user_id) {
        ignored.withholds_invitation(&event.sender)
    } else {
        // What was before they joined is no news.
        ignored.has(&event.sender) || own.is_some_and(|own| joins(own) && own.position > event.position)
    };
    if withheld {
        return Ok(None);
    }
    let rules = sources.push.rules(user_id).await?;
    let actions = super::actions(&rules.set, event, &rules.context(room, user_id));
    if !actions.iter().any(Action::should_notify) {
        return Ok(None);
    }
    let tweaks = actions.iter().filter_map(|action| match action {
        Action::SetTweak(tweak) => Some(tweak.clone()),
        _ => None,
    });
    // Nobody here knows what an encrypted message says, so it may be as urgent as any.
    let urgent = event.kind == TimelineEventType::RoomEncrypted
        || actions.iter().any(|action| action.is_highlight() || action.sound().is_some());
    Ok(Some(Waiting { event: event.clone(), tweaks: tweaks.collect(), urgent }))
}

/// The room of an event that somebody is still to be told of: they are there, or invited, and have not read it.
async fn still_news(sources: &Sources, user_id: &UserId, event: &Event) -> Result<Option<Arc<RoomState>>> {
    let Some(room) = sources.rooms.get(&event.room_id).await? else { return Ok(None) };
    let news = match room.membership(user_id) {
        Some(MembershipState::Invite) => is_invitation(event, user_id),
        Some(MembershipState::Join) => {
            let thread = thread::root_of(&sources.db, &room, event).await?;
            let read = sources.receipts.read_up_to(&event.room_id, user_id).await?;
            event.position > read.of(thread.as_ref())
        }
        _ => false,
    };
    Ok(news.then_some(room))
}

/// How many messages are unread in all of somebody's rooms.
async fn unread(sources: &Sources, user_id: &UserId) -> Result<u64> {
    // Taken before anything is read: what comes later is looked at the next time.
    let up_to = sources.journal.position();
    sources.unread.everywhere(&sources.rooms, &sources.moved, user_id, up_to).await
}
