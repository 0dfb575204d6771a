//! What is bundled with an event: its newest edit, its thread, what refers to it.
//! <https://spec.matrix.org/v1.18/client-server-api/#aggregations-of-child-events>

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use ruma::{EventId, OwnedEventId, UserId};

use super::{history::Sight, state::RoomState};
use crate::{
    clock::Millis,
    domain::event::{Event, Position},
    error::Result,
    storage::{
        self,
        db::Db,
        relations::{MOST, Related, Wanted},
    },
};

/// How deep relations of relations are followed, as the specification recommends.
pub const MAX_DEPTH: u32 = 3;

/// What relates to one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Its newest valid edit.
    pub edit: Option<Edit>,
    /// The thread that it is the root of.
    pub thread: Option<Thread>,
    /// What refers to it, oldest first.
    pub references: Vec<OwnedEventId>,
}

/// An edit. The newest is that of the latest time and, of those sent at once, that with the largest id.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// When it was sent.
    pub sent_at: Millis,
    /// Its id.
    pub event_id: OwnedEventId,
    /// Its place in the stream.
    pub position: Position,
}

/// A thread.
#[derive(Debug, PartialEq, Eq)]
pub struct Thread {
    /// The place of its last event.
    pub latest: Position,
    /// How many events it has besides its root.
    pub count: u64,
    /// Whether the one who looks sent the root or any of the others.
    pub participated: bool,
}

/// Whether an edit is valid for an event: nobody edits another's, another type, state, an edit, or what was redacted.
/// <https://spec.matrix.org/v1.18/client-server-api/#validity-of-replacement-events>
fn may_edit(edit: &Related, parent: &Event) -> bool {
    edit.sender == parent.sender
        && edit.kind == parent.kind
        && !edit.is_state
        && parent.state_key.is_none()
        && parent.redacted_by.is_none()
        && parent.relation.as_ref().is_none_or(|relation| relation.rel_type != "m.replace")
}

/// Sums up what relates to some events, by their ids; an event that nothing relates to is not listed.
pub fn aggregate(
    parents: &[Arc<Event>],
    mut children: Vec<Related>,
    user_id: &UserId,
) -> HashMap<OwnedEventId, Aggregate> {
    let by_id: HashMap<&str, &Event> = parents.iter().map(|parent| (parent.event_id.as_str(), &**parent)).collect();
    children.sort_by_key(|child| child.position);
    let mut found: HashMap<OwnedEventId, Aggregate> = HashMap::new();
    for child in children {
        let Some(parent) = by_id.get(child.parent.as_str()) else { continue };
        if child.room_id != parent.room_id {
            continue;
        }
        match child.rel_type.as_str() {
            "m.replace" if may_edit(&child, parent) => {
                let edit = Edit { sent_at: child.origin_server_ts, event_id: child.event_id, position: child.position };
                let newest = &mut found.entry(child.parent).or_default().edit;
                if newest.as_ref().is_none_or(|newest| *newest < edit) {
                    *newest = Some(edit);
                }
            }
            // What relates to another event itself is no root.
            "m.thread" if parent.relation.is_none() => {
                let thread = found.entry(child.parent).or_default().thread.get_or_insert_with(|| Thread {
                    latest: child.position,
                    count: 0,
                    participated: parent.sender == user_id,
                });
                thread.latest = child.position;
                thread.count += 1;
                thread.participated |= child.sender == user_id;
            }
            "m.reference" => found.entry(child.parent).or_default().references.push(child.event_id),
            _ => {}
        }
    }
    found
}

/// What relates to some events of a room, as far as the one who looks may see it.
pub async fn of(
    db: &Db,
    room: &RoomState,
    sight: &Sight,
    user_id: &UserId,
    events: &[Arc<Event>],
) -> Result<HashMap<OwnedEventId, Aggregate>> {
    let parents: Vec<Arc<Event>> = events.iter().filter(|event| event.state_key.is_none()).cloned().collect();
    let mut children = children(db, room, &parents).await?;
    children.retain(|child| sight.sees_related(child));
    if children.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(aggregate(&parents, children, user_id))
}

