//! Files of messages on their way to this computer. What is not encrypted is written to disk as it comes; what is, the
//! SDK opens in memory.

use std::{
    collections::HashMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use matrix_sdk::{
    media::{MediaFormat, MediaRequestParameters},
    reqwest::{StatusCode, header},
    ruma::{MxcUri, events::room::MediaSource},
};
use tokio::{io::AsyncWriteExt, task::AbortHandle};

use crate::{
    matrix::{failure, files, live::Live, store},
    model::{
        media::{End, News, Place, Wish, address, numbered, safe_name},
        update::{Failure, Update},
    },
};

/// Names tried in a folder that has the name already.
const NAMES: u32 = 1000;
/// Bytes between two words about how far a file of unknown size is.
const STRIDE: u64 = 256 << 10;
/// Longer does no file take.
const LONGEST: Duration = Duration::from_hours(6);

/// Files on their way, and those that were brought.
pub(super) struct Loads {
    coming: Mutex<HashMap<String, AbortHandle>>,
    brought: Mutex<HashMap<String, PathBuf>>,
}

impl Loads {
    /// Reads what was brought before.
    pub(super) fn of(data_dir: &Path) -> Self {
        let brought = std::fs::read(store::downloads(data_dir))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self { coming: Mutex::default(), brought: Mutex::new(brought) }
    }

    fn known(&self) -> Vec<(String, PathBuf)> {
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.retain(|_, path| path.exists());
        brought.iter().map(|(address, path)| (address.clone(), path.clone())).collect()
    }

    fn keep(&self, data_dir: &Path, address: &str, path: &Path) {
        let mut brought = self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.insert(address.to_owned(), path.to_path_buf());
        let written = serde_json::to_vec(&*brought)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(store::downloads(data_dir), bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "the list of files brought here cannot be saved");
        }
    }

    /// Notes what stops a loading, or takes that note back.
    fn note(&self, address: &str, handle: Option<AbortHandle>) -> Option<AbortHandle> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        match handle {
            Some(handle) => coming.insert(address.to_owned(), handle),
            None => coming.remove(address),
        }
    }
}

/// Tells what was brought before and is still there.
pub(super) fn tell_known(live: &Live) {
    let known = live.loads.known();
    if !known.is_empty() {
        live.updates.send(Update::Media(News::Known(known)));
    }
}

/// Does what is wished of a file.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Load { source, name, to } => {
            let address = address(&source).to_owned();
            // It ends with the session: a set of tasks stops them when it goes.
            let mut task = tokio::task::JoinSet::new();
            let own = Arc::clone(live);
            let handle = task.spawn(async move { load(&own, &source, &name, to).await });
            live.loads.note(&address, Some(handle));
            let end = match task.join_next().await {
                Some(Ok(Ok(path))) => {
                    live.loads.keep(&live.data_dir, &address, &path);
                    End::Here(path)
                }
                Some(Ok(Err(failure))) => End::Failed(failure),
                Some(Err(error)) if error.is_cancelled() => End::Stopped,
                Some(Err(_)) | None => End::Failed(Failure::Other),
            };
            live.loads.note(&address, None);
            live.updates.send(Update::Media(News::Ended { address, end }));
        }
        Wish::Stop { source } => {
            if let Some(handle) = live.loads.note(address(&source), None) {
                handle.abort();
            }
        }
    }
}

/// A file that is not whole yet, and goes away unless it becomes so.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a part of a file could not be deleted"),
        }
    }
}

async fn load(live: &Live, source: &str, name: &str, to: Place) -> Result<PathBuf, Failure> {
    let folder = store::opened(&live.data_dir);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| unsaved(&error))?;
    let part = Part(folder.join(format!("{:016x}.part", rand::random::<u64>())));
    let parsed = files::parse(source).ok_or(Failure::NotFound)?;
    match &parsed {
        MediaSource::Plain(uri) if uri.server_name().is_ok_and(|server| server != LOCAL) => {
            stream(live, uri, address(source), &part.0).await?;
        }
        _ => {
            let request = MediaRequestParameters { source: parsed, format: MediaFormat::File };
            let content = live.client.media().get_media_content(&request, false).await;
            let bytes = content.map_err(|error| failure::of(&error))?;
            tokio::fs::write(&part.0, bytes).await.map_err(|error| unsaved(&error))?;
        }
    }
    let name = safe_name(name);
    tokio::task::spawn_blocking(move || {
        let (path, taken) = match to {
            Place::Path(path) => (path, false),
            Place::Folder(folder) => (free(&folder, &name).map_err(|error| unsaved(&error))?, true),
        };
        match put(&part.0, &path) {
            Ok(()) => Ok(path),
            Err(error) => {
                if taken {
                    let _ = std::fs::remove_file(&path);
                }
                Err(unsaved(&error))
            }
        }
    })
    .await
    .map_err(|_| Failure::Other)?
}

