//! What processes cost, read from /proc.

use std::collections::{HashMap, HashSet};
use std::fs;

use serde_json::{Map, Value, json};

/// Ticks of /proc's CPU times a second: `USER_HZ`, fixed at 100 by Linux's user-space interface on the
/// architectures Parta runs on.
const TICKS: f64 = 100.0;

/// Reads the cost of the server's process trees, of this process, and of everything else on the machine.
#[derive(Debug)]
pub(crate) struct Meter {
    roots: Vec<u32>,
}

/// CPU seconds used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    server: f64,
    own: f64,
    machine: f64,
}

impl Meter {
    /// A meter of the trees under these process ids.
    pub(crate) fn new(roots: Vec<u32>) -> Self {
        Self { roots }
    }

    /// CPU seconds as of now.
    pub(crate) fn cpu(&self) -> Cpu {
        Cpu {
            server: self.tree().iter().filter_map(|pid| cpu_of(&pid.to_string())).sum(),
            own: cpu_of("self").unwrap_or(0.0),
            machine: cpu_of_machine().unwrap_or(0.0),
        }
    }

    /// CPU seconds of the server since `before`; `None` where no process of it was named.
    pub(crate) fn server_since(&self, before: Cpu) -> Option<f64> {
        (!self.roots.is_empty()).then(|| self.cpu().server - before.server)
    }

    /// Adds what was used since `before`, a share an operation, and memory as of now.
    pub(crate) fn describe(&self, before: Cpu, operations: usize, into: &mut Map<String, Value>) {
        let now = self.cpu();
        let (server, own) = (now.server - before.server, now.own - before.own);
        into.insert("load_cpu_s".to_owned(), json!(round(own, 2)));
        if self.roots.is_empty() {
            return;
        }
        into.insert("server_cpu_s".to_owned(), json!(round(server, 2)));
        if operations > 0 {
            into.insert("server_cpu_ms_per_op".to_owned(), json!(round(server * 1000.0 / operations as f64, 4)));
        }
        into.insert("other_cpu_s".to_owned(), json!(round((now.machine - before.machine - server - own).max(0.0), 2)));
        let tree = self.tree();
        for (key, file, field) in [("server_rss_mib", "status", "VmRSS:"), ("server_pss_mib", "smaps_rollup", "Pss:")] {
            let kib: u64 = tree.iter().filter_map(|pid| field_kib(*pid, file, field)).sum();
            into.insert(key.to_owned(), json!(round(kib as f64 / 1024.0, 1)));
        }
    }

    /// The roots and all their descendants.
    fn tree(&self) -> HashSet<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let parent = stat_fields(&pid.to_string()).and_then(|fields| fields.get(1)?.parse().ok());
            if let Some(parent) = parent {
                children.entry(parent).or_default().push(pid);
            }
        }
        let (mut tree, mut open) = (HashSet::new(), self.roots.clone());
        while let Some(pid) = open.pop() {
            if tree.insert(pid) {
                open.extend(children.get(&pid).into_iter().flatten());
            }
        }
        tree
    }
}

/// The fields of /proc/PID/stat after the command's name, which may itself hold spaces and brackets.
fn stat_fields(pid: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn cpu_of(pid: &str) -> Option<f64> {
    let fields = stat_fields(pid)?;
    // Counted from the state, which is field 3 of proc(5): utime is 14, stime is 15.
    let ticks: u64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / TICKS)
}

/// Busy time of all cores: everything in /proc/stat's first line but idle and iowait.
fn cpu_of_machine() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let busy: u64 = fields
        .take(8)
        .enumerate()
        .filter(|(index, _)| ![3, 4].contains(index))
        .filter_map(|(_, field)| field.parse::<u64>().ok())
        .sum();
    Some(busy as f64 / TICKS)
}

fn field_kib(pid: u32, file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// `value` to so many decimals.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10f64.powi(decimals);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::Meter;

    #[test]
    fn reads_this_process() {
        let meter = Meter::new(vec![std::process::id()]);
        let before = meter.cpu();
        let mut line = serde_json::Map::new();
        meter.describe(before, 1, &mut line);
        assert!(line["server_rss_mib"].as_f64().unwrap() > 0.5);
        assert!(line["server_pss_mib"].as_f64().unwrap() > 0.5);
        assert!(before.machine >= before.own);
        assert!(meter.server_since(before).is_some_and(|seconds| seconds >= 0.0));
        assert_eq!(Meter::new(Vec::new()).server_since(before), None);
    }
}
