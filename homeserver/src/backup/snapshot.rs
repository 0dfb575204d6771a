//! Making an archive. The database is copied first and its media after: what the copy speaks of was stored before the
//! copy was made, and is only missing if it was deleted since.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::{
    AUTHORITY, CONFIGURATION, DATABASE, FORMAT, Hashing, MANIFEST, MEDIA, Manifest, Member, hex, sync_folder, verify,
};
use crate::{
    clock::Clock,
    config::Config,
    domain::media::{content_key, private_key},
    storage::{self, db::Db, db::Engine, migrations},
};

/// Rows read at a time.
const PAGE: i64 = 1000;

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The archive.
    pub file: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// What is in it.
    pub manifest: Manifest,
}

/// A file of the media store that the database speaks of.
struct Stored {
    id: String,
    /// Where it lies in the store.
    key: String,
    sha256: Vec<u8>,
}

/// Makes a backup. `output` is the file to write, or a folder in which it is given a name with the time.
///
/// # Errors
///
/// An existing file is never overwritten, and a file appears under its name only once it is whole and verified.
pub async fn create(
    config: &Config,
    config_file: Option<&Path>,
    output: &Path,
    clock: &Clock,
) -> anyhow::Result<Created> {
    let created = Timestamp::from_millisecond(clock.now())?;
    let target = target(output, created)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    ensure!(folder.is_dir(), "The folder {} for the backup is not there. Make it first.", folder.display());
    // The copy lies beside the archive, where there must be room for both.
    let work = tempfile::Builder::new().prefix(".parta-backup-").tempdir_in(&folder)?;
    let (database, media) = database(config, work.path()).await?;
    let job = Job {
        target: target.clone(),
        partial: work.path().join("archive.tar"),
        database,
        configuration: config_file.filter(|file| file.is_file()).map(Path::to_owned),
        data_dir: config.server.data_dir.clone(),
        media_dir: config.media_dir(),
        media,
        manifest: Manifest {
            format: FORMAT,
            parta: env!("CARGO_PKG_VERSION").to_owned(),
            created: created.to_string(),
            server_name: config.server.name.to_string(),
            database: false,
            members: Vec::new(),
            missing: Vec::new(),
            damaged: Vec::new(),
        },
    };
    let manifest = tokio::task::spawn_blocking(move || job.run()).await??;
    sync_folder(&folder)?;
    let size = std::fs::metadata(&target)?.len();
    Ok(Created { file: target, size, manifest })
}

fn target(output: &Path, created: Timestamp) -> anyhow::Result<PathBuf> {
    let target = if output.is_dir() {
        output.join(format!("parta-backup-{}.tar", created.strftime("%Y%m%dT%H%M%SZ")))
    } else {
        output.to_owned()
    };
    ensure!(!target.exists(), "The file {} is there already. Name another.", target.display());
    Ok(target)
}

/// Copies an embedded database and reads which media it speaks of.
async fn database(config: &Config, work: &Path) -> anyhow::Result<(Option<PathBuf>, Vec<Stored>)> {
    let url = config.database_url();
    if let Some(file) = Db::file(&url) {
        ensure!(file.is_file(), "There is no database at {}. Is this the right configuration?", file.display());
    }
    let db = Db::open(&url, 2).await.context("the database cannot be opened")?;
    if db.engine() == Engine::Postgres {
        let media = all_media(&db).await?;
        db.close().await;
        return Ok((None, media));
    }
    let copy = work.join(DATABASE);
    db.copy_to(&copy).await.context("the database cannot be copied")?;
    db.close().await;
    let db = Db::open(&Db::sqlite_url(&copy), 1).await?;
    let integrity = db.integrity().await?;
    ensure!(integrity == "ok", "The copy of the database is damaged: {integrity}. Do not trust this disk.");
    let media = all_media(&db).await?;
    db.close().await;
    Ok((Some(copy), media))
}

async fn all_media(db: &Db) -> anyhow::Result<Vec<Stored>> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = storage::media::page(db, &after, PAGE).await.context("the list of media cannot be read")?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.media_id);
        all.extend(page.into_iter().filter_map(|entry| {
            let key = content_key(&entry.media_id).to_string();
            Some(Stored { key, id: entry.media_id, sha256: entry.content?.sha256 })
        }));
    }
    // A backup is made before an update, too: of a database that knows of no feedback yet.
    if !migrations::is_applied(db, "0018_feedback").await? {
        return Ok(all);
    }
    let mut after = String::new();
    loop {
        let page = storage::feedback::attachments::page(db, &after, PAGE).await;
        let page = page.context("the list of attachments cannot be read")?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after.clone_from(last);
        all.extend(page.into_iter().map(|(id, sha256)| Stored { key: private_key(&id).to_string(), id, sha256 }));
    }
}

struct Job {
    target: PathBuf,
    partial: PathBuf,
    database: Option<PathBuf>,
    configuration: Option<PathBuf>,
    data_dir: PathBuf,
    media_dir: PathBuf,
    media: Vec<Stored>,
    manifest: Manifest,
}

impl Job {
    fn run(mut self) -> anyhow::Result<Manifest> {
        // It holds secrets of the server and of its people.
        let partial = File::options().write(true).create_new(true).mode(0o600).open(&self.partial)?;
        let mut archive = tar::Builder::new(BufWriter::with_capacity(1 << 20, partial));
        if let Some(file) = &self.configuration {
            self.manifest.members.push(append(&mut archive, CONFIGURATION, File::open(file)?)?);
        }
        if let Some(file) = &self.database {
            self.manifest.members.push(append(&mut archive, DATABASE, File::open(file)?)?);
            self.manifest.database = true;
            // Its room is wanted for what follows no longer.
            std::fs::remove_file(file)?;
        }
        for name in AUTHORITY {
            let file = self.data_dir.join(name);
            if file.is_file() {
                self.manifest.members.push(append(&mut archive, name, File::open(file)?)?);
            }
        }
        for Stored { id, key, sha256 } in &self.media {
            let file = match File::open(self.media_dir.join(key)) {
                Ok(file) => file,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    self.manifest.missing.push(id.clone());
                    continue;
                }
                Err(e) => return Err(e).with_context(|| format!("{key} cannot be read")),
            };
            let member = append(&mut archive, &format!("{MEDIA}{key}"), file)?;
            if hex(sha256) != member.sha256 {
                self.manifest.damaged.push(id.clone());
            }
            self.manifest.members.push(member);
        }
        let text = serde_json::to_vec_pretty(&self.manifest)?;
        archive.append_data(&mut header(text.len() as u64), MANIFEST, &text[..])?;
        let mut file = archive.into_inner()?;
        file.flush()?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        verify(&self.partial).context("the archive does not read back as it was written")?;
        // Unlike a rename, a link never replaces a file that has come up meanwhile.
        std::fs::hard_link(&self.partial, &self.target)
            .or_else(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => Err(e),
                // A file system without links.
                _ => std::fs::rename(&self.partial, &self.target),
            })
            .with_context(|| format!("{} cannot be written", self.target.display()))?;
        Ok(self.manifest)
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    // It holds the secrets of the configuration and of the people.
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

fn append(archive: &mut tar::Builder<impl std::io::Write>, name: &str, file: File) -> anyhow::Result<Member> {
    let size = file.metadata()?.len();
    let mut reader = Hashing::new(file);
    let mut limited = std::io::Read::take(&mut reader, size);
    archive.append_data(&mut header(size), name, &mut limited).with_context(|| format!("{name} cannot be read"))?;
    ensure!(reader.size == size, "{name} became shorter while it was read");
    Ok(reader.member(name))
}
