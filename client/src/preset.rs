//! What was decided for this computer before anybody sat down at it: `client.toml`, as an administrator or an installer
//! wrote it. A mistake in it is told in the log and costs the key that it is in, never the start.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::{
    model::shared,
    options::Language,
    settings::{Network, Settings},
};

/// Name of the file.
const NAME: &str = "client.toml";
/// Longest file that is read, in bytes: nobody writes more by hand.
const LONGEST: u64 = 64 << 10;

/// What an administrator decided. Where a person may choose, it holds until they do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preset {
    /// Address of the server, as a person would type it
    pub server: Option<String>,
    /// What the program is called on the sign-in page and in the title of its window
    pub title: Option<String>,
    /// File of certificate authorities to trust besides those of the system
    pub ca_file: Option<PathBuf>,
    /// Whether many share this computer; nobody may choose otherwise
    pub shared_computer: Option<bool>,
    /// Minutes until whoever stops using a shared computer is signed out
    pub idle_minutes: Option<u16>,
    /// Address of the room that is opened, and joined, first
    pub room: Option<String>,
    /// Proxy
    pub proxy: Option<Proxy>,
    /// Language of the interface
    pub language: Option<Language>,
}

/// The proxy that was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// None, whatever the system says
    None,
    /// At this address
    Address(String),
}

impl Proxy {
    /// Its address without the secrets that may be in it, empty for none.
    pub fn shown(&self) -> String {
        let Self::Address(address) = self else { return String::new() };
        let Ok(mut url) = url::Url::parse(address) else { return String::new() };
        // An address with a host takes both.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url.as_str().trim_end_matches('/').to_owned()
    }
}

/// What is wrong with a file, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// It cannot be read
    Unreadable(String),
    /// It is no TOML: the line, and why
    Broken(usize, String),
    /// A key that there is not
    Unknown(String),
    /// The value of a key makes no sense: what it should be
    Value(&'static str, &'static str),
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Broken(line, why) => write!(f, "line {line} is no TOML, so nothing of the file holds: {why}"),
            Self::Unknown(key) => write!(f, "there is no key `{key}`"),
            Self::Value(key, wanted) => write!(f, "`{key}` must be {wanted}, and is left out"),
        }
    }
}

impl Preset {
    /// What was decided for this computer: the system's file, and over it the one beside the program.
    pub fn find() -> Self {
        let mut preset = Self::default();
        for path in places() {
            for mistake in preset.read(&path) {
                tracing::error!(file = %path.display(), %mistake, "mistake in the preset");
            }
        }
        preset
    }

    /// Takes over what a file says; a file that there is not says nothing. Returns what is wrong with it.
    pub fn read(&mut self, path: &Path) -> Vec<Mistake> {
        let unreadable = |error: std::io::Error| vec![Mistake::Unreadable(error.to_string())];
        match std::fs::metadata(path) {
            Ok(file) if file.len() > LONGEST => return vec![Mistake::Unreadable("it is too large".into())],
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => return unreadable(error),
        }
        match std::fs::read_to_string(path) {
            // Editors of Windows put a mark in front.
            Ok(text) => self.take(text.trim_start_matches('\u{feff}'), path.parent().unwrap_or(Path::new(""))),
            Err(error) => unreadable(error),
        }
    }

    fn take(&mut self, text: &str, folder: &Path) -> Vec<Mistake> {
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                let error: toml::de::Error = error;
                let at = error.span().map_or(0, |span| span.start.min(text.len()));
                let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
                return vec![Mistake::Broken(line, error.message().to_owned())];
            }
        };
        table.into_iter().filter_map(|(key, value)| self.set(&key, &value, folder).err()).collect()
    }

    fn set(&mut self, key: &str, value: &Value, folder: &Path) -> Result<(), Mistake> {
        let words = value.as_str().map(str::trim).filter(|words| !words.is_empty());
        match key {
            "server" => self.server = Some(some("server", "an address", words)?.to_owned()),
            "title" => self.title = Some(some("title", "words", words)?.to_owned()),
            "ca_file" => self.ca_file = Some(folder.join(some("ca_file", "the path of a file", words)?)),
            "shared_computer" => {
                self.shared_computer = Some(some("shared_computer", "true or false", value.as_bool())?);
            }
            "idle_minutes" => {
                let minutes = value.as_integer().and_then(|minutes| u16::try_from(minutes).ok());
                let minutes = minutes.filter(|minutes| (1..=shared::LONGEST).contains(minutes));
                self.idle_minutes = Some(some("idle_minutes", "a number from 1 to 1440", minutes)?);
            }
            "room" => self.room = Some(some("room", "the address of a room", words)?.to_owned()),
            "proxy" => {
                self.proxy = Some(match words {
                    Some("none") => Proxy::None,
                    Some(address) if Network::sound(address) => Proxy::Address(address.to_owned()),
                    _ => return Err(Mistake::Value("proxy", "\"none\", http://… or socks5://…")),
                });
            }
            "language" => {
                self.language = Some(match words {
                    Some("ru") => Language::Ru,
                    Some("en") => Language::En,
                    _ => return Err(Mistake::Value("language", "\"ru\" or \"en\"")),
                });
            }
            _ => return Err(Mistake::Unknown(key.to_owned())),
        }
        Ok(())
    }
}

