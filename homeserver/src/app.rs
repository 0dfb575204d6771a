//! Every service, built explicitly and in the order in which they depend on each other.

use std::{ops::Deref, sync::Arc, time::Duration};

use ruma::UserId;

use crate::{
    admin::SharedSecret,
    appservices::{Outbound, Sources},
    clock::Clock,
    config::Config,
    domain::{
        account_data::AccountData,
        accounts::Accounts,
        administration::Administration,
        appservices::Appservices,
        delayed_events::{DelayedEvents, schedule::Schedule},
        devices::Devices,
        directory::Directory,
        encryption::{self, Encryption},
        ephemeral::Ephemeral,
        feedback::{self, Feedback, attachments::Attachments, news::Teller},
        filters::Filters,
        ignored::IgnoredUsers,
        journal::{Committed, Journal, Observer},
        media::Media,
        moved::MovedRooms,
        notifications::Notifications,
        oauth::OAuth,
        presence::Presence,
        profiles::Profiles,
        push::{self, Push, delivery::Delivery},
        receipts::Receipts,
        registration_tokens::RegistrationTokens,
        rendezvous::Rendezvous,
        reports::Reports,
        rooms::{RoomActions, Rooms},
        server_notices::ServerNotices,
        sessions::{self, Sessions},
        terms::Terms,
        thread_subscriptions::ThreadSubscriptions,
        typing::Typing,
        uiaa::Uiaa,
        unread::UnreadCounts,
        users::Users,
    },
    limits::Limits,
    storage::{self, db::Db, migrations},
    sync::{notifier::Notifier, sliding::connections::Connections, streams::room::SentMembers},
    tasks::Tasks,
};

/// The application: what every handler is given. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Services>);

