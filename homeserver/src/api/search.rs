//! Searching.

mod around;
mod token;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use axum::extract::State;
use ruma::{
    OwnedEventId, OwnedRoomId, UInt,
    api::client::search::search_events::{
        self,
        v3::{
            Criteria, GroupingKey, OrderBy, ResultCategories, ResultGroup, ResultGroupMap, ResultRoomEvents,
            SearchKeys, SearchResult,
        },
    },
    events::{AnyStateEvent, AnyTimelineEvent, TimelineEventType},
    serde::Raw,
};

use self::token::{Group, Token};
use super::{lenient::SearchEvents, ruma::Ruma};
use crate::{
    app::App,
    domain::{
        event::Event,
        rooms::{
            search::{Found, Hit, MAX_WORDS, Search},
            view::Viewer,
        },
        words,
    },
    error::{ApiError, Result},
    sync::filter::event_wanted,
};

/// Results in one answer, at most.
const MOST: u64 = 50;
/// Results in one answer where nobody says how many.
const USUAL: u64 = 10;

/// `POST /_matrix/client/v3/search`
pub async fn search(
    State(app): State<App>,
    Ruma { body: SearchEvents(body), caller, .. }: Ruma<SearchEvents>,
) -> Result<search_events::v3::Response> {
    let mut categories = ResultCategories::new();
    let Some(criteria) = body.search_categories.room_events else {
        return Ok(search_events::v3::Response::new(categories));
    };
    app.limits.message(&caller.user_id)?;
    let token = match &body.next_batch {
        Some(token) => token.parse()?,
        None => Token { before: app.journal.position() + 1, skip: 0, group: None },
    };
    let kinds = kinds(criteria.keys.as_deref())?;
    let wanted = |event: &Event| {
        kinds.contains(&event.kind)
            && event_wanted(&criteria.filter, event)
            && token.group.as_ref().is_none_or(|group| group.has(event))
    };
    let asked = Search {
        term: &criteria.search_term,
        rooms: criteria.filter.rooms.as_deref(),
        before: token.before,
        best_first: best_first(criteria.order_by.as_ref())?,
    };
    let found = app.room_actions.search(&caller.user_id, asked, &wanted).await?;

    let limit = criteria.filter.limit.map_or(USUAL, u64::from).clamp(1, MOST) as usize;
    let start = token.skip.min(found.hits.len());
    let range = start..(start + limit).min(found.hits.len());
    let page = &found.hits[range.clone()];
    let viewer = Viewer::new(&caller, app.clock.now());
    let mut answer = ResultRoomEvents::new();
    answer.count = UInt::try_from(found.hits.len() as u64).ok();
    answer.highlights = highlights(&criteria, page);
    answer.next_batch = token.next(&found, range.end, None).map(|next| next.to_string());
    let wish = &criteria.event_context;
    let mut shown = shown(&app, &viewer, &found, page).await?;
    for hit in page {
        let Some(open) = found.rooms.get(&hit.event.room_id) else { continue };
        let mut result = SearchResult::new();
        result.rank = Some(hit.rank);
        result.result = shown.remove(&hit.event.event_id);
        if around::is_wanted(wish) {
            result.context = around::around(&app, &viewer, &open.room, &hit.event, wish).await?;
        }
        answer.results.push(result);
    }
    // A body has room for very many of the same.
    let keys: BTreeSet<&GroupingKey> = criteria.groupings.group_by.iter().filter_map(|by| by.key.as_ref()).collect();
    for key in keys {
        answer.groups.extend(match key {
            GroupingKey::RoomId => {
                Some(ResultGroupMap::RoomId(grouped(&token, &found, &range, |event| &event.room_id, Group::Room)))
            }
            GroupingKey::Sender => {
                Some(ResultGroupMap::Sender(grouped(&token, &found, &range, |event| &event.sender, Group::Sender)))
            }
            _ => None,
        });
    }
    if criteria.include_state == Some(true) {
        answer.state = state(&app, &viewer, page).await?;
    }
    categories.room_events = answer;
    Ok(search_events::v3::Response::new(categories))
}

