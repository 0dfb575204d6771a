//! Events: reading them by id, by place in a room, by relation.

use std::sync::Arc;

use ruma::{DeviceId, EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId, events::StateEventType};

use super::db::{Db, Query, Row, sql};
use crate::event::{Event, Parts, Position, Transaction};

/// The columns that [`event`] reads.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.position, e.event_id, e.room_id, e.sender, e.type, e.state_key, e.origin_server_ts, e.json, e.graph, ",
            "e.replaces, e.prev_content, e.device_id, e.txn_id, e.redacted_by FROM events e ",
            $rest
        )
    };
}
pub(super) use select_events;

/// A row as an event.
pub(super) fn event(row: &Row) -> sqlx::Result<Arc<Event>> {
    let json = |e: serde_json::Error| sqlx::Error::Decode(e.into());
    let transaction = match (row.get::<Option<String>>("device_id")?, row.get::<Option<String>>("txn_id")?) {
        (Some(device_id), Some(txn_id)) => Some(Transaction { device_id: device_id.into(), txn_id: txn_id.into() }),
        _ => None,
    };
    let optional_id = |column: &str| -> sqlx::Result<Option<OwnedEventId>> {
        row.get::<Option<String>>(column)?
            .map(|id| OwnedEventId::try_from(id).map_err(|e| sqlx::Error::Decode(e.into())))
            .transpose()
    };
    let parts = Parts {
        position: row.get("position")?,
        event_id: row.parse("event_id")?,
        room_id: row.parse("room_id")?,
        sender: row.parse("sender")?,
        kind: row.get::<String>("type")?.into(),
        state_key: row.get("state_key")?,
        origin_server_ts: row.get("origin_server_ts")?,
        graph: serde_json::from_str(&row.get::<String>("graph")?).map_err(json)?,
        replaces: optional_id("replaces")?,
        prev_content: row
            .get::<Option<String>>("prev_content")?
            .map(serde_json::value::RawValue::from_string)
            .transpose()
            .map_err(json)?,
        transaction,
        redacted_by: optional_id("redacted_by")?,
    };
    Event::stored(parts, row.get("json")?).map(Arc::new).map_err(json)
}

async fn all(db: &Db, query: Query) -> sqlx::Result<Vec<Arc<Event>>> {
    query.all(db).await?.iter().map(event).collect()
}

/// An event by its id.
pub async fn get(db: &Db, event_id: &EventId) -> sqlx::Result<Option<Arc<Event>>> {
    sql(select_events!("WHERE e.event_id = $1")).bind(event_id).optional(db).await?.as_ref().map(event).transpose()
}

/// Several events by their ids, in no order.
pub async fn get_many(db: &Db, ids: &[OwnedEventId]) -> sqlx::Result<Vec<Arc<Event>>> {
    all(db, sql(select_events!("WHERE e.event_id IN (…)")).bind_list(ids.iter().map(|id| &**id))).await
}

/// Up to `limit` events of a room with `after < position <= up_to`, newest first.
pub async fn backwards(
    db: &Db,
    room_id: &RoomId,
    after: Position,
    up_to: Position,
    limit: i64,
) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "WHERE e.room_id = $1 AND e.position > $2 AND e.position <= $3 ORDER BY e.position DESC LIMIT $4"
    ));
    all(db, query.bind(room_id).bind(after).bind(up_to).bind(limit)).await
}

/// Up to `limit` events of a room with `after < position <= up_to`, oldest first.
pub async fn forwards(
    db: &Db,
    room_id: &RoomId,
    after: Position,
    up_to: Position,
    limit: i64,
) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "WHERE e.room_id = $1 AND e.position > $2 AND e.position <= $3 ORDER BY e.position ASC LIMIT $4"
    ));
    all(db, query.bind(room_id).bind(after).bind(up_to).bind(limit)).await
}

/// The state of a room just after a position: for every type and key the last event up to it. On a server without
/// federation a room's history is a line, so this needs no resolution.
pub async fn state_at(db: &Db, room_id: &RoomId, position: Position) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "JOIN (SELECT MAX(position) AS last FROM events WHERE room_id = $1 AND state_key IS NOT NULL AND position <= $2 \
         GROUP BY type, state_key) latest ON latest.last = e.position"
    ));
    all(db, query.bind(room_id).bind(position)).await
}

