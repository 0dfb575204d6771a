//! Where a session lives on this computer. On one that many share it lives in a folder for temporary files, with a key
//! that is nowhere but in memory, and goes with the session.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

/// Attempts to delete a folder, for tasks that end may still hold a file in it open.
const ATTEMPTS: u32 = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// The folder of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    /// Databases, files, and the session itself where it is kept
    pub(super) folder: PathBuf,
    /// It outlives the program
    pub(super) kept: bool,
}

impl Home {
    /// A folder that stays.
    pub(super) fn kept(folder: PathBuf) -> Self {
        Self { folder, kept: true }
    }

    /// A fresh folder that goes with the session. Only its owner looks into it.
    pub(super) fn passing(data_dir: &Path) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("{}{:016x}", prefix(data_dir), rand::random::<u64>()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // Not there yet: what others put there under this name is not taken.
        builder.create(&folder)?;
        Ok(Self { folder, kept: false })
    }

    /// Deletes the folder with everything in it. Call it where a moment may pass.
    pub(super) fn forget(&self) {
        // Without this file there is no session, whatever becomes of the rest.
        let _ = std::fs::remove_file(self.folder.join("session.json"));
        remove(&self.folder);
    }
}

/// Deletes what a program that died left over. One program runs in a data folder at a time, so nobody uses it.
pub(super) fn clear_passing(data_dir: &Path) {
    clear(&std::env::temp_dir(), &prefix(data_dir));
}

fn clear(temporary: &Path, prefix: &str) {
    let entries = std::fs::read_dir(temporary).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        remove(&entry.path());
    }
}

/// Tells the folders of this installation from those of others.
fn prefix(data_dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_path_buf()).hash(&mut hasher);
    format!("parta-shared-{:016x}-", hasher.finish())
}

fn remove(folder: &Path) {
    for attempt in 1..=ATTEMPTS {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) if attempt == ATTEMPTS => tracing::warn!(%error, "a folder of a session could not be deleted"),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passing_home_is_its_owners_alone_and_goes() {
        let data_dir = tempfile::tempdir().unwrap();
        let home = Home::passing(data_dir.path()).unwrap();
        assert!(!home.kept && !home.folder.starts_with(data_dir.path()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&home.folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        std::fs::write(home.folder.join("x"), "x").unwrap();
        home.forget();
        assert!(!home.folder.exists());
    }

    #[test]
    fn what_a_crash_left_goes_at_the_next_start_but_nothing_of_others() {
        let (ours, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let left = Home::passing(ours.path()).unwrap();
        let running = Home::passing(others.path()).unwrap();
        clear_passing(ours.path());
        assert!(!left.folder.exists() && running.folder.exists());
        running.forget();
    }

    #[test]
    fn the_mark_of_an_installation_is_the_same_at_every_start() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(prefix(dir.path()), prefix(&dir.path().join(".")));
    }
}
