//! Which rooms a client is told of: those that its lists show it, and those that it asks for by name.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use ruma::{
    OwnedRoomId, RoomId, UserId,
    api::client::sync::sync_events::v5::{Request, request::ListFilters},
    directory::RoomTypeFilter,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Asked, config::Config, connections::Seen};
use crate::{
    domain::{
        event::{Event, Position},
        ignored::Ignored,
        rooms::{RoomsOfUser, state::RoomState},
    },
    error::Result,
    sync::streams::outside::withheld,
};

/// A room of the user's.
#[derive(Debug)]
pub(super) struct Place {
    /// As it stands.
    pub room: Arc<RoomState>,
    /// What the user is to it.
    pub membership: MembershipState,
    /// The event that says so.
    pub own: Arc<Event>,
}

impl Place {
    /// Whether the user is in the room.
    pub(super) fn is_joined(&self) -> bool {
        self.membership == MembershipState::Join
    }

    fn spot(&self) -> Spot {
        Spot {
            room_id: self.room.room_id.clone(),
            membership: self.membership.clone(),
            activity: if self.is_joined() { self.room.position } else { self.own.position },
            kind: self.room.room_type().into(),
            is_encrypted: self.room.is_encrypted(),
        }
    }
}

/// What lists choose a room by, and where they place it.
#[derive(Debug)]
struct Spot {
    room_id: OwnedRoomId,
    membership: MembershipState,
    /// When something last happened in it that concerns the user.
    activity: Position,
    kind: RoomTypeFilter,
    is_encrypted: bool,
}

/// The user's rooms, those first in which something happened last: kept from one request to the next, so that only what
/// moved is looked at again.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    spots: Arc<Vec<Arc<Spot>>>,
    /// Whose invitations were left out.
    ignored: Arc<Ignored>,
}

/// By which of a request's lists a room is shown, a bit each, and whether it is asked for by name.
type By = u128;
const BY_NAME: By = 1 << 127;

/// What a client has asked for, and the rooms that it was told of for that. All that was known of them it has been told.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// A digest of it.
    asked: [u8; 32],
    rooms: HashMap<OwnedRoomId, By>,
}

/// A room that is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// The room.
    pub place: Place,
    /// What of it.
    pub config: Config,
    /// The lists that show it.
    pub lists: Vec<&'a str>,
    /// Whether it is asked for by name.
    pub subscribed: bool,
}

/// All rooms that the user is or was in, and what decides which of them are shown.
struct Rooms<'a> {
    asked: &'a Asked<'a>,
    seen: &'a Seen,
    memberships: RoomsOfUser,
    ignored: Arc<Ignored>,
}

impl Rooms<'_> {
    /// A room as it is to the user now. Who left a room by their own will knows it: such a room is there only until the
    /// client has been told, where it has the room at all.
    async fn place(&self, room_id: &RoomId) -> Result<Option<Place>> {
        let user_id = self.asked.user_id();
        if self.memberships.get(room_id).is_none_or(|kept| kept.forgotten) {
            return Ok(None);
        }
        let Some(room) = self.asked.app.rooms.get(room_id).await? else { return Ok(None) };
        let Some(own) = room.get(&StateEventType::RoomMember, user_id.as_str()).cloned() else { return Ok(None) };
        let Some(membership) = own.membership.clone() else { return Ok(None) };
        let there = match membership {
            MembershipState::Join | MembershipState::Knock => true,
            MembershipState::Invite => !withheld(&room, user_id, &self.ignored),
            _ => {
                let told = self.seen.rooms.get(room_id);
                was_sent_away(&own, user_id) || told.is_some_and(|told| told.up_to < own.position)
            }
        };
        Ok(there.then_some(Place { room, membership, own }))
    }

    /// The user's rooms in their order, as they were but for those that moved; all anew where these are not known.
    async fn places(&self, moved: Option<&HashSet<OwnedRoomId>>) -> Result<Places> {
        let before = &self.seen.places;
        let mut spots = Vec::new();
        let look_at: HashSet<&OwnedRoomId> = match moved.filter(|_| before.ignored == self.ignored) {
            None => self.memberships.keys().collect(),
            Some(moved) => {
                // Who is not in a room may have forgotten it, or been told that they left, and nothing moved with that.
                let stays = |spot: &Spot| spot.membership == MembershipState::Join && !moved.contains(&spot.room_id);
                spots.extend(before.spots.iter().filter(|spot| stays(spot)).cloned());
                let others = before.spots.iter().filter(|spot| !stays(spot)).map(|spot| &spot.room_id);
                others.chain(moved).collect()
            }
        };
        for room_id in look_at {
            spots.extend(self.place(room_id).await?.map(|place| Arc::new(place.spot())));
        }
        spots.sort_by_key(|spot| Reverse(spot.activity));
        Ok(Places { spots: Arc::new(spots), ignored: self.ignored.clone() })
    }
}

/// Whether somebody else put the user out of a room that they were in.
fn was_sent_away(own: &Event, user_id: &UserId) -> bool {
    #[derive(Deserialize)]
    struct Before {
        membership: MembershipState,
    }
    let before = own.prev_content.as_ref().and_then(|content| serde_json::from_str::<Before>(content.get()).ok());
    own.sender != user_id && before.is_some_and(|before| before.membership == MembershipState::Join)
}

