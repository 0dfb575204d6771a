//! The timeline of a room: its last events, and whether some were left out.

use std::sync::Arc;

use ruma::{UserId, api::client::filter::RoomEventFilter};

use crate::{
    domain::{
        event::{Event, Position},
        rooms::{history::Sight, state::RoomState},
    },
    error::Result,
    storage::{self, db::Db},
    sync::filter::event_wanted,
};

/// Events in a timeline unless the filter says otherwise.
pub const DEFAULT_LIMIT: usize = 10;
/// The most that a filter may ask for.
pub const MAX_LIMIT: usize = 1000;

/// Events asked for at once where the first ones were not wanted.
const PAGE: i64 = 500;
/// Events looked at for one timeline: where hardly any may be seen, the client pages back for the rest.
const MAX_LOOKED_AT: usize = 5_000;

/// A piece of a room's history up to the present.
#[derive(Debug)]
pub struct Timeline {
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// Whether events between the last sync and the first of these were left out.
    pub limited: bool,
    /// The place before the first of them.
    pub start: Position,
}

/// Which piece of history is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Events after this, or for a first look from the beginning.
    pub since: Option<Position>,
    /// Events up to this.
    pub up_to: Position,
}

/// The limit that a filter asks for.
pub fn limit(filter: &RoomEventFilter) -> usize {
    filter.limit.map_or(DEFAULT_LIMIT, |limit| (u64::from(limit) as usize).min(MAX_LIMIT))
}

/// The last events of a room within a span that the filter and the room's visibility let through. Nearly always they
/// are in memory.
pub async fn timeline(
    db: &Db,
    room: &RoomState,
    user_id: &UserId,
    sight: &Sight,
    filter: &RoomEventFilter,
    span: Span,
) -> Result<Timeline> {
    let limit = limit(filter);
    let since = span.since.unwrap_or(0);
    let wanted = |event: &Event| event_wanted(filter, event) && sight.sees(event, user_id);
    // Newest first, one more than the limit, to see whether there are more.
    let mut found: Vec<Arc<Event>> = Vec::new();
    let mut at = span.up_to;
    let mut more = true;
    for event in room.recent.iter().rev().filter(|event| event.position <= span.up_to) {
        if event.position <= since || found.len() > limit {
            more = false;
            break;
        }
        at = event.position - 1;
        if wanted(event) {
            found.push(event.clone());
        }
    }
    if room.recent_since <= since || found.len() > limit {
        more = false;
    }
    let mut looked_at = 0;
    while more && found.len() <= limit && looked_at < MAX_LOOKED_AT {
        let ask = if looked_at == 0 { (limit + 1 - found.len()).max(20) as i64 } else { PAGE };
        let page = storage::events::backwards(db, &room.room_id, since, at, ask).await?;
        more = page.len() as i64 == ask;
        looked_at += page.len();
        for event in page {
            at = event.position - 1;
            if found.len() <= limit && wanted(&event) {
                found.push(event);
            }
        }
    }
    let unfinished = more && found.len() <= limit;
    let limited = unfinished || found.len() > limit;
    found.truncate(limit);
    found.reverse();
    // Where the search was given up, the next page goes on from there.
    let first = found.first().map_or(span.up_to, |event| event.position - 1);
    let start = if unfinished { at } else { first };
    Ok(Timeline { events: found, limited, start })
}
