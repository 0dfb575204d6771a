//! What a client asks before it signs in.

use reqwest::Method;

use crate::api::{Homeserver, list};

on_both_engines![versions, login_flows, capabilities, unknown_endpoints, cross_origin];

async fn versions(hs: Homeserver) {
    let versions = hs.get("/_matrix/client/versions").await.ok();
    assert!(
        list(&versions["versions"]).iter().any(|version| version.as_str().unwrap().starts_with("v1.")),
        "{versions}"
    );
    // The same for a signed-in user.
    let alice = hs.user("alice").await;
    alice.get("/_matrix/client/versions").await.ok();
}

async fn login_flows(hs: Homeserver) {
    let flows = hs.get(path!("v3/login")).await.ok();
    assert!(list(&flows["flows"]).iter().any(|flow| flow["type"] == "m.login.password"), "{flows}");
}

async fn capabilities(hs: Homeserver) {
    hs.get(path!("v3/capabilities")).await.fails(401, "M_MISSING_TOKEN");
    let alice = hs.user("alice").await;
    let capabilities = alice.get(path!("v3/capabilities")).await.ok();
    let rooms = &capabilities["capabilities"]["m.room_versions"];
    for version in ["6", "7", "8", "9", "10", "11", "12"] {
        assert_eq!(rooms["available"][version], "stable", "{capabilities}");
    }
    let default = rooms["default"].as_str().unwrap();
    assert!(rooms["available"][default].is_string(), "the default is among the available: {capabilities}");
}

/// Client-server API, "Common error codes": an unknown endpoint is 404, a known one by a wrong method is 405.
async fn unknown_endpoints(hs: Homeserver) {
    hs.get(path!("v3/there_is_no_such_thing")).await.fails(404, "M_UNRECOGNIZED");
    hs.get("/_matrix/nothing/v1").await.fails(404, "M_UNRECOGNIZED");
    hs.answer(hs.request(Method::DELETE, &path!("v3/login"))).await.fails(405, "M_UNRECOGNIZED");
    hs.answer(hs.request(Method::PATCH, &path!("v3/createRoom"))).await.fails(405, "M_UNRECOGNIZED");
}

/// Client-server API, "Web Browser Clients".
async fn cross_origin(hs: Homeserver) {
    for path in [path!("v3/sync"), path!("v3/rooms/{}/send/m.room.message/1", "!a:b")] {
        let request = hs.request(Method::OPTIONS, &path);
        let request = request.header("Origin", "http://example.org").header("Access-Control-Request-Method", "PUT");
        let answer = hs.answer(request.header("Access-Control-Request-Headers", "authorization,content-type")).await;
        assert!((200..300).contains(&answer.status), "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{answer}");
        let methods = answer.header("access-control-allow-methods").to_uppercase();
        assert!(["GET", "POST", "PUT", "DELETE", "OPTIONS"].iter().all(|method| methods.contains(method)), "{methods}");
        let headers = answer.header("access-control-allow-headers").to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
    }
    let answer = hs.get(path!("v3/sync")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*", "errors carry it too: {answer}");
}
