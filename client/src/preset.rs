//! What was decided for this computer before anybody sat down at it.

use std::path::PathBuf;

use crate::settings::Settings;

/// What an administrator decided. Where a person may choose, it holds until they do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preset {
    /// Whether many share this computer; nobody may choose otherwise
    pub shared_computer: Option<bool>,
    /// Minutes until whoever stops using a shared computer is signed out
    pub idle_minutes: Option<u16>,
}

/// This computer: where its choices are kept, and what was decided for it.
#[derive(Debug, Clone)]
pub struct Computer {
    /// The folder for everything kept on this computer
    pub data_dir: PathBuf,
    /// What was decided
    pub preset: Preset,
}

impl Computer {
    /// The choices as they are now.
    pub fn settings(&self) -> Settings {
        Settings { preset: self.preset.clone(), ..Settings::load(&self.data_dir) }
    }
}
