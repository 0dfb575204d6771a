//! Clients, and what they say of themselves (RFC 7591).
//! <https://spec.matrix.org/v1.18/client-server-api/#client-registration>

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::Refusal;
use crate::error;

/// The longest metadata, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The grants that there are here: what is not is left out of what a client registers for.
pub const GRANT_TYPES: [&str; 3] =
    ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"];

/// A client that is registered.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// What it says of itself.
    pub metadata: Metadata,
}

impl Client {
    /// Its name in a language (`ru`, `en`), or else the address that it is known by.
    pub fn name(&self, language: &str) -> String {
        let metadata = &self.metadata;
        let name = metadata.client_names.get(&format!("client_name#{language}")).or(metadata.client_name.as_ref());
        name.cloned().unwrap_or_else(|| self.host())
    }

    /// The host of the address that it is known by.
    pub fn host(&self) -> String {
        self.metadata.client_uri.host_str().unwrap_or_default().to_owned()
    }

    /// Whether it may use a grant.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.metadata.grant_types.iter().any(|known| known == grant_type)
    }

    /// Whether codes may be sent to an address: one that it registered, or the same on another port of its own machine
    /// (RFC 8252 section 7.3).
    pub fn may_be_redirected_to(&self, uri: &str) -> bool {
        self.metadata.redirect_uris.iter().any(|registered| {
            registered == uri
                || parse(registered).zip(parse(uri)).is_some_and(|(registered, mut given)| {
                    is_loopback(&registered) && given.set_port(None).is_ok() && registered == given
                })
        })
    }
}

/// What a client says of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Metadata {
    /// The address that it is known by; the others lie below it.
    pub client_uri: Url,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its logo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<Url>,
    /// Its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<Url>,
    /// What it does with what it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<Url>,
    /// Where codes may be sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// What kind it is.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// How it proves who it is: not at all.
    #[serde(default = "none")]
    pub token_endpoint_auth_method: String,
    /// The grants that it uses.
    #[serde(default = "grant_types")]
    pub grant_types: Vec<String>,
    /// What it asks the authorization endpoint for.
    #[serde(default = "response_types")]
    pub response_types: Vec<String>,
    /// Its name by language: `client_name#ru`.
    #[serde(flatten, default, deserialize_with = "client_names")]
    pub client_names: BTreeMap<String, String>,
}

/// What kind of program a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// In a browser.
    #[default]
    Web,
    /// On a device.
    Native,
}

fn none() -> String {
    "none".to_owned()
}

fn grant_types() -> Vec<String> {
    vec!["authorization_code".to_owned()]
}

fn response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

/// Of all that is left, the names by language.
fn client_names<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let rest = BTreeMap::<String, Value>::deserialize(from)?;
    let names = rest.into_iter().filter(|(key, _)| key.starts_with("client_name#"));
    Ok(names.filter_map(|(key, name)| Some((key, name.as_str()?.to_owned()))).collect())
}

impl Metadata {
    /// Reads and checks what a client says of itself.
    ///
    /// # Errors
    ///
    /// `invalid_client_metadata`, `invalid_redirect_uri`.
    pub fn parse(json: &Value, plain_http: bool) -> Result<Self, Refusal> {
        let refused = |why: String| Refusal::new("invalid_client_metadata", why);
        if json.to_string().len() > MAX_BYTES {
            return Err(refused(format!("The metadata has more than {MAX_BYTES} bytes.")));
        }
        let mut metadata = Self::deserialize(json).map_err(|e| refused(format!("The metadata cannot be used: {e}")))?;
        if !is_web(&metadata.client_uri, plain_http) {
            return Err(refused("client_uri is an https:// address.".to_owned()));
        }
        let others = [&metadata.logo_uri, &metadata.tos_uri, &metadata.policy_uri];
        for uri in others.into_iter().flatten() {
            if !is_web(uri, plain_http) || !is_below(uri, &metadata.client_uri) {
                return Err(refused(format!("{uri} is not below client_uri.")));
            }
        }
        if metadata.token_endpoint_auth_method != "none" {
            return Err(refused("There are public clients only: token_endpoint_auth_method is none.".to_owned()));
        }
        metadata.grant_types.retain(|grant| GRANT_TYPES.contains(&grant.as_str()));
        metadata.response_types.retain(|response| response == "code");
        let by_code = metadata.grant_types.iter().any(|grant| grant == "authorization_code");
        if by_code && (metadata.redirect_uris.is_empty() || metadata.response_types.is_empty()) {
            return Err(refused("authorization_code needs redirect_uris, and code among response_types.".to_owned()));
        }
        for uri in &metadata.redirect_uris {
            if !metadata.may_redirect_to(uri, plain_http) {
                let why = format!("{uri} cannot be a redirect_uri of this client.");
                return Err(Refusal::new("invalid_redirect_uri", why));
            }
        }
        Ok(metadata)
    }

    /// Whether a client may register an address for codes.
    /// <https://spec.matrix.org/v1.18/client-server-api/#redirect-uri-validation>
    fn may_redirect_to(&self, uri: &str, plain_http: bool) -> bool {
        let Some(url) = parse(uri).filter(|url| url.fragment().is_none()) else { return false };
        if is_web(&url, plain_http) && is_below(&url, &self.client_uri) {
            return true;
        }
        if self.application_type != ApplicationType::Native {
            return false;
        }
        if is_loopback(&url) {
            return url.port().is_none();
        }
        // A scheme of the client's own is its address backwards, and has no authority: `org.example.app:/back`.
        let backwards = self.client_uri.host_str().map(|host| host.rsplit('.').collect::<Vec<_>>().join("."));
        let is_own = |own: String| url.scheme() == own || url.scheme().starts_with(&format!("{own}."));
        !url.has_authority() && backwards.is_some_and(is_own)
    }

