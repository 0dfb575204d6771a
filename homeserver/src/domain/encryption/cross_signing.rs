//! Cross-signing: a user's master key signs the key that signs the user's devices and the key that signs other users.
//! <https://spec.matrix.org/v1.18/client-server-api/#cross-signing>

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use ruma::{
    CanonicalJsonObject, OwnedDeviceId, OwnedUserId, SigningKeyAlgorithm, UserId,
    encryption::{CrossSigningKey, DeviceKeys, KeyUsage},
    serde::Raw,
};
use serde_json::value::RawValue;

use super::{Encryption, UserKeys, list_changed, signed};
use crate::{
    domain::{event, journal::Writing},
    error::{ApiError, Result},
    storage::{
        self,
        cross_signing::{Key, Signature},
    },
};

/// The keys that a user uploads.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// The master key.
    pub master: Option<Raw<CrossSigningKey>>,
    /// The key that signs devices.
    pub self_signing: Option<Raw<CrossSigningKey>>,
    /// The key that signs other users.
    pub user_signing: Option<Raw<CrossSigningKey>>,
}

/// What an upload comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is here already.
    Known,
    /// A user's first keys: they are taken without further ado.
    First,
    /// It replaces keys, or adds to them: the user must prove again who they are.
    Replaces,
}

/// Why a signature was not taken.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Failure {
    /// The Matrix error code.
    pub errcode: &'static str,
    /// A plain sentence.
    pub error: &'static str,
}

const NOT_FOUND: Failure = Failure { errcode: "M_NOT_FOUND", error: "There is no such key or device." };
const MALFORMED: Failure = Failure { errcode: "M_BAD_JSON", error: "The signed key is not of the right form." };
const OTHER_KEY: Failure =
    Failure { errcode: "M_INVALID_SIGNATURE", error: "What was signed is not the key that is here." };
const INVALID: Failure = Failure { errcode: "M_INVALID_SIGNATURE", error: "The signature does not hold." };

/// Failures by user and key.
pub type Failures = BTreeMap<OwnedUserId, BTreeMap<String, Failure>>;

/// New keys, and those that they replace.
struct Plan {
    new: Vec<Key>,
    old: Vec<Key>,
    verdict: Verdict,
}

impl Encryption {
    /// What an upload of cross-signing keys comes to, before the user is asked for anything.
    ///
    /// # Errors
    ///
    /// `M_INVALID_PARAM`, `M_INVALID_SIGNATURE` and `M_MISSING_PARAM` for keys that cannot be used; `M_FORBIDDEN` where
    /// one bears the name of a device.
    pub async fn judge_cross_signing(&self, user_id: &UserId, upload: &Upload) -> Result<Verdict> {
        let parsed = parse(user_id, upload)?;
        let plan = plan(storage::cross_signing::of_user(&self.db, user_id).await?, parsed)?;
        for key in &plan.new {
            if storage::keys::has_device(&self.db, user_id, &key.public_key).await? {
                return Err(ApiError::forbidden("The public key is the id of one of your devices."));
            }
        }
        Ok(plan.verdict)
    }

    /// Keeps an upload. `proven` says that the user has proven again who they are.
    pub async fn put_cross_signing(&self, user_id: &UserId, upload: &Upload, proven: bool) -> Result<()> {
        let (user_id, parsed) = (user_id.to_owned(), parse(user_id, upload)?);
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let Plan { new, old, verdict } =
                        plan(storage::cross_signing::of_user(&mut w.tx, &user_id).await?, parsed)?;
                    match verdict {
                        Verdict::Known => return Ok(()),
                        Verdict::Replaces if !proven => {
                            return Err(ApiError::forbidden("Other keys were uploaded meanwhile. Read them first."));
                        }
                        _ => {}
                    }
                    for key in &old {
                        storage::cross_signing::delete(&mut w.tx, key).await?;
                    }
                    for key in &new {
                        storage::cross_signing::put(&mut w.tx, key).await?;
                    }
                    Ok(list_changed(w, &user_id, None).await?)
                })
            })
            .await
    }

    /// Adds signatures to keys: a user's own devices and master key, and other users' master keys. What does not hold is
    /// left out and answered with why.
    pub async fn add_signatures(
        &self,
        user_id: &UserId,
        signed_keys: &[(&UserId, &str, &RawValue)],
    ) -> Result<Failures> {
        let mut users: Vec<&UserId> = signed_keys.iter().map(|(of, ..)| *of).chain([user_id]).collect();
        users.sort_unstable();
        users.dedup();
        let keys = self.keys_of(&users).await?;
        let (mut signatures, mut failures) = (Vec::new(), Failures::new());
        for &(of, id, json) in signed_keys {
            match check_signed(user_id, of, id, json, &keys) {
                Ok(hold) => signatures.extend(hold),
                Err(failure) => {
                    failures.entry(of.to_owned()).or_default().insert(id.to_owned(), failure);
                }
            }
        }
        if !signatures.is_empty() {
            let user_id = user_id.to_owned();
            self.journal
                .write(move |w| Box::pin(async move { keep_signatures(w, &user_id, &signatures).await }))
                .await?;
        }
        Ok(failures)
    }
}

async fn keep_signatures(w: &mut Writing, user_id: &UserId, signatures: &[Signature]) -> Result<()> {
    storage::cross_signing::add_signatures(&mut w.tx, signatures).await?;
    let signed: BTreeSet<&UserId> = signatures.iter().map(|signature| &*signature.user_id).collect();
    for of in signed {
        // Whom a user has verified is for that user's own devices to know.
        list_changed(w, of, (of != user_id).then_some(user_id)).await?;
    }
    Ok(())
}

