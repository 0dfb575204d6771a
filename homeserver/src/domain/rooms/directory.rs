//! Aliases and the public directory.
//! <https://spec.matrix.org/v1.18/client-server-api/#room-aliases>

use std::{cmp::Reverse, collections::HashSet, fmt, str::FromStr, sync::Arc};

use parking_lot::Mutex;
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId, UserId,
    directory::{PublicRoomsChunk, RoomNetwork},
    events::{StateEventType, room::history_visibility::HistoryVisibility},
};

use super::{RoomActions, state::RoomState, summary::summary};
use crate::{
    domain::{appservices::Appservice, journal::Change, sessions::Requester},
    error::{ApiError, Result},
    storage,
};

/// An alias that nobody else may take until this is dropped.
#[derive(Debug)]
pub struct Reserved {
    alias: OwnedRoomAliasId,
    all: Arc<Mutex<HashSet<OwnedRoomAliasId>>>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.all.lock().remove(&self.alias);
    }
}

/// A page of the public directory.
#[derive(Debug, Default)]
pub struct PublicRooms {
    /// The rooms.
    pub chunk: Vec<PublicRoomsChunk>,
    /// Where the page after this one begins.
    pub next: Option<Place>,
    /// Where the page before this one ends.
    pub previous: Option<Place>,
    /// How many rooms there are in all.
    pub total: usize,
}

/// A place in the directory beside a room, which holds while other rooms come and go. Its text is `a` (after) or `b`
/// (before), the number of members, `_`, and the room's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    after: bool,
    members: u64,
    room_id: OwnedRoomId,
}

impl Place {
    fn beside(room: &RoomState, after: bool) -> Self {
        Self { after, members: room.joined_count, room_id: room.room_id.clone() }
    }

    fn key(&self) -> (Reverse<u64>, &RoomId) {
        (Reverse(self.members), &self.room_id)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}_{}", if self.after { 'a' } else { 'b' }, self.members, self.room_id)
    }
}

impl FromStr for Place {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let after = match text.get(..1)? {
                "a" => true,
                "b" => false,
                _ => return None,
            };
            let (members, room_id) = text[1..].split_once('_')?;
            Some(Self { after, members: members.parse().ok()?, room_id: room_id.try_into().ok()? })
        };
        read().ok_or_else(|| ApiError::invalid_param("since is no token of this directory."))
    }
}

impl RoomActions {
    /// Reserves a free alias of this server.
    pub(super) async fn reserve(&self, alias: &RoomAliasId) -> Result<Reserved> {
        let taken = || ApiError::room_in_use(format!("The address {alias} is taken. Choose another."));
        if !self.reserved.lock().insert(alias.to_owned()) {
            return Err(taken());
        }
        let reserved = Reserved { alias: alias.to_owned(), all: self.reserved.clone() };
        match storage::directory::resolve(&self.db, alias).await? {
            None => Ok(reserved),
            Some(_) => Err(taken()),
        }
    }

    /// Refuses an alias of another server or of another application service.
    pub fn check_alias(&self, alias: &RoomAliasId, requester: &Requester) -> Result<()> {
        if alias.server_name() != self.server_name {
            return Err(ApiError::invalid_param(format!("An address of this server ends in :{}.", self.server_name)));
        }
        if alias.as_str().len() > 255 || alias.alias().is_empty() {
            return Err(ApiError::invalid_param("An address has between 1 and 255 characters."));
        }
        self.check_namespace(alias, requester)
    }

    /// Whoever makes or removes an alias keeps out of namespaces that are another's alone; an application service keeps
    /// to its own.
    fn check_namespace(&self, alias: &RoomAliasId, requester: &Requester) -> Result<()> {
        let own = requester.appservice.as_deref();
        if self.appservices.owns_alias(alias, own) || own.is_some_and(|appservice| !appservice.has_alias(alias)) {
            return Err(ApiError::exclusive(format!("The address {alias} is reserved for an application service.")));
        }
        Ok(())
    }

    /// Where an alias leads.
    pub async fn resolve(&self, alias: &RoomAliasId) -> Result<Option<OwnedRoomId>> {
        Ok(storage::directory::resolve(&self.db, alias).await?)
    }

    /// Adds an alias to a room.
    pub async fn add_alias(&self, requester: &Requester, alias: &RoomAliasId, room_id: &RoomId) -> Result<()> {
        self.check_alias(alias, requester)?;
        self.rooms.require(room_id).await?;
        if requester.appservice.is_none() {
            self.rooms.joined(room_id, &requester.user_id).await?;
        }
        let taken = self.reserve(alias).await;
        let _reserved = taken.map_err(|error| match error {
            ApiError::Matrix { message, .. } => {
                ApiError::new(http::StatusCode::CONFLICT, ruma::api::error::ErrorKind::Unknown, message)
            }
            other => other,
        })?;
        let row = storage::directory::insert(alias, room_id, &requester.user_id);
        self.journal.run(vec![row], Some(Change::Room(room_id.to_owned()))).await
    }

