//! OAuth 2.0: the server lets clients in that never see a password. People sign in on its own pages, in a browser.
//! <https://spec.matrix.org/v1.18/client-server-api/#oauth-20-api>
//!
//! A client registers itself, asks for a device's session by an authorization code (RFC 6749, with RFC 7636) or by a
//! code that is typed on another device (RFC 8628), and from then on has the same session as by the legacy API: one
//! device with one pair of tokens, which [`Devices`] keeps. Knows nothing of pages.

pub mod authorization;
pub mod browser;
pub mod client;
pub mod code;
pub mod device_code;
pub mod scope;

use std::sync::Arc;

use self::client::{Client, Metadata};
use super::{
    devices::{Devices, Issued, Refreshed, SignIn},
    journal::{Journal, Writing},
};
use crate::{
    clock::Clock,
    error::Result,
    storage::{self, db::Db},
};

/// Why a client is refused, for the client: RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2, RFC 8628
/// section 3.5.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {description}")]
pub struct Refusal {
    /// The code of the error, as those documents have it.
    pub error: &'static str,
    /// One sentence for the developer.
    pub description: String,
}

impl Refusal {
    /// A refusal by its code.
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    /// `invalid_request`: a parameter is missing or cannot be used.
    pub fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    /// `invalid_grant`: a code or a token that is not valid, or not this client's.
    pub fn grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }
}

/// What a client is answered: it may be refused, and a failure of ours is something else.
pub type Answer<T> = Result<std::result::Result<T, Refusal>>;

/// What a client is given at the token endpoint.
#[derive(Debug)]
pub struct Granted {
    /// The tokens.
    pub issued: Issued,
    /// What they are for.
    pub scope: String,
}

/// The service.
#[derive(Debug)]
pub struct OAuth {
    db: Db,
    clock: Clock,
    journal: Journal,
    devices: Arc<Devices>,
    /// Whether this server is reached without TLS, so that clients may be too.
    plain_http: bool,
}

impl OAuth {
    /// The service.
    pub fn new(db: Db, clock: Clock, journal: Journal, devices: Arc<Devices>, plain_http: bool) -> Self {
        Self { db, clock, journal, devices, plain_http }
    }

    /// The client of an id.
    pub async fn client(&self, client_id: &str) -> Result<Option<Client>> {
        let Some(metadata) = storage::oauth::client(&self.db, client_id).await? else { return Ok(None) };
        Ok(Some(Client { id: client_id.to_owned(), metadata: serde_json::from_str(&metadata)? }))
    }

    /// Checks what a client says of itself, and tells which client that is and whether it has registered lately.
    pub async fn check(&self, metadata: &serde_json::Value) -> Answer<(Client, bool)> {
        let metadata = match Metadata::parse(metadata, self.plain_http) {
            Ok(metadata) => metadata,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let id = metadata.id()?;
        let known = storage::oauth::is_registered(&self.db, &id, self.clock.now()).await?;
        Ok(Ok((Client { id, metadata }, known)))
    }

    /// Registers a client, and forgets registrations that nobody has used for long.
    pub async fn register(&self, client: &Client) -> Result<()> {
        let (id, metadata) = (client.id.clone(), serde_json::to_string(&client.metadata)?);
        self.journal
            .write(move |w| {
                Box::pin(async move { Ok(storage::oauth::insert_client(&mut w.tx, &id, &metadata, w.now).await?) })
            })
            .await
    }

    /// A new pair of tokens for a refresh token.
    pub async fn refresh(&self, refresh_token: &str, client_id: &str) -> Answer<Granted> {
        Ok(match self.devices.refresh(refresh_token, Some(client_id.to_owned())).await? {
            Refreshed::Issued(issued) => Ok(Granted { scope: scope::of(&issued.device_id), issued }),
            Refreshed::Unknown => Err(Refusal::grant("The refresh token is not known, or is another client's.")),
            Refreshed::Reused => Err(Refusal::grant("The refresh token was used before. The session has ended.")),
            // Anything but `invalid_grant`, at which clients forget the session and its keys.
            Refreshed::Locked => Err(Refusal::new("access_denied", "The account is locked.")),
        })
    }

    /// Signs out the device of a token, for its client. `false` if it is not that client's.
    pub async fn revoke(&self, token: &str, client_id: Option<String>) -> Result<bool> {
        self.devices.revoke(token, client_id).await
    }
}

/// What a person let a client have.
struct Grant {
    user_id: ruma::OwnedUserId,
    device_id: ruma::OwnedDeviceId,
    client_id: String,
    client_name: Option<String>,
    scope: String,
}

impl Grant {
    /// Signs the device in, within a transaction.
    async fn issue(self, w: &mut Writing, devices: &Devices) -> Result<Granted> {
        let sign_in = SignIn {
            device_id: Some(self.device_id),
            display_name: self.client_name,
            refresh: true,
            client_id: Some(self.client_id),
        };
        let issued = devices.issue(w, &self.user_id, sign_in).await?;
        Ok(Granted { issued, scope: self.scope })
    }
}
