//! Callers that each wait for their answer before they ask again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::lab::Lab;
use super::report::{Outcome, micros};

/// A worker's part of the measurement.
#[derive(Default)]
struct Part {
    latencies: Vec<u32>,
    errors: u64,
    first_error: Option<String>,
}

/// Runs `operation(worker, round)` in `workers` closed loops for the warm-up and the measured time. Counts what
/// was begun while measuring, and measures until the last of it has its answer, so a stall at the end is seen.
pub(crate) async fn run<F, Fut>(lab: &Lab, workers: usize, sizes: Value, operation: F) -> Result<Outcome>
where
    F: Fn(usize, u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let operation = Arc::new(operation);
    let start = Instant::now() + Duration::from_secs(lab.options.warmup);
    let end = start + Duration::from_secs(lab.options.duration);
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let operation = Arc::clone(&operation);
        tasks.spawn(async move {
            let mut part = Part::default();
            for round in 0.. {
                let begun = Instant::now();
                if begun >= end {
                    break;
                }
                let result = operation(worker, round).await;
                match result {
                    Err(error) => {
                        part.errors += 1;
                        part.first_error.get_or_insert_with(|| format!("{error:#}"));
                        // A refused connection answers at once: do not spin on it.
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Ok(()) if begun >= start => part.latencies.push(micros(begun.elapsed())),
                    Ok(()) => {}
                }
            }
            part
        });
    }
    sleep_until(start).await;
    let meter = lab.meter();
    let before = meter.cpu();
    let mut whole = Part::default();
    while let Some(part) = tasks.join_next().await {
        let part = part?;
        whole.latencies.extend(part.latencies);
        whole.errors += part.errors;
        whole.first_error = whole.first_error.or(part.first_error);
    }
    let elapsed = start.elapsed();
    if let Some(error) = &whole.first_error {
        eprintln!("# {} errors, the first: {error}", whole.errors);
    }
    let mut extra = Map::new();
    meter.describe(before, whole.latencies.len(), &mut extra);
    Ok(Outcome { latencies: whole.latencies, errors: whole.errors, elapsed, sizes, extra })
}
