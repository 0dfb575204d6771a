//! The authorization rules of every room version, run through the functions that make the server's events.

mod properties;
mod rules;

use std::sync::Arc;

use ruma::{OwnedEventId, OwnedUserId, RoomId, RoomVersionId, UserId, events::StateEventType, owned_room_id};
use serde_json::{Value, json};

use super::{create_event, next_event};
use crate::{
    domain::{
        event::{Draft, Event, canonical_content},
        rooms::{create::create_content, state::RoomState},
    },
    error::Result,
};

const NOW: i64 = 1_700_000_000_000;

/// A room to which events are added as the journal adds them.
struct Room {
    state: RoomState,
    events: Vec<Arc<Event>>,
}

impl Room {
    /// A room of which nothing is there but its create event, made by `a`.
    fn created(version: &RoomVersionId, content: Value) -> Self {
        let creator = user("a");
        let content = create_content(canonical_content(&content).unwrap(), version, &creator, &[]).unwrap();
        let draft = Draft::state(&creator, StateEventType::RoomCreate, "", content);
        let (mut state, event) =
            create_event(version, owned_room_id!("!room:parta.test"), draft, NOW, 1).expect("the create event is good");
        let event = Arc::new(event);
        state.apply(&event);
        Self { state, events: vec![event] }
    }

    /// Makes the next event, as the journal does: by [`next_event`] or not at all.
    fn append(&mut self, draft: Draft) -> Result<Arc<Event>> {
        let n = self.state.position + 1;
        let event = Arc::new(next_event(&self.state, draft, NOW + n, n)?);
        self.state.apply(&event);
        self.events.push(event.clone());
        Ok(event)
    }

    fn event(&self, id: &OwnedEventId) -> Option<Arc<Event>> {
        self.events.iter().find(|event| event.event_id == *id).cloned()
    }

    /// The content of the power levels, empty if there are none.
    fn levels(&self) -> Value {
        levels_of(&self.state)
    }
}

/// The content of a room's power levels, empty if there are none.
fn levels_of(room: &RoomState) -> Value {
    room.get(&StateEventType::RoomPowerLevels, "").and_then(|event| event.content_as()).unwrap_or_else(|| json!({}))
}

/// `@a:parta.test` for `a`, and for `x` somebody of another server.
fn user(name: &str) -> OwnedUserId {
    let server = if name == "x" { "other.test" } else { "parta.test" };
    UserId::parse(format!("@{name}:{server}")).expect("a user id")
}

/// State that `sender` sets.
fn state(sender: &UserId, kind: &str, key: &str, content: &Value) -> Draft {
    Draft::state(sender, kind.into(), key, canonical_content(content).unwrap())
}

/// One value laid over another: what is `null` is removed (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

/// Whether a room's id is the hash of its create event.
fn is_hash(room_id: &RoomId) -> bool {
    room_id.server_name().is_none()
}
