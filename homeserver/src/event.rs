//! An event as this server keeps it, and the draft it is made from.

use std::sync::{Arc, OnceLock};

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, EventId, MilliSecondsSinceUnixEpoch, OwnedDeviceId, OwnedEventId,
    OwnedRoomId, OwnedTransactionId, OwnedUserId, RoomId, UserId,
    events::{StateEventType, TimelineEventType, room::member::MembershipState},
    push::FlattenedJson,
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{clock::Millis, error::ApiError};

/// A position in the server's one stream of changes.
pub type Position = i64;

/// An event of a room. Immutable and shared: its JSON is serialised once, for all who receive it.
#[derive(Debug)]
pub struct Event {
    /// Its place in the stream.
    pub position: Position,
    /// The reference hash.
    pub event_id: OwnedEventId,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// Its type.
    pub kind: TimelineEventType,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// When it was sent.
    pub origin_server_ts: Millis,
    /// The content.
    pub content: Box<RawValue>,
    /// The event as `/sync` shows it, without `room_id` and `unsigned`.
    pub json: Arc<str>,
    /// What ties it into the room's graph.
    pub graph: Graph,
    /// The state event that this one replaced.
    pub replaces: Option<OwnedEventId>,
    /// That event's content.
    pub prev_content: Option<Box<RawValue>>,
    /// The transaction it came by.
    pub transaction: Option<Transaction>,
    /// What it relates to (`m.relates_to`).
    pub relation: Option<Relation>,
    /// The redaction that emptied it.
    pub redacted_by: Option<OwnedEventId>,
    /// For a redaction, what it redacts.
    pub redacts: Option<OwnedEventId>,
    /// For `m.room.member`, the membership.
    pub membership: Option<MembershipState>,
    flattened: OnceLock<FlattenedJson>,
}

/// The fields of a PDU that clients do not see.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Graph {
    /// The events that authorise it.
    pub auth_events: Vec<OwnedEventId>,
    /// The event before it; a server without federation has a straight line.
    pub prev_events: Vec<OwnedEventId>,
    /// Its distance from the room's beginning.
    pub depth: i64,
    /// SHA-256 of the content, unpadded base64.
    pub hash: String,
}

/// A client's transaction id and the device it holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The sending device.
    pub device_id: OwnedDeviceId,
    /// The client's own id for the request.
    pub txn_id: OwnedTransactionId,
}

/// `m.relates_to` of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The event related to.
    pub event_id: OwnedEventId,
    /// `m.annotation`, `m.replace`, `m.thread`, `m.reference`.
    pub rel_type: String,
    /// For an annotation, its key.
    pub key: Option<String>,
}

/// An event that is yet to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who sends it.
    pub sender: OwnedUserId,
    /// Its type.
    pub kind: TimelineEventType,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// The content.
    pub content: CanonicalJsonObject,
    /// For a redaction, what it redacts.
    pub redacts: Option<OwnedEventId>,
    /// The transaction it came by.
    pub transaction: Option<Transaction>,
    /// A time other than now (application services may say so).
    pub origin_server_ts: Option<Millis>,
    /// The words by which it is found, if they are known already: the journal has better things to do.
    pub words: Option<String>,
    /// The delayed event that it was; its row goes when it is sent.
    pub delay_id: Option<String>,
}

impl Draft {
    /// A message event.
    pub fn message(sender: &UserId, kind: TimelineEventType, content: CanonicalJsonObject) -> Self {
        Self {
            sender: sender.to_owned(),
            kind,
            state_key: None,
            content,
            redacts: None,
            transaction: None,
            origin_server_ts: None,
            words: None,
            delay_id: None,
        }
    }

    /// A state event.
    pub fn state(
        sender: &UserId,
        kind: StateEventType,
        state_key: impl Into<String>,
        content: CanonicalJsonObject,
    ) -> Self {
        Self { state_key: Some(state_key.into()), ..Self::message(sender, kind.to_string().into(), content) }
    }
}

