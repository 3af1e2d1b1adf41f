//! The applier thread: [`mu_value::Applier`] between the rings, with a clock and a place to wait.
//!
//! The tick knows nothing of the store; maps refuse new trades once [`ValueStatus::open`] says so. Decides nothing: the
//! outcome row does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use mu_storage::store::{Outcome, Store};
use mu_value::{Applier, ApplierEnds, ApplierStep, Logged, Stop, Submission, ValueStatus};
use mu_wal::Lsn;
use rtrb::Consumer;

use super::port::{CompletionEnds, Origin};
use super::since_origin;
use crate::runtime::Clock;

/// What the applier works with.
pub struct ApplierParts {
    /// Its own connection, already fenced.
    pub store: Box<dyn Store>,
    /// Everything up to here is decided, and on the store's own disk.
    pub safe: Lsn,
    /// From the wal thread.
    pub logged: Consumer<Logged<Origin>>,
    /// One ring per shard.
    pub completions: CompletionEnds,
    /// Shared figures.
    pub status: Arc<ValueStatus>,
    /// Set when the process must end although the store does not answer; what is undecided stays in the journal.
    pub give_up: Arc<AtomicBool>,
}

impl std::fmt::Debug for ApplierParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplierParts").finish_non_exhaustive()
    }
}

/// The rings as the applier's step sees them.
struct Ends {
    logged: Consumer<Logged<Origin>>,
    completions: CompletionEnds,
}

impl ApplierEnds<Origin> for Ends {
    fn take(&mut self) -> Option<Logged<Origin>> {
        self.logged.pop().ok()
    }

    fn tell(&mut self, submission: Submission<Origin>, outcome: Outcome) {
        self.completions.tell(submission, outcome);
    }
}

/// Runs until the wal thread is gone and all it logged is decided, or until it is told to give up.
pub fn run_applier(parts: ApplierParts) {
    let ApplierParts { store, safe, logged, completions, status, give_up } = parts;
    let mut ends = Ends { logged, completions };
    let mut applier = Applier::new(store, safe, status);
    loop {
        // Before the ring is read: what the wal thread pushed before it left is then seen by the step.
        let abandoned = ends.logged.is_abandoned();
        let wait = match applier.step(since_origin(Clock::now()), &mut ends) {
            Ok(ApplierStep::Idle(_)) if abandoned && applier.is_settled() => return,
            Ok(ApplierStep::Idle(wait)) => wait,
            Ok(ApplierStep::Again(wait)) => {
                if give_up.load(Relaxed) {
                    log::warn!(
                        "{} events stay undecided in the journal; the next start decides them",
                        applier.undecided()
                    );
                    return;
                }
                wait
            }
            Ok(ApplierStep::Decided(_) | ApplierStep::Redriven(_) | ApplierStep::Safe(_)) => continue,
            Err(stop) => stop_deciding(&stop),
        };
        std::thread::park_timeout(wait);
    }
}

/// This process and the store disagree about who decides, or about what is decided: only a start sorts that out.
fn stop_deciding(stop: &Stop) -> ! {
    log::error!("this server must not decide anything any more: {stop}. The next start re-drives the journal.");
    log::logger().flush();
    std::process::abort()
}
