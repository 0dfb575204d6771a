//! Receiving a file: streamed to the store as it comes, bounded in size, and gone again if it breaks off.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use ruma::{OwnedMxcUri, ServerName, UserId, api::error::ErrorKind};
use sha2::{Digest as _, Sha256};

use super::{Content, Entry, Media, content_key, new_id, pace::Pace};
use crate::{
    error::{ApiError, Result},
    storage::{
        self,
        blobs::{Key, Writer},
    },
};

/// The longest name of a file, in bytes.
const MAX_NAME: usize = 255;

/// What a client says of its upload.
#[derive(Clone, Debug)]
pub struct Described {
    content_type: String,
    filename: Option<String>,
}

impl Described {
    /// Checks what a client says.
    ///
    /// # Errors
    ///
    /// `M_INVALID_PARAM` for a name that is a path and for a content type that is none.
    pub fn new(content_type: Option<String>, filename: Option<String>) -> Result<Self> {
        let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        let well_formed = content_type.len() <= 255
            && content_type.split_once('/').is_some()
            && content_type.bytes().all(|b| (b' '..=b'~').contains(&b));
        if !well_formed {
            return Err(ApiError::invalid_param("The content type is not one. An example of one is image/png."));
        }
        let filename = filename.filter(|name| !name.is_empty());
        if let Some(name) = &filename {
            check_name(name)?;
        }
        Ok(Self { content_type, filename })
    }
}

/// Refuses a file's name that is a path or that no header can carry.
pub fn check_name(name: &str) -> Result<()> {
    if name.len() > MAX_NAME {
        return Err(ApiError::invalid_param("The file's name is too long. 255 bytes are allowed."));
    }
    if matches!(name, "." | "..") || name.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        return Err(ApiError::invalid_param("A file's name cannot be a path or hold control characters."));
    }
    Ok(())
}

impl Media {
    /// Receives a file and gives it an id.
    ///
    /// # Errors
    ///
    /// `M_TOO_LARGE`, `M_USER_LIMIT_EXCEEDED`; of an upload that fails or breaks off nothing is left.
    pub async fn upload<S, E>(
        &self,
        uploader: &UserId,
        described: Described,
        declared: Option<u64>,
        bytes: S,
    ) -> Result<OwnedMxcUri>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let media_id = new_id();
        let content = self.receive(uploader, &media_id, described, declared, bytes).await?;
        let (size, key) = (content.size, content_key(&media_id));
        let uri = self.uri(&media_id);
        let entry = Entry {
            uploader: uploader.to_owned(),
            created_at: self.clock.now(),
            expires_at: None,
            quarantined: false,
            content: Some(content),
            media_id,
        };
        let quota = self.quota.clone();
        let stored = self.journal.write(move |w| {
            Box::pin(async move {
                quota.check(&mut w.tx, &entry.uploader, size).await?;
                storage::media::insert(&entry).run(&mut w.tx).await?;
                Ok(())
            })
        });
        if let Err(e) = stored.await {
            self.blobs.delete(&key).await?;
            return Err(e);
        }
        Ok(uri)
    }

    /// Receives the file of an id that was reserved before.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND` for an id that was not reserved or whose time is over, `M_FORBIDDEN` for another user's,
    /// `M_CANNOT_OVERWRITE_MEDIA` if it has its bytes already, `M_TOO_LARGE`, `M_USER_LIMIT_EXCEEDED`.
    pub async fn upload_to<S, E>(
        &self,
        uploader: &UserId,
        (server, media_id): (&ServerName, &str),
        described: Described,
        declared: Option<u64>,
        bytes: S,
    ) -> Result<()>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let overwritten = || {
            ApiError::new(StatusCode::CONFLICT, ErrorKind::CannotOverwriteMedia, "This file has been uploaded already.")
        };
        let entry = self.entry(server, media_id).await?;
        if entry.uploader != uploader {
            return Err(ApiError::forbidden("Another user has reserved this id."));
        }
        // Two uploads to one id must not share a file, nor may one that has just ended lose its own.
        let _receiving = Receiving::begin(self, &entry.media_id).ok_or_else(overwritten)?;
        let entry = self.entry(server, media_id).await?;
        if entry.content.is_some() {
            return Err(overwritten());
        }
        let content = self.receive(uploader, &entry.media_id, described, declared, bytes).await?;
        let (quota, key) = (self.quota.clone(), content_key(&entry.media_id));
        let filled = self.journal.write(move |w| {
            Box::pin(async move {
                quota.check(&mut w.tx, &entry.uploader, content.size).await?;
                Ok(storage::media::fill(&entry.media_id, &content).run(&mut w.tx).await? == 1)
            })
        });
        match filled.await {
            Ok(true) => {}
            Ok(false) => return Err(overwritten()),
            Err(e) => {
                self.blobs.delete(&key).await?;
                return Err(e);
            }
        }
        self.filled.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn receive<S, E>(
        &self,
        uploader: &UserId,
        media_id: &str,
        described: Described,
        declared: Option<u64>,
        bytes: S,
    ) -> Result<Content>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let most = self.config.max_upload_bytes;
        // What is certain to be refused is not written to the disk first.
        let length = declared.filter(|length| *length <= most).unwrap_or(0);
        if let Err(e) = self.quota.check(&self.db, uploader, length).await {
            discard(bytes, most).await;
            return Err(e);
        }
        let (size, sha256) = self.receive_at(content_key(media_id), most, declared, bytes).await?;
        let Described { content_type, filename } = described;
        Ok(Content { size, sha256, content_type, filename })
    }

    /// Receives bytes under a key, and answers how many they are and their hash.
    ///
    /// # Errors
    ///
    /// `M_TOO_LARGE` for more than `most`.
    pub(super) async fn receive_at<S, E>(
        &self,
        key: Key,
        most: u64,
        declared: Option<u64>,
        mut bytes: S,
    ) -> Result<(u64, Vec<u8>)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        if declared.is_some_and(|length| length > most) {
            discard(bytes, most).await;
            return Err(too_large(most));
        }
        let mut writer = self.blobs.write(key);
        match take(&mut writer, most, &mut bytes).await {
            Ok(received) => {
                writer.finish().await?;
                Ok(received)
            }
            Err(e) => {
                writer.abort().await?;
                discard(bytes, most).await;
                Err(e)
            }
        }
    }
}

