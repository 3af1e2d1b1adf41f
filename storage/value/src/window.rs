//! What is decided but not yet on the store's own disk: kept in memory, in order, to be decided again if the store forgets.

use std::collections::VecDeque;

use mu_storage::store::Outcome;
use mu_wal::Lsn;

use crate::flow::Submission;
use crate::{KEPT_BYTES_MAX, KEPT_EVENTS_MAX};

/// A decided event.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) lsn: Lsn,
    pub(crate) event_id: u128,
    pub(crate) kind: u16,
    pub(crate) schema: u16,
    pub(crate) flags: u16,
    pub(crate) payload: Box<[u8]>,
    pub(crate) outcome: Outcome,
}

/// The events in (safe, applied], dense and in order.
#[derive(Debug, Default)]
pub(crate) struct Window {
    kept: VecDeque<Kept>,
    bytes: usize,
}

impl Window {
    pub(crate) fn push<O>(&mut self, lsn: Lsn, submission: &Submission<O>, outcome: Outcome) {
        if let Some(last) = self.kept.back() {
            assert_eq!(lsn, last.lsn.next(), "decided events are dense");
        }
        self.bytes += submission.payload.len();
        self.kept.push_back(Kept {
            lsn,
            event_id: submission.event_id,
            kind: submission.kind,
            schema: submission.schema,
            flags: submission.flags,
            payload: submission.payload.as_slice().into(),
            outcome,
        });
    }

    /// Forgets everything up to this position: the store's own disk has it.
    pub(crate) fn release(&mut self, safe: Lsn) {
        while self.kept.front().is_some_and(|kept| kept.lsn <= safe) {
            let released = self.kept.pop_front().map_or(0, |kept| kept.payload.len());
            self.bytes -= released;
        }
    }

    /// Whether no more may be decided before the store's own disk has some of it.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= KEPT_EVENTS_MAX || self.bytes >= KEPT_BYTES_MAX
    }

    /// Up to `max` events from this position on; none if the first is not kept any more.
    pub(crate) fn from(&self, first: Lsn, max: usize) -> Vec<&Kept> {
        let Some(front) = self.kept.front().map(|kept| kept.lsn) else { return Vec::new() };
        let Some(skip) = first.0.checked_sub(front.0).and_then(|skip| usize::try_from(skip).ok()) else {
            return Vec::new();
        };
        self.kept.iter().skip(skip).take(max).collect()
    }
}
