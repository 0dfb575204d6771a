//! What a push gateway is told.
//! <https://spec.matrix.org/v1.18/push-gateway-api/#post_matrixpushv1notify>

use ruma::{
    SecondsSinceUnixEpoch, UInt, UserId,
    api::push_gateway::send_event_notification::v1::{Device, Notification, NotificationCounts, NotificationPriority},
    push::{PushFormat, Tweak},
};
use serde::Serialize;

use super::line::{Line, Target, Waiting};
use crate::domain::{event::Event, rooms::state::RoomState};

/// A call's body.
#[derive(Serialize)]
struct Body<T> {
    notification: T,
}

/// The body of a call that is about no event.
#[derive(Serialize)]
struct Badge {
    counts: Unread,
    prio: NotificationPriority,
    devices: [Device; 1],
}

#[derive(Serialize)]
struct Unread {
    unread: u64,
}

fn device(line: &Line, target: &Target, tweaks: Vec<Tweak>) -> Device {
    let mut device = Device::new(line.ids.app_id.clone(), line.ids.pushkey.clone());
    device.pushkey_ts = UInt::try_from(target.created_at / 1_000).ok().map(SecondsSinceUnixEpoch);
    device.data = target.data.clone().into();
    device.tweaks = tweaks;
    device
}

fn counts(unread: u64) -> NotificationCounts {
    NotificationCounts::new(UInt::try_from(unread).unwrap_or(UInt::MAX), UInt::MIN)
}

/// An event that notifies. A pusher of the format `event_id_only` hears no more than which one, how urgent it is and how
/// much is unread.
pub(super) fn of_event(
    line: &Line,
    target: &Target,
    waiting: &Waiting,
    room: &RoomState,
    unread: u64,
) -> serde_json::Result<String> {
    let event = &waiting.event;
    let reduced = target.data.format == Some(PushFormat::EventIdOnly);
    let tweaks = if reduced { Vec::new() } else { waiting.tweaks.clone() };
    let mut notification = Notification::new(vec![device(line, target, tweaks)]);
    notification.event_id = Some(event.event_id.clone());
    notification.room_id = Some(event.room_id.clone());
    notification.prio = if waiting.urgent { NotificationPriority::High } else { NotificationPriority::Low };
    notification.counts = counts(unread);
    if !reduced {
        notification.event_type = Some(event.kind.clone());
        notification.sender = Some(event.sender.clone());
        notification.sender_display_name = Some(room.display_name(&event.sender));
        notification.room_name = room.name();
        notification.room_alias = room.canonical_alias();
        notification.user_is_target = targets(event, &line.user_id);
        notification.content = Some(event.content.clone());
    }
    serde_json::to_string(&Body { notification })
}

/// How much is unread, and nothing else. Here a zero is said too: it is what takes the number off a phone's screen.
pub(super) fn of_badge(line: &Line, target: &Target, unread: u64) -> serde_json::Result<String> {
    let devices = [device(line, target, Vec::new())];
    let notification = Badge { counts: Unread { unread }, prio: NotificationPriority::Low, devices };
    serde_json::to_string(&Body { notification })
}

/// Whether an event is about a user's own membership.
pub(super) fn targets(event: &Event, user_id: &UserId) -> bool {
    event.membership.is_some() && event.state_key.as_deref() == Some(user_id.as_str())
}
