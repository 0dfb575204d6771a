//! Logs and metrics. No message content, token or password is ever logged.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tracing_subscriber::EnvFilter;

use crate::tasks::Tasks;

/// Upper bounds of the buckets for times, in seconds.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Upper bounds of the buckets for jobs in one commit.
const JOBS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often what was recorded is put into its buckets; until then it lies in memory one by one.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts logging to standard error: readable lines, or JSON for machines. The level comes from `PARTA_LOG`.
pub fn logging(json: bool) {
    let filter = EnvFilter::try_from_env("PARTA_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,ruma=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only if logging was started before, and then it runs.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}

struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
}

fn installed() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_jobs".to_owned()), &JOBS))
            .expect("the lists of buckets are not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Fails only if another recorder was installed before, and then that one counts.
        let _ = metrics::set_global_recorder(recorder);
        let process = Collector::default();
        process.describe();
        metrics::describe_counter!("parta_http_requests_total", "Requests answered.");
        metrics::describe_histogram!("parta_http_request_seconds", "Time until an answer began.");
        metrics::describe_gauge!("parta_http_requests_under_way", "Requests being answered.");
        metrics::describe_gauge!("parta_http_connections", "Open connections.");
        metrics::describe_counter!("parta_http_connections_refused_total", "Connections closed because of a limit.");
        metrics::describe_histogram!("parta_journal_batch_seconds", "Time of a commit.");
        metrics::describe_histogram!("parta_journal_batch_jobs", "Jobs in one commit.");
        metrics::describe_counter!("parta_push_notifications_total", "Calls that push gateways took.");
        metrics::describe_counter!("parta_push_failures_total", "Calls that push gateways did not take.");
        metrics::describe_counter!("parta_push_rejected_total", "Pushers removed because their gateway rejected them.");
        metrics::describe_gauge!("parta_push_pushers", "Pushers.");
        metrics::describe_gauge!("parta_tls_certificate_end_seconds", "When the certificate ends, in Unix time.");
        metrics::describe_gauge!("parta_database_connections", "Connections to the database, by their state.");
        Metrics { handle, process }
    })
}

/// The process's metrics, in Prometheus' text format. The first call installs the recorder.
pub fn metrics() -> &'static PrometheusHandle {
    &installed().handle
}

/// Installs the recorder and keeps it tidy until the server stops.
pub fn start(tasks: &Tasks) {
    let handle = metrics();
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            handle.run_upkeep();
        }
    });
}

/// Takes the readings that nobody reports by themselves: the process and the database's connections, how many are open and
/// how many of them idle.
pub fn observe((open, idle): (usize, usize)) {
    installed().process.collect();
    metrics::gauge!("parta_database_connections", "state" => "idle").set(idle as f64);
    metrics::gauge!("parta_database_connections", "state" => "busy").set(open.saturating_sub(idle) as f64);
}
