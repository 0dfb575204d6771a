//! Keys as others see them: devices, cross-signing keys, and the signatures that hold them together.
//! <https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv3keysquery>

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedDeviceId, OwnedUserId, UserId,
    encryption::{CrossSigningKey, DeviceKeys},
    serde::Raw,
};

use super::{Encryption, signed};
use crate::{
    error::Result,
    storage::{self, cross_signing::Signature},
};

/// Signatures by the id of the key that made them.
type Signatures = BTreeMap<String, String>;

/// A cross-signing key with its owner's signatures.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The public key, unpadded base64.
    pub public_key: String,
    /// The key.
    pub key: CanonicalJsonObject,
}

/// The keys of one user.
#[derive(Clone, Debug, Default)]
pub struct UserKeys {
    /// Devices, as `/keys/query` shows them.
    pub devices: BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>,
    /// The master key.
    pub master: Option<SigningKey>,
    /// The key that signs the user's devices.
    pub self_signing: Option<SigningKey>,
    /// The key that signs other users' master keys; only its owner sees it.
    pub user_signing: Option<SigningKey>,
    /// What this user signed of others: user and public key. Only the signer sees that.
    given: HashMap<(OwnedUserId, String), Signatures>,
}

/// The answer to a query.
#[derive(Debug, Default)]
pub struct Queried {
    /// Devices of every user that was asked for, even where there are none.
    pub devices: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>>,
    /// Master keys.
    pub master: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// Self-signing keys.
    pub self_signing: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// The requester's own user-signing key.
    pub user_signing: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
}

impl Encryption {
    /// The keys of users: of the devices named, or of all where none is.
    pub async fn query(
        &self,
        requester: &UserId,
        wanted: &BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>,
    ) -> Result<Queried> {
        let mut users: Vec<&UserId> = wanted.keys().map(|user_id| &**user_id).collect();
        if !wanted.contains_key(requester) {
            users.push(requester);
        }
        let keys = self.keys_of(&users).await?;
        let given = keys.get(requester).map(|own| &own.given);
        let mut answer = Queried::default();
        for (user_id, devices) in wanted {
            let shown = answer.devices.entry(user_id.clone()).or_default();
            let Some(keys) = keys.get(user_id) else { continue };
            let all = keys.devices.iter().filter(|(id, _)| devices.is_empty() || devices.contains(id));
            shown.extend(all.map(|(id, keys)| (id.clone(), keys.clone())));
            if let Some(master) = &keys.master {
                let mut key = master.key.clone();
                if let Some(signatures) = given.and_then(|g| g.get(&(user_id.clone(), master.public_key.clone()))) {
                    signed::add_signatures(&mut key, requester.as_str(), signatures);
                }
                answer.master.insert(user_id.clone(), raw(&key)?);
            }
            if let Some(key) = &keys.self_signing {
                answer.self_signing.insert(user_id.clone(), raw(&key.key)?);
            }
            if let Some(key) = keys.user_signing.as_ref().filter(|_| user_id == requester) {
                answer.user_signing.insert(user_id.clone(), raw(&key.key)?);
            }
        }
        Ok(answer)
    }

    /// The keys of several users: from memory, else read all at once.
    pub(super) async fn keys_of(&self, users: &[&UserId]) -> Result<HashMap<OwnedUserId, Arc<UserKeys>>> {
        let mut keys = HashMap::with_capacity(users.len());
        let mut missing = Vec::new();
        for &user_id in users {
            match self.memory.users.peek(user_id) {
                Some(known) => {
                    keys.insert(user_id.to_owned(), known);
                }
                None => missing.push(user_id),
            }
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let begun = self.memory.users.begin();
        let loaded: Vec<_> =
            self.load_keys(&missing).await?.into_iter().map(|(user_id, keys)| (user_id, Arc::new(keys))).collect();
        self.memory.users.keep(begun, loaded.iter().cloned());
        keys.extend(loaded);
        Ok(keys)
    }

    async fn load_keys(&self, users: &[&UserId]) -> Result<HashMap<OwnedUserId, UserKeys>> {
        let mut all: HashMap<OwnedUserId, UserKeys> =
            users.iter().map(|&user_id| (user_id.to_owned(), UserKeys::default())).collect();
        let mut own: HashMap<(OwnedUserId, String), Signatures> = HashMap::new();
        for Signature { user_id, target, signer, signer_key, signature } in
            storage::cross_signing::signatures_by(&self.db, users).await?
        {
            let signatures = if signer == user_id {
                own.entry((user_id, target)).or_default()
            } else {
                all.entry(signer).or_default().given.entry((user_id, target)).or_default()
            };
            signatures.insert(signer_key, signature);
        }
        let mut sign = |user_id: &OwnedUserId, target: &str, key: &mut CanonicalJsonObject| {
            let signatures = own.remove(&(user_id.clone(), target.to_owned())).unwrap_or_default();
            signed::add_signatures(key, user_id.as_str(), &signatures);
        };
        for device in storage::keys::devices(&self.db, users).await? {
            let mut keys: CanonicalJsonObject = serde_json::from_str(&device.keys)?;
            sign(&device.user_id, device.device_id.as_str(), &mut keys);
            let name = device.display_name.map(|name| ("device_display_name".to_owned(), name.into()));
            keys.insert("unsigned".to_owned(), CanonicalJsonValue::Object(name.into_iter().collect()));
            all.entry(device.user_id).or_default().devices.insert(device.device_id, raw(&keys)?);
        }
        for stored in storage::cross_signing::of_users(&self.db, users).await? {
            let mut key: CanonicalJsonObject = serde_json::from_str(&stored.json)?;
            sign(&stored.user_id, &stored.public_key, &mut key);
            let keys = all.entry(stored.user_id).or_default();
            let key = Some(SigningKey { public_key: stored.public_key, key });
            match stored.usage.as_str() {
                "master" => keys.master = key,
                "self_signing" => keys.self_signing = key,
                _ => keys.user_signing = key,
            }
        }
        Ok(all)
    }
}

/// A key as an answer has it.
fn raw<T>(key: &CanonicalJsonObject) -> serde_json::Result<Raw<T>> {
    Raw::from_json_string(serde_json::to_string(key)?)
}
