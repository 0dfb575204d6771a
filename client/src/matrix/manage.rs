//! The settings of a room or a space: read from the local store, changed one by one on the server.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use matrix_sdk::{
    Room,
    ruma::{
        Int, OwnedRoomAliasId, OwnedRoomId, RoomAliasId, RoomId,
        api::client::{room::Visibility, room::aliases, state::get_state_event_for_key},
        events::{
            MessageLikeEventType, StateEventType, TimelineEventType,
            room::{
                canonical_alias::RoomCanonicalAliasEventContent,
                guest_access::{GuestAccess, RoomGuestAccessEventContent},
                history_visibility::HistoryVisibility,
                join_rules::{AllowRule, JoinRule, Restricted},
                power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent, RoomPowerLevelsSource, UserPowerLevel},
            },
        },
    },
};
use serde::de::DeserializeOwned;

use crate::{
    matrix::{failure, live::Live, rooms},
    model::{
        manage::{Change, History, Joining, May, News, Right, RoomSettings, Wish},
        update::{Failure, Update},
    },
    pictures,
};

/// Files larger than this are no pictures of a room.
const MOST_BYTES: u64 = 20 << 20;

/// What the settings need besides the store.
#[derive(Default)]
pub(super) struct Desk {
    /// Held while state that several settings share is read, changed and written: two changes at once would
    /// otherwise undo each other.
    pub(super) writing: tokio::sync::Mutex<()>,
    shown: Mutex<Option<Shown>>,
}

/// The room whose settings are looked at, and what only the server knows of it.
#[derive(Clone)]
struct Shown {
    room: OwnedRoomId,
    addresses: Vec<String>,
    listed: Option<bool>,
}

impl Desk {
    fn with<T>(&self, work: impl FnOnce(&mut Option<Shown>) -> T) -> T {
        // A panic while the lock was held leaves an option that is still an option.
        work(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn shown(&self, room: &RoomId) -> Option<Shown> {
        self.with(|shown| shown.clone().filter(|shown| shown.room == room))
    }

    fn put(&self, shown: Shown) {
        self.with(|before| {
            if before.as_ref().is_some_and(|before| before.room == shown.room) {
                *before = Some(shown);
            }
        });
    }
}

/// Does what the view asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Load(room) => load(live, &room).await,
        Wish::Close => live.desk.with(|shown| *shown = None),
        Wish::Change { room, change } => {
            let part = change.part();
            let news = match Box::pin(make(live, &room, change)).await {
                Ok(change) => News::Saved { room, change },
                Err(failure) => {
                    tracing::info!(?failure, ?part, "a setting was not changed");
                    News::Refused { room, part, failure }
                }
            };
            live.updates.send(Update::Manage(news));
        }
    }
}

/// Tells the settings anew if they are looked at and their room changed.
pub(super) async fn follow(live: &Live, changed: &HashSet<OwnedRoomId>) {
    let shown = live.desk.with(|shown| shown.clone().filter(|shown| changed.contains(&shown.room)));
    if let Some(shown) = shown
        && let Some(room) = live.client.get_room(&shown.room)
    {
        tell(live, &room, &shown).await;
    }
}

async fn load(live: &Arc<Live>, id: &str) {
    let Some(room) = live.room(id) else { return };
    let mut shown = Shown { room: room.room_id().to_owned(), addresses: Vec::new(), listed: None };
    live.desk.with(|before| *before = Some(shown.clone()));
    tell(live, &room, &shown).await;
    // What only the server knows comes after.
    let request = aliases::v3::Request::new(room.room_id().to_owned());
    match live.client.send(request).await {
        Ok(answer) => shown.addresses = answer.aliases.iter().map(ToString::to_string).collect(),
        Err(error) => tracing::info!(%error, "addresses of a room are not known"),
    }
    match room.privacy_settings().get_room_visibility().await {
        Ok(visibility) => shown.listed = Some(visibility == Visibility::Public),
        Err(error) => tracing::info!(%error, "whether a room is listed is not known"),
    }
    live.desk.put(shown.clone());
    if live.desk.shown(room.room_id()).is_some() {
        tell(live, &room, &shown).await;
    }
}

async fn tell(live: &Live, room: &Room, shown: &Shown) {
    let settings = settings(live, room, shown).await;
    live.updates.send(Update::Manage(News::Settings(Box::new(settings))));
}

