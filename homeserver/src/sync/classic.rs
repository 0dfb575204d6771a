//! The classic `/sync`: everything that moved since a token, or all there is on a first one; and its long poll.
//! <https://spec.matrix.org/v1.18/client-server-api/#syncing>

use std::{cmp::Reverse, sync::Arc, time::Duration};

use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::{
        filter::FilterDefinition,
        sync::sync_events::{
            UnreadNotificationsCount,
            v3::{JoinedRoom, Request, Response, Rooms},
        },
    },
    events::{presence::PresenceEvent, room::member::MembershipState},
    serde::Raw,
};
use tokio::time::Instant;

use super::{
    filter::{room_wanted, wanted},
    streams::{account_data, encryption, ephemeral, outside, room, room::Asked},
    token::Token,
};
use crate::{
    app::App,
    domain::{
        event::Position,
        rooms::{Membership, RoomsOfUser, state::RoomState},
        sessions::Requester,
        unread::Counts,
    },
    error::Result,
};

/// The longest that a sync waits.
pub const MAX_TIMEOUT: Duration = Duration::from_mins(2);

/// Answers a sync, at once if there is anything to tell, else as soon as there is or when its time is up.
pub async fn sync(app: &App, requester: &Requester, filter: &FilterDefinition, request: &Request) -> Result<Response> {
    let since = request.since.as_deref().map(str::parse::<Token>).transpose()?;
    let deadline = Instant::now() + request.timeout.unwrap_or_default().min(MAX_TIMEOUT);
    if since.is_none()
        && let Some(device_id) = &requester.device_id
    {
        app.sent_members.forget(&requester.user_id, device_id);
    }
    if let (Some(since), Some(device_id)) = (since, &requester.device_id) {
        encryption::acknowledge(app, &requester.user_id, device_id, since).await?;
    }
    // As long as this is held, the person does not go offline.
    let _syncing = app.presence.syncing(&requester.user_id, &request.set_presence);
    let waiter = app.notifier.wait(&requester.user_id);
    loop {
        let change = waiter.change();
        let response = answer(app, requester, filter, request, since).await?;
        if since.is_none() || request.full_state || !is_empty(&response) || Instant::now() >= deadline {
            return Ok(response);
        }
        tokio::select! {
            () = change => {}
            () = tokio::time::sleep_until(deadline) => return Ok(response),
            () = app.tasks.stopping().cancelled() => return Ok(response),
        }
    }
}

fn is_empty(response: &Response) -> bool {
    response.rooms.is_empty()
        && response.rooms.knock.is_empty()
        && response.presence.is_empty()
        && response.account_data.is_empty()
        && response.to_device.is_empty()
        && response.device_lists.is_empty()
}

async fn answer(
    app: &App,
    requester: &Requester,
    filter: &FilterDefinition,
    request: &Request,
    since: Option<Token>,
) -> Result<Response> {
    // Taken before anything is read: what comes later comes with the next sync.
    let ephemeral = app.ephemeral.position();
    let mut up_to = app.journal.position();
    let memberships = app.rooms.of_user(&requester.user_id).await?;
    // A commit publishes its rooms before its position: what is told of a membership must not be past the token, or the
    // next sync would tell it again.
    if let Some(newest) = memberships.values().map(|m| m.position).max().filter(|newest| *newest > up_to) {
        app.journal.reached(newest).await;
        up_to = newest;
    }
    let asked = Asked {
        user_id: &requester.user_id,
        device_id: requester.device_id.as_deref(),
        filter,
        since: since.map(|token| token.position),
        since_ephemeral: since.map_or(0, |token| token.ephemeral),
        up_to,
        full_state: request.full_state,
        state_after: request.use_state_after,
        now: app.clock.now(),
    };
    let mut token = Token { ephemeral, ..Token::at(up_to) };
    let mut response = Response::new(String::new());
    response.rooms = rooms(app, &asked, &memberships).await?;
    add_account_data(app, &asked, &mut response).await?;
    response.presence.events = presence(app, &asked, &memberships)?;
    if let Some(device_id) = asked.device_id {
        token.to_device = encryption::add(app, asked.user_id, device_id, since, up_to, &mut response).await?;
    }
    response.next_batch = token.to_string();
    Ok(response)
}

async fn rooms(app: &App, asked: &Asked<'_>, memberships: &RoomsOfUser) -> Result<Rooms> {
    let mut rooms = Rooms::new();
    let filter = &asked.filter.room;
    let ignored = app.ignored.of(asked.user_id).await?;
    for (room_id, membership) in looked_at(app, asked, memberships) {
        if membership.forgotten {
            continue;
        }
        // Also of a room that is not wanted: one who waits is woken by those with whom they share a room in memory.
        let Some(state) = app.rooms.get(room_id).await? else { continue };
        if !room_wanted(filter.rooms.as_deref(), &filter.not_rooms, room_id) {
            continue;
        }
        let moved = asked.since.is_none_or(|since| membership.position > since);
        match &membership.membership {
            MembershipState::Join => {
                let newly = match asked.since {
                    Some(since) => {
                        room::newly_joined(&app.db, &state, asked.user_id, membership.position, since).await?
                    }
                    None => false,
                };
                let mut joined = room::joined(app, asked, &state, newly).await?;
                joined.ephemeral.events = ephemeral::of_room(app, asked, room_id, newly).await?;
                if newly {
                    joined.account_data.events = account_data::of_new_room(app, asked, room_id).await?;
                }
                if !joined.is_empty() || asked.since.is_none() || newly {
                    add_unread(app, asked, &state, &mut joined).await?;
                    rooms.join.insert(room_id.clone(), joined);
                }
            }
            MembershipState::Invite if moved && !outside::withheld(&state, asked.user_id, &ignored) => {
                rooms.invite.insert(room_id.clone(), outside::invited(&state, asked.user_id)?);
            }
            MembershipState::Knock if moved => {
                rooms.knock.insert(room_id.clone(), outside::knocked(&state, asked.user_id)?);
            }
            MembershipState::Leave | MembershipState::Ban
                if moved && (asked.since.is_some() || filter.include_leave) =>
            {
                let left = outside::left(app, asked, &state, asked.since, membership.position).await?;
                rooms.leave.insert(room_id.clone(), left);
            }
            _ => {}
        }
    }
    Ok(rooms)
}

