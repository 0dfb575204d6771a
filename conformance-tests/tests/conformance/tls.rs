//! TLS by the server's own certificate authority, as a client that has installed it sees it.

use std::net::SocketAddr;

use reqwest::{Certificate, Client};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::api::PATIENCE;
use crate::harness::{Engine, SERVER_NAME, Server, Setup, free_port};

on_both_engines_alone![who_trusts_the_authority_is_served, what_is_no_tls_stops_nobody];

const VERSIONS: &str = "/_matrix/client/versions";

/// A server with TLS, and where it listens for that.
struct Tls {
    server: Server,
    address: SocketAddr,
}

impl Tls {
    async fn start(engine: Engine, limits: &str) -> Self {
        let mut setup = Setup::new(engine);
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let database = setup.database.as_ref().map(|url| format!("url = {url:?}")).unwrap_or_default();
        let text = format!(
            "[server]\nname = {SERVER_NAME:?}\nlisten = \"127.0.0.1:{}\"\ndata_dir = \"{}\"\n\
             [database]\n{database}\n\
             [tls]\nlisten = [\"{address}\"]\nnames = [\"127.0.0.1\"]\n\
             [limits]\n{limits}\n",
            setup.port,
            setup.data.path().display()
        );
        let file = setup.data.path().join("parta.toml");
        std::fs::write(&file, text).unwrap();
        setup.config = Some(file);
        Self { server: setup.start().await, address }
    }

    /// The authority, as a device downloads it.
    async fn authority(&self) -> Certificate {
        let plain = Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/authority.crt", self.server.setup.base());
        let response = plain.get(url).send().await.unwrap().error_for_status().unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-x509-ca-cert");
        Certificate::from_pem(&response.bytes().await.unwrap()).unwrap()
    }

    /// A client that trusts this authority and no other.
    fn client(&self, authority: Certificate) -> Client {
        let builder = Client::builder().no_proxy().resolve(SERVER_NAME, self.address).pool_max_idle_per_host(0);
        builder.tls_certs_only([authority]).build().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{SERVER_NAME}:{}{path}", self.address.port())
    }
}

async fn who_trusts_the_authority_is_served(engine: Engine) {
    let server = Tls::start(engine, "").await;
    let authority = server.authority().await;
    let client = server.client(authority.clone());
    let response = client.get(server.url(VERSIONS)).send().await.unwrap().error_for_status().unwrap();
    // The client here knows HTTP/2 where matrix-sdk has it taught.
    if cfg!(feature = "sdk") {
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
    }
    // By its address it is the same server.
    client.get(format!("https://{}{VERSIONS}", server.address)).send().await.unwrap().error_for_status().unwrap();

    let base = server.url("");
    let told: Value =
        client.get(format!("{base}/.well-known/matrix/client")).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["m.homeserver"]["base_url"], base);
    let metadata = client.get(format!("{base}/_matrix/client/v1/auth_metadata")).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["issuer"], format!("{base}/"));

    // An authority of the same name that somebody else has made is none.
    let other = Tls::start(engine, "").await;
    let misled = server.client(other.authority().await);
    let error = misled.get(server.url(VERSIONS)).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");

    // The authority outlives a restart.
    let Tls { server: mut process, address } = server;
    process.terminate().await;
    process.start_again().await;
    let server = Tls { server: process, address };
    server.client(authority).get(server.url(VERSIONS)).send().await.unwrap().error_for_status().unwrap();
}

async fn what_is_no_tls_stops_nobody(engine: Engine) {
    let server = Tls::start(engine, "header_seconds = 1").await;
    let client = server.client(server.authority().await);
    let mut others = Vec::new();
    // Says nothing; begins a handshake and stands still; speaks plainly.
    for first in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nHost: hs1\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(first).await.unwrap();
        others.push(stream);
    }
    client.get(server.url(VERSIONS)).send().await.unwrap().error_for_status().unwrap();
    for mut stream in others {
        // An alert or nothing at all: either way it ends.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("the server ends it");
    }
    client.get(server.url(VERSIONS)).send().await.unwrap().error_for_status().unwrap();
}
