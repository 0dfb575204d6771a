//! Arguments → configuration → run.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use homeserver::{
    cli::{
        self, BackupCommand, CertificateCommand, ConfigCommand, FeedbackCommand, RegistrationTokenCommand, Serve,
        UserCommand,
    },
    telemetry,
};

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
    /// What people have sent by the feedback button.
    #[command(subcommand)]
    Feedback(FeedbackCommand),
    /// Bring the database to the newest schema; serving does so too.
    Migrate,
    /// The certificate that clients are shown by TLS.
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Backups of the database, the media and the configuration file.
    #[command(subcommand)]
    Backup(BackupCommand),
}

async fn run(command: Command, config: &Path) -> anyhow::Result<()> {
    match command {
        Command::Serve(serve) => Box::pin(homeserver::run(serve.config(config)?)).await,
        Command::Config(command) => command.run(config),
        Command::User(command) => command.run(cli::load(config)?).await,
        Command::RegistrationToken(command) => command.run(cli::load(config)?).await,
        Command::Feedback(command) => command.run(cli::load(config)?).await,
        Command::Migrate => cli::migrate(&cli::load(config)?).await,
        Command::Certificate(command) => command.run(&cli::load(config)?),
        Command::Backup(command) => command.run(config).await,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::logging(arguments.log_json);
    match run(arguments.command, &arguments.config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parta-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
