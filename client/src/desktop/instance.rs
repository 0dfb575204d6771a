//! One program for one data folder: a second start hands its link over to the first and ends. The lock says who is the
//! first, so that a socket left over from a program that died is nobody's; the socket carries the link.

use std::{
    fs::{File, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use interprocess::local_socket::{ListenerOptions, Name, Stream, prelude::*};

use crate::model::desktop::Outside;

/// Longest link that is taken, in bytes.
const LONGEST: u64 = 4096;

/// How a start went.
#[derive(Debug)]
pub enum Start {
    /// This is the first; it stays so until this is dropped
    First(Option<File>),
    /// Another runs, and has been told
    Told,
    /// Another runs and does not answer
    Silent,
}

/// Becomes the program of a data folder, or tells the one that is. From then on `deliver` is called with what further
/// starts hand over, on a thread of its own.
pub fn start(data_dir: &Path, link: Option<&str>, deliver: impl Fn(Outside) + Send + 'static) -> Start {
    let lock = std::fs::create_dir_all(data_dir)
        .and_then(|()| File::options().create(true).write(true).truncate(false).open(data_dir.join("instance.lock")));
    let lock = match lock {
        Ok(lock) => lock,
        Err(error) => {
            tracing::warn!(%error, "whether the program runs already cannot be found out");
            return Start::First(None);
        }
    };
    match lock.try_lock() {
        Ok(()) => {
            if let Err(error) = listen(data_dir, deliver) {
                tracing::warn!(%error, "further starts cannot be heard");
            }
            Start::First(Some(lock))
        }
        Err(TryLockError::WouldBlock) => {
            // The first may be just about to listen.
            for _ in 0..20 {
                if tell(data_dir, link).is_ok() {
                    return Start::Told;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            Start::Silent
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "whether the program runs already cannot be found out");
            Start::First(Some(lock))
        }
    }
}

/// A name for the user and the data folder.
fn mark(data_dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_path_buf()).hash(&mut hasher);
    std::env::var_os("USER").or_else(|| std::env::var_os("USERNAME")).hash(&mut hasher);
    format!("parta-{:016x}", hasher.finish())
}

/// Where the socket lies: in the user's own folder for such things, which no other user can look into.
fn socket(data_dir: &Path) -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    runtime.map_or_else(|| data_dir.join("instance.sock"), |folder| folder.join(format!("{}.sock", mark(data_dir))))
}

#[cfg(unix)]
fn name(data_dir: &Path) -> io::Result<Name<'static>> {
    socket(data_dir).to_fs_name::<interprocess::local_socket::GenericFilePath>()
}

#[cfg(not(unix))]
fn name(data_dir: &Path) -> io::Result<Name<'static>> {
    mark(data_dir).to_ns_name::<interprocess::local_socket::GenericNamespaced>()
}

fn listen(data_dir: &Path, deliver: impl Fn(Outside) + Send + 'static) -> io::Result<()> {
    // The lock is held: whatever lies there is left over.
    let _ = std::fs::remove_file(socket(data_dir));
    let listener = ListenerOptions::new().name(name(data_dir)?).create_sync()?;
    std::thread::Builder::new().name("instance".into()).spawn(move || {
        for other in listener.incoming().flatten() {
            match hear(other) {
                Ok(outside) => deliver(outside),
                Err(error) => tracing::info!(%error, "another start was not understood"),
            }
        }
    })?;
    Ok(())
}

fn hear(other: Stream) -> io::Result<Outside> {
    let mut line = String::new();
    let mut reader = BufReader::new(other.take(LONGEST));
    reader.read_line(&mut line)?;
    reader.get_mut().get_mut().write_all(b"ok\n")?;
    let link = line.trim();
    Ok(if link.is_empty() { Outside::Show } else { Outside::Link(link.to_owned()) })
}

fn tell(data_dir: &Path, link: Option<&str>) -> io::Result<()> {
    let mut first = Stream::connect(name(data_dir)?)?;
    let link = link.unwrap_or_default().replace(['\n', '\r'], "");
    writeln!(first, "{link}")?;
    let mut answer = String::new();
    BufReader::new(first.take(16)).read_line(&mut answer)?;
    if answer == "ok\n" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_second_start_hands_its_link_to_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (sender, heard) = mpsc::channel();
        // Left over from a program that died.
        std::fs::write(socket(dir.path()), "").unwrap();
        let deliver = move |outside| sender.send(outside).unwrap();
        let first = start(dir.path(), None, deliver);
        assert!(matches!(first, Start::First(Some(_))));

        assert!(matches!(start(dir.path(), Some("matrix:u/anna:academy"), |_| ()), Start::Told));
        assert_eq!(heard.recv().unwrap(), Outside::Link("matrix:u/anna:academy".into()));
        assert!(matches!(start(dir.path(), None, |_| ()), Start::Told));
        assert_eq!(heard.recv().unwrap(), Outside::Show);

        assert!(matches!(start(other.path(), None, |_| ()), Start::First(Some(_))), "another folder, another program");
        let _ = std::fs::remove_file(socket(other.path()));
        let _ = std::fs::remove_file(socket(dir.path()));
    }

    #[test]
    fn the_lock_of_a_program_that_ended_is_free() {
        let dir = tempfile::tempdir().unwrap();
        drop(start(dir.path(), None, |_| ()));
        assert!(matches!(start(dir.path(), None, |_| ()), Start::First(Some(_))));
        let _ = std::fs::remove_file(socket(dir.path()));
    }
}
