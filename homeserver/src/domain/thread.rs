//! Which thread of a room an event belongs to.
//! <https://spec.matrix.org/v1.18/client-server-api/#threading>

use std::sync::Arc;

use ruma::{EventId, OwnedEventId, events::receipt::ReceiptThread};

use super::{event::Event, rooms::state::RoomState};
use crate::{
    error::Result,
    storage::{self, db::Db},
};

/// How many relations are followed to find a thread, as the specification recommends.
const HOPS: usize = 3;

/// An event of a room: from the room's last events, else from the database.
pub async fn find(db: &Db, room: &RoomState, event_id: &EventId) -> Result<Option<Arc<Event>>> {
    if let Some(event) = room.recent.iter().rev().find(|event| event.event_id == event_id) {
        return Ok(Some(event.clone()));
    }
    Ok(storage::events::get(db, event_id).await?.filter(|event| event.room_id == room.room_id))
}

/// The root of the thread that an event is in; `None` for the main timeline, where roots are too.
pub async fn root_of(db: &Db, room: &RoomState, event: &Event) -> Result<Option<OwnedEventId>> {
    let mut relation = event.relation.clone();
    for _ in 0..HOPS {
        match relation {
            None => return Ok(None),
            Some(to) if to.rel_type == "m.thread" => return Ok(Some(to.event_id)),
            Some(to) => relation = find(db, room, &to.event_id).await?.and_then(|parent| parent.relation.clone()),
        }
    }
    Ok(relation.filter(|to| to.rel_type == "m.thread").map(|to| to.event_id))
}

/// Whether a receipt for a thread may name an event: the event is in that thread, or it is the thread's root or relates
/// to it.
pub async fn holds(db: &Db, room: &RoomState, event: &Event, thread: &ReceiptThread) -> Result<bool> {
    let start = match thread {
        ReceiptThread::Unthreaded => return Ok(true),
        ReceiptThread::Main => return Ok(root_of(db, room, event).await?.is_none()),
        ReceiptThread::Thread(named) => named,
        _ => return Ok(false),
    };
    let mut at = event.event_id.clone();
    let mut relation = event.relation.clone();
    for _ in 0..=HOPS {
        if at == *start {
            return Ok(true);
        }
        let Some(to) = relation else { return Ok(false) };
        relation = find(db, room, &to.event_id).await?.and_then(|parent| parent.relation.clone());
        at = to.event_id;
    }
    Ok(false)
}