    /// Removes an alias: its creator may, and whoever may set the room's canonical alias, and the application service in
    /// whose namespace it is.
    pub async fn remove_alias(&self, requester: &Requester, alias: &RoomAliasId) -> Result<()> {
        let room_id =
            self.resolve(alias).await?.ok_or_else(|| ApiError::not_found("There is no such room address."))?;
        self.check_namespace(alias, requester)?;
        let creator = storage::directory::creator(&self.db, alias).await?;
        let user_id = &requester.user_id;
        let room = self.rooms.get(&room_id).await?;
        let may = requester.appservice.is_some()
            || creator.as_ref() == Some(user_id)
            || room.as_ref().is_some_and(|room| {
                room.is_joined(user_id)
                    && room.power_levels().user_can_send_state(user_id, StateEventType::RoomCanonicalAlias)
            });
        if !may {
            return Err(ApiError::forbidden("Only who made this address, or who runs the room, may remove it."));
        }
        self.journal.run(vec![storage::directory::delete(alias)], Some(Change::Room(room_id))).await
    }

    /// The aliases of a room, for its members and, where everybody may read it, for everybody.
    pub async fn aliases(&self, user_id: &UserId, room_id: &RoomId) -> Result<Vec<OwnedRoomAliasId>> {
        let room = self.rooms.get(room_id).await?;
        let may = room.is_some_and(|room| {
            room.is_joined(user_id) || room.history_visibility() == HistoryVisibility::WorldReadable
        });
        if !may {
            return Err(ApiError::forbidden("You are not in this room."));
        }
        Ok(storage::directory::of_room(&self.db, room_id).await?)
    }

    /// Whether the directory lists a room.
    pub async fn is_public(&self, room_id: &RoomId) -> Result<bool> {
        self.rooms.require(room_id).await?;
        Ok(storage::directory::is_public(&self.db, room_id).await?)
    }

    /// Lists a room in the directory or takes it out: whoever may set its canonical alias.
    pub async fn set_public(&self, user_id: &UserId, room_id: &RoomId, is_public: bool) -> Result<()> {
        let room = self.rooms.require(room_id).await?;
        if !room.is_joined(user_id)
            || !room.power_levels().user_can_send_state(user_id, StateEventType::RoomCanonicalAlias)
        {
            return Err(ApiError::forbidden("Only who runs the room may change its entry in the directory."));
        }
        let row = storage::directory::set_public(room_id, is_public);
        self.journal.run(vec![row], Some(Change::Room(room_id.to_owned()))).await
    }

    /// Lists a room in the directory of an application service's network or takes it out.
    /// <https://spec.matrix.org/v1.18/application-service-api/#application-service-room-directories>
    pub async fn set_in_network(
        &self,
        appservice: &Appservice,
        network: &str,
        room_id: &RoomId,
        listed: bool,
    ) -> Result<()> {
        self.rooms.require(room_id).await?;
        let row = storage::directory::set_in_network(&appservice.instance_id(network), room_id, listed);
        self.journal.run(vec![row], None).await
    }

    /// A page of a network's directory, the rooms with the most members first. `term` is looked for in names, topics and
    /// aliases; `types` are room types, `None` among them standing for rooms without one.
    pub async fn public_rooms(
        &self,
        network: &RoomNetwork,
        term: Option<&str>,
        types: Option<&[Option<String>]>,
        since: Option<&Place>,
        limit: usize,
    ) -> Result<PublicRooms> {
        let term = term.map(str::to_lowercase).filter(|term| !term.is_empty());
        let mut found = Vec::new();
        for room_id in storage::directory::public_rooms(&self.db, network).await? {
            let Some(room) = self.rooms.get(&room_id).await? else { continue };
            let of_type = types.is_none_or(|types| types.contains(&room.room_type().map(|t| t.to_string())));
            if of_type && term.as_deref().is_none_or(|term| mentions(&room, term)) {
                found.push(room);
            }
        }
        found.sort_by(|a, b| order(a).cmp(&order(b)));
        let (start, end) = match since {
            None => (0, limit),
            Some(place) if place.after => {
                let start = found.partition_point(|room| order(room) <= place.key());
                (start, start + limit)
            }
            Some(place) => {
                let end = found.partition_point(|room| order(room) < place.key());
                (end.saturating_sub(limit), end)
            }
        };
        let page = &found[start..found.len().min(end)];
        Ok(PublicRooms {
            chunk: page.iter().map(|room| summary(room).into()).collect(),
            next: page.last().filter(|_| start + page.len() < found.len()).map(|room| Place::beside(room, true)),
            previous: page.first().filter(|_| start > 0).map(|room| Place::beside(room, false)),
            total: found.len(),
        })
    }
}

/// The order of the directory: most members first.
fn order(room: &RoomState) -> (Reverse<u64>, &RoomId) {
    (Reverse(room.joined_count), &room.room_id)
}

fn mentions(room: &RoomState, term: &str) -> bool {
    let alias = room.canonical_alias().map(|alias| alias.to_string());
    [room.name(), room.topic(), alias].into_iter().flatten().any(|text| text.to_lowercase().contains(term))
}
