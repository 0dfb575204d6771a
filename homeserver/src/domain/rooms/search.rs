//! Searching messages, names and topics: only what one may see, and as it reads now.
//! <https://spec.matrix.org/v1.18/client-server-api/#server-side-search>
//!
//! An edit stands in the index for itself, so that sending costs no more than it must. Whoever searches finds the message
//! that it edits, if it is the newest edit, and no longer finds what the message said before.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ruma::{OwnedEventId, OwnedRoomId, RoomId, UserId, events::room::member::MembershipState};
use tokio::sync::Semaphore;

use super::{RoomActions, history::Sight, relations, state::RoomState};
use crate::{
    domain::{
        event::{Event, Position, canonical},
        words,
    },
    error::{ApiError, Result},
    storage::{self, search::Wanted},
};

/// Searches at the same time.
const AT_ONCE: usize = 2;
/// Words of a search that count.
pub const MAX_WORDS: usize = 16;
/// Rooms that the index is asked for by name; of more it is asked without.
const MAX_ROOMS: usize = 500;
/// Messages that one search finds; older ones are found by another that begins where it ended.
const MOST: usize = 200;
/// Entries of the index that one search looks at.
const LOOKED_AT: usize = 2_000;
/// After which time a search is content with what it has found.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn places() -> Semaphore {
    Semaphore::new(AT_ONCE)
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The words, which all must be there.
    pub term: &'a str,
    /// Only in these rooms.
    pub rooms: Option<&'a [OwnedRoomId]>,
    /// Only what was said before this position.
    pub before: Position,
    /// Whether what fits best comes first, else what is newest.
    pub best_first: bool,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The message itself, also where an edit of it was found.
    pub event: Arc<Event>,
    /// How much of its text is what was looked for: at most 1.
    pub rank: f64,
    /// Words of its text to be highlighted.
    pub words: BTreeSet<String>,
    /// The place of what was found in the stream.
    found_at: Position,
}

/// A room as the one who searches sees it.
#[derive(Debug)]
pub struct Open {
    /// The room.
    pub room: Arc<RoomState>,
    /// What may be seen of it.
    pub sight: Sight,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The messages, in the order asked for.
    pub hits: Vec<Hit>,
    /// Their rooms, and perhaps others.
    pub rooms: HashMap<OwnedRoomId, Open>,
    /// Before which position a search finds more; `None` if that was all.
    pub more_before: Option<Position>,
}

impl RoomActions {
    /// Searches the rooms that a user is or was in. What is not `wanted` is passed over.
    pub async fn search(
        &self,
        user_id: &UserId,
        search: Search<'_>,
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<Found> {
        let stems: BTreeSet<String> =
            words::words(search.term).take(MAX_WORDS).map(|word| words::stem(&word)).collect();
        let stems: Vec<String> = stems.into_iter().collect();
        let rooms = self.searchable(user_id, search.rooms).await?;
        let mut found = Found::default();
        if stems.is_empty() || rooms.is_empty() {
            return Ok(found);
        }
        let _place = self.searching.acquire().await.map_err(ApiError::internal)?;
        let by_name =
            if rooms.len() > MAX_ROOMS { Vec::new() } else { rooms.iter().map(|id| words::of_room(id)).collect() };
        let (begun, mut looked_at, mut before) = (Instant::now(), 0, search.before);
        loop {
            let ask = (2 * (MOST - found.hits.len())).clamp(20, MOST);
            let index = Wanted { all: &stems, any: &by_name, before };
            let positions = storage::search::matching(&self.db, &index, ask as i64).await?;
            looked_at += positions.len();
            let Some(&last) = positions.last() else { break };
            before = last;
            let mut entries = storage::events::at(&self.db, &positions).await?;
            entries.reverse();
            entries.retain(|entry| rooms.contains(&entry.room_id));
            for (entry, event) in self.current(user_id, entries, &mut found.rooms, wanted).await? {
                if found.hits.len() < MOST {
                    found.hits.push(hit(&entry, event, &stems));
                }
            }
            if found.hits.len() == MOST || looked_at >= LOOKED_AT || begun.elapsed() > PATIENCE {
                // Where there is no place for more, the next search begins after the last that had one.
                let full = found.hits.last().filter(|_| found.hits.len() == MOST);
                found.more_before = Some(full.map_or(before, |hit| hit.found_at));
                break;
            }
            if positions.len() < ask {
                break;
            }
        }
        if search.best_first {
            found.hits.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(b.found_at.cmp(&a.found_at)));
        }
        Ok(found)
    }

