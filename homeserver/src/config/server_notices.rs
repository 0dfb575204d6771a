use serde::{Deserialize, Serialize};

/// Notices that the server sends to single people, each in a room that it makes for them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerNotices {
    /// The name of the user who sends them, without the server's. The account is made at the first notice.
    pub localpart: String,
    /// How that user is shown.
    pub display_name: String,
    /// What the rooms are called.
    pub room_name: String,
}

impl Default for ServerNotices {
    fn default() -> Self {
        Self { localpart: "notices".into(), display_name: "Parta".into(), room_name: "Parta".into() }
    }
}
