//! The recovery of an account's keys. Cross-signing is set up by the SDK while signing in; here are the backup of keys
//! and the recovery key that leads to both.

use std::{
    collections::{BTreeSet, HashSet},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::StreamExt;
use matrix_sdk::{
    Client, Error, Room,
    encryption::{
        CrossSigningResetAuthType,
        recovery::{EnableProgress, RecoveryError, RecoveryState},
        secret_storage::SecretStorageError,
    },
    ruma::{
        OwnedRoomId, RoomId,
        api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UiaaInfo, UserIdentifier},
    },
};
use matrix_sdk_ui::timeline::{EncryptedMessage, MsgLikeKind, Timeline};

use crate::{
    matrix::{failure, live::Live},
    model::{
        crypto::{News, Secret, Standing, Trouble, Wish, grouped},
        update::{Failure, Update},
    },
};

/// Kept in the local store: the recovery key was made, and nobody said that it was put away.
const UNSAVED: &[u8] = b"parta.recovery.unsaved";
/// When the person said "later", in milliseconds since the Unix epoch.
const LATER: &[u8] = b"parta.recovery.later";

/// Tells how recovery stands, now and whenever it changes.
pub(super) async fn follow(live: Arc<Live>) {
    let encryption = live.client.encryption();
    encryption.wait_for_e2ee_initialization_tasks().await;
    let mut states = pin!(encryption.recovery().state_stream());
    let mut before = None;
    while let Some(state) = states.next().await {
        tell(&live).await;
        // The keys came, by the recovery key or from another device: what could not be read can be now.
        if before.replace(state) == Some(RecoveryState::Incomplete) && before == Some(RecoveryState::Enabled) {
            live.sought.clear();
            for room in live.timelines.rooms().iter().filter_map(|room| live.client.get_room(room)) {
                mend(&live, &room).await;
            }
        }
    }
}

/// Does what the pages of recovery ask for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let outcome = match wish {
        Wish::Make(password) => Box::pin(make(live, &password.0)).await.map(|key| News::Made(Secret(key))),
        Wish::Reset(password) => Box::pin(reset(live, &password.0)).await.map(|key| News::Made(Secret(key))),
        Wish::Unlock(key) => Box::pin(unlock(live, &key.0)).await.map(|()| News::Unlocked),
        Wish::AskAgain(room) => {
            let Some(room) = live.room(&room) else { return };
            let left = mend(live, &room).await;
            return live.updates.send(Update::Crypto(News::Asked { left }));
        }
        Wish::Weigh => {
            let unsent = unsent(live).await;
            return live.updates.send(Update::Crypto(News::Unsent(unsent)));
        }
        Wish::Kept => {
            forget(live, UNSAVED).await;
            return tell(live).await;
        }
        Wish::Later => {
            let now = jiff::Timestamp::now().as_millisecond();
            keep(live, LATER, now.to_be_bytes().to_vec()).await;
            return tell(live).await;
        }
    };
    live.updates.send(Update::Crypto(outcome.unwrap_or_else(News::Trouble)));
    tell(live).await;
}

async fn tell(live: &Live) {
    let store = live.client.state_store();
    let unsaved = store.get_custom_value(UNSAVED).await.ok().flatten().is_some();
    let later = store.get_custom_value(LATER).await.ok().flatten();
    let later = later.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    let standing = match live.client.encryption().recovery().state() {
        RecoveryState::Unknown => Standing::Unknown,
        RecoveryState::Disabled => Standing::Missing,
        RecoveryState::Incomplete => Standing::Locked,
        RecoveryState::Enabled if unsaved => Standing::Unsaved,
        RecoveryState::Enabled => Standing::Ready,
    };
    let reminds = standing.reminds(later, jiff::Timestamp::now().as_millisecond());
    live.updates.send(Update::Crypto(News::Stands(standing, reminds)));
}

async fn keep(live: &Live, key: &[u8], value: Vec<u8>) {
    if let Err(error) = live.client.state_store().set_custom_value(key, value).await {
        tracing::warn!(%error, "what was said of the recovery key cannot be kept");
    }
}

async fn forget(live: &Live, key: &[u8]) {
    if let Err(error) = live.client.state_store().remove_custom_value(key).await {
        tracing::warn!(%error, "what was said of the recovery key cannot be forgotten");
    }
}

/// Makes a recovery key. Where there is one that was never put away, another one takes its place.
async fn make(live: &Arc<Live>, password: &str) -> Result<String, Trouble> {
    let encryption = live.client.encryption();
    let complete = async || encryption.cross_signing_status().await.is_some_and(|status| status.is_complete());
    if !complete().await {
        sign(&live.client, password).await?;
        // An identity that another device made: a key from here would lead to half of it.
        if !complete().await {
            return Err(Trouble::Elsewhere);
        }
    }
    if encryption.recovery().state() == RecoveryState::Enabled {
        keep(live, UNSAVED, vec![1]).await;
        let key = encryption.recovery().reset_key().await.map_err(|error| trouble(&error))?;
        return Ok(grouped(&key));
    }
    enable(live).await
}

/// Makes the keys of the account if it has none.
async fn sign(client: &Client, password: &str) -> Result<(), Trouble> {
    let encryption = client.encryption();
    let Err(error) = encryption.bootstrap_cross_signing_if_needed(None).await else { return Ok(()) };
    let Some(info) = error.as_uiaa_response() else { return Err(Trouble::Failed(failure::of(&error))) };
    let answer = answer(client, info, password)?;
    encryption.bootstrap_cross_signing_if_needed(Some(answer)).await.map_err(|error| refused(&error))
}

