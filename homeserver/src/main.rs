//! Arguments → configuration → run.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use homeserver::{
    backup,
    cli::{self, RegistrationTokenCommand, UserCommand},
    clock::Clock,
    config::{Config, Database, Server},
    telemetry,
};
use ruma::{OwnedServerName, RoomVersionId};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parta: a Matrix homeserver for one academy's own network.
#[derive(Parser)]
#[command(name = "parta-server", version, about)]
struct Arguments {
    /// The configuration file.
    #[arg(long, short, global = true, env = "PARTA_CONFIG", default_value = "/etc/parta/parta.toml")]
    config: PathBuf,
    /// Log as JSON, a line an event.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve.
    Serve(Serve),
    /// The configuration file.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Registration tokens: who holds one may make an account.
    #[command(subcommand)]
    RegistrationToken(RegistrationTokenCommand),
    /// Bring the database to the newest schema; serving does so too.
    Migrate,
    /// Backups of the database, the media and the configuration file.
    #[command(subcommand)]
    Backup(BackupCommand),
}

#[derive(Subcommand)]
enum BackupCommand {
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
    async fn run(self, config_file: &Path) -> anyhow::Result<()> {
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

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check the file and print what it comes to, with defaults and environment.
    Check,
}

#[derive(Args)]
struct Serve {
    /// The developer's mode: open registration, no limits, cheap hashes. Loopback only, never for people.
    #[arg(long, requires_all = ["listen", "data_dir", "server_name"])]
    dev: bool,
    /// Developer's mode: the loopback address to listen on.
    #[arg(long, requires = "dev")]
    listen: Option<SocketAddr>,
    /// Developer's mode: the folder for data.
    #[arg(long, requires = "dev")]
    data_dir: Option<PathBuf>,
    /// Developer's mode: the server's name.
    #[arg(long, requires = "dev")]
    server_name: Option<OwnedServerName>,
    /// Developer's mode: a PostgreSQL database in place of the embedded one.
    #[arg(long, requires = "dev")]
    database_url: Option<String>,
    /// Developer's mode: the version of new rooms.
    #[arg(long, requires = "dev")]
    default_room_version: Option<RoomVersionId>,
    /// Developer's mode: the secret of shared-secret registration.
    #[arg(long, requires = "dev")]
    registration_secret: Option<String>,
}

impl Serve {
    fn dev_config(self) -> anyhow::Result<Option<Config>> {
        let (true, Some(listen), Some(data_dir), Some(name)) = (self.dev, self.listen, self.data_dir, self.server_name)
        else {
            return Ok(None);
        };
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "--dev listens on a loopback address only, and {listen} is none: anybody may register there. Write 127.0.0.1:{}.",
            listen.port()
        );
        let database = Database { url: self.database_url, ..Database::default() };
        let mut config = Config::dev(Server::new(name, listen, data_dir), database);
        config.server.shutdown_grace_seconds = 1;
        config.registration.shared_secret = self.registration_secret;
        if let Some(version) = self.default_room_version {
            config.rooms.default_version = version;
        }
        Ok(Some(config))
    }
}

fn load(file: &std::path::Path) -> anyhow::Result<Config> {
    Ok(Config::load(file, std::env::vars())?)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve(serve) => {
            let config = match serve.dev_config()? {
                Some(config) => {
                    tracing::warn!(
                        "DEVELOPER'S MODE: anybody may register, nothing is limited. Never let people use this server."
                    );
                    config
                }
                None => load(&arguments.config)?,
            };
            homeserver::run(config).await
        }
        Command::Backup(command) => command.run(&arguments.config).await,
        Command::Config(ConfigCommand::Check) => {
            let config = load(&arguments.config)?;
            println!("{}", toml::to_string_pretty(&config)?);
            Ok(())
        }
        Command::User(command) => command.run(load(&arguments.config)?).await,
        Command::RegistrationToken(command) => command.run(load(&arguments.config)?).await,
        Command::Migrate => cli::migrate(&load(&arguments.config)?).await,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::logging(arguments.log_json);
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parta-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
