//! A certificate as clients are shown it, and as people read it.

use std::{net::IpAddr, path::Path};

use anyhow::{Context as _, anyhow, ensure};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    self,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use x509_parser::extensions::GeneralName;

use super::{DAY, provider};
use crate::clock::Millis;

/// How long before its end a certificate is worth a word.
const SOON: Millis = 30 * DAY;

/// What is to be known of a certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The names and IP addresses that it holds for.
    pub names: Vec<String>,
    /// Whose it is.
    pub subject: String,
    /// Who has signed it.
    pub issuer: String,
    /// From when it is valid.
    pub begins: Millis,
    /// Until when.
    pub ends: Millis,
    pub(super) der: CertificateDer<'static>,
}

impl Certificate {
    /// The first certificate of a PEM file.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::from_pem(&pem).with_context(|| format!("{} cannot be used", file.display()))
    }

    /// The certificate that is shown, once its private key was found to fit it.
    pub fn checked(certificate: &Path, private_key: &Path) -> anyhow::Result<Self> {
        Self::parse(load(certificate, private_key)?.end_entity_cert()?)
    }

    /// The first certificate in PEM.
    pub fn from_pem(pem: &[u8]) -> anyhow::Result<Self> {
        Self::parse(&CertificateDer::from_pem_slice(pem)?)
    }

    /// What a certificate says.
    pub fn parse(der: &CertificateDer<'_>) -> anyhow::Result<Self> {
        let (_, x509) = x509_parser::parse_x509_certificate(der).map_err(|e| anyhow!("this is no certificate: {e}"))?;
        let alternatives = x509.subject_alternative_name()?;
        let names = alternatives.iter().flat_map(|names| &names.value.general_names).filter_map(written).collect();
        Ok(Self {
            names,
            subject: x509.subject().to_string(),
            issuer: x509.issuer().to_string(),
            begins: x509.validity().not_before.timestamp() * 1000,
            ends: x509.validity().not_after.timestamp() * 1000,
            der: der.clone().into_owned(),
        })
    }

    /// Whether clients that know the server by this name or IP address take the certificate.
    pub fn holds_for(&self, name: &str) -> bool {
        let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&self.der), ServerName::try_from(name)) else {
            return false;
        };
        verify_server_name(&parsed, &name).is_ok()
    }

    /// The SHA-256 of the certificate as programs and phones show it: what people compare.
    pub fn fingerprint(&self) -> String {
        let pairs: Vec<String> = Sha256::digest(&self.der).iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// What clients will not like about it, each in a sentence.
    pub fn problems(&self, names: &[String], now: Millis) -> Vec<String> {
        let mut problems = Vec::new();
        if now < self.begins {
            problems.push(format!("It is valid from {} only. Is the clock of this machine right?", day(self.begins)));
        }
        if now >= self.ends {
            problems.push(format!("It ended on {}.", day(self.ends)));
        } else if now >= self.ends - SOON {
            problems.push(format!("It ends on {}.", day(self.ends)));
        }
        for name in names.iter().filter(|name| !self.holds_for(name)) {
            problems.push(format!("It does not hold for {name}, but for: {}.", self.names.join(", ")));
        }
        problems
    }
}

/// A name as people write it; others than those of servers are left out.
fn written(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from).ok();
            let address = four.or_else(|| <[u8; 16]>::try_from(*bytes).map(IpAddr::from).ok())?;
            Some(address.to_string())
        }
        _ => None,
    }
}

/// The day of a time, in UTC.
pub fn day(time: Millis) -> String {
    Timestamp::from_millisecond(time).map_or_else(|_| time.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// Reads a certificate, those between it and its authority, and its private key, from PEM files.
///
/// # Errors
///
/// Every error says which file it is about and what to do.
pub(super) fn load(certificate: &Path, private_key: &Path) -> anyhow::Result<CertifiedKey> {
    let (shown, secret) = (certificate.display(), private_key.display());
    let pem = std::fs::read(certificate).with_context(|| format!("the certificate {shown} cannot be read"))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("the certificate {shown} is damaged"))?;
    ensure!(
        !chain.is_empty(),
        "there is no certificate in {shown}: one begins with -----BEGIN CERTIFICATE-----, and openssl x509 -inform der \
         -in {shown} shows a binary one so"
    );
    let pem = std::fs::read(private_key).with_context(|| format!("the private key {secret} cannot be read"))?;
    let key = PrivateKeyDer::from_pem_slice(&pem).with_context(|| {
        format!("there is no private key in {secret}, or it has a passphrase; openssl pkey -in {secret} takes that off")
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => anyhow!(
            "the private key {secret} does not fit the first certificate in {shown}: take the key that it was asked for \
             with, and write the server's own certificate before its authority's"
        ),
        error => anyhow!(error).context(format!("{shown} and {secret} cannot be used")),
    })
}
