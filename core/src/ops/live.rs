//! The demo's live line: what the server did in the last second.

use std::sync::atomic::Ordering::Relaxed;

use hdrhistogram::Histogram;

use super::status::{Sources, millis};

/// Remembers the last second's figures.
#[derive(Debug)]
pub struct LiveLine {
    sources: Sources,
    ticks: Histogram<u64>,
    datagrams_in: u64,
    datagrams_out: u64,
}

impl LiveLine {
    /// Starts counting now.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let ticks = sources.tick_us();
        Self { sources, ticks, datagrams_in: 0, datagrams_out: 0 }
    }

    /// The line of the time since the last one.
    pub fn line(&mut self) -> String {
        let figures = self.sources.figures();
        let players: u32 = figures.iter().map(|shard| shard.players()).sum();
        let received: u64 = figures.iter().map(|shard| shard.datagrams_in).sum();
        let sent: u64 = figures.iter().map(|shard| shard.datagrams_out).sum();
        let trades: u64 = figures.iter().map(|shard| shard.trades).sum();
        let total = self.sources.tick_us();
        let mut window = total.clone();
        // Figures only grow, so the difference is a histogram too.
        let same_bounds = window.subtract(&self.ticks).is_ok();
        let shown = if same_bounds { &window } else { &total };
        let line = format!(
            "players {players:>5}  tick p50 {:>5.2} ms p99 {:>6.2} ms  datagrams {:>6} in {:>6} out  trades {trades:>6}  store lag {:>4} ms",
            millis(shown.value_at_quantile(0.5)),
            millis(shown.value_at_quantile(0.99)),
            received - self.datagrams_in,
            sent - self.datagrams_out,
            self.sources.persist.lag_ms.load(Relaxed),
        );
        (self.ticks, self.datagrams_in, self.datagrams_out) = (total, received, sent);
        line
    }
}
