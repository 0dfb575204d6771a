//! Starts the client.

use clap::Parser;
use parta_client::{logs, options::Options, view};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// What is logged unless `PARTA_LOG` asks for more. The SDK logs ids of rooms and people at `info`, which are not for the
/// console of a shared computer. Its HTTP client calls every refusal an error, "no such account data" included, and it looks
/// for the latest events of rooms that it does not know yet: so the first start of an account looks. Those who made a
/// request tell what failed and matters.
const LOG: &str = "error,matrix_sdk::http_client=off,matrix_sdk::latest_events=off,parta_client=info";

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let wanted = EnvFilter::try_from_env("PARTA_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let console = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(wanted);
    tracing_subscriber::registry().with(console).with(logs::layer()).init();
    view::run(&options)
}