fn some<T>(key: &'static str, wanted: &'static str, value: Option<T>) -> Result<T, Mistake> {
    value.ok_or(Mistake::Value(key, wanted))
}

/// Where the file may lie; what comes later goes before.
fn places() -> Vec<PathBuf> {
    let system = if cfg!(windows) {
        std::env::var_os("ProgramData").map(|folder| PathBuf::from(folder).join("Parta"))
    } else {
        Some(PathBuf::from("/etc/parta"))
    };
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf));
    system.into_iter().chain(beside).map(|folder| folder.join(NAME)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Preset, Vec<Mistake>) {
        let mut preset = Preset::default();
        let mistakes = preset.take(text, Path::new("/etc/parta"));
        (preset, mistakes)
    }

    #[test]
    fn every_key_is_taken() {
        let (preset, mistakes) = read(
            "server = \"chat.school\"\ntitle = \"Школа № 5\"\nca_file = \"ca.pem\"\nshared_computer = true\n\
             idle_minutes = 20\nroom = \"#news:school\"\nproxy = \"http://proxy:3128\"\nlanguage = \"ru\"\n",
        );
        assert_eq!(mistakes, []);
        assert_eq!(
            preset,
            Preset {
                server: Some("chat.school".into()),
                title: Some("Школа № 5".into()),
                ca_file: Some("/etc/parta/ca.pem".into()),
                shared_computer: Some(true),
                idle_minutes: Some(20),
                room: Some("#news:school".into()),
                proxy: Some(Proxy::Address("http://proxy:3128".into())),
                language: Some(Language::Ru),
            }
        );
    }

    #[test]
    fn a_mistake_costs_its_own_key_alone() {
        let (preset, mistakes) =
            read("server = \"a\"\nidle_minutes = 0\nproxy = \"proxy\"\nlanguage = 1\nserwer = \"b\"\n");
        assert_eq!(preset, Preset { server: Some("a".into()), ..Preset::default() });
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.contains(&"`idle_minutes` must be a number from 1 to 1440, and is left out".to_owned()));
        assert!(told.contains(&"there is no key `serwer`".to_owned()));
    }

    #[test]
    fn a_broken_file_names_its_line() {
        let (preset, mistakes) = read("server = \"a\"\ntitle = Школа\n");
        assert_eq!(preset, Preset::default());
        assert!(matches!(&mistakes[..], [Mistake::Broken(2, _)]), "{mistakes:?}");
    }

    #[test]
    fn the_file_beside_the_program_goes_before_the_systems() {
        let dir = tempfile::tempdir().unwrap();
        let (system, beside) = (dir.path().join("1.toml"), dir.path().join("2.toml"));
        std::fs::write(&system, "\u{feff}server = \"a\"\ntitle = \"A\"\n").unwrap();
        std::fs::write(&beside, "server = \"b\"\n").unwrap();
        let mut preset = Preset::default();
        let mistakes = [&system, &beside, &dir.path().join("3.toml")].map(|path| preset.read(path)).concat();
        assert_eq!(mistakes, []);
        assert_eq!((preset.server.as_deref(), preset.title.as_deref()), (Some("b"), Some("A")));
    }

    #[test]
    fn no_password_of_a_proxy_is_shown() {
        assert_eq!(Proxy::Address("http://anna:secret@proxy:3128".into()).shown(), "http://proxy:3128");
        assert_eq!(Proxy::None.shown(), "");
    }
}
