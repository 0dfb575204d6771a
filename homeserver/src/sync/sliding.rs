//! Simplified sliding sync: of the rooms that a client asks for, what moved since it was last told of each.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4186>
//!
//! A connection remembers for each room how far the client was told of it, and which rooms it was shown, so that what an
//! answer costs goes with what it tells: neither the other rooms nor the history behind them are read.

pub mod config;
pub mod connections;
mod extensions;
mod lists;
mod room;

use std::{collections::HashSet, sync::Arc};

use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::sync::sync_events::v5::{Request, Response, response},
};
use serde_json::Value;
use tokio::time::Instant;

use self::connections::{Key, Pos, Seen};
use super::{classic::MAX_TIMEOUT, token::Token};
use crate::{
    app::App,
    domain::{event::Position, rooms::view::Viewer, sessions::Requester},
    error::{ApiError, Result},
    storage,
};

/// The lists of one request.
const MAX_LISTS: usize = 100;
/// The rooms of one request that are asked for by name.
const MAX_SUBSCRIPTIONS: usize = 1_000;
/// The pieces of state that all lists of one request name, and that a room asked for by name does: a connection remembers
/// them for each room.
const MAX_REQUIRED_STATE: usize = 200;
/// The longest name of a list or a connection in bytes.
const MAX_NAME: usize = 255;
/// The type of the account data that says which rooms are direct.
const DIRECT: &str = "m.direct";

/// The answer to a sync.
#[derive(Debug)]
pub struct Answer {
    /// What ruma's type holds of it.
    pub response: Response,
    /// The rooms whose timeline goes further back than what the client was told before.
    pub expanded: Vec<OwnedRoomId>,
}

/// Who asks, and from where to where.
struct Asked<'a> {
    app: &'a App,
    requester: &'a Requester,
    viewer: Viewer<'a>,
    /// Up to where the connection was told before; `None` on its first request.
    since: Option<Token>,
    /// Up to where it is told now.
    up_to: Position,
}

impl Asked<'_> {
    fn user_id(&self) -> &UserId {
        &self.requester.user_id
    }
}

/// Answers a sync, at once if there is anything to tell, else as soon as there is or when its time is up.
///
/// # Errors
///
/// `M_UNKNOWN_POS` for a position of a connection that is not held any more: the client begins a new one.
pub async fn sync(app: &App, requester: &Requester, request: &Request) -> Result<Answer> {
    check(request)?;
    let key = Key::new(requester, request.conn_id.as_deref());
    let pos = request.pos.as_deref().map(str::parse::<Pos>).transpose()?;
    let (turn, seen) = app.sliding.open(&key, pos)?;
    let deadline = Instant::now() + request.timeout.unwrap_or_default().min(MAX_TIMEOUT);
    extensions::acknowledge(app, requester, request).await?;
    // As long as this is held, the person does not go offline.
    let _syncing = app.presence.syncing(&requester.user_id, &request.set_presence);
    let waiter = app.notifier.wait(&requester.user_id);
    loop {
        let change = waiter.change();
        let last = pos.is_none() || Instant::now() >= deadline || app.tasks.stopping().is_cancelled();
        let (mut answer, now) = answer(app, requester, request, &seen).await?;
        if last || !is_empty(&answer.response) {
            answer.response.pos = app.sliding.answered(&key, turn, now).to_string();
            return Ok(answer);
        }
        tokio::select! {
            () = change => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = app.tasks.stopping().cancelled() => {}
        }
    }
}

