//! The machine a run was made on, and how much of it the generator used. Reads `/proc`; what cannot be read is left out.

use serde::Serialize;
use serde_json::Value;

/// Section `host` of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Host {
    /// CPUs this process may use.
    pub cpus: usize,
    /// Kernel release.
    pub kernel: String,
    /// What runs the server's shards, as it says itself.
    pub runtime: Value,
    /// Time stolen by the hypervisor during the run.
    pub steal_percent: f64,
    /// The server's build, as it says itself.
    pub build: Value,
}

impl Host {
    /// This machine, with what the server says of itself.
    #[must_use]
    pub fn here(runtime: Value, steal_percent: f64, build: Value) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        Self { cpus, kernel, runtime, steal_percent, build }
    }
}

/// A reading of the machine's processor times.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessorTimes {
    total: u64,
    steal: u64,
}

impl ProcessorTimes {
    /// Reads them now.
    #[must_use]
    pub fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let first = text.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; guest times are inside user and nice.
        let times: Vec<u64> = first.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
        Self { total: times.iter().sum(), steal: times.get(7).copied().unwrap_or(0) }
    }

    /// Percent of the time since `earlier` that was stolen.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "clock ticks of a run are far below 2^52")]
    pub fn steal_percent_since(&self, earlier: &Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        if total == 0 { 0.0 } else { 100.0 * self.steal.saturating_sub(earlier.steal) as f64 / total as f64 }
    }
}

/// Processor time this process has used, in seconds.
#[must_use]
pub fn own_cpu_seconds() -> f64 {
    cpu_seconds(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default())
}

/// User and system time of a `/proc/PID/stat` line. Linux counts them in hundredths of a second on every machine this runs on.
#[expect(clippy::cast_precision_loss, reason = "clock ticks of a process are far below 2^52")]
fn cpu_seconds(stat: &str) -> f64 {
    // The command is in brackets and may hold anything; fields are counted after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let times = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok());
    times.sum::<u64>() as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_all_time() {
        let start = ProcessorTimes::parse("cpu  100 0 100 700 50 0 0 50 0 0\ncpu0 1 2 3\n");
        let end = ProcessorTimes::parse("cpu  150 0 100 700 50 0 0 100 0 0\n");
        assert!((end.steal_percent_since(&start) - 50.0).abs() < 1e-9);
        assert!(ProcessorTimes::parse("").steal_percent_since(&start).abs() < 1e-9);
    }

    #[test]
    fn a_command_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1000 10";
        assert!((cpu_seconds(stat) - 3.0).abs() < 1e-9);
    }
}
