//! Restoring an archive: everything is unpacked and verified in a folder beside the data folder, which then takes its
//! place in one step. Until that step nothing of the old data is touched.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::{CONFIGURATION, DATABASE, Manifest, sync_folder, verify::walk};
use crate::{clock::Clock, lock::Lock, storage::db::Db};

/// A backup that was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What was in the archive.
    pub manifest: Manifest,
    /// Where the data that was there before lies now.
    pub old: Option<PathBuf>,
    /// The configuration file, if the archive had one.
    pub configuration: Option<PathBuf>,
}

/// Restores an archive into a data folder.
///
/// # Errors
///
/// A folder with data in it is refused unless `force` is set; then it is moved aside. A folder on which a server runs is
/// always refused. After an error everything is as it was.
pub async fn restore(archive: &Path, data_dir: &Path, force: bool, clock: &Clock) -> anyhow::Result<Restored> {
    let data_dir = std::path::absolute(data_dir)?;
    let parent = data_dir.parent().context("name a folder inside another one")?.to_owned();
    let lock = if data_dir.exists() { Some(Lock::take(&data_dir)?) } else { None };
    let in_use = data_dir.exists() && has_data(&data_dir)?;
    ensure!(
        force || !in_use,
        "There is data in {}. Add --force to move it aside and restore, or name another folder.",
        data_dir.display()
    );
    std::fs::create_dir_all(&parent)?;
    let work = tempfile::Builder::new().prefix(".parta-restore-").tempdir_in(&parent)?;
    let manifest = unpack(archive, work.path()).await?;
    if manifest.database {
        let db = Db::open(&Db::sqlite_url(&work.path().join(DATABASE)), 1).await?;
        let integrity = db.integrity().await?;
        db.close().await;
        ensure!(integrity == "ok", "The database in the backup is damaged: {integrity}");
    }
    if let Ok(old) = std::fs::metadata(&data_dir) {
        own(work.path(), old.uid(), old.gid())?;
    }
    // Everything is there and right. From here on there are only renames.
    let aside = aside(&data_dir, clock)?;
    let old = data_dir.exists();
    if old {
        std::fs::rename(&data_dir, &aside).with_context(|| format!("{} cannot be moved aside", data_dir.display()))?;
    }
    if let Err(e) = std::fs::rename(work.path(), &data_dir) {
        if old {
            std::fs::rename(&aside, &data_dir)?;
        }
        return Err(e).with_context(|| format!("{} cannot be put in its place", data_dir.display()));
    }
    // It has been moved away, so there is nothing left to remove.
    drop(work.keep());
    sync_folder(&parent)?;
    drop(lock);
    if old && !in_use {
        std::fs::remove_dir_all(&aside)?;
    }
    let configuration = Some(data_dir.join(CONFIGURATION)).filter(|file| file.exists());
    Ok(Restored { manifest, old: in_use.then_some(aside), configuration })
}

/// Whether there is anything in a folder besides what a server leaves there without data.
fn has_data(folder: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        if entry?.file_name() != "parta.lock" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn aside(data_dir: &Path, clock: &Clock) -> anyhow::Result<PathBuf> {
    let now = Timestamp::from_millisecond(clock.now())?;
    let mut name = data_dir.file_name().context("name a folder inside another one")?.to_owned();
    name.push(format!(".before-restore-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let aside = data_dir.with_file_name(name);
    ensure!(!aside.exists(), "{} is there already. Wait a second and try again.", aside.display());
    Ok(aside)
}

async fn unpack(archive: &Path, into: &Path) -> anyhow::Result<Manifest> {
    let (archive, into) = (archive.to_owned(), into.to_owned());
    let unpacking = tokio::task::spawn_blocking(move || {
        walk(&archive, |name, reader| {
            let target = into.join(name);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            write(&target, reader).with_context(|| format!("{name} cannot be unpacked"))
        })
    });
    unpacking.await?
}

fn write(target: &Path, reader: &mut dyn Read) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(target)?;
    io::copy(reader, &mut file)?;
    file.sync_all()
}

/// Gives what was unpacked to the owner of the folder that it replaces: a restore is often run by root, a server never.
fn own(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    if (metadata.uid(), metadata.gid()) != (uid, gid) {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    }
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            own(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}
