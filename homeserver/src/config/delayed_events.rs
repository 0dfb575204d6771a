use serde::{Deserialize, Serialize};

/// Events that people have sent later (MSC4140): scheduled messages, and leaving a call when the connection is gone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelayedEvents {
    /// The longest delay in seconds.
    pub max_delay_seconds: u64,
    /// How many may wait for one user.
    pub max_per_user: u64,
}

impl Default for DelayedEvents {
    fn default() -> Self {
        Self { max_delay_seconds: 30 * 24 * 60 * 60, max_per_user: 100 }
    }
}
