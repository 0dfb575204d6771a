//! From measurements to one line.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::lab::Lab;
use super::options::Scenario;
use super::process::round;

/// What a scenario measured.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Latency of each operation that succeeded, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// Operations that did not.
    pub(crate) errors: u64,
    /// Time from the first operation to the end of the last.
    pub(crate) elapsed: Duration,
    /// Sizes of the scenario.
    pub(crate) sizes: Value,
    /// Everything else, with units in the names.
    pub(crate) extra: Map<String, Value>,
}

impl Outcome {
    /// Its line.
    pub(crate) fn into_line(mut self, scenario: Scenario, lab: &Lab) -> Value {
        self.latencies.sort_unstable();
        let seconds = self.elapsed.as_secs_f64();
        let operations = self.latencies.len();
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
        put("scenario", json!(scenario.to_string()));
        put("server_name", json!(lab.server_name));
        put("server_version", json!(lab.version));
        put("sizes", self.sizes);
        put("ops", json!(operations));
        put("seconds", json!(round(seconds, 2)));
        put("ops_per_s", json!(if seconds > 0.0 { round(operations as f64 / seconds, 1) } else { 0.0 }));
        for (key, share) in [("p50_ms", 0.50), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1.0)] {
            put(key, json!(percentile_ms(&self.latencies, share)));
        }
        put("errors", json!(self.errors));
        line.append(&mut self.extra);
        Value::Object(line)
    }
}

/// The latency that this share of the sorted operations stayed within; `None` when there were none.
pub(crate) fn percentile(sorted: &[u32], share: f64) -> Option<u32> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The same in milliseconds, from microseconds.
pub(crate) fn percentile_ms(sorted: &[u32], share: f64) -> Option<f64> {
    percentile(sorted, share).map(|micros| round(f64::from(micros) / 1000.0, 2))
}

/// A duration in whole microseconds, at most an hour and ten minutes.
pub(crate) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The line as a person reads it: `key value` pairs, the scenario first.
pub(crate) fn for_people(line: &Value) -> String {
    let mut text = line["scenario"].as_str().unwrap_or_default().to_owned();
    for (key, value) in line.as_object().into_iter().flatten().filter(|(key, _)| *key != "scenario") {
        text.extend(["  ", key, " ", &value.to_string()]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::percentile_ms;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let sorted: Vec<u32> = (1..=100).map(|n| n * 1000).collect();
        assert_eq!(percentile_ms(&sorted, 0.50), Some(50.0));
        assert_eq!(percentile_ms(&sorted, 0.99), Some(99.0));
        assert_eq!(percentile_ms(&sorted, 1.0), Some(100.0));
        assert_eq!(percentile_ms(&[7000], 0.5), Some(7.0));
        assert_eq!(percentile_ms(&[], 0.5), None);
    }
}
