//! What a device needs for its encryption: messages to it, whose devices changed, how many keys it has left.
//! <https://spec.matrix.org/v1.18/client-server-api/#e2e-extensions-to-sync>

use ruma::{DeviceId, UserId, api::client::sync::sync_events::v3::Response};

use crate::{app::App, error::Result, event::Position, sync::token::Token};

/// Messages in one answer, as the specification recommends.
const MESSAGES: usize = 100;

/// Takes note that a device has come back with a token: the messages that it was handed before have arrived.
pub async fn acknowledge(app: &App, user_id: &UserId, device_id: &DeviceId, since: Token) -> Result<()> {
    app.encryption.acknowledge(user_id, device_id, delivered(since)).await
}

/// The last message that a device has.
fn delivered(since: Token) -> Position {
    since.to_device.unwrap_or(since.position)
}

/// Adds what there is for a device between two positions. Where there are more messages than one answer carries, the
/// position of the last one comes back, for the token.
pub async fn add(
    app: &App,
    user_id: &UserId,
    device_id: &DeviceId,
    since: Option<Token>,
    up_to: Position,
    response: &mut Response,
) -> Result<Option<Position>> {
    if let Some(since) = since {
        let lists = app.encryption.device_lists(user_id, since.position, up_to).await?;
        response.device_lists.changed = lists.changed.into_iter().collect();
        response.device_lists.left = lists.left.into_iter().collect();
    }
    let counts = app.encryption.key_counts(user_id, device_id).await?;
    response.device_one_time_keys_count.clone_from(&counts.one_time_keys);
    response.device_unused_fallback_key_types = Some(counts.unused_fallback_keys.clone());
    let delivery = app.encryption.to_device(user_id, device_id, since.map_or(0, delivered), up_to, MESSAGES).await?;
    response.to_device.events = delivery.events;
    Ok((delivery.up_to < up_to).then_some(delivery.up_to))
}
