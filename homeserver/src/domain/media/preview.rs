//! Previews of web pages. The server fetches what a member of the school names, so it guards itself: no addresses of
//! the own network, few redirects, little time, little size.

use ruma::{UserId, api::error::ErrorKind};
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::Media;
use crate::{
    clock::Millis,
    domain::outgoing::Reach,
    error::{ApiError, Result},
    storage,
};

mod fetch;
mod page;

/// How long a preview is kept.
pub(super) const KEPT: Millis = 60 * 60 * 1000;
/// Pages fetched at the same time.
const AT_ONCE: usize = 4;
/// The largest part of a page that is read.
const MAX_PAGE: usize = 1 << 20;
/// The largest picture that is taken into a preview.
const MAX_PICTURE: usize = 4 << 20;

/// The means to fetch pages.
#[derive(Debug)]
pub(super) struct Previews {
    /// Made when it is first needed: reading the system's certificates takes a moment.
    client: OnceCell<reqwest::Client>,
    at_once: Semaphore,
}

impl Previews {
    pub(super) fn new() -> Self {
        Self { client: OnceCell::new(), at_once: Semaphore::new(AT_ONCE) }
    }
}

/// The one answer to every page that could not be had: more would tell a stranger about the network behind us.
fn unreachable() -> ApiError {
    ApiError::new(http::StatusCode::BAD_GATEWAY, ErrorKind::Unknown, "No preview of this page can be made.")
}

impl Media {
    /// The OpenGraph data of a web page, a JSON object that may be empty.
    ///
    /// # Errors
    ///
    /// `M_UNRECOGNIZED` where previews are switched off, `M_INVALID_PARAM` for what is no web address, `M_UNKNOWN` (502)
    /// for a page that cannot be had.
    pub async fn preview(&self, user_id: &UserId, url: &str) -> Result<String> {
        if !self.config.url_previews {
            return Err(ApiError::unrecognized("Previews of web pages are switched off here."));
        }
        let mut url: Url = url.parse().map_err(|_| ApiError::invalid_param("This is not a web address."))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ApiError::invalid_param("Only web addresses, http and https, have previews."));
        }
        url.set_fragment(None);
        let now = self.clock.now();
        if let Some(kept) = storage::media::preview(&self.db, url.as_str(), now - KEPT).await? {
            return Ok(kept);
        }
        let Ok(_permit) = self.previews.at_once.acquire().await else { return Err(unreachable()) };
        let response = Value::Object(self.look_at(user_id, url.clone()).await?).to_string();
        let statement = storage::media::keep_preview(url.as_str(), now, &response);
        self.journal.run(vec![statement], None).await?;
        Ok(response)
    }

    async fn look_at(&self, user_id: &UserId, url: Url) -> Result<Map<String, Value>> {
        let reach = if self.config.preview_private_addresses { Reach::Anywhere } else { Reach::Public };
        let client = self.previews.client.get_or_try_init(|| async { fetch::client(reach) }).await;
        let client = client.map_err(ApiError::internal)?;
        let fetched = fetch::fetch(client, url, MAX_PAGE.max(MAX_PICTURE), reach).await.map_err(|e| {
            tracing::debug!(error = &e as &dyn std::error::Error, "a page for a preview could not be had");
            unreachable()
        })?;
        if fetched.content_type.starts_with("image/") {
            return Ok(self.picture(user_id, fetched).await?.unwrap_or_default());
        }
        if !matches!(fetched.essence(), "text/html" | "application/xhtml+xml") {
            return Ok(Map::new());
        }
        let fetch::Fetched { url, content_type, bytes, .. } = fetched;
        let page = tokio::task::spawn_blocking(move || {
            page::open_graph(&page::decode(&bytes[..bytes.len().min(MAX_PAGE)], &content_type))
        });
        let mut data = page.await.map_err(ApiError::internal)?;
        let picture = data.remove("og:image").as_ref().and_then(Value::as_str).and_then(|link| url.join(link).ok());
        if let Some(link) = picture
            && let Ok(fetched) = fetch::fetch(client, link, MAX_PICTURE, reach).await
            && let Some(picture) = self.picture(user_id, fetched).await?
        {
            data.extend(picture);
        }
        Ok(data)
    }

    /// Keeps a page's picture as a file of this server; `None` if it is no picture.
    async fn picture(&self, user_id: &UserId, fetched: fetch::Fetched) -> Result<Option<Map<String, Value>>> {
        let Some((content_type, width, height)) = measure(&fetched.bytes) else { return Ok(None) };
        if fetched.cut || u64::from(width) * u64::from(height) > self.config.max_pixels {
            return Ok(None);
        }
        let size = fetched.bytes.len();
        let media_id = self.store(user_id, fetched.bytes, content_type.to_owned()).await?;
        let fields = [
            ("og:image", Value::from(self.uri(&media_id).to_string())),
            ("og:image:type", content_type.into()),
            ("og:image:width", width.into()),
            ("og:image:height", height.into()),
            ("matrix:image:size", size.into()),
        ];
        Ok(Some(fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()))
    }
}

/// What kind of picture bytes are and how large, by their header; what the other server says does not count.
fn measure(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?;
    let content_type = reader.format()?.to_mime_type();
    let (width, height) = reader.into_dimensions().ok()?;
    Some((content_type, width, height))
}
