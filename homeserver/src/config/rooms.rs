use ruma::RoomVersionId;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Rooms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// The room version of new rooms: "6" to "12".
    pub default_version: RoomVersionId,
}

impl Rooms {
    /// The room versions that this server speaks. Before version 6 an event may hold fractions, and before version 3 its
    /// sender names it; here all are canonical JSON and named by their hash.
    pub const VERSIONS: [RoomVersionId; 7] = [
        RoomVersionId::V6,
        RoomVersionId::V7,
        RoomVersionId::V8,
        RoomVersionId::V9,
        RoomVersionId::V10,
        RoomVersionId::V11,
        RoomVersionId::V12,
    ];

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if Self::VERSIONS.contains(&self.default_version) {
            return Ok(());
        }
        Err(ConfigError::Value { key: "rooms.default_version", problem: "write a version from \"6\" to \"12\"".into() })
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self { default_version: RoomVersionId::V12 }
    }
}
