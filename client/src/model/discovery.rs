//! Servers of the building's network that tell of themselves.

use std::net::IpAddr;

use url::{Host, Url};

/// Longest title that is shown, in letters.
const LONGEST_TITLE: usize = 60;

/// A server that was found. It is an offer: anybody in the network can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What tells it apart from others
    pub key: String,
    /// What the academy is called
    pub title: String,
    /// Where it answers: a base URL
    pub address: String,
}

impl Found {
    /// A server by what it tells: the entries `title`, `name` and `base`, and where it was heard. Nothing, if it cannot be
    /// reached, or only without encryption beyond this building.
    pub fn new(
        key: &str,
        entry: impl Fn(&str) -> Option<String>,
        addresses: impl IntoIterator<Item = IpAddr>,
        port: u16,
    ) -> Option<Self> {
        let told = entry("base").and_then(|base| Url::parse(&base).ok());
        let url = told.or_else(|| nearest(addresses, port))?;
        let host = url.host()?.to_owned();
        if url.scheme() != "https" && !(url.scheme() == "http" && is_near(&host)) {
            return None;
        }
        let title = [entry("title"), entry("name")].into_iter().flatten().map(|title| plain(&title));
        let title = title.into_iter().find(|title| !title.is_empty()).unwrap_or_else(|| host.to_string());
        Some(Self { key: key.to_owned(), title, address: url.as_str().trim_end_matches('/').to_owned() })
    }
}

/// One line without signs that cannot be seen, of a length that can be read.
fn plain(title: &str) -> String {
    let letters = title.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.take(LONGEST_TITLE).collect::<String>().trim().to_owned()
}

/// The address to go to when no other is told: of the older protocol, which every network has, if there is one.
fn nearest(addresses: impl IntoIterator<Item = IpAddr>, port: u16) -> Option<Url> {
    // One of its own link has no meaning without the link.
    let usable = |address: &IpAddr| !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let address = addresses.into_iter().filter(usable).min()?;
    Url::parse(&format!("http://{}", std::net::SocketAddr::new(address, port))).ok()
}

/// Whether words to a host stay within the building: a private address, or a name that only a local resolver knows.
pub fn is_near(host: &Host) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Host::Ipv6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
        Host::Domain(name) => {
            !name.contains('.')
                || [".lan", ".local", ".internal", ".home.arpa", ".localhost"].iter().any(|end| name.ends_with(end))
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Network(Vec<Found>);

impl Network {
    /// Takes one in, or what changed of it.
    pub fn put(&mut self, found: Found) {
        self.remove(&found.key);
        self.0.push(found);
        self.0.sort_by(|one, other| (&one.title, &one.address).cmp(&(&other.title, &other.address)));
    }

    /// One that went.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|found| found.key != key);
    }

    /// All of them, by their titles; two that are the same to a person once.
    pub fn list(&self) -> Vec<Found> {
        let mut list = self.0.clone();
        list.dedup_by(|one, other| (&one.title, &one.address) == (&other.title, &other.address));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(entries: &[(&str, &str)], address: &str) -> Option<Found> {
        let entry = |key: &str| entries.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        let addresses = address.split(',').filter_map(|address| address.parse().ok());
        Found::new("key", entry, addresses, 8008)
    }

    fn address(entries: &[(&str, &str)], at: &str) -> Option<String> {
        found(entries, at).map(|found| found.address)
    }

    #[test]
    fn a_server_is_where_it_says_else_where_it_was_heard() {
        let told = [("base", "https://parta.school/"), ("name", "parta.school")];
        assert_eq!(address(&told, "192.168.1.5").as_deref(), Some("https://parta.school"));
        assert_eq!(address(&[], "192.168.1.5,fd00::5").as_deref(), Some("http://192.168.1.5:8008"));
        assert_eq!(address(&[], "fe80::1,fd00::5").as_deref(), Some("http://[fd00::5]:8008"));
        assert_eq!(address(&[], "fe80::1"), None);
    }

    #[test]
    fn nothing_goes_out_of_the_building_in_the_clear() {
        assert_eq!(address(&[("base", "http://parta.example.org")], "192.168.1.5"), None);
        assert_eq!(address(&[("base", "ftp://parta.lan")], "192.168.1.5"), None);
        assert_eq!(address(&[], "8.8.8.8"), None);
        assert_eq!(address(&[("base", "http://parta.lan")], "").as_deref(), Some("http://parta.lan"));
    }

    #[test]
    fn it_is_called_by_its_title_else_by_its_name() {
        let title = |entries: &[(&str, &str)]| found(entries, "10.0.0.1").unwrap().title;
        assert_eq!(title(&[("title", "Лицей № 5"), ("name", "parta.school")]), "Лицей № 5");
        assert_eq!(title(&[("title", " \n"), ("name", "parta.school")]), "parta.school");
        assert_eq!(title(&[]), "10.0.0.1");
        assert_eq!(title(&[("title", &"я".repeat(500))]).chars().count(), LONGEST_TITLE);
    }

    #[test]
    fn each_is_offered_once_and_goes_again() {
        let mut network = Network::default();
        let one = |key: &str, title: &str| Found {
            key: key.into(),
            title: title.into(),
            address: "https://parta.school".into(),
        };
        network.put(one("b", "Школа"));
        network.put(one("a", "Лицей"));
        network.put(one("c", "Лицей"));
        assert_eq!(network.list(), [one("a", "Лицей"), one("b", "Школа")]);
        network.put(one("b", "Академия"));
        assert_eq!(network.list().len(), 2);
        network.remove("a");
        network.remove("c");
        assert_eq!(network.list(), [one("b", "Академия")]);
    }
}
