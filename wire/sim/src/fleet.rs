//! Many seeds on several threads. A seed that panics is a seed that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::tally::Tally;
use crate::world::{Options, run};

/// A seed whose run broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What broke.
    pub what: String,
}

/// What many runs gave.
#[derive(Debug, Default)]
pub struct Report {
    /// Runs that were made.
    pub runs: u64,
    /// What happened in them together.
    pub tally: Tally,
    /// All stories as one number; it does not depend on the number of threads.
    pub hash: u64,
    /// Failed seeds, the smallest first.
    pub failures: Vec<Failure>,
}

/// Runs `count` seeds from `first` on. After `failures_max` failed ones no more are begun. `progress` hears now and then
/// how many runs are made.
pub fn run_all(
    (first, count): (u64, u64),
    threads: usize,
    failures_max: usize,
    progress: &(impl Fn(u64) + Sync),
) -> Report {
    let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let mut report = Report::default();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            one(first.wrapping_add(index), &mut report);
            if report.failures.len() >= failures_max {
                stop.store(true, Ordering::Relaxed);
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        report
    };
    let mut all = Report::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            // Runs are guarded one by one; a worker itself has nothing that could panic.
            if let Ok(report) = worker.join() {
                all.runs += report.runs;
                all.tally.add(&report.tally);
                all.hash = all.hash.wrapping_add(report.hash);
                all.failures.extend(report.failures);
            }
        }
    });
    all.failures.sort_by_key(|failure| failure.seed);
    all
}

fn one(seed: u64, report: &mut Report) {
    report.runs += 1;
    match catch_unwind(AssertUnwindSafe(|| run(seed, Options::default()))) {
        Ok(outcome) => {
            report.tally.add(&outcome.tally);
            report.hash = report.hash.wrapping_add(crate::dice::scramble(outcome.hash ^ seed));
            if let Some(fault) = outcome.fault {
                let what = format!("at {:.6} s: {}", seconds(fault.at_us), fault.what);
                report.failures.push(Failure { seed, what });
            }
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
            report.failures.push(Failure { seed, what: format!("panicked: {text}") });
        }
    }
}

fn seconds(us: u64) -> f64 {
    std::time::Duration::from_micros(us).as_secs_f64()
}
