//! The accounts of this computer.

use std::path::PathBuf;

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A session begins, with what it keeps on this computer in this folder
    Begun {
        /// The folder
        folder: PathBuf,
        /// It outlives the session; otherwise it goes with it
        kept: bool,
    },
}
