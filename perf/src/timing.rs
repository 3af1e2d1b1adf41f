//! Nanoseconds of short things on a machine that others use too: many rounds, of which the median counts.
//!
//! What is compared is measured in turns, a round of one and a round of the other, so that a slow second slows both. Rounds are
//! short, so that few are interrupted; what cannot be short is measured in CPU time.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::host::exact;

/// How much is done for one figure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds; their median is the figure.
    pub rounds: usize,
    /// Calls in a round.
    pub calls: u32,
}

/// The median of rounds that take their own time, in nanoseconds a call.
pub fn median_of(rounds: usize, round: impl FnMut() -> f64) -> f64 {
    median(&mut std::iter::repeat_with(round).take(rounds).collect::<Vec<_>>())
}

/// The median of rounds of something that can be called again and again.
pub fn median_ns(effort: Effort, mut call: impl FnMut()) -> f64 {
    median_of(effort.rounds, || round_ns(effort.calls, || (0..effort.calls).for_each(|_| call())))
}

/// CPU time that this thread has used.
#[must_use]
pub fn thread_cpu() -> Duration {
    duration(ClockId::ThreadCPUTime)
}

/// CPU time that this process has used.
#[must_use]
pub fn process_cpu() -> Duration {
    duration(ClockId::ProcessCPUTime)
}

fn duration(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Nanoseconds of CPU time a call, of something that makes so many.
pub fn round_cpu_ns(calls: u32, work: impl FnOnce()) -> f64 {
    let began = thread_cpu();
    work();
    (thread_cpu() - began).as_secs_f64() * 1e9 / f64::from(calls)
}

/// Nanoseconds a call, of something that makes so many.
#[expect(clippy::disallowed_methods, reason = "what takes nanoseconds is measured with the finest clock there is")]
pub fn round_ns(calls: u32, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    exact(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)) / f64::from(calls)
}

/// What single calls of many microseconds take when nobody else runs in between: the fastest tenth. With many processes
/// on the machine most calls are interrupted, and the median would measure the others.
pub fn undisturbed(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or(0.0)
}

/// The middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
