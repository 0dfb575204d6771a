//! Events as a client is shown them: with `unsigned`, and with `room_id` where the endpoint says so.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ruma::{
    DeviceId, OwnedEventId, UserId,
    events::{StateEventType, room::member::MembershipState},
    serde::Raw,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    history::Sight,
    relations::{self, Aggregate},
    state::RoomState,
};
use crate::{
    clock::Millis,
    domain::{
        event::{Event, Position},
        sessions::Requester,
    },
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
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<&'a MembershipState>,
    #[serde(rename = "m.relations", skip_serializing_if = "Option::is_none")]
    relations: Option<&'a Relations>,
}

/// What relates to an event, as clients are shown it.
/// <https://spec.matrix.org/v1.18/client-server-api/#aggregations-of-child-events>
#[derive(Serialize)]
struct Relations {
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    replace: Option<Box<RawValue>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<Thread>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    reference: Option<References>,
}

#[derive(Serialize)]
struct Thread {
    latest_event: Box<RawValue>,
    count: u64,
    current_user_participated: bool,
}

#[derive(Serialize)]
struct References {
    chunk: Vec<Reference>,
}

#[derive(Serialize)]
struct Reference {
    event_id: OwnedEventId,
}

/// What an event is shown with besides what it holds itself.
#[derive(Clone, Copy, Default)]
struct Beside<'a> {
    redaction: Option<&'a Event>,
    membership: Option<&'a MembershipState>,
    relations: Option<&'a Relations>,
}

impl<'a> Viewer<'a> {
    /// One who calls an endpoint. All but a sync carry the room's id.
    pub fn new(caller: &'a Requester, now: Millis) -> Self {
        Self { user_id: &caller.user_id, device_id: caller.device_id.as_deref(), now, with_room_id: true }
    }

    /// Events as this viewer is shown them, in the same order, without what relates to them: for state.
    pub async fn show<T>(&self, db: &Db, events: &[Arc<Event>]) -> Result<Vec<Raw<T>>> {
        Ok(raw(self.shown(db, events).await?))
    }

    async fn shown(&self, db: &Db, events: &[Arc<Event>]) -> Result<Vec<Box<RawValue>>> {
        let because = redactions(db, events).await?;
        let shown =
            events.iter().map(|event| self.json(event, Beside { redaction: because.of(event), ..Beside::default() }));
        shown.collect()
    }

    /// Events of a room's history as this viewer is shown them, in the same order: with what relates to them and what the
    /// viewer was to the room at their time.
    pub async fn show_in<T>(
        &self,
        db: &Db,
        room: &RoomState,
        sight: &Sight,
        events: &[Arc<Event>],
    ) -> Result<Vec<Raw<T>>> {
        Ok(raw(self.shown_in(db, room, sight, events).await?))
    }

    async fn shown_in(
        &self,
        db: &Db,
        room: &RoomState,
        sight: &Sight,
        events: &[Arc<Event>],
    ) -> Result<Vec<Box<RawValue>>> {
        let because = redactions(db, events).await?;
        let relations = self.relations(db, room, sight, events).await?;
        let shown = events.iter().map(|event| {
            let beside = Beside {
                redaction: because.of(event),
                membership: sight.membership_at(event.position),
                relations: relations.get(&event.event_id),
            };
            self.json(event, beside)
        });
        shown.collect()
    }

    /// What relates to some events, by their ids.
    async fn relations(
        &self,
        db: &Db,
        room: &RoomState,
        sight: &Sight,
        events: &[Arc<Event>],
    ) -> Result<HashMap<OwnedEventId, Relations>> {
        let aggregates = relations::of(db, room, sight, self.user_id, events).await?;
        if aggregates.is_empty() {
            return Ok(HashMap::new());
        }
        let children = relations::at(db, room, &positions(&aggregates)).await?;
        // The last event of a thread is shown with what relates to it in turn.
        let latest = aggregates.values().filter_map(|aggregate| children.get(&aggregate.thread.as_ref()?.latest));
        let latest: Vec<Arc<Event>> = latest.cloned().collect();
        let of_latest = relations::of(db, room, sight, self.user_id, &latest).await?;
        let grandchildren = relations::at(db, room, &positions(&of_latest)).await?;
        let none = HashMap::new();
        let nested: HashMap<OwnedEventId, Relations> = of_latest
            .into_iter()
            .map(|(id, aggregate)| Ok((id, self.shown_relations(aggregate, &grandchildren, &none, sight)?)))
            .collect::<Result<_>>()?;
        aggregates
            .into_iter()
            .map(|(id, aggregate)| Ok((id, self.shown_relations(aggregate, &children, &nested, sight)?)))
            .collect()
    }