/// A client's JSON as canonical JSON: integers only, within 53 bits, as every event since room version 6 must be.
///
/// # Errors
///
/// `M_BAD_JSON` for anything but an object, or a number that is no such integer.
pub fn canonical(content: &RawValue) -> Result<CanonicalJsonObject, ApiError> {
    match serde_json::from_str(content.get()) {
        Ok(CanonicalJsonValue::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::bad_json("The content of an event is a JSON object.")),
        Err(e) => Err(ApiError::bad_json(format!("The content is not canonical JSON (whole numbers only): {e}"))),
    }
}

/// Any serialisable content as canonical JSON.
pub fn canonical_content(content: &impl Serialize) -> Result<CanonicalJsonObject, ApiError> {
    match ruma::canonical_json::to_canonical_value(content) {
        Ok(CanonicalJsonValue::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::bad_json("The content of an event is a JSON object.")),
        Err(e) => Err(ApiError::bad_json(format!("The content is not canonical JSON: {e}"))),
    }
}

/// The JSON that clients see in `/sync`.
#[derive(Serialize)]
struct SyncFormat<'a> {
    content: &'a RawValue,
    event_id: &'a EventId,
    origin_server_ts: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacts: Option<&'a EventId>,
    sender: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_key: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// What is known of an event before it is put together: from a draft that was sent, or from a row that was read.
#[derive(Debug)]
pub struct Parts {
    /// Its place in the stream.
    pub position: Position,
    /// The reference hash.
    pub event_id: OwnedEventId,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// Its type.
    pub kind: TimelineEventType,
    /// For a state event, its key.
    pub state_key: Option<String>,
    /// When it was sent.
    pub origin_server_ts: Millis,
    /// What ties it into the room's graph.
    pub graph: Graph,
    /// The state event that this one replaced.
    pub replaces: Option<OwnedEventId>,
    /// That event's content.
    pub prev_content: Option<Box<RawValue>>,
    /// The transaction it came by.
    pub transaction: Option<Transaction>,
    /// The redaction that emptied it.
    pub redacted_by: Option<OwnedEventId>,
}

/// The little that is read out of every content.
#[derive(Deserialize)]
struct Peek {
    #[serde(default, rename = "m.relates_to", deserialize_with = "lenient")]
    relates_to: Option<PeekRelation>,
    #[serde(default, deserialize_with = "lenient")]
    membership: Option<MembershipState>,
    #[serde(default, deserialize_with = "lenient")]
    redacts: Option<OwnedEventId>,
}

#[derive(Deserialize)]
struct PeekRelation {
    event_id: OwnedEventId,
    rel_type: String,
    #[serde(default)]
    key: Option<String>,
}

/// A field of the wrong type counts as absent: content is the client's own.
fn lenient<'de, D: serde::Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[derive(Deserialize)]
struct StoredFormat<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    redacts: Option<OwnedEventId>,
}

