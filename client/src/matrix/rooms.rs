//! Rooms as the list, the rail and the header show them.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    Room, RoomDisplayName, RoomMemberships, RoomState,
    deserialized_responses::SyncOrStrippedState,
    ruma::{
        OwnedRoomId, UserId,
        events::{
            MessageLikeEventType, StateEventType, SyncStateEvent,
            room::{join_rules::JoinRule, member::MembershipState, power_levels::UserPowerLevel},
            space::child::SpaceChildEventContent,
        },
    },
};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    matrix::{composer, live::Live, manage, presence, previews, room_menu},
    model::{
        room_menu::Notify,
        rooms::{RoomSummary, SpaceSummary},
        update::{Member, RoomDetails, Update},
    },
};

/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(60);

/// Tells all rooms of the local store, then every change.
pub(super) async fn follow(live: Arc<Live>) {
    let mut changes = live.client.room_info_notable_update_receiver();
    tell_all(&live).await;
    composer::tell_drafts(&live).await;
    live.updates.send(Update::RoomsLoaded);
    loop {
        let mut changed = HashSet::new();
        match changes.recv().await {
            Ok(update) => {
                changed.insert(update.room_id);
            }
            Err(RecvError::Lagged(_)) => {
                tell_all(&live).await;
                continue;
            }
            Err(RecvError::Closed) => return,
        }
        tokio::time::sleep(TOGETHER).await;
        while let Ok(update) = changes.try_recv() {
            changed.insert(update.room_id);
        }
        tell(&live, changed).await;
    }
}

/// Tells the present state of all rooms.
pub(super) async fn tell_all(live: &Live) {
    tell(live, live.client.rooms().iter().map(|room| room.room_id().to_owned()).collect()).await;
}

/// Tells the present state of these rooms.
pub(super) async fn tell(live: &Live, changed: HashSet<OwnedRoomId>) {
    manage::follow(live, &changed).await;
    let mut summaries = Vec::new();
    let mut space_changed = false;
    for id in changed {
        let Some(room) = live.client.get_room(&id) else { continue };
        // An invitation to a space is answered like any other.
        if room.is_space() && room.state() != RoomState::Invited {
            space_changed = true;
            // It was in the list as an invitation, or before it was known to be a space.
            live.updates.send(Update::RoomGone(id.to_string()));
            continue;
        }
        match room.state() {
            RoomState::Joined | RoomState::Invited => {
                if room.state() == RoomState::Joined
                    && let Err(error) = live.client.latest_events().await.listen_to_room(&id).await
                {
                    tracing::debug!(%error, "latest event is not followed");
                }
                summaries.push(summary(live, &room).await);
            }
            RoomState::Left | RoomState::Banned | RoomState::Knocked => {
                live.updates.send(Update::RoomGone(id.to_string()));
            }
        }
        if live.timelines.is_open(&id) {
            live.updates.send(Update::Details { room: id.to_string(), details: details(&room).await });
        }
    }
    if !summaries.is_empty() {
        presence::known(live, summaries.iter().map(|room| room.peer.as_str()).filter(|peer| !peer.is_empty())).await;
        live.updates.send(Update::Rooms(summaries));
    }
    if space_changed {
        live.updates.send(Update::Spaces(spaces(live).await));
    }
}

/// A name; empty where none can be found.
pub(super) async fn name(room: &Room) -> String {
    match room.display_name().await {
        Ok(
            RoomDisplayName::Named(name)
            | RoomDisplayName::Aliased(name)
            | RoomDisplayName::Calculated(name)
            | RoomDisplayName::EmptyWas(name),
        ) => name,
        Ok(RoomDisplayName::Empty) | Err(_) => String::new(),
    }
}

/// The picture of a room, or of the person that a personal chat is with.
async fn avatar(room: &Room, peer: Option<&UserId>) -> String {
    if let Some(avatar) = room.avatar_url() {
        return avatar.to_string();
    }
    let Some(peer) = peer else { return String::new() };
    let hero = room.heroes().into_iter().find(|hero| hero.user_id == peer).and_then(|hero| hero.avatar_url);
    let found = match hero {
        Some(avatar) => Some(avatar.to_string()),
        None => room
            .get_member_no_sync(peer)
            .await
            .ok()
            .flatten()
            .and_then(|member| member.avatar_url().map(ToString::to_string)),
    };
    found.unwrap_or_default()
}

