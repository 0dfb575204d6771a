//! `load-benchmark`: puts a homeserver under the loads of a school day and prints what it cost.
//!
//! A line a scenario, or one for each thing that it compares; `docs/benchmarks.md` has the commands and what the
//! figures mean. It speaks only to loopback addresses, and every loop is bounded in count and in time.

mod load;

use anyhow::Result;
use clap::Parser;

/// One thread: on a machine that load and server share, a second one only adds hops.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    load::run(load::options::Options::parse()).await
}
