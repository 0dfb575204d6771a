//! Events that relate to others (`m.relates_to`): who relates to whom without the contents, and pages of whole events.

use std::sync::Arc;

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, events::TimelineEventType};

use super::{
    db::{Db, Query, Row, sql},
    events::{event, select_events},
};
use crate::event::{Event, Position};

/// Relations that one answer looks at, at most; of more the newest count.
pub const MOST: usize = 20_000;
/// Parents in one statement.
const PARENTS: usize = 1_000;
/// What the content of an edit holds; of an encrypted one it is not to be seen.
const NEW_CONTENT: &str = "\"m.new_content\":";

/// A relation without the content of the event that makes it.
#[derive(Clone, Debug)]
pub struct Related {
    /// What it relates to.
    pub parent: OwnedEventId,
    /// `m.replace`, `m.thread`, `m.reference`, …
    pub rel_type: String,
    /// The relating event's place in the stream.
    pub position: Position,
    /// Its id.
    pub event_id: OwnedEventId,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// Its type.
    pub kind: TimelineEventType,
    /// Whether it is a state event.
    pub is_state: bool,
    /// When it was sent, in milliseconds.
    pub origin_server_ts: i64,
}

impl Related {
    /// The relation that an event in memory makes, if it is one that is bundled: as [`fn@bundled`] reads it.
    pub fn bundled(event: &Event) -> Option<Self> {
        let relation = event.relation.as_ref()?;
        let counts = match relation.rel_type.as_str() {
            "m.thread" | "m.reference" => true,
            "m.replace" => {
                let encrypted = event.kind == TimelineEventType::RoomEncrypted;
                event.state_key.is_none() && (encrypted || event.content.get().contains(NEW_CONTENT))
            }
            _ => false,
        };
        counts.then(|| Self {
            parent: relation.event_id.clone(),
            rel_type: relation.rel_type.clone(),
            position: event.position,
            event_id: event.event_id.clone(),
            room_id: event.room_id.clone(),
            sender: event.sender.clone(),
            kind: event.kind.clone(),
            is_state: event.state_key.is_some(),
            origin_server_ts: event.origin_server_ts,
        })
    }
}

/// The columns of a [`Related`].
macro_rules! select_related {
    ($rest:literal) => {
        concat!(
            "SELECT e.relates_to, e.rel_type, e.position, e.event_id, e.room_id, e.sender, e.type, e.state_key, ",
            "e.origin_server_ts FROM events e ",
            $rest
        )
    };
}

fn related(row: &Row) -> sqlx::Result<Related> {
    Ok(Related {
        parent: row.parse("relates_to")?,
        rel_type: row.get("rel_type")?,
        position: row.get("position")?,
        event_id: row.parse("event_id")?,
        room_id: row.parse("room_id")?,
        sender: row.parse("sender")?,
        kind: row.get::<String>("type")?.into(),
        is_state: row.get::<Option<String>>("state_key")?.is_some(),
        origin_server_ts: row.get("origin_server_ts")?,
    })
}

/// Runs a statement for all parents, some of them at a time. Its first parameter is the limit, its list the parents.
async fn for_parents(db: &Db, query: &Query, parents: &[&EventId], limit: usize) -> sqlx::Result<Vec<Related>> {
    let mut found = Vec::new();
    for some in parents.chunks(PARENTS) {
        let left = limit - found.len();
        if left == 0 {
            break;
        }
        let rows = query.clone().bind(left as i64).bind_list(some.iter().copied()).all(db).await?;
        for row in &rows {
            found.push(related(row)?);
        }
    }
    Ok(found)
}

/// The relations to any of several events that are bundled with them: valid edits, threads, references. At most
/// [`MOST`], in no order. What was redacted relates to nothing any more.
pub async fn bundled(db: &Db, parents: &[&EventId]) -> sqlx::Result<Vec<Related>> {
    // The sum keeps the engines from reading all events by position for the sake of the order.
    let query = sql(select_related!(
        "WHERE (e.rel_type IN ('m.thread', 'm.reference') OR (e.rel_type = 'm.replace' AND e.state_key IS NULL \
         AND (e.type = 'm.room.encrypted' OR e.json LIKE '%\"m.new_content\":%'))) \
         AND e.relates_to IN (…) ORDER BY e.position + 0 DESC LIMIT $1"
    ));
    for_parents(db, &query, parents, MOST).await
}

/// Up to `limit` relations of any kind to any of several events, in no order.
pub async fn to_any(db: &Db, parents: &[&EventId], limit: usize) -> sqlx::Result<Vec<Related>> {
    let query = sql(select_related!("WHERE e.relates_to IN (…) ORDER BY e.position + 0 DESC LIMIT $1"));
    for_parents(db, &query, parents, limit).await
}

/// Up to `limit` events in the threads of a room, up to a position and newest first.
pub async fn in_threads(db: &Db, room_id: &RoomId, up_to: Position, limit: i64) -> sqlx::Result<Vec<Related>> {
    let query = sql(select_related!(
        "WHERE e.room_id = $1 AND e.rel_type = 'm.thread' AND e.position <= $2 ORDER BY e.position DESC LIMIT $3"
    ));
    query.bind(room_id).bind(up_to).bind(limit).all(db).await?.iter().map(related).collect()
}

/// Which events that relate to another are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What they relate to.
    pub parent: &'a EventId,
    /// How they relate to it.
    pub rel_type: Option<&'a str>,
    /// Their type.
    pub kind: Option<&'a str>,
    /// Only those past this position.
    pub after: Position,
    /// Only those up to this position.
    pub up_to: Position,
}

/// Up to `limit` events that relate to another, from the newest or from the oldest.
pub async fn page(db: &Db, wanted: &Wanted<'_>, newest_first: bool, limit: i64) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = if newest_first {
        sql(select_events!(
            "WHERE e.relates_to = $1 AND e.position > $2 AND e.position <= $3 AND ($4 = '' OR e.rel_type = $4) \
             AND ($5 = '' OR e.type = $5) ORDER BY e.position DESC LIMIT $6"
        ))
    } else {
        sql(select_events!(
            "WHERE e.relates_to = $1 AND e.position > $2 AND e.position <= $3 AND ($4 = '' OR e.rel_type = $4) \
             AND ($5 = '' OR e.type = $5) ORDER BY e.position ASC LIMIT $6"
        ))
    };
    query
        .bind(wanted.parent)
        .bind(wanted.after)
        .bind(wanted.up_to)
        .bind(wanted.rel_type.unwrap_or_default())
        .bind(wanted.kind.unwrap_or_default())
        .bind(limit)
        .all(db)
        .await?
        .iter()
        .map(event)
        .collect()
}
