//! TLS: the server's own certificate authority, certificates of one's own, and what people are told.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use axum::{body::Body, extract::ConnectInfo};
use homeserver::{
    backup,
    clock::Clock,
    config::{Config, Database, Server as ServerConfig},
    tls::{Authority, Certificate, Keeper},
};
use http::{Method, Request, StatusCode, header, uri::Scheme};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::server::Server;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// 2026-09-01
const SEPTEMBER: i64 = 1_788_220_800_000;

/// A server with TLS, on a folder.
fn config(folder: &Path, adjust: impl FnOnce(&mut Config)) -> Config {
    let name = "parta.school".try_into().unwrap();
    let server = ServerConfig::new(name, "127.0.0.1:0".parse().unwrap(), folder.to_owned());
    let mut config = Config::dev(server, Database::default());
    config.tls.listen = vec!["127.0.0.1:443".parse().unwrap()];
    adjust(&mut config);
    config
}

fn start(config: &Config, clock: &Clock) -> Arc<Keeper> {
    Arc::new(Keeper::start(config, clock.clone()).unwrap().unwrap())
}

/// What a keeper shows, as people read it.
fn shown(keeper: &Keeper) -> Certificate {
    Certificate::parse(keeper.shown().end_entity_cert().unwrap()).unwrap()
}

/// Replaces a certificate of one's own and its key by new ones for a name.
fn write_own(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    fs::write(folder.join("own.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("own.key"), made.signing_key.serialize_pem()).unwrap();
}

fn with_own(folder: &Path) -> Config {
    config(folder, |config| {
        config.tls.certificate = Some(folder.join("own.pem"));
        config.tls.private_key = Some(folder.join("own.key"));
    })
}

#[test]
fn an_authority_is_made_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (config, clock) = (config(folder.path(), |_| {}), Clock::manual(SEPTEMBER));
    let first = shown(&start(&config, &clock));
    let files = ["authority.pem", "authority.key", "server.pem", "server.key"].map(|name| {
        let file = folder.path().join("tls").join(name);
        (fs::read(&file).unwrap(), file)
    });
    for name in ["authority.key", "server.key"] {
        let mode = fs::metadata(folder.path().join("tls").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    clock.advance(100 * DAY);
    let keeper = start(&config, &clock);
    assert!(!keeper.look().unwrap());
    for (before, file) in &files {
        assert!(fs::read(file).unwrap() == *before, "{} has changed", file.display());
    }
    assert_eq!(first.names, ["parta.school"]);
    assert!(first.ends - first.begins <= 397 * DAY, "Apple's devices take no more");
    assert!(first.problems(&config.certificate_names(), clock.now()).is_empty());
    assert!(!format!("{keeper:?}").contains("PRIVATE"));
}

#[test]
fn a_certificate_is_renewed_before_it_ends_and_when_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let (config, clock) = (config(folder.path(), |_| {}), Clock::manual(SEPTEMBER));
    let keeper = start(&config, &clock);
    let authority = Authority::of(&config).unwrap();
    let (first, trusted) = (shown(&keeper), authority.certificate().unwrap().fingerprint());
    clock.advance(365 * DAY);
    assert!(!keeper.look().unwrap());
    clock.advance(2 * DAY);
    assert!(keeper.look().unwrap(), "less than thirty days are left");
    let second = shown(&keeper);
    assert!(second.ends > first.ends && second.fingerprint() != first.fingerprint());
    let (certificate, _) = authority.server_files();
    fs::write(certificate, "a power cut").unwrap();
    assert!(keeper.look().unwrap());
    assert_ne!(shown(&keeper).fingerprint(), second.fingerprint());
    assert_eq!(authority.certificate().unwrap().fingerprint(), trusted);
    // After its end nothing is made that nobody would take; what there is stays.
    clock.advance(3650 * DAY);
    assert!(keeper.look().unwrap_err().to_string().contains("renew --authority"));
}

#[test]
fn an_authority_vouches_for_further_names_that_are_private_and_for_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(SEPTEMBER);
    start(&config(folder.path(), |_| {}), &clock);
    let trusted = fs::read(folder.path().join("tls/authority.pem")).unwrap();
    let names = ["chat.parta.school", "parta.local", "192.168.1.10", "fd00::1"].map(str::to_owned);
    let more = config(folder.path(), |config| config.tls.names = names.to_vec());
    let certificate = shown(&start(&more, &clock));
    assert!(names.iter().all(|name| certificate.holds_for(name)), "{:?}", certificate.names);
    // The server goes on with what it has, and the command line says what to do.
    let elsewhere = config(folder.path(), |config| config.tls.names = vec!["bank.example".to_owned()]);
    let certificate = shown(&start(&elsewhere, &clock));
    assert!(certificate.holds_for("parta.school") && !certificate.holds_for("bank.example"));
    let problems = certificate.problems(&elsewhere.certificate_names(), clock.now());
    assert!(matches!(&problems[..], [one] if one.contains("bank.example")), "{problems:?}");
    let authority = Authority::of(&elsewhere).unwrap();
    let refused = authority.renew(&elsewhere.certificate_names(), clock.now()).unwrap_err();
    assert!(refused.to_string().contains("renew --authority"), "{refused}");
    assert!(fs::read(authority.file()).unwrap() == trusted);
    authority.make(&elsewhere.certificate_names(), clock.now()).unwrap();
    assert!(shown(&start(&elsewhere, &clock)).holds_for("bank.example"));
}

#[test]
fn a_server_that_is_known_by_its_address_alone_has_no_common_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), |config| config.server.name = "192.168.1.10".try_into().unwrap());
    let certificate = shown(&start(&config, &Clock::manual(SEPTEMBER)));
    assert!(certificate.holds_for("192.168.1.10"));
    // OpenSSL takes it for a DNS name, and the authority's constraints let no such one through.
    assert!(!certificate.subject.contains("CN="), "{}", certificate.subject);
}

