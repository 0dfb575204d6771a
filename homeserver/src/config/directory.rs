use serde::{Deserialize, Serialize};

/// Finding people.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// Whether one finds every user: right for a school. Else one finds those in public rooms and in rooms of one's own.
    pub everybody: bool,
}

impl Default for Directory {
    fn default() -> Self {
        Self { everybody: true }
    }
}