async fn take<S, E>(writer: &mut Writer, most: u64, bytes: &mut S) -> Result<(u64, Vec<u8>)>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let mut hash = Sha256::new();
    let mut pace = Pace::default();
    while let Some(chunk) = pace.next(bytes).await? {
        if pace.received > most {
            return Err(too_large(most));
        }
        hash.update(&chunk);
        writer.write(chunk).await?;
    }
    Ok((pace.received, hash.finalize().to_vec()))
}

/// Takes in what is still coming, for a moment and no more than twice what a file may have, so that a client that writes
/// before it reads sees the answer and not a connection cut off.
async fn discard<S, E>(mut bytes: S, most: u64)
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = bytes.next().await {
            seen += chunk.len() as u64;
            if seen > most.saturating_mul(2) {
                break;
            }
        }
    };
    // Either way the answer is the same.
    let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
}

fn too_large(most: u64) -> ApiError {
    ApiError::too_large(format!("The file is too large. At most {most} bytes are allowed here."))
}

/// An id that is just being given its bytes.
struct Receiving<'a>(&'a Media, String);

impl<'a> Receiving<'a> {
    fn begin(media: &'a Media, media_id: &str) -> Option<Self> {
        media.receiving.lock().insert(media_id.to_owned()).then(|| Self(media, media_id.to_owned()))
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.0.receiving.lock().remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for name in ["photo 1.png", "домашнее задание.docx", "☕", "a;b\"c", ".profile", "..."] {
            check_name(name).unwrap();
        }
        for name in ["../../etc/passwd", "a/b", "a\\b", "..", "a\0", "a\r\nX: y", &"я".repeat(128)] {
            check_name(name).unwrap_err();
        }
    }

    #[test]
    fn content_types_are_checked() {
        let described = |text: &str| Described::new(Some(text.to_owned()), None);
        described("text/plain; charset=utf-8").unwrap();
        described("nonsense").unwrap_err();
        described("text/plain\r\nX: y").unwrap_err();
        assert_eq!(Described::new(None, None).unwrap().content_type, "application/octet-stream");
    }
}
