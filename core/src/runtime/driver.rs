//! One shard on its grid: which call comes next, and what happens when it ends or panics.
//!
//! Both runtimes ask the driver at each wake-up; it decides whether to step, to wait or to end. It reads the clock and the
//! stop flag and knows nothing of how the waiting is done.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mu_wire::Time;

use super::clock::Clock;
use super::grid::Grid;
use super::rouse::Pulse;
use super::{Flow, ShardLoop};

/// How a shard's thread ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardEnd {
    /// Which shard.
    pub shard: u8,
    /// Its last step on the grid.
    pub step: u64,
    /// Why.
    pub cause: Cause,
}

/// Why a shard's thread ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The loop said [`Flow::Stop`].
    Finished,
    /// [`super::Running::stop`] was called.
    Stopped,
    /// The loop panicked with this message; the process must not go on as if nothing had happened.
    Panicked(String),
}

/// What the runtime does next.
pub(super) enum Turn {
    Wait(Duration),
    End(ShardEnd),
}

pub(super) struct Driver {
    shard: u8,
    /// Taken when the shard ends.
    shard_loop: Option<Box<dyn ShardLoop>>,
    grid: Grid,
    step: u64,
    stop: Arc<AtomicBool>,
    pulse: Arc<Pulse>,
}

impl Driver {
    pub(super) fn new(
        shard: u8,
        shard_loop: Box<dyn ShardLoop>,
        origin: Time,
        stop: Arc<AtomicBool>,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self { shard, shard_loop: Some(shard_loop), grid: Grid::new(origin, Clock::now()), step: 0, stop, pulse }
    }

    /// Runs what is due and says how long to wait for the next step.
    pub(super) fn turn(&mut self) -> Turn {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Turn::End(self.end(Cause::Stopped));
            }
            let now = Clock::now();
            self.pulse.beat(now);
            let Some(time) = self.grid.take_due(now) else {
                return Turn::Wait(self.grid.wait(now));
            };
            self.step = time.step;
            let shard_loop = self.shard_loop.as_mut().expect("an ended shard is not turned again");
            match catch_unwind(AssertUnwindSafe(|| shard_loop.step(time))) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => return Turn::End(self.end(Cause::Finished)),
                Err(panic) => return Turn::End(self.end(Cause::Panicked(message(&*panic)))),
            }
        }
    }

    /// The shard's sign of life.
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Drops the loop; a panic while it is dropped is a panic of the shard too.
    fn end(&mut self, cause: Cause) -> ShardEnd {
        let shard_loop = self.shard_loop.take();
        let cause = match (catch_unwind(AssertUnwindSafe(|| drop(shard_loop))), cause) {
            (Err(panic), Cause::Finished | Cause::Stopped) => Cause::Panicked(message(&*panic)),
            (_, cause) => cause,
        };
        ShardEnd { shard: self.shard, step: self.step, cause }
    }
}

/// The text of a panic, if it carried one.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
