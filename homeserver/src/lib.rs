//! Parta's homeserver. The map:
//!
//! - [`app`] builds every service in the order in which they depend on each other;
//! - [`api`] is the client-server API: the route table and its handlers; [`admin`] is the administration's;
//! - [`cli`] is what administrators do at a terminal;
//! - [`appservices`] sends application services what they are to know, and asks them for what they have;
//! - [`backup`] makes archives and restores them;
//! - [`domain`] decides: accounts, rooms, messages; its journal is the one writer;
//! - [`sync`] tells clients what changed;
//! - [`storage`] holds the SQL, once for both engines;
//! - [`lock`] keeps a second server away from a data folder;
//! - [`event`] is an event as a value; with [`config`], [`error`], [`clock`] and [`limits`] a leaf that all others may
//!   use;
//! - [`tls`] keeps the certificate that clients are shown, and the authority behind it;
//! - [`tasks`] are background work and the sign to stop, [`server`] listens, [`telemetry`] logs and measures.
//!
//! Direction of dependencies: `api`, `admin` → `sync`, `appservices` → `domain` → `storage`.

pub mod admin;
pub mod api;
pub mod app;
pub mod appservices;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod event;
pub mod limits;
pub mod lock;
pub mod server;
pub mod storage;
pub mod sync;
pub mod tasks;
pub mod telemetry;
pub mod tls;

/// Serves until SIGTERM or Ctrl-C.
pub async fn run(config: config::Config) -> anyhow::Result<()> {
    config.make_data_dir()?;
    let embedded = storage::db::Db::file(&config.database_url()).is_some();
    let lock = if embedded { Some(lock::Lock::take(&config.server.data_dir)?) } else { None };
    let app = app::App::start(config, clock::Clock::system()).await?;
    server::serve(app, lock).await
}
