use serde::{Deserialize, Serialize};
use url::Url;

use super::ConfigError;

/// Notifications on people's phones, by the push gateways that their apps name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// Whether push gateways are told of notifications.
    pub enabled: bool,
    /// Push gateways of the own network, as `HOST` or `HOST:PORT`. Others are asked only at addresses of the open internet:
    /// nobody shall make this server call machines beside it.
    pub allowed_gateways: Vec<String>,
}

impl Default for Push {
    fn default() -> Self {
        Self { enabled: true, allowed_gateways: Vec::new() }
    }
}

impl Push {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.allowed_gateways.iter().any(|gateway| listed(gateway).is_none()) {
            let problem = "write HOST or HOST:PORT, without http:// and without a path".into();
            return Err(ConfigError::Value { key: "push.allowed_gateways", problem });
        }
        Ok(())
    }

    /// Whether a gateway is one of those that may be in the own network.
    pub fn lists(&self, url: &Url) -> bool {
        self.allowed_gateways.iter().filter_map(|gateway| listed(gateway)).any(|(host, port)| {
            Some(&*host) == url.host_str() && port.is_none_or(|port| Some(port) == url.port_or_known_default())
        })
    }
}

/// A listed gateway's host as the parser of URLs spells it, and its port.
fn listed(gateway: &str) -> Option<(String, Option<u16>)> {
    // The parser leaves out a scheme's own port, which only one of the two has.
    let secure: Url = format!("https://{gateway}/").parse().ok()?;
    let plain: Url = format!("http://{gateway}/").parse().ok()?;
    let bare = secure.path() == "/" && secure.query().is_none() && secure.fragment().is_none();
    let host = secure.host_str().filter(|_| bare && secure.username().is_empty())?;
    Some((host.to_owned(), secure.port().or(plain.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_gateway_is_known_in_every_spelling() {
        let gateways = ["ntfy.parta.school", "10.0.0.5:80", "[::1]:8080"];
        let push = Push { allowed_gateways: gateways.map(str::to_owned).to_vec(), ..Push::default() };
        push.check().unwrap();
        let lists = |url: &str| push.lists(&url.parse().unwrap());
        assert!(lists("https://NTFY.parta.school/x") && lists("http://ntfy.parta.school:9/x"), "any port");
        assert!(lists("http://10.0.0.5/x") && lists("http://10.5:80/x"));
        assert!(!lists("https://10.0.0.5/x") && !lists("http://10.0.0.5:8080/x"), "another port");
        assert!(lists("http://[0:0::1]:8080/x") && !lists("http://[::1]/x"));
        assert!(!lists("http://parta.school/x"));
        for wrong in ["http://a", "a/b", "a?b", "user@a", ""] {
            assert!(Push { allowed_gateways: vec![wrong.to_owned()], ..Push::default() }.check().is_err(), "{wrong}");
        }
    }
}
