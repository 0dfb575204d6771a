//! What the settings ask: the password, whom the account ignores, its rules of notification, and the local store.

use std::{path::Path, sync::Arc, time::Duration};

use matrix_sdk::{
    Client,
    notification_settings::{IsEncrypted, IsOneToOne, NotificationSettings, RoomNotificationMode},
    ruma::{
        UserId,
        api::client::uiaa::{AuthData, AuthType, MatrixUserIdentifier, Password, UserIdentifier},
        events::ignored_user_list::IgnoredUserListEventContent,
    },
};

use crate::{
    matrix::{failure, live::Live},
    model::{
        settings::{News, Rules, Tells, Wish},
        update::{Failure, Update},
    },
};

/// Does what the settings ask for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let password = matches!(wish, Wish::ChangePassword { .. });
    let outcome = Box::pin(attempt(live, wish)).await;
    let news = match outcome {
        Ok(Some(news)) => news,
        Ok(None) => return,
        Err(failure) if password => News::PasswordFailed(failure),
        Err(failure) => News::Failed(failure),
    };
    live.updates.send(Update::Settings(news));
}

async fn attempt(live: &Arc<Live>, wish: Wish) -> Result<Option<News>, Failure> {
    let client = &live.client;
    match wish {
        Wish::Describe => {
            live.updates.send(Update::Settings(News::Ignored(ignored(client).await)));
            Ok(Some(News::Rules(rules(&client.notification_settings().await).await)))
        }
        Wish::Measure => Ok(Some(measure(live).await)),
        Wish::ChangePassword { old, new } => {
            change_password(client, old, &new).await?;
            Ok(Some(News::PasswordChanged))
        }
        Wish::Unignore(user) => {
            let user = UserId::parse(user).map_err(|_| Failure::NotFound)?;
            client.account().unignore_user(&user).await.map_err(|error| failure::of(&error))?;
            let mut left = ignored(client).await;
            // The server's word of it comes with the next sync.
            left.retain(|id| id != user.as_str());
            Ok(Some(News::Ignored(left)))
        }
        Wish::Rooms(tells) => default_mode(client, IsOneToOne::No, tells).await.map(Some),
        Wish::Chats(tells) => default_mode(client, IsOneToOne::Yes, tells).await.map(Some),
        Wish::AddKeyword(word) => {
            let settings = client.notification_settings().await;
            settings.add_keyword(word).await.map_err(refused)?;
            Ok(Some(News::Rules(rules(&settings).await)))
        }
        Wish::RemoveKeyword(word) => {
            let settings = client.notification_settings().await;
            settings.remove_keyword(&word).await.map_err(refused)?;
            Ok(Some(News::Rules(rules(&settings).await)))
        }
        Wish::ClearMedia => {
            clear_media(client).await.map_err(|error| failure::of(&error))?;
            live.updates.send(Update::Settings(measure(live).await));
            Ok(Some(News::Done))
        }
        Wish::Refetch => {
            client.event_cache().clear_all_rooms().await.map_err(|error| {
                tracing::warn!(%error, "kept messages cannot be deleted");
                Failure::Store
            })?;
            live.updates.send(Update::Settings(measure(live).await));
            Ok(Some(News::Done))
        }
    }
}

fn refused(error: matrix_sdk::NotificationSettingsError) -> Failure {
    tracing::info!(%error, "the rules of notification were not changed");
    Failure::Other
}

/// User ids of those ignored.
async fn ignored(client: &Client) -> Vec<String> {
    let list = client.account().account_data::<IgnoredUserListEventContent>().await.ok().flatten();
    let list = list.and_then(|raw| raw.deserialize().ok()).unwrap_or_default();
    list.ignored_users.keys().map(ToString::to_string).collect()
}

async fn rules(settings: &NotificationSettings) -> Rules {
    let mode = async |one| tells(settings.get_default_room_notification_mode(IsEncrypted::No, one).await);
    let mut keywords: Vec<String> = settings.enabled_keywords().await.into_iter().collect();
    keywords.sort_by_key(|word| word.to_lowercase());
    Rules { rooms: mode(IsOneToOne::No).await, chats: mode(IsOneToOne::Yes).await, keywords }
}

