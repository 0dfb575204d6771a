//! End-to-end encryption, the server's part: it keeps public keys, hands them out, and carries messages between devices.
//! It sees no private key and no plain text. <https://spec.matrix.org/v1.18/client-server-api/#end-to-end-encryption>
//!
//! The files: [`device_keys`] uploads and claims, [`query`] shows keys to others, [`cross_signing`] ties a user's devices
//! together, [`signed`] checks signatures, [`device_lists`] says whose keys changed, [`to_device`] carries messages,
//! [`backup`] keeps encrypted room keys, [`dehydrated`] devices that receive while nobody is signed in.
//!
//! A sync asks here, for its device, and in this order: [`Encryption::acknowledge`] with the token that the client came
//! with, [`Encryption::to_device`], [`Encryption::device_lists`], [`Encryption::key_counts`]. When nothing has happened
//! none of them reads the database.

pub mod backup;
pub mod cross_signing;
pub mod dehydrated;
pub mod device_keys;
pub mod device_lists;
mod inboxes;
mod memory;
pub mod query;
pub mod signed;
pub mod to_device;

use std::sync::Arc;

use ruma::{DeviceId, UserId};

pub use self::{
    memory::{KeyCounts, Memory},
    query::UserKeys,
};
use super::{
    journal::{Change, Journal, Writing},
    moved::MovedRooms,
    rooms::Rooms,
};
use crate::{
    clock::Clock,
    storage::{self, db::Db},
};

/// Keys, and messages between devices.
#[derive(Debug)]
pub struct Encryption {
    db: Db,
    clock: Clock,
    rooms: Arc<Rooms>,
    moved: Arc<MovedRooms>,
    journal: Journal,
    memory: Arc<Memory>,
    requests: Arc<to_device::Requests>,
}

impl Encryption {
    /// The service. `memory` must see every commit before its position can be read.
    pub fn new(
        db: Db,
        clock: Clock,
        rooms: Arc<Rooms>,
        moved: Arc<MovedRooms>,
        journal: Journal,
        memory: Arc<Memory>,
    ) -> Self {
        Self { db, clock, rooms, moved, journal, memory, requests: Arc::default() }
    }
}

/// Notes, as part of a write, that a user's devices or their keys changed: for all who share a room with them, or for
/// one user alone.
pub async fn list_changed(w: &mut Writing, user_id: &UserId, seen_by: Option<&UserId>) -> sqlx::Result<()> {
    let position = w.next_position();
    storage::keys::list_changed(&mut w.tx, user_id, seen_by, position).await?;
    w.changed(match seen_by {
        None => Change::DeviceList(user_id.to_owned()),
        Some(seen_by) => Change::DeviceListFor { user_id: user_id.to_owned(), seen_by: seen_by.to_owned() },
    });
    Ok(())
}

/// Notes, as part of a write, that a device has another name, which stands beside its keys.
pub async fn device_renamed(w: &mut Writing, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    if storage::keys::device(&mut w.tx, user_id, device_id).await?.is_some() {
        list_changed(w, user_id, None).await?;
    }
    Ok(())
}

/// Forgets a device, as part of the write that deletes it: its keys, its signatures, what waits for it.
pub async fn forget_device(w: &mut Writing, user_id: &UserId, device_id: &DeviceId) -> sqlx::Result<()> {
    let had_keys = storage::keys::delete_device(&mut w.tx, user_id, device_id).await?;
    storage::keys::delete_one_time_keys(&mut w.tx, user_id, device_id).await?;
    storage::keys::delete_dehydrated(&mut w.tx, user_id, device_id).await?;
    storage::to_device::forget_device(&mut w.tx, user_id, device_id).await?;
    if had_keys {
        storage::cross_signing::delete_signatures_on(&mut w.tx, user_id, device_id.as_str()).await?;
        let signer_key = format!("ed25519:{device_id}");
        storage::cross_signing::delete_signatures_by(&mut w.tx, user_id, &signer_key).await?;
        list_changed(w, user_id, None).await?;
    }
    w.changed(Change::DeviceForgotten { user_id: user_id.to_owned(), device_id: device_id.to_owned() });
    Ok(())
}

/// Forgets a user's cross-signing keys and backups, as part of the write that deactivates the account. The devices go
/// by [`forget_device`], one by one.
pub async fn forget_user(w: &mut Writing, user_id: &UserId) -> sqlx::Result<()> {
    storage::cross_signing::delete_all(&mut w.tx, user_id).await?;
    storage::key_backup::delete_all(&mut w.tx, user_id).await?;
    list_changed(w, user_id, None).await
}
