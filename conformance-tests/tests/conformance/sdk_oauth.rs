//! Signing in by OAuth 2.0 through matrix-sdk, as Element X does: in a browser, and by a QR code on a second device.

use futures_util::StreamExt as _;
use matrix_sdk::Client;
use matrix_sdk::authentication::oauth::ClientRegistrationData;
use matrix_sdk::authentication::oauth::qrcode::{GeneratedQrProgress, GrantLoginProgress, LoginProgress, QrProgress};
use matrix_sdk::authentication::oauth::registration::{ApplicationType, ClientMetadata, Localized, OAuthGrantType};
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::utils::UrlOrQuery;
use tokio::sync::mpsc;
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use crate::api::{Homeserver, PASSWORD};

on_both_engines![a_person_signs_in_by_a_browser_and_a_second_device_by_a_qr_code];

const BACK: &str = "org.example.chat:/back";

fn metadata() -> ClientRegistrationData {
    let address = Localized::new("https://example.org/".parse().expect("an address"), []);
    let redirect_uris = vec![BACK.parse().expect("an address")];
    let grants = vec![OAuthGrantType::AuthorizationCode { redirect_uris }, OAuthGrantType::DeviceCode];
    let mut metadata = ClientMetadata::new(ApplicationType::Native, grants, address);
    metadata.client_name = Some(Localized::new("Chat".to_owned(), []));
    Raw::new(&metadata).expect("JSON").into()
}

async fn client(hs: &Homeserver) -> Client {
    let builder = Client::builder().homeserver_url(&hs.base).handle_refresh_tokens();
    builder.build().await.expect("the SDK finds the server")
}

/// A browser in which somebody is signed in: it keeps the cookie, and goes nowhere by itself.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Browser {
    async fn sign_in(hs: &Homeserver, name: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let mut browser = Self { http, base: hs.base.clone(), cookie: String::new() };
        let fields = [("name", name), ("password", PASSWORD), ("next", "/account")];
        let answer = browser.post("/account/sign-in", &fields).await;
        assert_eq!(answer.status(), 303, "the person signs in");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        cookie.split(';').next().unwrap_or_default().clone_into(&mut browser.cookie);
        browser
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("origin", &self.base).body(form).send().await.expect("an answer")
    }

    /// Allows what a page asks for.
    async fn allow(&self, page: &Url) -> reqwest::Response {
        let shown = self.http.get(page.clone()).header("cookie", &self.cookie).send().await.expect("an answer");
        assert_eq!(shown.status(), 200, "{page} is shown");
        assert!(shown.text().await.expect("a page").contains("Chat"), "the program is named");
        let mut fields: Vec<_> = parse(page.query().unwrap_or_default().as_bytes()).into_owned().collect();
        fields.push(("decision".to_owned(), "allow".to_owned()));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(page.path(), &fields).await
    }
}

async fn a_person_signs_in_by_a_browser_and_a_second_device_by_a_qr_code(hs: Homeserver) {
    let nina = hs.user("nina").await;
    let browser = Browser::sign_in(&hs, &nina.id).await;
    let phone = client(&hs).await;
    let back = BACK.parse().expect("an address");
    let asked = phone.oauth().login(back, None, Some(metadata()), None).build().await.expect("the client registers");
    let answer = browser.allow(&asked.url).await;
    let back: Url = answer.headers()["location"].to_str().expect("text").parse().expect("an address");
    phone.oauth().finish_login(UrlOrQuery::from(back)).await.expect("the client is let in");
    assert_eq!(phone.user_id().map(ToString::to_string), Some(nina.id));
    phone.encryption().wait_for_e2ee_initialization_tasks().await;
    phone.sync_once(matrix_sdk::config::SyncSettings::default()).await.expect("a sync");
    phone.encryption().bootstrap_cross_signing(None).await.expect("the first keys need no password");

    // The second device shows a code, the first one scans it, and the person confirms in the browser.
    let tablet = client(&hs).await;
    let (oauth, registration) = (tablet.oauth(), metadata());
    let signing_in = oauth.login_with_qr_code(Some(&registration)).generate();
    let mut shown = signing_in.subscribe_to_progress();
    let (codes, mut scanned) = mpsc::channel(1);
    let (senders, mut wants_check) = mpsc::channel(1);
    let showing = async {
        while let Some(progress) = shown.next().await {
            match progress {
                LoginProgress::EstablishingSecureChannel(GeneratedQrProgress::QrReady(code)) => {
                    codes.send(code).await.expect("somebody scans");
                }
                LoginProgress::EstablishingSecureChannel(GeneratedQrProgress::QrScanned(sender)) => {
                    senders.send(sender).await.expect("somebody types");
                }
                LoginProgress::Done => break,
                _ => {}
            }
        }
    };
    let granting = async {
        let code = scanned.recv().await.expect("a code");
        let oauth = phone.oauth();
        let granting = oauth.grant_login_with_qr_code().scan(&code);
        let mut progress = granting.subscribe_to_progress();
        let helping = async {
            while let Some(progress) = progress.next().await {
                match progress {
                    GrantLoginProgress::EstablishingSecureChannel(QrProgress { check_code }) => {
                        let sender = wants_check.recv().await.expect("the tablet asks");
                        sender.send(check_code.to_digit()).await.expect("the tablet waits");
                    }
                    GrantLoginProgress::WaitingForAuth { verification_uri } => {
                        assert_eq!(browser.allow(&verification_uri).await.status(), 200, "it is allowed");
                    }
                    GrantLoginProgress::Done => break,
                    _ => {}
                }
            }
        };
        let granting = async { granting.await.expect("the second device is let in") };
        tokio::join!(granting, helping);
    };
    let signing_in = async { signing_in.await.expect("the second device signs in") };
    tokio::join!(signing_in, showing, granting);
    assert_eq!(tablet.user_id(), phone.user_id());
    assert_ne!(tablet.device_id(), phone.device_id());
    let status = tablet.encryption().cross_signing_status().await.expect("keys");
    assert!(status.is_complete(), "the secrets came along: {status:?}");

    let token = phone.access_token().expect("a token");
    // The SDK itself signs out over TLS alone.
    let oauth = phone.oauth();
    let client_id = oauth.client_id().expect("a client").as_str();
    let signed_out = browser.post("/oauth2/revoke", &[("token", &token), ("client_id", client_id)]).await;
    assert_eq!(signed_out.status(), 200, "the phone signs out");
    let whoami = hs.request(reqwest::Method::GET, "/_matrix/client/v3/account/whoami").bearer_auth(&token);
    hs.answer(whoami).await.fails(401, "M_UNKNOWN_TOKEN");
}
