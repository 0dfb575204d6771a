//! Every service, built explicitly and in the order in which they depend on each other.

use std::{ops::Deref, sync::Arc};

use crate::{
    clock::Clock,
    config::Config,
    domain::{
        appservices::Appservices,
        encryption::{self, Encryption},
        journal::{Journal, Observer},
        rooms::{RoomActions, Rooms},
        sessions::Sessions,
    },
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
    /// Access tokens.
    pub sessions: Sessions,
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
        let sessions = Sessions::new(db.clone(), clock.clone());
        let rooms = Arc::new(Rooms::new(db.clone()));
        let notifier = Arc::new(Notifier::new(rooms.clone(), storage::commit::last_position(&db).await?));
        let keys = Arc::new(encryption::Memory::load(&db).await?);
        let caches: Vec<Observer> = vec![
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
        let room_actions = RoomActions::new(
            db.clone(),
            config.server.name.clone(),
            rooms.clone(),
            journal.clone(),
            appservices.clone(),
        );
        let encryption = Arc::new(Encryption::new(db.clone(), clock.clone(), rooms.clone(), journal.clone(), keys));
        tasks.spawn(encryption.clone().keep_tidy());
        Ok(Self(Arc::new(Services {
            config,
            clock,
            db,
            journal,
            appservices,
            sessions,
            rooms,
            room_actions,
            notifier,
            sent_members: SentMembers::default(),
            encryption,
            tasks,
        })))
    }
}
