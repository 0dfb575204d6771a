//! Messages that the account's push rules tell of, on their way to the view.

use std::sync::Arc;

use matrix_sdk::{
    Room,
    deserialized_responses::{RawAnySyncOrStrippedTimelineEvent, TimelineEvent},
    ruma::{OwnedUserId, push::Action},
    sync::Notification,
};
use matrix_sdk_ui::timeline::TimelineItemContent;

use crate::{
    matrix::{Updates, items, live::Live, rooms},
    model::{item::Preview, notify::Came, person, update::Update},
};

/// Begins to tell. Called once the first answer of the server is there: what happened before is told by the badges.
pub(super) async fn begin(live: &Arc<Live>) {
    let updates = live.updates.clone();
    live.client
        .register_notification_handler(move |notification, room, _| {
            let updates = updates.clone();
            async move { Box::pin(tell(updates, notification, room)).await }
        })
        .await;
}

async fn tell(updates: Updates, notification: Notification, room: Room) {
    let actions = &notification.actions;
    let (sender, preview, invited) = match notification.event {
        RawAnySyncOrStrippedTimelineEvent::Sync(raw) => {
            let Ok(Some(sender)) = raw.get_field::<OwnedUserId>("sender") else { return };
            let content = TimelineItemContent::from_event(&room, TimelineEvent::from_plaintext(raw)).await;
            let preview = match content.as_ref().and_then(|content| items::content(content, None, None)) {
                Some(items::Content::Body(body)) => body.preview(),
                Some(items::Content::Notice(_)) | None => Preview::Other,
            };
            (sender, preview, false)
        }
        RawAnySyncOrStrippedTimelineEvent::Stripped(raw) => {
            let Ok(Some(sender)) = raw.get_field::<OwnedUserId>("sender") else { return };
            (sender, Preview::Nothing, true)
        }
    };
    if sender == room.own_user_id() {
        return;
    }
    let member = room.get_member_no_sync(&sender).await.ok().flatten();
    updates.send(Update::Notify(Came {
        room: room.room_id().to_string(),
        room_name: rooms::name(&room).await,
        direct: room.is_dm(),
        who: member.map_or_else(|| person::localpart(sender.as_str()).to_owned(), |member| member.name().to_owned()),
        preview,
        invited,
        mention: actions.iter().any(Action::is_highlight),
        sound: actions.iter().any(|action| action.sound().is_some()),
    }));
}
