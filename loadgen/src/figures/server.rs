//! The server's own figures over the measured window: the difference of two readings.

use serde::Serialize;

use super::histogram::{Summary, since, summary};
use crate::gateway::{ShardStatus, Status};

/// Section `server` of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerSection {
    /// Duration of ticks.
    pub tick_ms: Option<Summary>,
    /// Lateness of steps.
    pub lateness_ms: Option<Summary>,
    /// Ticks done.
    pub ticks: u64,
    /// Ticks left out.
    pub ticks_skipped: u64,
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
        let cpu = if again { end.cpu_seconds } else { end.cpu_seconds - start.cpu_seconds };
        Self {
            tick_ms: window(start.tick_durations(), end.tick_durations()),
            lateness_ms: window(start.lateness(), end.lateness()),
            ticks: less(end.ticks, start.ticks),
            ticks_skipped: less(end.ticks_skipped, start.ticks_skipped),
            cpu_percent: if seconds > 0.0 { 100.0 * cpu / seconds } else { 0.0 },
            rss_bytes: end.rss_bytes,
            shards: end.shards.clone(),
        }
    }
}
