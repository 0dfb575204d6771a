//! Registration, signing in and out, refresh tokens, devices, passwords, profiles.

use serde_json::{Value, json};

use crate::api::{Homeserver, PASSWORD, User, list, unique};

on_both_engines![
    registration_in_stages,
    registration_refusals,
    username_availability,
    registration_without_login,
    guests_are_answered,
    login_by_localpart_and_id,
    login_refusals,
    whoami_and_tokens,
    logout_ends_one_session,
    logout_all_ends_every_session,
    same_device_id_replaces_the_session,
    refresh_tokens,
    devices,
    device_deletion_asks_for_the_password,
    many_devices_deleted_at_once,
    password_change,
    deactivation,
    profile,
    profile_reaches_rooms,
    profile_of_others_is_theirs,
    custom_profile_fields,
];

fn password_auth(user: &User, session: &Value) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user.id },
        "password": PASSWORD,
        "session": session,
    })
}

/// Client-server API, "User-Interactive Authentication API".
async fn registration_in_stages(hs: Homeserver) {
    let name = unique("stages");
    let mut body = json!({ "username": name, "password": PASSWORD, "device_id": "PHONE", "initial_device_display_name": "a phone" });
    let answer = hs.post(path!("v3/register"), body.clone()).await;
    assert_eq!(answer.status, 401, "{answer}");
    let flows = list(&answer.body["flows"]);
    assert!(!flows.is_empty() && flows.iter().all(|flow| flow["stages"].is_array()), "{answer}");
    let session = answer.body["session"].clone();
    assert!(session.is_string(), "{answer}");

    body["auth"] = json!({ "type": "m.login.dummy", "session": session });
    let user = User::from_answer(&hs, &hs.post(path!("v3/register"), body).await.ok());
    assert_eq!(user.localpart(), name);
    assert_eq!(user.device, "PHONE");
    let device = user.get(path!("v3/devices/{}", "PHONE")).await.ok();
    assert_eq!(device["display_name"], "a phone");
}

async fn registration_refusals(hs: Homeserver) {
    let taken = hs.user("taken").await;
    let body = |name: &str| json!({ "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    hs.post(path!("v3/register"), body(taken.localpart())).await.fails(400, "M_USER_IN_USE");
    for bad in ["with space", "сова", "a:b", "@at", "semi;colon", "a#b"] {
        hs.post(path!("v3/register"), body(bad)).await.fails(400, "M_INVALID_USERNAME");
    }
    let long = "x".repeat(256);
    hs.post(path!("v3/register"), body(&long)).await.fails(400, "M_INVALID_USERNAME");
}

async fn username_availability(hs: Homeserver) {
    let taken = hs.user("taken").await;
    let free = hs.get(path!("v3/register/available?username={}", unique("free"))).await.ok();
    assert_eq!(free["available"], true);
    hs.get(path!("v3/register/available?username={}", taken.localpart())).await.fails(400, "M_USER_IN_USE");
    hs.get(path!("v3/register/available?username={}", "not valid")).await.fails(400, "M_INVALID_USERNAME");
}

async fn registration_without_login(hs: Homeserver) {
    let body = json!({ "username": unique("quiet"), "password": PASSWORD, "inhibit_login": true, "auth": { "type": "m.login.dummy" } });
    let answer = hs.post(path!("v3/register"), body).await.ok();
    assert!(
        answer["user_id"].is_string() && answer["access_token"].is_null() && answer["device_id"].is_null(),
        "{answer}"
    );
    hs.login(answer["user_id"].as_str().unwrap()).await;
}

/// Guests are not admitted, in the words the specification gives for it.
async fn guests_are_answered(hs: Homeserver) {
    hs.post(path!("v3/register?kind=guest"), json!({})).await.refused();
}

async fn login_by_localpart_and_id(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for name in [alice.id.as_str(), alice.localpart()] {
        let again = hs.login(name).await;
        assert_eq!(again.id, alice.id);
        assert_ne!(again.device, alice.device);
    }
    let body = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": PASSWORD,
        "device_id": "DESK", "initial_device_display_name": "School desk",
    });
    let desk = User::from_answer(&hs, &hs.post(path!("v3/login"), body).await.ok());
    assert_eq!(desk.device, "DESK");
    assert_eq!(desk.get(path!("v3/devices/DESK")).await.ok()["display_name"], "School desk");
}

