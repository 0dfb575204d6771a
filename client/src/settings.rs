//! What a person chose on this computer: language, appearance, the last server. Kept in `settings.json`.

mod own;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    model::{desktop::Place, notify::Choices, shared},
    options::Language,
    preset::{Preset, Proxy},
};

pub use own::Own;

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

/// How close things stand to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    /// With room to breathe
    #[default]
    Comfortable,
    /// More on one screen
    Compact,
}

/// How the server is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyChoice {
    /// As the system says
    #[default]
    System,
    /// Directly
    None,
    /// Through the proxy of [`Network::address`]
    Address,
}

/// Choices about the network. They are read when a session begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Through a proxy
    pub proxy: ProxyChoice,
    /// `http://…` or `socks5://…`, empty without one
    pub address: String,
    /// Name of the file of certificate authorities that was chosen; its copy is [`authorities`]
    pub authorities: Option<String>,
}

impl Network {
    /// An address that a proxy can have.
    pub fn sound(address: &str) -> bool {
        url::Url::parse(address).is_ok_and(|url| {
            ["http", "https", "socks5", "socks5h"].contains(&url.scheme())
                && url.host_str().is_some_and(|host| !host.is_empty())
        })
    }
}

/// The copy of the certificate authorities that a person chose.
pub fn authorities(data_dir: &Path) -> PathBuf {
    data_dir.join("authorities.pem")
}

/// Sizes of letters to choose from, in per cent.
pub const TEXT_SIZES: [u16; 7] = [90, 100, 110, 120, 130, 140, 150];

/// The choices of this computer. Nothing in here is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Language of the interface
    pub language: LanguageChoice,
    /// Light or dark
    pub theme: ThemeChoice,
    /// Size of letters, one of [`TEXT_SIZES`]
    pub text_size: u16,
    /// How close things stand
    pub density: Density,
    /// Enter sends; otherwise Ctrl+Enter does, and Enter begins a line
    pub enter_sends: bool,
    /// Closing the window leaves the program in the tray, where there is one
    pub close_to_tray: bool,
    /// Notifications
    pub notifications: Choices,
    /// The way to the server
    pub network: Network,
    /// Where the window was
    pub place: Option<Place>,
    /// The server signed in to last, offered again
    pub server: Option<String>,
    /// The user name signed in with last; a shared computer keeps none
    pub user: Option<String>,
    /// Many share this computer, and nothing of an account is kept on it
    pub shared_computer: bool,
    /// Minutes until whoever stops using a shared computer is signed out
    pub idle_minutes: Option<u16>,
    /// Who was shown around here, as [`crate::model::person::mark`] tells people apart: a shared computer need not keep
    /// their names
    pub toured: std::collections::BTreeSet<u32>,
    /// What was decided for this computer
    #[serde(skip)]
    pub preset: Preset,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: LanguageChoice::default(),
            theme: ThemeChoice::default(),
            text_size: 100,
            density: Density::default(),
            enter_sends: true,
            close_to_tray: true,
            notifications: Choices::default(),
            network: Network::default(),
            place: None,
            server: None,
            user: None,
            shared_computer: false,
            idle_minutes: None,
            toured: std::collections::BTreeSet::new(),
            preset: Preset::default(),
        }
    }
}

