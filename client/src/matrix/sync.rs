//! Following the server: long polls without end, a word when it is away, and waking what waited for it.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    config::SyncSettings,
    ruma::api::client::{
        filter::{FilterDefinition, RoomEventFilter},
        sync::sync_events::v3::Filter,
    },
};
use tokio::sync::{broadcast::error::RecvError, mpsc::UnboundedSender};

use crate::{
    matrix::{failure, live::Live, members, notify, presence, rooms},
    model::update::{Connection, Failure, Update},
};

/// How long the server holds an answer back while nothing happens.
const POLL: Duration = Duration::from_secs(30);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

fn settings(live: &Live) -> SyncSettings {
    let mut filter = FilterDefinition::with_lazy_loading();
    filter.room.timeline = RoomEventFilter::with_lazy_loading();
    filter.room.timeline.limit = Some(30_u32.into());
    SyncSettings::new().filter(Filter::FilterDefinition(filter)).set_presence(live.presence.state())
}

/// Syncs until the session ends.
pub(super) async fn run(live: Arc<Live>, ended: UnboundedSender<()>) {
    let mut pause = Duration::from_millis(500);
    let mut online = false;
    let mut notifying = false;
    live.updates.send(Update::Connection(Connection::Connecting));
    loop {
        // The first answer after a silence comes at once, so that the bar goes away at once.
        let timeout = if online { POLL } else { Duration::ZERO };
        match live.client.sync_once(settings(&live).timeout(timeout)).await {
            Ok(response) => {
                if !online {
                    online = true;
                    live.updates.send(Update::Connection(Connection::Online));
                    live.client.send_queue().set_enabled(true).await;
                    live.post.wake();
                }
                if !std::mem::replace(&mut notifying, true) {
                    notify::begin(&live).await;
                }
                pause = Duration::from_millis(500);
                if let Some(own) = live.client.user_id() {
                    live.timelines.came(&response.rooms, own);
                }
                presence::came(&live, &response.presence);
                live.post.came(&response.account_data);
                let changed =
                    response.rooms.joined.keys().chain(response.rooms.invited.keys()).chain(response.rooms.left.keys());
                rooms::tell(&live, changed.cloned().collect()).await;
                members::follow(&live, &response.rooms).await;
            }
            Err(error) => match failure::of(&error) {
                Failure::SessionEnded => {
                    let _ = ended.send(());
                    return;
                }
                failure => {
                    tracing::info!(?failure, "sync failed");
                    online = false;
                    live.updates.send(Update::Connection(Connection::Away));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            },
        }
    }
}

/// A room whose sending stopped on a passing error goes on after a while.
pub(super) async fn follow_send_queue(live: Arc<Live>) {
    live.client.send_queue().respawn_tasks_for_rooms_with_unsent_requests().await;
    let mut errors = live.client.send_queue().subscribe_errors();
    loop {
        match errors.recv().await {
            Ok(error) if error.is_recoverable => {
                let live = Arc::clone(&live);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    if let Some(room) = live.client.get_room(&error.room_id) {
                        room.send_queue().set_enabled(true);
                    }
                });
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
