use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Subcommand;

use super::load;
use crate::{
    backup,
    clock::Clock,
    config::{Config, Database, Server},
};

/// Backups of the database, the media and the configuration file.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Make one, while the server runs or not.
    Create {
        /// The file to write, or a folder in which it is given a name.
        #[arg(long, short)]
        output: PathBuf,
        /// The folder for data, in place of a configuration file: for servers that were started without one.
        #[arg(long)]
        data_dir: Option<PathBuf>,
    },
    /// Check that one is whole.
    Verify {
        /// The backup.
        file: PathBuf,
    },
    /// Restore one, while the server is stopped.
    Restore {
        /// The backup.
        file: PathBuf,
        /// The folder for data.
        #[arg(long)]
        data_dir: PathBuf,
        /// Move aside what is there.
        #[arg(long)]
        force: bool,
    },
}

impl BackupCommand {
    /// Does it.
    pub async fn run(self, config_file: &Path) -> anyhow::Result<()> {
        let clock = Clock::system();
        match self {
            Self::Create { output, data_dir: Some(data_dir) } => {
                // The name only goes into the manifest.
                let name = "localhost".try_into()?;
                let server = Server::new(name, SocketAddr::from(([127, 0, 0, 1], 8008)), data_dir);
                let config = Config::dev(server, Database::default());
                report(&backup::create(&config, None, &output, &clock).await?);
            }
            Self::Create { output, data_dir: None } => {
                report(&backup::create(&load(config_file)?, Some(config_file), &output, &clock).await?);
            }
            Self::Verify { file } => {
                let manifest = tokio::task::spawn_blocking(move || backup::verify(&file)).await??;
                println!("The backup of {} is whole: {} files.", manifest.created, manifest.members.len());
            }
            Self::Restore { file, data_dir, force } => {
                let restored = backup::restore(&file, &data_dir, force, &clock).await?;
                println!("Restored the backup of {} into {}.", restored.manifest.created, data_dir.display());
                if let Some(old) = restored.old {
                    println!("What was there before lies in {}.", old.display());
                }
                if let Some(file) = restored.configuration {
                    println!("The configuration file lies in {}; copy it to where yours belongs.", file.display());
                }
                if !restored.manifest.database {
                    println!("The database is not in this backup: restore it by psql from what pg_dump has written.");
                }
            }
        }
        Ok(())
    }
}

/// Says what a backup holds, and what it does not.
fn report(created: &backup::Created) {
    let manifest = &created.manifest;
    println!("{} holds {} files, {} bytes, verified.", created.file.display(), manifest.members.len(), created.size);
    if !manifest.database {
        println!("The database is PostgreSQL and not in it: back it up by pg_dump, before the media.");
    }
    for media_id in &manifest.missing {
        eprintln!("warning: the media store has no file {media_id}, which the database speaks of");
    }
    for media_id in &manifest.damaged {
        eprintln!("warning: the file {media_id} is not what was uploaded: the disk may be failing");
    }
}
