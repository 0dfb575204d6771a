//! What comes with a report: uploaded first, put on the report when that is sent, gone after a day in which it was not.
//!
//! The row is there before the bytes and goes after them, so that no bytes are ever without one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::Stream;
use image::ImageFormat;
use ruma::UserId;

use super::DAY;
use crate::{
    clock::{self, Clock},
    config,
    domain::{
        journal::{Journal, Writing},
        media::{self, Media},
    },
    error::{ApiError, Result},
    storage::{
        self,
        db::Db,
        feedback::attachments::{Attachment, Stored},
    },
};

/// How many come with one report.
const MOST: usize = 4;
/// How many of one user may be on no report: what several reports need that wait for a connection.
const MAX_WAITING: i64 = 16;
/// What the address of an attachment begins with.
const SCHEME: &str = "parta:feedback/";
const ID_LENGTH: usize = 24;
/// Attachments that go at a time.
const PAGE: i64 = 200;

/// An attachment that a report is sent with.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// What the sender calls it.
    pub name: String,
    /// Its address, as the upload has answered it.
    pub content_uri: String,
}

/// The service.
#[derive(Debug)]
pub struct Attachments {
    most_bytes: u64,
    db: Db,
    clock: Clock,
    journal: Journal,
    media: Arc<Media>,
}

impl Attachments {
    /// The service.
    pub fn new(config: &config::Feedback, db: Db, clock: Clock, journal: Journal, media: Arc<Media>) -> Self {
        Self { most_bytes: config.max_attachment_bytes, db, clock, journal, media }
    }

    /// Receives an attachment, and answers its address and what it is.
    ///
    /// # Errors
    ///
    /// `M_TOO_LARGE`; `M_LIMIT_EXCEEDED` for one who has uploaded many that are on no report; `M_INVALID_PARAM` for what is
    /// neither a picture nor a text.
    pub async fn receive<S, E>(
        &self,
        uploader: &UserId,
        declared: Option<u64>,
        bytes: S,
    ) -> Result<(String, &'static str)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let id = clock::random_word(ID_LENGTH, clock::LOWERCASE);
        let (reserved, user_id) = (id.clone(), uploader.to_owned());
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    if storage::feedback::attachments::waiting(&mut w.tx, &user_id).await? >= MAX_WAITING {
                        return Err(ApiError::limit_exceeded(Duration::from_hours(1)));
                    }
                    Ok(storage::feedback::attachments::reserve(&mut w.tx, &reserved, &user_id, w.now).await?)
                })
            })
            .await?;
        match self.fill(&id, declared, bytes).await {
            Ok(media_type) => Ok((format!("{SCHEME}{id}"), media_type)),
            Err(e) => {
                self.remove(vec![id]).await?;
                Err(e)
            }
        }
    }

    async fn fill<S, E>(&self, id: &str, declared: Option<u64>, bytes: S) -> Result<&'static str>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let (size, sha256) = self.media.receive_private(id, self.most_bytes, declared, bytes).await?;
        let bytes = self.media.read_private(id).await?.unwrap_or_default();
        let media_type = media_type(&bytes).ok_or_else(|| {
            ApiError::invalid_param(
                "This is neither a picture (PNG, JPEG, WebP) nor a text in UTF-8. Send one of these.",
            )
        })?;
        let stored = Stored { media_type, size, sha256 };
        self.journal.run(vec![storage::feedback::attachments::fill(id, &stored)], None).await?;
        Ok(media_type)
    }

    /// An attachment of a report and its bytes.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn read(&self, report: i64, n: i64) -> Result<(Attachment, Bytes)> {
        let none = || ApiError::not_found("There is no such attachment.");
        let attachment = storage::feedback::attachments::get(&self.db, report, n).await?.ok_or_else(none)?;
        let bytes = self.media.read_private(&attachment.id).await?.ok_or_else(|| {
            tracing::error!(report, n, "the bytes of an attachment are missing from the media store");
            none()
        })?;
        Ok((attachment, bytes))
    }

    /// Removes what was on a report that is gone, and what has waited for a day.
    pub async fn tidy(&self) -> Result<()> {
        loop {
            let until = self.clock.now() - DAY;
            let expired = storage::feedback::attachments::expired(&self.db, until, PAGE).await?;
            if expired.is_empty() {
                return Ok(());
            }
            self.remove(expired).await?;
        }
    }

    async fn remove(&self, ids: Vec<String>) -> Result<()> {
        for id in &ids {
            self.media.delete_private(id).await?;
        }
        self.journal.run(vec![storage::feedback::attachments::forget(&ids)], None).await
    }
}

/// Refuses attachments that are too many or wrongly named.
pub(super) fn check(attachments: &[NewAttachment]) -> Result<()> {
    if attachments.len() > MOST {
        return Err(ApiError::invalid_param("At most 4 attachments come with one report."));
    }
    for attachment in attachments {
        if attachment.name.trim().is_empty() {
            return Err(ApiError::invalid_param("An attachment has no name."));
        }
        media::check_name(&attachment.name)?;
    }
    Ok(())
}

/// Puts attachments on a report.
pub(super) async fn claim(
    w: &mut Writing,
    reporter: &UserId,
    report: i64,
    attachments: &[NewAttachment],
) -> Result<()> {
    for (n, NewAttachment { name, content_uri }) in (1..).zip(attachments) {
        let id = content_uri.strip_prefix(SCHEME).unwrap_or_default();
        let sent = (id, reporter, w.now - DAY);
        if !storage::feedback::attachments::claim(&mut w.tx, sent, (report, n, name)).await? {
            return Err(ApiError::not_found(
                "An attachment is not yours, or has waited for more than a day. Upload it again.",
            ));
        }
    }
    Ok(())
}

/// What bytes are, by what they begin with; a text is what is UTF-8 throughout. Nothing else is taken.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => Some("image/png"),
        Ok(ImageFormat::Jpeg) => Some("image/jpeg"),
        Ok(ImageFormat::WebP) => Some("image/webp"),
        _ => {
            let is_text = !bytes.is_empty() && !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
            is_text.then_some("text/plain; charset=utf-8")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_known_by_what_they_are() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0..."), Some("image/jpeg"));
        assert_eq!(media_type(b"RIFF\x10\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type("10:15 ошибка\n".as_bytes()), Some("text/plain; charset=utf-8"));
        for other in [&b""[..], b"MZ\x90\0\x03", b"a\0b", b"\xff\xfe\x41\0", b"\xcf\xf0\xe8"] {
            assert_eq!(media_type(other), None, "{other:?}");
        }
    }
}
