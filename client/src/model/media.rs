//! Files of messages: their kinds, and what of them is on this computer.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::model::update::Failure;

/// What a file is to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A picture
    Picture,
    /// A film
    Video,
    /// A sound
    Audio,
    /// A text
    Document,
    /// A table
    Table,
    /// A presentation
    Slides,
    /// Files in one file
    Archive,
    /// Source code
    Code,
    /// What systems run rather than show
    Program,
    /// Anything else
    Other,
}

/// Ends of names that systems run rather than show.
const PROGRAMS: [&str; 30] = [
    "apk", "app", "appimage", "bat", "cmd", "com", "command", "cpl", "deb", "desktop", "exe", "hta", "jar", "js",
    "jse", "lnk", "msi", "msp", "pif", "ps1", "reg", "rpm", "run", "scr", "sh", "url", "vbe", "vbs", "wsf", "wsh",
];

/// The end of a name, in small letters. Systems look past blanks and dots at its end, so this does too.
fn ending(name: &str) -> Option<String> {
    name.trim_end_matches(['.', ' ']).rsplit_once('.').map(|(_, end)| end.trim().to_lowercase())
}

/// A file that the system would run instead of showing it.
pub fn is_program(name: &str) -> bool {
    ending(name).is_some_and(|end| PROGRAMS.contains(&end.as_str()))
}

/// The kind of a file by its name, and by its media type where the name says nothing.
pub fn kind(name: &str, mime: &str) -> FileKind {
    let end = ending(name).unwrap_or_default();
    match end.as_str() {
        end if PROGRAMS.contains(&end) => FileKind::Program,
        "pdf" | "doc" | "docx" | "odt" | "rtf" | "txt" | "md" | "epub" | "fb2" | "djvu" => FileKind::Document,
        "xls" | "xlsx" | "ods" | "csv" => FileKind::Table,
        "ppt" | "pptx" | "odp" => FileKind::Slides,
        "zip" | "rar" | "7z" | "tar" | "gz" | "xz" | "bz2" | "zst" => FileKind::Archive,
        "py" | "rs" | "c" | "cpp" | "h" | "java" | "kt" | "cs" | "pas" | "html" | "css" | "json" | "xml" => {
            FileKind::Code
        }
        _ => match mime.split('/').next() {
            Some("image") => FileKind::Picture,
            Some("video") => FileKind::Video,
            Some("audio") => FileKind::Audio,
            Some("text") => FileKind::Document,
            _ => FileKind::Other,
        },
    }
}

/// A name without folders or signs that file systems refuse.
pub fn safe_name(name: &str) -> String {
    let refused = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let name: String = name.chars().map(|c| if refused(c) { '_' } else { c }).collect();
    let name = name.trim_matches(['.', ' ']);
    let short: String = name.chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
    if short.is_empty() { "file".to_owned() } else { short }
}

/// The name with a number before its end, for a folder that has the name already.
pub fn numbered(name: &str, number: u32) -> String {
    let path = Path::new(name);
    match (path.file_stem(), path.extension()) {
        (Some(stem), Some(end)) => format!("{} ({number}).{}", stem.to_string_lossy(), end.to_string_lossy()),
        _ => format!("{name} ({number})"),
    }
}

/// The address of a file without the keys that open it: what it is known by.
pub fn address(source: &str) -> &str {
    let from = source.find("mxc://").map_or(source, |at| &source[at..]);
    from.split(['"', '\\']).next().unwrap_or(from)
}

/// What is wished of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Bring it to this computer
    Load {
        /// `Media::source`
        source: String,
        /// File name
        name: String,
        /// Where to: a folder, in which no other file is written over, or a whole path that the person chose
        to: Place,
    },
    /// Do not bring it after all
    Stop {
        /// `Media::source`
        source: String,
    },
}

/// Where a file goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Under its own name or one like it
    Folder(PathBuf),
    /// Exactly there
    Path(PathBuf),
}

/// What happened to files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// These were brought before: addresses and places
    Known(Vec<(String, PathBuf)>),
    /// So many bytes came, of so many where that is known
    Progress {
        /// [`address`]
        address: String,
        /// Bytes
        done: u64,
        /// Bytes
        total: Option<u64>,
    },
    /// It came to an end
    Ended {
        /// [`address`]
        address: String,
        /// How
        end: End,
    },
}

/// How the loading of a file ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is there
    Here(PathBuf),
    /// The person did not want it after all
    Stopped,
    /// It did not work
    Failed(Failure),
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It comes
    Loading {
        /// Bytes
        done: u64,
        /// Bytes, where that is known
        total: Option<u64>,
    },
    /// It is on this computer
    Here(PathBuf),
}

/// What is known of the files of messages; of all others that they are on the server alone.
#[derive(Debug, Default)]
pub struct Loads {
    steps: HashMap<String, Step>,
    /// Addresses of what is to be opened once it is here.
    to_open: Vec<String>,
}

/// What the end of a loading asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing
    Nothing,
    /// The person waits for it to open
    Open(PathBuf),
    /// The person has to be told
    Tell(Failure),
}

impl Loads {
    /// How far a file is, by its source.
    pub fn step(&self, source: &str) -> Option<&Step> {
        self.steps.get(address(source))
    }

    /// Where a file lies, if it is here.
    pub fn place(&self, source: &str) -> Option<&Path> {
        match self.step(source) {
            Some(Step::Here(path)) => Some(path),
            _ => None,
        }
    }

