//! From draft to event: the graph, the hashes, the event id, and the authorization rules of the room version.

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedEventId, OwnedRoomId, RoomVersionId,
    canonical_json::redact_content_in_place,
    events::{StateEventType, TimelineEventType},
    signatures::{content_hash, reference_hash},
    state_res::{auth_types_for_event, check_state_dependent_auth_rules, check_state_independent_auth_rules},
};
use serde_json::value::{RawValue, to_raw_value};

use super::state::RoomState;
use crate::{
    clock::Millis,
    domain::event::{Draft, Event, Graph, Parts, Position},
    error::{ApiError, Result},
};

/// Makes the next event of a room and checks that its sender may send it.
///
/// # Errors
///
/// `M_FORBIDDEN` where the room version's authorization rules say no, `M_TOO_LARGE` past 65,535 bytes.
pub fn next_event(room: &RoomState, draft: Draft, now: Millis, position: Position) -> Result<Event> {
    let event = assemble(room, room.room_id.clone(), draft, now, position)?;
    let rules = &room.rules.authorization;
    let allowed = if event.kind == TimelineEventType::RoomCreate {
        check_state_independent_auth_rules(rules, &event, |_| None::<Arc<Event>>)
    } else {
        check_state_dependent_auth_rules(rules, &event, |kind, key| room.get(kind, key).cloned())
    };
    match allowed {
        Ok(()) => Ok(event),
        Err(reason) => Err(ApiError::forbidden(sentence(&reason))),
    }
}

/// Makes the first event of a room and the room with it. From room version 12 the room's id is the event's hash, with
/// earlier versions it is `room_id`.
pub fn create_event(
    version: &RoomVersionId,
    room_id: OwnedRoomId,
    draft: Draft,
    now: Millis,
    position: Position,
) -> Result<(RoomState, Event)> {
    let unsupported = || {
        ApiError::new(
            http::StatusCode::BAD_REQUEST,
            ruma::api::error::ErrorKind::UnsupportedRoomVersion,
            format!("This server does not make rooms of version {version}."),
        )
    };
    let mut room = RoomState::new(room_id.clone(), version.clone()).ok_or_else(unsupported)?;
    let mut event = assemble(&room, room_id, draft, now, position)?;
    if names_itself(version) {
        let hash = event.event_id.as_str().trim_start_matches('$');
        room.room_id = OwnedRoomId::try_from(format!("!{hash}")).map_err(ApiError::internal)?;
        event.room_id = room.room_id.clone();
    }
    check_state_independent_auth_rules(&room.rules.authorization, &event, |_| None::<Arc<Event>>)
        .map_err(|reason| ApiError::invalid_param(sentence(&reason)))?;
    Ok((room, event))
}

/// Whether rooms of this version take their id from their create event.
fn names_itself(version: &RoomVersionId) -> bool {
    version.rules().is_some_and(|rules| rules.room_id_format == ruma::room_version_rules::RoomIdFormatVersion::V2)
}