/// The types whose texts are searched.
fn kinds(keys: Option<&[SearchKeys]>) -> Result<BTreeSet<TimelineEventType>> {
    let of_key = |key: &SearchKeys| match key {
        SearchKeys::ContentBody => Ok(TimelineEventType::RoomMessage),
        SearchKeys::ContentName => Ok(TimelineEventType::RoomName),
        SearchKeys::ContentTopic => Ok(TimelineEventType::RoomTopic),
        _ => Err(ApiError::invalid_param("keys are content.body, content.name and content.topic.")),
    };
    let all = [SearchKeys::ContentBody, SearchKeys::ContentName, SearchKeys::ContentTopic];
    keys.filter(|keys| !keys.is_empty()).unwrap_or(&all).iter().map(of_key).collect()
}

fn best_first(order: Option<&OrderBy>) -> Result<bool> {
    match order {
        None | Some(OrderBy::Rank) => Ok(true),
        Some(OrderBy::Recent) => Ok(false),
        Some(_) => Err(ApiError::invalid_param("order_by is rank or recent.")),
    }
}

/// The words of the search as they were typed, and as they stand in what was found.
fn highlights(criteria: &Criteria, page: &[Hit]) -> Vec<String> {
    let mut all: BTreeSet<String> = words::words(&criteria.search_term).take(MAX_WORDS).collect();
    all.extend(page.iter().flat_map(|hit| hit.words.iter().cloned()));
    all.into_iter().collect()
}

/// The messages of a page as they are told, by their ids; those of a room are shown together.
async fn shown(
    app: &App,
    viewer: &Viewer<'_>,
    found: &Found,
    page: &[Hit],
) -> Result<HashMap<OwnedEventId, Raw<AnyTimelineEvent>>> {
    let mut by_room: HashMap<&OwnedRoomId, Vec<Arc<Event>>> = HashMap::new();
    for hit in page {
        by_room.entry(&hit.event.room_id).or_default().push(hit.event.clone());
    }
    let mut shown = HashMap::new();
    for (room_id, events) in by_room {
        let Some(open) = found.rooms.get(room_id) else { continue };
        let told = viewer.show_in(&app.db, &open.room, &open.sight, &events).await?;
        shown.extend(events.iter().map(|event| event.event_id.clone()).zip(told));
    }
    Ok(shown)
}

/// The results of a page by what they have in common, each group with the place where its next results begin.
fn grouped<K: Clone + Ord>(
    token: &Token,
    found: &Found,
    page: &Range<usize>,
    key: impl Fn(&Event) -> &K,
    group: impl Fn(K) -> Group,
) -> BTreeMap<K, ResultGroup> {
    let mut groups: BTreeMap<K, ResultGroup> = BTreeMap::new();
    for hit in &found.hits[page.clone()] {
        let (key, place) = (key(&hit.event), groups.len() as u64 + 1);
        let results = groups.entry(key.clone()).or_insert_with(|| {
            let mut new = ResultGroup::new();
            new.order = UInt::try_from(place).ok();
            new.next_batch = token.next(found, page.end, Some(group(key.clone()))).map(|next| next.to_string());
            new
        });
        results.results.push(hit.event.event_id.clone());
    }
    groups
}

/// The state of the rooms of some results.
async fn state(app: &App, viewer: &Viewer<'_>, page: &[Hit]) -> Result<BTreeMap<OwnedRoomId, Vec<Raw<AnyStateEvent>>>> {
    let rooms: BTreeSet<&OwnedRoomId> = page.iter().map(|hit| &hit.event.room_id).collect();
    let mut states = BTreeMap::new();
    for room_id in rooms {
        let mut state = match app.room_actions.visible_state(viewer.user_id, room_id).await {
            // What was said may be read for ever, what the room is may not.
            Err(ApiError::Matrix { .. }) => continue,
            state => state?,
        };
        state.sort_by_key(|event| event.position);
        states.insert(room_id.clone(), viewer.show(&app.db, &state).await?);
    }
    Ok(states)
}
