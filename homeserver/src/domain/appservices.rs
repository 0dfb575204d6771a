//! Application services as the domain sees them: their registrations and namespaces.
//! <https://spec.matrix.org/v1.18/application-service-api/#registration>

use std::{path::Path, sync::Arc};

use regex::{Regex, RegexBuilder};
use ruma::{OwnedUserId, RoomAliasId, RoomId, ServerName, UserId};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::{
    config,
    error::{ApiError, Result},
};

/// One registered application service.
#[derive(Debug)]
pub struct Appservice {
    /// Its unique id.
    pub id: String,
    /// Where transactions go; `None` if it wants none.
    pub url: Option<url::Url>,
    /// The token that it calls us with.
    pub as_token: String,
    /// The token that we call it with.
    pub hs_token: String,
    /// The user that it acts as by itself.
    pub sender: OwnedUserId,
    /// Whether it is subject to rate limits.
    pub rate_limited: bool,
    /// Whether it wants typing, receipts and presence too.
    pub receive_ephemeral: bool,
    /// The third-party networks that it provides.
    pub protocols: Vec<String>,
    users: Vec<Namespace>,
    aliases: Vec<Namespace>,
    rooms: Vec<Namespace>,
}

#[derive(Debug)]
struct Namespace {
    exclusive: bool,
    regex: Regex,
}

/// A registration file.
#[derive(Deserialize)]
struct File {
    id: String,
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    #[serde(default)]
    rate_limited: Option<bool>,
    #[serde(default)]
    receive_ephemeral: bool,
    /// What it was called once. Bridges write both: an alias of the other would be that one twice.
    #[serde(default, rename = "de.sorunome.msc2409.push_ephemeral")]
    push_ephemeral: bool,
    #[serde(default)]
    namespaces: Namespaces,
    #[serde(default)]
    protocols: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Namespaces {
    #[serde(default)]
    users: Vec<FileNamespace>,
    #[serde(default)]
    aliases: Vec<FileNamespace>,
    #[serde(default)]
    rooms: Vec<FileNamespace>,
}

#[derive(Deserialize)]
struct FileNamespace {
    #[serde(default)]
    exclusive: bool,
    regex: String,
}

/// A registration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("The application service registration {file} is not right: {problem}")]
pub struct RegistrationError {
    /// The file.
    file: String,
    /// What is wrong.
    problem: String,
}

impl Appservice {
    /// Reads a registration.
    pub fn parse(file: &Path, text: &str, server: &ServerName) -> Result<Self, RegistrationError> {
        let wrong = |problem: String| RegistrationError { file: file.display().to_string(), problem };
        let read: File = serde_saphyr::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let namespaces = |list: Vec<FileNamespace>| -> Result<Vec<Namespace>, RegistrationError> {
            list.into_iter()
                .map(|namespace| {
                    // Anchored at the beginning alone. The specification does not say; registrations are written
                    // against Synapse, which matches so, and `@_irc_` is found there for `@_irc_.*`. Bounded in size:
                    // a registration is trusted, a mistake in it is not.
                    let regex = RegexBuilder::new(&format!("^(?:{})", namespace.regex))
                        .size_limit(1 << 20)
                        .build()
                        .map_err(|e| wrong(e.to_string()))?;
                    Ok(Namespace { exclusive: namespace.exclusive, regex })
                })
                .collect()
        };
        let url = match read.url.as_deref() {
            None | Some("") => None,
            Some(url) => Some(url.parse().map_err(|e| wrong(format!("url: {e}")))?),
        };
        Ok(Self {
            sender: UserId::parse(format!("@{}:{server}", read.sender_localpart))
                .map_err(|e| wrong(format!("sender_localpart: {e}")))?,
            users: namespaces(read.namespaces.users)?,
            aliases: namespaces(read.namespaces.aliases)?,
            rooms: namespaces(read.namespaces.rooms)?,
            id: read.id,
            url,
            as_token: read.as_token,
            hs_token: read.hs_token,
            rate_limited: read.rate_limited.unwrap_or(true),
            receive_ephemeral: read.receive_ephemeral || read.push_ephemeral,
            protocols: read.protocols,
        })
    }

