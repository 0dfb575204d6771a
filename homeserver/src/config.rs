//! The one file of configuration: TOML, every key documented, environment variables over it
//! (`PARTA__SECTION__KEY`), unknown keys refused.

mod appservices;
mod database;
mod delayed_events;
mod directory;
mod discovery;
mod feedback;
mod limits;
mod login;
mod media;
mod push;
#[cfg(test)]
mod reference;
mod registration;
mod rooms;
mod server;
mod server_notices;
mod support;
mod terms;
mod tls;
mod voip;

pub use appservices::Appservices;
pub use database::Database;
pub use delayed_events::DelayedEvents;
pub use directory::Directory;
pub use discovery::Discovery;
pub use feedback::Feedback;
pub use limits::{Bucket, Limits};
pub use login::{Jwt, Login, PasswordPolicy};
pub use media::Media;
pub use push::Push;
pub use registration::Registration;
pub use rooms::Rooms;
pub use server::Server;
pub use server_notices::ServerNotices;
pub use support::Support;
pub use terms::{Policy, PolicyText, Terms};
pub use tls::Tls;
pub use voip::Voip;

use std::{
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name, addresses and folders.
    pub server: Server,
    /// TLS.
    #[serde(default)]
    pub tls: Tls,
    /// Where data is kept.
    #[serde(default)]
    pub database: Database,
    /// How people come to an account.
    #[serde(default)]
    pub registration: Registration,
    /// How people sign in.
    #[serde(default)]
    pub login: Login,
    /// What people agree to.
    #[serde(default)]
    pub terms: Terms,
    /// Rooms.
    #[serde(default)]
    pub rooms: Rooms,
    /// Events that are sent later.
    #[serde(default)]
    pub delayed_events: DelayedEvents,
    /// Notices from the server.
    #[serde(default)]
    pub server_notices: ServerNotices,
    /// The feedback button.
    #[serde(default)]
    pub feedback: Feedback,
    /// Finding people.
    #[serde(default)]
    pub directory: Directory,
    /// Being found in the network.
    #[serde(default)]
    pub discovery: Discovery,
    /// Files and pictures.
    #[serde(default)]
    pub media: Media,
    /// Notifications on people's phones.
    #[serde(default)]
    pub push: Push,
    /// Calls.
    #[serde(default)]
    pub voip: Voip,
    /// Limits against floods.
    #[serde(default)]
    pub limits: Limits,
    /// Application services.
    #[serde(default)]
    pub appservices: Appservices,
    /// Where people find help.
    #[serde(default)]
    pub support: Support,
    /// The developer's mode: see `parta-server serve --dev`. Never set in a file.
    #[serde(skip)]
    pub dev: bool,
}

/// A configuration that cannot be used; the message says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("The configuration file {0} cannot be read: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// Not TOML, a wrong type or an unknown key.
    #[error("The configuration is not right: {0}")]
    Parse(String),
    /// A value that cannot be used.
    #[error("{key}: {problem}")]
    Value {
        /// `section.key`.
        key: &'static str,
        /// What is wrong and what to write.
        problem: String,
    },
}

impl Config {
    /// Reads a file and lays the environment's `PARTA__SECTION__KEY` over it.
    pub fn load(file: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|e| ConfigError::Read(file.to_owned(), e))?;
        Self::parse(&text, environment)
    }

    /// Parses a file's text; see [`Config::load`].
    pub fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Parse(e.to_string()))?;
        for (name, value) in environment {
            if let Some(path) = name.strip_prefix("PARTA__") {
                lay_over(&mut table, path, &value);
            }
        }
        let config: Self = table.try_into().map_err(|e: toml::de::Error| ConfigError::Parse(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The configuration of the developer's mode: no limits, open registration, cheap hashes.
    pub fn dev(server: Server, database: Database) -> Self {
        Self {
            appservices: Appservices { folder: Some(server.data_dir.join("appservices")), ..Appservices::default() },
            tls: Tls::default(),
            registration: Registration::open(),
            login: Login::cheapest(),
            terms: Terms::default(),
            rooms: Rooms::default(),
            delayed_events: DelayedEvents::default(),
            server_notices: ServerNotices::default(),
            feedback: Feedback { max_per_day: 0, ..Feedback::default() },
            directory: Directory::default(),
            discovery: Discovery::default(),
            media: Media { url_previews: true, preview_private_addresses: true, ..Media::default() },
            push: Push::default(),
            voip: Voip::default(),
            limits: Limits::none(),
            support: Support::default(),
            server,
            database,
            dev: true,
        }
    }

    /// Checks what types alone cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.tls.check()?;
        self.database.check()?;
        self.rooms.check()?;
        self.discovery.check()?;
        self.push.check()?;
        self.voip.check()?;
        self.terms.check()?;
        self.login.check()
    }

    /// Makes the data folder where there is none, for the server's user alone: what people write lies in it.
    pub fn make_data_dir(&self) -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.server.data_dir)
    }

    /// Whether clients can be told where they reach this server. One that listens everywhere and has no name to be reached
    /// by knows no address that holds for others: they go on by the one they came by.
    pub fn knows_its_address(&self) -> bool {
        self.server.public_url.is_some() || self.tls.enabled() || !self.server.listen.ip().is_unspecified()
    }

    /// Where clients reach this server.
    pub fn base_url(&self) -> String {
        if let Some(url) = &self.server.public_url {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        let host = self.server.name.host();
        match self.tls.listen.first().map(SocketAddr::port) {
            Some(443) => format!("https://{host}"),
            Some(port) => format!("https://{host}:{port}"),
            None => format!("http://{}", self.server.listen),
        }
    }

    /// What clients may know this server by, and its certificate must hold for: names and IP addresses, each once.
    pub fn certificate_names(&self) -> Vec<String> {
        let public = self.server.public_url.as_ref().and_then(url::Url::host_str);
        let further = self.tls.names.iter().map(String::as_str);
        let mut names: Vec<String> = Vec::new();
        for name in [self.server.name.host()].into_iter().chain(public).chain(further) {
            // A URL has brackets around an IPv6 address, a certificate has not.
            let name = name.trim_matches(['[', ']']).to_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Where the bytes of media lie: `media` in the data folder.
    pub fn media_dir(&self) -> PathBuf {
        self.server.data_dir.join("media")
    }

    /// The database's URL: the configured one, or `parta.db` in the data folder.
    pub fn database_url(&self) -> String {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.server.data_dir.join("parta.db").display()))
    }
}

