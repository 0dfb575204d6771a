//! TLS: the certificate that clients are shown, looked after while the server runs.

mod authority;
mod certificate;

pub use authority::Authority;
pub use certificate::{Certificate, day};

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use crate::{
    clock::{Clock, Millis},
    config::Config,
};

const DAY: Millis = 24 * 60 * 60 * 1000;
/// How often to look whether the certificate is due or was replaced.
const LOOK: Duration = Duration::from_mins(1);
/// What the other side may choose from, HTTP/2 first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// HTTP/2, as TLS calls it.
pub const HTTP_2: &[u8] = b"h2";

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// The files of the certificate that clients are shown, and of its private key. None where there is no TLS.
pub fn files(config: &Config) -> Option<(PathBuf, PathBuf)> {
    match Authority::of(config) {
        Some(authority) => Some(authority.server_files()),
        None if config.tls.enabled() => config.tls.certificate.clone().zip(config.tls.private_key.clone()),
        None => None,
    }
}

/// The certificate that clients are shown.
pub struct Keeper {
    authority: Option<Authority>,
    certificate: PathBuf,
    private_key: PathBuf,
    names: Vec<String>,
    clock: Clock,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Makes what is missing and reads the certificate. None where there is no TLS.
    ///
    /// # Errors
    ///
    /// Nothing can be shown. A certificate that clients will not like is better than none, and logged.
    pub fn start(config: &Config, clock: Clock) -> anyhow::Result<Option<Self>> {
        let Some((certificate, private_key)) = files(config) else { return Ok(None) };
        let authority = Authority::of(config);
        let names = config.certificate_names();
        let kept = authority.as_ref().map_or(Ok(()), |authority| authority.keep(&names, clock.now()));
        let shown = match (certificate::load(&certificate, &private_key), kept) {
            (Ok(shown), Ok(())) => shown,
            (Ok(shown), Err(error)) => {
                tracing::error!(error = format!("{error:#}"), "the certificate could not be renewed");
                shown
            }
            (Err(error), Ok(())) | (Err(_), Err(error)) => return Err(error),
        };
        let shown = RwLock::new(Arc::new(shown));
        let keeper = Self { authority, certificate, private_key, names, clock, shown };
        keeper.tell()?;
        Ok(Some(keeper))
    }

    /// How TLS is spoken.
    pub fn server_config(self: &Arc<Self>) -> anyhow::Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }

    /// What clients are shown now.
    pub fn shown(&self) -> Arc<CertifiedKey> {
        self.shown.read().clone()
    }

    /// Looks after the certificate until the server stops.
    pub async fn run(self: Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tick.tick().await;
            let keeper = self.clone();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || keeper.look()).await {
                tracing::error!(error = format!("{error:#}"), "the certificate stays as it is");
            }
        }
    }

    /// Renews what is the server's own and due, and takes what has changed. Says whether it took anything.
    pub fn look(&self) -> anyhow::Result<bool> {
        if let Some(authority) = &self.authority {
            authority.keep(&self.names, self.clock.now())?;
        }
        let found = certificate::load(&self.certificate, &self.private_key)?;
        if found.cert == self.shown().cert {
            return Ok(false);
        }
        *self.shown.write() = Arc::new(found);
        self.tell()?;
        Ok(true)
    }

    fn tell(&self) -> anyhow::Result<()> {
        let certificate = Certificate::parse(self.shown().end_entity_cert()?)?;
        metrics::gauge!("parta_tls_certificate_end_seconds").set(certificate.ends as f64 / 1000.0);
        tracing::info!(names = certificate.names.join(" "), ends = day(certificate.ends), "showing this certificate");
        for problem in certificate.problems(&self.names, self.clock.now()) {
            tracing::warn!(problem, "clients will not like the certificate");
        }
        Ok(())
    }
}

impl ResolvesServerCert for Keeper {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }
}
