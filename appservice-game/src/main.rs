//! `parta-games`: arguments → configuration → run.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::Context as _;
use appservice_game::{
    config::Config,
    registration::{self, NewRegistration},
    service::Service,
};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Games in Matrix rooms, as an application service.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or Ctrl-C.
    Serve {
        /// The configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// The registration file that the homeserver reads.
    #[command(subcommand)]
    Registration(RegistrationCommand),
}

#[derive(Subcommand)]
enum RegistrationCommand {
    /// Write a registration file with new tokens.
    Generate {
        /// Where to write it; an existing file is not touched.
        #[arg(long)]
        output: PathBuf,
        /// Where the homeserver reaches this service.
        #[arg(long)]
        url: Url,
        /// The homeserver's name, the part of user ids after the colon.
        #[arg(long)]
        server_name: String,
        /// The bot's user name.
        #[arg(long, default_value = "games")]
        localpart: String,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve { config } => {
            tracing_subscriber::fmt()
                .with_env_filter(
                    tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
                )
                .with_writer(std::io::stderr)
                .init();
            let config = Config::read(&config)?;
            tokio::runtime::Runtime::new()?.block_on(serve(&config))
        }
        Command::Registration(RegistrationCommand::Generate { output, url, server_name, localpart }) => {
            ruma::UserId::parse(format!("@{localpart}:{server_name}"))
                .with_context(|| format!("@{localpart}:{server_name} is not a user id"))?;
            let yaml = NewRegistration {
                url: &url,
                server_name: &server_name,
                localpart: &localpart,
                as_token: &registration::token(rand::random()),
                hs_token: &registration::token(rand::random()),
            }
            .to_yaml();
            // For its owner alone: whoever has the tokens is the bot, and the homeserver to the bot.
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&output)
                .and_then(|mut file| file.write_all(yaml.as_bytes()))
                .with_context(|| format!("cannot write {}", output.display()))?;
            println!("{}", output.display());
            Ok(())
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let service = Service::start(config).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    service.stop().await;
    Ok(())
}
