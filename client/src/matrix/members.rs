//! Who is in a room and what is done with them; whom the account does not want to hear.

use std::sync::Arc;

use matrix_sdk::{
    Room, RoomMemberships,
    ruma::{
        Int, OwnedUserId, UserId,
        events::{
            ignored_user_list::IgnoredUserListEventContent,
            room::{
                member::MembershipState,
                power_levels::{RoomPowerLevels, UserPowerLevel},
            },
        },
        serde::Raw,
    },
    sync::{RoomUpdates, State},
};

use crate::{
    matrix::{failure, live::Live, manage, rooms},
    model::{
        members::{Act, List, May, Member, News, Standing, Wish},
        update::{Failure, Update},
    },
};

/// Does what the view asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Load(room) => {
            if let Some(room) = live.room(&room) {
                tell(live, &room).await;
            }
        }
        Wish::Act { room, user, act } => {
            let done = Box::pin(attempt(live, &room, &user, act)).await;
            finish(live, user, done);
        }
        Wish::Ignore { user, ignore } => {
            let done = Box::pin(set_ignored(live, &user, ignore)).await;
            let worked = done.is_ok();
            finish(live, user.clone(), done);
            if worked {
                tell_ignored(live, Some((user, ignore))).await;
            }
        }
        Wish::LoadIgnored => tell_ignored(live, None).await,
    }
}

fn finish(live: &Live, user: String, done: Result<(), Failure>) {
    live.updates.send(Update::Crowd(match done {
        Ok(()) => News::Done { user },
        Err(failure) => {
            tracing::info!(?failure, "a wish about a person could not be done");
            News::Refused { user, failure }
        }
    }));
}

async fn attempt(live: &Arc<Live>, room: &str, user: &str, act: Act) -> Result<(), Failure> {
    let room = live.room(room).ok_or(Failure::NotFound)?;
    let user = UserId::parse(user).map_err(|_| Failure::NotFound)?;
    let said = |reason: String| Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let done = match act {
        Act::Remove(reason) => room.kick_user(&user, said(reason).as_deref()).await,
        Act::Ban(reason) => room.ban_user(&user, said(reason).as_deref()).await,
        Act::Unban => room.unban_user(&user, None).await,
        Act::Admit => room.invite_user_by_id(&user).await,
        Act::Level(level) => {
            let level = Int::try_from(level).map_err(|_| Failure::Other)?;
            return manage::change_levels(live, &room, |levels| set_level(levels, user, level)).await;
        }
    };
    done.map_err(|error| failure::of(&error))
}

fn set_level(levels: &mut RoomPowerLevels, user: OwnedUserId, level: Int) {
    if level == levels.users_default {
        levels.users.remove(&user);
    } else {
        levels.users.insert(user, level);
    }
}

async fn set_ignored(live: &Live, user: &str, ignore: bool) -> Result<(), Failure> {
    let user = UserId::parse(user).map_err(|_| Failure::NotFound)?;
    let account = live.client.account();
    let done = if ignore { account.ignore_user(&user).await } else { account.unignore_user(&user).await };
    done.map_err(|error| failure::of(&error))
}

/// Tells whom the account does not want to hear. The store learns of a change only with the next sync, so that what
/// was changed just now is added here.
async fn tell_ignored(live: &Live, changed: Option<(String, bool)>) {
    let stored = live.client.account().account_data::<IgnoredUserListEventContent>().await;
    let mut ids: Vec<OwnedUserId> = match stored {
        Ok(Some(raw)) => {
            raw.deserialize().map(|content| content.ignored_users.into_keys().collect()).unwrap_or_default()
        }
        Ok(None) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "the list of ignored people cannot be read");
            return;
        }
    };
    if let Some((user, ignore)) = changed
        && let Ok(user) = UserId::parse(user)
    {
        ids.retain(|id| *id != user);
        if ignore {
            ids.push(user);
        }
    }
    let mut ignored = Vec::with_capacity(ids.len());
    for id in ids {
        ignored.push((id.to_string(), known_name(live, &id).await));
    }
    ignored.sort_by_cached_key(|(_, name)| name.to_lowercase());
    live.updates.send(Update::Crowd(News::Ignored(ignored)));
}

/// The name under which a room that this account is in knows a person.
async fn known_name(live: &Live, user: &UserId) -> String {
    for room in live.client.joined_rooms() {
        if let Ok(Some(member)) = room.get_member_no_sync(user).await {
            return member.name().to_owned();
        }
    }
    user.localpart().to_owned()
}

