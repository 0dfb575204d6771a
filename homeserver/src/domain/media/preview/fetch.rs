//! Fetching a page that a person names, with all its redirects: each is checked anew.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header;
use reqwest::Client;
use url::Url;

use crate::domain::outgoing::{self, Reach};

const MAX_REDIRECTS: usize = 4;
/// For a page and all its redirects.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0} may not be fetched")]
    Forbidden(Url),
    #[error("too many redirects")]
    Redirects,
    #[error("the answer was {0}")]
    Status(http::StatusCode),
    #[error("it took too long")]
    Slow,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Where it came from in the end.
    pub(super) url: Url,
    /// What the server says that it is.
    pub(super) content_type: String,
    /// The bytes, as many as were allowed.
    pub(super) bytes: Bytes,
    /// Whether there was more.
    pub(super) cut: bool,
}

impl Fetched {
    /// The content type without its parameters.
    pub(super) fn essence(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }
}

/// A client for previews.
pub(super) fn client(reach: Reach) -> reqwest::Result<Client> {
    outgoing::client(reach)
        .user_agent(concat!("Parta/", env!("CARGO_PKG_VERSION"), " (link preview)"))
        .pool_max_idle_per_host(0)
        .build()
}

/// Fetches at most `most` bytes, following redirects.
pub(super) async fn fetch(client: &Client, url: Url, most: usize, reach: Reach) -> Result<Fetched, FetchError> {
    tokio::time::timeout(PATIENCE, follow(client, url, most, reach)).await.map_err(|_| FetchError::Slow)?
}

async fn follow(client: &Client, mut url: Url, most: usize, reach: Reach) -> Result<Fetched, FetchError> {
    for _ in 0..=MAX_REDIRECTS {
        if !reach.allows(&url) {
            return Err(FetchError::Forbidden(url));
        }
        let request = client.get(url.clone()).header(header::ACCEPT, "text/html,image/*;q=0.9,*/*;q=0.1");
        let mut response = request.header(header::ACCEPT_LANGUAGE, "ru,en;q=0.8").send().await?;
        let status = response.status();
        if status.is_redirection() {
            let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            url = target.and_then(|target| url.join(target).ok()).ok_or(FetchError::Status(status))?;
            continue;
        }
        if !status.is_success() {
            return Err(FetchError::Status(status));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            let room = most - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok(Fetched { url, content_type, bytes: bytes.freeze(), cut: true });
            }
        }
        return Ok(Fetched { url, content_type, bytes: bytes.freeze(), cut: false });
    }
    Err(FetchError::Redirects)
}
