//! Which rooms a client is told of: those that its lists show it, and those that it asks for by name.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use ruma::{
    OwnedRoomId, UserId,
    api::client::sync::sync_events::v5::{Request, request::ListFilters},
    directory::RoomTypeFilter,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;

use super::{Asked, config::Config, connections::Seen};
use crate::{
    domain::{
        event::{Event, Position},
        rooms::state::RoomState,
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
    /// When something last happened in it that concerns the user.
    activity: Position,
}

impl Place {
    /// Whether the user is in the room.
    pub(super) fn is_joined(&self) -> bool {
        self.membership == MembershipState::Join
    }
}

/// A room that is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// The room.
    pub place: &'a Place,
    /// What of it.
    pub config: Config,
    /// The lists that show it.
    pub lists: Vec<&'a str>,
    /// Whether it is asked for by name.
    pub subscribed: bool,
}

/// The user's rooms, those first in which something happened last. Who left a room by their own will knows it: such a
/// room is there only until the client has been told, where it has the room at all.
pub(super) async fn places(asked: &Asked<'_>, seen: &Seen) -> Result<Vec<Place>> {
    let user_id = asked.user_id();
    let ignored = asked.app.ignored.of(user_id).await?;
    let mut places = Vec::new();
    for (room_id, kept) in asked.app.rooms.of_user(user_id).await?.iter() {
        if kept.forgotten {
            continue;
        }
        let Some(room) = asked.app.rooms.get(room_id).await? else { continue };
        let Some(own) = room.get(&StateEventType::RoomMember, user_id.as_str()).cloned() else { continue };
        let Some(membership) = own.membership.clone() else { continue };
        let there = match membership {
            MembershipState::Join | MembershipState::Knock => true,
            MembershipState::Invite => !withheld(&room, user_id, &ignored),
            _ => was_sent_away(&own, user_id) || seen.rooms.get(room_id).is_some_and(|told| told.up_to < own.position),
        };
        if there {
            let activity = if membership == MembershipState::Join { room.position } else { own.position };
            places.push(Place { room, membership, own, activity });
        }
    }
    places.sort_unstable_by_key(|place| std::cmp::Reverse(place.activity));
    Ok(places)
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

/// The rooms that a request asks for, and how many each of its lists has.
pub(super) fn wanted<'a>(
    asked: &Asked<'_>,
    request: &'a Request,
    places: &'a [Place],
    direct: &HashSet<OwnedRoomId>,
) -> (Vec<Wanted<'a>>, BTreeMap<&'a str, usize>) {
    let mut wanted: BTreeMap<usize, Wanted<'a>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let mut want = |index: usize, config: &Config, list: Option<&'a str>| {
        let place = &places[index];
        let wanted = wanted.entry(index).or_insert_with(|| Wanted {
            place,
            config: Config::default(),
            lists: Vec::new(),
            subscribed: false,
        });
        wanted.config.add(config);
        wanted.lists.extend(list);
        wanted.subscribed |= list.is_none();
    };
    for (name, list) in &request.lists {
        let config = Config::new(list.room_details.timeline_limit, &list.room_details.required_state, asked.user_id());
        let shown = |place: &Place| list.filters.as_ref().is_none_or(|filters| passes(filters, place, direct));
        let matching: Vec<usize> = (0..places.len()).filter(|index| shown(&places[*index])).collect();
        counts.insert(name.as_str(), matching.len());
        let mut in_range: Vec<usize> = Vec::new();
        for (first, last) in &list.ranges {
            let first = usize::try_from(u64::from(*first)).unwrap_or(usize::MAX);
            let last = usize::try_from(u64::from(*last)).unwrap_or(usize::MAX);
            in_range.extend(matching.iter().skip(first).take((last - first).saturating_add(1)));
        }
        in_range.sort_unstable();
        in_range.dedup();
        for index in in_range {
            want(index, &config, Some(name.as_str()));
        }
    }
    if !request.room_subscriptions.is_empty() {
        let indexes: HashMap<&OwnedRoomId, usize> =
            places.iter().enumerate().map(|(index, place)| (&place.room.room_id, index)).collect();
        for (room_id, subscription) in &request.room_subscriptions {
            if let Some(index) = indexes.get(room_id) {
                let config = Config::new(subscription.timeline_limit, &subscription.required_state, asked.user_id());
                want(*index, &config, None);
            }
        }
    }
    (wanted.into_values().collect(), counts)
}

fn passes(filters: &ListFilters, place: &Place, direct: &HashSet<OwnedRoomId>) -> bool {
    let room = &place.room;
    let kind = RoomTypeFilter::from(room.room_type());
    filters.is_dm.is_none_or(|wanted| wanted == direct.contains(&room.room_id))
        && filters.is_encrypted.is_none_or(|wanted| wanted == room.is_encrypted())
        && filters.is_invite.is_none_or(|wanted| wanted == (place.membership == MembershipState::Invite))
        && (filters.room_types.is_empty() || filters.room_types.contains(&kind))
        && !filters.not_room_types.contains(&kind)
}
