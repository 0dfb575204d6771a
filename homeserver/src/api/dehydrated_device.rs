//! Dehydrated devices (MSC3814).

use axum::extract::State;
use ruma::api::client::dehydrated_device::{
    delete_dehydrated_device, get_dehydrated_device, get_events, put_dehydrated_device,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::encryption::{dehydrated::Dehydrated, device_keys::Upload},
    error::Result,
    sync::token::Token,
};

/// `PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn put(
    State(app): State<App>,
    request: Ruma<put_dehydrated_device::unstable::Request>,
) -> Result<put_dehydrated_device::unstable::Response> {
    let body = request.body;
    let keys = Upload {
        device_keys: Some(body.device_keys),
        one_time_keys: body.one_time_keys,
        fallback_keys: body.fallback_keys,
    };
    let device_id = body.device_id.clone();
    let device = Dehydrated {
        device_id: body.device_id,
        display_name: body.initial_device_display_name,
        data: body.device_data,
        keys,
    };
    app.encryption.put_dehydrated(&request.caller.user_id, device).await?;
    Ok(put_dehydrated_device::unstable::Response::new(device_id))
}

/// `GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn get(
    State(app): State<App>,
    request: Ruma<get_dehydrated_device::unstable::Request>,
) -> Result<get_dehydrated_device::unstable::Response> {
    let (device_id, data) = app.encryption.dehydrated(&request.caller.user_id).await?;
    Ok(get_dehydrated_device::unstable::Response::new(device_id, data))
}

/// `DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device`
pub async fn delete(
    State(app): State<App>,
    request: Ruma<delete_dehydrated_device::unstable::Request>,
) -> Result<delete_dehydrated_device::unstable::Response> {
    let device_id = app.encryption.delete_dehydrated(&request.caller.user_id).await?;
    Ok(delete_dehydrated_device::unstable::Response::new(device_id))
}

/// `POST /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device_id}/events`
pub async fn events(
    State(app): State<App>,
    request: Ruma<get_events::unstable::Request>,
) -> Result<get_events::unstable::Response> {
    let get_events::unstable::Request { device_id, next_batch, .. } = request.body;
    let after = next_batch.map(|token| token.parse::<Token>()).transpose()?.map(|token| token.position);
    let user_id = &request.caller.user_id;
    let (events, up_to) = app.encryption.dehydrated_events(user_id, &device_id, after).await?;
    let mut response = get_events::unstable::Response::new(events);
    response.next_batch = Some(Token::at(up_to).to_string());
    Ok(response)
}