/// The server that files have which wait in the send queue.
const LOCAL: &str = "send-queue.localhost";

fn unsaved(error: &std::io::Error) -> Failure {
    tracing::warn!(%error, "file cannot be saved");
    Failure::CannotSave
}

/// Writes a file to disk as it comes, and tells how far it is.
async fn stream(live: &Live, uri: &MxcUri, address: &str, path: &Path) -> Result<(), Failure> {
    let mut answer = ask(live, uri).await?;
    if answer.status() == StatusCode::UNAUTHORIZED && live.client.refresh_access_token().await.is_ok() {
        answer = ask(live, uri).await?;
    }
    match answer.status() {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND => return Err(Failure::NotFound),
        StatusCode::FORBIDDEN => return Err(Failure::Forbidden),
        StatusCode::TOO_MANY_REQUESTS => return Err(Failure::TooMany),
        _ => return Err(Failure::ServerAway),
    }
    let total = answer.content_length();
    let mut file = tokio::fs::File::create(path).await.map_err(|error| unsaved(&error))?;
    let step = total.map_or(STRIDE, |total| (total / 100).max(1));
    let (mut done, mut told) = (0_u64, 0_u64);
    while let Some(chunk) = answer.chunk().await.map_err(|error| {
        tracing::info!(%error, "file was not loaded");
        Failure::ServerAway
    })? {
        file.write_all(&chunk).await.map_err(|error| unsaved(&error))?;
        done += chunk.len() as u64;
        if done - told >= step {
            told = done;
            live.updates.send(Update::Media(News::Progress { address: address.to_owned(), done, total }));
        }
    }
    file.flush().await.map_err(|error| unsaved(&error))
}

async fn ask(live: &Live, uri: &MxcUri) -> Result<matrix_sdk::reqwest::Response, Failure> {
    let (server, id) = uri.parts().map_err(|_| Failure::NotFound)?;
    let mut url = live.client.homeserver();
    url.path_segments_mut().map_err(|()| Failure::NotFound)?.pop_if_empty().extend([
        "_matrix",
        "client",
        "v1",
        "media",
        "download",
        server.as_str(),
        id,
    ]);
    let mut request = live.client.http_client().get(url).timeout(LONGEST);
    if let Some(token) = live.client.access_token() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.send().await.map_err(|error| {
        tracing::info!(error = %error.without_url(), "file was not loaded");
        Failure::ServerAway
    })
}

/// A name that the folder does not have yet, taken by an empty file.
fn free(folder: &Path, name: &str) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    for number in 0..NAMES {
        let path = folder.join(if number == 0 { name.to_owned() } else { numbered(name, number) });
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Moves a file, to another disk too, and tells Windows that others made it.
fn put(from: &Path, to: &Path) -> std::io::Result<()> {
    if std::fs::rename(from, to).is_err() {
        std::fs::copy(from, to)?;
    }
    if cfg!(windows) {
        let mut stream = to.as_os_str().to_owned();
        stream.push(":Zone.Identifier");
        // Disks that know no such mark do without.
        let _ = std::fs::write(stream, "[ZoneTransfer]\r\nZoneId=3\r\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_folder_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.pdf"), "old").unwrap();
        let path = free(dir.path(), "a.pdf").unwrap();
        assert_eq!(path, dir.path().join("a (1).pdf"));
        let part = Part(dir.path().join("x.part"));
        std::fs::write(&part.0, "new").unwrap();
        put(&part.0, &path).unwrap();
        drop(part);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(dir.path().join("a.pdf")).unwrap(), "old");
    }

    #[test]
    fn a_part_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        std::fs::write(&path, "half").unwrap();
        drop(Part(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn what_was_brought_is_known_after_a_restart_while_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, deleted) = (dir.path().join("a.pdf"), dir.path().join("b.pdf"));
        std::fs::write(&kept, "a").unwrap();
        let loads = Loads::of(dir.path());
        loads.keep(dir.path(), "mxc://academy/1", &kept);
        loads.keep(dir.path(), "mxc://academy/2", &deleted);
        assert_eq!(Loads::of(dir.path()).known(), [("mxc://academy/1".to_owned(), kept)]);
        crate::matrix::home::Home::kept(dir.path().to_path_buf()).forget();
        assert!(Loads::of(dir.path()).known().is_empty(), "nothing of an account stays");
    }
}