    fn shown_relations(
        &self,
        aggregate: Aggregate,
        children: &HashMap<Position, Arc<Event>>,
        nested: &HashMap<OwnedEventId, Relations>,
        sight: &Sight,
    ) -> Result<Relations> {
        let child = |position: Position| -> Result<Option<Box<RawValue>>> {
            let Some(event) = children.get(&position) else { return Ok(None) };
            let membership = sight.membership_at(position);
            let beside = Beside { membership, relations: nested.get(&event.event_id), ..Beside::default() };
            Ok(Some(self.json(event, beside)?))
        };
        let replace = match aggregate.edit {
            Some(edit) => child(edit.position)?,
            None => None,
        };
        let thread = match aggregate.thread {
            Some(thread) => child(thread.latest)?.map(|latest_event| Thread {
                latest_event,
                count: thread.count,
                current_user_participated: thread.participated,
            }),
            None => None,
        };
        let chunk: Vec<Reference> = aggregate.references.into_iter().map(|event_id| Reference { event_id }).collect();
        Ok(Relations { replace, thread, reference: (!chunk.is_empty()).then_some(References { chunk }) })
    }

    fn json(&self, event: &Event, beside: Beside<'_>) -> Result<Box<RawValue>> {
        let own = event.sender == self.user_id;
        let transaction = event.transaction.as_ref().filter(|t| own && Some(&*t.device_id) == self.device_id);
        let unsigned = Unsigned {
            age: (self.now - event.origin_server_ts).max(0),
            transaction_id: transaction.map(|t| t.txn_id.as_str()),
            prev_content: event.prev_content.as_deref(),
            replaces_state: event.replaces.as_ref(),
            redacted_because: beside
                .redaction
                .map(|redaction| RawValue::from_string(redaction.with(Some(&redaction.room_id), None)))
                .transpose()?,
            membership: beside.membership,
            relations: beside.relations,
        };
        let room_id = self.with_room_id.then_some(&*event.room_id);
        Ok(RawValue::from_string(event.with(room_id, Some(&serde_json::to_string(&unsigned)?)))?)
    }
}

/// Events as what the caller's type says that they are; only this is compiled for every such type.
fn raw<T>(shown: Vec<Box<RawValue>>) -> Vec<Raw<T>> {
    shown.into_iter().map(Raw::from_json).collect()
}

/// The places of the events that aggregates show whole.
fn positions(aggregates: &HashMap<OwnedEventId, Aggregate>) -> BTreeSet<Position> {
    let edits = aggregates.values().filter_map(|aggregate| Some(aggregate.edit.as_ref()?.position));
    let latest = aggregates.values().filter_map(|aggregate| Some(aggregate.thread.as_ref()?.latest));
    edits.chain(latest).collect()
}

/// Redactions by their ids.
struct Redactions(HashMap<OwnedEventId, Arc<Event>>);

impl Redactions {
    /// The redaction that emptied an event.
    fn of(&self, event: &Event) -> Option<&Event> {
        self.0.get(event.redacted_by.as_ref()?).map(|redaction| &**redaction)
    }
}

/// The redactions that emptied some events.
async fn redactions(db: &Db, events: &[Arc<Event>]) -> Result<Redactions> {
    let ids: Vec<OwnedEventId> = events.iter().filter_map(|event| event.redacted_by.clone()).collect();
    let mut found = HashMap::new();
    if !ids.is_empty() {
        for redaction in storage::events::get_many(db, &ids).await? {
            found.insert(redaction.event_id.clone(), redaction);
        }
    }
    Ok(Redactions(found))
}
