use std::{net::SocketAddr, path::PathBuf};

use ruma::OwnedServerName;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Name, addresses and folders.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The name that stands behind the colon in every user's id. It can never be changed.
    pub name: OwnedServerName,
    /// The address and port to listen on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The folder for the embedded database, media and backups.
    pub data_dir: PathBuf,
    /// The address at which clients reach this server, for `.well-known`; by default `https://` and `name` where there is
    /// TLS, else `http://` and `listen`, unless that is every address: then clients go on by the one they came by.
    #[serde(default)]
    pub public_url: Option<url::Url>,
    /// Proxies whose `X-Forwarded-For` is believed. Nobody else's is.
    #[serde(default)]
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// A separate address for monitoring: `/metrics` and `/health`. Without it `/metrics` is answered at `listen`, but
    /// only to this machine.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// How many seconds a stop waits for requests under way.
    #[serde(default = "default_grace")]
    pub shutdown_grace_seconds: u64,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8008))
}

fn default_grace() -> u64 {
    10
}

impl Server {
    /// A server that listens on `listen`, everything else by default.
    pub fn new(name: OwnedServerName, listen: SocketAddr, data_dir: PathBuf) -> Self {
        Self {
            name,
            listen,
            data_dir,
            public_url: None,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            shutdown_grace_seconds: default_grace(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.data_dir.as_os_str().is_empty() {
            return Err(ConfigError::Value {
                key: "server.data_dir",
                problem: "name a folder, for example /var/lib/parta".into(),
            });
        }
        Ok(())
    }
}
