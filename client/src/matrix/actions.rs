//! What a person does with messages, rooms and people.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client, Room,
    room::edit::EditedContent,
    ruma::{
        EventId, OwnedUserId, RoomOrAliasId, UserId,
        api::client::{
            directory::get_public_rooms_filtered::v3::Request as DirectoryRequest,
            receipt::create_receipt::v3::ReceiptType,
        },
        directory::Filter,
        events::room::message::RoomMessageEventContentWithoutRelation,
    },
};
use matrix_sdk_ui::timeline::Timeline;

use crate::{
    matrix::{composer, failure, items, live::Live, spaces},
    model::{
        command::Command,
        spaces::{Entry, News},
        update::{Failure, Person, PublicRoom, Update},
    },
};

/// How long a room that was entered is awaited in the sync.
const ARRIVAL: Duration = Duration::from_secs(3);

/// Where a failure is told.
enum Place {
    Window,
    Dialog,
}

/// Does what a command asks for.
pub(super) async fn take(live: &Arc<Live>, command: Command) {
    let place = match &command {
        Command::FindPeople(_)
        | Command::StartChat(_)
        | Command::Invite { .. }
        | Command::FindRooms(_)
        | Command::Join(_) => Place::Dialog,
        _ => Place::Window,
    };
    if let Err(failure) = attempt(live, command).await {
        tracing::info!(?failure, "a wish could not be done");
        live.updates.send(match place {
            Place::Window => Update::Failed(failure),
            Place::Dialog => Update::DialogFailed(failure),
        });
    }
}