    /// The id of the client that says this of itself: the same for the same.
    pub fn id(&self) -> error::Result<String> {
        Ok(URL_SAFE_NO_PAD.encode(&Sha256::digest(serde_json::to_vec(self)?)[..16]))
    }
}

fn parse(uri: &str) -> Option<Url> {
    Url::parse(uri).ok().filter(|url| url.username().is_empty() && url.password().is_none())
}

/// Whether this is an address of the web, with TLS unless this server has none either.
fn is_web(url: &Url, plain_http: bool) -> bool {
    (url.scheme() == "https" || plain_http && url.scheme() == "http")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Whether an address has the host of another, or one below it.
fn is_below(url: &Url, base: &Url) -> bool {
    match (url.host(), base.host()) {
        (Some(Host::Domain(host)), Some(Host::Domain(base))) => {
            host == base || host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
        }
        (host, base) => host == base,
    }
}

/// Whether this is the machine of whoever opens it.
fn is_loopback(url: &Url) -> bool {
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    own && url.scheme() == "http"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn web(redirect: &str) -> Value {
        json!({ "client_uri": "https://chat.example.org/app", "redirect_uris": [redirect],
            "client_name": "Chat", "client_name#ru": "Чат", "unknown": { "a": 1 },
            "grant_types": ["authorization_code", "refresh_token", "implicit"], "response_types": ["code"] })
    }

    fn native(redirect: &str) -> Value {
        json!({ "client_uri": "https://example.org", "redirect_uris": [redirect], "application_type": "native" })
    }

    fn is_refused(metadata: &Value) -> bool {
        match Metadata::parse(metadata, false) {
            Ok(_) => false,
            Err(refusal) => ["invalid_redirect_uri", "invalid_client_metadata"].contains(&refusal.error),
        }
    }

    #[test]
    fn a_web_client_is_redirected_to_its_own_hosts() {
        for good in ["https://chat.example.org/back", "https://a.chat.example.org/?x=1"] {
            assert!(!is_refused(&web(good)), "{good}");
        }
        for bad in [
            "https://example.org/back",
            "https://evilchat.example.org/",
            "http://chat.example.org/back",
            "http://localhost/",
            "https://chat.example.org/#part",
            "https://user@chat.example.org/",
            "org.example.chat:/back",
            "javascript:alert(1)",
            "back",
        ] {
            assert!(is_refused(&web(bad)), "{bad}");
        }
        assert!(Metadata::parse(&web("http://chat.example.org/back"), true).is_ok(), "where nothing has TLS");
    }

    #[test]
    fn a_native_client_has_a_scheme_of_its_own_or_the_loopback() {
        for good in
            ["org.example:/back", "org.example.app:/", "http://localhost/back", "http://127.0.0.1/", "http://[::1]/"]
        {
            assert!(!is_refused(&native(good)), "{good}");
        }
        for bad in
            ["org.examples:/", "example:/", "org.example.app://back", "http://localhost:80801/", "ftp://localhost/"]
        {
            assert!(is_refused(&native(bad)), "{bad}");
        }
        let client = |uri: &str| Client { id: String::new(), metadata: Metadata::parse(&native(uri), false).unwrap() };
        assert!(client("http://127.0.0.1/back").may_be_redirected_to("http://127.0.0.1:51234/back"));
        assert!(!client("http://127.0.0.1/back").may_be_redirected_to("http://127.0.0.1:51234/other"));
        assert!(!client("http://127.0.0.1/back").may_be_redirected_to("http://127.0.0.2/back"));
        assert!(!client("org.example:/back").may_be_redirected_to("org.example:/back2"));
    }

    #[test]
    fn the_same_client_has_the_same_id() {
        let parse = |json: &Value| Metadata::parse(json, false).unwrap();
        let one = parse(&web("https://chat.example.org/back"));
        assert_eq!(one.id().unwrap(), parse(&web("https://chat.example.org/back")).id().unwrap());
        assert_ne!(one.id().unwrap(), parse(&web("https://chat.example.org/back2")).id().unwrap());
        let again: Metadata = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(again.id().unwrap(), one.id().unwrap(), "what is kept is what was checked");
        let client = Client { id: String::new(), metadata: again };
        assert_eq!((client.name("ru"), client.name("en")), ("Чат".to_owned(), "Chat".to_owned()));
        assert_eq!(client.metadata.grant_types, ["authorization_code", "refresh_token"]);
    }

    #[test]
    fn what_a_client_says_of_itself_is_checked() {
        let changed = |key: &str, value: Value| {
            let mut json = web("https://chat.example.org/back");
            json[key] = value;
            json
        };
        for bad in [
            changed("client_uri", json!("http://chat.example.org/")),
            changed("client_uri", json!(7)),
            changed("client_uri", Value::Null),
            changed("logo_uri", json!("https://tracker.example.net/logo.png")),
            changed("token_endpoint_auth_method", json!("client_secret_post")),
            changed("redirect_uris", json!([])),
            changed("response_types", json!(["token"])),
            changed("client_name", json!("x".repeat(MAX_BYTES))),
        ] {
            assert!(is_refused(&bad), "{bad}");
        }
    }
}
