//! Calls to push gateways, which people's apps name.
//! <https://spec.matrix.org/v1.18/push-gateway-api/#post_matrixpushv1notify>

use std::time::Duration;

use bytes::BytesMut;
use http::{StatusCode, header};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use crate::{
    config,
    domain::outgoing::{self, Reach},
};

/// How long a gateway may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Why a gateway was not told.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It is in the own network and not listed.
    #[error("push.allowed_gateways does not list it")]
    Forbidden,
    /// It refused.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// It said more than a gateway has to say.
    #[error("its answer is too long")]
    TooLong,
    /// It could not be reached, or not in time.
    #[error(transparent)]
    Connection(reqwest::Error),
}

impl From<reqwest::Error> for GatewayError {
    fn from(error: reqwest::Error) -> Self {
        // A gateway's address may hold a secret of its user.
        Self::Connection(error.without_url())
    }
}

/// What a gateway answers.
#[derive(Debug, Deserialize)]
struct Answer {
    /// Keys of pushers that are to be removed.
    #[serde(default)]
    rejected: Vec<String>,
}

/// The way to push gateways: those of the open internet, and those of the own network that are listed.
#[derive(Debug)]
pub struct Gateways {
    config: config::Push,
    /// Each made when it is first needed: reading the system's certificates takes a moment.
    public: OnceCell<Client>,
    anywhere: OnceCell<Client>,
}

impl Gateways {
    /// As configured. Nothing is called as yet.
    pub fn new(config: config::Push) -> Self {
        Self { config, public: OnceCell::new(), anywhere: OnceCell::new() }
    }

    fn reach(&self, url: &Url) -> Reach {
        if self.config.lists(url) { Reach::Anywhere } else { Reach::Public }
    }

    /// Whether a gateway may be told at all, as far as its address says. A name is looked up only when it is called.
    pub fn allows(&self, url: &Url) -> bool {
        self.reach(url).allows(url)
    }

    /// Tells a gateway, and hears which keys are no longer valid.
    pub async fn notify(&self, url: &Url, body: String) -> Result<Vec<String>, GatewayError> {
        let reach = self.reach(url);
        if !reach.allows(url) {
            return Err(GatewayError::Forbidden);
        }
        let made = match reach {
            Reach::Public => &self.public,
            Reach::Anywhere => &self.anywhere,
        };
        let agent = concat!("Parta/", env!("CARGO_PKG_VERSION"));
        let make = || async { outgoing::client(reach).user_agent(agent).timeout(PATIENCE).build() };
        let request = made.get_or_try_init(make).await?.post(url.clone());
        let mut response = request.header(header::CONTENT_TYPE, "application/json").body(body).send().await?;
        if !response.status().is_success() {
            return Err(GatewayError::Status(response.status()));
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                return Err(GatewayError::TooLong);
            }
        }
        // It was told; one that does not answer as it should rejects nobody.
        Ok(serde_json::from_slice::<Answer>(&bytes).map(|answer| answer.rejected).unwrap_or_default())
    }
}
