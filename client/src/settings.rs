//! What a person chose on this computer: language, appearance, the last server. Kept in `settings.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::options::Language;

/// A person's choice of language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LanguageChoice {
    /// As the system
    #[default]
    System,
    /// Russian
    Ru,
    /// English
    En,
}

/// A person's choice of appearance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// As the system
    #[default]
    System,
    /// Light
    Light,
    /// Dark
    Dark,
}

/// The choices of this computer. Nothing in here is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Language of the interface
    pub language: LanguageChoice,
    /// Light or dark
    pub theme: ThemeChoice,
    /// The server signed in to last, offered again
    pub server: Option<String>,
    /// The user name signed in with last
    pub user: Option<String>,
    /// The room that was open last
    pub room: Option<String>,
    /// Encrypted rooms where the person knows that the moves of games are not
    pub plain_games: std::collections::BTreeSet<String>,
}

impl Settings {
    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("settings.json")
    }

    /// Reads the choices; a missing or broken file means the defaults, for choices can be made again.
    pub fn load(data_dir: &Path) -> Self {
        std::fs::read(Self::path(data_dir))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Writes the choices. A failure costs no more than having to choose again, so it is only logged.
    pub fn save(&self, data_dir: &Path) {
        let written = std::fs::create_dir_all(data_dir)
            .and_then(|()| serde_json::to_vec_pretty(self).map_err(std::io::Error::other))
            .and_then(|bytes| std::fs::write(Self::path(data_dir), bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "settings could not be saved");
        }
    }
}

/// The language to speak: the choice, else the system's, and Russian where that is neither Russian nor known.
pub fn language(choice: LanguageChoice, locale: Option<&str>) -> Language {
    match choice {
        LanguageChoice::Ru => Language::Ru,
        LanguageChoice::En => Language::En,
        LanguageChoice::System => match locale {
            None | Some("" | "C" | "POSIX") => Language::Ru,
            Some(locale) if locale.starts_with("ru") || locale.starts_with("C.") => Language::Ru,
            Some(_) => Language::En,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_follows_the_choice_then_the_system() {
        assert_eq!(language(LanguageChoice::En, Some("ru-RU")), Language::En);
        assert_eq!(language(LanguageChoice::System, Some("ru-RU")), Language::Ru);
        assert_eq!(language(LanguageChoice::System, Some("en-GB")), Language::En);
        assert_eq!(language(LanguageChoice::System, None), Language::Ru);
        assert_eq!(language(LanguageChoice::System, Some("C.UTF-8")), Language::Ru);
    }

    #[test]
    fn settings_survive_and_a_broken_file_means_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { language: LanguageChoice::Ru, room: Some("!a:b".into()), ..Settings::default() };
        settings.save(dir.path());
        assert_eq!(Settings::load(dir.path()), settings);
        std::fs::write(dir.path().join("settings.json"), "{").unwrap();
        assert_eq!(Settings::load(dir.path()), Settings::default());
    }
}
