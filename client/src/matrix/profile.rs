//! The card of a person: profile and rooms in common; and the account's own name and picture.

mod mutual_rooms;

use std::{path::Path, sync::Arc};

use matrix_sdk::ruma::{
    UserId,
    api::client::profile::{AvatarUrl, DisplayName},
};

use crate::{
    matrix::{accounts, failure, live::Live},
    model::{
        person,
        profile::{News, Wish},
        update::{Failure, Update},
    },
    pictures,
};

/// Does what the view asks.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let changed = match wish {
        Wish::Look(person) => return look(live, &person).await,
        Wish::Rename(name) => rename(live, &name).await,
        Wish::Picture(path) => picture(live, &path).await,
        Wish::RemovePicture => live.client.account().set_avatar_url(None).await.map_err(|error| failure::of(&error)),
    };
    match changed {
        Ok(()) => tell_own(live).await,
        Err(failure) => {
            tracing::info!(?failure, "the profile was not changed");
            live.updates.send(Update::Profile(News::Failed(failure)));
        }
    }
}

/// Tells the account's own name and picture.
pub(super) async fn tell_own(live: &Live) {
    if let Some(own) = live.client.user_id()
        && let Some((name, avatar)) = fetch(live, own).await
    {
        if live.kept {
            accounts::keep_face(&live.data_dir, &name, &avatar);
        }
        live.updates.send(Update::Profile(News::Own { name, avatar }));
    }
}

async fn fetch(live: &Live, person: &UserId) -> Option<(String, String)> {
    let profile = live
        .client
        .account()
        .fetch_user_profile_of(person)
        .await
        .inspect_err(|error| tracing::debug!(%error, "profile was not loaded"))
        .ok()?;
    let name = profile.get_static::<DisplayName>().ok().flatten().filter(|name| !name.trim().is_empty());
    let avatar = profile.get_static::<AvatarUrl>().ok().flatten().map(|avatar| avatar.to_string());
    Some((name.unwrap_or_else(|| person::localpart(person.as_str()).to_owned()), avatar.unwrap_or_default()))
}

async fn look(live: &Live, id: &str) {
    let Ok(person) = UserId::parse(id) else { return };
    if let Some((name, avatar)) = fetch(live, &person).await {
        live.updates.send(Update::Profile(News::Person { id: id.to_owned(), name, avatar }));
    }
    if live.client.user_id() != Some(&*person) {
        match live.client.send(mutual_rooms::Request { user_id: person }).await {
            Ok(answer) => {
                let rooms = answer.joined.iter().map(ToString::to_string).collect();
                live.updates.send(Update::Profile(News::Common { id: id.to_owned(), rooms }));
            }
            Err(error) => tracing::debug!(%error, "rooms in common were not told"),
        }
    }
}

async fn rename(live: &Live, name: &str) -> Result<(), Failure> {
    live.client.account().set_display_name(Some(name.trim())).await.map_err(|error| failure::of(&error))
}

async fn picture(live: &Live, path: &Path) -> Result<(), Failure> {
    let bytes = tokio::fs::read(path).await.map_err(|_| Failure::CannotRead)?;
    let _permit = live.decoding.acquire().await.map_err(|_| Failure::Other)?;
    let portrait = tokio::task::spawn_blocking(move || pictures::portrait(&bytes)).await.ok().flatten();
    let (bytes, kind) = portrait.ok_or(Failure::CannotRead)?;
    live.client.account().upload_avatar(&kind, bytes).await.map(|_| ()).map_err(|error| failure::of(&error))
}
