//! A tick of a thousand players who walk about one map, with a snapshot for each: time, allocations, bytes.
//!
//! The map is called as a shard calls it, without sockets, threads or encryption. Every snapshot is acknowledged two ticks later.
//! Instructions would be steadier than time, but virtual machines seldom offer the counter; only time is reported.

mod crowd;

use std::error::Error;
use std::time::Duration;

use mu_core::runtime::Clock;

use crate::counting;
use crowd::Crowd;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};

const PLAYERS: usize = 1_000;
/// A tick's period.
const BUDGET: Duration = Duration::from_millis(50);
/// Share of the budget a tick may take at the 99th percentile.
const SHARE: f64 = 0.5;
/// Ticks before anything is measured: views fill, queues reach their size.
const WARM_UP: u32 = 200;

/// Runs the crowd.
pub(crate) fn run(quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let ticks = if quick { 200 } else { 2_000 };
    let mut crowd = Crowd::new(PLAYERS)?;
    for _ in 0..WARM_UP {
        crowd.tick();
    }
    let (mut tick_us, mut allocations, mut bytes) = (mu_perf::report::histogram(), 0, 0);
    for _ in 0..ticks {
        let began = Clock::now();
        allocations += counting::calls_during(|| bytes += crowd.tick());
        tick_us.saturating_record(u64::try_from(Clock::now().since(began).as_micros())?);
    }
    let per_player_tick = exact(u64::try_from(PLAYERS)?);
    let p99_ms = exact(tick_us.value_at_quantile(0.99)) / 1e3;
    let stats = crowd.stats();
    let beside = [
        ("tick_p50_ms", exact(tick_us.value_at_quantile(0.5)) / 1e3),
        ("tick_p99_ms", p99_ms),
        ("ns_per_entity_tick", 1e3 * tick_us.mean() / per_player_tick),
        ("snapshot_bytes", exact(bytes) / f64::from(ticks) / per_player_tick),
        ("walks", exact(stats.walks)),
        ("walks_refused", exact(stats.walks_refused)),
    ];
    Ok(vec![
        Promise::new(
            "tick_p99_vs_budget",
            p99_ms / (BUDGET.as_secs_f64() * 1e3),
            "ratio",
            Want::AtMost(SHARE),
            &beside,
        ),
        Promise::new("allocator_calls", exact(allocations), "calls", Want::AtMost(0.0), &[("ticks", f64::from(ticks))]),
    ])
}
