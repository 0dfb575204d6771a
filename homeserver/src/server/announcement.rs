//! Tells the building's network of this server by multicast DNS service discovery (RFC 6762, RFC 6763), so that nobody
//! has to type an address.

use std::{net::SocketAddr, time::Duration};

use mdns_sd::{DaemonEvent, IfKind, ServiceDaemon, ServiceInfo};

use crate::config::Config;

/// Type of the service (RFC 6763, section 7).
const SERVICE: &str = "_parta._tcp.local.";
/// Longest name between two dots (RFC 1035, section 2.3.4), in bytes.
const LONGEST_LABEL: usize = 63;
/// Longest wait for the word that this server goes.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the network is told for as long as the server runs; nothing, where it is not to be told or cannot be.
pub(super) struct Announcement(Option<ServiceDaemon>);

impl Announcement {
    /// Begins to tell. A network without multicast is a line in the log, and no reason not to serve.
    pub(super) fn begin(config: &Config) -> Self {
        let Some(service) = service(config) else { return Self(None) };
        let name = service.get_fullname().to_owned();
        let begun = ServiceDaemon::new().and_then(|daemon| {
            daemon.register(service)?;
            Ok((daemon.monitor()?, daemon))
        });
        match begun {
            Ok((events, daemon)) => {
                tracing::info!(name, "telling the network of this server");
                // Ends with the daemon, which drops its side.
                tokio::spawn(async move {
                    while let Ok(event) = events.recv_async().await {
                        if let DaemonEvent::Error(error) = event {
                            tracing::warn!(%error, "the network is not told of this server");
                        }
                    }
                });
                Self(Some(daemon))
            }
            Err(error) => {
                tracing::warn!(%error, "the network is not told of this server");
                Self(None)
            }
        }
    }

    /// Says that the server goes, so that nobody is offered it any more.
    pub(super) async fn end(self) {
        if let Some(gone) = self.0.and_then(|daemon| daemon.shutdown().ok()) {
            let _ = tokio::time::timeout(FAREWELL, gone.recv_async()).await;
        }
    }
}

/// What is told: the port and addresses, and beside them the server's `name`, its `title`, and as `base` the base URL
/// where it is more than an address and a port. Nothing, if no other machine could reach the server.
fn service(config: &Config) -> Option<ServiceInfo> {
    let discovery = config.discovery.enabled.then_some(&config.discovery)?;
    let reached = |address: &&SocketAddr| !address.ip().is_loopback();
    let listen = config.tls.listen.iter().chain([&config.server.listen]);
    let addresses: Vec<&SocketAddr> = listen.filter(reached).collect();
    let first = addresses.first()?;
    let name = config.server.name.as_str();
    let title = discovery.title.as_deref().unwrap_or(name);
    let mut entries = vec![("name", name.to_owned()), ("title", title.to_owned())];
    if config.tls.enabled() || config.server.public_url.is_some() {
        entries.push(("base", config.base_url()));
    }
    let host = format!("{}.local.", label(&format!("parta-{name}").replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
    let own = if first.ip().is_unspecified() { String::new() } else { first.ip().to_string() };
    let made = ServiceInfo::new(SERVICE, label(name), &host, own.as_str(), first.port(), entries.as_slice());
    match made {
        Ok(mut service) if first.ip().is_unspecified() => {
            // Where it listens by IPv4 alone nobody reaches it by IPv6. The other way round an IPv6 socket has both.
            if addresses.iter().all(|address| address.is_ipv4()) {
                service.set_interfaces(vec![IfKind::IPv4]);
            }
            Some(service.enable_addr_auto())
        }
        Ok(mut service) => {
            service.set_interfaces(vec![IfKind::Addr(first.ip())]);
            Some(service)
        }
        Err(error) => {
            tracing::warn!(%error, "the network is not told of this server");
            None
        }
    }
}

/// As much of a name as fits between two dots.
fn label(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_LABEL)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(more: &str) -> Option<ServiceInfo> {
        let text = format!("[server]\nname = \"parta.school\"\ndata_dir = \"/var/lib/parta\"\n{more}");
        service(&Config::parse(&text, std::iter::empty()).unwrap())
    }

    #[test]
    fn a_server_for_its_own_machine_is_not_told_of() {
        assert!(told("").is_none());
        assert!(told("listen = \"[::1]:8008\"").is_none());
        assert!(told("listen = \"0.0.0.0:8008\"\n[discovery]\nenabled = false").is_none());
    }

    #[test]
    fn a_plain_server_is_where_it_is_found() {
        let service = told("listen = \"192.168.1.10:8008\"\n[discovery]\ntitle = \"Лицей № 5\"").unwrap();
        assert_eq!(service.get_fullname(), "parta\\.school._parta._tcp.local.");
        assert_eq!(service.get_hostname(), "parta-parta-school.local.");
        assert_eq!(service.get_port(), 8008);
        assert_eq!(service.get_addresses_v4().len(), 1);
        assert_eq!(service.get_property_val_str("name"), Some("parta.school"));
        assert_eq!(service.get_property_val_str("title"), Some("Лицей № 5"));
        assert_eq!(service.get_property_val_str("base"), None, "an address of this network needs no other");
        assert!(!service.is_addr_auto());
    }

    #[test]
    fn a_server_with_a_certificate_is_known_by_its_name() {
        let service = told("[tls]\nlisten = [\"0.0.0.0:443\"]").unwrap();
        assert_eq!(service.get_port(), 443);
        assert_eq!(service.get_property_val_str("base"), Some("https://parta.school"));
        assert_eq!(service.get_property_val_str("title"), Some("parta.school"));
        assert!(service.is_addr_auto(), "it has every address of its machine");
    }

    #[test]
    fn a_name_that_is_too_long_is_cut() {
        let name = format!("{}.school", "a".repeat(80));
        let text = format!("[server]\nname = \"{name}\"\nlisten = \"0.0.0.0:80\"\ndata_dir = \"/var/lib/parta\"\n");
        let service = service(&Config::parse(&text, std::iter::empty()).unwrap()).unwrap();
        assert_eq!(service.get_hostname().len(), LONGEST_LABEL + ".local.".len());
        assert_eq!(service.get_property_val_str("name"), Some(name.as_str()));
    }
}
