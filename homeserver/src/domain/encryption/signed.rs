//! Signatures on keys. Functions of values, no I/O.
//! <https://spec.matrix.org/v1.18/appendices/#checking-for-a-signature>

use std::collections::BTreeMap;

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, SigningKeyAlgorithm,
    serde::{Base64, base64::Standard},
    signatures::{to_canonical_json_string_for_signing, verify_canonical_json_bytes},
};

/// What of a key is signed: all but `signatures` and `unsigned`.
pub fn signed_part(key: &CanonicalJsonObject) -> CanonicalJsonObject {
    let mut signed = key.clone();
    signed.remove("signatures");
    signed.remove("unsigned");
    signed
}

/// The signatures of one signer on a key, by key id.
pub fn signatures_of<'a>(
    key: &'a CanonicalJsonObject,
    signer: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let by_signer = match key.get("signatures") {
        Some(CanonicalJsonValue::Object(signatures)) => signatures.get(signer),
        _ => None,
    };
    let signatures = match by_signer {
        Some(CanonicalJsonValue::Object(signatures)) => Some(signatures),
        _ => None,
    };
    signatures.into_iter().flatten().filter_map(|(id, value)| match value {
        CanonicalJsonValue::String(signature) => Some((id.as_str(), signature.as_str())),
        _ => None,
    })
}

/// Whether `signer` has signed a key with the Ed25519 key of that id and public part.
pub fn is_signed_by(key: &CanonicalJsonObject, signer: &str, key_id: &str, public_key: &str) -> bool {
    let Some((_, signature)) = signatures_of(key, signer).find(|(id, _)| *id == key_id) else { return false };
    let (Ok(public_key), Ok(signature)) = (Base64::<Standard>::parse(public_key), Base64::<Standard>::parse(signature))
    else {
        return false;
    };
    to_canonical_json_string_for_signing(key).is_ok_and(|message| {
        verify_canonical_json_bytes(
            &SigningKeyAlgorithm::Ed25519,
            public_key.as_bytes(),
            signature.as_bytes(),
            message.as_bytes(),
        )
        .is_ok()
    })
}

/// A field of a key object's `keys`.
pub fn public_key<'a>(key: &'a CanonicalJsonObject, key_id: &str) -> Option<&'a str> {
    match key.get("keys") {
        Some(CanonicalJsonValue::Object(keys)) => keys.get(key_id)?.as_str(),
        _ => None,
    }
}

/// Adds signatures to a key.
pub fn add_signatures<'a>(
    key: &mut CanonicalJsonObject,
    signer: &str,
    signatures: impl IntoIterator<Item = (&'a String, &'a String)>,
) {
    let mut all = match key.remove("signatures") {
        Some(CanonicalJsonValue::Object(all)) => all,
        _ => BTreeMap::new(),
    };
    let mut by_signer = match all.remove(signer) {
        Some(CanonicalJsonValue::Object(by_signer)) => by_signer,
        _ => BTreeMap::new(),
    };
    for (key_id, signature) in signatures {
        by_signer.insert(key_id.clone(), CanonicalJsonValue::String(signature.clone()));
    }
    if !by_signer.is_empty() {
        all.insert(signer.to_owned(), CanonicalJsonValue::Object(by_signer));
    }
    key.insert("signatures".to_owned(), CanonicalJsonValue::Object(all));
}

#[cfg(test)]
mod tests {
    use ruma::signatures::{Ed25519KeyPair, sign_json};
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> CanonicalJsonObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_key_and_content_alone() {
        let pair = |version: &str| Ed25519KeyPair::from_der(&Ed25519KeyPair::generate(), version.to_owned()).unwrap();
        let (phone, other) = (pair("PHONE"), pair("PHONE"));
        let public = |pair: &Ed25519KeyPair| Base64::<Standard, _>::new(pair.public_key().to_vec()).encode();
        let mut key = object(json!({ "keys": { "ed25519:PHONE": "x" }, "unsigned": { "name": "phone" } }));
        sign_json("@alice:parta.test", &phone, &mut key).unwrap();
        let holds = |key: &CanonicalJsonObject, signer: &str, id: &str, pair: &Ed25519KeyPair| {
            is_signed_by(key, signer, id, &public(pair))
        };
        assert!(holds(&key, "@alice:parta.test", "ed25519:PHONE", &phone));
        assert!(!holds(&key, "@alice:parta.test", "ed25519:PHONE", &other));
        assert!(!holds(&key, "@alice:parta.test", "ed25519:OTHER", &phone));
        assert!(!holds(&key, "@bob:parta.test", "ed25519:PHONE", &phone));
        key.remove("unsigned");
        assert!(holds(&key, "@alice:parta.test", "ed25519:PHONE", &phone), "unsigned is not signed");
        key.insert("more".to_owned(), CanonicalJsonValue::Bool(true));
        assert!(!holds(&key, "@alice:parta.test", "ed25519:PHONE", &phone));
    }

    #[test]
    fn signatures_are_added_beside_those_that_are_there() {
        let mut key = object(json!({ "signatures": { "@a:x": { "ed25519:1": "one" } } }));
        let (id, signature) = ("ed25519:2".to_owned(), "two".to_owned());
        add_signatures(&mut key, "@a:x", [(&id, &signature)]);
        assert_eq!(signatures_of(&key, "@a:x").collect::<Vec<_>>(), [("ed25519:1", "one"), ("ed25519:2", "two")]);
        let mut bare = object(json!({}));
        add_signatures(&mut bare, "@a:x", []);
        assert_eq!(bare, object(json!({ "signatures": {} })));
    }

    #[test]
    fn malformed_signatures_are_no_signatures() {
        for signatures in [json!(3), json!({ "@a:x": [] }), json!({ "@a:x": { "ed25519:1": 7 } }), json!(null)] {
            let key = object(json!({ "signatures": signatures }));
            assert_eq!(signatures_of(&key, "@a:x").count(), 0);
            assert!(!is_signed_by(&key, "@a:x", "ed25519:1", "AAAA"));
        }
    }
}
