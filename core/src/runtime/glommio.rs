//! The shard's loop on a glommio executor: the grid is kept by its timers, the thread is ours.
//!
//! Only builder, task queue and timer are used; sockets and files never go through it. The executor is made on a thread that
//! already runs, so a failure is a value here and not a panic in a thread of the library's.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use ::glommio::timer::Timer;
use ::glommio::{CpuSet, Latency, LocalExecutor, LocalExecutorBuilder, Placement, PoolPlacement, Shares};

use super::clock::Clock;
use super::driver::{Driver, ShardEnd, Turn};
use super::rouse::Pulse;

/// The preemption timer must never fire. When it fires between the library's look at its rings and its first task, because the
/// thread lost its CPU there, glommio 0.9 takes "no task ran" for "no task is left" and sleeps with tasks waiting, for good if
/// no other event comes (decision 0004). A shard needs no preemption: each turn ends by itself and awaits its timer.
const PREEMPT: Duration = Duration::from_secs(3_600);
/// Smallest memory the library registers with its rings; we read and write no files through it.
const IO_MEMORY: usize = 64 << 10;
/// Timers only, so few entries.
const RING_DEPTH: usize = 64;
/// The first sleep of an executor is slow (tens of milliseconds on newer kernels); it is spent before the shard is ready.
const WARM_UP: Duration = Duration::from_millis(1);

/// Makes the executor on this thread.
pub(super) fn make(name: &str, cpu: usize, housekeeping: &[usize]) -> Result<LocalExecutor, String> {
    LocalExecutorBuilder::new(Placement::Fixed(cpu))
        .name(name)
        .preempt_timer(PREEMPT)
        .io_memory(IO_MEMORY)
        .ring_depth(RING_DEPTH)
        .blocking_thread_pool_placement(off_core(housekeeping))
        .make()
        .map_err(|error| error.to_string())
}

/// Keeps the library's helper thread off the map CPU, which it would inherit.
fn off_core(housekeeping: &[usize]) -> PoolPlacement {
    match CpuSet::online() {
        Ok(online) => {
            let cpus = online.filter(|location| housekeeping.contains(&location.cpu));
            if cpus.is_empty() { PoolPlacement::Unbound(1) } else { PoolPlacement::Fenced(1, cpus) }
        }
        Err(_) => PoolPlacement::Unbound(1),
    }
}

/// Runs the shard until it ends.
pub(super) fn run(
    executor: &LocalExecutor,
    pulse: &Pulse,
    build: impl FnOnce() -> Result<Driver, String>,
    ready: impl FnOnce(),
) -> Result<ShardEnd, String> {
    executor.run(async move {
        pulse.beat(Clock::now());
        sleep(WARM_UP, pulse).await;
        pulse.end();
        let driver = build()?;
        ready();
        let queue = ::glommio::executor().create_task_queue(Shares::Static(1_000), Latency::Matters(PREEMPT), "shard");
        pulse.beat(Clock::now());
        let task = ::glommio::spawn_local_into(steps(driver), queue).map_err(|error| error.to_string())?;
        // Until its first turn the shard's task has no waker that could be roused; this one's wake lets both run.
        let mut task = pin!(task);
        Ok(poll_fn(|context| {
            pulse.listen(context.waker());
            task.as_mut().poll(context)
        })
        .await)
    })
}

/// Sleeps until the timer is due, even if the executor would sleep on: another thread rouses it (see `rouse`).
async fn sleep(duration: Duration, pulse: &Pulse) {
    let mut timer = Timer::new(duration);
    poll_fn(|context| {
        pulse.listen(context.waker());
        Pin::new(&mut timer).poll(context).map(drop)
    })
    .await;
}

async fn steps(mut driver: Driver) -> ShardEnd {
    let pulse = driver.pulse();
    loop {
        match driver.turn() {
            Turn::Wait(duration) => sleep(duration, &pulse).await,
            Turn::End(end) => {
                pulse.end();
                return end;
            }
        }
    }
}