async fn settings(live: &Live, room: &Room, shown: &Shown) -> RoomSettings {
    let levels = room.power_levels_or_default().await;
    let own = room.own_user_id();
    let may = |kind: StateEventType| levels.user_can_send_state(own, kind);
    let (joining, through) = match room.join_rule() {
        Some(JoinRule::Public) => (Joining::Public, Vec::new()),
        Some(JoinRule::Knock) => (Joining::Knock, Vec::new()),
        Some(JoinRule::Restricted(rule) | JoinRule::KnockRestricted(rule)) => (Joining::Space, spaces_of(&rule)),
        _ => (Joining::Invite, Vec::new()),
    };
    let mut spaces = Vec::new();
    for space in live.client.joined_space_rooms() {
        if space.room_id() != room.room_id() {
            spaces.push((space.room_id().to_string(), rooms::name(&space).await));
        }
    }
    let address = room.canonical_alias().map(|alias| alias.to_string()).unwrap_or_default();
    let mut addresses = shown.addresses.clone();
    for other in room.alt_aliases().iter().map(ToString::to_string).chain([address.clone()]) {
        if !other.is_empty() && !addresses.contains(&other) {
            addresses.push(other);
        }
    }
    addresses.sort();
    let encrypted = room.encryption_state().is_encrypted();
    RoomSettings {
        room: room.room_id().to_string(),
        space: room.is_space(),
        direct: room.is_dm(),
        name: room.name().unwrap_or_default(),
        topic: room.topic().unwrap_or_default(),
        picture: room.avatar_url().map(|url| url.to_string()).unwrap_or_default(),
        address,
        addresses,
        listed: shown.listed,
        joining,
        through,
        spaces,
        history: match room.history_visibility_or_default() {
            HistoryVisibility::Invited => History::Invited,
            HistoryVisibility::Joined => History::Joined,
            HistoryVisibility::WorldReadable => History::World,
            _ => History::Shared,
        },
        encrypted,
        guests: room.guest_access() == GuestAccess::CanJoin,
        levels: Right::ALL.map(|right| level(&levels, right)),
        own_level: match levels.for_user(own) {
            UserPowerLevel::Int(level) => level.into(),
            // A creator of a room of version 12 stands above every number.
            _ => i64::MAX,
        },
        may: May {
            name: may(StateEventType::RoomName),
            topic: may(StateEventType::RoomTopic),
            picture: may(StateEventType::RoomAvatar),
            address: may(StateEventType::RoomCanonicalAlias),
            joining: may(StateEventType::RoomJoinRules),
            history: may(StateEventType::RoomHistoryVisibility),
            encryption: may(StateEventType::RoomEncryption),
            guests: may(StateEventType::RoomGuestAccess),
            rights: may(StateEventType::RoomPowerLevels),
        },
        link: room.matrix_to_permalink().await.map(|link| link.to_string()).unwrap_or_default(),
    }
}

fn spaces_of(rule: &Restricted) -> Vec<String> {
    rule.allow
        .iter()
        .filter_map(|allow| match allow {
            AllowRule::RoomMembership(membership) => Some(membership.room_id.to_string()),
            _ => None,
        })
        .collect()
}

/// Changes one setting; returns it as it is now.
async fn make(live: &Arc<Live>, id: &str, change: Change) -> Result<Change, Failure> {
    let room = live.room(id).ok_or(Failure::NotFound)?;
    let wrong = |error: matrix_sdk::Error| failure::of(&error);
    match &change {
        Change::Name(name) => {
            room.set_name(name.trim().to_owned()).await.map_err(wrong)?;
        }
        Change::Topic(topic) => {
            room.set_room_topic(topic.trim()).await.map_err(wrong)?;
        }
        Change::Picture(path) => {
            let url = upload(live, path).await?;
            room.set_avatar_url(url.as_str().into(), None).await.map_err(wrong)?;
            return Ok(Change::Pictured(url));
        }
        Change::Pictured(_) => {
            room.remove_avatar().await.map_err(wrong)?;
            return Ok(Change::Pictured(String::new()));
        }
        Change::AddAddress(address) => add_address(live, &room, &parse(address)?).await?,
        Change::RemoveAddress(address) => remove_address(live, &room, &parse(address)?).await?,
        Change::MainAddress(address) => {
            let address = parse(address)?;
            readdress(live, &room, |content| {
                let before = content.alias.replace(address.clone());
                content.alt_aliases.retain(|other| *other != address);
                content.alt_aliases.extend(before.filter(|before| *before != address));
            })
            .await?;
        }
        Change::Listed(listed) => {
            let visibility = if *listed { Visibility::Public } else { Visibility::Private };
            room.privacy_settings().update_room_visibility(visibility).await.map_err(wrong)?;
            if let Some(shown) = live.desk.shown(room.room_id()) {
                live.desk.put(Shown { listed: Some(*listed), ..shown });
            }
        }
        Change::Joining(joining, space) => {
            let rule = join_rule(*joining, space.as_deref())?;
            room.privacy_settings().update_join_rule(rule).await.map_err(wrong)?;
        }
        Change::History(history) => {
            let visibility = match history {
                History::Invited => HistoryVisibility::Invited,
                History::Joined => HistoryVisibility::Joined,
                History::Shared => HistoryVisibility::Shared,
                History::World => HistoryVisibility::WorldReadable,
            };
            room.privacy_settings().update_room_history_visibility(visibility).await.map_err(wrong)?;
        }
        Change::Encrypt => room.enable_encryption().await.map_err(wrong)?,
        Change::Guests(guests) => {
            let access = if *guests { GuestAccess::CanJoin } else { GuestAccess::Forbidden };
            room.send_state_event(RoomGuestAccessEventContent::new(access)).await.map_err(wrong)?;
        }
        Change::Right(right, level) => {
            let (right, level) = (*right, Int::try_from(*level).map_err(|_| Failure::Other)?);
            change_levels(live, &room, |levels| set_level(levels, right, level)).await?;
        }
    }
    Ok(change)
}

