//! Keys of devices: a device uploads them, others claim the one-time keys among them.

use std::collections::{BTreeMap, HashSet};

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedOneTimeKeyId,
    OwnedUserId, UInt, UserId,
    encryption::{DeviceKeys, OneTimeKey},
    serde::Raw,
};

use super::{Encryption, list_changed, memory};
use crate::{
    clock::Millis,
    domain::{
        event,
        journal::{Change, Writing},
    },
    error::{ApiError, Result},
    storage::{self, keys::Claimed},
};

/// How long a claimed one-time key is remembered: longer than a client repeats an upload whose answer it did not get.
const REMEMBERED_MS: Millis = 7 * 24 * 60 * 60 * 1000;

/// What a device uploads.
#[derive(Debug, Default)]
pub struct Upload {
    /// Its identity keys.
    pub device_keys: Option<Raw<DeviceKeys>>,
    /// Keys that are given out once.
    pub one_time_keys: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
    /// Keys that are given out once those have run out, one an algorithm.
    pub fallback_keys: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
}

/// Keys that were claimed: by user, device and key id.
pub type ClaimedKeys = BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>>>;

/// A checked upload, as rows have it.
struct Checked {
    device_keys: Option<CanonicalJsonObject>,
    one_time_keys: Vec<Key>,
    fallback_keys: Vec<Key>,
}

struct Key {
    algorithm: String,
    id: String,
    json: String,
}

impl Encryption {
    /// Keeps what a device uploads and tells how many one-time keys it has now. All of it or nothing.
    ///
    /// # Errors
    ///
    /// `M_BAD_JSON` for keys that are malformed or another device's; `M_UNKNOWN` for a one-time key whose id is taken by
    /// another key.
    pub async fn upload_keys(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        upload: Upload,
    ) -> Result<BTreeMap<OneTimeKeyAlgorithm, UInt>> {
        let checked = check(user_id, device_id, &upload)?;
        if checked.device_keys.is_none() && checked.one_time_keys.is_empty() && checked.fallback_keys.is_empty() {
            // Clients ask for their count so.
            return Ok(self.key_counts(user_id, device_id).await?.one_time_keys.clone());
        }
        let (user_id, device_id) = (user_id.to_owned(), device_id.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if let Some(keys) = &checked.device_keys {
                        put_device_keys(w, &user_id, &device_id, keys).await?;
                    }
                    put_one_time_keys(w, &user_id, &device_id, &checked.one_time_keys).await?;
                    for key in &checked.fallback_keys {
                        let Key { algorithm, id, json } = key;
                        storage::keys::put_fallback_key(&mut w.tx, &user_id, &device_id, algorithm, id, json).await?;
                    }
                    let counts = memory::counts(storage::keys::count(&mut w.tx, &user_id, &device_id).await?);
                    w.changed(Change::OneTimeKeys { user_id, device_id });
                    Ok(counts)
                })
            })
            .await
    }

    /// Gives out one key of each device that is named with an algorithm: the oldest one-time key, else the fallback key.
    /// A device that has neither is left out. No one-time key is ever given out twice.
    pub async fn claim_keys(
        &self,
        wanted: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, OneTimeKeyAlgorithm>>,
    ) -> Result<ClaimedKeys> {
        let wanted: Vec<storage::keys::Wanted> = wanted
            .into_iter()
            .flat_map(|(user_id, devices)| {
                devices
                    .into_iter()
                    .map(move |(device_id, algorithm)| (user_id.clone(), device_id, algorithm.to_string()))
            })
            .collect();
        if wanted.is_empty() {
            return Ok(ClaimedKeys::new());
        }
        let claimed = self.journal.write(move |w| Box::pin(async move { claim(w, wanted).await })).await?;
        let mut answer = ClaimedKeys::new();
        for Claimed { user_id, device_id, key_id, key, .. } in claimed {
            let key_id = OwnedOneTimeKeyId::try_from(key_id).map_err(ApiError::internal)?;
            let keys = answer.entry(user_id).or_default().entry(device_id).or_default();
            keys.insert(key_id, Raw::from_json_string(key)?);
        }
        Ok(answer)
    }
}

async fn claim(w: &mut Writing, wanted: Vec<storage::keys::Wanted>) -> Result<Vec<Claimed>> {
    let mut claimed = storage::keys::claim(&mut w.tx, &wanted, w.now).await?;
    let had: HashSet<(&UserId, &DeviceId)> = claimed.iter().map(|key| (&*key.user_id, &*key.device_id)).collect();
    let without: Vec<_> =
        wanted.iter().filter(|(user_id, device_id, _)| !had.contains(&(&**user_id, &**device_id))).cloned().collect();
    if !without.is_empty() {
        claimed.extend(storage::keys::claim_fallback(&mut w.tx, &without).await?);
    }
    for key in &claimed {
        w.changed(Change::OneTimeKeys { user_id: key.user_id.clone(), device_id: key.device_id.clone() });
    }
    Ok(claimed)
}

/// Checks an upload without keeping it.
pub(super) fn check_upload(user_id: &UserId, device_id: &DeviceId, upload: &Upload) -> Result<()> {
    check(user_id, device_id, upload).map(drop)
}

