//! A dehydrated device: its secrets are kept here, encrypted, and it receives keys while nobody is signed in.
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/3814>

use ruma::{
    DeviceId, OwnedDeviceId, UserId, api::client::dehydrated_device::DehydratedDeviceData, events::AnyToDeviceEvent,
    serde::Raw,
};

use super::{Encryption, device_keys::Upload, forget_device};
use crate::{
    domain::event::Position,
    error::{ApiError, Result},
    storage,
};

/// Messages in one answer.
const PAGE: usize = 100;

/// A dehydrated device as it is put down.
#[derive(Debug)]
pub struct Dehydrated {
    /// Its id.
    pub device_id: OwnedDeviceId,
    /// Its name.
    pub display_name: Option<String>,
    /// Its secrets, encrypted.
    pub data: Raw<DehydratedDeviceData>,
    /// Its public keys.
    pub keys: Upload,
}

impl Encryption {
    /// Puts a user's dehydrated device down, in the place of another.
    pub async fn put_dehydrated(&self, user_id: &UserId, device: Dehydrated) -> Result<()> {
        let Dehydrated { device_id, display_name, data, keys } = device;
        data.deserialize().map_err(|e| ApiError::bad_json(format!("device_data is not of the right form: {e}")))?;
        let (user, id) = (user_id.to_owned(), device_id.clone());
        let known = storage::keys::dehydrated(&self.db, user_id).await?.map(|(id, _)| id);
        if known.as_ref() != Some(&id) && storage::keys::has_device(&self.db, user_id, id.as_str()).await? {
            return Err(ApiError::invalid_param("The id is that of a device in use. Choose another."));
        }
        super::device_keys::check_upload(user_id, &device_id, &keys)?;
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if let Some((old, _)) = storage::keys::dehydrated(&mut w.tx, &user).await?
                        && old != id
                    {
                        forget_device(w, &user, &old).await?;
                        storage::keys::delete_device_row(&mut w.tx, &user, &old).await?;
                    }
                    let (name, data) = (display_name.as_deref(), data.json().get());
                    Ok(storage::keys::put_dehydrated(&mut w.tx, &user, &id, name, data, w.now).await?)
                })
            })
            .await?;
        self.upload_keys(user_id, &device_id, keys).await.map(drop)
    }

    /// A user's dehydrated device: its id and its secrets.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn dehydrated(&self, user_id: &UserId) -> Result<(OwnedDeviceId, Raw<DehydratedDeviceData>)> {
        let (device_id, data) = storage::keys::dehydrated(&self.db, user_id).await?.ok_or_else(none)?;
        Ok((device_id, Raw::from_json_string(data)?))
    }

    /// Deletes a user's dehydrated device and returns its id.
    pub async fn delete_dehydrated(&self, user_id: &UserId) -> Result<OwnedDeviceId> {
        let user_id = user_id.to_owned();
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let (device_id, _) = storage::keys::dehydrated(&mut w.tx, &user_id).await?.ok_or_else(none)?;
                    forget_device(w, &user_id, &device_id).await?;
                    storage::keys::delete_device_row(&mut w.tx, &user_id, &device_id).await?;
                    Ok(device_id)
                })
            })
            .await
    }

    /// What waits for a user's dehydrated device after a position, and the position to go on from. What came before
    /// that position has arrived and is deleted.
    pub async fn dehydrated_events(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        after: Option<Position>,
    ) -> Result<(Vec<Raw<AnyToDeviceEvent>>, Position)> {
        let (known, _) = storage::keys::dehydrated(&self.db, user_id).await?.ok_or_else(none)?;
        if known != device_id {
            return Err(ApiError::forbidden("That is not your dehydrated device."));
        }
        if let Some(after) = after {
            self.acknowledge(user_id, device_id, after).await?;
        }
        let up_to = self.journal.position();
        let delivery = self.to_device(user_id, device_id, after.unwrap_or(0), up_to, PAGE).await?;
        Ok((delivery.events, delivery.up_to))
    }
}

fn none() -> ApiError {
    ApiError::not_found("You have no dehydrated device.")
}