/// What may be bundled with some events. Whatever relates to an event comes after it: so where the room's memory goes
/// back to the first of them, nobody asks the database.
async fn children(db: &Db, room: &RoomState, parents: &[Arc<Event>]) -> Result<Vec<Related>> {
    let Some(first) = parents.iter().map(|parent| parent.position).min() else { return Ok(Vec::new()) };
    if first >= room.recent_since {
        let later = room.recent.iter().rev().take_while(|event| event.position > first);
        return Ok(later.filter_map(|event| Related::bundled(event)).collect());
    }
    let ids: Vec<&EventId> = parents.iter().map(|parent| &*parent.event_id).collect();
    Ok(storage::relations::bundled(db, &ids).await?)
}

/// Events of a room by their positions: from memory, else from the database.
pub async fn at(db: &Db, room: &RoomState, positions: &BTreeSet<Position>) -> Result<HashMap<Position, Arc<Event>>> {
    let recent = room.recent.iter().filter(|event| positions.contains(&event.position));
    let mut found: HashMap<Position, Arc<Event>> = recent.map(|event| (event.position, event.clone())).collect();
    let missing: Vec<Position> = positions.iter().filter(|position| !found.contains_key(*position)).copied().collect();
    if !missing.is_empty() {
        found.extend(storage::events::at(db, &missing).await?.into_iter().map(|event| (event.position, event)));
    }
    // One may have been redacted since its relation was read.
    found.retain(|_, event| event.redacted_by.is_none());
    Ok(found)
}

/// A page of the events that relate to another.
#[derive(Debug, Default)]
pub struct Page {
    /// The events, in the direction asked for.
    pub events: Vec<Arc<Event>>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
}

/// Events that one page looks at, at most, to find those that may be seen.
const LOOKED_AT: i64 = 5_000;

/// A page of the events that relate to another.
pub async fn page(
    db: &Db,
    room: &RoomState,
    sight: &Sight,
    mut wanted: Wanted<'_>,
    newest_first: bool,
    limit: usize,
) -> Result<Page> {
    let mut page = Page::default();
    let mut budget = LOOKED_AT;
    while budget > 0 {
        // One more than the limit, to see whether there are more.
        let ask = (limit + 1 - page.events.len()).clamp(20, 500) as i64;
        let found = storage::relations::page(db, &wanted, newest_first, ask).await?;
        let exhausted = (found.len() as i64) < ask;
        budget -= ask;
        for event in found {
            let visible = event.room_id == room.room_id && sight.sees_child(&event);
            if visible && page.events.len() == limit {
                page.next = Some(if newest_first { wanted.up_to } else { wanted.after });
                return Ok(page);
            }
            if newest_first {
                wanted.up_to = event.position - 1;
            } else {
                wanted.after = event.position;
            }
            if visible {
                page.events.push(event);
            }
        }
        if exhausted {
            return Ok(page);
        }
    }
    page.next = Some(if newest_first { wanted.up_to } else { wanted.after });
    Ok(page)
}