async fn enable(live: &Arc<Live>) -> Result<String, Trouble> {
    // First: the program may end before the person has seen the key.
    keep(live, UNSAVED, vec![1]).await;
    let recovery = live.client.encryption().recovery();
    let enable = recovery.enable().wait_for_backups_to_upload();
    let progress = enable.subscribe_to_progress();
    let updates = live.updates.clone();
    let following = tokio::spawn(async move {
        let mut progress = pin!(progress);
        while let Some(Ok(step)) = progress.next().await {
            if let EnableProgress::BackingUp(counts) = &step {
                let (done, all) = (counts.backed_up as u64, counts.total as u64);
                updates.send(Update::Crypto(News::Progress(done, all)));
            }
        }
    });
    let made = enable.await;
    following.abort();
    made.map(|key| grouped(&key)).map_err(|error| trouble(&error))
}

/// New keys, a new backup, a new recovery key. The server asks for the password before anything is deleted.
async fn reset(live: &Arc<Live>, password: &str) -> Result<String, Trouble> {
    let encryption = live.client.encryption();
    if let Some(handle) = encryption.reset_cross_signing().await.map_err(|error| refused(&error))? {
        let CrossSigningResetAuthType::Uiaa(info) = handle.auth_type() else {
            return Err(Trouble::Failed(Failure::Forbidden));
        };
        let answer = answer(&live.client, info, password)?;
        handle.auth(Some(answer)).await.map_err(|error| refused(&error))?;
    }
    encryption.backups().disable_and_delete().await.map_err(|error| Trouble::Failed(failure::of(&error)))?;
    enable(live).await
}

/// Fetches the keys of the account by the recovery key.
async fn unlock(live: &Arc<Live>, key: &str) -> Result<(), Trouble> {
    let encryption = live.client.encryption();
    encryption.recovery().recover(key.trim()).await.map_err(|error| trouble(&error))?;
    // Who has the key has put it away.
    forget(live, UNSAVED).await;
    Ok(())
}

/// The rooms whose missing keys were looked for in the backup since it can be read.
#[derive(Default)]
pub(super) struct Sought(Mutex<HashSet<OwnedRoomId>>);

impl Sought {
    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_first(&self, room: &RoomId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned())
    }
}

/// The same as [`mend`] for a room that is opened, the first time: what was not found then is asked for by hand.
pub(super) async fn mend_once(live: &Live, room: &Room) {
    if live.sought.is_first(room.room_id()) {
        mend(live, room).await;
    }
}

/// Looks for the keys of what cannot be read in a room, and reads it. True if something is left.
pub(super) async fn mend(live: &Live, room: &Room) -> bool {
    let Some(timeline) = live.timelines.get(room.room_id()) else { return false };
    let missing = unreadable(&timeline).await;
    if missing.is_empty() {
        return false;
    }
    let backups = live.client.encryption().backups();
    if backups.are_enabled().await
        && let Err(error) = backups.download_room_keys_for_room(room.room_id()).await
    {
        tracing::info!(%error, "keys of a room were not loaded");
    }
    timeline.retry_decryption(missing).await;
    !unreadable(&timeline).await.is_empty()
}

/// The sessions of the messages that cannot be read.
async fn unreadable(timeline: &Timeline) -> BTreeSet<String> {
    let session = |content: &matrix_sdk_ui::timeline::TimelineItemContent| match &content.as_msglike()?.kind {
        MsgLikeKind::UnableToDecrypt(EncryptedMessage::MegolmV1AesSha2 { session_id, .. }) => Some(session_id.clone()),
        _ => None,
    };
    timeline.items().await.iter().filter_map(|item| session(item.as_event()?.content())).collect()
}

/// How many messages wait for being sent, in all rooms.
async fn unsent(live: &Live) -> usize {
    let store = live.client.state_store();
    let mut count = 0;
    for room in store.load_rooms_with_unsent_requests().await.unwrap_or_default() {
        count += store.load_send_queue_requests(&room).await.map_or(0, |waiting| waiting.len());
    }
    count
}

/// The answer to the server's question who is there (spec: client-server API, "User-interactive API in the REST API").
pub(super) fn answer(client: &Client, info: &UiaaInfo, password: &str) -> Result<AuthData, Trouble> {
    if password.is_empty() {
        return Err(Trouble::Password);
    }
    let own = client.user_id().ok_or(Trouble::Failed(Failure::SessionEnded))?;
    let who = UserIdentifier::Matrix(MatrixUserIdentifier::new(own.to_string()));
    let mut answer = Password::new(who, password.to_owned());
    answer.session.clone_from(&info.session);
    Ok(AuthData::Password(answer))
}

/// Asked again: what was answered was wrong.
pub(super) fn refused(error: &Error) -> Trouble {
    if error.as_uiaa_response().is_some() { Trouble::WrongPassword } else { Trouble::Failed(failure::of(error)) }
}

fn trouble(error: &RecoveryError) -> Trouble {
    match error {
        RecoveryError::BackupExistsOnServer => Trouble::Elsewhere,
        RecoveryError::SecretStorage(SecretStorageError::SecretStorageKey(_)) => Trouble::WrongKey,
        RecoveryError::Sdk(error) | RecoveryError::SecretStorage(SecretStorageError::Sdk(error)) => {
            Trouble::Failed(failure::of(error))
        }
        RecoveryError::SecretStorage(_) => Trouble::Failed(Failure::Other),
    }
}