/// The services.
#[derive(Debug)]
pub struct Services {
    /// What was configured.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The database, for reading.
    pub db: Db,
    /// The way to write.
    pub journal: Journal,
    /// Registered application services.
    pub appservices: Arc<Appservices>,
    /// Who has an account.
    pub users: Arc<Users>,
    /// Access tokens.
    pub sessions: Arc<Sessions>,
    /// Devices.
    pub devices: Arc<Devices>,
    /// Making and changing accounts.
    pub accounts: Arc<Accounts>,
    /// What people agree to.
    pub terms: Arc<Terms>,
    /// User-interactive authentication.
    pub uiaa: Uiaa,
    /// OAuth 2.0.
    pub oauth: OAuth,
    /// Where devices meet that sign in by a QR code.
    pub rendezvous: Rendezvous,
    /// Profiles.
    pub profiles: Profiles,
    /// What clients keep with a user.
    pub account_data: AccountData,
    /// Filters of syncs.
    pub filters: Filters,
    /// Finding people.
    pub directory: Directory,
    /// Who may register.
    pub registration_tokens: RegistrationTokens,
    /// Registration by a shared secret.
    pub shared_secret: Arc<SharedSecret>,
    /// What people report to the administrators.
    pub reports: Reports,
    /// What people send by the feedback button.
    pub feedback: Arc<Feedback>,
    /// What comes with it.
    pub feedback_attachments: Arc<Attachments>,
    /// How they hear of it.
    pub feedback_news: Arc<Teller>,
    /// What administrators do to rooms.
    pub administration: Arc<Administration>,
    /// Limits against floods.
    pub limits: Arc<Limits>,
    /// Rooms.
    pub rooms: Arc<Rooms>,
    /// What is done in rooms.
    pub room_actions: Arc<RoomActions>,
    /// Which threads people follow.
    pub thread_subscriptions: ThreadSubscriptions,
    /// Events that are sent later.
    pub delayed_events: Arc<DelayedEvents>,
    /// Notices from the server.
    pub server_notices: Arc<ServerNotices>,
    /// In which rooms something moved.
    pub moved: Arc<MovedRooms>,
    /// Wakes long polls.
    pub notifier: Arc<Notifier>,
    /// Which members devices have been sent.
    pub sent_members: SentMembers,
    /// What the clients of sliding syncs have been told.
    pub sliding: Connections,
    /// How far everybody has read.
    pub receipts: Arc<Receipts>,
    /// Whom people ignore.
    pub ignored: Arc<IgnoredUsers>,
    /// Push rules.
    pub push: Arc<Push>,
    /// Unread counts.
    pub unread: Arc<UnreadCounts>,
    /// What goes out to push gateways.
    pub delivery: Arc<Delivery>,
    /// What has notified people.
    pub notifications: Notifications,
    /// The second stream: typing and presence.
    pub ephemeral: Arc<Ephemeral>,
    /// Who types.
    pub typing: Arc<Typing>,
    /// Who is here.
    pub presence: Arc<Presence>,
    /// What goes out to application services.
    pub outbound: Arc<Outbound>,
    /// Keys, and messages between devices.
    pub encryption: Arc<Encryption>,
    /// Files and pictures.
    pub media: Arc<Media>,
    /// Background work and the sign to stop.
    pub tasks: Tasks,
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl App {
    /// Opens the database, brings it to the newest schema, and starts every service.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        config.check()?;
        config.make_data_dir()?;
        let db = Db::open(&config.database_url(), config.database.connections).await?;
        for name in migrations::migrate(&db).await? {
            tracing::info!(migration = name, "brought the database forward");
        }
        let tasks = Tasks::default();
        let terms = Arc::new(Terms::load(&config.terms, &config.base_url(), db.clone())?);
        let appservices = Arc::new(Appservices::load(&config.appservices, &config.server.name)?);
        let users = Arc::new(Users::new(db.clone()));
        let sessions_in_use = Arc::new(sessions::InUse::default());
        let rooms = Arc::new(Rooms::new(db.clone()));
        let started = storage::commit::last_position(&db).await?;
        let moved = Arc::new(MovedRooms::new(started));
        let notifier = Arc::new(Notifier::new(rooms.clone(), started));
        let receipts = Arc::new(Receipts::new(db.clone()));
        let push = Arc::new(Push::new(db.clone()));
        let ignored = Arc::new(IgnoredUsers::new(db.clone()));
        let unread = UnreadCounts::new(db.clone(), push.clone(), ignored.clone(), receipts.clone());
        let unread = Arc::new(unread);
        let notifications =
            Notifications::new(db.clone(), rooms.clone(), push.clone(), ignored.clone(), receipts.clone());
        let ephemeral = Arc::new(Ephemeral::new(clock.now()));
        let typing = Arc::new(Typing::new(clock.clone(), ephemeral.clone()));
        let presence = Arc::new(Presence::load(&db, clock.clone(), ephemeral.clone()).await?);
        let delivery = Arc::new(Delivery::new(&config.push));
        let outbound = Arc::new(Outbound::new(appservices.clone())?);
        let keys = Arc::new(encryption::Memory::load(&db).await?);
        let schedule = Arc::new(Schedule::default());
        // Caches follow a commit before its position is told; then those who act on it, in this order.
        let caches: Vec<Observer> = vec![
            observer(&users, Users::observe),
            observer(&sessions_in_use, sessions::InUse::observe),
            observer(&keys, encryption::Memory::observe),
            observer(&receipts, Receipts::observe),
            observer(&ignored, IgnoredUsers::observe),
            observer(&push, Push::observe),
            observer(&unread, UnreadCounts::observe),
            observer(&typing, Typing::observe),
            observer(&presence, Presence::observe),
            observer(&schedule, Schedule::observe),
            observer(&moved, MovedRooms::observe),
            observer(&notifier, Notifier::note),
        ];
        let observers: Vec<Observer> = vec![
            observer(&notifier, Notifier::wake_all),
            observer(&delivery, Delivery::observe),
            observer(&outbound, Outbound::observe),
        ];
        let journal = Journal::start(db.clone(), clock.clone(), rooms.clone(), caches, observers).await?;
        let sessions = Arc::new(Sessions::new(db.clone(), clock.clone(), journal.clone(), sessions_in_use));
        let lifetime = Duration::from_secs(config.login.access_token_lifetime_seconds);
        let devices = Devices::new(db.clone(), clock.clone(), journal.clone(), sessions.clone(), lifetime);
        let devices = Arc::new(devices);
        tasks.spawn(devices.clone().keep_seen());
        // https://spec.matrix.org/v1.18/application-service-api/#registration: `rate_limited` leaves the sender out.
        let registered = appservices.clone();
        let exempt = move |user_id: &UserId| {
            registered.iter().any(|a| a.sender == user_id || (!a.rate_limited && a.has_user(user_id)))
        };
        let limits = Arc::new(Limits::new(&config.limits, clock.clone(), exempt));
        tasks.spawn(limits.clone().sweep());
        let accounts = Accounts::new(
            &config,
            db.clone(),
            clock.clone(),
            journal.clone(),
            users.clone(),
            devices.clone(),
            limits.clone(),
        )?;
        let accounts = Arc::new(accounts);
        accounts.make_senders(&appservices).await?;
        tasks.spawn(accounts.clone().heed_notices());
        let media = Media::start(&config, db.clone(), journal.clone(), clock.clone(), &tasks)?;
        let room_actions = RoomActions::new(
            db.clone(),
            config.server.name.clone(),
            rooms.clone(),
            users.clone(),
            journal.clone(),
            appservices.clone(),
            ignored.clone(),
        );
        let room_actions = Arc::new(room_actions);
        let thread_subscriptions =
            ThreadSubscriptions::new(db.clone(), journal.clone(), rooms.clone(), room_actions.clone());
        let delayed_events = DelayedEvents::load(
            &config.delayed_events,
            db.clone(),
            clock.clone(),
            journal.clone(),
            users.clone(),
            room_actions.clone(),
            schedule,
        )
        .await?;
        let delayed_events = Arc::new(delayed_events);
        tasks.spawn(delayed_events.clone().run());
        let server_notices = ServerNotices::new(
            &config,
            accounts.clone(),
            users.clone(),
            rooms.clone(),
            room_actions.clone(),
            AccountData::new(db.clone(), journal.clone()),
        )?;
        let server_notices = Arc::new(server_notices);
        let feedback = Feedback::new(&config.feedback, db.clone(), clock.clone(), journal.clone(), limits.clone());
        let feedback = Arc::new(feedback);
        let feedback_attachments =
            Attachments::new(&config.feedback, db.clone(), clock.clone(), journal.clone(), media.clone());
        let feedback_attachments = Arc::new(feedback_attachments);
        tasks.spawn(feedback::upkeep(feedback.clone(), feedback_attachments.clone()));
        let feedback_news = Teller::new(db.clone(), journal.clone(), users.clone(), server_notices.clone());
        let feedback_news = Arc::new(feedback_news);
        tasks.spawn(feedback_news.clone().run());
        let administration = Administration::new(db.clone(), journal.clone());
        tasks.spawn(typing.clone().run());
        tasks.spawn(presence.clone().run());
        tasks.spawn(presence.clone().keep(journal.clone()));
        let sources = Sources {
            db: db.clone(),
            clock: clock.clone(),
            rooms: rooms.clone(),
            typing: typing.clone(),
            presence: presence.clone(),
        };
        let pushing = push::delivery::Sources {
            db: db.clone(),
            clock: clock.clone(),
            journal: journal.clone(),
            rooms: rooms.clone(),
            moved: moved.clone(),
            push: push.clone(),
            ignored: ignored.clone(),
            receipts: receipts.clone(),
            unread: unread.clone(),
        };
        delivery.start(pushing, &tasks).await?;
        outbound.start(&journal, &ephemeral, sources, &tasks).await?;
        ephemeral.listen(Box::new({
            let notifier = notifier.clone();
            move |announcement| notifier.announce(announcement)
        }));
        let encryption =
            Encryption::new(db.clone(), clock.clone(), rooms.clone(), moved.clone(), journal.clone(), keys);
        let encryption = Arc::new(encryption);
        tasks.spawn(encryption.clone().keep_tidy());
        Ok(Self(Arc::new(Services {
            uiaa: Uiaa::new(clock.clone(), accounts.clone(), terms.clone(), config.registration.token_required),
            terms,
            oauth: OAuth::new(
                db.clone(),
                clock.clone(),
                journal.clone(),
                devices.clone(),
                !config.base_url().starts_with("https:"),
            ),
            rendezvous: Rendezvous::new(clock.clone()),
            profiles: Profiles::new(journal.clone(), users.clone(), rooms.clone()),
            account_data: AccountData::new(db.clone(), journal.clone()),
            filters: Filters::new(db.clone(), journal.clone()),
            directory: Directory::new(db.clone(), config.directory.everybody),
            registration_tokens: RegistrationTokens::new(db.clone(), journal.clone()),
            reports: Reports::new(db.clone(), journal.clone()),
            feedback,
            feedback_attachments,
            feedback_news,
            shared_secret: SharedSecret::new(config.registration.shared_secret.clone(), clock.clone()),
            administration: Arc::new(administration),
            accounts,
            limits,
            rooms,
            room_actions,
            thread_subscriptions,
            delayed_events,
            server_notices,
            moved,
            notifier,
            media,
            sent_members: SentMembers::default(),
            sliding: Connections::default(),
            receipts,
            ignored,
            push,
            unread,
            delivery,
            notifications,
            ephemeral,
            typing,
            presence,
            outbound,
            encryption,
            tasks,
            users,
            sessions,
            devices,
            appservices,
            journal,
            db,
            clock,
            config,
        })))
    }

    /// Stops what runs besides the requests, and returns once everything that was submitted is durable.
    pub async fn stop(&self) {
        self.tasks.stop().await;
        if let Err(error) = self.sessions.write_seen().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "when devices were last seen was not written");
        }
        if let Err(error) = self.delivery.write_settled(&self.journal).await {
            tracing::warn!(%error, "how far pushers have come was not written");
        }
        if let Err(error) = self.presence.write(&self.journal).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "presence was not written");
        }
        self.journal.stop().await;
        self.db.close().await;
    }
}

/// A service that sees every commit.
fn observer<T: Send + Sync + 'static>(service: &Arc<T>, observe: fn(&T, &Committed)) -> Observer {
    let service = service.clone();
    Box::new(move |committed| observe(&service, committed))
}