    /// Whether a user is its own: its sender or in its namespace.
    pub fn has_user(&self, user_id: &UserId) -> bool {
        self.sender == user_id || matches(&self.users, user_id.as_str())
    }

    /// Whether any alias is in its namespace.
    pub fn has_aliases(&self) -> bool {
        !self.aliases.is_empty()
    }

    /// Whether an alias is in its namespace.
    pub fn has_alias(&self, alias: &RoomAliasId) -> bool {
        matches(&self.aliases, alias.as_str())
    }

    /// What tells one of its networks from everybody's: clients name it to see the network's directory.
    pub fn instance_id(&self, network: &str) -> String {
        format!("{}|{network}", self.id)
    }

    /// Whether a room is in its namespace.
    pub fn has_room(&self, room_id: &RoomId) -> bool {
        matches(&self.rooms, room_id.as_str())
    }
}

fn matches(namespaces: &[Namespace], id: &str) -> bool {
    namespaces.iter().any(|namespace| namespace.regex.is_match(id))
}

fn matches_exclusively(namespaces: &[Namespace], id: &str) -> bool {
    namespaces.iter().any(|namespace| namespace.exclusive && namespace.regex.is_match(id))
}

/// All registered application services.
#[derive(Debug, Default)]
pub struct Appservices(Vec<Arc<Appservice>>);

impl Appservices {
    /// Reads every registration that the configuration names. A folder that is not there is empty.
    pub fn load(config: &config::Appservices, server: &ServerName) -> Result<Self, RegistrationError> {
        let mut files = config.files.clone();
        if let Some(folder) = &config.folder
            && let Ok(entries) = std::fs::read_dir(folder)
        {
            let is_yaml = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
            files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_yaml));
        }
        files.sort();
        let mut all: Vec<Arc<Appservice>> = Vec::new();
        for file in files {
            let wrong = |problem: String| RegistrationError { file: file.display().to_string(), problem };
            let text = std::fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?;
            let appservice = Appservice::parse(&file, &text, server)?;
            if all.iter().any(|other| other.id == appservice.id || other.as_token == appservice.as_token) {
                return Err(wrong(format!("another registration has the id {} or its as_token too", appservice.id)));
            }
            all.push(Arc::new(appservice));
        }
        Ok(Self(all))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Appservice>> {
        self.0.iter()
    }

    /// The one that calls with a token, compared in constant time.
    pub fn by_token(&self, token: &str) -> Option<Arc<Appservice>> {
        self.0.iter().find(|appservice| bool::from(appservice.as_token.as_bytes().ct_eq(token.as_bytes()))).cloned()
    }

    /// Whether a user belongs to an application service alone, other than `except`.
    pub fn owns_user(&self, user_id: &UserId, except: Option<&Appservice>) -> bool {
        self.0.iter().any(|a| {
            except.is_none_or(|e| e.id != a.id)
                && (a.sender == user_id || matches_exclusively(&a.users, user_id.as_str()))
        })
    }

    /// Whether an alias belongs to an application service alone, other than `except`.
    pub fn owns_alias(&self, alias: &RoomAliasId, except: Option<&Appservice>) -> bool {
        self.0.iter().any(|a| except.is_none_or(|e| e.id != a.id) && matches_exclusively(&a.aliases, alias.as_str()))
    }

    /// The user that an application service acts as: the one it names, else its sender.
    pub fn acts_as(appservice: &Appservice, named: Option<&str>) -> Result<OwnedUserId> {
        let Some(named) = named else { return Ok(appservice.sender.clone()) };
        let user_id = UserId::parse(named).map_err(|_| ApiError::invalid_param("user_id is not a user's id."))?;
        if appservice.has_user(&user_id) {
            return Ok(user_id);
        }
        Err(ApiError::forbidden("That user is not in the application service's namespace."))
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_alias_id, room_id, server_name, user_id};