async fn login_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let body = |user: &str, password: &str| json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password });
    let wrong = hs.post(path!("v3/login"), body(&alice.id, "wrong")).await.fails(403, "M_FORBIDDEN");
    let nobody = hs.post(path!("v3/login"), body(&unique("nobody"), "wrong")).await.fails(403, "M_FORBIDDEN");
    assert_eq!(wrong["error"], nobody["error"], "an answer does not tell who has an account");
    hs.post(path!("v3/login"), body("@someone:elsewhere.example", PASSWORD)).await.fails(403, "M_FORBIDDEN");
    hs.post(path!("v3/login"), json!({ "type": "m.login.telepathy" })).await.refused();
}

async fn whoami_and_tokens(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let me = alice.get(path!("v3/account/whoami")).await.ok();
    assert_eq!(me["user_id"], alice.id.as_str());
    assert_eq!(me["device_id"], alice.device.as_str());
    assert_ne!(me["is_guest"], true);
    hs.get(path!("v3/account/whoami")).await.fails(401, "M_MISSING_TOKEN");
    let mut forged = alice.clone();
    forged.token = String::from("syt_bm9ib2R5_forged_000000");
    let error = forged.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    assert_ne!(error["soft_logout"], true);
}

async fn logout_ends_one_session(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let other = hs.login(&alice.id).await;
    alice.post(path!("v3/logout"), json!({})).await.ok();
    alice.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    let devices = other.get(path!("v3/devices")).await.ok();
    assert!(list(&devices["devices"]).iter().all(|device| device["device_id"] != alice.device.as_str()), "{devices}");
}

async fn logout_all_ends_every_session(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let other = hs.login(&alice.id).await;
    alice.post(path!("v3/logout/all"), json!({})).await.ok();
    for session in [&alice, &other] {
        session.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    }
    hs.login(&alice.id).await;
}

/// Client-server API, "Relationship between access tokens and devices": the old token stops working.
async fn same_device_id_replaces_the_session(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let body = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": PASSWORD, "device_id": alice.device });
    let again = User::from_answer(&hs, &hs.post(path!("v3/login"), body).await.ok());
    assert_eq!(again.device, alice.device);
    again.get(path!("v3/account/whoami")).await.ok();
    alice.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
}

async fn refresh_tokens(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let body = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": PASSWORD, "refresh_token": true });
    let answer = hs.post(path!("v3/login"), body.clone()).await.ok();
    let first = answer["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh_token in {answer}")).to_owned();
    let old = User::from_answer(&hs, &answer);
    let refreshed = hs.post(path!("v3/refresh"), json!({ "refresh_token": first })).await.ok();
    let token = refreshed["access_token"].as_str().unwrap();
    assert_ne!(token, old.token);
    let new = User { token: token.to_owned(), ..old.clone() };
    let me = new.get(path!("v3/account/whoami")).await.ok();
    assert_eq!(me["device_id"], old.device.as_str(), "a refreshed session is the same device");
    let second = refreshed["refresh_token"].as_str().unwrap_or(&first).to_owned();
    hs.post(path!("v3/refresh"), json!({ "refresh_token": "forged" })).await.fails(401, "M_UNKNOWN_TOKEN");
    // "The old refresh token MUST remain valid until the new access token or refresh token is used." Whoever shows it
    // after that may have stolen it: a server may end the session.
    if second != first {
        hs.post(path!("v3/refresh"), json!({ "refresh_token": first })).await.fails(401, "M_UNKNOWN_TOKEN");
    }
    let answer = hs.post(path!("v3/login"), body).await.ok();
    User::from_answer(&hs, &answer).post(path!("v3/logout"), json!({})).await.ok();
    let ended = json!({ "refresh_token": answer["refresh_token"] });
    hs.post(path!("v3/refresh"), ended).await.fails(401, "M_UNKNOWN_TOKEN");
}

