//! What one person has stored: how much that may be, and deleting it.

use futures_util::TryStreamExt as _;
use ruma::{ServerName, UserId};

use super::{Listed, Media, Usage, content_key, is_id, key, upkeep::PAGE};
use crate::{
    clock::Millis,
    error::{ApiError, Result},
    storage::{self, db::On},
};

/// How much one person may store.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    /// Bytes of all files; zero for no limit.
    pub(super) bytes: u64,
    /// Where a person reads more.
    pub(super) help: String,
}

impl Quota {
    /// Refuses a file that would make it too much.
    ///
    /// # Errors
    ///
    /// `M_USER_LIMIT_EXCEEDED`.
    pub(super) async fn check(&self, on: impl Into<On<'_>>, uploader: &UserId, size: u64) -> Result<()> {
        if self.bytes == 0 || storage::media::stored_by(on, uploader).await?.saturating_add(size) <= self.bytes {
            return Ok(());
        }
        let message = format!(
            "Your files would take up more than the {} bytes that you have here. Ask an administrator to delete some of \
             them or to allow you more.",
            self.bytes
        );
        Err(ApiError::user_limit_exceeded(message, self.help.clone()))
    }
}

impl Media {
    /// The files of one person, in the order of their ids.
    pub async fn of_user(&self, uploader: &UserId) -> Result<Vec<Listed>> {
        Ok(storage::media::of_user(&self.db, uploader).await?)
    }

    /// How much everybody has stored who has stored anything between two moments, in no order.
    pub async fn usage(&self, from: Millis, until: Millis) -> Result<Vec<Usage>> {
        Ok(storage::media::usage(&self.db, from, until).await?)
    }

    /// Deletes files.
    pub async fn delete(&self, media_ids: &[String]) -> Result<()> {
        for page in media_ids.chunks(PAGE) {
            // First what could be made again, then what makes it a file. Should the server end after that, the upkeep finds
            // bytes without one.
            for media_id in page {
                let thumbnails: Vec<_> = self.blobs.list(&key("thumbnails", media_id)).try_collect().await?;
                for (thumbnail, _) in &thumbnails {
                    self.blobs.delete(thumbnail).await?;
                }
            }
            self.journal.run(storage::media::delete(page), None).await?;
            for media_id in page {
                self.blobs.delete(&content_key(media_id)).await?;
            }
        }
        Ok(())
    }

    /// Deletes one file.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn delete_one(&self, server: &ServerName, media_id: &str) -> Result<()> {
        let ours = server == self.server_name && is_id(media_id);
        if !ours || storage::media::find(&self.db, media_id).await?.is_none() {
            return Err(ApiError::not_found("There is no such file."));
        }
        self.delete(&[media_id.to_owned()]).await
    }
}