/// The rooms that a request asks for and of which there may be something to tell, and how many each of its lists has.
/// Notes in `now` which rooms there are, and which of them the client is shown.
pub(super) async fn wanted<'a>(
    asked: &Asked<'_>,
    request: &'a Request,
    seen: &Seen,
    now: &mut Seen,
) -> Result<(Vec<Wanted<'a>>, BTreeMap<&'a str, usize>)> {
    let (app, user_id) = (asked.app, asked.user_id());
    let memberships = app.rooms.of_user(user_id).await?;
    let rooms = Rooms { asked, seen, memberships, ignored: app.ignored.of(user_id).await? };
    let moved = seen.token.and_then(|since| app.moved.among(&rooms.memberships, since.position));
    now.places = rooms.places(moved.as_ref()).await?;
    let (chosen, counts) = choose(request, &now.places, &now.direct);
    let mut shown = Shown { asked: asked_for(request)?, rooms: HashMap::with_capacity(chosen.len()) };
    let stirred = stirred(asked, seen, &shown.asked, moved);
    let details = request.lists.values().map(|list| &list.room_details);
    let configs: Vec<_> = details.map(|list| Config::new(list.timeline_limit, &list.required_state, user_id)).collect();
    let mut wanted = Vec::new();
    for (index, by) in chosen {
        let room_id = &now.places.spots[index].room_id;
        let is_quiet = stirred.as_ref().is_some_and(|stirred| !stirred.contains(room_id));
        if is_quiet && seen.shown.rooms.get(room_id) == Some(&by) {
            shown.rooms.insert(room_id.clone(), by);
            continue;
        }
        let Some(place) = rooms.place(room_id).await? else { continue };
        shown.rooms.insert(room_id.clone(), by);
        let mut config = Config::default();
        let mut lists = Vec::new();
        for (bit, (name, of_list)) in request.lists.keys().zip(&configs).enumerate() {
            if by & (1 << bit) != 0 {
                config.add(of_list);
                lists.push(name.as_str());
            }
        }
        let by_name = request.room_subscriptions.get(room_id);
        if let Some(by_name) = by_name {
            config.add(&Config::new(by_name.timeline_limit, &by_name.required_state, user_id));
        }
        wanted.push(Wanted { place, config, lists, subscribed: by_name.is_some() });
    }
    now.shown = Arc::new(shown);
    Ok((wanted, counts))
}

/// The places that a request asks for, and by what, and how many each of its lists has.
fn choose<'a>(
    request: &'a Request,
    places: &Places,
    direct: &HashSet<OwnedRoomId>,
) -> (BTreeMap<usize, By>, BTreeMap<&'a str, usize>) {
    let mut chosen: BTreeMap<usize, By> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let spots = || places.spots.iter().enumerate();
    for (bit, (name, list)) in request.lists.iter().enumerate() {
        let shown = |spot: &Spot| list.filters.as_ref().is_none_or(|filters| passes(filters, spot, direct));
        let matching: Vec<usize> = spots().filter(|(_, spot)| shown(spot)).map(|(index, _)| index).collect();
        counts.insert(name.as_str(), matching.len());
        for (first, last) in &list.ranges {
            let first = usize::try_from(u64::from(*first)).unwrap_or(usize::MAX);
            let last = usize::try_from(u64::from(*last)).unwrap_or(usize::MAX);
            for index in matching.iter().skip(first).take((last - first).saturating_add(1)) {
                *chosen.entry(*index).or_default() |= 1 << bit;
            }
        }
    }
    if !request.room_subscriptions.is_empty() {
        for (index, _) in spots().filter(|(_, spot)| request.room_subscriptions.contains_key(&spot.room_id)) {
            *chosen.entry(index).or_default() |= BY_NAME;
        }
    }
    (chosen, counts)
}

/// A digest of what a request asks of rooms, to be compared with another.
fn asked_for(request: &Request) -> Result<[u8; 32]> {
    let extensions = &request.extensions;
    let of_rooms = (&extensions.account_data, &extensions.receipts, &extensions.typing);
    Ok(Sha256::digest(serde_json::to_vec(&(&request.lists, &request.room_subscriptions, of_rooms))?).into())
}

/// The user's rooms in which something moved since the client was told; `None` where any of them may have something to
/// tell: because that is not known, or all are looked at anew for another question or for account data.
fn stirred(
    asked: &Asked<'_>,
    seen: &Seen,
    asked_for: &[u8; 32],
    moved: Option<HashSet<OwnedRoomId>>,
) -> Option<HashSet<OwnedRoomId>> {
    let (since, mut stirred) = (seen.token?, moved?);
    if seen.shown.asked != *asked_for || asked.app.notifier.account_data_moved(asked.user_id(), since.position) {
        return None;
    }
    stirred.extend(asked.app.typing.moved_since(since.ephemeral));
    Some(stirred)
}

fn passes(filters: &ListFilters, spot: &Spot, direct: &HashSet<OwnedRoomId>) -> bool {
    filters.is_dm.is_none_or(|wanted| wanted == direct.contains(&spot.room_id))
        && filters.is_encrypted.is_none_or(|wanted| wanted == spot.is_encrypted)
        && filters.is_invite.is_none_or(|wanted| wanted == (spot.membership == MembershipState::Invite))
        && (filters.room_types.is_empty() || filters.room_types.contains(&spot.kind))
        && !filters.not_room_types.contains(&spot.kind)
}
