//! Logs and metrics. No message content, token or password is ever logged.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error: readable lines, or JSON for machines. The level comes from `PARTA_LOG`.
pub fn logging(json: bool) {
    let filter = EnvFilter::try_from_env("PARTA_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,ruma=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only if logging was started before, and then it runs.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}

/// The process's metrics, in Prometheus' text format.
pub fn metrics() -> &'static PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Fails only if another recorder was installed before, and then that one counts.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
