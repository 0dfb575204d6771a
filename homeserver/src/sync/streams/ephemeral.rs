//! What passes in a room: who types, and how far people have read.

use ruma::{RoomId, events::AnySyncEphemeralRoomEvent, serde::Raw};
use serde_json::json;

use super::room::Asked;
use crate::{app::App, error::Result, sync::filter::type_wanted};

/// The typing and receipts of a room that moved since the last sync; all there is for one who is new to it.
pub async fn of_room(
    app: &App,
    asked: &Asked<'_>,
    room_id: &RoomId,
    newly: bool,
) -> Result<Vec<Raw<AnySyncEphemeralRoomEvent>>> {
    let filter = &asked.filter.room.ephemeral;
    let wanted = |kind: &str| type_wanted(filter.types.as_deref(), &filter.not_types, kind);
    let since = asked.since.filter(|_| !newly);
    let mut events = Vec::new();
    let typing_since = if newly { 0 } else { asked.since_ephemeral };
    if wanted("m.typing")
        && let Some(user_ids) = app.typing.since(room_id, typing_since)
    {
        let event = json!({ "type": "m.typing", "content": { "user_ids": user_ids } });
        events.push(Raw::from_json_string(event.to_string())?);
    }
    if wanted("m.receipt") && since.is_none_or(|since| app.notifier.receipts_moved(room_id, since)) {
        for content in app.receipts.since(room_id, since.unwrap_or(-1), asked.user_id).await? {
            let event = json!({ "type": "m.receipt", "content": content });
            events.push(Raw::from_json_string(event.to_string())?);
        }
    }
    Ok(events)
}
