use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::SigningKey;
use crate::server::{Server, User};

const UPLOAD: &str = "/_matrix/client/v3/keys/device_signing/upload";
const SIGNATURES: &str = "/_matrix/client/v3/keys/signatures/upload";

/// The cross-signing keys of a user.
struct Keys {
    master: SigningKey,
    self_signing: SigningKey,
    user_signing: SigningKey,
}

fn public(user: &User, usage: &str, key: &SigningKey) -> Value {
    json!({ "user_id": user.id, "usage": [usage], "keys": { key.id(): key.public() } })
}

impl Keys {
    fn new() -> Self {
        Self { master: SigningKey::of_user(), self_signing: SigningKey::of_user(), user_signing: SigningKey::of_user() }
    }

    fn body(&self, user: &User) -> Value {
        json!({
            "master_key": public(user, "master", &self.master),
            "self_signing_key": self.master.sign(user, public(user, "self_signing", &self.self_signing)),
            "user_signing_key": self.master.sign(user, public(user, "user_signing", &self.user_signing)),
        })
    }
}

async fn with_keys(server: &Server, user: &User) -> Keys {
    let keys = Keys::new();
    server.post(user, UPLOAD, keys.body(user)).await;
    keys
}

fn signature<'a>(key: &'a Value, by: &User, id: &str) -> &'a Value {
    &key["signatures"][&by.id][id]
}

