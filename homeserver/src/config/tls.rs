use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::ServerName;

use super::ConfigError;

/// TLS. Without a certificate of one's own the server is its own certificate authority: it keeps it in the folder `tls` in
/// `server.data_dir`, makes its certificate, and renews it by itself. Devices install the authority from the page
/// `/authority`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Addresses and ports to listen on for https, for example `0.0.0.0:443`, or `[::]:443` for IPv6 and IPv4 alike;
    /// without any there is no TLS. `server.listen` stays plain http.
    pub listen: Vec<SocketAddr>,
    /// Further names and IP addresses of this server, besides `server.name` and that of `server.public_url`, which the
    /// certificate holds for.
    pub names: Vec<String>,
    /// A certificate of one's own: a PEM file with the server's certificate first, and then those between it and its
    /// authority. Like its key it is taken anew within a minute when it is replaced.
    pub certificate: Option<PathBuf>,
    /// Its private key: a PEM file without a passphrase.
    pub private_key: Option<PathBuf>,
}

impl Tls {
    /// Whether there is TLS.
    pub fn enabled(&self) -> bool {
        !self.listen.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.certificate.is_some() != self.private_key.is_some() {
            let problem = "name both tls.certificate and tls.private_key, or neither of them".into();
            return Err(ConfigError::Value { key: "tls.private_key", problem });
        }
        if let Some(name) = self.names.iter().find(|name| ServerName::try_from(name.as_str()).is_err()) {
            let problem = format!(
                "\"{name}\" is neither a name nor an IP address; write chat.parta.school or 192.168.1.10, without \
                 https:// and without a port"
            );
            return Err(ConfigError::Value { key: "tls.names", problem });
        }
        Ok(())
    }
}