async fn summary(live: &Live, room: &Room) -> RoomSummary {
    let invited = room.state() == RoomState::Invited;
    let invite = if invited { room.invite_details().await.ok() } else { None };
    let inviter = invite.as_ref().map_or_else(String::new, |invite| {
        invite
            .inviter
            .as_ref()
            .map_or_else(|| invite.inviter_id.localpart().to_owned(), |member| member.name().to_owned())
    });
    let direct = room.is_dm();
    let targets = room.direct_targets();
    // Who invites to a chat of two is the other one.
    let inviting = invite.as_ref().map(|invite| &*invite.inviter_id);
    let peer = targets.iter().find_map(|target| target.as_user_id()).or(inviting).filter(|_| direct);
    let notify = room_menu::notify(live, room).await;
    let last = previews::last(room).await;
    let counts = room.unread_notification_counts();
    // The server cannot see what an encrypted event is; this device can.
    // And where the person wants to be told of little, the server counts no more than that.
    let unread = if room.encryption_state().is_encrypted() || notify != Notify::All {
        room.num_unread_messages()
    } else {
        counts.notification_count
    };
    RoomSummary {
        id: room.room_id().to_string(),
        name: name(room).await,
        direct,
        invited,
        inviter,
        preview: last.preview,
        preview_who: last.who,
        preview_own: last.own,
        at_ms: last.at_ms,
        recency: room.recency_stamp().map_or(0, u64::from),
        unread,
        mentions: room.num_unread_mentions().max(counts.highlight_count),
        avatar: avatar(room, peer).await,
        peer: peer.map(ToString::to_string).unwrap_or_default(),
        marked: room.is_marked_unread(),
        favourite: room.is_favourite(),
        low: room.is_low_priority(),
        notify,
    }
}

async fn spaces(live: &Live) -> Vec<SpaceSummary> {
    let mut spaces = Vec::new();
    for room in live.client.joined_space_rooms() {
        let mut children = BTreeSet::new();
        for raw in room.get_state_events_static::<SpaceChildEventContent>().await.unwrap_or_default() {
            // A child without servers to join by was taken out (spec: "Spaces").
            if let Ok(SyncOrStrippedState::Sync(SyncStateEvent::Original(event))) = raw.deserialize()
                && !event.content.via.is_empty()
            {
                children.insert(event.state_key.to_string());
            }
        }
        let levels = room.power_levels_or_default().await;
        let may_change = levels.user_can_send_state(room.own_user_id(), StateEventType::SpaceChild);
        spaces.push(SpaceSummary {
            id: room.room_id().to_string(),
            name: name(&room).await,
            avatar: room.avatar_url().map(|avatar| avatar.to_string()).unwrap_or_default(),
            children,
            may_change,
        });
    }
    spaces
}

/// What the header and the panel say.
pub(super) async fn details(room: &Room) -> RoomDetails {
    let own = room.own_user_id();
    let levels = room.power_levels_or_default().await;
    let joined = room.state() == RoomState::Joined;
    RoomDetails {
        topic: room.topic().unwrap_or_default(),
        address: room.canonical_alias().map(|alias| alias.to_string()).unwrap_or_default(),
        public: room.join_rule() == Some(JoinRule::Public),
        encrypted: room.encryption_state().is_encrypted(),
        members: room.joined_members_count(),
        can_invite: joined && levels.user_can_invite(own),
        can_write: joined && levels.user_can_send_message(own, MessageLikeEventType::RoomMessage),
        can_remove: joined && levels.user_can_redact_event_of_other(own),
        can_notify_all: joined && levels.user_can_trigger_room_notification(own),
        can_pin: joined && levels.user_can_send_state(own, StateEventType::RoomPinnedEvents),
    }
}

/// What a person who is invited wants to know: the store has little of a room that one is not in.
pub(super) async fn preview(live: &Live, room: &Room) {
    match live.client.get_room_preview(room.room_id().into(), Vec::new()).await {
        Ok(preview) => {
            let mut details = details(room).await;
            details.topic = preview.topic.unwrap_or(details.topic);
            details.members = preview.num_joined_members.max(details.members);
            live.updates.send(Update::Details { room: room.room_id().to_string(), details });
        }
        Err(error) => tracing::info!(%error, "nothing more is known of a room to which this account is invited"),
    }
}

/// Members: those who look after the room first, then by name; the invited last.
pub(super) async fn members(room: &Room, ask_server: bool) -> Vec<Member> {
    let found = if ask_server {
        room.members(RoomMemberships::ACTIVE).await
    } else {
        room.members_no_sync(RoomMemberships::ACTIVE).await
    };
    let mut members: Vec<Member> = found
        .unwrap_or_default()
        .iter()
        .map(|member| Member {
            id: member.user_id().to_string(),
            name: member.name().to_owned(),
            level: match member.power_level() {
                UserPowerLevel::Int(level) => level.into(),
                // A creator of a room of version 12 stands above every number.
                _ => 100,
            },
            invited: *member.membership() == MembershipState::Invite,
            avatar: member.avatar_url().map(ToString::to_string).unwrap_or_default(),
        })
        .collect();
    members.sort_by(|a, b| {
        a.invited
            .cmp(&b.invited)
            .then_with(|| b.level.cmp(&a.level))
            .then_with(|| a.name.to_lowercase().cmp(&b.name.to_lowercase()))
    });
    members
}
