//! The way to the server: a proxy and further certificate authorities, as the person chose them on this computer, or as an
//! administrator did.

use std::{path::Path, time::Duration};

use matrix_sdk::{
    ClientBuilder,
    reqwest::{self, Certificate},
};

use crate::preset::{Computer, Proxy};

/// A builder that goes the way chosen. The choices are read anew for each client, so they hold from the next sign-in or
/// start on. One that cannot be kept is left out: the session must not be lost for a lost file, and without an authority
/// nobody is trusted who would not be otherwise.
pub(super) fn builder(computer: &Computer) -> ClientBuilder {
    let settings = computer.settings();
    let files = settings.authorities(&computer.data_dir);
    let certificates = files.iter().flat_map(|file| certificates(file)).collect();
    let builder = matrix_sdk::Client::builder();
    match settings.proxy() {
        // The SDK's own client always heeds the system's proxy.
        Some(Proxy::None) => match direct(certificates) {
            Ok(client) => builder.http_client(client),
            Err(error) => {
                tracing::warn!(%error, "no client without a proxy");
                builder
            }
        },
        Some(Proxy::Address(address)) => builder.add_root_certificates(certificates).proxy(address),
        None => builder.add_root_certificates(certificates),
    }
}

fn direct(certificates: Vec<Certificate>) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent("parta")
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .timeout(Duration::from_secs(30))
        .tls_certs_merge(certificates)
        .no_proxy()
        .build()
}

/// The certificate authorities of a file, PEM or DER.
fn certificates(path: &Path) -> Vec<Certificate> {
    let found = std::fs::read(path).ok().and_then(|bytes| parse(&bytes));
    found.unwrap_or_else(|| {
        tracing::warn!(file = %path.display(), "certificate authorities cannot be read");
        Vec::new()
    })
}

/// At least one certificate, or nothing.
fn parse(bytes: &[u8]) -> Option<Vec<Certificate>> {
    let found = match Certificate::from_pem_bundle(bytes) {
        Ok(found) if !found.is_empty() => found,
        // A client takes any bytes for DER until it is built.
        _ if bytes.first() == Some(&0x30) => vec![Certificate::from_der(bytes).ok()?],
        _ => return None,
    };
    reqwest::Client::builder().tls_certs_merge(found.clone()).build().ok().map(|_| found)
}

/// Whether these bytes are certificate authorities.
pub(crate) fn are_authorities(bytes: &[u8]) -> bool {
    parse(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        preset::Preset,
        settings::{ProxyChoice, Settings},
    };

    #[test]
    fn what_is_no_certificate_is_not_taken_for_one() {
        assert!(!are_authorities(b""));
        assert!(!are_authorities(b"hello"));
        assert!(!are_authorities(b"0\x82"));
        assert!(!are_authorities(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    }

    #[tokio::test]
    async fn a_session_outlives_a_lost_file_and_a_broken_address() {
        let dir = tempfile::tempdir().unwrap();
        let computer = Computer { data_dir: dir.path().to_path_buf(), preset: Preset::default() };
        let mut settings = Settings::default();
        settings.network.authorities = Some("school.pem".into());
        settings.network.address = "nonsense".into();
        for proxy in [ProxyChoice::System, ProxyChoice::None, ProxyChoice::Address] {
            settings.network.proxy = proxy;
            settings.save(dir.path());
            assert!(builder(&computer).homeserver_url("http://127.0.0.1:1").build().await.is_ok(), "{proxy:?}");
        }
    }
}