/// A page of the events that relate to another or to one of those, and so on, [`MAX_DEPTH`] deep.
pub async fn page_recursive(
    db: &Db,
    room: &RoomState,
    sight: &Sight,
    wanted: Wanted<'_>,
    newest_first: bool,
    limit: usize,
) -> Result<Page> {
    let mut found: Vec<Related> = Vec::new();
    let mut level = vec![wanted.parent.to_owned()];
    for _ in 0..MAX_DEPTH {
        let parents: Vec<&EventId> = level.iter().map(|id| &**id).collect();
        let mut children = storage::relations::to_any(db, &parents, MOST - found.len()).await?;
        children.retain(|child| child.room_id == room.room_id && sight.sees_related(child));
        level = children.iter().map(|child| child.event_id.clone()).collect();
        found.extend(children);
        if level.is_empty() {
            break;
        }
    }
    found.retain(|child| {
        child.position > wanted.after
            && child.position <= wanted.up_to
            && wanted.rel_type.is_none_or(|rel_type| child.rel_type == rel_type)
            && wanted.kind.is_none_or(|kind| child.kind.to_string() == kind)
    });
    found.sort_by_key(|child| if newest_first { -child.position } else { child.position });
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| if newest_first { last.position - 1 } else { last.position });
    let by_position = at(db, room, &found.iter().map(|child| child.position).collect()).await?;
    let events = found.iter().filter_map(|child| by_position.get(&child.position).cloned()).collect();
    Ok(Page { events, next })
}

/// Which threads of a room are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Threads<'a> {
    /// Who looks.
    pub user_id: &'a UserId,
    /// Only those that the one who looks has taken part in.
    pub participated: bool,
    /// Only those whose newest event that may be seen is at or before this position.
    pub up_to: Position,
    /// How many.
    pub limit: usize,
}

/// Events in threads that are read at once.
const IN_THREADS: i64 = 200;

/// A page of the roots of a room's threads, those with the newest events first. A page may be short of the limit, or
/// empty, and yet not the last.
pub async fn threads(db: &Db, room: &RoomState, sight: &Sight, wanted: Threads<'_>) -> Result<Page> {
    let mut page = Page::default();
    let mut met: HashSet<OwnedEventId> = HashSet::new();
    let mut up_to = wanted.up_to;
    let mut budget = LOOKED_AT;
    while budget > 0 {
        let found = storage::relations::in_threads(db, &room.room_id, up_to, IN_THREADS).await?;
        let exhausted = (found.len() as i64) < IN_THREADS;
        budget -= IN_THREADS;
        if let Some(last) = found.last() {
            up_to = last.position - 1;
        }
        // The newest event of every thread that has not come yet.
        let mut newest = found;
        newest.retain(|reply| sight.sees_related(reply) && met.insert(reply.parent.clone()));
        let roots = roots(db, room, sight, wanted.user_id, &newest).await?;
        let aggregates = of(db, room, sight, wanted.user_id, &roots).await?;
        let roots: HashMap<&str, &Arc<Event>> = roots.iter().map(|root| (root.event_id.as_str(), root)).collect();
        for reply in &newest {
            let Some(&root) = roots.get(reply.parent.as_str()) else { continue };
            let thread = aggregates.get(&root.event_id).and_then(|aggregate| aggregate.thread.as_ref());
            // One with a later event was on a page before this.
            let is_due = thread.is_none_or(|thread| thread.latest <= wanted.up_to);
            let participated = || root.sender == wanted.user_id || thread.is_some_and(|thread| thread.participated);
            if !is_due || (wanted.participated && !participated()) {
                continue;
            }
            if page.events.len() == wanted.limit {
                page.next = Some(reply.position);
                return Ok(page);
            }
            page.events.push(root.clone());
        }
        if exhausted {
            return Ok(page);
        }
    }
    page.next = Some(up_to);
    Ok(page)
}

/// The roots of threads, as far as they are in this room, may be seen, and are neither redacted, nor state, nor related
/// to another event themselves.
async fn roots(
    db: &Db,
    room: &RoomState,
    sight: &Sight,
    user_id: &UserId,
    replies: &[Related],
) -> Result<Vec<Arc<Event>>> {
    if replies.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<OwnedEventId> = replies.iter().map(|reply| reply.parent.clone()).collect();
    let mut roots = storage::events::get_many(db, &ids).await?;
    roots.retain(|root| {
        root.room_id == room.room_id
            && root.redacted_by.is_none()
            && root.state_key.is_none()
            && root.relation.is_none()
            && sight.sees(root, user_id)
    });
    Ok(roots)
}
