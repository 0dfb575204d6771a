//! Calls to addresses that a user names: pages to be previewed, push gateways. Whoever names one must not make the server
//! ask inside the own network, so a [`Reach`] says what may be asked.
//!
//! The resolver hands out allowed addresses only, and those are the ones that are connected to, so a name that changes its
//! address between check and use gains nothing. Redirects are not followed: each is a new address to be checked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use url::{Host, Url};

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Addresses of the open internet.
    Public,
    /// The own network and this machine too.
    Anywhere,
}

/// A client that resolves names to allowed addresses only, follows no redirect by itself and knows no proxy. It checks
/// names alone: whether a literal address may be asked, [`Reach::allows`] says.
pub(super) fn client(reach: Reach) -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_PATIENCE)
        .dns_resolver(Arc::new(Guarded(reach)))
}

struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| reach.has(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name has no address that may be asked".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Reach {
    fn has(self, ip: IpAddr) -> bool {
        self == Self::Anywhere || is_public(ip)
    }

    /// Whether an address may be asked at all. A name is checked once it is resolved; a literal address never is.
    pub(super) fn allows(self, url: &Url) -> bool {
        let web = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        web && match url.host() {
            None => false,
            Some(Host::Domain(_)) => true,
            Some(Host::Ipv4(ip)) => self.has(ip.into()),
            Some(Host::Ipv6(ip)) => self.has(ip.into()),
        }
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
            assert!(!Reach::Public.allows(&url.parse().unwrap()), "{url}");
        }
        assert!(Reach::Public.allows(&"https://example.org/".parse().unwrap()));
        assert!(Reach::Anywhere.allows(&"http://127.0.0.1:9/".parse().unwrap()));
    }
}