async fn devices(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let second = hs.login(&alice.id).await;
    let all = list(&alice.get(path!("v3/devices")).await.ok()["devices"]);
    assert_eq!(all.len(), 2);
    alice.put(path!("v3/devices/{}", second.device), json!({ "display_name": "Классный компьютер" })).await.ok();
    let device = alice.get(path!("v3/devices/{}", second.device)).await.ok();
    assert_eq!(device["display_name"], "Классный компьютер");
    assert_eq!(device["device_id"], second.device.as_str());
    alice.get(path!("v3/devices/NONE")).await.fails(404, "M_NOT_FOUND");
    alice.put(path!("v3/devices/NONE"), json!({ "display_name": "x" })).await.fails(404, "M_NOT_FOUND");
    let bob = hs.user("bob").await;
    bob.get(path!("v3/devices/{}", second.device)).await.fails(404, "M_NOT_FOUND");
}

async fn device_deletion_asks_for_the_password(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let second = hs.login(&alice.id).await;
    let path = path!("v3/devices/{}", second.device);
    let delete = |auth: Value| alice.hs.answer(alice.request(reqwest::Method::DELETE, &path).json(&auth));
    let asked = delete(json!({})).await;
    assert_eq!(asked.status, 401, "{asked}");
    let session = asked.body["session"].clone();
    let mut wrong = password_auth(&alice, &session);
    wrong["password"] = json!("wrong");
    let refused = delete(json!({ "auth": wrong })).await;
    assert_eq!((refused.status, refused.body["errcode"].as_str()), (401, Some("M_FORBIDDEN")), "{refused}");
    assert!(refused.body["flows"].is_array(), "the flows are told again: {refused}");
    second.get(path!("v3/account/whoami")).await.ok();
    delete(json!({ "auth": password_auth(&alice, &session) })).await.ok();
    second.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
}

async fn many_devices_deleted_at_once(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let (second, third) = (hs.login(&alice.id).await, hs.login(&alice.id).await);
    let mut body = json!({ "devices": [second.device, third.device] });
    let asked = alice.post(path!("v3/delete_devices"), body.clone()).await;
    assert_eq!(asked.status, 401, "{asked}");
    body["auth"] = password_auth(&alice, &asked.body["session"]);
    alice.post(path!("v3/delete_devices"), body).await.ok();
    assert_eq!(list(&alice.get(path!("v3/devices")).await.ok()["devices"]).len(), 1);
}

async fn password_change(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let other = hs.login(&alice.id).await;
    let mut body = json!({ "new_password": "new Passw0rd, long enough", "logout_devices": true });
    let asked = alice.post(path!("v3/account/password"), body.clone()).await;
    assert_eq!(asked.status, 401, "{asked}");
    body["auth"] = password_auth(&alice, &asked.body["session"]);
    alice.post(path!("v3/account/password"), body).await.ok();
    alice.get(path!("v3/account/whoami")).await.ok();
    other.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    let login = |password: &str| json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": password });
    hs.post(path!("v3/login"), login(PASSWORD)).await.fails(403, "M_FORBIDDEN");
    hs.post(path!("v3/login"), login("new Passw0rd, long enough")).await.ok();
}

