//! What runs a shard: a pinned thread, a clock, and a fixed grid of 5 ms steps.
//!
//! A [`ShardLoop`] is one synchronous call per wake-up; everything about threads, CPUs, timers and io_uring stays on this side
//! of it. Two runtimes call the same loop: [`glommio`](RuntimeKind::Glommio) where io_uring is allowed, and
//! [`mio`](RuntimeKind::Mio) elsewhere and as the control group. This room knows no socket, no packet and no map.
//!
//! ```text
//! start(specs) ── thread per shard ── pin, read back ── executor or poll ── build the loop ── ready
//!                                                                                 │
//!                        grid: step n at origin + n × 5 ms ──► ShardLoop::step ◄──┘   until Flow::Stop, stop() or a panic
//! ```

pub mod clock;
pub mod cores;
mod driver;
mod glommio;
pub mod grid;
mod kernel;
mod mio;
pub mod probe;
mod rouse;
pub mod signals;
mod start;

pub use clock::Clock;
pub use driver::{Cause, ShardEnd};
pub use grid::{STEP, StepTime};
pub use rouse::Pulse;
pub use start::{BuildLoop, Running, RuntimeOptions, ShardSpec, StartError, start};

pub use mu_config::Runtime as RuntimeChoice;

/// Whether a shard goes on after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next step follows on the grid.
    Continue,
    /// The shard has finished in order; its thread ends.
    Stop,
}

/// A shard as its runtime sees it.
///
/// It is built inside its pinned thread, so its memory is first touched there, and never leaves it.
pub trait ShardLoop {
    /// Does everything that is due: `step.due` grid steps in this one call.
    fn step(&mut self, step: StepTime) -> Flow;
}

/// Which runtime a shard runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeKind {
    /// A glommio executor on io_uring.
    Glommio,
    /// A plain thread on mio's poll with a kernel timer.
    Mio,
}

impl RuntimeKind {
    /// Its name in settings, reports and log lines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Glommio => "glommio",
            Self::Mio => "mio",
        }
    }
}

impl std::fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