/// The state of a room just after a position as far as it has no key and is of certain types, and a user's membership.
pub async fn some_state_at(
    db: &Db,
    room_id: &RoomId,
    position: Position,
    member: &UserId,
    types: &[StateEventType],
) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "JOIN (SELECT MAX(position) AS last FROM events WHERE room_id = $1 AND state_key IS NOT NULL AND position <= $2 \
         AND (type = 'm.room.member' AND state_key = $3 OR state_key = '' AND type IN (…)) \
         GROUP BY type, state_key) latest ON latest.last = e.position ORDER BY e.position"
    ));
    all(db, query.bind(room_id).bind(position).bind(member).bind_list(types.iter().map(ToString::to_string))).await
}

/// The state events of a room between two positions that still stood at the second: what changed.
pub async fn state_between(
    db: &Db,
    room_id: &RoomId,
    after: Position,
    up_to: Position,
) -> sqlx::Result<Vec<Arc<Event>>> {
    // By what came between and not by groups: those would be found by going through all the state there ever was.
    let query = sql(select_events!(
        "WHERE e.room_id = $1 AND e.state_key IS NOT NULL AND e.position > $2 AND e.position <= $3 \
         AND NOT EXISTS (SELECT 1 FROM events later WHERE later.room_id = e.room_id AND later.type = e.type \
         AND later.state_key = e.state_key AND later.position > e.position AND later.position <= $3)"
    ));
    all(db, query.bind(room_id).bind(after).bind(up_to)).await
}

/// Every event that set one piece of state, oldest first: the membership of one person, the history's visibility.
pub async fn state_history(db: &Db, room_id: &RoomId, kind: &str, state_key: &str) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!("WHERE e.room_id = $1 AND e.type = $2 AND e.state_key = $3 ORDER BY e.position"));
    all(db, query.bind(room_id).bind(kind).bind(state_key)).await
}

/// The place of the last event of a room that is of certain types and was not redacted.
pub async fn last_of(db: &Db, room_id: &RoomId, types: &[&str]) -> sqlx::Result<Option<Position>> {
    let query = sql("SELECT position FROM events WHERE room_id = $1 AND type IN (…) AND redacted_by IS NULL \
                     ORDER BY position DESC LIMIT 1");
    let row = query.bind(room_id).bind_list(types.iter().copied()).optional(db).await?;
    row.map(|row| row.get("position")).transpose()
}

/// Events that relate to another, newest first.
pub async fn relating(
    db: &Db,
    room_id: &RoomId,
    event_id: &EventId,
    after: Position,
    up_to: Position,
    newest_first: bool,
    limit: i64,
) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = if newest_first {
        sql(select_events!(
            "WHERE e.relates_to = $1 AND e.room_id = $2 AND e.position > $3 AND e.position <= $4 ORDER BY e.position DESC LIMIT $5"
        ))
    } else {
        sql(select_events!(
            "WHERE e.relates_to = $1 AND e.room_id = $2 AND e.position > $3 AND e.position <= $4 ORDER BY e.position ASC LIMIT $5"
        ))
    };
    all(db, query.bind(event_id).bind(room_id).bind(after).bind(up_to).bind(limit)).await
}

/// The statement that empties a redacted event. Its relation goes with its content.
pub fn redact(event: &Event) -> Query {
    sql("UPDATE events SET json = $2, redacted_by = $3, prev_content = NULL, relates_to = NULL, rel_type = NULL \
         WHERE event_id = $1")
    .bind(&*event.event_id)
    .bind(event.json.to_string())
    .bind(event.redacted_by.clone())
}

/// The statement that empties the content of a redacted state event where the event that replaced it repeats it
/// (`prev_content`); `None` for an event that is no state.
pub fn redact_repetition(event: &Event) -> Option<Query> {
    let state_key = event.state_key.as_ref()?;
    let query = sql("UPDATE events SET prev_content = $5 \
                     WHERE room_id = $1 AND type = $2 AND state_key = $3 AND replaces = $4");
    Some(
        query
            .bind(&*event.room_id)
            .bind(event.kind.to_string())
            .bind(state_key)
            .bind(&*event.event_id)
            .bind(event.content.get()),
    )
}

