//! What a figure was measured on, and how much of the machine others took meanwhile.

use std::fmt;
use std::fs;

use serde::Serialize;

/// The facts beside every figure.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    cpus: usize,
    model: String,
    kernel: String,
    memory_mib: u64,
    build: String,
    /// Share of the CPUs' time the hypervisor gave to others during the run.
    steal_percent: f64,
}

impl Host {
    /// Facts of this host; `build` is the commit the binaries were built from.
    pub fn new(build: &str, before: CpuTimes, after: CpuTimes) -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let meminfo = read("/proc/meminfo");
        let memory_kib: u64 =
            field(&meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        Self {
            cpus: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            model: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_mib: memory_kib / 1024,
            build: build.to_owned(),
            steal_percent: after.steal_percent_since(before),
        }
    }

    /// No host in particular.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            cpus: 0,
            model: String::new(),
            kernel: String::new(),
            memory_mib: 0,
            build: String::new(),
            steal_percent: 0.0,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} x {}, Linux {}, {} MiB, build {}, steal {:.1} %",
            self.cpus, self.model, self.kernel, self.memory_mib, self.build, self.steal_percent
        )
    }
}

/// The machine's CPU times since boot, in clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    all: u64,
    steal: u64,
}

impl CpuTimes {
    /// Now.
    pub fn read() -> Self {
        Self::parse(&read("/proc/stat"))
    }

    /// user nice system idle iowait irq softirq steal; guest times are part of user.
    fn parse(stat: &str) -> Self {
        let line = stat.lines().next().unwrap_or_default();
        let times: Vec<u64> =
            line.split_ascii_whitespace().skip(1).take(8).map(|time| time.parse().unwrap_or(0)).collect();
        Self { all: times.iter().sum(), steal: times.get(7).copied().unwrap_or(0) }
    }

    fn steal_percent_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        100.0 * exact(self.steal.saturating_sub(before.steal)) / exact(all)
    }
}

/// A count as a float; counts here stay far below 2⁵³.
pub fn exact(count: u64) -> f64 {
    f64::from(u32::try_from(count >> 32).unwrap_or(0)) * 4_294_967_296.0
        + f64::from(u32::try_from(count & 0xffff_ffff).unwrap_or(0))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_eighth_time_and_a_share_of_all() {
        let before = CpuTimes::parse("cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 1 1 1\n");
        let after = CpuTimes::parse("cpu  150 0 130 810 0 0 0 10 60 0\n");
        assert_eq!(before, CpuTimes { all: 1_000, steal: 0 });
        assert!((after.steal_percent_since(before) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_field_is_found_whatever_stands_before_its_colon() {
        assert_eq!(field("model name\t: A CPU\nMemTotal:  12 kB", "model name"), Some("A CPU"));
        assert_eq!(field("MemTotal:  12 kB", "MemTotal"), Some("12 kB"));
        assert_eq!(field("MemTotal:  12 kB", "Mem"), None);
    }

    #[test]
    fn a_count_is_exact_as_a_float() {
        assert_eq!(exact(5_000_000_000).to_bits(), 5e9_f64.to_bits());
    }
}
