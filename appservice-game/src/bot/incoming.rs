//! An event as the homeserver pushes it (Application Service API, "Pushing events"), reduced to what games need.

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::Value;

/// The event type of a move.
pub(super) const MOVE: &str = "org.parta.game.move";
/// The event type of everything else that a native board asks for.
pub(super) const ACTION: &str = "org.parta.game.action";

/// An event of a room.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    pub(super) event_id: OwnedEventId,
    pub(super) room_id: OwnedRoomId,
    pub(super) sender: OwnedUserId,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) state_key: Option<String>,
    #[serde(default)]
    pub(super) content: Value,
    #[serde(default)]
    pub(super) origin_server_ts: i64,
    /// What a redaction redacts, before room version 11.
    #[serde(default)]
    pub(super) redacts: Option<OwnedEventId>,
}

impl Incoming {
    /// Reads an event; one that cannot be read is skipped, for the homeserver would repeat it for ever.
    pub(super) fn read(event: &Value) -> Option<Self> {
        Self::deserialize(event)
            .inspect_err(|error| tracing::warn!(%error, "an event that cannot be read was skipped"))
            .ok()
    }

    /// Whether the bot looks at events of this type at all.
    pub(super) fn is_relevant(&self) -> bool {
        match self.kind.as_str() {
            "m.room.member" | "m.room.encryption" => self.state_key.is_some(),
            "m.room.message" | "m.room.redaction" | "m.reaction" | MOVE | ACTION => self.state_key.is_none(),
            _ => false,
        }
    }

    /// A string of the content.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.content.get(key)?.as_str()
    }

    fn relation(&self) -> Option<&Value> {
        self.content.get("m.relates_to")
    }

    /// `rel_type` of the relation.
    pub(super) fn relation_type(&self) -> Option<&str> {
        self.relation()?.get("rel_type")?.as_str()
    }

    /// The event this one relates to.
    pub(super) fn related(&self) -> Option<&EventId> {
        <&EventId>::try_from(self.relation()?.get("event_id")?.as_str()?).ok()
    }

    /// The event that this redaction redacts.
    pub(super) fn redacted(&self) -> Option<&EventId> {
        self.redacts.as_deref().or_else(|| <&EventId>::try_from(self.text("redacts")?).ok())
    }

    /// The event this one replies to.
    pub(super) fn replied_to(&self) -> Option<&EventId> {
        <&EventId>::try_from(self.relation()?.get("m.in_reply_to")?.get("event_id")?.as_str()?).ok()
    }

    /// `m.mentions.user_ids`.
    pub(super) fn mentioned(&self) -> Vec<OwnedUserId> {
        self.content
            .get("m.mentions")
            .and_then(|mentions| mentions.get("user_ids")?.as_array())
            .into_iter()
            .flatten()
            .take(16)
            .filter_map(|user| user.as_str()?.try_into().ok())
            .collect()
    }
}
