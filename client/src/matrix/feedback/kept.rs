//! The folder of what waits to be sent: a file of words and perhaps one of a picture for each report, and the list that
//! the server told last. All are readable by their owner alone.

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    matrix::store,
    model::feedback::{Known, queue::Waiting},
};

/// What the server told last.
const KNOWN: &str = "known.json";

/// Where it is kept.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self(store::feedback(data_dir))
    }

    /// Keeps a report; its picture first, so that none goes without it.
    pub(super) fn put(&self, report: &Waiting, picture: Option<&[u8]>) -> std::io::Result<()> {
        if let Some(picture) = picture {
            self.write(&format!("{}.picture", report.client_id), picture)?;
        }
        self.write(&format!("{}.json", report.client_id), &json(report)?)
    }

    /// The picture of a report.
    pub(super) fn picture(&self, client_id: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.0.join(format!("{client_id}.picture")))
    }

    /// Forgets a report.
    pub(super) fn remove(&self, client_id: &str) {
        for end in ["json", "picture"] {
            match std::fs::remove_file(self.0.join(format!("{client_id}.{end}"))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%error, "a report that was sent cannot be deleted here"),
            }
        }
    }

    /// All that wait, in no order.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let files = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let reports = names.filter(|name| name != KNOWN && name.strip_suffix(".json").is_some());
        reports.filter_map(|name| self.read(&name)).collect()
    }

    /// What the server told last.
    pub(super) fn known(&self) -> Option<Known> {
        self.read(KNOWN)
    }

    /// Keeps what the server told.
    pub(super) fn learn(&self, known: &Known) -> std::io::Result<()> {
        self.write(KNOWN, &json(known)?)
    }

    /// The server knows nothing of feedback any more.
    pub(super) fn unlearn(&self) {
        let _ = std::fs::remove_file(self.0.join(KNOWN));
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = std::fs::read(self.0.join(name)).ok()?;
        serde_json::from_slice(&bytes).inspect_err(|error| tracing::warn!(%error, "a kept report is broken")).ok()
    }

    /// A new file, moved over the old one when complete.
    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let partial = self.0.join(format!("{name}.new"));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(partial, self.0.join(name))
    }
}

fn json(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str) -> Waiting {
        Waiting { client_id: id.into(), text: "Принтер".into(), ..Waiting::default() }
    }

    #[test]
    fn a_report_outlives_the_program_until_it_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        assert_eq!(folder.waiting(), []);
        folder.put(&report("a"), Some(b"png")).unwrap();
        folder.learn(&Known { reports: Vec::new(), unread: 2, enabled: true }).unwrap();
        let later = Folder::of(dir.path());
        assert_eq!(later.waiting(), [report("a")]);
        assert_eq!(later.picture("a").unwrap(), b"png");
        assert_eq!(later.known().map(|known| known.unread), Some(2));
        later.remove("a");
        assert_eq!(later.waiting(), []);
        assert!(later.picture("a").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_a_report() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        folder.put(&report("a"), Some(b"png")).unwrap();
        for file in std::fs::read_dir(store::feedback(dir.path())).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_file_holds_up_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        folder.put(&report("a"), None).unwrap();
        std::fs::write(store::feedback(dir.path()).join("b.json"), "{").unwrap();
        assert_eq!(folder.waiting(), [report("a")]);
    }
}
