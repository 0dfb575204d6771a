//! End-to-end encryption: what the server keeps and hands out of it.

mod backup;
mod claims;
mod cross_signing;
mod dehydrated;
mod device_lists;
mod keys;
mod to_device;

use ruma::{
    CanonicalJsonObject,
    serde::{Base64, base64::Standard},
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json};

use crate::server::{Server, User};

/// A pair of signing keys, named after a device or after its own public key.
struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    fn of_device(device_id: &str) -> Self {
        Self(Ed25519KeyPair::from_der(&Ed25519KeyPair::generate(), device_id.to_owned()).expect("a key"))
    }

    fn of_user() -> Self {
        let document = Ed25519KeyPair::generate();
        let unnamed = Ed25519KeyPair::from_der(&document, String::new()).expect("a key");
        Self(Ed25519KeyPair::from_der(&document, Self(unnamed).public()).expect("a key"))
    }

    fn public(&self) -> String {
        Base64::<Standard, _>::new(self.0.public_key().to_vec()).encode()
    }

    fn id(&self) -> String {
        format!("ed25519:{}", self.0.version())
    }

    /// Signs in the name of a user.
    fn sign(&self, user: &User, key: Value) -> Value {
        let mut key: CanonicalJsonObject = serde_json::from_value(key).expect("canonical JSON");
        sign_json(&user.id, &self.0, &mut key).expect("signed");
        serde_json::to_value(key).expect("JSON")
    }
}

/// The identity keys of a user's device.
fn device_keys(user: &User, key: &SigningKey) -> Value {
    let device = &user.device;
    let keys = json!({
        "user_id": user.id,
        "device_id": device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": { format!("curve25519:{device}"): "MDM", format!("ed25519:{device}"): key.public() },
    });
    key.sign(user, keys)
}

/// A one-time key.
fn one_time_key(value: &str) -> Value {
    json!({ "key": value, "signatures": { "@x:parta.test": { "ed25519:X": "c2ln" } } })
}

/// One-time keys by id.
fn one_time_keys(names: impl IntoIterator<Item = impl std::fmt::Display>) -> Value {
    let keys =
        names.into_iter().map(|name| (format!("signed_curve25519:{name}"), one_time_key(&format!("key{name:A>5}"))));
    Value::Object(keys.collect())
}

impl Server {
    /// Uploads identity keys for a user's device, and returns the key that they are signed with.
    async fn upload_device_keys(&self, user: &User) -> SigningKey {
        let key = SigningKey::of_device(&user.device);
        self.upload(user, json!({ "device_keys": device_keys(user, &key) })).await;
        key
    }

    async fn upload(&self, user: &User, body: Value) -> Value {
        self.post(user, "/_matrix/client/v3/keys/upload", body).await
    }

    async fn query(&self, user: &User, of: &User) -> Value {
        let body = json!({ "device_keys": { &of.id: [] } });
        self.post(user, "/_matrix/client/v3/keys/query", body).await
    }

    /// Claims a key of a device: its id and the key, or null.
    async fn claim(&self, user: &User, of: &User) -> Value {
        let body = json!({ "one_time_keys": { &of.id: { &of.device: "signed_curve25519" } } });
        let answer = self.post(user, "/_matrix/client/v3/keys/claim", body).await;
        answer["one_time_keys"][&of.id][&of.device].clone()
    }
}
