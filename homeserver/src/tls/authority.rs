//! The server's own certificate authority: made once, kept in the data folder, and installed on people's devices. It vouches
//! for the academy's names, and for what no other network knows; nothing else can be signed with it, should its key be
//! stolen.

use std::{
    fs::{self, Permissions},
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown, lchown},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use tokio_rustls::rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::time::ASN1Time;

use super::{
    DAY,
    certificate::{Certificate, day, load},
    provider,
};
use crate::{clock::Millis, config::Config};

/// How long the authority lasts. At its end every device installs a new one.
const AUTHORITY_LASTS: Millis = 3650 * DAY;
/// How long the server's certificate lasts from now. With [`BACKDATED`] it makes the 397 days that Apple's devices take.
const LASTS: Millis = 396 * DAY;
/// How far clocks of devices may be behind ours.
const BACKDATED: Millis = DAY;
/// How long before its end the server's certificate is made anew.
const EARLY: Millis = 30 * DAY;

/// Domains that the internet never has (RFC 6761, RFC 6762, RFC 8375, and what ICANN has set aside for private use).
const PRIVATE_DOMAINS: [&str; 5] = ["home.arpa", "internal", "lan", "local", "localhost"];
/// Networks that the internet never has (RFC 1918, RFC 3927, RFC 4193, RFC 4291, loopback).
const PRIVATE_NETWORKS: [(IpAddr, u8); 8] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// A certificate authority in a folder.
#[derive(Clone, Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// The server's own, unless there is no TLS or a certificate of somebody else's.
    pub fn of(config: &Config) -> Option<Self> {
        let own = config.tls.enabled() && config.tls.certificate.is_none();
        own.then(|| Self { folder: config.server.data_dir.join("tls") })
    }

    /// The file with its certificate, which devices install.
    pub fn file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The files of the server's certificate and its private key.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("server.pem"), self.folder.join("server.key"))
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("authority.key")
    }

    /// Its certificate.
    pub fn certificate(&self) -> anyhow::Result<Certificate> {
        Certificate::read(&self.file())
    }

    /// Makes the authority if there is none, and the server's certificate if it is missing, ends soon or does not hold for
    /// all names.
    pub fn keep(&self, names: &[String], now: Millis) -> anyhow::Result<()> {
        if !self.file().try_exists()? {
            self.make(names, now)?;
        } else if self.is_right(names, now)? {
            return Ok(());
        }
        self.renew(names, now)
    }

    fn is_right(&self, names: &[String], now: Millis) -> anyhow::Result<bool> {
        let authority = self.certificate()?;
        let (certificate, private_key) = self.server_files();
        // Whatever is wrong with the files, new ones mend it.
        let Ok(shown) = load(&certificate, &private_key) else { return Ok(false) };
        // No certificate outlives its authority: close to its end there is nothing to be won by renewing early.
        let at = if authority.ends - now > EARLY { now + EARLY } else { now };
        Ok(vouches(&authority.der, shown.end_entity_cert()?, names, at).is_ok())
    }

    /// Makes the server's certificate anew.
    pub fn renew(&self, names: &[String], now: Millis) -> anyhow::Result<()> {
        let authority = self.certificate()?;
        ensure!(
            now < authority.ends,
            "The certificate authority ended on {}. parta-server certificate renew --authority makes a new one, which \
             every device has to install.",
            day(authority.ends)
        );
        let file = self.key_file();
        let key = fs::read_to_string(&file).with_context(|| {
            format!(
                "The key {} of the certificate authority cannot be read, bring it back from a backup",
                file.display()
            )
        })?;
        let issuer = Issuer::from_ca_cert_der(&authority.der, KeyPair::from_pem(&key)?)?;
        // No common name: where there are IP addresses alone, many a client takes it for a DNS name, which the authority may
        // not vouch for.
        let subject = (DnType::OrganizationName, "Parta");
        let mut parameters = parameters(subject, names, now, authority.ends.min(now + LASTS))?;
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &issuer)?;
        vouches(&authority.der, certificate.der(), names, now).with_context(|| {
            format!(
                "The certificate authority may not vouch for all of {}. Take out of tls.names what is new, or make a new \
                 authority, which every device has to install: parta-server certificate renew --authority",
                names.join(", ")
            )
        })?;
        let (certificate_file, key_file) = self.server_files();
        write(&key_file, &key.serialize_pem(), 0o600)?;
        write(&certificate_file, &certificate.pem(), 0o644)
    }

    /// Makes a new authority in the place of the one that is there. Devices do not trust it until they have installed it.
    pub fn make(&self, names: &[String], now: Millis) -> anyhow::Result<()> {
        if !self.folder.try_exists()? {
            fs::create_dir_all(&self.folder)?;
            if let Some((user, group)) = owner_to_be(&self.folder)? {
                lchown(&self.folder, Some(user), Some(group))?;
            }
        }
        // People find it by this among a hundred others, and an old one has another day.
        let name = format!("Parta {} {}", names[0], day(now));
        let mut parameters = parameters((DnType::CommonName, name.as_str()), &[], now, now + AUTHORITY_LASTS)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted(names), excluded_subtrees: Vec::new() });
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        // In this order: a key alone is no authority yet.
        write(&self.key_file(), &key.serialize_pem(), 0o600)?;
        write(&self.file(), &certificate.pem(), 0o644)
    }
}

