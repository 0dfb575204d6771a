//! What is kept on this computer of a session: the tokens and the key of the local store in `session.json` (readable
//! by its owner alone), and the SDK's own databases in a folder beside it.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use matrix_sdk::{
    SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    ruma::{OwnedDeviceId, OwnedUserId},
};
use serde::{Deserialize, Serialize};

/// A session as kept on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredSession {
    /// Base address of the server
    pub(super) homeserver: String,
    /// Account
    pub(super) user_id: OwnedUserId,
    /// Device
    pub(super) device_id: OwnedDeviceId,
    access_token: String,
    refresh_token: Option<String>,
    /// Name of the folder with the databases
    pub(super) store: String,
    /// Opens the databases
    pub(super) key: [u8; 32],
}

impl StoredSession {
    /// A session just begun.
    pub(super) fn new(homeserver: String, session: &MatrixSession, place: &Place) -> Self {
        Self {
            homeserver,
            user_id: session.meta.user_id.clone(),
            device_id: session.meta.device_id.clone(),
            access_token: session.tokens.access_token.clone(),
            refresh_token: session.tokens.refresh_token.clone(),
            store: place.name.clone(),
            key: place.key,
        }
    }

    /// The session as the SDK wants it.
    pub(super) fn session(&self) -> MatrixSession {
        MatrixSession {
            meta: SessionMeta { user_id: self.user_id.clone(), device_id: self.device_id.clone() },
            tokens: SessionTokens {
                access_token: self.access_token.clone(),
                refresh_token: self.refresh_token.clone(),
            },
        }
    }

    /// Takes over new tokens.
    pub(super) fn set_tokens(&mut self, tokens: &SessionTokens) {
        self.access_token.clone_from(&tokens.access_token);
        self.refresh_token.clone_from(&tokens.refresh_token);
    }
}

/// A folder for the databases of one session.
#[derive(Clone)]
pub(super) struct Place {
    /// Where
    pub(super) path: PathBuf,
    /// Name in the data folder
    pub(super) name: String,
    /// Opens the databases
    pub(super) key: [u8; 32],
}

impl Place {
    /// A fresh folder with a fresh key: databases belong to one device and are never used for another.
    pub(super) fn fresh(data_dir: &Path) -> std::io::Result<Self> {
        let name = format!("store-{:016x}", rand::random::<u64>());
        let path = data_dir.join(&name);
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, name, key: rand::random() })
    }

    /// The folder of a kept session.
    pub(super) fn of(data_dir: &Path, session: &StoredSession) -> Self {
        Self { path: data_dir.join(&session.store), name: session.store.clone(), key: session.key }
    }

    /// Deletes the folder.
    pub(super) fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the local store could not be deleted");
        }
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("session.json")
}

/// Reads the session; `None` if there is none or the file is broken.
pub(super) fn load(data_dir: &Path) -> Option<StoredSession> {
    let bytes = std::fs::read(path(data_dir)).ok()?;
    serde_json::from_slice(&bytes).inspect_err(|error| tracing::warn!(%error, "session.json is broken")).ok()
}

/// Writes the session: a new file readable by its owner alone, moved over the old one when complete.
pub(super) fn save(data_dir: &Path, session: &StoredSession) -> std::io::Result<()> {
    std::fs::create_dir_all(data_dir)?;
    let partial = data_dir.join("session.json.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(&serde_json::to_vec(session)?)?;
    file.sync_all()?;
    std::fs::rename(partial, path(data_dir))
}

/// The folder for files that were handed to other programs.
pub(super) fn opened(data_dir: &Path) -> PathBuf {
    data_dir.join("opened")
}

/// The list of files that were brought to this computer.
pub(super) fn downloads(data_dir: &Path) -> PathBuf {
    data_dir.join("downloads.json")
}

/// The folder for feedback that waits to be sent.
pub(super) fn feedback(data_dir: &Path) -> PathBuf {
    data_dir.join("feedback")
}

/// Deletes what was opened before: the programs that read it are gone by the next start, or have it in their memory.
pub(super) fn forget_opened(data_dir: &Path) {
    match std::fs::remove_dir_all(opened(data_dir)) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "files opened before could not be deleted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredSession {
        StoredSession {
            homeserver: "http://127.0.0.1:1".into(),
            user_id: "@anna:academy".try_into().unwrap(),
            device_id: "DEVICE".into(),
            access_token: "secret".into(),
            refresh_token: None,
            store: "store-1".into(),
            key: [7; 32],
        }
    }

    #[test]
    fn a_session_survives_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), &stored()).unwrap();
        let loaded = load(dir.path()).unwrap();
        assert_eq!((loaded.user_id.as_str(), loaded.key), ("@anna:academy", [7; 32]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path(dir.path())).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_file_is_no_session() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path(dir.path()), "{\"homeserver\":").unwrap();
        assert!(load(dir.path()).is_none());
    }
}