/// Tells everyone of a room.
pub(super) async fn tell(live: &Live, room: &Room) {
    let wanted = RoomMemberships::ACTIVE | RoomMemberships::KNOCK | RoomMemberships::BAN;
    let found = match room.members(wanted).await {
        Ok(found) => found,
        Err(error) => {
            tracing::info!(%error, "members were not loaded");
            room.members_no_sync(wanted).await.unwrap_or_default()
        }
    };
    let own = room.own_user_id();
    let levels = room.power_levels_or_default().await;
    let members = found
        .iter()
        .filter_map(|member| {
            let id = member.user_id();
            let standing = standing(member.membership())?;
            Some(Member {
                id: id.to_string(),
                name: member.name().to_owned(),
                avatar: member.avatar_url().map(ToString::to_string).unwrap_or_default(),
                level: number(levels.for_user(id)),
                standing,
                reason: member.event().reason().unwrap_or_default().to_owned(),
                own: id == own,
                ignored: member.is_ignored(),
                may: may(&levels, own, id, standing),
            })
        })
        .collect();
    live.updates.send(Update::Crowd(News::List(List {
        room: room.room_id().to_string(),
        members,
        own_level: number(levels.for_user(own)),
        may_invite: levels.user_can_invite(own),
    })));
}

fn standing(membership: &MembershipState) -> Option<Standing> {
    Some(match membership {
        MembershipState::Join => Standing::Joined,
        MembershipState::Invite => Standing::Invited,
        MembershipState::Knock => Standing::Knocking,
        MembershipState::Ban => Standing::Banned,
        _ => return None,
    })
}

fn number(level: UserPowerLevel) -> i64 {
    match level {
        UserPowerLevel::Int(level) => level.into(),
        // A creator of a room of version 12 stands above every number.
        _ => i64::MAX,
    }
}

fn may(levels: &RoomPowerLevels, own: &UserId, user: &UserId, standing: Standing) -> May {
    if own == user {
        return May::default();
    }
    May {
        remove: standing != Standing::Banned && levels.user_can_kick_user(own, user),
        ban: standing != Standing::Banned && levels.user_can_ban_user(own, user),
        unban: standing == Standing::Banned && levels.user_can_unban_user(own, user),
        level: standing == Standing::Joined
            && levels.user_can_change_user_power_level(own, user)
            && levels.for_user(own) > levels.for_user(user),
    }
}

/// A sync changed who is in the room on screen, or what they may do: it is told anew.
pub(super) async fn follow(live: &Live, updates: &RoomUpdates) {
    for (id, update) in &updates.joined {
        let (State::Before(state) | State::After(state)) = &update.state;
        let touches = live.timelines.is_open(id)
            && (state.iter().any(about_people) || update.timeline.events.iter().any(|event| about_people(event.raw())));
        if touches && let Some(room) = live.client.get_room(id) {
            let members = rooms::members(&room, true).await;
            live.updates.send(Update::Members { room: id.to_string(), members });
            tell(live, &room).await;
        }
    }
}

fn about_people<T>(event: &Raw<T>) -> bool {
    let kind = event.get_field::<String>("type").ok().flatten();
    matches!(kind.as_deref(), Some("m.room.member" | "m.room.power_levels"))
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{
        events::room::power_levels::RoomPowerLevelsSource, int, owned_user_id, room_version_rules::RoomVersionRules,
    };

    use super::*;

    fn levels() -> RoomPowerLevels {
        let rules = RoomVersionRules::V11;
        let creator = owned_user_id!("@director:academy");
        RoomPowerLevels::new(RoomPowerLevelsSource::None, &rules.authorization, [creator])
    }

    #[test]
    fn nobody_does_anything_with_those_of_their_own_level() {
        let mut levels = levels();
        let (teacher, other) = (owned_user_id!("@teacher:academy"), owned_user_id!("@other:academy"));
        set_level(&mut levels, teacher.clone(), int!(50));
        set_level(&mut levels, other.clone(), int!(50));
        assert_eq!(may(&levels, &teacher, &other, Standing::Joined), May::default());
        let pupil = owned_user_id!("@pupil:academy");
        let over_pupil = may(&levels, &teacher, &pupil, Standing::Joined);
        assert!(over_pupil.remove && over_pupil.ban && !over_pupil.unban);
        assert!(may(&levels, &teacher, &pupil, Standing::Banned).unban);
        assert_eq!(may(&levels, &pupil, &pupil, Standing::Joined), May::default());
    }

    #[test]
    fn the_common_level_is_not_written_down() {
        let mut levels = levels();
        let teacher = owned_user_id!("@teacher:academy");
        set_level(&mut levels, teacher.clone(), int!(50));
        assert!(levels.users.contains_key(&teacher));
        set_level(&mut levels, teacher.clone(), int!(0));
        assert!(!levels.users.contains_key(&teacher));
    }
}
