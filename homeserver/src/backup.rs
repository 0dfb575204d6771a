//! Backups: one tar archive with the embedded database, the media that it speaks of, the configuration file and the server's
//! own certificate authority, made while the server runs, and verified once it is written.
//!
//! The last member is `manifest.json`, which names every other with its size and SHA-256. Thumbnails and previews are
//! left out: they are made again when somebody looks at them.

use std::{io::Read, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

mod restore;
mod snapshot;
mod verify;

pub use restore::{Restored, restore};
pub use snapshot::{Created, create};
pub use verify::verify;

/// The version of this form of archive.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "parta.db";
const CONFIGURATION: &str = "parta.toml";
const MEDIA: &str = "media/";
/// What people have installed on their devices must outlive a disk. The server's certificate is made again.
const AUTHORITY: [&str; 2] = ["tls/authority.key", "tls/authority.pem"];

/// What an archive holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Manifest {
    /// The version of the form of archive.
    pub format: u32,
    /// The version of Parta that made it.
    pub parta: String,
    /// When, in UTC by RFC 3339.
    pub created: String,
    /// The server's name.
    pub server_name: String,
    /// Whether the database is in it; a PostgreSQL database is not.
    pub database: bool,
    /// Every member but this one.
    pub members: Vec<Member>,
    /// Files that the database speaks of and the media store did not have.
    pub missing: Vec<String>,
    /// Files whose bytes are not those that were uploaded.
    pub damaged: Vec<String>,
}

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Member {
    /// Its path in the archive.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The hash of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A reader that hashes what passes through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }

    /// What has passed, as a member.
    fn member(self, name: &str) -> Member {
        Member { name: name.to_owned(), size: self.size, sha256: hex(&self.hash.finalize()) }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("four bits are a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Makes what was done in a folder survive a power failure.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}