fn parse(address: &str) -> Result<OwnedRoomAliasId, Failure> {
    RoomAliasId::parse(address).map_err(|_| Failure::AddressInvalid)
}

/// The rule of `m.room.join_rules` for who may join.
pub(super) fn join_rule(joining: Joining, space: Option<&str>) -> Result<JoinRule, Failure> {
    Ok(match joining {
        Joining::Invite => JoinRule::Invite,
        Joining::Knock => JoinRule::Knock,
        Joining::Public => JoinRule::Public,
        Joining::Space => {
            let space = space.and_then(|space| RoomId::parse(space).ok()).ok_or(Failure::NotFound)?;
            JoinRule::Restricted(Restricted::new(vec![AllowRule::room_membership(space)]))
        }
    })
}

/// Uploads a picture from disk and returns where it lies.
pub(super) async fn upload(live: &Live, path: &Path) -> Result<String, Failure> {
    let size = tokio::fs::metadata(path).await.map_err(|_| Failure::CannotRead)?.len();
    if size > MOST_BYTES {
        return Err(Failure::TooLarge);
    }
    let bytes = tokio::fs::read(path).await.map_err(|_| Failure::CannotRead)?;
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let _permit = live.decoding.acquire().await.map_err(|_| Failure::Other)?;
    // What cannot be decoded here will not be shown by others either.
    let bytes = tokio::task::spawn_blocking(move || pictures::decode(&bytes, None, false).map(|_| bytes))
        .await
        .map_err(|_| Failure::Other)?
        .ok_or(Failure::CannotRead)?;
    let answer = live.client.media().upload(&mime, bytes, None).await.map_err(|error| failure::of(&error))?;
    Ok(answer.content_uri.to_string())
}

async fn add_address(live: &Live, room: &Room, address: &OwnedRoomAliasId) -> Result<(), Failure> {
    live.client.create_room_alias(address, room.room_id()).await.map_err(|error| failure::of_http(&error))?;
    if let Some(mut shown) = live.desk.shown(room.room_id()) {
        shown.addresses.push(address.to_string());
        live.desk.put(shown);
    }
    readdress(live, room, |content| {
        if content.alias.is_none() {
            content.alias = Some(address.clone());
        } else {
            content.alt_aliases.push(address.clone());
        }
    })
    .await
}

async fn remove_address(live: &Live, room: &Room, address: &OwnedRoomAliasId) -> Result<(), Failure> {
    readdress(live, room, |content| {
        content.alias.take_if(|main| main == address);
        content.alt_aliases.retain(|other| other != address);
    })
    .await?;
    live.client.remove_room_alias(address).await.map_err(|error| failure::of_http(&error))?;
    if let Some(mut shown) = live.desk.shown(room.room_id()) {
        shown.addresses.retain(|other| other != address.as_str());
        live.desk.put(shown);
    }
    Ok(())
}

/// Changes which addresses the room itself names, from what the server has now.
async fn readdress(
    live: &Live,
    room: &Room,
    change: impl FnOnce(&mut RoomCanonicalAliasEventContent),
) -> Result<(), Failure> {
    let _writing = live.desk.writing.lock().await;
    let mut content: RoomCanonicalAliasEventContent =
        fresh(room, StateEventType::RoomCanonicalAlias).await?.unwrap_or_default();
    let before = (content.alias.clone(), content.alt_aliases.clone());
    change(&mut content);
    if before != (content.alias.clone(), content.alt_aliases.clone()) {
        room.send_state_event(content).await.map_err(|error| failure::of(&error))?;
    }
    Ok(())
}