#[test]
fn files_of_ones_own_are_taken_when_they_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    write_own(folder.path(), "parta.school");
    let (config, clock) = (with_own(folder.path()), Clock::system());
    assert!(Authority::of(&config).is_none());
    let keeper = start(&config, &clock);
    let first = shown(&keeper).fingerprint();
    assert!(!keeper.look().unwrap());
    write_own(folder.path(), "parta.school");
    assert!(keeper.look().unwrap());
    let second = shown(&keeper).fingerprint();
    assert_ne!(first, second);
    // Half of a replacement is not taken, and said.
    fs::write(folder.path().join("own.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let error = keeper.look().unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
    assert_eq!(shown(&keeper).fingerprint(), second);
    assert!(!folder.path().join("tls").exists());
}

#[test]
fn mistakes_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = with_own(folder.path());
    let refused = || format!("{:#}", Keeper::start(&config, Clock::system()).unwrap_err());
    assert!(refused().contains("own.pem cannot be read"), "{}", refused());
    write_own(folder.path(), "other.school");
    fs::write(folder.path().join("own.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").unwrap();
    assert!(refused().contains("own.key"), "{}", refused());
    fs::write(folder.path().join("own.pem"), "binary").unwrap();
    assert!(refused().contains("no certificate in"), "{}", refused());
    // What only clients mind is no reason not to start.
    write_own(folder.path(), "other.school");
    let problems = shown(&start(&config, &Clock::system())).problems(&config.certificate_names(), 0);
    assert!(problems.iter().any(|problem| problem.contains("parta.school")), "{problems:?}");
}

#[tokio::test]
async fn an_authority_comes_back_with_a_backup() {
    let server = Server::start(None, |config| config.tls.listen = vec!["127.0.0.1:443".parse().unwrap()]).await;
    start(&server.app.config, &Clock::system());
    let trusted = fs::read(Authority::of(&server.app.config).unwrap().file()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = backup::create(&server.app.config, None, folder.path(), &Clock::system()).await.unwrap();
    assert_eq!(fs::metadata(&made.file).unwrap().permissions().mode() & 0o077, 0, "it holds the authority's key");
    let into = folder.path().join("restored");
    backup::restore(&made.file, &into, false, &Clock::system()).await.unwrap();
    let mut config = server.app.config.clone();
    config.server.data_dir.clone_from(&into);
    let certificate = shown(&start(&config, &Clock::system()));
    assert!(fs::read(into.join("tls/authority.pem")).unwrap() == trusted);
    assert!(certificate.holds_for("parta.test"));
}

async fn page(server: &Server, path: &str, language: &str) -> (StatusCode, String, String) {
    let request = Request::get(path).header(header::ACCEPT_LANGUAGE, language);
    let response = server.call(request.body(Body::empty()).unwrap()).await;
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (response.status(), kind, String::from_utf8(response.body().to_vec()).unwrap())
}

#[tokio::test]
async fn people_find_the_authority_and_how_to_install_it() {
    let server = Server::start(None, |config| {
        config.tls.listen = vec!["127.0.0.1:8443".parse().unwrap()];
        config.login.password = false;
    })
    .await;
    start(&server.app.config, &Clock::system());
    let authority = Authority::of(&server.app.config).unwrap().certificate().unwrap();
    let (status, kind, pem) = page(&server, "/authority.crt", "ru").await;
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/x-x509-ca-cert"));
    assert_eq!(Certificate::from_pem(pem.as_bytes()).unwrap().fingerprint(), authority.fingerprint());
    for (language, word) in [("ru", "Установите сертификат"), ("en", "Install the certificate")] {
        let (status, _, html) = page(&server, "/authority", language).await;
        assert_eq!(status, StatusCode::OK);
        for wanted in [word, "/authority.crt", &authority.fingerprint()] {
            assert!(html.contains(wanted), "{wanted} is not in {html}");
        }
    }
    let (_, told) = server.json(Method::GET, "/.well-known/matrix/client", None, &Value::Null).await;
    assert_eq!(told["m.homeserver"]["base_url"], "https://parta.test:8443");
}

#[tokio::test]
async fn there_is_no_authority_where_the_server_is_none() {
    let server = Server::sqlite().await;
    for path in ["/authority", "/authority.crt"] {
        let (status, answer) = server.json(Method::GET, path, None, &Value::Null).await;
        assert_eq!((status, &answer["errcode"]), (StatusCode::NOT_FOUND, &json!("M_NOT_FOUND")), "{path}");
    }
}

#[tokio::test]
async fn who_signs_in_by_tls_has_a_cookie_for_tls_alone() {
    let server = Server::sqlite().await;
    server.register("anna").await;
    for (scheme, secure) in [(Scheme::HTTP, false), (Scheme::HTTPS, true)] {
        let request = Request::post("/account/sign-in")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .extension(scheme)
            .body(Body::from("name=anna&password=wonderland"));
        let response = server.call(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    }
}

#[tokio::test]
async fn who_opens_a_page_in_plain_is_sent_to_tls() {
    let server = Server::start(None, |config| {
        config.tls.listen = vec!["127.0.0.1:8443".parse().unwrap()];
        config.server.trusted_proxies = vec!["10.0.0.2".parse().unwrap()];
    })
    .await;
    for (scheme, peer, sent) in [
        (Scheme::HTTP, "10.0.0.9:4711", true),
        (Scheme::HTTPS, "10.0.0.9:4711", false),
        (Scheme::HTTP, "10.0.0.2:4711", false),
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/account/sign-in?next=%2Faccount").extension(scheme.clone());
        let response = server.call(request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()).await;
        let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap());
        let tls = "https://parta.test:8443/account/sign-in?next=%2Faccount";
        assert_eq!(location, sent.then_some(tls), "{scheme} from {peer}");
    }
}

#[tokio::test]
async fn a_page_in_plain_sends_no_form_by_tls() {
    let server = Server::sqlite().await;
    server.register("anna").await;
    for (scheme, origin, status) in [
        (Scheme::HTTPS, "https://parta.test", StatusCode::SEE_OTHER),
        (Scheme::HTTPS, "http://parta.test", StatusCode::FORBIDDEN),
        (Scheme::HTTP, "http://parta.test", StatusCode::SEE_OTHER),
        (Scheme::HTTP, "http://other.test", StatusCode::FORBIDDEN),
    ] {
        let request = Request::post("/account/sign-in")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::HOST, "parta.test")
            .header(header::ORIGIN, origin)
            .extension(scheme.clone())
            .body(Body::from("name=anna&password=wonderland"));
        assert_eq!(server.call(request.unwrap()).await.status(), status, "{scheme}: {origin}");
    }
}