impl Settings {
    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("settings.json")
    }

    /// Whether this computer has any choices yet.
    pub fn kept(data_dir: &Path) -> bool {
        Self::path(data_dir).exists()
    }

    /// Reads the choices; what is missing or broken means the default of that choice alone, for it can be made again.
    pub fn load(data_dir: &Path) -> Self {
        let mut settings: Self = read(&Self::path(data_dir));
        settings.text_size = nearest_size(settings.text_size);
        settings
    }

    /// Whether many share this computer. What was decided for it is not for those who sit at it to change.
    pub fn shared(&self) -> bool {
        self.preset.shared_computer.unwrap_or(self.shared_computer)
    }

    /// The language to speak.
    pub fn speaks(&self, locale: Option<&str>) -> Language {
        language(self.language, self.preset.language, locale)
    }

    /// The proxy to go through, `None` for what the system says.
    pub fn proxy(&self) -> Option<Proxy> {
        match self.network.proxy {
            ProxyChoice::None => Some(Proxy::None),
            ProxyChoice::Address if Network::sound(&self.network.address) => {
                Some(Proxy::Address(self.network.address.clone()))
            }
            ProxyChoice::Address => None,
            ProxyChoice::System => self.preset.proxy.clone(),
        }
    }

    /// Files of certificate authorities that are trusted besides those of the system.
    pub fn authorities(&self, data_dir: &Path) -> Vec<PathBuf> {
        let chosen = self.network.authorities.as_ref().map(|_| authorities(data_dir));
        self.preset.ca_file.clone().into_iter().chain(chosen).collect()
    }

    /// Minutes until whoever stops using a shared computer is signed out.
    pub fn idle_minutes(&self) -> u16 {
        self.idle_minutes.or(self.preset.idle_minutes).unwrap_or(shared::USUAL).clamp(1, shared::LONGEST)
    }

    /// Letters one size larger or smaller.
    pub fn resize_text(&mut self, larger: bool) {
        let sizes = TEXT_SIZES.into_iter();
        let next = if larger {
            sizes.clone().find(|size| *size > self.text_size)
        } else {
            sizes.clone().rfind(|size| *size < self.text_size)
        };
        self.text_size = next.unwrap_or(self.text_size);
    }

    /// Writes the choices.
    pub fn save(&self, data_dir: &Path) {
        write(&Self::path(data_dir), self);
    }
}

/// Reads the choices of a file of which some may make no sense.
fn read<T: Serialize + DeserializeOwned + Default>(path: &Path) -> T {
    let file = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    file.map_or_else(T::default, |file: Value| mended(&file))
}

fn mended<T: Serialize + DeserializeOwned + Default>(file: &Value) -> T {
    let Ok(mut whole) = serde_json::to_value(T::default()) else { return T::default() };
    for (path, value) in leaves(&whole, file, "") {
        let Some(place) = whole.pointer_mut(&path) else { continue };
        let before = std::mem::replace(place, value);
        if serde_json::from_value::<T>(whole.clone()).is_err()
            && let Some(place) = whole.pointer_mut(&path)
        {
            tracing::warn!(choice = path, "a choice that was kept is broken");
            *place = before;
        }
    }
    serde_json::from_value(whole).unwrap_or_default()
}

/// Writes choices. A failure costs no more than having to choose again, so it is only logged.
fn write(path: &Path, choices: &impl Serialize) {
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| serde_json::to_vec_pretty(choices).map_err(std::io::Error::other))
        .and_then(|bytes| std::fs::write(path, bytes));
    if let Err(error) = written {
        tracing::warn!(%error, "choices could not be saved");
    }
}

/// The choices of a file, each by its path; groups of choices are those that the whole has.
fn leaves(whole: &Value, file: &Value, path: &str) -> Vec<(String, Value)> {
    let (Value::Object(whole), Value::Object(file)) = (whole, file) else {
        return vec![(path.to_owned(), file.clone())];
    };
    let known = file.iter().filter_map(|(key, value)| Some((key, whole.get(key)?, value)));
    known.flat_map(|(key, whole, value)| leaves(whole, value, &format!("{path}/{key}"))).collect()
}

fn nearest_size(size: u16) -> u16 {
    TEXT_SIZES.into_iter().min_by_key(|other| other.abs_diff(size)).unwrap_or(100)
}

