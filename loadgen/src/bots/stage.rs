//! Where the conductor and the crews meet: the phase of the run, and the counts of the moment.
//!
//! The conductor writes the phase, crews read it; crews write counts, the conductor reads them. Nobody waits for anybody.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::figures::Latency;

/// A phase of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Bots come in; they walk and do nothing of value.
    Enter,
    /// The measured window.
    Measure,
    /// Nothing new is begun; open trades end.
    Quiet,
    /// Bots leave.
    Leave,
    /// Crews end.
    Done,
}

/// The phase and the counts of one run.
#[derive(Debug)]
pub struct Stage {
    phase: AtomicU8,
    /// Counts of the moment.
    pub live: Live,
}

/// Counts of the moment over all crews.
#[derive(Debug, Default)]
pub struct Live {
    /// Bots in the world.
    pub in_world: AtomicUsize,
    /// Bots that were in the world at least once.
    pub ever: AtomicUsize,
    /// Bots that will never be.
    pub failed: AtomicUsize,
    /// Bots with a trade under way; in [`Phase::Quiet`] also those that still walk.
    pub busy: AtomicUsize,
    /// Snapshots received.
    pub snapshots: AtomicU64,
    /// Datagrams received.
    pub datagrams_in: AtomicU64,
    /// Datagrams sent.
    pub datagrams_out: AtomicU64,
    /// Trades told to have succeeded.
    pub trades: AtomicU64,
    /// Connections that ended unasked.
    pub disconnected: AtomicU64,
    age: Mutex<Latency>,
}

impl Default for Stage {
    fn default() -> Self {
        Self { phase: AtomicU8::new(Phase::Enter as u8), live: Live::default() }
    }
}

impl Stage {
    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Enter,
            1 => Phase::Measure,
            2 => Phase::Quiet,
            3 => Phase::Leave,
            _ => Phase::Done,
        }
    }

    /// Goes to another phase.
    pub fn go(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }
}

impl Live {
    /// Adds a crew's ages of the last second.
    pub(super) fn add_ages(&self, ages: &Latency) {
        self.age.lock().unwrap_or_else(PoisonError::into_inner).add(ages);
    }

    /// The ages since the last call.
    #[must_use]
    pub fn take_ages(&self) -> Latency {
        std::mem::take(&mut *self.age.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
