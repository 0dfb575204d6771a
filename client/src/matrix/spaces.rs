//! Spaces: what is in one, entering it, adding and taking out; asking to be let in.

use std::sync::Arc;

use matrix_sdk::{
    Client, Room, RoomState,
    ruma::{
        OwnedRoomOrAliasId, OwnedServerName, RoomId, RoomOrAliasId, ServerName,
        api::client::space::get_hierarchy,
        events::{
            StateEventType,
            space::{child::SpaceChildEventContent, parent::SpaceParentEventContent},
        },
        room::{JoinRuleKind, JoinRuleSummary, RoomSummary, RoomType},
    },
};
use serde_json::json;

use crate::{
    matrix::{actions, create, failure, live::Live, rooms},
    model::{
        spaces::{Child, Contents, Entry, News, Wish},
        update::{Failure, PublicRoom, Update},
    },
};

/// Rooms asked for at once.
const PAGE: u32 = 100;
/// Pages of a space at most: nobody looks through more rooms than these hold.
const MOST_PAGES: usize = 10;

/// Does what the view asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let (space, done) = match wish {
        Wish::Load(space) => {
            let done = Box::pin(load(live, &space)).await;
            (space, done)
        }
        Wish::Enter { space, room } => {
            let done = Box::pin(enter(live, &space, &room)).await;
            (space, done)
        }
        Wish::Add { space, room } => {
            let done = Box::pin(add(live, &space, &room)).await;
            (space, done)
        }
        Wish::Remove { space, room } => {
            let done = Box::pin(remove(live, &space, &room)).await;
            (space, done)
        }
        Wish::Leave(space) => {
            let done = Box::pin(leave(live, &space)).await;
            (space, done)
        }
        Wish::Ask(room) => {
            if let Err(failure) = Box::pin(ask(live, &room)).await {
                live.updates.send(Update::DialogFailed(failure));
            }
            return;
        }
        Wish::Create(new) => {
            if let Err(failure) = Box::pin(create::create(live, new)).await {
                live.updates.send(Update::DialogFailed(failure));
            }
            return;
        }
    };
    if let Err(failure) = done {
        tracing::info!(?failure, "a wish about a space could not be done");
        live.updates.send(Update::SpaceNews(News::Refused { space, failure }));
    }
}

async fn load(live: &Live, space: &str) -> Result<(), Failure> {
    let id = RoomId::parse(space).map_err(|_| Failure::NotFound)?;
    let mut children = Vec::new();
    let mut name = String::new();
    let mut from = None;
    for _ in 0..MOST_PAGES {
        let mut request = get_hierarchy::v1::Request::new(id.clone());
        request.limit = Some(PAGE.into());
        request.max_depth = Some(1_u32.into());
        request.from = from;
        let answer = live.client.send(request).await.map_err(|error| failure::of_http(&error))?;
        for room in answer.rooms {
            if room.summary.room_id == id {
                name = room.summary.name.unwrap_or_default();
            } else {
                children.push(child(&live.client, room.summary));
            }
        }
        from = answer.next_batch;
        if from.is_none() {
            break;
        }
    }
    children.sort_by_cached_key(|child| (child.space, child.name.to_lowercase(), child.id.clone()));
    let known = live.client.get_room(&id).filter(|room| room.state() == RoomState::Joined);
    let may_change = match &known {
        Some(room) => {
            let levels = room.power_levels_or_default().await;
            levels.user_can_send_state(room.own_user_id(), StateEventType::SpaceChild)
        }
        None => false,
    };
    let joined = known.is_some();
    if let Some(room) = known {
        name = rooms::name(&room).await;
    }
    let contents = Contents { space: space.to_owned(), name, children, may_change, joined };
    live.updates.send(Update::SpaceNews(News::Contents(contents)));
    Ok(())
}

fn child(client: &Client, summary: RoomSummary) -> Child {
    let entry = known_entry(client, &summary.room_id).unwrap_or_else(|| {
        let is_in = |id: &RoomId| client.get_room(id).is_some_and(|room| room.state() == RoomState::Joined);
        entry_by(&summary.join_rule, is_in)
    });
    let address = summary.canonical_alias.map(|alias| alias.to_string());
    Child {
        name: summary.name.or(address).unwrap_or_default(),
        id: summary.room_id.to_string(),
        topic: summary.topic.unwrap_or_default(),
        avatar: summary.avatar_url.map(|url| url.to_string()).unwrap_or_default(),
        members: summary.num_joined_members.into(),
        space: summary.room_type == Some(RoomType::Space),
        entry,
    }
}

/// How the account stands to a room that it knows itself.
pub(super) fn known_entry(client: &Client, room: &RoomId) -> Option<Entry> {
    match client.get_room(room)?.state() {
        RoomState::Joined => Some(Entry::Joined),
        RoomState::Invited => Some(Entry::Invited),
        RoomState::Knocked => Some(Entry::Asked),
        RoomState::Banned => Some(Entry::Closed),
        RoomState::Left => None,
    }
}

fn entry_by(rule: &JoinRuleSummary, is_in: impl Fn(&RoomId) -> bool) -> Entry {
    match rule {
        JoinRuleSummary::Restricted(rule) | JoinRuleSummary::KnockRestricted(rule)
            if rule.allowed_room_ids.iter().any(|id| is_in(id)) =>
        {
            Entry::Open
        }
        rule => entry_by_kind(&rule.kind(), Entry::Closed),
    }
}

