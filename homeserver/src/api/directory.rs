//! The public directory of rooms.

use axum::extract::State;
use ruma::{
    UInt,
    api::client::{
        directory::{get_public_rooms, get_public_rooms_filtered, get_room_visibility, set_room_visibility},
        room::Visibility,
    },
    directory::RoomNetwork,
};

use super::{
    lenient::GetPublicRoomsFiltered,
    room::VISIBILITIES,
    ruma::{Ruma, one_of},
};
use crate::{
    app::App,
    domain::rooms::directory::{Place, PublicRooms},
    error::Result,
};

async fn page(
    app: &App,
    network: &RoomNetwork,
    term: Option<&str>,
    types: Option<&[Option<String>]>,
    since: Option<&str>,
    limit: Option<UInt>,
) -> Result<PublicRooms> {
    let since = since.map(str::parse).transpose()?;
    let limit = limit.map_or(100, u64::from).clamp(1, 500) as usize;
    app.room_actions.public_rooms(network, term, types, since.as_ref(), limit).await
}

fn tokens(page: &PublicRooms) -> (Option<String>, Option<String>, Option<UInt>) {
    let text = |place: &Option<Place>| place.as_ref().map(Place::to_string);
    (text(&page.next), text(&page.previous), UInt::try_from(page.total as u64).ok())
}

/// `GET /_matrix/client/v3/publicRooms`
pub async fn public_rooms(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_public_rooms::v3::Request>,
) -> Result<get_public_rooms::v3::Response> {
    let page = page(&app, &RoomNetwork::Matrix, None, None, body.since.as_deref(), body.limit).await?;
    let mut response = get_public_rooms::v3::Response::new(Vec::new());
    (response.next_batch, response.prev_batch, response.total_room_count_estimate) = tokens(&page);
    response.chunk = page.chunk;
    Ok(response)
}

/// `POST /_matrix/client/v3/publicRooms`
pub async fn public_rooms_filtered(
    State(app): State<App>,
    Ruma { body: GetPublicRoomsFiltered(body), .. }: Ruma<GetPublicRoomsFiltered>,
) -> Result<get_public_rooms_filtered::v3::Response> {
    let types: Vec<Option<String>> =
        body.filter.room_types.iter().map(|filter| filter.as_str().map(str::to_owned)).collect();
    let types = (!types.is_empty()).then_some(&types[..]);
    let term = body.filter.generic_search_term.as_deref();
    let page = page(&app, &body.room_network, term, types, body.since.as_deref(), body.limit).await?;
    let mut response = get_public_rooms_filtered::v3::Response::new();
    (response.next_batch, response.prev_batch, response.total_room_count_estimate) = tokens(&page);
    response.chunk = page.chunk;
    Ok(response)
}

/// `GET /_matrix/client/v3/directory/list/room/{roomId}`
pub async fn visibility(
    State(app): State<App>,
    Ruma { body, .. }: Ruma<get_room_visibility::v3::Request>,
) -> Result<get_room_visibility::v3::Response> {
    let is_public = app.room_actions.is_public(&body.room_id).await?;
    Ok(get_room_visibility::v3::Response::new(if is_public { Visibility::Public } else { Visibility::Private }))
}

/// `PUT /_matrix/client/v3/directory/list/room/{roomId}`
pub async fn set_visibility(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<set_room_visibility::v3::Request>,
) -> Result<set_room_visibility::v3::Response> {
    caller.may_take_part()?;
    one_of("visibility", &body.visibility, &VISIBILITIES)?;
    app.room_actions.set_public(&caller.user_id, &body.room_id, body.visibility == Visibility::Public).await?;
    Ok(set_room_visibility::v3::Response::new())
}
