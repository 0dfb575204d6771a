use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where data is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://user:password@host/database` or `sqlite:/path/to/file`; by default `parta.db` in `server.data_dir`.
    pub url: Option<String>,
    /// Connections for reading.
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, connections: 4 }
    }
}

impl Database {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.url.as_deref() {
            Some(url) if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) => {
                let problem = "write sqlite:/path/to/file or postgres://user:password@host/database".into();
                Err(ConfigError::Value { key: "database.url", problem })
            }
            _ => Ok(()),
        }
    }
}
