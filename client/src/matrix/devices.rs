//! The account's devices: what the server knows of them, and whether they are confirmed.

use std::sync::Arc;

use matrix_sdk::ruma::{OwnedDeviceId, api::client::device::Device as Listed};

use crate::{
    matrix::{crypto, failure, live::Live},
    model::{
        crypto::Trouble,
        devices::{self, Device, News, Standing, Wish},
        update::{Failure, Update},
    },
};

/// Does what the settings ask for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::List => tell(live).await,
        Wish::Rename { id, name } => {
            if let Err(error) = live.client.rename_device(&OwnedDeviceId::from(id), name.trim()).await {
                live.updates.send(Update::Devices(News::Failed(failure::of_http(&error))));
            }
            tell(live).await;
        }
        Wish::SignOut { ids, password } => {
            let ids: Vec<OwnedDeviceId> = ids.into_iter().map(OwnedDeviceId::from).collect();
            match sign_out(live, &ids, &password.0).await {
                Ok(()) => live.updates.send(Update::Devices(News::SignedOut)),
                Err(trouble) => return live.updates.send(Update::Devices(News::Refused(trouble))),
            }
            tell(live).await;
        }
    }
}

/// The server asks for the password, unless it trusts the session as it is.
async fn sign_out(live: &Live, ids: &[OwnedDeviceId], password: &str) -> Result<(), Trouble> {
    let Err(error) = live.client.delete_devices(ids, None).await else { return Ok(()) };
    let Some(info) = error.as_uiaa_response() else { return Err(Trouble::Failed(failure::of_http(&error))) };
    let answer = crypto::answer(&live.client, info, password)?;
    live.client.delete_devices(ids, Some(answer)).await.map(|_| ()).map_err(|error| crypto::refused(&error.into()))
}

/// Tells which devices there are.
pub(super) async fn tell(live: &Live) {
    let news = match list(live).await {
        Ok(devices) => News::Known(devices),
        Err(failure) => News::Failed(failure),
    };
    live.updates.send(Update::Devices(news));
}

async fn list(live: &Live) -> Result<Vec<Device>, Failure> {
    let own = live.client.user_id().ok_or(Failure::SessionEnded)?;
    let listed = live.client.devices().await.map_err(|error| failure::of_http(&error))?.devices;
    let encryption = live.client.encryption();
    let mut known = Vec::with_capacity(listed.len());
    for Listed { device_id, display_name, last_seen_ts, .. } in listed {
        let standing = match encryption.get_device(own, &device_id).await {
            Ok(Some(keys)) if keys.is_verified_with_cross_signing() => Standing::Confirmed,
            Ok(Some(_)) => Standing::Unconfirmed,
            _ => Standing::NoKeys,
        };
        known.push(Device {
            here: live.client.device_id() == Some(&*device_id),
            id: device_id.to_string(),
            name: display_name.unwrap_or_default(),
            seen_ms: last_seen_ts.map(|at| at.get().into()),
            standing,
        });
    }
    devices::sort(&mut known);
    Ok(known)
}