fn parameters(
    (kind, subject): (DnType, &str),
    names: &[String],
    now: Millis,
    ends: Millis,
) -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::new(names)?;
    let mut subject_name = DistinguishedName::new();
    // RFC 5280, appendix A.1: `ub-common-name`.
    subject_name.push(kind, subject.chars().take(64).collect::<String>());
    parameters.distinguished_name = subject_name;
    parameters.not_before = ASN1Time::from_timestamp((now - BACKDATED) / 1000)?.to_datetime();
    parameters.not_after = ASN1Time::from_timestamp(ends / 1000)?.to_datetime();
    Ok(parameters)
}

/// What the authority may vouch for: the server's names with all below them, and what is private to any network, so that a
/// further name of that kind needs no new authority.
fn permitted(names: &[String]) -> Vec<GeneralSubtree> {
    let subnet = |address, prefix| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix));
    let own = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(address) => subnet(address, if address.is_ipv4() { 32 } else { 128 }),
        Err(_) => GeneralSubtree::DnsName(name.clone()),
    });
    let domains = PRIVATE_DOMAINS.into_iter().map(|domain| GeneralSubtree::DnsName(domain.to_owned()));
    let networks = PRIVATE_NETWORKS.into_iter().map(|(address, prefix)| subnet(address, prefix));
    own.chain(domains).chain(networks).collect()
}

/// Whether a client that trusts the authority takes this certificate at a time, for every one of the names.
fn vouches(
    authority: &CertificateDer<'_>,
    shown: &CertificateDer<'_>,
    names: &[String],
    at: Millis,
) -> anyhow::Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider())).build()?;
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.max(0) as u64));
    for name in names {
        verifier.verify_server_cert(shown, &[], &ServerName::try_from(name.as_str())?, &[], at)?;
    }
    Ok(())
}

/// Writes a file, whole or not at all.
fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let attempt = || {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
        new.write_all(text.as_bytes())?;
        if let Some((user, group)) = owner_to_be(new.path())? {
            fchown(new.as_file(), Some(user), Some(group))?;
        }
        new.as_file().sync_all()?;
        new.persist(file)?;
        anyhow::Ok(())
    };
    attempt().with_context(|| format!("{} cannot be written", file.display()))
}

/// Whom to give what is written here: the command line is often root's, the server never is, and must read what either has
/// written. No link is followed where it is given: whoever has the folder could let it lead to anything of root's.
fn owner_to_be(path: &Path) -> std::io::Result<Option<(u32, u32)>> {
    let folder = fs::metadata(path.parent().unwrap_or(Path::new(".")))?;
    let is_roots = fs::symlink_metadata(path)?.uid() == 0;
    Ok((is_roots && folder.uid() != 0).then(|| (folder.uid(), folder.gid())))
}