    use super::*;

    const IRC: &str = r##"
id: "IRC Bridge"
url: "http://127.0.0.1:1234/path"
as_token: "from it"
hs_token: "to it"
sender_localpart: "_irc_bot"
namespaces:
  users:
    - exclusive: true
      regex: "@_irc_bridge_.*"
    - regex: "@guest_[0-9]+:x$"
  aliases:
    - exclusive: false
      regex: "#_irc_bridge_"
  rooms: []
"##;

    fn parse(text: &str) -> Result<Appservice, RegistrationError> {
        Appservice::parse(Path::new("irc.yaml"), text, server_name!("x"))
    }

    #[test]
    fn the_example_of_the_specification() {
        let irc = parse(IRC).unwrap();
        assert_eq!(irc.sender, "@_irc_bot:x");
        assert_eq!(irc.url.as_ref().unwrap().as_str(), "http://127.0.0.1:1234/path");
        assert!(irc.has_user(user_id!("@_irc_bot:x")), "its own user is its own without a namespace");
        assert!(irc.has_user(user_id!("@_irc_bridge_bob:x")));
        assert!(!irc.has_user(user_id!("@alice:x")));
        assert!(irc.has_alias(room_alias_id!("#_irc_bridge_rust:x")), "a namespace may leave out its end");
        assert!(!irc.has_room(room_id!("!room:x")));
        assert!(irc.rate_limited && !irc.receive_ephemeral);
    }

    #[test]
    fn ephemeral_events_by_either_name_or_both() {
        let (now, once) = ("receive_ephemeral: true\n", "de.sorunome.msc2409.push_ephemeral: true\n");
        for lines in [now.to_owned(), once.to_owned(), format!("{once}{now}")] {
            assert!(parse(&format!("{IRC}{lines}")).unwrap().receive_ephemeral, "{lines}");
        }
    }

    #[test]
    fn a_namespace_begins_at_the_beginning() {
        let irc = parse(IRC).unwrap();
        assert!(!irc.has_user(user_id!("@not@_irc_bridge_bob:x")));
        assert!(irc.has_user(user_id!("@guest_12:x")));
        assert!(!irc.has_user(user_id!("@guest_12:xy")), "an end that is written counts");
        let either = parse(&IRC.replace("@_irc_bridge_.*", "@a:x$|@b:x$")).unwrap();
        assert!(either.has_user(user_id!("@b:x")) && !either.has_user(user_id!("@cb:x")));
    }

    #[test]
    fn exclusive_namespaces_keep_others_out() {
        let all = Appservices(vec![Arc::new(parse(IRC).unwrap())]);
        let irc = all.by_token("from it").unwrap();
        assert!(all.by_token("to it").is_none());
        let bob = user_id!("@_irc_bridge_bob:x");
        assert!(all.owns_user(bob, None) && !all.owns_user(bob, Some(&irc)));
        assert!(all.owns_user(&irc.sender, None));
        assert!(!all.owns_user(user_id!("@guest_1:x"), None), "that one is not exclusive");
        assert!(!all.owns_alias(room_alias_id!("#_irc_bridge_rust:x"), None));
        assert_eq!(Appservices::acts_as(&irc, None).unwrap(), irc.sender);
        assert_eq!(Appservices::acts_as(&irc, Some(bob.as_str())).unwrap(), bob);
        assert!(Appservices::acts_as(&irc, Some("@alice:x")).is_err());
        assert!(Appservices::acts_as(&irc, Some("alice")).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, named) in [
            ("@_irc_bridge_.*", "(", "regex"),
            ("http://127.0.0.1:1234/path", "no url", "url"),
            ("_irc_bot", "a:b", "sender_localpart"),
            ("as_token", "astoken", "as_token"),
        ] {
            let error = parse(&IRC.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains("irc.yaml") && error.contains(named), "{error}");
        }
        assert!(parse(&IRC.replace("\"http://127.0.0.1:1234/path\"", "null")).unwrap().url.is_none());
    }
}