on_both_engines! {
    async fn a_reset_is_allowed_on_the_accounts_page(server: Server) {
        let alice = server.register("alice").await;
        with_keys(&server, &alice).await;
        let refused = async |body: &Value| {
            let (status, asked) = server.json(Method::POST, UPLOAD, Some(&alice.token), body).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{asked}");
        };
        let body = Keys::new().body(&alice);
        refused(&body).await;
        let user_id: ruma::OwnedUserId = alice.id.parse().expect("an id");
        server.app.oauth.allow_reset(&user_id).await.expect("it is noted");
        server.post(&alice, UPLOAD, body).await;
        refused(&Keys::new().body(&alice)).await;
    }

    async fn the_first_keys_are_taken_and_others_ask_for_the_password(server: Server) {
        let alice = server.register("alice").await;
        let keys = Keys::new();
        assert_eq!(server.post(&alice, UPLOAD, keys.body(&alice)).await, json!({}));
        assert_eq!(server.post(&alice, UPLOAD, keys.body(&alice)).await, json!({}), "a repetition is no change");

        let mut body = Keys::new().body(&alice);
        let (status, asked) = server.json(Method::POST, UPLOAD, Some(&alice.token), &body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{asked}");
        assert!(asked["flows"].is_array(), "{asked}");
        let master = |answer: &Value| answer["master_keys"][&alice.id]["keys"].clone();
        assert_eq!(master(&server.query(&alice, &alice).await), json!({ keys.master.id(): keys.master.public() }));

        let identifier = json!({ "type": "m.id.user", "user": alice.id });
        let auth = json!({
            "type": "m.login.password", "session": asked["session"], "identifier": identifier, "password": "wonderland",
        });
        body["auth"] = auth;
        server.post(&alice, UPLOAD, body.clone()).await;
        assert_eq!(master(&server.query(&alice, &alice).await), body["master_key"]["keys"]);
    }

    async fn each_sees_what_is_theirs_to_see(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let keys = with_keys(&server, &alice).await;
        let body = keys.body(&alice);
        let own = server.query(&alice, &alice).await;
        assert_eq!(own["master_keys"][&alice.id]["keys"], body["master_key"]["keys"]);
        assert_eq!(own["self_signing_keys"][&alice.id], body["self_signing_key"]);
        assert_eq!(own["user_signing_keys"][&alice.id], body["user_signing_key"]);
        let seen = server.query(&bob, &alice).await;
        assert_eq!(seen["master_keys"][&alice.id]["usage"], json!(["master"]));
        assert_eq!(seen["self_signing_keys"][&alice.id], body["self_signing_key"]);
        assert_eq!(seen["user_signing_keys"], Value::Null, "whom one has verified is nobody else's business");
    }

    async fn keys_that_do_not_hold_are_refused(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let keys = Keys::new();
        let body = keys.body(&alice);
        let only = |field: &str| json!({ field: body[field] });
        let other = SigningKey::of_user();
        let mut forged = body.clone();
        forged["self_signing_key"] = other.sign(&alice, public(&alice, "self_signing", &keys.self_signing));
        let mut unsigned = body.clone();
        unsigned["user_signing_key"] = public(&alice, "user_signing", &keys.user_signing);
        let mut usage = body.clone();
        usage["master_key"]["usage"] = json!(["self_signing"]);
        let mut two = body.clone();
        two["master_key"]["keys"][other.id()] = json!(other.public());
        let mut misnamed = body.clone();
        misnamed["master_key"]["keys"] = json!({ keys.master.id(): other.public() });
        let refused = [
            (only("self_signing_key"), "M_MISSING_PARAM"),
            (json!({}), "M_MISSING_PARAM"),
            (forged, "M_INVALID_SIGNATURE"),
            (unsigned, "M_INVALID_SIGNATURE"),
            (usage, "M_INVALID_PARAM"),
            (two, "M_INVALID_PARAM"),
            (misnamed, "M_INVALID_PARAM"),
        ];
        for (body, errcode) in refused {
            server.refused(Method::POST, &alice, UPLOAD, body, errcode).await;
        }
        server.refused(Method::POST, &bob, UPLOAD, body.clone(), "M_INVALID_PARAM").await;
        // Once the master key is there the others may follow; that adds to what is there, so the password is asked for.
        server.post(&alice, UPLOAD, only("master_key")).await;
        let later = only("self_signing_key");
        let (status, _) = server.json(Method::POST, UPLOAD, Some(&alice.token), &later).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }

    async fn signatures_are_added_where_they_hold(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        let device = server.upload_device_keys(&alice).await;
        let (keys, bobs) = (with_keys(&server, &alice).await, with_keys(&server, &bob).await);
        let strip = |key: &Value| {
            let mut key = key.clone();
            for field in ["signatures", "unsigned"] {
                key.as_object_mut().expect("an object").remove(field);
            }
            key
        };
        let seen = server.query(&alice, &alice).await;
        let own_device = strip(&seen["device_keys"][&alice.id][&alice.device]);
        let body = json!({
            &alice.id: {
                &alice.device: keys.self_signing.sign(&alice, own_device),
                keys.master.public(): device.sign(&alice, public(&alice, "master", &keys.master)),
            },
            &bob.id: {
                bobs.master.public(): keys.user_signing.sign(&alice, public(&bob, "master", &bobs.master)),
            },
        });
        assert_eq!(server.post(&alice, SIGNATURES, body.clone()).await, json!({}));
        assert_eq!(server.post(&alice, SIGNATURES, body.clone()).await, json!({}), "a repetition is no error");

        let seen = server.query(&bob, &alice).await;
        let shown = &seen["device_keys"][&alice.id][&alice.device];
        assert!(signature(shown, &alice, &keys.self_signing.id()).is_string(), "{seen}");
        assert!(signature(shown, &alice, &device.id()).is_string(), "beside the device's own: {seen}");
        assert!(signature(&seen["master_keys"][&alice.id], &alice, &device.id()).is_string(), "{seen}");
        // Alice sees that she verified Bob; Bob does not.
        let by_alice = server.query(&alice, &bob).await;
        assert!(signature(&by_alice["master_keys"][&bob.id], &alice, &keys.user_signing.id()).is_string(), "{by_alice}");
        let by_bob = server.query(&bob, &bob).await;
        assert!(signature(&by_bob["master_keys"][&bob.id], &alice, &keys.user_signing.id()).is_null(), "{by_bob}");
    }

    async fn signatures_that_do_not_hold_are_told_apart(server: Server) {
        let (alice, bob) = (server.register("alice").await, server.register("bob").await);
        server.upload_device_keys(&alice).await;
        let (keys, bobs) = (with_keys(&server, &alice).await, with_keys(&server, &bob).await);
        let stranger = SigningKey::of_user();
        let mut tampered = keys.user_signing.sign(&alice, public(&bob, "master", &bobs.master));
        tampered["usage"] = json!(["master", "self_signing"]);
        let body = json!({
            &alice.id: {
                "NOSUCH": { "user_id": alice.id },
                keys.master.public(): stranger.sign(&alice, public(&alice, "master", &keys.master)),
            },
            &bob.id: { bobs.master.public(): tampered, &bob.device: { "user_id": bob.id } },
            "@nobody:parta.test": { "x": 3 },
        });
        let failures = &server.post(&alice, SIGNATURES, body).await["failures"];
        let code = |user: &str, key: &str| failures[user][key]["errcode"].clone();
        assert_eq!(code(&alice.id, "NOSUCH"), "M_NOT_FOUND", "{failures}");
        assert_eq!(code(&alice.id, &keys.master.public()), "M_INVALID_SIGNATURE", "{failures}");
        assert_eq!(code(&bob.id, &bobs.master.public()), "M_INVALID_SIGNATURE", "{failures}");
        assert_eq!(code(&bob.id, &bob.device), "M_NOT_FOUND", "devices are signed by their owner alone: {failures}");
        assert_eq!(code("@nobody:parta.test", "x"), "M_BAD_JSON", "{failures}");
    }
}
