//! The list of what has notified a person, newest first.
//! <https://spec.matrix.org/v1.18/client-server-api/#listing-notifications>
//!
//! Nothing is kept for it: a page is read from the rooms' history and judged by the rules as they are now.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedRoomId, UserId,
    api::client::push::get_notifications::v3::Notification,
    push::{Action, PushConditionRoomCtx},
    serde::Raw,
};

use super::{
    event::{Event, Position},
    ignored::IgnoredUsers,
    push::{self, Push, Rules},
    receipts::{ReadUpTo, Receipts},
    rooms::{Rooms, state::RoomState},
    thread,
    unread::joins,
};
use crate::{
    clock::to_matrix,
    error::Result,
    storage::{self, db::Db},
};

/// Events that one page looks at, at most; a page may so be shorter than asked for, and still not be the last.
const LOOKED_AT: usize = 2_000;
/// Events read at once.
const CHUNK: i64 = 500;
/// Notifications on one page.
const MAX_PAGE: usize = 200;

/// A page of notifications.
#[derive(Debug, Default)]
pub struct Page {
    /// Newest first.
    pub notifications: Vec<Notification>,
    /// What the next page comes before; `None` at the end.
    pub next: Option<Position>,
}

/// Lists notifications.
#[derive(Debug)]
pub struct Notifications {
    db: Db,
    rooms: Arc<Rooms>,
    push: Arc<Push>,
    ignored: Arc<IgnoredUsers>,
    receipts: Arc<Receipts>,
}

/// What is looked up once a room.
struct InRoom {
    state: Arc<RoomState>,
    context: PushConditionRoomCtx,
    read: ReadUpTo,
    joined_at: Position,
}

impl Notifications {
    /// Over the services that it needs.
    pub fn new(
        db: Db,
        rooms: Arc<Rooms>,
        push: Arc<Push>,
        ignored: Arc<IgnoredUsers>,
        receipts: Arc<Receipts>,
    ) -> Self {
        Self { db, rooms, push, ignored, receipts }
    }

    /// A page of what came before a position, in the rooms that the person is in and since they joined them.
    pub async fn page(
        &self,
        user_id: &UserId,
        before: Option<Position>,
        limit: usize,
        only_highlights: bool,
    ) -> Result<Page> {
        let rules = self.push.rules(user_id).await?;
        let ignored = self.ignored.of(user_id).await?;
        let limit = limit.clamp(1, MAX_PAGE);
        let mut rooms: HashMap<OwnedRoomId, Option<InRoom>> = HashMap::new();
        let mut page = Page { notifications: Vec::new(), next: None };
        let mut before = before.unwrap_or(Position::MAX);
        let mut looked_at = 0;
        while looked_at < LOOKED_AT {
            let events = storage::events::in_joined_rooms(&self.db, user_id, before, CHUNK).await?;
            for event in &events {
                if page.notifications.len() == limit {
                    page.next = Some(before);
                    return Ok(page);
                }
                before = event.position;
                if ignored.has(&event.sender) {
                    continue;
                }
                if !rooms.contains_key(&event.room_id) {
                    rooms.insert(event.room_id.clone(), self.room(user_id, &rules, event).await?);
                }
                let Some(Some(room)) = rooms.get(&event.room_id) else { continue };
                if event.position < room.joined_at || event.redacted_by.is_some() {
                    continue;
                }
                let actions = push::actions(&rules.set, event, &room.context);
                let wanted = |action: &Action| if only_highlights { action.is_highlight() } else { true };
                if actions.iter().any(Action::should_notify) && actions.iter().any(wanted) {
                    page.notifications.push(self.notification(room, event, actions).await?);
                }
            }
            looked_at += events.len();
            if events.len() < CHUNK as usize {
                return Ok(page);
            }
        }
        page.next = Some(before);
        Ok(page)
    }

    async fn room(&self, user_id: &UserId, rules: &Rules, event: &Event) -> Result<Option<InRoom>> {
        let Some(state) = self.rooms.get(&event.room_id).await? else { return Ok(None) };
        let own = storage::events::state_history(&self.db, &event.room_id, "m.room.member", user_id.as_str()).await?;
        let joined_at = own.iter().rev().find(|event| joins(event)).map_or(0, |event| event.position);
        let read = self.receipts.read_up_to(&event.room_id, user_id).await?;
        Ok(Some(InRoom { context: rules.context(&state, user_id), state, read, joined_at }))
    }

    async fn notification(&self, room: &InRoom, event: &Event, actions: &[Action]) -> Result<Notification> {
        let thread = thread::root_of(&self.db, &room.state, event).await?;
        let read = event.position <= room.read.of(thread.as_ref());
        let json = Raw::from_json_string(event.json.to_string())?;
        let ts = to_matrix(event.origin_server_ts);
        Ok(Notification::new(actions.to_vec(), json, read, event.room_id.clone(), ts))
    }
}
