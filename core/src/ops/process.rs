//! What the kernel says about this process: memory, CPU time, and the host's steal.

use std::fs;

/// Resident memory in bytes, 0 if the kernel does not say.
#[must_use]
pub fn resident_bytes() -> u64 {
    let Ok(statm) = fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages: u64 = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}

/// CPU time of all threads since the process began, in seconds; 0 if the kernel does not say.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return 0.0 };
    // The command in parentheses may hold spaces; fields are counted after it. proc(5): utime 14, stime 15, in ticks.
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0.0 };
    let ticks: u32 =
        fields.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    // USER_HZ is 100 on every Linux the engine runs on.
    f64::from(ticks) / 100.0
}

/// The running kernel's release, such as `6.1.0-18-amd64`.
#[must_use]
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        assert!(resident_bytes() > 100_000, "a test process has more than 100 kB");
        assert!(cpu_seconds() >= 0.0);
        assert!(kernel().contains('.'), "{}", kernel());
    }
}
