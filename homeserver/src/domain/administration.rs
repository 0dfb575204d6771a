//! What administrators do to rooms: looking, blocking, deleting.

use std::collections::HashMap;

use parking_lot::Mutex;
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Serialize;

use super::{
    event::Draft,
    journal::{Change, Journal},
};
pub use crate::storage::administration::RoomRow;
use crate::{
    clock,
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// Deletions that are remembered for those who ask how they went.
const REMEMBERED: usize = 1_000;

/// What deleting a room has done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Emptied {
    /// Who was in it.
    pub kicked_users: Vec<OwnedUserId>,
    /// Who could not be made to leave.
    pub failed_to_kick_users: Vec<OwnedUserId>,
    /// The aliases that it had.
    pub local_aliases: Vec<String>,
    /// Always none: nobody is moved to another room.
    pub new_room_id: Option<OwnedRoomId>,
}

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// People are leaving.
    ShuttingDown,
    /// Rows are being deleted.
    Purging,
    /// It is done.
    Complete,
    /// It could not be done.
    Failed,
}

/// A deletion that was begun.
#[derive(Clone, Debug, Serialize)]
pub struct Deletion {
    /// Its id.
    pub delete_id: String,
    /// The room.
    pub room_id: OwnedRoomId,
    /// How far it is.
    pub status: Status,
    /// What it has done so far.
    pub shutdown_room: Emptied,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip)]
    begun: i64,
}

/// The service.
#[derive(Debug)]
pub struct Administration {
    db: Db,
    journal: Journal,
    deletions: Mutex<HashMap<String, Deletion>>,
}

impl Administration {
    /// The service.
    pub fn new(db: Db, journal: Journal) -> Self {
        Self { db, journal, deletions: Mutex::default() }
    }

    /// Every room, in no order.
    pub async fn rooms(&self) -> Result<Vec<RoomRow>> {
        Ok(storage::administration::rooms(&self.db).await?)
    }

    /// One room, or `M_NOT_FOUND`.
    pub async fn room(&self, room_id: &RoomId) -> Result<RoomRow> {
        let room = storage::administration::one_room(&self.db, room_id).await?;
        room.ok_or_else(|| ApiError::not_found("There is no such room."))
    }

    /// How many devices the members of a room have.
    pub async fn devices_of_members(&self, room_id: &RoomId) -> Result<i64> {
        Ok(storage::administration::devices_of_members(&self.db, room_id).await?)
    }

    /// Who blocked a room, if somebody did.
    pub async fn blocked_by(&self, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
        Ok(storage::administration::blocked_by(&self.db, room_id).await?)
    }

    /// Blocks a room or, with `None`, lets people enter it again.
    pub async fn block(&self, room_id: &RoomId, by: Option<&UserId>) -> Result<()> {
        let (room_id, by) = (room_id.to_owned(), by.map(ToOwned::to_owned));
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    match by {
                        Some(by) => storage::administration::block(&mut w.tx, &room_id, &by, w.now).await?,
                        None => storage::administration::unblock(&mut w.tx, &room_id).await?,
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Begins to delete a room: everybody leaves, its aliases go, and with `purge` all its rows. Answers with the
    /// deletion's id and what remains to be done.
    pub fn begin(&self, room_id: OwnedRoomId, now: i64) -> String {
        let delete_id = clock::random_word(16, clock::LOWERCASE);
        let mut deletions = self.deletions.lock();
        if deletions.len() >= REMEMBERED {
            let oldest = deletions.values().min_by_key(|deletion| deletion.begun).map(|d| d.delete_id.clone());
            oldest.and_then(|id| deletions.remove(&id));
        }
        deletions.insert(
            delete_id.clone(),
            Deletion {
                delete_id: delete_id.clone(),
                room_id,
                status: Status::ShuttingDown,
                shutdown_room: Emptied::default(),
                error: None,
                begun: now,
            },
        );
        delete_id
    }

    /// Does what [`Administration::begin`] began.
    pub async fn delete(&self, delete_id: &str, room_id: &RoomId, purge: bool) -> Result<Emptied> {
        let result = self.delete_room(delete_id, room_id, purge).await;
        self.note(delete_id, |deletion| match &result {
            Ok(emptied) => {
                deletion.status = Status::Complete;
                deletion.shutdown_room = emptied.clone();
            }
            Err(error) => {
                deletion.status = Status::Failed;
                deletion.error = Some(match error {
                    ApiError::Matrix { message, .. } => message.clone(),
                    _ => "The server could not do this. Try again later.".to_owned(),
                });
            }
        });
        result
    }

    async fn delete_room(&self, delete_id: &str, room_id: &RoomId, purge: bool) -> Result<Emptied> {
        let mut emptied = self.empty(room_id).await?;
        emptied.local_aliases = storage::administration::aliases(&self.db, room_id).await?;
        self.note(delete_id, |deletion| {
            deletion.status = Status::Purging;
            deletion.shutdown_room = emptied.clone();
        });
        let room_id = room_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if purge {
                        storage::administration::delete_room(&mut w.tx, &room_id).await?;
                        w.changed(Change::RoomDeleted(room_id));
                    } else {
                        storage::administration::hide_room(&mut w.tx, &room_id).await?;
                        w.changed(Change::Room(room_id));
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(emptied)
    }

    /// Everybody who is in a room or was asked to it leaves.
    async fn empty(&self, room_id: &RoomId) -> Result<Emptied> {
        let id = room_id.to_owned();
        self.journal
            .decide(&[room_id], move |batch| {
                let room = batch.require(&id)?;
                let mut emptied = Emptied::default();
                let joined = room.members(MembershipState::Join).map(|(user_id, _)| (user_id, true));
                let asked = room.members(MembershipState::Invite).map(|(user_id, _)| (user_id, false));
                let knocking = room.members(MembershipState::Knock).map(|(user_id, _)| (user_id, false));
                for (user_id, was_joined) in joined.chain(asked).chain(knocking) {
                    let leave = CanonicalJsonValue::String(MembershipState::Leave.to_string());
                    let content = CanonicalJsonObject::from([("membership".to_owned(), leave)]);
                    let draft = Draft::state(user_id, StateEventType::RoomMember, user_id.as_str(), content);
                    match batch.append(&id, draft) {
                        Ok(_) if was_joined => emptied.kicked_users.push(user_id.to_owned()),
                        Ok(_) => {}
                        Err(_) => emptied.failed_to_kick_users.push(user_id.to_owned()),
                    }
                }
                Ok(emptied)
            })
            .await
    }

    fn note(&self, delete_id: &str, what: impl FnOnce(&mut Deletion)) {
        if let Some(deletion) = self.deletions.lock().get_mut(delete_id) {
            what(deletion);
        }
    }

    /// A deletion by its id.
    pub fn deletion(&self, delete_id: &str) -> Option<Deletion> {
        self.deletions.lock().get(delete_id).cloned()
    }

    /// The deletions of a room, oldest first.
    pub fn deletions_of(&self, room_id: &RoomId) -> Vec<Deletion> {
        let mut found: Vec<_> = self.deletions.lock().values().filter(|d| d.room_id == room_id).cloned().collect();
        found.sort_by_key(|deletion| deletion.begun);
        found
    }
}