    /// It is asked for; false if it comes already.
    pub fn begin(&mut self, source: &str, size: Option<u64>, open: bool) -> bool {
        let address = address(source).to_owned();
        if open && !self.to_open.contains(&address) {
            self.to_open.push(address.clone());
        }
        if matches!(self.steps.get(&address), Some(Step::Loading { .. })) {
            return false;
        }
        self.steps.insert(address, Step::Loading { done: 0, total: size });
        true
    }

    /// It is not there any more: somebody deleted or moved it.
    pub fn gone(&mut self, source: &str) {
        self.steps.remove(address(source));
    }

    /// Takes what happened.
    pub fn apply(&mut self, news: News) -> Then {
        match news {
            News::Known(known) => {
                for (address, path) in known {
                    self.steps.entry(address).or_insert(Step::Here(path));
                }
            }
            News::Progress { address, done, total } => {
                if let Some(Step::Loading { done: before, total: of }) = self.steps.get_mut(&address) {
                    *before = done;
                    *of = total.or(*of);
                }
            }
            News::Ended { address, end } => {
                let open = self.to_open.iter().position(|wanted| *wanted == address).map(|at| self.to_open.remove(at));
                match end {
                    End::Here(path) => {
                        self.steps.insert(address, Step::Here(path.clone()));
                        if open.is_some() {
                            return Then::Open(path);
                        }
                    }
                    End::Stopped => {
                        self.steps.remove(&address);
                    }
                    End::Failed(failure) => {
                        self.steps.remove(&address);
                        return Then::Tell(failure);
                    }
                }
            }
        }
        Then::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name("a:b?.txt"), "a_b_.txt");
        assert_eq!(safe_name(".."), "file");
        assert_eq!(safe_name("Урок 5.pdf"), "Урок 5.pdf");
        let shortened = safe_name(&format!("{}.png", "а".repeat(400)));
        assert_eq!(Path::new(&shortened).extension(), Some("png".as_ref()));
    }

    #[test]
    fn programs_are_told_from_what_is_read() {
        for name in ["game.exe", "Игра.EXE", "фото.jpg.scr", "run.sh", "a.lnk ", "a.bat.", "урок.desktop"] {
            assert!(is_program(name), "{name}");
        }
        for name in ["Урок 5.pdf", "exe", "фото.jpg", "без точки"] {
            assert!(!is_program(name), "{name}");
        }
    }

    #[test]
    fn a_kind_is_known_by_the_name_and_else_by_the_media_type() {
        assert_eq!(kind("Урок.PDF", "application/octet-stream"), FileKind::Document);
        assert_eq!(kind("фото.jpg", "image/jpeg"), FileKind::Picture);
        assert_eq!(kind("фото.exe", "image/jpeg"), FileKind::Program);
        assert_eq!(kind("оценки.xlsx", ""), FileKind::Table);
        assert_eq!(kind("нечто", ""), FileKind::Other);
    }

    #[test]
    fn a_second_file_of_a_name_gets_a_number() {
        assert_eq!(numbered("Урок 5.pdf", 2), "Урок 5 (2).pdf");
        assert_eq!(numbered("README", 1), "README (1)");
    }

    #[test]
    fn an_address_has_no_keys() {
        assert_eq!(address(r#"{"file":{"key":{"k":"secret"},"url":"mxc://academy/1"}}"#), "mxc://academy/1");
        assert_eq!(address(r#"{"url":"mxc://academy/1"}"#), "mxc://academy/1");
        assert_eq!(address("mxc://academy/1"), "mxc://academy/1");
    }

    const FILE: &str = r#"{"url":"mxc://academy/1"}"#;

    fn ended(end: End) -> News {
        News::Ended { address: address(FILE).to_owned(), end }
    }

    #[test]
    fn a_file_is_asked_for_once_and_opened_if_that_was_wished() {
        let mut loads = Loads::default();
        assert!(loads.begin(FILE, Some(10), false));
        assert!(!loads.begin(FILE, Some(10), true), "it comes already");
        loads.apply(News::Progress { address: address(FILE).to_owned(), done: 4, total: None });
        assert_eq!(loads.step(FILE), Some(&Step::Loading { done: 4, total: Some(10) }));
        assert_eq!(loads.apply(ended(End::Here("/a".into()))), Then::Open("/a".into()));
        assert_eq!(loads.place(FILE), Some(Path::new("/a")));
        loads.gone(FILE);
        assert!(loads.begin(FILE, None, false));
        assert_eq!(loads.apply(ended(End::Here("/a".into()))), Then::Nothing, "nobody wished to open it this time");
    }

    #[test]
    fn what_stopped_or_failed_is_on_the_server_alone() {
        let mut loads = Loads::default();
        loads.begin(FILE, None, true);
        assert_eq!(loads.apply(ended(End::Stopped)), Then::Nothing);
        assert_eq!(loads.step(FILE), None);
        loads.begin(FILE, None, false);
        assert_eq!(loads.apply(ended(End::Failed(Failure::ServerAway))), Then::Tell(Failure::ServerAway));
        assert_eq!(loads.step(FILE), None);
        loads.apply(News::Progress { address: address(FILE).to_owned(), done: 4, total: None });
        assert_eq!(loads.step(FILE), None, "a late word changes nothing");
    }
}
