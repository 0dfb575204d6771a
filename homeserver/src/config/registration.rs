use serde::{Deserialize, Serialize};

/// How people come to an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// Whether people may register themselves at all.
    pub enabled: bool,
    /// Whether they need a registration token for it.
    pub token_required: bool,
    /// A secret with which tools register accounts at `/_synapse/admin/v1/register`; off unless set.
    pub shared_secret: Option<String>,
}

impl Default for Registration {
    fn default() -> Self {
        Self { enabled: true, token_required: true, shared_secret: None }
    }
}

impl Registration {
    /// Open to everybody: the developer's mode.
    pub fn open() -> Self {
        Self { enabled: true, token_required: false, shared_secret: None }
    }
}
