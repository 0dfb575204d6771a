use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use ruma::{OwnedServerName, RoomVersionId};

use super::load;
use crate::config::{Config, Database, Server};

/// Serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// The developer's mode: open registration, no limits, cheap hashes. Loopback only, never for people.
    #[arg(long, requires_all = ["listen", "data_dir", "server_name"])]
    dev: bool,
    /// Developer's mode: the loopback address to listen on.
    #[arg(long, requires = "dev")]
    listen: Option<SocketAddr>,
    /// Developer's mode: the folder for data.
    #[arg(long, requires = "dev")]
    data_dir: Option<PathBuf>,
    /// Developer's mode: the server's name.
    #[arg(long, requires = "dev")]
    server_name: Option<OwnedServerName>,
    /// Developer's mode: a PostgreSQL database in place of the embedded one.
    #[arg(long, requires = "dev")]
    database_url: Option<String>,
    /// Developer's mode: the version of new rooms.
    #[arg(long, requires = "dev")]
    default_room_version: Option<RoomVersionId>,
    /// Developer's mode: the secret of shared-secret registration.
    #[arg(long, requires = "dev")]
    registration_secret: Option<String>,
}

impl Serve {
    /// The configuration to serve with: the developer's, or the file's.
    pub fn config(self, file: &Path) -> anyhow::Result<Config> {
        let (true, Some(listen), Some(data_dir), Some(name)) = (self.dev, self.listen, self.data_dir, self.server_name)
        else {
            return load(file);
        };
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "--dev listens on a loopback address only, and {listen} is none: anybody may register there. Write 127.0.0.1:{}.",
            listen.port()
        );
        let database = Database { url: self.database_url, ..Database::default() };
        let mut config = Config::dev(Server::new(name, listen, data_dir), database);
        config.server.shutdown_grace_seconds = 1;
        config.registration.shared_secret = self.registration_secret;
        if let Some(version) = self.default_room_version {
            config.rooms.default_version = version;
        }
        tracing::warn!("DEVELOPER'S MODE: anybody may register, nothing is limited. Never let people use this server.");
        Ok(config)
    }
}
