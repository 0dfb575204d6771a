use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Being found in the building's network without an address being typed: the server tells of itself by multicast DNS
/// (RFC 6762 and 6763, service `_parta._tcp`), and Parta's client offers it at the first sign-in. Only a server that
/// listens beyond its own machine does so.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discovery {
    /// Whether it tells.
    pub enabled: bool,
    /// What people know the academy by, for example `"Лицей № 5"`; without it they see the server's name.
    pub title: Option<String>,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { enabled: true, title: None }
    }
}

/// As many bytes of a title fit into its entry (RFC 6763, section 6.1: 255 with the entry's own name).
const LONGEST_TITLE: usize = 240;

impl Discovery {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match &self.title {
            Some(title) if title.len() > LONGEST_TITLE || title.chars().any(char::is_control) => {
                let problem = "write one line of at most 120 letters".into();
                Err(ConfigError::Value { key: "discovery.title", problem })
            }
            _ => Ok(()),
        }
    }
}
