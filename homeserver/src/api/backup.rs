//! Backups of room keys.

use std::collections::BTreeMap;

use axum::extract::State;
use ruma::api::client::backup::{
    RoomKeyBackup, add_backup_keys, add_backup_keys_for_room, add_backup_keys_for_session, create_backup_version,
    delete_backup_keys, delete_backup_keys_for_room, delete_backup_keys_for_session, delete_backup_version,
    get_backup_info, get_backup_keys, get_backup_keys_for_room, get_backup_keys_for_session, get_latest_backup_info,
    update_backup_version,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::encryption::backup::{self, State as Etag},
    error::{ApiError, Result},
};

/// `POST /_matrix/client/v3/room_keys/version`
pub async fn create(
    State(app): State<App>,
    request: Ruma<create_backup_version::v3::Request>,
) -> Result<create_backup_version::v3::Response> {
    let version = app.encryption.create_backup(&request.caller.user_id, &request.body.algorithm).await?;
    Ok(create_backup_version::v3::Response::new(version))
}

/// `GET /_matrix/client/v3/room_keys/version`
pub async fn latest(
    State(app): State<App>,
    request: Ruma<get_latest_backup_info::v3::Request>,
) -> Result<get_latest_backup_info::v3::Response> {
    let version = app.encryption.backup(&request.caller.user_id, None).await?;
    let (description, Etag { etag, count }) = (backup::description(&version)?, Etag::of(&version));
    Ok(get_latest_backup_info::v3::Response::new(description, count, etag, version.version.to_string()))
}

/// `GET /_matrix/client/v3/room_keys/version/{version}`
pub async fn info(
    State(app): State<App>,
    request: Ruma<get_backup_info::v3::Request>,
) -> Result<get_backup_info::v3::Response> {
    let version = app.encryption.backup(&request.caller.user_id, Some(&request.body.version)).await?;
    let (description, Etag { etag, count }) = (backup::description(&version)?, Etag::of(&version));
    Ok(get_backup_info::v3::Response::new(description, count, etag, version.version.to_string()))
}