    /// The rooms that a user is in or was in and has not forgotten, as far as they are asked for.
    async fn searchable(&self, user_id: &UserId, asked: Option<&[OwnedRoomId]>) -> Result<HashSet<OwnedRoomId>> {
        let rooms = self.rooms.of_user(user_id).await?;
        let known = rooms.iter().filter(|(_, membership)| match membership.membership {
            MembershipState::Join => true,
            MembershipState::Leave | MembershipState::Ban => !membership.forgotten,
            _ => false,
        });
        let known = known.map(|(room_id, _)| room_id.clone());
        Ok(known.filter(|room_id| asked.is_none_or(|asked| asked.contains(room_id))).collect())
    }

    /// What entries of the index say now: each entry with its message. Left out are those whose message may not be seen,
    /// or has a newer text.
    async fn current(
        &self,
        user_id: &UserId,
        entries: Vec<Arc<Event>>,
        open: &mut HashMap<OwnedRoomId, Open>,
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<Vec<(Arc<Event>, Arc<Event>)>> {
        for entry in &entries {
            self.open(user_id, &entry.room_id, open).await?;
        }
        let ids: Vec<OwnedEventId> = entries.iter().filter_map(|entry| edited(entry).cloned()).collect();
        let mut originals: HashMap<OwnedEventId, Arc<Event>> = HashMap::new();
        if !ids.is_empty() {
            for original in storage::events::get_many(&self.db, &ids).await? {
                originals.insert(original.event_id.clone(), original);
            }
        }
        let mut current: Vec<(Arc<Event>, Arc<Event>)> = Vec::new();
        for entry in entries {
            let event = edited(&entry).map_or(Some(&entry), |id| originals.get(id)).cloned();
            let Some((event, open)) = event.zip(open.get(&entry.room_id)) else { continue };
            let is_seen = open.sight.sees(&event, user_id) && open.sight.sees(&entry, user_id);
            if is_seen && event.room_id == entry.room_id && event.redacted_by.is_none() && wanted(&event) {
                current.push((entry, event));
            }
        }
        let newest = self.newest_edits(user_id, &current, open).await?;
        current.retain(|(entry, event)| match newest.get(&event.event_id) {
            Some(edit) => *edit == entry.position,
            None => edited(entry).is_none(),
        });
        Ok(current)
    }

    /// The places of the newest edits of some messages.
    async fn newest_edits(
        &self,
        user_id: &UserId,
        current: &[(Arc<Event>, Arc<Event>)],
        open: &HashMap<OwnedRoomId, Open>,
    ) -> Result<HashMap<OwnedEventId, Position>> {
        let mut by_room: HashMap<&OwnedRoomId, Vec<Arc<Event>>> = HashMap::new();
        for (_, event) in current {
            by_room.entry(&event.room_id).or_default().push(event.clone());
        }
        let mut newest = HashMap::new();
        for (room_id, events) in by_room {
            let Some(Open { room, sight }) = open.get(room_id) else { continue };
            for (event_id, aggregate) in relations::of(&self.db, room, sight, user_id, &events).await? {
                newest.extend(aggregate.edit.map(|edit| (event_id, edit.position)));
            }
        }
        Ok(newest)
    }

    /// Loads a room and what the user may see of it, once. A room of which nothing may be seen is none.
    async fn open(&self, user_id: &UserId, room_id: &RoomId, open: &mut HashMap<OwnedRoomId, Open>) -> Result<()> {
        if open.contains_key(room_id) {
            return Ok(());
        }
        let Some(room) = self.rooms.get(room_id).await? else { return Ok(()) };
        let sight = self.sight(&room, user_id).await;
        match sight {
            Ok(sight) => drop(open.insert(room_id.to_owned(), Open { room, sight })),
            Err(ApiError::Matrix { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What an event edits, if it edits another.
fn edited(event: &Event) -> Option<&OwnedEventId> {
    event.relation.as_ref().filter(|relation| relation.rel_type == "m.replace").map(|relation| &relation.event_id)
}

/// A message that was found by an entry of the index, its own or an edit's.
fn hit(entry: &Event, event: Arc<Event>, stems: &[String]) -> Hit {
    let content = canonical(&entry.content).unwrap_or_default();
    let text = words::text(&entry.kind, &content).unwrap_or_default();
    let (mut all, mut matching) = (0_u32, 0_u32);
    let mut found = BTreeSet::new();
    for word in words::words(text) {
        all += 1;
        if stems.contains(&words::stem(&word)) {
            matching += 1;
            found.insert(word);
        }
    }
    Hit { event, rank: f64::from(matching) / f64::from(all.max(1)), words: found, found_at: entry.position }
}
