//! What is done with one room of the list: favourites, marks, and which messages are told of.

use std::sync::Arc;

use matrix_sdk::{
    Room,
    notification_settings::{IsEncrypted, IsOneToOne, NotificationSettings, RoomNotificationMode},
    room::Receipts,
};

use crate::{
    matrix::{failure, live::Live, rooms},
    model::{
        room_menu::{Act, Notify, Wish},
        update::Failure,
    },
};

/// Does what the view asks.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    let done = match live.room(&wish.room) {
        Some(room) => act(live, &room, wish.act).await,
        None => Err(Failure::NotFound),
    };
    if let Err(failure) = done {
        tracing::info!(?failure, "a wish about a room could not be done");
        live.failed(failure);
    }
}

async fn act(live: &Arc<Live>, room: &Room, act: Act) -> Result<(), Failure> {
    let done = match act {
        Act::Favourite(on) => room.set_is_favourite(on, None).await,
        Act::Low(on) => room.set_is_low_priority(on, None).await,
        Act::Mark(true) => room.set_unread_flag(true).await,
        Act::Mark(false) => read(room).await,
        Act::Notify(notify) => {
            let mode = match notify {
                Notify::All => RoomNotificationMode::AllMessages,
                Notify::Mentions => RoomNotificationMode::MentionsAndKeywordsOnly,
                Notify::Mute => RoomNotificationMode::Mute,
            };
            settings(live).await.set_room_notification_mode(room.room_id(), mode).await.map_err(|error| {
                tracing::info!(%error, "what is told of the room was not changed");
                Failure::Other
            })?;
            rooms::tell(live, [room.room_id().to_owned()].into()).await;
            return Ok(());
        }
    };
    // The next sync brings what came of it.
    done.map_err(|error| failure::of(&error))
}

/// Marks everything in a room as read, whether it is open or not.
async fn read(room: &Room) -> matrix_sdk::Result<()> {
    let newest = match room.event_cache().await {
        Ok((events, _handles)) => events.events().await.ok(),
        Err(_) => None,
    };
    let newest = newest.and_then(|events| events.iter().rev().find_map(|event| event.event_id()));
    match newest.or_else(|| room.latest_event().event_id()) {
        Some(newest) => {
            let receipts = Receipts::new().public_read_receipt(newest.clone()).fully_read_marker(newest);
            room.send_multiple_receipts(receipts).await
        }
        None => room.set_unread_flag(false).await,
    }
}

/// The account's push rules, kept up to date by the sync.
async fn settings(live: &Live) -> &NotificationSettings {
    live.push_rules.get_or_init(|| live.client.notification_settings()).await
}

/// Which messages of a room are told of.
pub(super) async fn notify(live: &Live, room: &Room) -> Notify {
    let settings = settings(live).await;
    let mode = match settings.get_user_defined_room_notification_mode(room.room_id()).await {
        Some(mode) => mode,
        None => {
            let encrypted = IsEncrypted::from(room.encryption_state().is_encrypted());
            let two = IsOneToOne::from(room.active_members_count() == 2);
            settings.get_default_room_notification_mode(encrypted, two).await
        }
    };
    match mode {
        RoomNotificationMode::AllMessages => Notify::All,
        RoomNotificationMode::MentionsAndKeywordsOnly => Notify::Mentions,
        RoomNotificationMode::Mute => Notify::Mute,
    }
}

/// Tells the rooms anew when the push rules were changed, here or elsewhere.
pub(super) async fn follow(live: Arc<Live>) {
    let mut changes = settings(&live).await.subscribe_to_changes();
    while !matches!(changes.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
        rooms::tell_all(&live).await;
    }
}
