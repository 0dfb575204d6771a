//! What application services ask of the server.

use axum::extract::State;
use ruma::api::client::{
    appservice::{request_ping, set_room_visibility},
    room::Visibility,
};

use super::{
    room::VISIBILITIES,
    ruma::{Ruma, one_of},
};
use crate::{
    app::App,
    error::{ApiError, Result},
};

/// `POST /_matrix/client/v1/appservice/{appserviceId}/ping`
pub async fn request_ping(
    State(app): State<App>,
    request: Ruma<request_ping::v1::Request>,
) -> Result<request_ping::v1::Response> {
    let request_ping::v1::Request { appservice_id, transaction_id, .. } = request.body;
    if appservice_id != request.caller.id {
        return Err(ApiError::forbidden("This access token belongs to another application service."));
    }
    let transaction_id = transaction_id.as_deref().map(ruma::TransactionId::as_str);
    let duration = app.outbound.ping(&request.caller, transaction_id).await?;
    Ok(request_ping::v1::Response::new(duration))
}

/// `PUT /_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}`
pub async fn set_room_visibility(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<set_room_visibility::v3::Request>,
) -> Result<set_room_visibility::v3::Response> {
    one_of("visibility", &body.visibility, &VISIBILITIES)?;
    let listed = body.visibility == Visibility::Public;
    app.room_actions.set_in_network(&caller, &body.network_id, &body.room_id, listed).await?;
    Ok(set_room_visibility::v3::Response::new())
}
