//! Uploaded files: who brought them, where their bytes lie, and what may be read.
//!
//! A file's key in the media store is made from its random id, which the server draws. Names that clients give are only
//! ever shown to clients again.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use ruma::{OwnedMxcUri, OwnedServerName, ServerName, UserId, api::error::ErrorKind};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use crate::{
    clock::{self, Clock, Millis},
    config::{self, Config},
    error::{ApiError, Result},
    storage::{
        self,
        blobs::{Blobs, Bytestream, Key},
        db::Db,
    },
    tasks::Tasks,
};

mod owned;
mod pace;
mod preview;
mod private;
mod receive;
mod thumbnail;
mod upkeep;

pub use crate::storage::media::{Content, Entry, Listed, Usage};
pub use private::private_key;
pub use receive::{Described, check_name};
pub use thumbnail::{Size, Thumbnail, wanted};

/// How long a reserved id waits for its bytes; the specification recommends a day.
const RESERVATION: Millis = 24 * 60 * 60 * 1000;
/// How many reserved ids of one user may wait at the same time.
const MAX_RESERVED: i64 = 64;
/// The longest that a reader may wait for bytes that are not there yet.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// The length of an id: 120 random bits, in small letters and digits, so that a file system that does not tell capital
/// letters from small ones does not mix up two files.
const ID_LENGTH: usize = 24;

/// A file that may be read.
#[derive(Clone, Debug)]
pub struct File {
    /// Its id.
    pub media_id: String,
    /// What it is.
    pub content: Content,
}

/// The files of this server.
#[derive(Debug)]
pub struct Media {
    config: config::Media,
    quota: owned::Quota,
    server_name: OwnedServerName,
    db: Db,
    journal: Journal,
    clock: Clock,
    blobs: Blobs,
    /// Pictures decoded at the same time.
    decoding: Semaphore,
    /// Thumbnails being made, so that thirty who open a picture decode it once.
    making: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
    /// Files that turned out to be no pictures.
    undecodable: Mutex<HashSet<String>>,
    /// Files read since this was last written down.
    touched: Mutex<HashMap<String, Millis>>,
    /// Reserved ids that are just being given their bytes.
    receiving: Mutex<HashSet<String>>,
    /// Moves on whenever a reserved id has got its bytes.
    filled: watch::Sender<u64>,
    previews: preview::Previews,
    stopping: CancellationToken,
}

impl Media {
    /// Opens the media store and begins its upkeep.
    pub fn start(config: &Config, db: Db, journal: Journal, clock: Clock, tasks: &Tasks) -> anyhow::Result<Arc<Self>> {
        let blobs = Blobs::local(&config.media_dir())?;
        let help = match &config.support.page {
            Some(page) => page.to_string(),
            None => format!("{}/account", config.base_url()),
        };
        let media = Arc::new(Self {
            quota: owned::Quota { bytes: config.media.max_bytes_per_user, help },
            decoding: Semaphore::new(config.media.parallel_thumbnails.max(1)),
            previews: preview::Previews::new(),
            config: config.media.clone(),
            server_name: config.server.name.clone(),
            db,
            journal,
            clock,
            blobs,
            making: Mutex::default(),
            undecodable: Mutex::default(),
            touched: Mutex::default(),
            receiving: Mutex::default(),
            filled: watch::Sender::new(0),
            stopping: tasks.stopping().clone(),
        });
        tasks.spawn(media.clone().upkeep());
        Ok(media)
    }

    /// The largest upload in bytes.
    pub fn max_upload_bytes(&self) -> u64 {
        self.config.max_upload_bytes
    }

    /// The address of a file.
    pub fn uri(&self, media_id: &str) -> OwnedMxcUri {
        format!("mxc://{}/{media_id}", self.server_name).into()
    }

    /// Reserves an id, to be given its bytes later; answers until when it waits.
    ///
    /// # Errors
    ///
    /// `M_LIMIT_EXCEEDED` if the user has reserved many that still wait.
    pub async fn reserve(&self, uploader: &UserId) -> Result<(OwnedMxcUri, Millis)> {
        let now = self.clock.now();
        if storage::media::reserved(&self.db, uploader, now).await? >= MAX_RESERVED {
            return Err(ApiError::limit_exceeded(Duration::from_mins(1)));
        }
        let expires_at = now + RESERVATION;
        let media_id = new_id();
        let uri = self.uri(&media_id);
        let entry = Entry {
            media_id,
            uploader: uploader.to_owned(),
            created_at: now,
            expires_at: Some(expires_at),
            quarantined: false,
            content: None,
        };
        self.journal.run(vec![storage::media::insert(&entry)], None).await?;
        Ok((uri, expires_at))
    }

