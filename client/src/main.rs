//! Starts the client.

use clap::Parser;
use parta_client::{options::Options, view};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // The SDK logs ids of rooms and people at `info`; what goes to the console of a shared computer stays at warnings.
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("PARTA_LOG").unwrap_or_else(|_| EnvFilter::new("error,parta_client=info")),
        )
        .with_writer(std::io::stderr)
        .init();
    view::run(&options)
}
