//! Every service, built explicitly and in the order in which they depend on each other.

use std::{ops::Deref, sync::Arc, time::Duration};

use ruma::UserId;

use crate::{
    admin::SharedSecret,
    clock::Clock,
    config::Config,
    domain::{
        account_data::AccountData,
        accounts::Accounts,
        administration::Administration,
        appservices::Appservices,
        devices::Devices,
        directory::Directory,
        encryption::{self, Encryption},
        filters::Filters,
        journal::{Journal, Observer},
        profiles::Profiles,
        registration_tokens::RegistrationTokens,
        rooms::{RoomActions, Rooms},
        sessions::{self, Sessions},
        uiaa::Uiaa,
        users::Users,
    },
    limits::Limits,
    storage::{self, db::Db, migrations},
    sync::{notifier::Notifier, streams::room::SentMembers},
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
    /// User-interactive authentication.
    pub uiaa: Uiaa,
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
    /// What administrators do to rooms.
    pub administration: Arc<Administration>,
    /// Limits against floods.
    pub limits: Arc<Limits>,
    /// Rooms.
    pub rooms: Arc<Rooms>,
    /// What is done in rooms.
    pub room_actions: RoomActions,
    /// Wakes long polls.
    pub notifier: Arc<Notifier>,
    /// Which members devices have been sent.
    pub sent_members: SentMembers,
    /// Keys, and messages between devices.
    pub encryption: Arc<Encryption>,
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
        tokio::fs::create_dir_all(&config.server.data_dir).await?;
        let db = Db::open(&config.database_url(), config.database.connections).await?;
        for name in migrations::migrate(&db).await? {
            tracing::info!(migration = name, "brought the database forward");
        }
        let tasks = Tasks::default();
        let appservices = Arc::new(Appservices::load(&config.appservices, &config.server.name)?);
        let users = Arc::new(Users::new(db.clone()));
        let sessions_in_use = Arc::new(sessions::InUse::default());
        let rooms = Arc::new(Rooms::new(db.clone()));
        let notifier = Arc::new(Notifier::new(rooms.clone(), storage::commit::last_position(&db).await?));
        let keys = Arc::new(encryption::Memory::load(&db).await?);
        let caches: Vec<Observer> = vec![
            Box::new({
                let users = users.clone();
                move |committed| users.observe(committed)
            }),
            Box::new({
                let in_use = sessions_in_use.clone();
                move |committed| in_use.observe(committed)
            }),
            Box::new({
                let keys = keys.clone();
                move |committed| keys.observe(committed)
            }),
            Box::new({
                let notifier = notifier.clone();
                move |committed| notifier.note(committed)
            }),
        ];
        // The notifier, then push, application services: each sees what those before it have done.
        let observers: Vec<Observer> = vec![Box::new({
            let notifier = notifier.clone();
            move |committed| notifier.wake_for(committed)
        })];
        let (journal, writer) = Journal::start(db.clone(), clock.clone(), rooms.clone(), caches, observers).await?;
        tasks.last(writer);
        let sessions = Arc::new(Sessions::new(db.clone(), clock.clone(), journal.clone(), sessions_in_use));
        let lifetime = Duration::from_secs(config.login.access_token_lifetime_seconds);
        let devices = Devices::new(db.clone(), clock.clone(), journal.clone(), sessions.clone(), lifetime);
        let devices = Arc::new(devices);
        tasks.spawn(devices.clone().keep_seen());
        let unlimited: Vec<_> = appservices.iter().filter(|appservice| !appservice.rate_limited).cloned().collect();
        let exempt = move |user_id: &UserId| unlimited.iter().any(|appservice| appservice.has_user(user_id));
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
        let room_actions = RoomActions::new(
            db.clone(),
            config.server.name.clone(),
            rooms.clone(),
            journal.clone(),
            appservices.clone(),
        );
        let encryption = Arc::new(Encryption::new(db.clone(), clock.clone(), rooms.clone(), journal.clone(), keys));
        tasks.spawn(encryption.clone().keep_tidy());
        let administration = Administration::new(db.clone(), journal.clone());
        Ok(Self(Arc::new(Services {
            uiaa: Uiaa::new(clock.clone(), accounts.clone(), config.registration.token_required),
            profiles: Profiles::new(journal.clone(), users.clone(), rooms.clone()),
            account_data: AccountData::new(db.clone(), journal.clone()),
            filters: Filters::new(db.clone(), journal.clone()),
            directory: Directory::new(db.clone(), config.directory.everybody),
            registration_tokens: RegistrationTokens::new(db.clone(), journal.clone()),
            shared_secret: SharedSecret::new(config.registration.shared_secret.clone(), clock.clone()),
            administration: Arc::new(administration),
            accounts,
            limits,
            rooms,
            room_actions,
            notifier,
            sent_members: SentMembers::default(),
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
}