impl Event {
    /// Puts a sent event together and serialises it.
    pub fn sent(
        parts: Parts,
        content: Box<RawValue>,
        redacts: Option<OwnedEventId>,
    ) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_string(&SyncFormat {
            content: &content,
            event_id: &parts.event_id,
            origin_server_ts: parts.origin_server_ts,
            redacts: redacts.as_deref(),
            sender: &parts.sender,
            state_key: parts.state_key.as_deref(),
            kind: &parts.kind.to_string(),
        })?;
        Ok(Self::assemble(parts, content, redacts, json.into()))
    }

    /// Puts a stored event together.
    pub fn stored(parts: Parts, json: String) -> Result<Self, serde_json::Error> {
        let stored: StoredFormat<'_> = serde_json::from_str(&json)?;
        let (content, redacts) = (stored.content.to_owned(), stored.redacts);
        Ok(Self::assemble(parts, content, redacts, json.into()))
    }

    fn assemble(parts: Parts, content: Box<RawValue>, redacts: Option<OwnedEventId>, json: Arc<str>) -> Self {
        let peek =
            serde_json::from_str(content.get()).unwrap_or(Peek { relates_to: None, membership: None, redacts: None });
        let is_member = parts.kind == TimelineEventType::RoomMember;
        let is_redaction = parts.kind == TimelineEventType::RoomRedaction;
        Self {
            position: parts.position,
            event_id: parts.event_id,
            room_id: parts.room_id,
            sender: parts.sender,
            kind: parts.kind,
            state_key: parts.state_key,
            origin_server_ts: parts.origin_server_ts,
            json,
            graph: parts.graph,
            replaces: parts.replaces,
            prev_content: parts.prev_content,
            transaction: parts.transaction,
            relation: peek.relates_to.map(|r| Relation { event_id: r.event_id, rel_type: r.rel_type, key: r.key }),
            redacted_by: parts.redacted_by,
            redacts: redacts.or(if is_redaction { peek.redacts } else { None }),
            membership: peek.membership.filter(|_| is_member),
            content,
            flattened: OnceLock::new(),
        }
    }

    /// The same event with another `prev_content`: the event that it replaced was redacted.
    #[must_use]
    pub fn with_prev_content(&self, prev_content: Box<RawValue>) -> Self {
        Self {
            position: self.position,
            event_id: self.event_id.clone(),
            room_id: self.room_id.clone(),
            sender: self.sender.clone(),
            kind: self.kind.clone(),
            state_key: self.state_key.clone(),
            origin_server_ts: self.origin_server_ts,
            content: self.content.clone(),
            json: self.json.clone(),
            graph: self.graph.clone(),
            replaces: self.replaces.clone(),
            prev_content: Some(prev_content),
            transaction: self.transaction.clone(),
            relation: self.relation.clone(),
            redacted_by: self.redacted_by.clone(),
            redacts: self.redacts.clone(),
            membership: self.membership.clone(),
            flattened: self.flattened.clone(),
        }
    }

    /// The content as a type of the specification; `None` if it is not so shaped.
    pub fn content_as<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.content.get()).ok()
    }

    /// A string field of the content.
    pub fn content_str(&self, field: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(self.content.get()).ok()?;
        value.get(field)?.as_str().map(str::to_owned)
    }

    /// The type as a state event's.
    pub fn state_type(&self) -> StateEventType {
        self.kind.to_string().into()
    }

    /// The event flattened for push rules, computed once.
    pub fn flattened(&self) -> &FlattenedJson {
        self.flattened.get_or_init(|| {
            let raw: Raw<serde_json::Value> = Raw::from_json_string(self.with(Some(&self.room_id), None))
                .unwrap_or_else(|_| Raw::from_json(RawValue::NULL.to_owned()));
            FlattenedJson::from_raw(&raw)
        })
    }

    /// The event as JSON with the room's id and an `unsigned` object spliced in.
    pub fn with(&self, room_id: Option<&RoomId>, unsigned: Option<&str>) -> String {
        let mut out = String::with_capacity(self.json.len() + 64 + unsigned.map_or(0, str::len));
        match room_id {
            // Identifiers hold no character that JSON would escape but quotes and backslashes, which they never have.
            Some(id) => {
                out.push_str("{\"room_id\":");
                out.push_str(&serde_json::to_string(id).unwrap_or_default());
                out.push(',');
            }
            None => out.push('{'),
        }
        out.push_str(&self.json[1..self.json.len() - 1]);
        if let Some(unsigned) = unsigned {
            out.push_str(",\"unsigned\":");
            out.push_str(unsigned);
        }
        out.push('}');
        out
    }

    /// The stripped form of a state event, for those who are not in the room.
    pub fn stripped(&self) -> String {
        #[derive(Serialize)]
        struct Stripped<'a> {
            content: &'a RawValue,
            sender: &'a UserId,
            state_key: &'a str,
            #[serde(rename = "type")]
            kind: String,
        }
        let stripped = Stripped {
            content: &self.content,
            sender: &self.sender,
            state_key: self.state_key.as_deref().unwrap_or_default(),
            kind: self.kind.to_string(),
        };
        serde_json::to_string(&stripped).unwrap_or_else(|_| "{}".to_owned())
    }
}

impl ruma::state_res::Event for Event {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        // From room version 12 the create event has no room id: the room's id is its hash.
        let creates = self.kind == TimelineEventType::RoomCreate && self.room_id.server_name().is_none();
        (!creates).then_some(&self.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        crate::clock::to_matrix(self.origin_server_ts)
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.graph.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.graph.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        self.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        false
    }
}
