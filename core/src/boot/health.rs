//! The health loop (UC-01): once a second each shard is judged by its pulse and its ticks, for the directory's choice of
//! instances and for `readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::directory::{Directory, Health};
use crate::gateway::Readiness;
use crate::ops::status::Sources;
use crate::runtime::Clock;

const EVERY: Duration = Duration::from_secs(1);

/// A shard that has not turned for this long is down.
const DOWN_AFTER: Duration = Duration::from_secs(2);

/// More skipped ticks than this in a second (of 20) and a shard is degraded.
const SKIPPED_MAX: u64 = 1;

/// Judges the shards until the runtime ends; a task of the control thread.
pub(super) async fn watch(sources: Sources, directory: Directory, readiness: Arc<Readiness>) {
    let mut skipped: Vec<u64> = vec![0; sources.shards.len()];
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        let now = Clock::now();
        let mut all_turn = true;
        for ((figures, pulse), before) in sources.figures().iter().zip(&sources.pulses).zip(&mut skipped) {
            let lately = figures.ticks_skipped.saturating_sub(*before);
            *before = figures.ticks_skipped;
            let health = judge(pulse.silence(now), lately);
            all_turn &= health != Health::Down;
            directory.set_health(figures.shard, health);
        }
        readiness.shards_ticking.store(all_turn, Relaxed);
    }
}

fn judge(silence: Duration, skipped: u64) -> Health {
    match (silence > DOWN_AFTER, skipped > SKIPPED_MAX) {
        (true, _) => Health::Down,
        (false, true) => Health::Degraded,
        (false, false) => Health::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_judged_by_its_pulse_and_its_ticks() {
        assert_eq!(judge(Duration::from_millis(5), 0), Health::Healthy);
        assert_eq!(judge(Duration::from_millis(5), 1), Health::Healthy);
        assert_eq!(judge(Duration::from_millis(5), 2), Health::Degraded);
        assert_eq!(judge(Duration::from_secs(3), 0), Health::Down);
    }
}
