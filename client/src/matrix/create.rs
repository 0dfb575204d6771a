//! Making rooms and spaces.

use std::sync::Arc;

use matrix_sdk::ruma::{
    RoomId, UserId,
    api::client::room::{
        Visibility,
        create_room::{
            RoomPowerLevelsContentOverride,
            v3::{CreationContent, Request, RoomPreset},
        },
    },
    events::{
        AnyInitialStateEvent, InitialStateEvent,
        room::{
            avatar::RoomAvatarEventContent,
            encryption::RoomEncryptionEventContent,
            guest_access::{GuestAccess, RoomGuestAccessEventContent},
            join_rules::RoomJoinRulesEventContent,
        },
    },
    int,
    room::RoomType,
    serde::Raw,
};

use crate::{
    matrix::{actions, failure, live::Live, manage, spaces},
    model::{
        manage::{Joining, is_address},
        spaces::{NewRoom, News},
        update::{Failure, Update},
    },
};

/// Makes a room or a space, puts it into its space, and shows it.
pub(super) async fn create(live: &Arc<Live>, new: NewRoom) -> Result<(), Failure> {
    let within = new.within.clone();
    let space = new.space;
    let picture = match &new.picture {
        Some(path) => Some(manage::upload(live, path).await?),
        None => None,
    };
    let request = request(new, picture.as_deref())?;
    let room = live.client.create_room(request).await.map_err(|error| failure::of(&error))?;
    actions::arrive(live, &room).await;
    if let Some(within) = within {
        let put = match live.room(&within) {
            Some(within) => spaces::put_into(&within, &room).await,
            None => Err(Failure::NotFound),
        };
        if let Err(failure) = put {
            live.updates.send(Update::SpaceNews(News::Outside(failure)));
        }
    }
    if space {
        live.updates.send(Update::SpaceNews(News::Entered(room.room_id().to_string())));
    } else {
        actions::enter(live, &room).await;
    }
    Ok(())
}

fn request(new: NewRoom, picture: Option<&str>) -> Result<Request, Failure> {
    let public = new.joining == Joining::Public;
    let alias = Some(new.alias.trim().to_owned()).filter(|alias| public && !alias.is_empty());
    if alias.as_deref().is_some_and(|alias| !is_address(alias)) {
        return Err(Failure::AddressInvalid);
    }
    let mut request = Request::new();
    request.name = Some(new.name.trim().to_owned());
    request.topic = Some(new.topic.trim().to_owned()).filter(|topic| !topic.is_empty());
    request.room_alias_name = alias;
    request.preset = Some(if public { RoomPreset::PublicChat } else { RoomPreset::PrivateChat });
    request.visibility = if public { Visibility::Public } else { Visibility::Private };
    request.invite = new.invite.iter().filter_map(|user| UserId::parse(user).ok()).collect();
    request.initial_state = state(&new, picture)?;
    if new.space {
        let mut content = CreationContent::new();
        content.room_type = Some(RoomType::Space);
        request.creation_content = Some(Raw::new(&content).map_err(|_| Failure::Other)?);
        // A space is no place to write in.
        let mut levels = RoomPowerLevelsContentOverride::new();
        levels.events_default = Some(int!(100));
        request.power_level_content_override = Some(Raw::new(&levels).map_err(|_| Failure::Other)?);
    }
    Ok(request)
}

fn state(new: &NewRoom, picture: Option<&str>) -> Result<Vec<Raw<AnyInitialStateEvent>>, Failure> {
    let guests = RoomGuestAccessEventContent::new(GuestAccess::Forbidden);
    let mut state = vec![InitialStateEvent::with_empty_state_key(guests).to_raw_any()];
    if matches!(new.joining, Joining::Space | Joining::Knock) {
        let within = new.within.as_deref().filter(|within| RoomId::parse(within).is_ok());
        let rule = RoomJoinRulesEventContent::new(manage::join_rule(new.joining, within)?);
        state.push(InitialStateEvent::with_empty_state_key(rule).to_raw_any());
    }
    if let Some(picture) = picture {
        let mut content = RoomAvatarEventContent::new();
        content.url = Some(picture.into());
        state.push(InitialStateEvent::with_empty_state_key(content).to_raw_any());
    }
    if new.encrypted && !new.space {
        let content = RoomEncryptionEventContent::with_recommended_defaults();
        state.push(InitialStateEvent::with_empty_state_key(content).to_raw_any());
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(request: &Request) -> Vec<String> {
        request.initial_state.iter().filter_map(|state| state.get_field("type").ok().flatten()).collect()
    }

    #[test]
    fn a_room_for_the_people_of_a_space_says_so_from_the_beginning() {
        let new = NewRoom {
            name: "7 «Б»".into(),
            joining: Joining::Space,
            within: Some("!school:academy".into()),
            encrypted: true,
            ..NewRoom::default()
        };
        let request = request(new.clone(), Some("mxc://academy/1")).unwrap();
        assert_eq!(kinds(&request), ["m.room.guest_access", "m.room.join_rules", "m.room.avatar", "m.room.encryption"]);
        assert_eq!(request.visibility, Visibility::Private);
        assert!(super::request(NewRoom { within: None, ..new }, None).is_err(), "which space?");
    }

    #[test]
    fn a_space_is_no_place_to_write_in() {
        let new = NewRoom { space: true, encrypted: true, name: "Школа".into(), ..NewRoom::default() };
        let request = request(new, None).unwrap();
        assert_eq!(kinds(&request), ["m.room.guest_access"]);
        let content = request.creation_content.unwrap();
        assert_eq!(content.get_field::<String>("type").unwrap().as_deref(), Some("m.space"));
    }

    #[test]
    fn an_address_is_for_rooms_that_are_open_to_all() {
        let open = NewRoom { joining: Joining::Public, alias: "class-7b".into(), ..NewRoom::default() };
        assert_eq!(request(open.clone(), None).unwrap().room_alias_name.as_deref(), Some("class-7b"));
        let closed = NewRoom { joining: Joining::Invite, ..open.clone() };
        assert_eq!(request(closed, None).unwrap().room_alias_name, None);
        assert!(request(NewRoom { alias: "Класс".into(), ..open }, None).is_err());
    }
}