/// `PUT /_matrix/client/v3/room_keys/version/{version}`
pub async fn update(
    State(app): State<App>,
    request: Ruma<update_backup_version::v3::Request>,
) -> Result<update_backup_version::v3::Response> {
    let update_backup_version::v3::Request { version, algorithm, .. } = request.body;
    app.encryption.update_backup(&request.caller.user_id, &version, &algorithm).await?;
    Ok(update_backup_version::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/room_keys/version/{version}`
pub async fn delete(
    State(app): State<App>,
    request: Ruma<delete_backup_version::v3::Request>,
) -> Result<delete_backup_version::v3::Response> {
    app.encryption.delete_backup(&request.caller.user_id, &request.body.version).await?;
    Ok(delete_backup_version::v3::Response::new())
}

/// `PUT /_matrix/client/v3/room_keys/keys`
pub async fn put_keys(
    State(app): State<App>,
    request: Ruma<add_backup_keys::v3::Request>,
) -> Result<add_backup_keys::v3::Response> {
    let add_backup_keys::v3::Request { version, rooms, .. } = request.body;
    let keys = rooms.into_iter().map(|(room_id, room)| (room_id, room.sessions)).collect();
    let Etag { etag, count } = app.encryption.put_backup_keys(&request.caller.user_id, &version, keys).await?;
    Ok(add_backup_keys::v3::Response::new(etag, count))
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}`
pub async fn put_keys_of_room(
    State(app): State<App>,
    request: Ruma<add_backup_keys_for_room::v3::Request>,
) -> Result<add_backup_keys_for_room::v3::Response> {
    let add_backup_keys_for_room::v3::Request { version, room_id, sessions, .. } = request.body;
    let keys = BTreeMap::from([(room_id, sessions)]);
    let Etag { etag, count } = app.encryption.put_backup_keys(&request.caller.user_id, &version, keys).await?;
    Ok(add_backup_keys_for_room::v3::Response::new(etag, count))
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub async fn put_key_of_session(
    State(app): State<App>,
    request: Ruma<add_backup_keys_for_session::v3::Request>,
) -> Result<add_backup_keys_for_session::v3::Response> {
    let add_backup_keys_for_session::v3::Request { version, room_id, session_id, session_data, .. } = request.body;
    let keys = BTreeMap::from([(room_id, BTreeMap::from([(session_id, session_data)]))]);
    let Etag { etag, count } = app.encryption.put_backup_keys(&request.caller.user_id, &version, keys).await?;
    Ok(add_backup_keys_for_session::v3::Response::new(etag, count))
}

/// `GET /_matrix/client/v3/room_keys/keys`
pub async fn keys(
    State(app): State<App>,
    request: Ruma<get_backup_keys::v3::Request>,
) -> Result<get_backup_keys::v3::Response> {
    let keys = app.encryption.backup_keys(&request.caller.user_id, &request.body.version, None, None).await?;
    let rooms = keys.into_iter().map(|(room_id, sessions)| (room_id, RoomKeyBackup::new(sessions))).collect();
    Ok(get_backup_keys::v3::Response::new(rooms))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}`
pub async fn keys_of_room(
    State(app): State<App>,
    request: Ruma<get_backup_keys_for_room::v3::Request>,
) -> Result<get_backup_keys_for_room::v3::Response> {
    let get_backup_keys_for_room::v3::Request { version, room_id, .. } = request.body;
    let mut keys = app.encryption.backup_keys(&request.caller.user_id, &version, Some(&room_id), None).await?;
    Ok(get_backup_keys_for_room::v3::Response::new(keys.remove(&room_id).unwrap_or_default()))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub async fn key_of_session(
    State(app): State<App>,
    request: Ruma<get_backup_keys_for_session::v3::Request>,
) -> Result<get_backup_keys_for_session::v3::Response> {
    let get_backup_keys_for_session::v3::Request { version, room_id, session_id, .. } = request.body;
    let user_id = &request.caller.user_id;
    let mut keys = app.encryption.backup_keys(user_id, &version, Some(&room_id), Some(&session_id)).await?;
    let key = keys.remove(&room_id).and_then(|mut sessions| sessions.remove(&session_id));
    let key = key.ok_or_else(|| ApiError::not_found("The backup has no key of that session."))?;
    Ok(get_backup_keys_for_session::v3::Response::new(key))
}

/// `DELETE /_matrix/client/v3/room_keys/keys`
pub async fn delete_keys(
    State(app): State<App>,
    request: Ruma<delete_backup_keys::v3::Request>,
) -> Result<delete_backup_keys::v3::Response> {
    let (user_id, version) = (&request.caller.user_id, &request.body.version);
    let Etag { etag, count } = app.encryption.delete_backup_keys(user_id, version, None, None).await?;
    Ok(delete_backup_keys::v3::Response::new(etag, count))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}`
pub async fn delete_keys_of_room(
    State(app): State<App>,
    request: Ruma<delete_backup_keys_for_room::v3::Request>,
) -> Result<delete_backup_keys_for_room::v3::Response> {
    let delete_backup_keys_for_room::v3::Request { version, room_id, .. } = &request.body;
    let user_id = &request.caller.user_id;
    let Etag { etag, count } = app.encryption.delete_backup_keys(user_id, version, Some(room_id), None).await?;
    Ok(delete_backup_keys_for_room::v3::Response::new(etag, count))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub async fn delete_key_of_session(
    State(app): State<App>,
    request: Ruma<delete_backup_keys_for_session::v3::Request>,
) -> Result<delete_backup_keys_for_session::v3::Response> {
    let delete_backup_keys_for_session::v3::Request { version, room_id, session_id, .. } = &request.body;
    let user_id = &request.caller.user_id;
    let Etag { etag, count } =
        app.encryption.delete_backup_keys(user_id, version, Some(room_id), Some(session_id)).await?;
    Ok(delete_backup_keys_for_session::v3::Response::new(etag, count))
}
