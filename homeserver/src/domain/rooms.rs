//! Rooms: their state, who is in them, and what may be done there.

pub mod build;
pub mod create;
pub mod directory;
pub mod history;
pub mod membership;
pub mod relations;
pub mod search;
pub mod send;
pub mod spaces;
pub mod state;
pub mod summary;
pub mod upgrade;
pub mod view;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, UserId, events::room::member::MembershipState,
};
use tokio::sync::Semaphore;

use self::state::RoomState;
use super::{appservices::Appservices, cache::Turns, ignored::IgnoredUsers, journal::Journal, users::Users};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// What is done in rooms: making and joining them, sending, reading their history.
#[derive(Debug)]
pub struct RoomActions {
    db: Db,
    server_name: OwnedServerName,
    rooms: Arc<Rooms>,
    users: Arc<Users>,
    journal: Journal,
    appservices: Arc<Appservices>,
    ignored: Arc<IgnoredUsers>,
    /// Aliases that are being given out.
    reserved: Arc<Mutex<HashSet<OwnedRoomAliasId>>>,
    /// Places for those who search: searching must not take the database from those who talk.
    searching: Semaphore,
}

impl RoomActions {
    /// Over the services that it needs.
    pub fn new(
        db: Db,
        server_name: OwnedServerName,
        rooms: Arc<Rooms>,
        users: Arc<Users>,
        journal: Journal,
        appservices: Arc<Appservices>,
        ignored: Arc<IgnoredUsers>,
    ) -> Self {
        Self {
            db,
            server_name,
            rooms,
            users,
            journal,
            appservices,
            ignored,
            reserved: Arc::default(),
            searching: search::places(),
        }
    }
}

pub use crate::storage::rooms::Membership;

/// The rooms of one user.
pub type RoomsOfUser = Arc<HashMap<OwnedRoomId, Membership>>;

/// The current state of every room in use and the rooms of every user in use: snapshots that the journal publishes
/// after each commit, so that nobody who reads them waits or asks the database.
#[derive(Debug)]
pub struct Rooms {
    db: Db,
    states: RwLock<HashMap<OwnedRoomId, Arc<RoomState>>>,
    of_users: RwLock<HashMap<OwnedUserId, RoomsOfUser>>,
    loading: Turns,
    /// Counts publications, so that a loader sees whether one came between its reading and its keeping.
    generation: AtomicU64,
}

impl Rooms {
    /// Nothing loaded as yet.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            states: RwLock::default(),
            of_users: RwLock::default(),
            loading: Turns::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// A room's current state; `None` if there is no such room.
    pub async fn get(&self, room_id: &RoomId) -> Result<Option<Arc<RoomState>>> {
        if let Some(state) = self.loaded(room_id) {
            return Ok(Some(state));
        }
        let _turn = self.loading.take(room_id).await;
        if let Some(state) = self.loaded(room_id) {
            return Ok(Some(state));
        }
        let Some(stored) = storage::rooms::load(&self.db, room_id).await? else { return Ok(None) };
        let version = stored.version.clone();
        let unknown = || ApiError::internal(format!("a room of version {version} is stored"));
        let state = RoomState::stored(room_id.to_owned(), stored).ok_or_else(unknown)?;
        // The journal publishes only rooms it has loaded through here, so what is there already is newer.
        Ok(Some(self.states.write().entry(room_id.to_owned()).or_insert_with(|| Arc::new(state)).clone()))
    }

    /// A room's current state, or `M_NOT_FOUND`.
    pub async fn require(&self, room_id: &RoomId) -> Result<Arc<RoomState>> {
        self.get(room_id).await?.ok_or_else(|| ApiError::not_found("There is no such room."))
    }

    /// A room's current state for one who must be joined to it, or `M_FORBIDDEN`: who is not in a room does not learn
    /// whether there is one.
    pub async fn joined(&self, room_id: &RoomId, user_id: &UserId) -> Result<Arc<RoomState>> {
        match self.get(room_id).await? {
            Some(state) if state.is_joined(user_id) => Ok(state),
            _ => Err(ApiError::forbidden("You are not in this room.")),
        }
    }

    /// A snapshot that is already in memory.
    pub fn loaded(&self, room_id: &RoomId) -> Option<Arc<RoomState>> {
        self.states.read().get(room_id).cloned()
    }

    /// The rooms that a user is joined to, as far as they are in memory.
    pub fn loaded_of_user(&self, user_id: &UserId) -> Vec<OwnedRoomId> {
        let of_users = self.of_users.read();
        let rooms = of_users.get(user_id).into_iter().flat_map(|rooms| rooms.iter());
        rooms.filter(|(_, m)| m.membership == MembershipState::Join).map(|(room_id, _)| room_id.clone()).collect()
    }

    /// All rooms that a user is or was in.
    pub async fn of_user(&self, user_id: &UserId) -> Result<RoomsOfUser> {
        if let Some(rooms) = self.of_users.read().get(user_id) {
            return Ok(rooms.clone());
        }
        // A commit between the reading and the keeping would be lost: publish() counts, and we read again.
        loop {
            let before = self.generation();
            let rooms = Arc::new(storage::rooms::memberships(&self.db, user_id).await?);
            let mut of_users = self.of_users.write();
            if self.generation() == before {
                return Ok(of_users.entry(user_id.to_owned()).or_insert(rooms).clone());
            }
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Makes a commit's new states and memberships visible. Called by the journal alone.
    pub(super) fn publish(
        &self,
        states: impl IntoIterator<Item = Arc<RoomState>>,
        memberships: impl IntoIterator<Item = (OwnedUserId, OwnedRoomId, Membership)>,
    ) {
        {
            let mut all = self.states.write();
            for state in states {
                all.insert(state.room_id.clone(), state);
            }
        }
        let mut of_users = self.of_users.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        for (user_id, room_id, membership) in memberships {
            if let Some(rooms) = of_users.get_mut(&user_id) {
                Arc::make_mut(rooms).insert(room_id, membership);
            }
        }
    }

    /// Forgets a room that was deleted from the database.
    pub(super) fn evict(&self, room_id: &RoomId) {
        self.states.write().remove(room_id);
        let mut of_users = self.of_users.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        for rooms in of_users.values_mut() {
            if rooms.contains_key(room_id) {
                Arc::make_mut(rooms).remove(room_id);
            }
        }
    }
}
