use serde::{Deserialize, Serialize};

/// Files and pictures.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// How many bytes of files one person may have here in all; 0 for no limit.
    pub max_bytes_per_user: u64,
    /// The largest picture that is decoded for a thumbnail, in pixels.
    pub max_pixels: u64,
    /// Pictures decoded at the same time.
    pub parallel_thumbnails: usize,
    /// Whether previews of web pages are made.
    pub url_previews: bool,
    /// Whether previews may reach addresses of the own network; only the developer's mode does.
    pub preview_private_addresses: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            max_upload_bytes: 100 * 1024 * 1024,
            max_bytes_per_user: 0,
            max_pixels: 50_000_000,
            parallel_thumbnails: 2,
            url_previews: false,
            preview_private_addresses: false,
        }
    }
}
