//! The shard's part of an ordered stop (UC-14): closing, leaving, done.
//!
//! The process sets the phase, each shard follows at its own steps. A shard is done when nobody is in it, nobody is on
//! the way to it, every event it submitted is decided and every row and report is handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use mu_wire::Time;

use super::{Shard, commands};
use crate::runtime::Flow;

/// How far the process's stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StopPhase {
    /// Nobody asked for a stop.
    Running = 0,
    /// The announced time is over: everybody leaves.
    Leaving = 1,
    /// The deadline is over too: end with what is left undecided; the journal has it.
    Now = 2,
}

/// The phase, shared by the process and its shards; it only ever grows.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// Raises the phase; a lower one changes nothing.
    pub fn raise(&self, phase: StopPhase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> StopPhase {
        match self.0.load(Ordering::Relaxed) {
            0 => StopPhase::Running,
            1 => StopPhase::Leaving,
            _ => StopPhase::Now,
        }
    }
}

/// Whether the shard goes on after this step.
pub(super) fn flow(shard: &mut Shard, _now: Time) -> Flow {
    match shard.house.stop.phase() {
        StopPhase::Running => Flow::Continue,
        StopPhase::Now => {
            shard.net.out.flush();
            Flow::Stop
        }
        StopPhase::Leaving => {
            shard.house.closing = true;
            commands::evict_all(shard);
            shard.house.send_waiting();
            let house = &shard.house;
            let empty =
                house.people.is_empty() && house.moves.is_empty() && house.places.is_empty() && house.peers.is_quiet();
            let handed_over = house.rows_waiting.is_empty() && house.reports_waiting.is_empty();
            if empty && handed_over && house.value.in_flight() == 0 {
                shard.net.out.flush();
                Flow::Stop
            } else {
                Flow::Continue
            }
        }
    }
}