fn tells(mode: RoomNotificationMode) -> Tells {
    match mode {
        RoomNotificationMode::AllMessages => Tells::All,
        RoomNotificationMode::MentionsAndKeywordsOnly => Tells::Mentions,
        RoomNotificationMode::Mute => Tells::Nothing,
    }
}

/// Sets a default for plain and encrypted rooms alike: who chooses does not think of encryption.
async fn default_mode(client: &Client, one: IsOneToOne, tells: Tells) -> Result<News, Failure> {
    let mode = match tells {
        Tells::All => RoomNotificationMode::AllMessages,
        Tells::Mentions | Tells::Nothing => RoomNotificationMode::MentionsAndKeywordsOnly,
    };
    let settings = client.notification_settings().await;
    for encrypted in [IsEncrypted::No, IsEncrypted::Yes] {
        settings.set_default_room_notification_mode(encrypted, one, mode).await.map_err(refused)?;
    }
    Ok(News::Rules(rules(&settings).await))
}

/// Changes the password by user-interactive authentication (spec: client-server API, "User-interactive API in the REST
/// API"): the server asks for the old one, unless it trusts the session as it is.
async fn change_password(client: &Client, old: String, new: &str) -> Result<(), Failure> {
    let Err(error) = client.account().change_password(new, None).await else { return Ok(()) };
    let Some(info) = error.as_uiaa_response() else { return Err(failure::of(&error)) };
    if !info.flows.iter().any(|flow| flow.stages == [AuthType::Password]) {
        return Err(Failure::Forbidden);
    }
    let own = client.user_id().ok_or(Failure::SessionEnded)?;
    let mut answer = Password::new(UserIdentifier::Matrix(MatrixUserIdentifier::new(own.to_string())), old);
    answer.session.clone_from(&info.session);
    let Err(error) = client.account().change_password(new, Some(AuthData::Password(answer))).await else {
        return Ok(());
    };
    // Asked again: what was answered was wrong.
    Err(if error.as_uiaa_response().is_some() { Failure::WrongPassword } else { failure::of_sign_in(&error) })
}

/// Deletes all attachments but those that wait for being sent; the rules by which the store keeps them stay as they were.
async fn clear_media(client: &Client) -> matrix_sdk::Result<()> {
    let media = client.media();
    let policy = media.media_retention_policy().await?;
    media.set_media_retention_policy(policy.with_last_access_expiry(Some(Duration::ZERO))).await?;
    let cleaned = media.clean().await;
    media.set_media_retention_policy(policy).await?;
    cleaned
}

async fn measure(live: &Live) -> News {
    let folder = live.store.clone();
    let measured = tokio::task::spawn_blocking(move || {
        let store = size_of(&folder, &|_| true);
        let media = size_of(&folder, &|name| name.starts_with("matrix-sdk-media."));
        News::Sizes { store, media }
    });
    measured.await.unwrap_or(News::Sizes { store: 0, media: 0 })
}

/// Bytes of the files of a folder whose names are wanted. What cannot be read counts as nothing.
fn size_of(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size_of(&entry.path(), wanted),
            Ok(data) if wanted(&entry.file_name().to_string_lossy()) => data.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_measured_with_what_lies_in_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("matrix-sdk-state.sqlite3"), [0; 10]).unwrap();
        std::fs::write(dir.path().join("matrix-sdk-media.sqlite3"), [0; 20]).unwrap();
        std::fs::create_dir(dir.path().join("more")).unwrap();
        std::fs::write(dir.path().join("more/matrix-sdk-media.sqlite3-wal"), [0; 5]).unwrap();
        assert_eq!(size_of(dir.path(), &|_| true), 35);
        assert_eq!(size_of(dir.path(), &|name| name.starts_with("matrix-sdk-media.")), 25);
        assert_eq!(size_of(&dir.path().join("gone"), &|_| true), 0);
    }
}
