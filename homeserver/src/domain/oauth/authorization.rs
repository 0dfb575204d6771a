//! What a client asks a person for, at the authorization endpoint.
//! RFC 6749 section 4.1, RFC 7636, and <https://spec.matrix.org/v1.18/client-server-api/#authorization-code-flow>.

use std::collections::BTreeMap;

use url::Url;

use super::{Refusal, client::Client, scope::Scope};

/// The parameters of a request.
pub type Parameters = BTreeMap<String, String>;

/// How the answer goes back to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// Behind the question mark.
    Query,
    /// Behind the number sign, where no server sees it.
    Fragment,
}

/// Where answers go: settled before anything else, as no other answer may be sent there.
#[derive(Clone, Debug)]
pub struct Return {
    /// The address.
    pub redirect_uri: String,
    mode: ResponseMode,
    state: Option<String>,
}

impl Return {
    /// Reads where answers go.
    ///
    /// # Errors
    ///
    /// `invalid_request`, for the person and not for the client: the address may be anybody's.
    pub fn parse(parameters: &Parameters, client: &Client) -> Result<Self, Refusal> {
        let redirect_uri =
            parameters.get("redirect_uri").ok_or_else(|| Refusal::request("redirect_uri is missing."))?;
        if !client.may_be_redirected_to(redirect_uri) {
            return Err(Refusal::request("redirect_uri is not one that the client registered."));
        }
        let mode = match parameters.get("response_mode").map(String::as_str) {
            None | Some("query") => ResponseMode::Query,
            Some("fragment") => ResponseMode::Fragment,
            Some(_) => return Err(Refusal::request("response_mode is query or fragment.")),
        };
        Ok(Self { redirect_uri: redirect_uri.clone(), mode, state: parameters.get("state").cloned() })
    }

    /// The address with an answer.
    ///
    /// # Errors
    ///
    /// `invalid_request` if it is no address, which none that was registered is.
    fn with(&self, answer: &[(&str, &str)]) -> Result<Url, Refusal> {
        let mut url = Url::parse(&self.redirect_uri).map_err(|_| Refusal::request("redirect_uri is no address."))?;
        let state = self.state.as_deref().map(|state| ("state", state));
        let pairs = answer.iter().copied().chain(state);
        match self.mode {
            ResponseMode::Query => {
                url.query_pairs_mut().extend_pairs(pairs);
            }
            ResponseMode::Fragment => {
                let fragment = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                url.set_fragment(Some(&fragment));
            }
        }
        Ok(url)
    }

    /// The address with a code.
    pub fn with_code(&self, code: &str) -> Result<Url, Refusal> {
        self.with(&[("code", code)])
    }

    /// The address with a refusal.
    pub fn with_refusal(&self, refusal: &Refusal) -> Result<Url, Refusal> {
        self.with(&[("error", refusal.error), ("error_description", &refusal.description)])
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For which device.
    pub scope: Scope,
    /// SHA-256 of the secret that it will show for the code, in base64url.
    pub code_challenge: String,
    /// Whether the person wants a new account.
    pub create: bool,
    /// Who the person is, as far as the client knows.
    pub login_hint: Option<String>,
}

impl Asked {
    /// Reads what a client asks for.
    ///
    /// # Errors
    ///
    /// Those of RFC 6749 section 4.1.2.1, for the client.
    pub fn parse(parameters: &Parameters, client: &Client) -> Result<Self, Refusal> {
        let get = |name: &str| parameters.get(name).map(String::as_str);
        if !client.may_use("authorization_code") {
            return Err(Refusal::new("unauthorized_client", "The client did not register for authorization_code."));
        }
        if get("response_type") != Some("code") {
            return Err(Refusal::new("unsupported_response_type", "response_type is code."));
        }
        let scope = Scope::parse(get("scope").unwrap_or_default())?;
        if get("code_challenge_method") != Some("S256") {
            return Err(Refusal::request("code_challenge_method is S256."));
        }
        // SHA-256 in base64url has 43 characters.
        let code_challenge = get("code_challenge").filter(|challenge| challenge.len() == 43);
        let code_challenge =
            code_challenge.ok_or_else(|| Refusal::request("code_challenge is a SHA-256, base64url."))?;
        let prompts: Vec<&str> = get("prompt").unwrap_or_default().split_ascii_whitespace().collect();
        if prompts.contains(&"none") {
            return Err(Refusal::new("interaction_required", "The person is always asked."));
        }
        // The hint is a user's id, or what older clients write before it.
        let hint = get("login_hint").map(|hint| hint.strip_prefix("mxid:").unwrap_or(hint));
        Ok(Self {
            scope,
            code_challenge: code_challenge.to_owned(),
            create: prompts.contains(&"create"),
            login_hint: hint.map(str::to_owned),
        })
    }
}