/// Checks each key by itself.
fn parse(user_id: &UserId, upload: &Upload) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for (usage, raw) in [
        (KeyUsage::Master, &upload.master),
        (KeyUsage::SelfSigning, &upload.self_signing),
        (KeyUsage::UserSigning, &upload.user_signing),
    ] {
        let Some(raw) = raw else { continue };
        let invalid = |what: &str| ApiError::invalid_param(format!("The {usage} key cannot be used: {what}."));
        let key = raw.deserialize().map_err(|e| invalid(&e.to_string()))?;
        if key.user_id != user_id {
            return Err(invalid("it is another user's"));
        }
        if !key.usage.contains(&usage) {
            return Err(invalid("its usage is another"));
        }
        let mut public_keys = key.keys.into_iter();
        let (Some((id, public_key)), None) = (public_keys.next(), public_keys.next()) else {
            return Err(invalid("it has not exactly one public key"));
        };
        if id.algorithm() != SigningKeyAlgorithm::Ed25519 || id.key_name().as_str() != public_key {
            return Err(invalid("its name is not ed25519 and the public key"));
        }
        let json = serde_json::to_string(&event::canonical(raw.json())?)?;
        keys.push(Key { user_id: user_id.to_owned(), usage: usage.to_string(), public_key, json });
    }
    Ok(keys)
}

/// Checks keys together with those that are here, and says which are new.
fn plan(stored: Vec<Key>, uploaded: Vec<Key>) -> Result<Plan> {
    let of = |keys: &[Key], usage: &str| keys.iter().find(|key| key.usage == usage).cloned();
    let Some(master) = of(&uploaded, "master").or_else(|| of(&stored, "master")) else {
        return Err(ApiError::missing_param("There is no master key. Upload it first or with the others."));
    };
    let master_id = format!("ed25519:{}", master.public_key);
    let mut new = Vec::new();
    for key in uploaded {
        let parsed: CanonicalJsonObject = serde_json::from_str(&key.json)?;
        if key.usage != "master" && !signed::is_signed_by(&parsed, key.user_id.as_str(), &master_id, &master.public_key)
        {
            return Err(ApiError::invalid_signature(format!("The {} key is not signed by the master key.", key.usage)));
        }
        if let Some(known) = of(&stored, &key.usage) {
            let known: CanonicalJsonObject = serde_json::from_str(&known.json)?;
            if signed::signed_part(&known) == signed::signed_part(&parsed) {
                continue;
            }
        }
        new.push(key);
    }
    let verdict = match (new.is_empty(), of(&stored, "master").is_some()) {
        (true, _) => Verdict::Known,
        (false, false) => Verdict::First,
        (false, true) => Verdict::Replaces,
    };
    // Under a new master key the old keys mean nothing.
    let new_master = of(&new, "master").is_some();
    let old = stored.into_iter().filter(|old| new_master || of(&new, &old.usage).is_some()).collect();
    Ok(Plan { new, old, verdict })
}

/// The signatures of `user_id` on a key, those that hold and are not on it already.
fn check_signed(
    user_id: &UserId,
    of: &UserId,
    id: &str,
    json: &RawValue,
    keys: &HashMap<OwnedUserId, Arc<UserKeys>>,
) -> Result<Vec<Signature>, Failure> {
    let object = event::canonical(json).map_err(|_| MALFORMED)?;
    let target = keys.get(of).ok_or(NOT_FOUND)?;
    let own = keys.get(user_id).ok_or(NOT_FOUND)?;
    let is_master = target.master.as_ref().filter(|master| master.public_key == id);
    // https://spec.matrix.org/v1.18/client-server-api/#key-and-signature-security
    let (stored, signers): (CanonicalJsonObject, Vec<(String, String)>) = match is_master {
        Some(master) if of == user_id => (master.key.clone(), device_signers(own)),
        Some(master) => (master.key.clone(), signer(own.user_signing.as_ref())),
        None if of == user_id => {
            let device = own.devices.iter().find(|(device_id, _)| device_id.as_str() == id).ok_or(NOT_FOUND)?;
            (event::canonical(device.1.json()).map_err(|_| MALFORMED)?, signer(own.self_signing.as_ref()))
        }
        None => return Err(NOT_FOUND),
    };
    if signed::signed_part(&object) != signed::signed_part(&stored) {
        return Err(OTHER_KEY);
    }
    let mut hold = Vec::new();
    for (signer_key, signature) in signed::signatures_of(&object, user_id.as_str()) {
        if signed::signatures_of(&stored, user_id.as_str()).any(|known| known == (signer_key, signature)) {
            continue;
        }
        let (_, public_key) = signers.iter().find(|(id, _)| id == signer_key).ok_or(INVALID)?;
        if !signed::is_signed_by(&object, user_id.as_str(), signer_key, public_key) {
            return Err(INVALID);
        }
        hold.push(Signature {
            user_id: of.to_owned(),
            target: id.to_owned(),
            signer: user_id.to_owned(),
            signer_key: signer_key.to_owned(),
            signature: signature.to_owned(),
        });
    }
    Ok(hold)
}

/// A signing key as a signer: its id and public key.
fn signer(key: Option<&super::query::SigningKey>) -> Vec<(String, String)> {
    key.map(|key| (format!("ed25519:{}", key.public_key), key.public_key.clone())).into_iter().collect()
}

/// A user's devices as signers.
fn device_signers(own: &UserKeys) -> Vec<(String, String)> {
    let signer = |(device_id, keys): (&OwnedDeviceId, &Raw<DeviceKeys>)| {
        let key_id = format!("ed25519:{device_id}");
        let keys = event::canonical(keys.json()).ok()?;
        let public_key = signed::public_key(&keys, &key_id)?.to_owned();
        Some((key_id, public_key))
    };
    own.devices.iter().filter_map(signer).collect()
}
