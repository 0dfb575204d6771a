//! What links from outside lead to.

use std::sync::Arc;

use matrix_sdk::{
    Client, RoomState,
    ruma::{OwnedRoomId, OwnedServerName, RoomId, RoomOrAliasId, UserId},
};

use crate::{
    matrix::{failure, live::Live, spaces},
    model::{
        desktop::{News, Wish},
        update::{Failure, Update},
    },
};

/// Finds what a link leads to.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match Box::pin(find(&live.client, wish)).await {
        Ok(news) => live.updates.send(Update::Desktop(news)),
        Err(failure) => live.failed(failure),
    }
}

async fn find(client: &Client, wish: Wish) -> Result<News, Failure> {
    match wish {
        Wish::Chat(user) => {
            let user = UserId::parse(user).map_err(|_| Failure::NotFound)?;
            Ok(match client.get_dm_room(&user) {
                Some(room) => News::Found { room: room.room_id().to_string(), event: None },
                None => News::NoChat(user.to_string()),
            })
        }
        Wish::Find { address, event, via } => {
            let parsed = RoomOrAliasId::parse(&address).map_err(|_| Failure::NotFound)?;
            let id = resolve(client, &parsed).await?;
            let own =
                client.get_room(&id).filter(|room| matches!(room.state(), RoomState::Joined | RoomState::Invited));
            if let Some(room) = own {
                return Ok(News::Found { room: room.room_id().to_string(), event });
            }
            let via = via.iter().filter_map(|server| OwnedServerName::try_from(server.as_str()).ok()).collect();
            // A room that shows nothing of itself to strangers can still be joined by those who may.
            let room = spaces::preview(client, &parsed, via).await;
            Ok(News::Offer { address, room })
        }
    }
}

/// The id of a room; rooms of the account are known without asking the server.
async fn resolve(client: &Client, address: &RoomOrAliasId) -> Result<OwnedRoomId, Failure> {
    match <&RoomId>::try_from(address) {
        Ok(id) => Ok(id.to_owned()),
        Err(alias) => {
            let own = client.rooms().into_iter().find(|room| room.canonical_alias().as_deref() == Some(alias));
            match own {
                Some(room) => Ok(room.room_id().to_owned()),
                None => client
                    .resolve_room_alias(alias)
                    .await
                    .map(|answer| answer.room_id)
                    .map_err(|error| failure::of_http(&error)),
            }
        }
    }
}
