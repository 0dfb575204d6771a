//! Fetching what a stranger names. The resolver hands out allowed addresses only, and those are the ones that are
//! connected to, so a name that changes its address between check and use gains nothing; every redirect is checked anew.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::header;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use url::{Host, Url};

const MAX_REDIRECTS: usize = 4;
/// For a page and all its redirects.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0} may not be fetched")]
    Forbidden(Url),
    #[error("too many redirects")]
    Redirects,
    #[error("the answer was {0}")]
    Status(http::StatusCode),
    #[error("it took too long")]
    Slow,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Where it came from in the end.
    pub(super) url: Url,
    /// What the server says that it is.
    pub(super) content_type: String,
    /// The bytes, as many as were allowed.
    pub(super) bytes: Bytes,
    /// Whether there was more.
    pub(super) cut: bool,
}

impl Fetched {
    /// The content type without its parameters.
    pub(super) fn essence(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }
}

/// A client that resolves names to allowed addresses only, follows no redirect by itself and knows no proxy.
pub(super) fn client(private: bool) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("Parta/", env!("CARGO_PKG_VERSION"), " (link preview)"))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(Guarded { private }))
        .build()
}

struct Guarded {
    private: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Fetches at most `most` bytes, following redirects.
pub(super) async fn fetch(client: &Client, url: Url, most: usize, private: bool) -> Result<Fetched, FetchError> {
    tokio::time::timeout(PATIENCE, follow(client, url, most, private)).await.map_err(|_| FetchError::Slow)?
}

async fn follow(client: &Client, mut url: Url, most: usize, private: bool) -> Result<Fetched, FetchError> {
    for _ in 0..=MAX_REDIRECTS {
        if !allowed(&url, private) {
            return Err(FetchError::Forbidden(url));
        }
        let request = client.get(url.clone()).header(header::ACCEPT, "text/html,image/*;q=0.9,*/*;q=0.1");
        let mut response = request.header(header::ACCEPT_LANGUAGE, "ru,en;q=0.8").send().await?;
        let status = response.status();
        if status.is_redirection() {
            let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = target.and_then(|target| url.join(target).ok()).ok_or(FetchError::Status(status))?;
            continue;
        }
        if !status.is_success() {
            return Err(FetchError::Status(status));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            let room = most - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok(Fetched { url, content_type, bytes: bytes.freeze(), cut: true });
            }
        }
        return Ok(Fetched { url, content_type, bytes: bytes.freeze(), cut: false });
    }
    Err(FetchError::Redirects)
}

/// Whether an address may be asked at all. Names are checked once they are resolved; a literal address never is.
fn allowed(url: &Url, private: bool) -> bool {
    let web = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    web && match url.host() {
        None => false,
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(ip)) => private || is_public(ip.into()),
        Some(Host::Ipv6(ip)) => private || is_public(ip.into()),
    }
}

/// Whether an address belongs to the open internet, by IANA's registries of special-purpose addresses.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    // Addresses of IPv4 in the clothes of IPv6 (RFC 6052, section 2.1) lead where they lead.
    if (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0) {
        let ([g1, g2], [h1, h2]) = (g.to_be_bytes(), h.to_be_bytes());
        return is_public_v4(Ipv4Addr::new(g1, g2, h1, h2));
    }
    // Only 2000::/3 is given out; of it 2001::/23 (special), documentation and 6to4 are not the open internet.
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && b < 0x200)
        && !(a == 0x2001 && b == 0xdb8)
        && a != 0x2002
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_network_is_not_public() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.5",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
            "64:ff9b::7f00:1",
            "64:ff9b::c0a8:1",
            "3fff::1",
            "fec0::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "8.8.8.8",
            "77.88.55.88",
            "100.63.0.1",
            "172.32.0.1",
            "2a02:6b8::2:242",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn addresses_in_disguise_are_seen_through() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://user:secret@example.org/",
        ] {
            assert!(!allowed(&url.parse().unwrap(), false), "{url}");
        }
        assert!(allowed(&"https://example.org/".parse().unwrap(), false));
        assert!(allowed(&"http://127.0.0.1:9/".parse().unwrap(), true));
    }
}