async fn deactivation(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = bob.room_with(&[&alice]).await;
    let mut bob_sync = bob.follow().await;
    let asked = alice.post(path!("v3/account/deactivate"), json!({})).await;
    assert_eq!(asked.status, 401, "{asked}");
    let auth = password_auth(&alice, &asked.body["session"]);
    alice.post(path!("v3/account/deactivate"), json!({ "auth": auth, "erase": false })).await.ok();
    alice.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    let login = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": alice.id }, "password": PASSWORD });
    let error = hs.post(path!("v3/login"), login).await;
    assert!(
        error.status == 403 && ["M_FORBIDDEN", "M_USER_DEACTIVATED"].contains(&error.body["errcode"].as_str().unwrap()),
        "{error}"
    );
    // The name stays taken.
    let again = json!({ "username": alice.localpart(), "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
    hs.post(path!("v3/register"), again).await.fails(400, "M_USER_IN_USE");
    bob_sync
        .until(|sync| {
            let events = crate::api::timeline(sync, &room);
            events
                .into_iter()
                .find(|event| event["state_key"] == alice.id.as_str() && event["content"]["membership"] == "leave")
        })
        .await;
}

async fn profile(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    alice.put(path!("v3/profile/{}/displayname", alice.id), json!({ "displayname": "Алиса 🦉" })).await.ok();
    alice.put(path!("v3/profile/{}/avatar_url", alice.id), json!({ "avatar_url": "mxc://hs1/owl" })).await.ok();
    let profile = bob.get(path!("v3/profile/{}", alice.id)).await.ok();
    assert_eq!(profile["displayname"], "Алиса 🦉");
    assert_eq!(profile["avatar_url"], "mxc://hs1/owl");
    let name = bob.get(path!("v3/profile/{}/displayname", alice.id)).await.ok();
    assert_eq!(name, json!({ "displayname": "Алиса 🦉" }));
    let avatar = bob.get(path!("v3/profile/{}/avatar_url", alice.id)).await.ok();
    assert_eq!(avatar, json!({ "avatar_url": "mxc://hs1/owl" }));
    bob.get(path!("v3/profile/{}", format!("@nobody:{}", alice.server_name()))).await.fails(404, "M_NOT_FOUND");
}

async fn profile_reaches_rooms(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let room = bob.room_with(&[&alice]).await;
    let mut bob_sync = bob.follow().await;
    alice.put(path!("v3/profile/{}/displayname", alice.id), json!({ "displayname": "Новое имя" })).await.ok();
    bob_sync
        .until(|sync| {
            let events = crate::api::timeline(sync, &room);
            events
                .into_iter()
                .find(|event| event["type"] == "m.room.member" && event["content"]["displayname"] == "Новое имя")
        })
        .await;
    let member = bob.state(&room, "m.room.member", &alice.id).await.ok();
    assert_eq!(member["membership"], "join");
    let joined = bob.get(path!("v3/rooms/{}/joined_members", room)).await.ok();
    assert_eq!(joined["joined"][&alice.id]["display_name"], "Новое имя");
}

async fn profile_of_others_is_theirs(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    bob.put(path!("v3/profile/{}/displayname", alice.id), json!({ "displayname": "Mallory" }))
        .await
        .fails(403, "M_FORBIDDEN");
    hs.answer(
        hs.request(reqwest::Method::PUT, &path!("v3/profile/{}/displayname", alice.id))
            .json(&json!({ "displayname": "x" })),
    )
    .await
    .fails(401, "M_MISSING_TOKEN");
}

/// Client-server API v1.16: any key of a profile may be set and deleted.
async fn custom_profile_fields(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let capabilities = alice.get(path!("v3/capabilities")).await.ok();
    if capabilities["capabilities"]["m.profile_fields"]["enabled"] != true {
        return eprintln!("skipped: the server does not offer m.profile_fields");
    }
    let path = path!("v3/profile/{}/{}", alice.id, "m.tz");
    alice.put(&path, json!({ "m.tz": "Europe/Moscow" })).await.ok();
    assert_eq!(alice.get(&path).await.ok(), json!({ "m.tz": "Europe/Moscow" }));
    alice.delete(&path).await.ok();
    alice.get(&path).await.fails(404, "M_NOT_FOUND");
}
