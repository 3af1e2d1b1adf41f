//! The proof that value survives anything: the production journal on a hostile disk, the production writer and applier, and
//! a hostile store, in virtual time.
//!
//! ```text
//!  seed ─▶ Plan ─▶ World ─▶ live ─▶ crash ─▶ recover ─▶ check ─▶ live ─▶ …
//!                  │ disk, database, observer: survive    │ I1–I12 after every recovery and at the end
//!                  └ server: maps, queues, writer, applier: does not
//! ```
//!
//! One thread, no wall clock, no random map order: a seed replays bit by bit. Knows neither sockets nor the game.

mod dice;
mod ends;
mod errand;
mod map;
mod marks;
pub mod mistakes;
mod plan;
#[cfg(feature = "planted")]
pub mod planted;
mod recover;
mod server;
mod truth;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mu_wal::LogId;

pub use marks::{Mark, Marks};
pub use truth::Violation;

/// The journal of every world.
const LOG: LogId = LogId(0x5EED);

/// What came of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Crashes from which it recovered.
    pub recoveries: u64,
    /// Events submitted.
    pub events: u64,
    /// Time that passed in it.
    pub virtual_time: Duration,
    /// Folded from everything that happened.
    pub hash: u64,
    /// What rare things happened.
    pub marks: Marks,
    /// A line per happening, if asked for.
    pub trace: Vec<String>,
}

/// Runs the world of a seed.
///
/// # Errors
/// What must never be, and was; with the trace so far if `trace` is set.
pub fn run(seed: u64, trace: bool) -> Result<Report, (Violation, Vec<String>)> {
    let mut world = world::World::new(seed, trace);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let ran = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Violation(format!("panic: {}", text.unwrap_or_default())))
    });
    let report = world.report();
    match ran {
        Ok(()) => Ok(report),
        Err(violation) => Err((violation, report.trace)),
    }
}