/// Refuses what no client asks for.
fn check(request: &Request) -> Result<()> {
    let ends = |range: &(UInt, UInt)| range.0 <= range.1;
    let mut names = request.lists.keys().chain(&request.conn_id);
    if names.any(|name| name.len() > MAX_NAME) {
        return Err(ApiError::invalid_param(format!("A list or a connection has a name of at most {MAX_NAME} bytes.")));
    }
    if request.lists.len() > MAX_LISTS || request.room_subscriptions.len() > MAX_SUBSCRIPTIONS {
        let most = format!("A sync has at most {MAX_LISTS} lists and {MAX_SUBSCRIPTIONS} room subscriptions.");
        return Err(ApiError::invalid_param(most));
    }
    let of_lists = request.lists.values().map(|list| list.room_details.required_state.len()).sum::<usize>();
    let mut of_rooms = request.room_subscriptions.values().map(|room| room.required_state.len());
    if of_lists > MAX_REQUIRED_STATE || of_rooms.any(|named| named > MAX_REQUIRED_STATE) {
        let most =
            format!("The lists of a sync, and a room asked for by name, require at most {MAX_REQUIRED_STATE} states.");
        return Err(ApiError::invalid_param(most));
    }
    if !request.lists.values().all(|list| list.ranges.iter().all(ends)) {
        return Err(ApiError::invalid_param("A range ends before it begins."));
    }
    Ok(())
}

fn is_empty(response: &Response) -> bool {
    let extensions = &response.extensions;
    response.rooms.is_empty()
        && extensions.to_device.as_ref().is_none_or(|to_device| to_device.events.is_empty())
        && extensions.e2ee.device_lists.is_empty()
        && extensions.account_data.is_empty()
        && extensions.receipts.is_empty()
        && extensions.typing.is_empty()
        && extensions.thread_subscriptions.is_empty()
}

/// What there is to tell, and what the client has seen when it has been told.
async fn answer(app: &App, requester: &Requester, request: &Request, seen: &Seen) -> Result<(Answer, Seen)> {
    // Taken before anything is read: what comes later comes with the next sync.
    let ephemeral = app.ephemeral.position();
    let up_to = app.journal.position();
    let viewer = Viewer { with_room_id: false, ..Viewer::new(requester, app.clock.now()) };
    let asked = Asked { app, requester, viewer, since: seen.token, up_to };
    let mut now = Seen {
        token: Some(Token { ephemeral, ..Token::at(up_to) }),
        direct: direct(&asked, seen).await?,
        rooms: seen.rooms.clone(),
        ..Seen::default()
    };
    let (wanted, counts) = lists::wanted(&asked, request, seen, &mut now).await?;
    let mut response = Response::new(String::new());
    response.txn_id.clone_from(&request.txn_id);
    for (name, count) in counts {
        let mut list = response::List::default();
        list.count = UInt::try_from(count).unwrap_or(UInt::MAX);
        response.lists.insert(name.to_owned(), list);
    }
    let mut expanded = Vec::new();
    for room in &wanted {
        let room_id = &room.place.room.room_id;
        let told = seen.rooms.get(room_id).map(|told| &**told);
        if let Some(news) = room::news(&asked, room, told, now.direct.contains(room_id)).await? {
            if news.expanded {
                expanded.push(room_id.clone());
            }
            response.rooms.insert(room_id.clone(), news.room);
            now.rooms.insert(room_id.clone(), Arc::new(news.told));
        }
    }
    extensions::add(&asked, request, &wanted, &mut now, &mut response).await?;
    Ok((Answer { response, expanded }, now))
}

/// The rooms that the user calls direct, read again where they may have changed.
async fn direct(asked: &Asked<'_>, seen: &Seen) -> Result<Arc<HashSet<OwnedRoomId>>> {
    if let Some(since) = seen.token
        && !asked.app.notifier.account_data_moved(asked.user_id(), since.position)
    {
        return Ok(seen.direct.clone());
    }
    let stored = storage::account_data::get(&asked.app.db, asked.user_id(), None, DIRECT).await?;
    // A client may have put anything there: what is no list of rooms names none.
    let content: Value = stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let ids = content.as_object().into_iter().flat_map(serde_json::Map::values).filter_map(Value::as_array).flatten();
    Ok(Arc::new(ids.filter_map(|id| OwnedRoomId::try_from(id.as_str()?).ok()).collect()))
}
