//! The server's own figures over the measured window: the difference of two readings.

use serde::Serialize;

use super::histogram::{Summary, since, summary};
use crate::gateway::{ShardStatus, Status};

/// Ticks of one shard in a second.
const TICKS_PER_S: f64 = 20.0;
/// Ticks of one shard that may be missing at the edges: its figures are published once a second, and readings fall between
/// ticks.
const TICKS_SLACK: u64 = 22;

/// Section `server` of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerSection {
    /// Duration of ticks.
    pub tick_ms: Option<Summary>,
    /// Lateness of steps.
    pub lateness_ms: Option<Summary>,
    /// Ticks done.
    pub ticks: u64,
    /// Ticks left out, as the server counts them.
    pub ticks_skipped: u64,
    /// Ticks that neither came nor were counted as left out: a shard that stands still counts nothing.
    pub ticks_missing: u64,
    /// Processor time, 100 = one CPU.
    pub cpu_percent: f64,
    /// Resident memory at the end.
    pub rss_bytes: u64,
    /// Each shard at the end, as the server gives it.
    pub shards: Vec<ShardStatus>,
}

impl ServerSection {
    /// What happened between two readings, `seconds` apart.
    #[must_use]
    pub fn between(start: &Status, end: &Status, seconds: f64) -> Self {
        let window = |start: Option<_>, end: Option<_>| summary(&since(&start?, &end?));
        // A server that was started again counts from its start.
        let again = end.ticks < start.ticks;
        let less = |end: u64, start: u64| if again { end } else { end.saturating_sub(start) };
        let (ticks, ticks_skipped) = (less(end.ticks, start.ticks), less(end.ticks_skipped, start.ticks_skipped));
        let shards = end.shards.len().max(1) as u64;
        let due = due_ticks(seconds).saturating_sub(TICKS_SLACK) * shards;
        let cpu = if again { end.cpu_seconds } else { end.cpu_seconds - start.cpu_seconds };
        Self {
            tick_ms: window(start.tick_durations(), end.tick_durations()),
            lateness_ms: window(start.lateness(), end.lateness()),
            ticks,
            ticks_skipped,
            ticks_missing: due.saturating_sub(ticks + ticks_skipped),
            cpu_percent: if seconds > 0.0 { 100.0 * cpu / seconds } else { 0.0 },
            rss_bytes: end.rss_bytes,
            shards: end.shards.clone(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a run lasts far less than 2^52 ticks and more than none"
)]
fn due_ticks(seconds: f64) -> u64 {
    (seconds.max(0.0) * TICKS_PER_S) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn status(ticks: u64, skipped: u64) -> Status {
        Status {
            build: Value::Null,
            runtime: Value::Null,
            ticks,
            ticks_skipped: skipped,
            rss_bytes: 0,
            cpu_seconds: 0.0,
            tick_hist: String::new(),
            lateness_hist: String::new(),
            shards: vec![ShardStatus::new(); 2],
        }
    }

    #[test]
    fn a_shard_that_stands_still_is_seen() {
        let start = status(100, 0);
        let missing = |ticks, skipped| ServerSection::between(&start, &status(ticks, skipped), 10.0).ticks_missing;
        assert_eq!(missing(500, 0), 0, "two shards, ten seconds");
        assert_eq!(missing(460, 0), 0, "the figures are a second old");
        assert_eq!(missing(480, 20), 0, "what the server counts is not missing");
        assert_eq!(missing(300, 0), 156, "one of the two stood still");
    }
}
