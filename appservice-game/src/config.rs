//! The configuration file: TOML, every key here.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;
use url::Url;

use crate::words::Lang;

/// The configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the homeserver, for instance `http://127.0.0.1:8008`.
    pub homeserver: Url,
    /// The homeserver's name, the part of user ids after the colon.
    pub server_name: String,
    /// Where to listen for the homeserver, for instance `127.0.0.1:9100`; the registration's `url` leads here.
    pub listen: SocketAddr,
    /// Folder of the store. Relative paths start at the configuration file.
    pub data_dir: PathBuf,
    /// The registration file that the homeserver reads too.
    pub registration: PathBuf,
    /// The language of rooms that have chosen none: `ru` (default) or `en`.
    #[serde(default)]
    pub language: Lang,
    /// The bot's displayed name.
    #[serde(default = "default_display_name")]
    pub display_name: String,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
}

/// `[limits]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Games that may wait or be played in a room at once.
    pub games_per_room: usize,
    /// Messages in a room after which a board is posted again instead of edited far above.
    pub repost_after: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { games_per_room: 10, repost_after: 12 }
    }
}

fn default_display_name() -> String {
    "Игры".to_owned()
}

impl Config {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("in the configuration {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.data_dir = folder.join(&config.data_dir);
        config.registration = folder.join(&config.registration);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("games.toml");
        let least = "homeserver = 'http://127.0.0.1:8008'\nserver_name = 'academy.example'\nlisten = '127.0.0.1:9100'\n\
                     data_dir = 'data'\nregistration = '/etc/games.yaml'\n";
        std::fs::write(&path, least).unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.data_dir, folder.path().join("data"));
        assert_eq!(config.registration, Path::new("/etc/games.yaml"));
        assert_eq!((config.language, config.limits.games_per_room), (Lang::Ru, 10));
        std::fs::write(&path, format!("{least}limitz = 1\n")).unwrap();
        let error = format!("{:#}", Config::read(&path).unwrap_err());
        assert!(error.contains("limitz"), "{error}");
    }
}
