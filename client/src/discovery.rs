//! Looks for servers in the building's network by multicast DNS service discovery (RFC 6762, RFC 6763), while nobody is
//! signed in.

use mdns_sd::{Receiver, ServiceDaemon, ServiceEvent};

use crate::model::discovery::{Found, Network};

/// Type of the service (RFC 6763, section 7).
const SERVICE: &str = "_parta._tcp.local.";

/// The search, for as long as it is wanted.
#[derive(Default)]
pub(crate) struct Search(Option<ServiceDaemon>);

impl Search {
    /// Begins or ends the search; `tell` gets all that was found, each time that something changed. Where there is no
    /// multicast, nothing is found.
    pub(crate) fn keep(&mut self, wanted: bool, tell: impl Fn(Vec<Found>) + Send + 'static) {
        if wanted == self.0.is_some() {
            return;
        }
        if !wanted {
            self.end();
            return;
        }
        let begun = ServiceDaemon::new().and_then(|daemon| Ok((daemon.browse(SERVICE)?, daemon)));
        match begun {
            Ok((events, daemon)) => {
                tokio::spawn(listen(events, tell));
                self.0 = Some(daemon);
            }
            Err(error) => tracing::info!(%error, "servers cannot be looked for in the network"),
        }
    }

    fn end(&mut self) {
        if let Some(daemon) = self.0.take() {
            // Its thread ends by itself.
            let _ = daemon.shutdown();
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.end();
    }
}

/// Until the search ends.
async fn listen(events: Receiver<ServiceEvent>, tell: impl Fn(Vec<Found>)) {
    let mut network = Network::default();
    while let Ok(event) = events.recv_async().await {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let entry = |name: &str| service.get_property_val_str(name).map(str::to_owned);
                let addresses = service.get_addresses().iter().map(mdns_sd::ScopedIp::to_ip_addr);
                if let Some(found) = Found::new(service.get_fullname(), entry, addresses, service.get_port()) {
                    network.put(found);
                }
            }
            ServiceEvent::ServiceRemoved(_, key) => network.remove(&key),
            _ => continue,
        }
        tell(network.list());
    }
}
