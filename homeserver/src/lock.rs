//! One server to a data folder. A second one on the same embedded database would decide against a state that the first
//! has already changed.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The lock on a data folder. Ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// A folder that cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("A server is running on {0}. Stop it first, or name another folder.")]
    Held(PathBuf),
    /// The lock file cannot be used.
    #[error("The folder {0} cannot be used: {1}")]
    Io(PathBuf, #[source] io::Error),
}

impl Lock {
    /// Locks a folder, which must be there.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let failed = |e| LockError::Io(folder.to_owned(), e);
        let file = File::options().create(true).append(true).open(folder.join("parta.lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(folder.to_owned())),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}