/// As the kind of rule says; what is restricted to some space is `restricted`.
pub(super) fn entry_by_kind(kind: &JoinRuleKind, restricted: Entry) -> Entry {
    match kind {
        JoinRuleKind::Public => Entry::Open,
        JoinRuleKind::Knock | JoinRuleKind::KnockRestricted => Entry::Knock,
        JoinRuleKind::Restricted => restricted,
        _ => Entry::Closed,
    }
}

/// A room under an address, if one may ask to be let in.
pub(super) async fn askable(client: &Client, address: &RoomOrAliasId) -> Option<PublicRoom> {
    let room = preview(client, address, Vec::new()).await?;
    matches!(room.entry, Entry::Knock | Entry::Asked).then_some(room)
}

/// What a room under an address shows of itself to those who are not in it.
pub(super) async fn preview(client: &Client, address: &RoomOrAliasId, via: Vec<OwnedServerName>) -> Option<PublicRoom> {
    let preview = client.get_room_preview(address, via).await.ok()?;
    let entry = known_entry(client, &preview.room_id)
        .unwrap_or_else(|| preview.join_rule.as_ref().map_or(Entry::Closed, |rule| entry_by(rule, |_| false)));
    Some(PublicRoom {
        id: preview.room_id.to_string(),
        address: address.to_string(),
        name: preview.name.unwrap_or_else(|| address.to_string()),
        topic: preview.topic.unwrap_or_default(),
        members: preview.num_joined_members,
        avatar: preview.avatar_url.map(|avatar| avatar.to_string()).unwrap_or_default(),
        entry,
    })
}

async fn enter(live: &Arc<Live>, space: &str, room: &str) -> Result<(), Failure> {
    let id = RoomId::parse(room).map_err(|_| Failure::NotFound)?;
    let room = live.client.join_room_by_id(&id).await.map_err(|error| failure::of(&error))?;
    actions::arrive(live, &room).await;
    load(live, space).await
}

/// Asks to be let into a room.
async fn ask(live: &Live, address: &str) -> Result<(), Failure> {
    let address: OwnedRoomOrAliasId = RoomOrAliasId::parse(address).map_err(|_| Failure::NotFound)?;
    let room = live.client.knock(address, None, Vec::new()).await.map_err(|error| failure::of(&error))?;
    live.updates.send(Update::SpaceNews(News::Asked(room.room_id().to_string())));
    Ok(())
}

async fn add(live: &Live, space: &str, room: &str) -> Result<(), Failure> {
    let space_room = live.room(space).ok_or(Failure::NotFound)?;
    let room = live.room(room).ok_or(Failure::NotFound)?;
    put_into(&space_room, &room).await?;
    load(live, space).await
}

/// Puts a room into a space, and tells the room of it where that is allowed.
pub(super) async fn put_into(space: &Room, room: &Room) -> Result<(), Failure> {
    let via = vec![ServerName::to_owned(space.own_user_id().server_name())];
    let content = SpaceChildEventContent::new(via.clone());
    space.send_state_event_for_key(room.room_id(), content).await.map_err(|error| failure::of(&error))?;
    let levels = room.power_levels_or_default().await;
    if levels.user_can_send_state(room.own_user_id(), StateEventType::SpaceParent)
        && let Err(error) = room.send_state_event_for_key(space.room_id(), SpaceParentEventContent::new(via)).await
    {
        tracing::info!(%error, "a room does not name its space");
    }
    Ok(())
}

async fn remove(live: &Live, space: &str, room: &str) -> Result<(), Failure> {
    let space_room = live.room(space).ok_or(Failure::NotFound)?;
    // An empty content takes a child out (spec: "Spaces").
    space_room.send_state_event_raw("m.space.child", room, json!({})).await.map_err(|error| failure::of(&error))?;
    if let Some(room) = live.room(room).filter(|room| room.state() == RoomState::Joined) {
        let levels = room.power_levels_or_default().await;
        if levels.user_can_send_state(room.own_user_id(), StateEventType::SpaceParent)
            && let Err(error) = room.send_state_event_raw("m.space.parent", space, json!({})).await
        {
            tracing::info!(%error, "a room still names its space");
        }
    }
    load(live, space).await
}

async fn leave(live: &Live, space: &str) -> Result<(), Failure> {
    let room = live.room(space).ok_or(Failure::NotFound)?;
    room.leave().await.map_err(|error| failure::of(&error))?;
    rooms::tell(live, [room.room_id().to_owned()].into()).await;
    live.updates.send(Update::SpaceNews(News::Left(space.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_room_id, room::RestrictedSummary};

    use super::*;

    #[test]
    fn a_room_of_a_space_is_open_to_those_in_it() {
        let rule = || RestrictedSummary::new(vec![owned_room_id!("!school:academy")]);
        let restricted = JoinRuleSummary::Restricted(rule());
        assert_eq!(entry_by(&restricted, |id| id == "!school:academy"), Entry::Open);
        assert_eq!(entry_by(&restricted, |_| false), Entry::Closed);
        assert_eq!(entry_by(&JoinRuleSummary::KnockRestricted(rule()), |_| false), Entry::Knock);
        assert_eq!(entry_by(&JoinRuleSummary::Public, |_| false), Entry::Open);
        assert_eq!(entry_by(&JoinRuleSummary::Invite, |_| true), Entry::Closed);
    }
}
