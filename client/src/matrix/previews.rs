//! The last message of a room in a few words.

use matrix_sdk::Room;
use matrix_sdk_ui::timeline::{LatestEventValue, Profile, RoomExt, TimelineDetails};

use crate::{
    matrix::items,
    model::item::{NoticeKind, Preview},
};

/// The last message.
pub(super) struct Last {
    /// What it says
    pub(super) preview: Preview,
    /// Who sent it, empty for the account's own
    pub(super) who: String,
    /// The account sent it
    pub(super) own: bool,
    /// When
    pub(super) at_ms: Option<i64>,
}

/// Finds the last message of a room.
pub(super) async fn last(room: &Room) -> Last {
    match RoomExt::latest_event(room).await {
        LatestEventValue::Remote { timestamp, sender, is_own, profile, content } => Last {
            preview: preview(&content),
            who: if is_own { String::new() } else { name(&profile, sender.as_str()) },
            own: is_own,
            at_ms: Some(timestamp.get().into()),
        },
        LatestEventValue::Local { timestamp, content, .. } => {
            Last { preview: preview(&content), who: String::new(), own: true, at_ms: Some(timestamp.get().into()) }
        }
        LatestEventValue::RemoteInvite { timestamp, .. } => {
            Last { preview: Preview::Nothing, who: String::new(), own: false, at_ms: Some(timestamp.get().into()) }
        }
        _ => Last { preview: Preview::Nothing, who: String::new(), own: false, at_ms: None },
    }
}

fn preview(content: &matrix_sdk_ui::timeline::TimelineItemContent) -> Preview {
    match items::content(content, None, None) {
        Some(items::Content::Body(body)) => body.preview(),
        Some(items::Content::Notice(notice)) if notice.kind == NoticeKind::Joined => Preview::Joined,
        Some(items::Content::Notice(_)) | None => Preview::Other,
    }
}

fn name(profile: &TimelineDetails<Profile>, user_id: &str) -> String {
    items::name(profile, user_id)
}
