use ruma::RoomVersionId;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Rooms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// The room version of new rooms: "10", "11" or "12".
    pub default_version: RoomVersionId,
}

impl Rooms {
    /// The room versions that this server speaks.
    pub const VERSIONS: [RoomVersionId; 3] = [RoomVersionId::V10, RoomVersionId::V11, RoomVersionId::V12];

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if Self::VERSIONS.contains(&self.default_version) {
            return Ok(());
        }
        Err(ConfigError::Value { key: "rooms.default_version", problem: "write \"10\", \"11\" or \"12\"".into() })
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self { default_version: RoomVersionId::V12 }
    }
}
