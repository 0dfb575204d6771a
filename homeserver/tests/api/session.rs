//! Registering, signing in and out.

use homeserver::config::Config;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, User};

const REGISTER: &str = "/_matrix/client/v3/register";
const LOGIN: &str = "/_matrix/client/v3/login";
const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

/// A server with its configuration adjusted, on the embedded engine: what is tested here is above the engines.
async fn configured(adjust: impl FnOnce(&mut Config)) -> Server {
    Server::start(None, adjust).await
}

#[tokio::test]
async fn a_registration_token_admits() {
    let server = configured(|config| config.registration.token_required = true).await;
    let token = server.app.registration_tokens.create(None, None, Some(1), None).await.expect("a token").token;
    let body = |name: &str, auth: Value| json!({ "username": name, "password": "wonderland", "auth": auth });
    let (status, asked) = call(&server, REGISTER, json!({ "username": "anna" })).await;
    assert_eq!(
        (status, &asked["flows"]),
        (StatusCode::UNAUTHORIZED, &json!([{ "stages": ["m.login.registration_token"] }]))
    );
    let (status, _) = call(&server, REGISTER, body("anna", json!({ "type": "m.login.dummy" }))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "no token, no account");
    let stage =
        |token: &str| json!({ "type": "m.login.registration_token", "token": token, "session": asked["session"] });
    let (status, answer) = call(&server, REGISTER, body("anna", stage("forged"))).await;
    assert_eq!((status, &answer["session"]), (StatusCode::UNAUTHORIZED, &asked["session"]), "{answer}");
    assert_eq!(answer["errcode"], "M_UNAUTHORIZED");
    let (status, answer) = call(&server, REGISTER, body("anna", stage(&token))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let again = json!({ "type": "m.login.registration_token", "token": token });
    let (status, _) = call(&server, REGISTER, body("boris", again)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it was for one account");
}

#[tokio::test]
async fn the_academys_sign_on_makes_an_account() {
    let server = configured(|config| {
        config.login.jwt = Some(homeserver::config::Jwt {
            secret: "a secret of the academy".into(),
            algorithm: "HS256".into(),
            subject_claim: "sub".into(),
            display_name_claim: Some("name".into()),
            issuer: Some("https://academy.test".into()),
            audiences: vec!["parta".into()],
        });
    })
    .await;
    let (_, flows) = call(&server, LOGIN, Value::Null).await;
    assert!(
        flows["flows"].as_array().is_some_and(|f| f.contains(&json!({ "type": "org.matrix.login.jwt" }))),
        "{flows}"
    );
    let now = server.app.clock.now() / 1000;
    let good =
        json!({ "sub": "anna", "name": "Анна", "iss": "https://academy.test", "aud": "parta", "exp": now + 600 });
    let sign = |claims: &Value, secret: &str| {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token");
        json!({ "type": "org.matrix.login.jwt", "token": token })
    };
    for _ in 0..2 {
        let (status, answer) = call(&server, LOGIN, sign(&good, "a secret of the academy")).await;
        assert_eq!((status, &answer["user_id"]), (StatusCode::OK, &json!("@anna:parta.test")), "{answer}");
    }
    let (_, profile) = call(&server, "/_matrix/client/v3/profile/@anna:parta.test", Value::Null).await;
    assert_eq!(profile, json!({ "displayname": "Анна" }));
    refused(&server, LOGIN, sign(&good, "another secret"), 403, "M_FORBIDDEN").await;
    for (claim, value) in [
        ("exp", json!(now - 600)),
        ("nbf", json!(now + 600)),
        ("iss", json!("https://elsewhere.test")),
        ("aud", json!("another")),
        ("sub", json!("анна")),
        ("sub", json!(7)),
    ] {
        let mut bad = good.clone();
        bad[claim] = value;
        refused(&server, LOGIN, sign(&bad, "a secret of the academy"), 403, "M_FORBIDDEN").await;
    }
    refused(&server, LOGIN, json!({ "type": "org.matrix.login.jwt" }), 400, "M_MISSING_PARAM").await;
    refused(&server, LOGIN, json!({ "type": "org.matrix.login.jwt", "token": "a.b.c" }), 403, "M_FORBIDDEN").await;
}

#[tokio::test]
async fn too_many_wrong_passwords_hold_the_account() {
    let server = configured(|config| {
        config.limits.login_failures_per_account = Some(homeserver::config::Bucket { burst: 2, per_minute: 1 });
    })
    .await;
    server.register("anna").await;
    let wrong = json!({ "type": "m.login.password", "user": "anna", "password": "wrong" });
    for _ in 0..3 {
        refused(&server, LOGIN, wrong.clone(), 403, "M_FORBIDDEN").await;
    }
    let answer = refused(&server, LOGIN, wrong, 429, "M_LIMIT_EXCEEDED").await;
    assert!(answer["retry_after_ms"].as_i64().is_some_and(|ms| ms > 1000), "{answer}");
}

/// Calls without a token.
async fn call(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    let method = if body.is_null() { Method::GET } else { Method::POST };
    server.json(method, path, None, &body).await
}

/// Calls without a token what must fail with an `errcode`.
async fn refused(server: &Server, path: &str, body: Value, status: u16, errcode: &str) -> Value {
    let (got, answer) = call(server, path, body).await;
    assert_eq!((got.as_u16(), answer["errcode"].as_str()), (status, Some(errcode)), "{path}: {answer}");
    answer
}

on_both_engines! {
    async fn one_registers_signs_in_and_out(server: Server) {
        let anna = server.register("anna").await;
        assert_eq!(anna.id, "@anna:parta.test");
        let answer = server.get(&anna, WHOAMI).await;
        assert_eq!(answer, json!({ "user_id": anna.id, "device_id": anna.device }));

        let (_, flows) = call(&server, LOGIN, Value::Null).await;
        let by_token = json!({ "type": "m.login.token", "get_login_token": true });
        assert_eq!(
            flows,
            json!({ "flows": [{ "type": "m.login.password" }, { "type": "m.login.application_service" }, by_token] })
        );

        for name in ["anna", "@anna:parta.test", "Anna", "@ANNA:parta.test"] {
            let again = server.sign_in(name).await;
            assert_eq!(again.id, anna.id);
            assert_ne!((&again.token, &again.device), (&anna.token, &anna.device));
            server.post(&again, "/_matrix/client/v3/logout", json!({})).await;
            server.refused(Method::GET, &again, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        }
        let (status, _) = call(&server, LOGIN, json!({ "type": "m.login.password", "user": "anna", "password": "wonderland" })).await;
        assert_eq!(status, StatusCode::OK, "the old way to name the user");

        server.get(&anna, WHOAMI).await;
        server.post(&anna, "/_matrix/client/v3/logout/all", json!({})).await;
        server.refused(Method::GET, &anna, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
    }

    async fn whose_account_is_locked_may_only_sign_out(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let (second, third) = (server.sign_in("anna").await, server.sign_in("anna").await);
        server.app.accounts.set_locked(&anna.user_id(), true).await.expect("is locked");
        for path in [WHOAMI, "/_matrix/client/v3/sync", "/_matrix/client/v3/rooms/!x:parta.test/state/logout"] {
            let answer = server.refused(Method::GET, &anna, path, Value::Null, "M_USER_LOCKED").await;
            assert_eq!(answer["soft_logout"], true, "{path}: {answer}");
        }
        server.post(&second, "/_matrix/client/r0/logout", json!({})).await;
        server.refused(Method::GET, &second, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        server.refused(Method::GET, &third, WHOAMI, Value::Null, "M_USER_LOCKED").await;
        server.post(&third, "/_matrix/client/v3/logout/all", json!({})).await;
        for user in [&anna, &third] {
            server.refused(Method::GET, user, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        }
        server.get(&boris, WHOAMI).await;
    }

    async fn registration_asks_for_a_stage(server: Server) {
        let body = json!({ "username": "boris", "password": "wonderland" });
        let (status, asked) = call(&server, REGISTER, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(asked["flows"], json!([{ "stages": ["m.login.dummy"] }]), "{asked}");
        assert!(asked["session"].is_string() && asked["params"].is_object(), "{asked}");
        let mut with = body;
        with["auth"] = json!({ "type": "m.login.dummy", "session": asked["session"] });
        with["inhibit_login"] = true.into();
        let (status, answer) = call(&server, REGISTER, with.clone()).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({ "user_id": "@boris:parta.test" })));
        with["username"] = "vera".into();
        let (status, answer) = call(&server, REGISTER, with).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "a session serves once: {answer}");
    }

    async fn names_are_checked(server: Server) {
        let anna = server.register("anna").await;
        let auth = json!({ "type": "m.login.dummy" });
        for name in ["anna", "ANNA"] {
            refused(&server, REGISTER, json!({ "username": name, "auth": auth }), 400, "M_USER_IN_USE").await;
        }
        for name in ["anna!", "анна", "", "a b", "@anna:parta.test"] {
            refused(&server, REGISTER, json!({ "username": name, "auth": auth }), 400, "M_INVALID_USERNAME").await;
        }
        let available = "/_matrix/client/v3/register/available?username=";
        refused(&server, &format!("{available}anna"), Value::Null, 400, "M_USER_IN_USE").await;
        refused(&server, &format!("{available}an%20na"), Value::Null, 400, "M_INVALID_USERNAME").await;
        assert_eq!(call(&server, &format!("{available}boris"), Value::Null).await.1, json!({ "available": true }));
        let (status, answer) = call(&server, REGISTER, json!({ "auth": auth })).await;
        assert!(status == StatusCode::OK && answer["user_id"].as_str().is_some_and(|id| id.len() > 12), "{answer}");
        refused(&server, "/_matrix/client/v3/register?kind=guest", json!({}), 403, "M_GUEST_ACCESS_FORBIDDEN").await;
        server.get(&anna, WHOAMI).await;
    }

    async fn what_is_wrong_is_refused(server: Server) {
        server.register("anna").await;
        let password = |user: &str, password: &str| {
            json!({ "type": "m.login.password", "password": password, "identifier": { "type": "m.id.user", "user": user } })
        };
        refused(&server, LOGIN, password("anna", "looking-glass"), 403, "M_FORBIDDEN").await;
        refused(&server, LOGIN, password("nobody", "wonderland"), 403, "M_FORBIDDEN").await;
        refused(&server, LOGIN, password("@anna:elsewhere", "wonderland"), 403, "M_FORBIDDEN").await;
        refused(&server, LOGIN, json!({ "type": "m.login.unheard", "user": "anna" }), 400, "M_UNKNOWN").await;
        refused(&server, LOGIN, json!({}), 400, "M_BAD_JSON").await;
        refused(&server, LOGIN, json!({ "type": 5 }), 400, "M_BAD_JSON").await;
        refused(&server, LOGIN, json!([]), 400, "M_BAD_JSON").await;
        refused(&server, LOGIN, json!({ "type": "m.login.password", "password": "wonderland" }), 400, "M_MISSING_PARAM").await;
        let (status, answer) = server.json(Method::GET, WHOAMI, None, &Value::Null).await;
        assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_MISSING_TOKEN")));
        let (status, answer) = server.json(Method::GET, WHOAMI, Some("forged"), &Value::Null).await;
        assert_eq!((status.as_u16(), answer["errcode"].as_str()), (401, Some("M_UNKNOWN_TOKEN")));
    }

    async fn a_device_that_signs_in_again_loses_its_old_token(server: Server) {
        server.register("anna").await;
        let first = server.sign_in_with("anna", json!({ "device_id": "LAPTOP", "initial_device_display_name": "Laptop" })).await;
        server.get(&first, WHOAMI).await;
        let second = server.sign_in_with("anna", json!({ "device_id": "LAPTOP", "initial_device_display_name": "Other" })).await;
        assert_eq!(second.device, "LAPTOP");
        server.get(&second, WHOAMI).await;
        server.refused(Method::GET, &first, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
    }

    async fn one_lets_another_device_in(server: Server) {
        const GET_TOKEN: &str = "/_matrix/client/v1/login/get_token";
        let anna = server.register("anna").await;
        let capabilities = server.get(&anna, "/_matrix/client/v3/capabilities").await;
        assert_eq!(capabilities["capabilities"]["m.get_login_token"], json!({ "enabled": true }));
        let (status, asked) = server.json(Method::POST, GET_TOKEN, Some(&anna.token), &json!({})).await;
        assert_eq!((status, &asked["flows"]), (StatusCode::UNAUTHORIZED, &json!([{ "stages": ["m.login.password"] }])));
        let auth = json!({ "type": "m.login.password", "password": "wonderland",
            "identifier": { "type": "m.id.user", "user": "anna" } });
        let ask = async || {
            let answer = server.post(&anna, GET_TOKEN, json!({ "auth": auth })).await;
            assert_eq!(answer["expires_in_ms"], 120_000);
            json!({ "type": "m.login.token", "token": answer["login_token"] })
        };
        let by_token = ask().await;
        let (status, answer) = call(&server, LOGIN, by_token.clone()).await;
        assert_eq!((status, &answer["user_id"]), (StatusCode::OK, &json!(anna.id)), "{answer}");
        assert_ne!(answer["device_id"], anna.device);
        refused(&server, LOGIN, by_token, 403, "M_FORBIDDEN").await;
        refused(&server, LOGIN, json!({ "type": "m.login.token", "token": "forged" }), 403, "M_FORBIDDEN").await;
        refused(&server, LOGIN, json!({ "type": "m.login.token" }), 400, "M_BAD_JSON").await;

        let by_token = ask().await;
        server.post(&anna, "/_matrix/client/v3/logout/all", json!({})).await;
        refused(&server, LOGIN, by_token, 403, "M_FORBIDDEN").await;
    }

    async fn a_login_token_ends_by_itself(server: Server) {
        let anna = server.register("anna").await.user_id();
        let (token, lifetime) = server.app.accounts.login_token(&anna).await.expect("a token");
        let end = server.app.clock.now() + lifetime.as_millis() as i64;
        let hash = homeserver::domain::sessions::hash(&token);
        let mut tx = server.app.db.begin().await.expect("a transaction");
        let found = homeserver::storage::login_tokens::take(&mut tx, &hash, end + 1).await.expect("an answer");
        assert_eq!(found, None);
        let found = homeserver::storage::login_tokens::take(&mut tx, &hash, end - 60_000).await.expect("an answer");
        assert_eq!(found, Some(anna));
    }

    async fn a_refreshed_pair_ends_when_the_new_one_is_used(server: Server) {
        const REFRESH: &str = "/_matrix/client/v3/refresh";
        server.register("anna").await;
        let body = json!({ "type": "m.login.password", "password": "wonderland", "refresh_token": true,
            "identifier": { "type": "m.id.user", "user": "anna" } });
        let (_, first) = call(&server, LOGIN, body).await;
        assert_eq!(first["expires_in_ms"], 3_600_000);
        let user = |pair: &Value| User {
            id: String::new(), device: String::new(), token: pair["access_token"].as_str().expect("a token").to_owned(),
        };
        let refresh = async |pair: &Value| {
            let (status, pair) = call(&server, REFRESH, json!({ "refresh_token": pair["refresh_token"] })).await;
            assert_eq!(status, StatusCode::OK, "{pair}");
            pair
        };
        server.get(&user(&first), WHOAMI).await;
        let lost = refresh(&first).await;
        let second = refresh(&first).await;
        server.get(&user(&first), WHOAMI).await;
        server.refused(Method::GET, &user(&lost), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        server.get(&user(&second), WHOAMI).await;
        server.refused(Method::GET, &user(&first), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        let third = refresh(&second).await;
        let fourth = refresh(&third).await;
        server.refused(Method::GET, &user(&second), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        server.get(&user(&fourth), WHOAMI).await;
        // One that was replaced is shown again: somebody has stolen it, or what replaced it.
        refused(&server, REFRESH, json!({ "refresh_token": second["refresh_token"] }), 401, "M_UNKNOWN_TOKEN").await;
        let ended = server.refused(Method::GET, &user(&fourth), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        assert_eq!(ended["soft_logout"], true);
        refused(&server, REFRESH, json!({ "refresh_token": fourth["refresh_token"] }), 401, "M_UNKNOWN_TOKEN").await;
    }
}
