//! The registration file that homeserver and service share (Application Service API, "Registration").

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;
use serde::Deserialize;
use url::Url;

/// What the service itself needs of its registration.
#[derive(Clone, Deserialize)]
pub struct Registration {
    /// The name under which the homeserver knows the service.
    pub id: String,
    /// With which the service comes to the homeserver.
    pub as_token: String,
    /// With which the homeserver comes to the service.
    pub hs_token: String,
    /// The bot's user.
    pub sender_localpart: String,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("sender_localpart", &self.sender_localpart)
            .finish_non_exhaustive()
    }
}

impl Registration {
    /// Reads a registration file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the registration file {}", path.display()))?;
        let registration: Self =
            serde_saphyr::from_str(&text).with_context(|| format!("{} is not a registration file", path.display()))?;
        anyhow::ensure!(
            !registration.as_token.is_empty() && !registration.hs_token.is_empty(),
            "{}: as_token and hs_token must not be empty",
            path.display()
        );
        Ok(registration)
    }
}

/// What a new registration says.
#[derive(Debug)]
pub struct NewRegistration<'a> {
    /// Where the homeserver reaches the service.
    pub url: &'a Url,
    /// The homeserver's name.
    pub server_name: &'a str,
    /// The bot's user.
    pub localpart: &'a str,
    /// With which the service comes to the homeserver.
    pub as_token: &'a str,
    /// With which the homeserver comes to the service.
    pub hs_token: &'a str,
}

impl NewRegistration<'_> {
    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let regex = format!("@{}(_.*)?:{}", escape_regex(self.localpart), escape_regex(self.server_name));
        let mut yaml = String::from("# Shared by the homeserver and parta-games. Keep it secret.\n");
        for (key, value) in [
            ("id", "parta-games"),
            ("url", self.url.as_str().trim_end_matches('/')),
            ("as_token", self.as_token),
            ("hs_token", self.hs_token),
            ("sender_localpart", self.localpart),
        ] {
            let _ = writeln!(yaml, "{key}: {}", quote(value));
        }
        let _ = write!(
            yaml,
            "rate_limited: false\nnamespaces:\n  users:\n    - exclusive: true\n      regex: {}\n  aliases: []\n  rooms: []\n",
            quote(&regex)
        );
        yaml
    }
}

/// A single-quoted scalar (YAML 1.2.2, 7.3.2), in which only the quote itself is special.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn escape_regex(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$#&~-".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A token from random bytes, in hexadecimal.
pub fn token(random: [u8; 32]) -> String {
    random.iter().fold(String::new(), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("games.yaml");
        let url = "http://127.0.0.1:9100".parse().unwrap();
        let yaml = NewRegistration {
            url: &url,
            server_name: "academy.example",
            localpart: "games",
            as_token: "it's a token",
            hs_token: &token([7; 32]),
        }
        .to_yaml();
        std::fs::write(&path, &yaml).unwrap();
        let read = Registration::read(&path).unwrap();
        assert_eq!(read.as_token, "it's a token");
        assert_eq!(read.hs_token, "07".repeat(32));
        assert_eq!((read.id.as_str(), read.sender_localpart.as_str()), ("parta-games", "games"));
        assert!(yaml.contains(r"regex: '@games(_.*)?:academy\.example'"), "{yaml}");
        assert!(yaml.contains("url: 'http://127.0.0.1:9100'\n"), "{yaml}");
    }

    #[test]
    fn a_bad_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("games.yaml");
        for text in ["", "id: x", "{", "id: a\nas_token: ''\nhs_token: b\nsender_localpart: c"] {
            std::fs::write(&path, text).unwrap();
            let error = format!("{:#}", Registration::read(&path).unwrap_err());
            assert!(error.contains("games.yaml"), "{error}");
        }
    }
}
