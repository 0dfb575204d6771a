//! Networks that application services provide. Where none does, there is nothing to list.
//! <https://spec.matrix.org/v1.18/client-server-api/#third-party-networks>

use axum::extract::State;
use ruma::api::client::thirdparty::{
    get_location_for_protocol, get_location_for_room_alias, get_protocol, get_protocols, get_user_for_protocol,
    get_user_for_user_id,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    appservices::networks::Fields,
    error::{ApiError, Result},
};

/// The fields as an application service is given them: a caller's token is no field.
fn without_token(mut fields: Fields) -> Fields {
    fields.remove("access_token");
    fields
}

/// `GET /_matrix/client/v3/thirdparty/protocols`
pub async fn get_protocols(
    State(app): State<App>,
    _: Ruma<get_protocols::v3::Request>,
) -> Result<get_protocols::v3::Response> {
    Ok(get_protocols::v3::Response::new(app.outbound.protocols().await))
}

/// `GET /_matrix/client/v3/thirdparty/protocol/{protocol}`
pub async fn get_protocol(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_protocol::v3::Request>,
) -> Result<get_protocol::v3::Response> {
    let protocol = app.outbound.protocol(&body.protocol).await;
    let protocol = protocol.ok_or_else(|| ApiError::not_found("No application service provides this network."))?;
    Ok(get_protocol::v3::Response::new(protocol))
}

/// `GET /_matrix/client/v3/thirdparty/location/{protocol}`
pub async fn get_location_for_protocol(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_location_for_protocol::v3::Request>,
) -> Result<get_location_for_protocol::v3::Response> {
    let locations = app.outbound.locations(&body.protocol, &without_token(body.fields)).await;
    Ok(get_location_for_protocol::v3::Response::new(locations))
}

/// `GET /_matrix/client/v3/thirdparty/user/{protocol}`
pub async fn get_user_for_protocol(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_user_for_protocol::v3::Request>,
) -> Result<get_user_for_protocol::v3::Response> {
    let users = app.outbound.users(&body.protocol, &without_token(body.fields)).await;
    Ok(get_user_for_protocol::v3::Response::new(users))
}

/// `GET /_matrix/client/v3/thirdparty/location`
pub async fn get_location_for_room_alias(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_location_for_room_alias::v3::Request>,
) -> Result<get_location_for_room_alias::v3::Response> {
    Ok(get_location_for_room_alias::v3::Response::new(app.outbound.locations_of(&body.alias).await))
}

/// `GET /_matrix/client/v3/thirdparty/user`
pub async fn get_user_for_user_id(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_user_for_user_id::v3::Request>,
) -> Result<get_user_for_user_id::v3::Response> {
    Ok(get_user_for_user_id::v3::Response::new(app.outbound.users_of(&body.userid).await))
}
