//! What happens to files besides requests: noting when they were read, forgetting ids that were reserved in vain, and
//! removing bytes that belong to no file.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::{TryStreamExt as _, stream::StreamExt as _};

use super::{Media, preview};
use crate::{
    clock::Millis,
    error::{ApiError, Result},
    storage::{self, blobs::Key},
};

/// How often is noted which files were read.
const NOTE_EVERY: Duration = Duration::from_mins(1);
/// How often the store is gone through.
const TIDY_EVERY: Duration = Duration::from_hours(24);
/// Bytes without a file are left alone for as long as an upload may take.
const YOUNG: Millis = 6 * 60 * 60 * 1000;
/// Rows in one statement or one commit.
pub(super) const PAGE: usize = 200;

impl Media {
    /// Runs until the server stops.
    pub(super) async fn upkeep(self: Arc<Self>) {
        let mut note = tokio::time::interval(NOTE_EVERY);
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        loop {
            let done = tokio::select! {
                _ = note.tick() => self.note_reads().await,
                _ = tidy.tick() => self.tidy().await,
            };
            if let Err(e) = done {
                tracing::warn!(error = &e as &dyn std::error::Error, "the upkeep of media failed; it is tried again");
            }
        }
    }

    /// Writes down which files were read since this was last done.
    async fn note_reads(&self) -> Result<()> {
        let touched: Vec<(String, Millis)> = self.touched.lock().drain().collect();
        for page in touched.chunks(PAGE) {
            let touches = page.iter().map(|(media_id, at)| storage::media::touch(media_id, *at));
            self.journal.run(touches.collect(), None).await?;
        }
        Ok(())
    }

    /// Forgets reserved ids whose time is over and old previews, and removes bytes that belong to no file: an upload
    /// stores its bytes first, and the process may have ended before the row was written.
    pub async fn tidy(&self) -> Result<()> {
        let now = self.clock.now();
        let forget = vec![storage::media::forget_expired(now), storage::media::forget_previews(now - preview::KEPT)];
        self.journal.run(forget, None).await?;
        let before = UNIX_EPOCH + Duration::from_millis((now - YOUNG).max(0) as u64);
        let blobs = self.blobs.clone();
        let mut removed =
            tokio::task::spawn_blocking(move || blobs.sweep(before)).await.map_err(ApiError::internal)??;
        // A thumbnail may have been made just while its file was deleted.
        let mut pages = self
            .blobs
            .list(&Key::from("content"))
            .chain(self.blobs.list(&Key::from("thumbnails")))
            .try_filter(move |(_, changed)| std::future::ready(*changed < now - YOUNG))
            .map_ok(|(key, _)| key)
            .try_chunks(PAGE)
            .boxed();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| e.1)?;
            // Both are kept as kind, two folders and the id; a thumbnail has its size after that.
            let id = |key: &Key| key.parts().nth(3).map_or_else(String::new, |part| part.as_ref().to_owned());
            let ids: Vec<String> = page.iter().map(id).collect();
            let known: HashSet<String> = storage::media::known(&self.db, &ids).await?.into_iter().collect();
            for key in page.iter().filter(|key| !known.contains(&id(key))) {
                self.blobs.delete(key).await?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!(removed, "removed bytes that belonged to no file");
        }
        Ok(())
    }
}
