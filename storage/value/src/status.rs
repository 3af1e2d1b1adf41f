//! Whether value can move right now, and how far it has come: written by the writer and the applier, read by all.
//!
//! Plain atomics, each written by one of the two. Decides only when new events are refused: strict ones while the oldest
//! undecided event is older than two seconds, those told at durability while the backlog is at its bound.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mu_wal::Synced;

use crate::{BACKLOG_BYTES_MAX, BACKLOG_EVENTS_MAX};

/// New strict events are refused while one waits longer than this for its outcome, in microseconds.
const UNDECIDED_MAX_US: u64 = 2_000_000;

/// No new event at all is taken while a sync runs longer than this, in microseconds.
const SYNC_MAX_US: u64 = 5_000_000;

/// Progress of the journal and the applier. Times are those since the caller's origin.
#[derive(Debug, Default)]
pub struct ValueStatus {
    /// Highest position covered by a successful sync.
    pub durable_lsn: AtomicU64,
    /// Highest position with an outcome row.
    pub applied_lsn: AtomicU64,
    /// Highest position whose outcome row is on the store's own disk; only this one frees segments.
    pub safe_lsn: AtomicU64,
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
    /// Events decided again because the store had forgotten them, since boot.
    pub redriven: AtomicU64,
    /// Payload bytes of durable events without an outcome.
    backlog_bytes: AtomicU64,
    /// When the oldest undecided event was submitted, in microseconds; 0 when none waits.
    undecided_since_us: AtomicU64,
    /// When the running sync began, in microseconds; 0 when none runs.
    sync_since_us: AtomicU64,
    /// The journal cannot prepare segments (disk full).
    journal_full: AtomicBool,
}

impl ValueStatus {
    /// True while new strict events may be held: those whose players are told after the outcome row exists.
    #[must_use]
    pub fn open(&self, now: Duration) -> bool {
        self.takes_any(now) && self.undecided_us(now) < UNDECIDED_MAX_US
    }

    /// True while new events may be taken whose players are told as soon as they are durable: also while the store is
    /// away, up to the bound of the backlog.
    #[must_use]
    pub fn open_wal_ack(&self, now: Duration) -> bool {
        self.takes_any(now)
    }

    /// How long the oldest undecided event, or the sync before it, has been waiting in microseconds; 0 when none waits.
    #[must_use]
    pub fn undecided_us(&self, now: Duration) -> u64 {
        age_us(&self.undecided_since_us, now).max(age_us(&self.sync_since_us, now))
    }

    /// Events that are durable but have no outcome row yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        // The applier's figure first: it can only grow towards the other one in between.
        let applied = self.applied_lsn.load(Relaxed);
        self.durable_lsn.load(Relaxed).saturating_sub(applied)
    }

    /// Payload bytes of those events.
    #[must_use]
    pub fn pending_bytes(&self) -> u64 {
        self.backlog_bytes.load(Relaxed)
    }

    fn takes_any(&self, now: Duration) -> bool {
        !self.journal_full.load(Relaxed)
            && self.pending() < BACKLOG_EVENTS_MAX
            && self.pending_bytes() < BACKLOG_BYTES_MAX
            && age_us(&self.sync_since_us, now) < SYNC_MAX_US
    }

    /// A group became durable; its payloads have this many bytes.
    pub(crate) fn durable(&self, synced: Synced, bytes: usize) {
        self.syncs.fetch_add(1, Relaxed);
        self.sync_us.fetch_add(synced.micros, Relaxed);
        self.logged.fetch_add(synced.records.into(), Relaxed);
        self.backlog_bytes.fetch_add(bytes as u64, Relaxed);
        self.durable_lsn.store(synced.durable.0, Relaxed);
    }

    /// A durable event of so many payload bytes was decided.
    pub(crate) fn decided(&self, bytes: usize) {
        self.backlog_bytes.fetch_sub(bytes as u64, Relaxed);
    }

    pub(crate) fn waiting_since(&self, at: Option<Duration>) {
        self.undecided_since_us.store(at.map_or(0, since_us), Relaxed);
    }

    pub(crate) fn syncing_since(&self, at: Option<Duration>) {
        self.sync_since_us.store(at.map_or(0, since_us), Relaxed);
    }

    pub(crate) fn set_journal_full(&self, full: bool) {
        self.journal_full.store(full, Relaxed);
    }
}

/// 0 stands for "none", so the first microsecond is told apart from it.
fn since_us(at: Duration) -> u64 {
    micros(at).max(1)
}

fn age_us(since: &AtomicU64, now: Duration) -> u64 {
    match since.load(Relaxed) {
        0 => 0,
        since => micros(now).saturating_sub(since),
    }
}

/// Whole microseconds; 2^64 of them are beyond any run.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
