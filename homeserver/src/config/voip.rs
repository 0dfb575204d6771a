use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Calls.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Voip {
    /// Addresses of TURN servers, which carry a call where there is no direct way, for example
    /// `turn:turn.parta.school?transport=udp`.
    pub turn_uris: Vec<String>,
    /// The secret that the TURN servers share with this one (coturn: `static-auth-secret`).
    pub turn_secret: Option<String>,
    /// How many seconds a client may use the credentials that it is given.
    pub turn_lifetime_seconds: u64,
}

impl Default for Voip {
    fn default() -> Self {
        Self { turn_uris: Vec::new(), turn_secret: None, turn_lifetime_seconds: 86_400 }
    }
}

impl Voip {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.turn_uris.iter().any(|uri| !uri.starts_with("turn:") && !uri.starts_with("turns:")) {
            let problem = "write turn:HOST:PORT?transport=udp, or turns:HOST:PORT for TLS".into();
            return Err(ConfigError::Value { key: "voip.turn_uris", problem });
        }
        if !self.turn_uris.is_empty() && self.turn_secret.as_deref().unwrap_or_default().is_empty() {
            let problem = "write the secret of the TURN servers (coturn: static-auth-secret)".into();
            return Err(ConfigError::Value { key: "voip.turn_secret", problem });
        }
        Ok(())
    }
}