fn check(user_id: &UserId, device_id: &DeviceId, upload: &Upload) -> Result<Checked> {
    let device_keys = upload.device_keys.as_ref().map(|raw| check_device_keys(user_id, device_id, raw)).transpose()?;
    let one_time_keys = check_keys(&upload.one_time_keys)?;
    let fallback_keys = check_keys(&upload.fallback_keys)?;
    let mut algorithms = HashSet::new();
    if !fallback_keys.iter().all(|key| algorithms.insert(&key.algorithm)) {
        return Err(ApiError::invalid_param("There is one fallback key an algorithm. Send the newest alone."));
    }
    Ok(Checked { device_keys, one_time_keys, fallback_keys })
}

/// Identity keys in canonical form, without `unsigned`. Their signature is for other clients to check, who trust no
/// server with it.
fn check_device_keys(user_id: &UserId, device_id: &DeviceId, raw: &Raw<DeviceKeys>) -> Result<CanonicalJsonObject> {
    let keys =
        raw.deserialize().map_err(|e| ApiError::bad_json(format!("device_keys are not of the right form: {e}")))?;
    if keys.user_id != user_id || keys.device_id != device_id {
        return Err(ApiError::bad_json("device_keys are of another user or device. Send those of the one signed in."));
    }
    let mut keys = event::canonical(raw.json())?;
    keys.remove("unsigned");
    Ok(keys)
}

fn check_keys(keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>) -> Result<Vec<Key>> {
    keys.iter()
        .map(|(id, raw)| {
            let malformed = |e| ApiError::bad_json(format!("The key {id} is not of the right form: {e}"));
            raw.deserialize().map_err(malformed)?;
            let json = raw.json().get().to_owned();
            Ok(Key { algorithm: id.algorithm().to_string(), id: id.to_string(), json })
        })
        .collect()
}

pub(super) async fn put_device_keys(
    w: &mut Writing,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &CanonicalJsonObject,
) -> Result<()> {
    if storage::cross_signing::has_key(&mut w.tx, user_id, device_id.as_str()).await? {
        return Err(ApiError::forbidden("The device's id is one of your signing keys. Sign in with another id."));
    }
    let before = storage::keys::device(&mut w.tx, user_id, device_id).await?;
    let before: Option<CanonicalJsonObject> = before.as_deref().map(serde_json::from_str).transpose()?;
    if before.as_ref() == Some(keys) {
        return Ok(());
    }
    if before.is_some_and(|before| before.get("keys") != keys.get("keys")) {
        // Another identity: what belonged to the old one is of no use to anybody.
        storage::keys::delete_one_time_keys(&mut w.tx, user_id, device_id).await?;
        storage::cross_signing::delete_signatures_on(&mut w.tx, user_id, device_id.as_str()).await?;
    }
    storage::keys::put_device(&mut w.tx, user_id, device_id, &serde_json::to_string(keys)?).await?;
    Ok(list_changed(w, user_id, None).await?)
}

async fn put_one_time_keys(w: &mut Writing, user_id: &UserId, device_id: &DeviceId, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let known = storage::keys::one_time_keys(&mut w.tx, user_id, device_id, &ids).await?;
    let mut new = Vec::new();
    for Key { algorithm, id, json } in keys {
        match known.get(id) {
            // A repetition; also of a key that was given out meanwhile, which must not be given out again.
            Some(known) if is_same_key(&known.key, json) => {}
            Some(known) if !known.claimed => {
                // Worded as clients know it from other servers: they read the two keys from it.
                let message = format!("One time key {id} already exists. Old key: {}; new key: {json}", known.key);
                return Err(ApiError::unknown(message));
            }
            _ => new.push((w.next_position(), algorithm.as_str(), id.as_str(), json.as_str())),
        }
    }
    storage::keys::forget_claimed(&mut w.tx, user_id, device_id, w.now - REMEMBERED_MS).await?;
    storage::keys::add_one_time_keys(&mut w.tx, user_id, device_id, &new).await?;
    Ok(())
}

/// Whether two one-time keys are one, though it may have been signed anew.
fn is_same_key(one: &str, other: &str) -> bool {
    let parse = |json: &str| -> Option<CanonicalJsonValue> {
        let mut key = serde_json::from_str(json).ok()?;
        if let CanonicalJsonValue::Object(key) = &mut key {
            key.remove("signatures");
        }
        Some(key)
    };
    one == other || matches!((parse(one), parse(other)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::is_same_key;

    #[test]
    fn a_key_is_itself_whoever_signs_it_and_however_it_is_written() {
        assert!(is_same_key(r#"{"key":"a","signatures":{"x":1}}"#, r#"{ "signatures": {}, "key": "a" }"#));
        assert!(!is_same_key(r#"{"key":"a"}"#, r#"{"key":"b"}"#));
        assert!(is_same_key(r#""a""#, r#" "a""#));
        assert!(!is_same_key(r#""a""#, r#"{"key":"a"}"#));
        assert!(!is_same_key(r#"{"key":"a","fallback":true}"#, r#"{"key":"a"}"#));
    }
}