async fn attempt(live: &Arc<Live>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Send { room, text, reply_to, mentions } => {
            let timeline = live.timeline(&room).await?;
            send(&timeline, composer::content(&text, &mentions), reply_to.as_deref()).await
        }
        Command::Edit { room, key, text, mentions } => {
            let content = EditedContent::RoomMessage(composer::content(&text, &mentions));
            live.timeline_of(&room, &key)
                .await?
                .edit(&items::id(&key), content)
                .await
                .map_err(|error| failure::of_timeline(&error))
        }
        Command::React { room, key, reaction } => live
            .timeline_of(&room, &key)
            .await?
            .toggle_reaction(&items::id(&key), &reaction)
            .await
            .map(|_| ())
            .map_err(|error| failure::of_timeline(&error)),
        Command::Remove { room, key } => live
            .timeline_of(&room, &key)
            .await?
            .redact(&items::id(&key), None)
            .await
            .map_err(|error| failure::of_timeline(&error)),
        Command::Retry { room, key } => {
            let timeline = live.timeline_of(&room, &key).await?;
            retry(&timeline, &key).await
        }
        Command::Typing { room, typing } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            if let Err(error) = room.typing_notice(typing).await {
                tracing::debug!(%error, "typing was not told");
            }
            Ok(())
        }
        Command::FindPeople(term) => {
            let found = find_people(&live.client, &term).await?;
            live.updates.send(Update::People { term, found });
            Ok(())
        }
        Command::StartChat(user) => {
            let user = person(&live.client, &user)?;
            let room = match live.client.get_dm_room(&user) {
                Some(room) => room,
                None => live.client.create_dm(&user).await.map_err(|error| failure::of(&error))?,
            };
            enter(live, &room).await;
            Ok(())
        }
        Command::Invite { room, user } => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            room.invite_user_by_id(&person(&live.client, &user)?).await.map_err(|error| failure::of(&error))?;
            live.updates.send(Update::Invited);
            Ok(())
        }
        Command::FindRooms(term) => {
            let found = find_rooms(&live.client, &term).await?;
            live.updates.send(Update::PublicRooms { term, found });
            Ok(())
        }
        Command::Join(typed) => {
            let address = whole_address(&typed, own_server(&live.client));
            let address = RoomOrAliasId::parse(address).map_err(|_| Failure::NotFound)?;
            match live.client.join_room_by_id_or_alias(&address, &[]).await.map_err(|error| failure::of(&error)) {
                Ok(room) => enter(live, &room).await,
                Err(Failure::Forbidden) if address.is_room_alias_id() => {
                    // Perhaps one may ask to be let in: then it is shown as if it had been searched for.
                    let found = spaces::askable(&live.client, &address).await.ok_or(Failure::Forbidden)?;
                    live.updates.send(Update::PublicRooms { term: typed, found: vec![found] });
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        }
        Command::Accept(room) => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            // An invitation to a chat of two makes the room one for this account too.
            let direct = room.is_direct().await.unwrap_or(false);
            room.join().await.map_err(|error| failure::of(&error))?;
            if direct && let Err(error) = room.set_is_direct(true).await {
                tracing::info!(%error, "the chat was not marked as personal");
            }
            enter(live, &room).await;
            Ok(())
        }
        Command::Decline(room) | Command::Leave(room) => {
            let room = live.room(&room).ok_or(Failure::NotFound)?;
            room.leave().await.map_err(|error| failure::of(&error))?;
            live.updates.send(Update::RoomGone(room.room_id().to_string()));
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn send(
    timeline: &Timeline,
    content: RoomMessageEventContentWithoutRelation,
    reply_to: Option<&str>,
) -> Result<(), Failure> {
    let sent = match reply_to.and_then(|key| EventId::parse(key).ok()) {
        Some(key) => timeline.send_reply(content, key).await,
        None => timeline.send(content.with_relation(None).into()).await.map(|_| ()),
    };
    sent.map_err(|error| failure::of_timeline(&error))?;
    // Who writes has read what stands above.
    if let Err(error) = timeline.mark_as_read(ReceiptType::FullyRead).await {
        tracing::debug!(%error, "read marker was not moved");
    }
    Ok(())
}

async fn retry(timeline: &Timeline, key: &str) -> Result<(), Failure> {
    timeline.room().send_queue().set_enabled(true);
    let handle = timeline
        .items()
        .await
        .iter()
        .filter_map(|item| item.as_event())
        .find(|event| event.transaction_id().is_some_and(|id| id == key))
        .and_then(|event| event.local_echo_send_handle())
        .ok_or(Failure::NotFound)?;
    handle.unwedge().await.map_err(|error| {
        tracing::info!(%error, "message was not sent again");
        Failure::Other
    })
}

/// Tells the room and shows it. A space is no place to write in: its rooms are shown.
pub(super) async fn enter(live: &Live, room: &Room) {
    arrive(live, room).await;
    let id = room.room_id().to_string();
    live.updates.send(if room.is_space() { Update::SpaceNews(News::Entered(id)) } else { Update::Entered(id) });
}

/// Tells a room that was just made or entered, once a sync has brought what it is.
pub(super) async fn arrive(live: &Live, room: &Room) {
    let come = live.client.await_room_remote_echo(room.room_id());
    if room.create_content().is_none() && tokio::time::timeout(ARRIVAL, come).await.is_err() {
        tracing::info!("a room that was entered is not in the sync yet");
    }
    crate::matrix::rooms::tell(live, [room.room_id().to_owned()].into()).await;
}

/// The address of a room or a person as typed, with the account's own server where none was named.
fn whole_address(typed: &str, own_server: &str) -> String {
    let typed = typed.trim();
    if typed.starts_with(['#', '@']) && !typed.contains(':') {
        format!("{typed}:{own_server}")
    } else {
        typed.to_owned()
    }
}

fn own_server(client: &Client) -> &str {
    client.user_id().map(|own| own.server_name().as_str()).unwrap_or_default()
}

fn person(client: &Client, address: &str) -> Result<OwnedUserId, Failure> {
    UserId::parse(whole_address(address, own_server(client))).map_err(|_| Failure::NotFound)
}

/// People by name from the user directory, and by exact address even where the directory does not show them.
async fn find_people(client: &Client, term: &str) -> Result<Vec<Person>, Failure> {
    let own = client.user_id().map(ToString::to_string).unwrap_or_default();
    let answer = client.search_users(term.trim(), 30).await.map_err(|error| failure::of_http(&error))?;
    let mut found: Vec<Person> = answer
        .results
        .into_iter()
        .map(|user| Person {
            name: user.display_name.unwrap_or_else(|| user.user_id.localpart().to_owned()),
            id: user.user_id.to_string(),
            avatar: user.avatar_url.map(|avatar| avatar.to_string()).unwrap_or_default(),
        })
        .collect();
    if let Ok(id) = UserId::parse(whole_address(term, own_server(client)))
        && !found.iter().any(|person| person.id == id.as_str())
        && let Ok(profile) = client.account().fetch_user_profile_of(&id).await
    {
        let name = profile.get_static::<matrix_sdk::ruma::api::client::profile::DisplayName>().ok().flatten();
        let avatar = profile.get_static::<matrix_sdk::ruma::api::client::profile::AvatarUrl>().ok().flatten();
        found.insert(
            0,
            Person {
                name: name.unwrap_or_else(|| id.localpart().to_owned()),
                id: id.to_string(),
                avatar: avatar.map(|avatar| avatar.to_string()).unwrap_or_default(),
            },
        );
    }
    found.retain(|person| person.id != own);
    Ok(found)
}

async fn find_rooms(client: &Client, term: &str) -> Result<Vec<PublicRoom>, Failure> {
    let mut request = DirectoryRequest::new();
    request.limit = Some(100_u32.into());
    let mut filter = Filter::new();
    filter.generic_search_term = Some(term.trim().to_owned()).filter(|term| !term.is_empty());
    request.filter = filter;
    let answer = client.public_rooms_filtered(request).await.map_err(|error| failure::of_http(&error))?;
    Ok(answer
        .chunk
        .into_iter()
        .map(|room| {
            let address = room.canonical_alias.map(|alias| alias.to_string()).unwrap_or_default();
            // Who is in a space that a room is for is not told here: joining says it.
            let entry = spaces::known_entry(client, &room.room_id)
                .unwrap_or_else(|| spaces::entry_by_kind(&room.join_rule, Entry::Open));
            PublicRoom {
                entry,
                id: room.room_id.to_string(),
                name: room.name.unwrap_or_else(|| address.clone()),
                address,
                topic: room.topic.unwrap_or_default(),
                members: room.num_joined_members.into(),
                avatar: room.avatar_url.map(|avatar| avatar.to_string()).unwrap_or_default(),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_the_own_server() {
        assert_eq!(whole_address(" #class-7b ", "academy"), "#class-7b:academy");
        assert_eq!(whole_address("#class-7b:other", "academy"), "#class-7b:other");
        assert_eq!(whole_address("!id", "academy"), "!id");
        assert_eq!(whole_address("@anna", "academy"), "@anna:academy");
        assert_eq!(whole_address("Анна", "academy"), "Анна");
    }
}
