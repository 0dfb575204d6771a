//! What can be said to `parta-server` at a terminal, one file a group of commands. Accounts and tokens may be changed
//! and feedback answered while the server runs: no command draws a position of the server's stream, and one that changes an
//! account or answers leaves a notice that the server heeds within seconds.

mod backup;
mod certificate;
mod config;
mod feedback;
mod registration_token;
mod serve;
mod user;

pub use backup::BackupCommand;
pub use certificate::CertificateCommand;
pub use config::ConfigCommand;
pub use feedback::FeedbackCommand;
pub use registration_token::RegistrationTokenCommand;
pub use serve::Serve;
pub use user::UserCommand;

use std::{io::BufRead as _, path::Path, sync::Arc};

use anyhow::Context as _;

use crate::{
    clock::{self, Clock},
    config::Config,
    domain::{
        accounts::Accounts,
        appservices::Appservices,
        devices::Devices,
        feedback::Feedback,
        journal::Journal,
        registration_tokens::RegistrationTokens,
        rooms::Rooms,
        sessions::{self, Sessions},
        users::Users,
    },
    limits::Limits,
    storage::{db::Db, migrations},
};

/// The configuration of this file, with the environment's changes.
pub fn load(file: &Path) -> anyhow::Result<Config> {
    Ok(Config::load(file, std::env::vars())?)
}

/// Brings the database to the newest schema.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let db = open(config).await?;
    let applied = migrations::migrate(&db).await?;
    db.close().await;
    if applied.is_empty() {
        println!("The database is up to date.");
    }
    for name in applied {
        println!("applied {name}");
    }
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Db> {
    config.make_data_dir()?;
    Db::open(&config.database_url(), 2).await.context("the database cannot be opened")
}

/// The services that commands need, without a server around them.
struct Offline {
    config: Config,
    db: Db,
    clock: Clock,
    appservices: Appservices,
    accounts: Accounts,
    registration_tokens: RegistrationTokens,
    feedback: Feedback,
}

impl Offline {
    async fn open(config: Config) -> anyhow::Result<Self> {
        let db = open(&config).await?;
        migrations::migrate(&db).await?;
        let clock = Clock::system();
        let users = Arc::new(Users::new(db.clone()));
        let forgets = users.clone();
        let rooms = Arc::new(Rooms::new(db.clone()));
        let observer = Box::new(move |committed: &_| forgets.observe(committed));
        let journal = Journal::start(db.clone(), clock.clone(), rooms, vec![observer], Vec::new()).await?;
        let sessions = Sessions::new(db.clone(), clock.clone(), journal.clone(), Arc::new(sessions::InUse::default()));
        let lifetime = std::time::Duration::from_secs(config.login.access_token_lifetime_seconds);
        let devices = Devices::new(db.clone(), clock.clone(), journal.clone(), Arc::new(sessions), lifetime);
        let limits = Arc::new(Limits::new(&config.limits, clock.clone(), |_| false));
        let accounts = Accounts::new(
            &config,
            db.clone(),
            clock.clone(),
            journal.clone(),
            users,
            Arc::new(devices),
            limits.clone(),
        )?;
        let appservices = Appservices::load(&config.appservices, &config.server.name)?;
        let registration_tokens = RegistrationTokens::new(db.clone(), journal.clone());
        let feedback = Feedback::new(&config.feedback, db.clone(), clock.clone(), journal, limits);
        Ok(Self { config, db, clock, appservices, accounts, registration_tokens, feedback })
    }
}

/// The password for an account: a line from the standard input, or a random one, which is printed.
fn password(from_stdin: bool) -> anyhow::Result<String> {
    if !from_stdin {
        let password = clock::random_word(16, clock::LOWERCASE);
        println!("password: {password}");
        return Ok(password);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(!password.is_empty(), "the standard input has no password");
    Ok(password)
}
