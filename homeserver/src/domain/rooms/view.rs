//! Events as a client is shown them: with `unsigned`, and with `room_id` where the endpoint says so.

use std::{collections::HashMap, sync::Arc};

use ruma::{DeviceId, OwnedEventId, UserId, events::StateEventType, serde::Raw};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    clock::Millis,
    domain::event::Event,
    error::Result,
    storage::{self, db::Db},
};

/// The state that one who is not in a room is shown, besides memberships.
/// <https://spec.matrix.org/v1.18/client-server-api/#stripped-state>
pub const SHOWN_OUTSIDE: [StateEventType; 8] = [
    StateEventType::RoomCreate,
    StateEventType::RoomName,
    StateEventType::RoomTopic,
    StateEventType::RoomAvatar,
    StateEventType::RoomJoinRules,
    StateEventType::RoomCanonicalAlias,
    StateEventType::RoomEncryption,
    StateEventType::RoomTombstone,
];

/// Who looks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// The device: it is told the transaction ids of what it sent.
    pub device_id: Option<&'a DeviceId>,
    /// Now, for the age of events.
    pub now: Millis,
    /// Whether the events carry their room's id.
    pub with_room_id: bool,
}

#[derive(Serialize)]
struct Unsigned<'a> {
    age: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a OwnedEventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
}

impl Viewer<'_> {
    /// Events as this viewer is shown them, in the same order.
    pub async fn show<T>(&self, db: &Db, events: &[Arc<Event>]) -> Result<Vec<Raw<T>>> {
        let redactions: Vec<OwnedEventId> = events.iter().filter_map(|event| event.redacted_by.clone()).collect();
        let mut because = HashMap::new();
        if !redactions.is_empty() {
            for redaction in storage::events::get_many(db, &redactions).await? {
                because.insert(redaction.event_id.clone(), redaction);
            }
        }
        events.iter().map(|event| self.show_with(event, &because)).collect()
    }

    fn show_with<T>(&self, event: &Event, because: &HashMap<OwnedEventId, Arc<Event>>) -> Result<Raw<T>> {
        let own = event.sender == self.user_id;
        let transaction = event.transaction.as_ref().filter(|t| own && Some(&*t.device_id) == self.device_id);
        let redaction = event.redacted_by.as_ref().and_then(|id| because.get(id));
        let unsigned = Unsigned {
            age: (self.now - event.origin_server_ts).max(0),
            transaction_id: transaction.map(|t| t.txn_id.as_str()),
            prev_content: event.prev_content.as_deref(),
            replaces_state: event.replaces.as_ref(),
            redacted_because: redaction
                .map(|redaction| RawValue::from_string(redaction.with(Some(&redaction.room_id), None)))
                .transpose()?,
        };
        let room_id = self.with_room_id.then_some(&*event.room_id);
        Ok(Raw::from_json_string(event.with(room_id, Some(&serde_json::to_string(&unsigned)?)))?)
    }
}