    /// A file of this server that may be read. One whose id is reserved is waited for.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`; `M_NOT_YET_UPLOADED` if the bytes did not come in time.
    pub async fn find(&self, server: &ServerName, media_id: &str, wait: Duration) -> Result<File> {
        let deadline = Instant::now() + wait.min(MAX_WAIT);
        let mut filled = self.filled.subscribe();
        loop {
            let entry = self.entry(server, media_id).await?;
            if let Some(content) = entry.content {
                self.touched.lock().insert(entry.media_id.clone(), self.clock.now());
                return Ok(File { media_id: entry.media_id, content });
            }
            if Instant::now() >= deadline || self.stopping.is_cancelled() {
                return Err(ApiError::new(
                    StatusCode::GATEWAY_TIMEOUT,
                    ErrorKind::NotYetUploaded,
                    "This file is not uploaded yet. Try again later.",
                ));
            }
            // Another process may receive it, so the wait is cut into pieces. Either end of a piece only means to look
            // again.
            let piece = timeout_at(deadline.min(Instant::now() + Duration::from_secs(1)), filled.changed());
            let _ = self.stopping.run_until_cancelled(piece).await;
        }
    }

    async fn entry(&self, server: &ServerName, media_id: &str) -> Result<Entry> {
        let unknown = || ApiError::not_found("There is no such file.");
        if server != self.server_name || !is_id(media_id) {
            return Err(unknown());
        }
        let entry = storage::media::find(&self.db, media_id).await?.ok_or_else(unknown)?;
        let expired = entry.content.is_none() && entry.expires_at.is_none_or(|at| at <= self.clock.now());
        if entry.quarantined || expired {
            return Err(unknown());
        }
        Ok(entry)
    }

    /// The bytes of a file, or a part of them.
    pub async fn read(&self, file: &File, range: Option<Range<u64>>) -> Result<Bytestream> {
        let found = self.blobs.read(&content_key(&file.media_id), range).await?;
        found.ok_or_else(|| {
            tracing::error!(media_id = file.media_id, "the bytes of a file are missing from the media store");
            ApiError::not_found("There is no such file.")
        })
    }

    /// Stores a file that the server itself brings, such as a picture of a web page. It counts as the user's who asked for
    /// it, and yet is not refused: it is there for everybody.
    async fn store(&self, uploader: &UserId, bytes: Bytes, content_type: String) -> Result<String> {
        let media_id = new_id();
        let content = Content {
            size: bytes.len() as u64,
            sha256: <sha2::Sha256 as sha2::Digest>::digest(&bytes).to_vec(),
            content_type,
            filename: None,
        };
        self.blobs.put(&content_key(&media_id), bytes).await?;
        let entry = Entry {
            media_id: media_id.clone(),
            uploader: uploader.to_owned(),
            created_at: self.clock.now(),
            expires_at: None,
            quarantined: false,
            content: Some(content),
        };
        self.journal.run(vec![storage::media::insert(&entry)], None).await?;
        Ok(media_id)
    }
}

fn new_id() -> String {
    clock::random_word(ID_LENGTH, clock::LOWERCASE)
}

/// Whether a text can be an id of ours, or of a server whose data was taken over. All else need not be looked up.
fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Where the bytes of a file lie. Two levels of folders keep each of them small.
pub fn content_key(media_id: &str) -> Key {
    key("content", media_id)
}

fn key(kind: &str, media_id: &str) -> Key {
    let (first, second) = (media_id.get(..2).unwrap_or(media_id), media_id.get(2..4).unwrap_or("_"));
    Key::from_iter([kind, first, second, media_id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_paths() {
        assert!(is_id(&new_id()));
        for trick in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b", "%2e%2e", "файл", "a b", "a#1", &"a".repeat(256)]
        {
            assert!(!is_id(trick), "{trick:?}");
        }
    }

    #[test]
    fn keys_are_made_from_ids() {
        assert_eq!(content_key("abcdefgh").to_string(), "content/ab/cd/abcdefgh");
        assert_eq!(content_key("a").to_string(), "content/a/_/a");
    }
}