fn assemble(room: &RoomState, room_id: OwnedRoomId, draft: Draft, now: Millis, position: Position) -> Result<Event> {
    check_length("type", &draft.kind.to_string())?;
    if let Some(key) = &draft.state_key {
        check_length("state_key", key)?;
    }
    let mut content = draft.content;
    // Room version 11 moved `redacts` into the content; clients are shown both places in every version.
    let top_level_redacts = !room.rules.redaction.content_field_redacts;
    if let Some(redacts) = &draft.redacts
        && !top_level_redacts
    {
        content.insert("redacts".into(), CanonicalJsonValue::String(redacts.to_string()));
    }
    let mut shown: Box<RawValue> = to_raw_value(&content)?;
    let auth_events =
        auth_types_for_event(&draft.kind, &draft.sender, draft.state_key.as_deref(), &shown, &room.rules.authorization)
            .map_err(|reason| ApiError::bad_json(sentence(&reason)))?
            .into_iter()
            .filter_map(|(kind, key)| Some(room.get(&kind, &key)?.event_id.clone()))
            .collect::<Vec<_>>();
    let mut graph = Graph {
        auth_events,
        prev_events: room.last_event.iter().cloned().collect(),
        depth: room.depth + 1,
        hash: String::new(),
    };
    let origin_server_ts = draft.origin_server_ts.unwrap_or(now);
    let own_name = draft.kind == TimelineEventType::RoomCreate && names_itself(&room.version);

    let mut pdu = CanonicalJsonObject::new();
    let ids = |ids: &[OwnedEventId]| {
        CanonicalJsonValue::Array(ids.iter().map(|id| CanonicalJsonValue::String(id.to_string())).collect())
    };
    let integer = |n: i64| {
        ruma::Int::try_from(n)
            .map(CanonicalJsonValue::Integer)
            .map_err(|_| ApiError::invalid_param("A number is out of range."))
    };
    pdu.insert("auth_events".into(), ids(&graph.auth_events));
    pdu.insert("prev_events".into(), ids(&graph.prev_events));
    pdu.insert("depth".into(), integer(graph.depth)?);
    pdu.insert("origin_server_ts".into(), integer(origin_server_ts)?);
    pdu.insert("sender".into(), CanonicalJsonValue::String(draft.sender.to_string()));
    pdu.insert("type".into(), CanonicalJsonValue::String(draft.kind.to_string()));
    if !own_name {
        pdu.insert("room_id".into(), CanonicalJsonValue::String(room_id.to_string()));
    }
    if let Some(key) = &draft.state_key {
        pdu.insert("state_key".into(), CanonicalJsonValue::String(key.clone()));
    }
    if let (Some(redacts), true) = (&draft.redacts, top_level_redacts) {
        pdu.insert("redacts".into(), CanonicalJsonValue::String(redacts.to_string()));
    }
    pdu.insert("content".into(), CanonicalJsonValue::Object(content));

    let too_large = |_| ApiError::too_large("This event is larger than 65,535 bytes. Send long texts as a file.");
    graph.hash = content_hash(&pdu).map_err(too_large)?.encode();
    pdu.insert(
        "hashes".into(),
        CanonicalJsonValue::Object([("sha256".to_owned(), CanonicalJsonValue::String(graph.hash.clone()))].into()),
    );
    let event_id = OwnedEventId::try_from(format!("${}", reference_hash(&pdu, &room.rules).map_err(too_large)?))
        .map_err(ApiError::internal)?;

    if let (Some(redacts), true) = (&draft.redacts, top_level_redacts)
        && let Some(CanonicalJsonValue::Object(mut content)) = pdu.remove("content")
    {
        content.insert("redacts".into(), CanonicalJsonValue::String(redacts.to_string()));
        shown = to_raw_value(&content)?;
    }
    let before =
        draft.state_key.as_deref().and_then(|key| room.get(&StateEventType::from(draft.kind.to_string()), key));
    let parts = Parts {
        position,
        event_id,
        room_id,
        sender: draft.sender,
        replaces: before.map(|event| event.event_id.clone()),
        prev_content: before.map(|event| event.content.clone()),
        kind: draft.kind,
        state_key: draft.state_key,
        origin_server_ts,
        graph,
        transaction: draft.transaction,
        redacted_by: None,
    };
    Ok(Event::sent(parts, shown, draft.redacts)?)
}

/// The longest type, state key or transaction id, in bytes.
/// <https://spec.matrix.org/v1.18/client-server-api/#size-limits>
const MAX_KEY: usize = 255;

/// Refuses what does not fit into the keys that events are found by.
pub(super) fn check_length(field: &str, text: &str) -> Result<()> {
    if text.len() > MAX_KEY {
        return Err(ApiError::too_large(format!("{field} has at most {MAX_KEY} bytes.")));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid_param(format!("{field} must not hold the character U+0000.")));
    }
    Ok(())
}

/// An event emptied by a redaction, by the rules of its room's version.
pub fn redacted(room: &RoomState, event: &Event, redaction: &OwnedEventId) -> Result<Event> {
    let mut content: CanonicalJsonObject = serde_json::from_str(event.content.get())?;
    redact_content_in_place(&mut content, &room.rules.redaction, event.kind.to_string());
    let parts = Parts {
        position: event.position,
        event_id: event.event_id.clone(),
        room_id: event.room_id.clone(),
        sender: event.sender.clone(),
        kind: event.kind.clone(),
        state_key: event.state_key.clone(),
        origin_server_ts: event.origin_server_ts,
        graph: event.graph.clone(),
        replaces: event.replaces.clone(),
        prev_content: None,
        transaction: event.transaction.clone(),
        redacted_by: Some(redaction.clone()),
    };
    let redacts = event.redacts.clone().filter(|_| room.rules.redaction.keep_room_redaction_redacts);
    Ok(Event::sent(parts, to_raw_value(&content)?, redacts)?)
}

/// The rules' own words as a sentence.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let mut out: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    out.extend(letters);
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests;