/// The language to speak: the choice, else what was decided for the computer, else the system's, and Russian where that is neither Russian nor known.
pub fn language(choice: LanguageChoice, decided: Option<Language>, locale: Option<&str>) -> Language {
    match choice {
        LanguageChoice::Ru => Language::Ru,
        LanguageChoice::En => Language::En,
        LanguageChoice::System => decided.unwrap_or_else(|| match locale {
            None | Some("" | "C" | "POSIX") => Language::Ru,
            Some(locale) if locale.starts_with("ru") || locale.starts_with("C.") => Language::Ru,
            Some(_) => Language::En,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_follows_the_choice_then_the_system() {
        assert_eq!(language(LanguageChoice::En, None, Some("ru-RU")), Language::En);
        assert_eq!(language(LanguageChoice::System, None, Some("ru-RU")), Language::Ru);
        assert_eq!(language(LanguageChoice::System, None, Some("en-GB")), Language::En);
        assert_eq!(language(LanguageChoice::System, None, None), Language::Ru);
        assert_eq!(language(LanguageChoice::System, None, Some("C.UTF-8")), Language::Ru);
        assert_eq!(language(LanguageChoice::System, Some(Language::En), Some("ru-RU")), Language::En);
        assert_eq!(language(LanguageChoice::Ru, Some(Language::En), None), Language::Ru);
    }

    #[test]
    fn settings_survive_and_a_broken_file_means_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { language: LanguageChoice::Ru, user: Some("anna".into()), ..Settings::default() };
        settings.save(dir.path());
        assert_eq!(Settings::load(dir.path()), settings);
        std::fs::write(dir.path().join("settings.json"), "{").unwrap();
        assert_eq!(Settings::load(dir.path()), Settings::default());
    }

    #[test]
    fn a_broken_choice_falls_back_alone() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{
            "language": "klingon", "theme": "dark", "text_size": 137, "unknown": [1], "room": 7, "user": "anna",
            "notifications": {"sound": false, "previews": "some", "hours": {"from": -1, "to": 360}},
            "network": "none", "place": {"x": 1, "y": 2, "width": 3}
        }"#;
        std::fs::write(dir.path().join("settings.json"), text).unwrap();
        let mut expected = Settings { theme: ThemeChoice::Dark, text_size: 140, ..Settings::default() };
        expected.user = Some("anna".into());
        expected.notifications.sound = false;
        expected.notifications.hours.to = 360;
        assert_eq!(Settings::load(dir.path()), expected);
    }

    #[test]
    fn letters_grow_and_shrink_by_steps_within_limits() {
        let mut settings = Settings::default();
        settings.resize_text(true);
        assert_eq!(settings.text_size, 110);
        (0..9).for_each(|_| settings.resize_text(true));
        assert_eq!(settings.text_size, 150);
        (0..9).for_each(|_| settings.resize_text(false));
        assert_eq!(settings.text_size, 90);
    }

    #[test]
    fn proxies_have_a_scheme_and_a_host() {
        for address in ["http://proxy:3128", "socks5://10.0.0.1:1080", "http://anna:secret@proxy.lan/"] {
            assert!(Network::sound(address), "{address}");
        }
        for address in ["", "proxy:3128", "ftp://proxy", "http://", "socks5://"] {
            assert!(!Network::sound(address), "{address}");
        }
    }

    #[test]
    fn a_shared_computer_is_one_by_choice_or_by_decision() {
        let mut settings = Settings::default();
        assert!(!settings.shared() && settings.idle_minutes() == shared::USUAL);
        settings.preset.idle_minutes = Some(20);
        assert_eq!(settings.idle_minutes(), 20);
        settings.idle_minutes = Some(5);
        assert_eq!(settings.idle_minutes(), 5, "what was chosen goes before what was decided");
        settings.shared_computer = true;
        assert!(settings.shared());
        settings.preset.shared_computer = Some(false);
        assert!(!settings.shared(), "but what the computer is was decided");
    }

    #[test]
    fn choices_of_an_account_survive_and_break_alone() {
        let dir = tempfile::tempdir().unwrap();
        let own = Own { room: Some("!a:b".into()), emoji: vec!["👍".into()], ..Own::default() };
        own.save(dir.path());
        assert_eq!(Own::load(dir.path()), own);
        std::fs::write(dir.path().join("own.json"), r#"{"room": 7, "emoji": ["👍"]}"#).unwrap();
        assert_eq!(Own::load(dir.path()), Own { room: None, ..own });
    }

    #[test]
    fn what_was_decided_of_the_network_holds_until_a_person_chooses() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        assert_eq!((settings.proxy(), settings.authorities(dir.path())), (None, Vec::new()));
        settings.preset.proxy = Some(Proxy::Address("http://proxy:3128".into()));
        settings.preset.ca_file = Some("/etc/parta/ca.pem".into());
        assert_eq!(settings.proxy(), settings.preset.proxy);
        settings.network.proxy = ProxyChoice::None;
        settings.network.authorities = Some("own.pem".into());
        assert_eq!(settings.proxy(), Some(Proxy::None));
        assert_eq!(settings.authorities(dir.path()), [PathBuf::from("/etc/parta/ca.pem"), authorities(dir.path())]);
    }
}