/// The rooms that may have something to tell: those in which something moved, and all where that is not known.
fn looked_at<'m>(app: &App, asked: &Asked<'_>, memberships: &'m RoomsOfUser) -> Vec<(&'m OwnedRoomId, &'m Membership)> {
    let since = asked.since.filter(|_| !asked.full_state);
    let Some(mut moved) = since.and_then(|since| app.moved.among(memberships, since)) else {
        return memberships.iter().collect();
    };
    moved.extend(app.typing.moved_since(asked.since_ephemeral));
    moved.iter().filter_map(|room_id| memberships.get_key_value(room_id)).collect()
}

/// How much is unread: counted only now, for one who asks.
async fn add_unread(app: &App, asked: &Asked<'_>, room: &Arc<RoomState>, joined: &mut JoinedRoom) -> Result<()> {
    let unread = app.unread.of(room, asked.user_id).await?;
    let counts = |counts: Counts| {
        let mut count = UnreadNotificationsCount::new();
        count.notification_count = UInt::try_from(counts.notifications).ok();
        count.highlight_count = UInt::try_from(counts.highlights).ok();
        count
    };
    if asked.filter.room.timeline.unread_thread_notifications {
        joined.unread_notifications = counts(unread.main);
        joined.unread_thread_notifications =
            unread.threads.iter().map(|(root, thread)| (root.clone(), counts(*thread))).collect();
    } else {
        joined.unread_notifications = counts(unread.total());
    }
    Ok(())
}

/// The presence of those who share a room with the user, and the user's own.
fn presence(app: &App, asked: &Asked<'_>, memberships: &RoomsOfUser) -> Result<Vec<Raw<PresenceEvent>>> {
    // Mostly nobody's has moved, and the rooms are not looked up at all.
    let mut rooms = None;
    let visible = |user_id: &UserId| {
        wanted(&asked.filter.presence, "m.presence", Some(user_id))
            && (user_id == asked.user_id
                || rooms
                    .get_or_insert_with(|| joined_rooms(app, memberships))
                    .iter()
                    .any(|room| room.is_joined(user_id)))
    };
    let events = app.presence.since(asked.since_ephemeral, visible);
    events.iter().map(|event| Ok(Raw::from_json_string(event.to_string())?)).collect()
}

/// The rooms in memory that one is in. The largest come first: most of those with whom one shares a room are there.
fn joined_rooms(app: &App, memberships: &RoomsOfUser) -> Vec<Arc<RoomState>> {
    let joined = memberships.iter().filter(|(_, m)| m.membership == MembershipState::Join);
    let mut rooms: Vec<_> = joined.filter_map(|(room_id, _)| app.rooms.loaded(room_id)).collect();
    rooms.sort_unstable_by_key(|room| Reverse(room.joined_count));
    rooms
}

async fn add_account_data(app: &App, asked: &Asked<'_>, response: &mut Response) -> Result<()> {
    let moved = |since: Position| app.notifier.account_data_moved(asked.user_id, since);
    if !asked.since.is_none_or(moved) {
        return Ok(());
    }
    let mut moved = account_data::account_data(&app.db, asked.user_id, asked.since, asked.up_to).await?;
    if asked.since.is_none() {
        // Who never changed a push rule has no such account data, and yet has the default rules.
        let global = moved.entry(None).or_default();
        if !global.iter().any(|(kind, _)| kind == account_data::PUSH_RULES) {
            global.push(account_data::default_push_rules(app, asked.user_id).await?);
        }
    }
    for (room_id, events) in moved {
        let Some(room_id) = room_id else {
            let of_type = events.into_iter().filter(|(kind, _)| wanted(&asked.filter.account_data, kind, None));
            response.account_data.events.extend(of_type.map(|(_, event)| event.cast_unchecked()));
            continue;
        };
        let joined = app.rooms.loaded(&room_id).is_some_and(|room| room.is_joined(asked.user_id));
        if !joined || !room_wanted(asked.filter.room.rooms.as_deref(), &asked.filter.room.not_rooms, &room_id) {
            continue;
        }
        let events = account_data::of_room(asked, events);
        // A room that is new to the user has been told with all that it has.
        let told = response.rooms.join.get(&room_id).is_some_and(|room| !room.account_data.is_empty());
        if !events.is_empty() && !told {
            response.rooms.join.entry(room_id).or_default().account_data.events = events;
        }
    }
    Ok(())
}
