//! What one account chose on this computer. Kept in `own.json` in its folder, and gone with it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The choices of an account on this computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// The folder that a file was saved in last
    pub downloads: Option<PathBuf>,
    /// The room that was open last
    pub room: Option<String>,
    /// Emoji used last, the newest first
    pub emoji: Vec<String>,
    /// Encrypted rooms where the person knows that the moves of games are not
    pub plain_games: BTreeSet<String>,
}

impl Own {
    /// Reads the choices; what is missing or broken means the default of that choice alone.
    pub fn load(folder: &Path) -> Self {
        super::read(&folder.join("own.json"))
    }

    /// Writes the choices.
    pub fn save(&self, folder: &Path) {
        super::write(&folder.join("own.json"), self);
    }
}
