//! OAuth 2.0: clients that register, pages on which people let them in, and the sessions that come of it.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use homeserver::storage::db::sql;
use http::{Method, Request, Response, StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded::Serializer};

use crate::server::{Server, User};

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
const VERIFIER: &str = "a-secret-of-forty-three-characters-or-more-0";
const BACK: &str = "org.example.chat:/back";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A browser: it keeps cookies and says where its forms come from.
struct Browser<'a> {
    server: &'a Server,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, cookies: Mutex::default() }
    }

    async fn go(&self, method: Method, path: &str, origin: Option<&str>, body: String) -> Response<String> {
        let cookies = self.cookies.lock().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT_LANGUAGE, "en");
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin).header(header::HOST, "parta.test");
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.server.call(request.body(Body::from(body)).expect("a request")).await;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            assert!(cookie.contains("SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            assert!(name != "parta_session" || cookie.contains("HttpOnly"), "{cookie}");
            self.cookies.lock().insert(name.to_owned(), value.to_owned());
        }
        let html = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/html; charset=utf-8");
        assert!(!html || response.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors"));
        response.map(|body| String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    async fn get(&self, path: &str) -> Response<String> {
        self.go(Method::GET, path, None, String::new()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response<String> {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        self.go(Method::POST, path, Some("http://parta.test"), form).await
    }

    async fn sign_in(&self, name: &str) {
        let fields = [("name", name), ("password", "wonderland"), ("next", "/account")];
        assert_eq!(location(&self.post("/account/sign-in", &fields).await), "/account");
    }
}

fn location<T>(response: &Response<T>) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[header::LOCATION].to_str().expect("text")
}

fn metadata() -> Value {
    json!({ "client_uri": "https://example.org/", "client_name": "Chat", "redirect_uris": [BACK],
        "application_type": "native", "token_endpoint_auth_method": "none", "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token", DEVICE_CODE] })
}

async fn register(server: &Server) -> String {
    register_as(server, "Chat").await
}

/// Registers a client by a name.
async fn register_as(server: &Server, name: &str) -> String {
    let mut metadata = metadata();
    metadata["client_name"] = name.into();
    let (status, client) = server.json(Method::POST, "/oauth2/register", None, &metadata).await;
    assert_eq!(status, StatusCode::CREATED, "{client}");
    assert_eq!(client["redirect_uris"], json!([BACK]));
    client["client_id"].as_str().expect("an id").to_owned()
}

/// What the client asks for, with fields changed.
fn request(client: &str, device: &str, changed: &[(&str, &str)]) -> String {
    let scope = format!("urn:matrix:client:api:* urn:matrix:client:device:{device}");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut fields = BTreeMap::from([
        ("client_id", client),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("response_mode", "fragment"),
        ("scope", &scope),
        ("state", "a state"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(changed.iter().copied());
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn fields(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What is decided on the page, and where the browser is sent.
async fn decide(browser: &Browser<'_>, query: &str, decision: &str) -> Url {
    let mut fields = fields(query);
    fields.push(("decision".into(), decision.into()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    location(&browser.post("/oauth2/authorize", &fields).await).parse().expect("an address")
}

fn answer_in(fragment: &Url) -> BTreeMap<String, String> {
    fields(fragment.fragment().expect("an answer in the fragment")).into_iter().collect()
}

async fn token(server: &Server, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    post_form(server, "/oauth2/token", fields).await
}

async fn post_form(server: &Server, path: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = server.call(request.body(Body::from(form)).expect("a request")).await;
    (response.status(), serde_json::from_slice(response.body()).expect("JSON"))
}

async fn redeem(server: &Server, client: &str, code: &str, verifier: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", verifier),
    ];
    token(server, &fields).await
}

/// The ids of the clients that are registered.
async fn clients(server: &Server) -> BTreeSet<String> {
    let rows = sql("SELECT client_id FROM oauth_clients").all(&server.app.db).await.unwrap();
    rows.iter().map(|row| row.get("client_id").unwrap()).collect()
}

async fn refresh(server: &Server, client: &str, tokens: &Value) -> (StatusCode, Value) {
    let refresh_token = tokens["refresh_token"].as_str().expect("a token");
    token(server, &[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh_token)]).await
}

fn user(tokens: &Value) -> User {
    User { token: tokens["access_token"].as_str().expect("a token").to_owned(), ..User::signed_in(&Value::Null) }
}

/// A session of a client for somebody who has an account.
async fn session(server: &Server, client: &str, name: &str, device: &str) -> Value {
    let browser = Browser::new(server);
    browser.sign_in(name).await;
    let back = decide(&browser, &request(client, device, &[]), "allow").await;
    let (status, tokens) = redeem(server, client, &answer_in(&back)["code"], VERIFIER).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

on_both_engines! {
    async fn a_person_lets_a_client_in(server: Server) {
        let anna = server.register("anna").await;
        let (status, found) = server.json(Method::GET, "/_matrix/client/v1/auth_metadata", None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        assert!(found["token_endpoint"].as_str().is_some_and(|url| url.ends_with("/oauth2/token")), "{found}");
        assert!(found["device_authorization_endpoint"].is_string(), "{found}");
        let actions = found["account_management_actions_supported"].as_array().expect("a list");
        assert!(actions.contains(&json!("org.matrix.device_view")), "{found}");
        let client = register(&server).await;
        assert_eq!(register(&server).await, client, "the same client");

        let browser = Browser::new(&server);
        let query = request(&client, "PHONE12345", &[("login_hint", "mxid:@anna:parta.test")]);
        let page = format!("/oauth2/authorize?{query}");
        let sign_in = location(&browser.get(&page).await).to_owned();
        assert!(sign_in.starts_with("/account/sign-in?next="), "{sign_in}");
        let shown = browser.get(&sign_in).await.into_body();
        assert!(shown.contains("value=\"@anna:parta.test\""), "the hint is filled in: {shown}");
        let wrong = [("name", "anna"), ("password", "wrong"), ("next", &page)];
        let refused = browser.post("/account/sign-in", &wrong).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(refused.body().contains("The name or the password is wrong."), "{}", refused.body());
        let right = [("name", "anna"), ("password", "wonderland"), ("next", &page)];
        assert_eq!(location(&browser.post("/account/sign-in", &right).await), page);
        let consent = browser.get(&page).await;
        assert!(consent.body().contains("Chat") && consent.body().contains("example.org"), "{}", consent.body());

        let back = decide(&browser, &query, "allow").await;
        assert_eq!((back.scheme(), back.path()), ("org.example.chat", "/back"));
        let answer = answer_in(&back);
        assert_eq!(answer["state"], "a state");
        let (status, tokens) = redeem(&server, &client, &answer["code"], VERIFIER).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let me = server.get(&user(&tokens), WHOAMI).await;
        assert_eq!((&me["user_id"], &me["device_id"]), (&json!(anna.id), &json!("PHONE12345")));
        let device = server.get(&anna, "/_matrix/client/v3/devices/PHONE12345").await;
        assert_eq!(device["display_name"], "Chat");
    }

    async fn a_registration_that_nobody_uses_is_forgotten(server: Server) {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let age = async |days: i64| {
            let then = server.app.clock.now() - days * DAY_MS;
            let row = sql("UPDATE oauth_clients SET created_at = $1").bind(then);
            server.app.journal.run(vec![row], None).await.expect("aged registrations");
        };
        server.register("anna").await;
        let (used, waits) = (register(&server).await, register_as(&server, "Television").await);
        session(&server, &used, "anna", "PHONE12345").await;
        let scope = "urn:matrix:client:api:* urn:matrix:client:device:SCREEN1234";
        let (status, begun) = post_form(&server, "/oauth2/device", &[("client_id", &waits), ("scope", scope)]).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        let (idle, back) = (register_as(&server, "Idle").await, register_as(&server, "Back").await);
        age(89).await;
        let fresh = register_as(&server, "Fresh").await;
        assert!(clients(&server).await.contains(&idle), "it is not so long ago");
        age(91).await;
        // Who registers anew is the same client, and stays.
        assert_eq!(register_as(&server, "Back").await, back);
        let left = clients(&server).await;
        assert_eq!(left, BTreeSet::from([used, waits, back]), "neither {idle} nor {fresh}");
    }

    async fn a_person_turns_a_client_away(server: Server) {
        server.register("anna").await;
        let client = register(&server).await;
        let browser = Browser::new(&server);
        browser.sign_in("anna").await;
        let answer = answer_in(&decide(&browser, &request(&client, "PHONE12345", &[]), "deny").await);
        assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", "a state"));
        // Somebody else at the same computer.
        let again = decide_path(&browser, &request(&client, "PHONE12345", &[]), "switch").await;
        assert!(location(&browser.get(&again).await).starts_with("/account/sign-in"), "signed out");
    }

    async fn a_code_serves_once(server: Server) {
        server.register("anna").await;
        let client = register(&server).await;
        let browser = Browser::new(&server);
        browser.sign_in("anna").await;
        let code = answer_in(&decide(&browser, &request(&client, "PHONE12345", &[]), "allow").await)["code"].clone();
        let (status, refused) = redeem(&server, &client, &code, "another secret of more than forty characters").await;
        assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        let (_, tokens) = redeem(&server, &client, &code, VERIFIER).await;
        server.get(&user(&tokens), WHOAMI).await;
        let (status, refused) = redeem(&server, &client, &code, VERIFIER).await;
        assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        // The code was stolen by one of the two.
        let ended = server.refused(Method::GET, &user(&tokens), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        assert_eq!(ended["soft_logout"], true, "keys are kept");
        assert_eq!(refresh(&server, &client, &tokens).await.1["error"], "invalid_grant");
    }

    async fn refresh_tokens_rotate_and_betray_a_thief(server: Server) {
        server.register("anna").await;
        let client = register(&server).await;
        let first = session(&server, &client, "anna", "PHONE12345").await;
        let other = json!({ "client_uri": "https://other.example/", "grant_types": ["refresh_token"] });
        let (_, other) = server.json(Method::POST, "/oauth2/register", None, &other).await;
        let (_, refused) = refresh(&server, other["client_id"].as_str().expect("an id"), &first).await;
        assert_eq!(refused["error"], "invalid_grant", "another client's");
        let legacy = json!({ "refresh_token": first["refresh_token"] });
        let (status, _) = server.json(Method::POST, "/_matrix/client/v3/refresh", None, &legacy).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "it is for the token endpoint");

        let (status, second) = refresh(&server, &client, &first).await;
        assert_eq!(status, StatusCode::OK, "{second}");
        server.get(&user(&first), WHOAMI).await;
        server.get(&user(&second), WHOAMI).await;
        server.refused(Method::GET, &user(&first), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        let (status, refused) = refresh(&server, &client, &first).await;
        assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        server.refused(Method::GET, &user(&second), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        assert_eq!(refresh(&server, &client, &second).await.1["error"], "invalid_grant", "the session has ended");
    }

    async fn a_client_signs_out(server: Server) {
        let anna = server.register("anna").await;
        let client = register(&server).await;
        let tokens = session(&server, &client, "anna", "PHONE12345").await;
        let revoke = async |fields: &[(&str, &str)]| post_form(&server, "/oauth2/revoke", fields).await;
        let refresh_token = tokens["refresh_token"].as_str().expect("a token");
        let (status, _) = revoke(&[("token", refresh_token), ("client_id", "another")]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        server.get(&user(&tokens), WHOAMI).await;
        assert_eq!(revoke(&[("token", refresh_token), ("client_id", &client)]).await.0, StatusCode::OK);
        assert_eq!(revoke(&[("token", "unknown"), ("client_id", &client)]).await.0, StatusCode::OK);
        server.refused(Method::GET, &user(&tokens), WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;
        let devices = server.get(&anna, "/_matrix/client/v3/devices").await;
        assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1), "the device is gone: {devices}");
    }

    async fn a_device_without_a_browser_is_let_in_by_another(server: Server) {
        server.register("anna").await;
        let client = register(&server).await;
        let scope = "urn:matrix:client:api:* urn:matrix:client:device:TV12345678";
        let begin = async || {
            let (status, begun) =
                post_form(&server, "/oauth2/device", &[("client_id", &client), ("scope", scope)]).await;
            assert_eq!(status, StatusCode::OK, "{begun}");
            begun
        };
        let ask = async |begun: &Value| {
            let device_code = begun["device_code"].as_str().expect("a code");
            token(&server, &[("grant_type", DEVICE_CODE), ("client_id", &client), ("device_code", device_code)]).await
        };
        let begun = begin().await;
        assert_eq!(ask(&begun).await.1["error"], "authorization_pending");
        assert_eq!(ask(&begun).await.1["error"], "slow_down");
        let code = begun["user_code"].as_str().expect("a code").to_owned();
        let browser = Browser::new(&server);
        let page = format!("/account/link?code={code}");
        assert!(location(&browser.get(&page).await).starts_with("/account/sign-in"));
        browser.sign_in("anna").await;
        assert_eq!(browser.get("/account/link?code=ZZZZ-ZZZZ").await.status(), StatusCode::NOT_FOUND);
        assert!(browser.get(&page).await.body().contains("Chat"));
        let typed = code.to_lowercase().replace('-', " ");
        let done = browser.post("/account/link", &[("code", &typed), ("decision", "allow")]).await;
        assert_eq!(done.status(), StatusCode::OK, "{}", done.body());
        let (status, tokens) = ask(&begun).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        assert_eq!(server.get(&user(&tokens), WHOAMI).await["device_id"], "TV12345678");
        assert_eq!(ask(&begun).await.1["error"], "invalid_grant", "once");

        let begun = begin().await;
        let code = begun["user_code"].as_str().expect("a code");
        browser.post("/account/link", &[("code", code), ("decision", "deny")]).await;
        assert_eq!(ask(&begun).await.1["error"], "access_denied");
    }

    async fn the_account_has_a_page(server: Server) {
        let anna = server.register("anna").await;
        let browser = Browser::new(&server);
        browser.sign_in("anna").await;
        let renamed = browser.post("/account/name", &[("display_name", "Анна <К>")]).await;
        assert_eq!(location(&renamed), "/account?saved=1");
        let page = browser.get("/account").await.into_body();
        assert!(page.contains("Анна &#60;К&#62;") || page.contains("Анна &lt;К&gt;"), "{page}");
        assert!(page.contains(&anna.device), "{page}");
        let view = format!("/account?action=org.matrix.device_view&device_id={}", anna.device);
        assert!(browser.get(&view).await.body().contains(&anna.device));
        location(&browser.post("/account/device", &[("device_id", &anna.device)]).await);
        server.refused(Method::GET, &anna, WHOAMI, Value::Null, "M_UNKNOWN_TOKEN").await;

        let change = |old: &'static str| {
            [("old_password", old), ("new_password", "another wonderland"), ("password_again", "another wonderland")]
        };
        assert_eq!(browser.post("/account/password", &change("wrong")).await.status(), StatusCode::FORBIDDEN);
        let other = Browser::new(&server);
        other.sign_in("anna").await;
        location(&browser.post("/account/password", &change("wonderland")).await);
        assert_eq!(browser.get("/account").await.status(), StatusCode::OK, "this browser goes on");
        assert!(location(&other.get("/account").await).starts_with("/account/sign-in"), "others sign in again");

        let wrong = browser.post("/account/deactivate", &[("password", "wonderland")]).await;
        assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
        let closed = browser.post("/account/deactivate", &[("password", "another wonderland")]).await;
        assert_eq!(closed.status(), StatusCode::OK, "{}", closed.body());
        assert!(location(&browser.get("/account").await).starts_with("/account/sign-in"));
    }
}

/// Where the browser is sent within the server.
async fn decide_path(browser: &Browser<'_>, query: &str, decision: &str) -> String {
    let mut fields = fields(query);
    fields.push(("decision".into(), decision.into()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    location(&browser.post("/oauth2/authorize", &fields).await).to_owned()
}

#[tokio::test]
async fn somebody_registers_on_the_way() {
    let server = Server::start(None, |config| config.registration.token_required = true).await;
    let invitation = server.app.registration_tokens.create(None, None, Some(1), None).await.expect("a token").token;
    let client = register(&server).await;
    let browser = Browser::new(&server);
    let query = request(&client, "PHONE12345", &[("prompt", "create")]);
    let page = format!("/oauth2/authorize?{query}");
    assert!(location(&browser.get(&page).await).starts_with("/account/register?next="));
    let fields = |name: &'static str, again: &'static str, token: &str| {
        [("name", name), ("password", "wonderland"), ("password_again", again), ("token", token), ("next", &page)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let post = async |fields: [(&'static str, String); 5]| {
        browser.post("/account/register", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    };
    assert_eq!(post(fields("nina", "other", &invitation)).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(post(fields("nina", "wonderland", "forged")).await.status(), StatusCode::FORBIDDEN);
    let refused = post(fields("Нина", "wonderland", &invitation)).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.body().contains("value=\"Нина\""), "what was typed is kept: {}", refused.body());
    assert_eq!(location(&post(fields("nina", "wonderland", &invitation)).await), page);
    let back = decide(&browser, &query, "allow").await;
    let (status, tokens) = redeem(&server, &client, &answer_in(&back)["code"], VERIFIER).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(server.get(&user(&tokens), WHOAMI).await["user_id"], "@nina:parta.test");
}

#[tokio::test]
async fn a_wrong_request_is_refused_where_it_belongs() {
    let server = Server::sqlite().await;
    server.register("anna").await;
    let client = register(&server).await;
    let browser = Browser::new(&server);
    browser.sign_in("anna").await;
    let get = async |changed: &[(&str, &str)]| {
        let query = request(&client, "PHONE12345", changed);
        browser.get(&format!("/oauth2/authorize?{query}")).await
    };
    // The person hears of what may be an attack, and nobody is sent anywhere.
    for changed in [("client_id", "unknown"), ("redirect_uri", "https://evil.example/"), ("response_mode", "form_post")]
    {
        assert_eq!(get(&[changed]).await.status(), StatusCode::BAD_REQUEST, "{changed:?}");
    }
    // The client hears of all else.
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "openid"), "invalid_scope"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none"), "interaction_required"),
    ] {
        let response = get(&[changed]).await;
        let back: Url = location(&response).parse().expect("an address");
        assert_eq!(answer_in(&back)["error"], error, "{changed:?}");
    }
    for (fields, error) in [
        (vec![("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "password"), ("client_id", &*client)], "unsupported_grant_type"),
        (vec![("grant_type", "refresh_token"), ("client_id", "unknown")], "invalid_client"),
        (vec![("grant_type", "refresh_token"), ("client_id", &*client)], "invalid_request"),
        (vec![("client_id", &*client), ("client_id", &*client)], "invalid_request"),
    ] {
        let (status, answer) = token(&server, &fields).await;
        assert!(status.is_client_error(), "{fields:?}");
        assert_eq!(answer["error"], error, "{fields:?}");
    }
    let mut bad = metadata();
    bad["redirect_uris"] = json!(["https://evil.example/"]);
    let (status, answer) = server.json(Method::POST, "/oauth2/register", None, &bad).await;
    assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_redirect_uri")));
}

#[tokio::test]
async fn forms_of_other_pages_are_refused() {
    let server = Server::sqlite().await;
    server.register("anna").await;
    let browser = Browser::new(&server);
    let form = "name=anna&password=wonderland";
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let refused = browser.go(Method::POST, "/account/sign-in", origin, form.to_owned()).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin:?}");
    }
    // Nobody is sent elsewhere after signing in.
    for next in ["https://evil.example/", "//evil.example/", "/\\evil.example", "/_matrix/client/versions"] {
        let fields = [("name", "anna"), ("password", "wonderland"), ("next", next)];
        assert_eq!(location(&browser.post("/account/sign-in", &fields).await), "/account", "{next}");
    }
}

#[tokio::test]
async fn pages_speak_both_languages() {
    let server = Server::sqlite().await;
    let browser = Browser::new(&server);
    assert!(browser.get("/account/sign-in").await.body().contains("Sign in"));
    assert_eq!(location(&browser.get("/account/language?to=ru&next=%2Faccount%2Fsign-in").await), "/account/sign-in");
    assert!(browser.get("/account/sign-in").await.body().contains("Войти"));
}

#[tokio::test]
async fn without_passwords_there_is_no_oauth() {
    let server = Server::start(None, |config| config.login.password = false).await;
    let (status, answer) = server.json(Method::GET, "/_matrix/client/v1/auth_metadata", None, &Value::Null).await;
    assert_eq!((status, &answer["errcode"]), (StatusCode::NOT_FOUND, &json!("M_UNRECOGNIZED")));
}

#[tokio::test]
async fn devices_meet_by_a_qr_code() {
    const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
    let server = Server::sqlite().await;
    let call = async |method: Method, path: &str, condition: Option<(header::HeaderName, &str)>, body: &str| {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "text/plain");
        if let Some((name, tag)) = condition {
            request = request.header(name, tag);
        }
        server.call(request.body(Body::from(body.to_owned())).expect("a request")).await
    };
    let tag = |response: &Response<axum::body::Bytes>| response.headers()["etag"].to_str().expect("text").to_owned();
    let made = call(Method::POST, PATH, None, "").await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let url: Value = serde_json::from_slice(made.body()).expect("JSON");
    let url: Url = url["url"].as_str().expect("an address").parse().expect("an address");
    let first = tag(&made);
    let unchanged = call(Method::GET, url.path(), Some((header::IF_NONE_MATCH, &first)), "").await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let written = call(Method::PUT, url.path(), Some((header::IF_MATCH, &first)), "hello").await;
    assert_eq!(written.status(), StatusCode::ACCEPTED);
    let read = call(Method::GET, url.path(), Some((header::IF_NONE_MATCH, &first)), "").await;
    assert_eq!((read.status(), &read.body()[..]), (StatusCode::OK, &b"hello"[..]));
    assert_eq!(tag(&read), tag(&written));
    assert_eq!(read.headers()["content-type"], "text/plain", "as the SDKs compare it");
    let late = call(Method::PUT, url.path(), Some((header::IF_MATCH, &first)), "too late").await;
    assert_eq!(late.status(), StatusCode::PRECONDITION_FAILED);
    let long = call(Method::PUT, url.path(), Some((header::IF_MATCH, &tag(&read))), &"x".repeat(5000)).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(call(Method::DELETE, url.path(), None, "").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(call(Method::GET, url.path(), None, "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn devices_meet_in_json_too() {
    const PATH: &str = "/_matrix/client/unstable/io.element.msc4388/rendezvous";
    let server = Server::sqlite().await;
    let call = async |method: Method, path: &str, body: Value| server.json(method, path, None, &body).await;
    let (_, versions) = call(Method::GET, "/_matrix/client/versions", Value::Null).await;
    assert_eq!(versions["unstable_features"]["io.element.msc4388"], true, "{versions}");
    assert_eq!(call(Method::GET, PATH, Value::Null).await, (StatusCode::OK, json!({ "create_available": true })));
    let stranger = User { token: "nobody's".into(), ..User::signed_in(&Value::Null) };
    server.refused(Method::GET, &stranger, PATH, Value::Null, "M_UNKNOWN_TOKEN").await;
    server.refused(Method::POST, &stranger, PATH, json!({ "data": "" }), "M_UNKNOWN_TOKEN").await;

    let (status, made) = call(Method::POST, PATH, json!({ "data": "" })).await;
    assert_eq!((status, &made["expires_in_ms"]), (StatusCode::OK, &json!(300_000)), "{made}");
    let place = format!("{PATH}/{}", made["id"].as_str().expect("an id"));
    let first = made["sequence_token"].as_str().expect("a token").to_owned();
    let (status, read) = call(Method::GET, &place, Value::Null).await;
    assert_eq!((status, &read["data"], &read["sequence_token"]), (StatusCode::OK, &json!(""), &json!(first)));
    assert!(read["expires_in_ms"].as_i64().is_some_and(|ms| (1..=300_000).contains(&ms)), "{read}");

    let next = |token: &str, data: &str| json!({ "sequence_token": token, "data": data });
    let txn = |name: &str| format!("{place}/{name}");
    let (status, written) = call(Method::PUT, &txn("a"), next(&first, "hello")).await;
    assert_eq!(status, StatusCode::OK, "{written}");
    let second = written["sequence_token"].as_str().expect("a token").to_owned();
    assert_ne!(second, first);
    // A repeated transaction has its first answer, whatever it says now.
    assert_eq!(call(Method::PUT, &txn("a"), next("x", "other")).await, (StatusCode::OK, written));
    for late in [&txn("b"), &txn("b"), &place] {
        let (status, refused) = call(Method::PUT, late, next(&first, "too late")).await;
        let errcode = &json!("IO_ELEMENT_MSC4388_CONCURRENT_WRITE");
        assert_eq!((status, &refused["errcode"]), (StatusCode::CONFLICT, errcode), "{late}");
    }
    assert_eq!(call(Method::GET, &place, Value::Null).await.1["data"], "hello");
    // As the proposal first had it.
    let (status, written) = call(Method::PUT, &place, next(&second, "hello again")).await;
    assert_eq!(status, StatusCode::OK, "{written}");
    let third = written["sequence_token"].as_str().expect("a token").to_owned();
    let browsed = Request::get(&place).header("sec-fetch-mode", "navigate").body(Body::empty()).expect("a request");
    assert_eq!(server.call(browsed).await.status(), StatusCode::FORBIDDEN);
    let long = call(Method::PUT, &txn("c"), next(&third, &"x".repeat(5000))).await;
    assert_eq!((long.0, &long.1["errcode"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("M_TOO_LARGE")));
    assert_eq!(call(Method::PUT, &txn("c"), json!({ "data": "x" })).await.1["errcode"], "M_BAD_JSON");
    for n in 2..50 {
        assert_eq!(call(Method::PUT, &txn(&n.to_string()), next("x", "x")).await.0, StatusCode::CONFLICT, "{n}");
    }
    let (status, refused) = call(Method::PUT, &txn("50"), next(&third, "x")).await;
    assert_eq!((status, &refused["errcode"]), (StatusCode::TOO_MANY_REQUESTS, &json!("M_LIMIT_EXCEEDED")));
    assert_eq!(call(Method::DELETE, &place, Value::Null).await, (StatusCode::OK, json!({})));
    for (method, body) in [(Method::GET, Value::Null), (Method::DELETE, Value::Null), (Method::PUT, next(&third, "x"))]
    {
        assert_eq!(call(method, &place, body).await.1["errcode"], "M_NOT_FOUND");
    }
}