/// What a device sent since a time: room, type, transaction id and event.
pub async fn transactions(
    db: &Db,
    user_id: &UserId,
    device_id: &DeviceId,
    since: i64,
) -> sqlx::Result<Vec<(String, String, String, OwnedEventId)>> {
    sql("SELECT room_id, type, txn_id, event_id FROM events \
         WHERE sender = $1 AND device_id = $2 AND origin_server_ts >= $3 AND txn_id IS NOT NULL ORDER BY position DESC LIMIT 2000")
    .bind(user_id)
    .bind(device_id)
    .bind(since)
    .all(db)
    .await?
    .iter()
    .map(|row| Ok((row.get("room_id")?, row.get("type")?, row.get("txn_id")?, row.parse("event_id")?)))
    .collect()
}

/// The event nearest to a time: the first at or after it, or the last at or before it.
pub async fn nearest(db: &Db, room_id: &RoomId, ts: i64, forwards: bool) -> sqlx::Result<Option<Arc<Event>>> {
    let query = if forwards {
        sql(select_events!(
            "WHERE e.room_id = $1 AND e.origin_server_ts >= $2 ORDER BY e.origin_server_ts, e.position LIMIT 1"
        ))
    } else {
        sql(select_events!(
            "WHERE e.room_id = $1 AND e.origin_server_ts <= $2 ORDER BY e.origin_server_ts DESC, e.position DESC LIMIT 1"
        ))
    };
    query.bind(room_id).bind(ts).optional(db).await?.as_ref().map(event).transpose()
}

/// Whether a room has threaded events with `after < position <= up_to`.
pub async fn has_threads(db: &Db, room_id: &RoomId, after: Position, up_to: Position) -> sqlx::Result<bool> {
    let row = sql("SELECT 1 AS one FROM events WHERE room_id = $1 AND rel_type = 'm.thread' AND position > $2 \
                   AND position <= $3 LIMIT 1");
    Ok(row.bind(room_id).bind(after).bind(up_to).optional(db).await?.is_some())
}

/// Up to `limit` events before a position in the rooms that a user is in, newest first.
pub async fn in_joined_rooms(db: &Db, user_id: &UserId, before: Position, limit: i64) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "JOIN memberships m ON m.room_id = e.room_id AND m.user_id = $1 AND m.membership = 'join' \
         WHERE e.position < $2 ORDER BY e.position DESC LIMIT $3"
    ));
    all(db, query.bind(user_id).bind(before).bind(limit)).await
}

/// Up to `limit` events of all rooms with `after < position <= up_to`, oldest first.
pub async fn of_all_rooms(db: &Db, after: Position, up_to: Position, limit: i64) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!("WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3"));
    all(db, query.bind(after).bind(up_to).bind(limit)).await
}

/// Events by their positions, oldest first.
pub async fn at(db: &Db, positions: &[Position]) -> sqlx::Result<Vec<Arc<Event>>> {
    all(db, sql(select_events!("WHERE e.position IN (…) ORDER BY e.position")).bind_list(positions.iter().copied()))
        .await
}

/// The member events of a room up to a position, oldest first.
pub async fn member_events(db: &Db, room_id: &RoomId, up_to: Position) -> sqlx::Result<Vec<Arc<Event>>> {
    let query = sql(select_events!(
        "WHERE e.room_id = $1 AND e.type = 'm.room.member' AND e.state_key IS NOT NULL AND e.position <= $2 \
         ORDER BY e.position"
    ));
    all(db, query.bind(room_id).bind(up_to)).await
}

/// Whether the content of an `m.room.member` event says that its user is joined.
pub fn is_join(content: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        membership: std::borrow::Cow<'a, str>,
    }
    serde_json::from_str::<Content<'_>>(content).is_ok_and(|content| content.membership == "join")
}

/// Whose membership moved in several rooms after a position, oldest first, and whether they were joined before.
pub async fn memberships_moved(
    db: &Db,
    rooms: &[&RoomId],
    after: Position,
) -> sqlx::Result<Vec<(OwnedRoomId, OwnedUserId, bool)>> {
    let query = sql("SELECT room_id, state_key, prev_content FROM events \
                     WHERE position > $1 AND type = 'm.room.member' AND state_key IS NOT NULL AND room_id IN (…) \
                     ORDER BY position");
    query
        .bind(after)
        .bind_list(rooms.iter().copied())
        .all(db)
        .await?
        .iter()
        // A state key that is no user's id is nobody's membership.
        .filter_map(|row| Some((row, row.parse::<OwnedUserId>("state_key").ok()?)))
        .map(|(row, user_id)| {
            let before = row.get::<Option<String>>("prev_content")?;
            Ok((row.parse("room_id")?, user_id, before.is_some_and(|content| is_join(&content))))
        })
        .collect()
}