/// Sets `SECTION__KEY` in a table. A value that reads as TOML (a number, true, a list) is taken so, else as text.
fn lay_over(table: &mut toml::Table, path: &str, value: &str) {
    let lower = path.to_lowercase();
    let mut keys: Vec<&str> = lower.split("__").collect();
    let Some(last) = keys.pop() else { return };
    let mut at = table;
    for key in keys {
        let entry = at.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(inner) = entry else { return };
        at = inner;
    }
    let parsed = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    at.insert(last.to_owned(), parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    pub(super) const SMALLEST: &str = "[server]\nname = \"parta.school\"\ndata_dir = \"/var/lib/parta\"\n";

    #[test]
    fn the_smallest_file_is_enough() {
        let config = Config::parse(SMALLEST, std::iter::empty()).unwrap();
        assert_eq!(config.server.name.as_str(), "parta.school");
        assert_eq!(config.database_url(), "sqlite:/var/lib/parta/parta.db");
        assert!(config.registration.token_required, "registration is closed unless opened");
    }

    #[test]
    fn environment_lies_over_the_file() {
        let env =
            [("PARTA__REGISTRATION__TOKEN_REQUIRED", "false"), ("PARTA__SERVER__NAME", "other.school"), ("PATH", "x")];
        let config = Config::parse(SMALLEST, env.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()))).unwrap();
        assert!(!config.registration.token_required);
        assert_eq!(config.server.name.as_str(), "other.school");
    }

    #[test]
    fn a_key_that_does_not_exist_is_named() {
        let error = Config::parse(&format!("{SMALLEST}prot = 1\n"), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("prot"), "{error}");
    }

    fn with(more: &str) -> Config {
        Config::parse(&format!("{SMALLEST}{more}"), std::iter::empty()).unwrap()
    }

    #[test]
    fn clients_are_told_of_tls_where_there_is_some() {
        assert_eq!(with("").base_url(), "http://127.0.0.1:8008");
        assert_eq!(with("[tls]\nlisten = [\"10.0.0.1:443\", \"[fd00::1]:443\"]").base_url(), "https://parta.school");
        assert_eq!(with("[tls]\nlisten = [\"0.0.0.0:8443\"]").base_url(), "https://parta.school:8443");
        let public = "public_url = \"https://chat.parta.school/\"\n[tls]\nlisten = [\"0.0.0.0:8443\"]";
        assert_eq!(with(public).base_url(), "https://chat.parta.school");
        for (more, known) in [
            ("", true),
            (public, true),
            ("[tls]\nlisten = [\"0.0.0.0:8443\"]", true),
            ("listen = \"10.0.0.1:8008\"", true),
            ("listen = \"0.0.0.0:8008\"\npublic_url = \"http://10.0.0.1:8008\"", true),
            ("listen = \"0.0.0.0:8008\"", false),
            ("listen = \"[::]:8008\"", false),
        ] {
            assert_eq!(with(more).knows_its_address(), known, "{more}");
        }
    }

    #[test]
    fn what_people_write_lies_in_a_folder_of_the_servers_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = with("");
        config.server.data_dir = folder.path().join("data");
        config.make_data_dir().unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&config.server.data_dir), 0o700);
        // A folder that is there is as whoever made it wants it.
        std::fs::set_permissions(&config.server.data_dir, std::fs::Permissions::from_mode(0o750)).unwrap();
        config.make_data_dir().unwrap();
        assert_eq!(mode(&config.server.data_dir), 0o750);
    }

    #[test]
    fn a_certificate_holds_for_every_name_once() {
        let config = with("public_url = \"https://[fd00::1]/\"\n[tls]\nnames = [\"Parta.School\", \"10.0.0.1\"]");
        assert_eq!(config.certificate_names(), ["parta.school", "fd00::1", "10.0.0.1"]);
    }

    #[test]
    fn what_is_no_name_and_half_a_certificate_are_refused() {
        for (wrong, key) in [
            ("names = [\"https://parta.school\"]", "tls.names"),
            ("names = [\"10.0.0.1:443\"]", "tls.names"),
            ("certificate = \"/etc/parta/server.pem\"", "tls.private_key"),
        ] {
            let error = Config::parse(&format!("{SMALLEST}[tls]\n{wrong}\n"), std::iter::empty()).unwrap_err();
            assert!(error.to_string().starts_with(key), "{error}");
        }
    }
}
