//! Whether value can move right now, and how far it has come: written by the wal thread and the applier, read by all.
//!
//! Plain atomics, each written by one thread. Decides only one thing: a map refuses new trades while the oldest
//! undecided event is older than two seconds (the breaker of `docs/value.md`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use mu_wire::Time;

/// New events are refused while one waits longer than this for its outcome, in microseconds.
const UNDECIDED_MAX_US: u64 = 2_000_000;

/// Progress of the journal and the applier.
#[derive(Debug, Default)]
pub struct ValueStatus {
    /// Highest position covered by a successful sync.
    pub durable_lsn: AtomicU64,
    /// Highest position with an outcome row.
    pub applied_lsn: AtomicU64,
    /// Events logged since boot.
    pub logged: AtomicU64,
    /// Events applied since boot.
    pub applied: AtomicU64,
    /// Events rejected since boot.
    pub rejected: AtomicU64,
    /// Events set aside for manual review since boot.
    pub quarantined: AtomicU64,
    /// Events of the run before that this start found undecided and decided.
    pub replayed: AtomicU64,
    /// Syncs since boot.
    pub syncs: AtomicU64,
    /// Time spent in syncs since boot, in microseconds.
    pub sync_us: AtomicU64,
    /// Attempts of the applier that the store did not complete, since boot.
    pub apply_retries: AtomicU64,
    /// When the oldest undecided event was submitted, in microseconds; 0 when none waits.
    undecided_since_us: AtomicU64,
    /// When the running sync began, in microseconds; 0 when none runs.
    sync_since_us: AtomicU64,
    /// The journal cannot prepare segments (disk full).
    journal_full: AtomicBool,
}

impl ValueStatus {
    /// True while new events may be held.
    #[must_use]
    pub fn open(&self, now: Time) -> bool {
        !self.journal_full.load(Relaxed) && self.undecided_us(now) < UNDECIDED_MAX_US
    }

    /// How long the oldest undecided event, or the sync before it, has been waiting in microseconds; 0 when none waits.
    #[must_use]
    pub fn undecided_us(&self, now: Time) -> u64 {
        let age = |since: &AtomicU64| match since.load(Relaxed) {
            0 => 0,
            since => now.as_micros().saturating_sub(since),
        };
        age(&self.undecided_since_us).max(age(&self.sync_since_us))
    }

    /// Events that are durable but have no outcome row yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        // The applier's figure first: it can only grow towards the other one in between.
        let applied = self.applied_lsn.load(Relaxed);
        self.durable_lsn.load(Relaxed).saturating_sub(applied)
    }

    pub(super) fn waiting_since(&self, at: Option<Time>) {
        self.undecided_since_us.store(at.map_or(0, |at| at.as_micros().max(1)), Relaxed);
    }

    pub(super) fn syncing_since(&self, at: Option<Time>) {
        self.sync_since_us.store(at.map_or(0, |at| at.as_micros().max(1)), Relaxed);
    }

    pub(super) fn set_journal_full(&self, full: bool) {
        self.journal_full.store(full, Relaxed);
    }
}
