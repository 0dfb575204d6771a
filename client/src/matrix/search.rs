//! The search of messages: by the server where it can read them, on this computer where rooms are encrypted.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use matrix_sdk::{
    Room, RoomMemberships, RoomState,
    ruma::{
        MilliSecondsSinceUnixEpoch, OwnedRoomId, OwnedUserId, RoomId,
        api::client::{
            filter::RoomEventFilter,
            search::search_events::v3::{Categories, Criteria, EventContext, OrderBy, Request, SearchKeys},
        },
    },
};
use serde::Deserialize;

use crate::{
    matrix::{failure, live::Live, timelines::person_name},
    model::{
        search::{Ask, Hit, News, Wish, matches},
        update::{Failure, Update},
    },
};

/// Messages that the server finds at once.
const PAGE: u32 = 30;
/// Messages of one encrypted room that are told at most: the newest.
const OF_ROOM: usize = 100;
/// People who may be meant by a part of a name.
const PEOPLE: u64 = 20;

/// The number of the newest search: an older one ends where it is.
#[derive(Default)]
pub(super) struct Newest(AtomicU64);

/// Does what a wish about the search asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Find { number, ask } => {
            live.searches.0.fetch_max(number, Ordering::Relaxed);
            let room = ask.room.as_deref().and_then(|room| live.room(room));
            let encrypted = |room: &Room| room.encryption_state().is_encrypted();
            match room {
                Some(room) if encrypted(&room) => Box::pin(here(live, number, &ask, vec![room])).await,
                Some(_) => on_server(live, number, &ask, None).await,
                None => {
                    let rooms: Vec<Room> = live.client.joined_rooms().into_iter().filter(encrypted).collect();
                    tokio::join!(
                        Box::pin(on_server(live, number, &ask, None)),
                        Box::pin(here(live, number, &ask, rooms))
                    );
                }
            }
        }
        Wish::More { number, ask, batch } => on_server(live, number, &ask, Some(batch)).await,
        Wish::End => {
            live.searches.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn on_server(live: &Live, number: u64, ask: &Ask, batch: Option<String>) {
    let news = match Box::pin(ask_server(live, ask, batch)).await {
        Ok((hits, batch)) => News::Server { number, hits, batch },
        Err(failure) => News::Failed { number, failure },
    };
    live.updates.send(Update::Search(news));
}

async fn ask_server(live: &Live, ask: &Ask, batch: Option<String>) -> Result<(Vec<Hit>, Option<String>), Failure> {
    let mut filter = RoomEventFilter::default();
    filter.limit = Some(PAGE.into());
    filter.types = Some(vec!["m.room.message".to_owned()]);
    if let Some(room) = &ask.room {
        filter.rooms = Some(vec![RoomId::parse(room).map_err(|_| Failure::NotFound)?]);
    }
    if !ask.from.trim().is_empty() {
        let senders = senders(live, ask).await?;
        if senders.is_empty() {
            return Ok((Vec::new(), None));
        }
        filter.senders = Some(senders);
    }
    let mut context = EventContext::new();
    (context.before_limit, context.after_limit) = (0_u32.into(), 0_u32.into());
    let mut criteria = Criteria::new(ask.words.trim().to_owned());
    criteria.keys = Some(vec![SearchKeys::ContentBody]);
    criteria.order_by = Some(OrderBy::Recent);
    criteria.event_context = context;
    criteria.filter = filter;
    let mut categories = Categories::new();
    categories.room_events = Some(criteria);
    let mut request = Request::new(categories);
    request.next_batch = batch;
    let found =
        live.client.send(request).await.map_err(|error| failure::of_http(&error))?.search_categories.room_events;
    let mut names = Names::default();
    let mut hits = Vec::new();
    for event in found.results.into_iter().filter_map(|result| result.result) {
        let Some((room, said)) = event.get_field("room_id").ok().flatten().zip(said(event.json().get())) else {
            continue;
        };
        hits.extend(names.hit(live, room, said).await);
    }
    Ok((hits, found.next_batch))
}

/// Those whose names have these letters.
async fn senders(live: &Live, ask: &Ask) -> Result<Vec<OwnedUserId>, Failure> {
    let Some(room) = ask.room.as_deref().and_then(|room| live.room(room)) else {
        let found = live.client.search_users(ask.from.trim(), PEOPLE).await;
        let found = found.map_err(|error| failure::of_http(&error))?;
        return Ok(found.results.into_iter().map(|user| user.user_id).collect());
    };
    let members = room.members_no_sync(RoomMemberships::all()).await.map_err(|error| failure::of(&error))?;
    let named = members.iter().filter(|member| matches(member.name(), &ask.from));
    Ok(named.map(|member| member.user_id().to_owned()).collect())
}

/// Goes through what is stored of rooms, one after the other, and tells of each.
async fn here(live: &Live, number: u64, ask: &Ask, rooms: Vec<Room>) {
    let all = u32::try_from(rooms.len()).unwrap_or(u32::MAX);
    let tell = |hits, done| live.updates.send(Update::Search(News::Local { number, hits, done, all }));
    tell(Vec::new(), 0);
    for (done, room) in (1..).zip(rooms) {
        if live.searches.0.load(Ordering::Relaxed) != number {
            return;
        }
        tell(in_store(live, ask, &room).await, done);
    }
}

async fn in_store(live: &Live, ask: &Ask, room: &Room) -> Vec<Hit> {
    let stored = match live.client.event_cache_store().lock().await {
        Ok(store) => match store.as_clean() {
            Some(store) => store.get_room_events(room.room_id(), None, None).await.unwrap_or_default(),
            None => Vec::new(),
        },
        Err(error) => {
            tracing::info!(%error, "stored messages cannot be searched");
            Vec::new()
        }
    };
    let words = ask.words.clone();
    // Much text is gone through: beside the tasks that wait for the network.
    let found = tokio::task::spawn_blocking(move || {
        newest(stored.iter().filter_map(|event| said(event.raw().json().get())), |text| matches(text, &words))
    })
    .await
    .unwrap_or_default();
    let mut names = Names::default();
    let mut hits = Vec::new();
    for said in found {
        let hit = names.hit(live, room.room_id().to_owned(), said).await;
        hits.extend(hit.filter(|hit| matches(&hit.who, &ask.from)));
    }
    hits
}

/// What a message says now: each once, as it was changed last, if that is wanted; the newest first.
fn newest(all: impl Iterator<Item = Said>, wanted: impl Fn(&str) -> bool) -> Vec<Said> {
    let mut latest: HashMap<String, (i64, Said)> = HashMap::new();
    let (changes, first): (Vec<Said>, Vec<Said>) = all.partition(|said| said.change);
    for said in first.into_iter().chain(changes) {
        let written = i64::from(said.at.get());
        match latest.get_mut(&said.key) {
            None => {
                latest.insert(said.key.clone(), (written, said));
            }
            // Nobody changes what another one wrote.
            Some((_, known)) if known.sender != said.sender => {}
            Some((before, known)) => {
                // A message stands where it was first written, and says what was written last.
                known.at = known.at.min(said.at);
                known.thread = known.thread.take().or(said.thread);
                if written >= *before {
                    (*before, known.text) = (written, said.text);
                }
            }
        }
    }
    let mut found: Vec<Said> = latest.into_values().map(|(_, said)| said).filter(|said| wanted(&said.text)).collect();
    found.sort_by_key(|said| std::cmp::Reverse(said.at));
    found.truncate(OF_ROOM);
    found
}

/// Words of a message, or those that it was changed to.
#[derive(Debug)]
struct Said {
    key: String,
    thread: Option<String>,
    sender: OwnedUserId,
    at: MilliSecondsSinceUnixEpoch,
    text: String,
    /// It changes an earlier message
    change: bool,
}

#[derive(Deserialize)]
struct Event {
    event_id: String,
    #[serde(rename = "type")]
    kind: String,
    sender: OwnedUserId,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    body: Option<String>,
    #[serde(rename = "m.new_content")]
    new: Option<Changed>,
    #[serde(rename = "m.relates_to")]
    relation: Option<Relation>,
}

#[derive(Deserialize)]
struct Changed {
    body: Option<String>,
}

#[derive(Deserialize)]
struct Relation {
    rel_type: Option<String>,
    event_id: Option<String>,
}

fn said(json: &str) -> Option<Said> {
    let event: Event = serde_json::from_str(json).ok()?;
    if event.kind != "m.room.message" {
        return None;
    }
    let relation = event.content.relation.as_ref();
    let related = |kind: &str| {
        relation.filter(|relation| relation.rel_type.as_deref() == Some(kind)).and_then(|one| one.event_id.clone())
    };
    let (key, text, change) = match related("m.replace") {
        Some(changed) => (changed, event.content.new.and_then(|new| new.body), true),
        None => (event.event_id, event.content.body, false),
    };
    Some(Said {
        change,
        key,
        thread: related("m.thread"),
        sender: event.sender,
        at: event.origin_server_ts,
        text: text?,
    })
}

/// Names that were looked up already.
#[derive(Default)]
struct Names(HashMap<(OwnedRoomId, OwnedUserId), String>);

impl Names {
    /// The message for the model; `None` in rooms that the account is not in.
    async fn hit(&mut self, live: &Live, room: OwnedRoomId, said: Said) -> Option<Hit> {
        let joined = live.client.get_room(&room).filter(|room| room.state() == RoomState::Joined)?;
        let at = (room.clone(), said.sender.clone());
        let known = self.0.get(&at).cloned();
        let who = if let Some(known) = known {
            known
        } else {
            let name = person_name(&joined, &said.sender).await;
            self.0.insert(at, name.clone());
            name
        };
        Some(Hit {
            room: room.to_string(),
            key: said.key,
            thread: said.thread,
            sender: said.sender.to_string(),
            who,
            at_ms: said.at.get().into(),
            text: said.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, at: u32, content: &serde_json::Value) -> Option<Said> {
        let event = serde_json::json!({
            "event_id": id, "type": "m.room.message", "sender": "@a:x", "origin_server_ts": at, "content": content,
        });
        said(&event.to_string())
    }

    #[test]
    fn a_message_that_was_changed_is_found_by_what_it_says_now() {
        let first = message("$1", 1, &serde_json::json!({"body": "в четверг"}));
        let change = message(
            "$2",
            2,
            &serde_json::json!({"body": "* в пятницу", "m.new_content": {"body": "в пятницу"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}),
        );
        let all = || [message("$3", 3, &serde_json::json!({"body": "ясно"})), None];
        let events = || first.iter().chain(&change).map(copy).chain(all().into_iter().flatten());
        let found = newest(events(), |text| text.contains("пятницу"));
        assert_eq!(
            found.iter().map(|said| (said.key.as_str(), i64::from(said.at.get()))).collect::<Vec<_>>(),
            [("$1", 1_i64)]
        );
        assert!(newest(events(), |text| text.contains("четверг")).is_empty());
        let order: Vec<String> = newest(events(), |_| true).into_iter().map(|said| said.key).collect();
        assert_eq!(order, ["$3", "$1"], "the newest first");
        let forged = change.iter().map(|change| Said { sender: user("@b:x"), ..copy(change) });
        let kept = newest(forged.chain(first.iter().map(copy)), |_| true);
        assert_eq!(kept.iter().map(|said| said.text.as_str()).collect::<Vec<_>>(), ["в четверг"]);
    }

    fn user(id: &str) -> OwnedUserId {
        matrix_sdk::ruma::UserId::parse(id).expect("it is one")
    }

    fn copy(said: &Said) -> Said {
        Said {
            key: said.key.clone(),
            thread: said.thread.clone(),
            sender: said.sender.clone(),
            at: said.at,
            text: said.text.clone(),
            change: said.change,
        }
    }

    #[test]
    fn a_message_of_a_thread_says_so_and_what_has_no_words_is_none() {
        let content = serde_json::json!({"body": "а", "m.relates_to": {"rel_type": "m.thread", "event_id": "$root"}});
        assert_eq!(message("$1", 1, &content).and_then(|said| said.thread).as_deref(), Some("$root"));
        assert!(message("$1", 1, &serde_json::json!({})).is_none());
        assert!(said("{}").is_none());
    }
}