/// Changes the power levels from what the server has now: the store may still lack the change before this one.
pub(super) async fn change_levels(
    live: &Live,
    room: &Room,
    change: impl FnOnce(&mut RoomPowerLevels),
) -> Result<(), Failure> {
    let _writing = live.desk.writing.lock().await;
    let content: Option<RoomPowerLevelsEventContent> = fresh(room, StateEventType::RoomPowerLevels).await?;
    let rules = room.clone_info().room_version_rules_or_default();
    let mut levels = RoomPowerLevels::new(
        RoomPowerLevelsSource::from(content),
        &rules.authorization,
        room.creators().unwrap_or_default(),
    );
    change(&mut levels);
    let content = RoomPowerLevelsEventContent::try_from(levels).map_err(|_| Failure::Forbidden)?;
    room.send_state_event(content).await.map(|_| ()).map_err(|error| failure::of(&error))
}

/// State with an empty key as the server has it now, `None` without any.
async fn fresh<C: DeserializeOwned>(room: &Room, kind: StateEventType) -> Result<Option<C>, Failure> {
    let request = get_state_event_for_key::v3::Request::new(room.room_id().to_owned(), kind, String::new());
    match room.client().send(request).await {
        Ok(answer) => answer.into_content().deserialize_as_unchecked().map(Some).map_err(|error| {
            tracing::warn!(%error, "state of a room cannot be read");
            Failure::Other
        }),
        Err(error) => match failure::of_http(&error) {
            Failure::NotFound => Ok(None),
            failure => Err(failure),
        },
    }
}

/// State that the right to change the room stands for. Who may join, the history and the rights themselves stay with
/// whom they were.
const CHANGES: [StateEventType; 5] = [
    StateEventType::RoomName,
    StateEventType::RoomTopic,
    StateEventType::RoomAvatar,
    StateEventType::RoomCanonicalAlias,
    StateEventType::SpaceChild,
];

/// Messages that are sent in the place of the words a person writes.
const WORDS: [MessageLikeEventType; 3] =
    [MessageLikeEventType::RoomMessage, MessageLikeEventType::RoomEncrypted, MessageLikeEventType::Sticker];

fn level(levels: &RoomPowerLevels, right: Right) -> i64 {
    let level = match right {
        Right::Write => levels.for_message(MessageLikeEventType::RoomMessage),
        Right::Invite => levels.invite,
        Right::Remove => levels.redact,
        Right::Change => levels.for_state(StateEventType::RoomName),
        Right::Pin => levels.for_state(StateEventType::RoomPinnedEvents),
        Right::Everyone => levels.notifications.room,
    };
    level.into()
}

fn set_level(levels: &mut RoomPowerLevels, right: Right, level: Int) {
    match right {
        Right::Write => {
            levels.events_default = level;
            for kind in WORDS {
                levels.events.remove(&TimelineEventType::from(kind));
            }
        }
        Right::Invite => levels.invite = level,
        Right::Remove => levels.redact = level,
        Right::Change => {
            for kind in CHANGES {
                levels.events.insert(kind.into(), level);
            }
        }
        Right::Pin => {
            levels.events.insert(StateEventType::RoomPinnedEvents.into(), level);
        }
        Right::Everyone => levels.notifications.room = level,
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{int, room_version_rules::RoomVersionRules};

    use super::*;

    #[test]
    fn a_right_is_read_as_it_was_set_and_touches_no_other() {
        for right in Right::ALL {
            let rules = RoomVersionRules::V11;
            let mut levels = RoomPowerLevels::new(RoomPowerLevelsSource::None, &rules.authorization, []);
            levels.events.insert(TimelineEventType::RoomMessage, int!(7));
            let before = Right::ALL.map(|right| level(&levels, right));
            set_level(&mut levels, right, int!(77));
            for (other, before) in Right::ALL.into_iter().zip(before) {
                let expected = if other == right { 77 } else { before };
                assert_eq!(level(&levels, other), expected, "{other:?} after {right:?}");
            }
            assert_eq!(levels.for_state(StateEventType::RoomPowerLevels), int!(50), "rights stay where they are");
        }
    }

    #[test]
    fn people_of_a_space_need_a_space() {
        assert!(join_rule(Joining::Space, None).is_err());
        let rule = join_rule(Joining::Space, Some("!s:academy")).unwrap();
        assert!(matches!(rule, JoinRule::Restricted(rule) if spaces_of(&rule) == ["!s:academy"]));
    }
}
