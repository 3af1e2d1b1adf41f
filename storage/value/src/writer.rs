//! The writer's step: drain what has arrived, one frame, one `fdatasync`, hand the group on.
//!
//! While a sync runs the next group fills the queues, so groups grow with load and nobody tunes a delay. The writer is the
//! only owner of the journal. A failed sync ends it for good: what is on the disk is then unknown, and only a restart can
//! find out (`docs/wal-format.md`, recovery).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_storage::failpoint;
use mu_wal::{AppendError, Idle, Journal, Lsn, NewRecord, Poisoned, Synced};

use crate::BACKLOG_EVENTS_MAX;
use crate::flow::{Logged, Submission};
use crate::planted::{self, Bug};
use crate::status::ValueStatus;

/// The queues at both sides of the writer.
pub trait WriterEnds<O> {
    /// The next submission, if one has arrived.
    fn take(&mut self) -> Option<Submission<O>>;

    /// The event is durable and its origin may be told "done": only called for events that say so. The payload must stay
    /// in place.
    fn acknowledge(&mut self, submission: &mut Submission<O>);

    /// Takes the event over to the applier.
    ///
    /// # Errors
    /// Gives it back when there is no room now.
    fn hand_on(&mut self, logged: Logged<O>) -> Result<(), Logged<O>>;
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterStep {
    /// A group became durable.
    Synced(Synced),
    /// Nothing had arrived.
    Idle(Idle),
}

/// The journal with what is on its way through it.
#[derive(Debug)]
pub struct Writer<O> {
    journal: Journal,
    status: Arc<ValueStatus>,
    /// Appended, not yet synced.
    group: Vec<Logged<O>>,
    /// Did not fit the last frame.
    carried: Option<Submission<O>>,
    /// Durable, not yet with the applier.
    outgoing: VecDeque<Logged<O>>,
}

impl<O> Writer<O> {
    /// Owns the opened journal from here on.
    #[must_use]
    pub fn new(journal: Journal, status: Arc<ValueStatus>) -> Self {
        let group = Vec::with_capacity(mu_wal::FRAME_RECORDS_MAX);
        Self { journal, status, group, carried: None, outgoing: VecDeque::new() }
    }

    /// One group: at most one frame and one sync.
    ///
    /// # Errors
    /// The journal failed and cannot be trusted any more, now and at every later call: the process must stop.
    pub fn step(&mut self, now: Duration, ends: &mut impl WriterEnds<O>) -> Result<WriterStep, AppendError> {
        self.hand_on(ends);
        self.journal.set_safe(match planted::is(Bug::SafeFromDurable) {
            true => Lsn(self.status.durable_lsn.load(Relaxed)),
            false => Lsn(self.status.safe_lsn.load(Relaxed)),
        });
        self.fill(ends)?;
        let step = if self.group.is_empty() {
            WriterStep::Idle(self.journal.seal_if_idle()?)
        } else {
            WriterStep::Synced(self.commit(now, ends)?)
        };
        self.status.set_journal_full(!self.journal.can_accept());
        Ok(step)
    }

    /// Whether everything taken is with the applier.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.group.is_empty() && self.carried.is_none() && self.outgoing.is_empty()
    }

    /// Seals the journal. What was taken and not handed on is durable; the next start decides it.
    ///
    /// # Errors
    /// As [`Writer::step`].
    pub fn close(mut self) -> Result<(), Poisoned> {
        self.journal.set_safe(Lsn(self.status.safe_lsn.load(Relaxed)));
        self.journal.close()
    }

    /// Appends what has arrived until the frame is full or nothing is left.
    fn fill(&mut self, ends: &mut impl WriterEnds<O>) -> Result<(), AppendError> {
        // The bound of last resort: whoever submits is asked to stop long before, and the queues behind fill up.
        let room = BACKLOG_EVENTS_MAX.saturating_sub(self.outgoing.len() as u64);
        while self.group.len() < mu_wal::FRAME_RECORDS_MAX && (self.group.len() as u64) < room {
            let Some(submission) = self.carried.take().or_else(|| ends.take()) else { return Ok(()) };
            let record = NewRecord {
                kind: submission.kind,
                schema: submission.schema,
                event_id: submission.event_id,
                flags: submission.flags,
                hint: 0,
                payload: &submission.payload,
            };
            match self.journal.append(&record) {
                Ok(lsn) => self.group.push(Logged { lsn, submission }),
                Err(AppendError::Full) => {
                    assert!(!self.group.is_empty(), "an empty frame holds any record that may be appended");
                    self.carried = Some(submission);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// One sync for the group; then those who asked for no more are told, and all go on in order.
    fn commit(&mut self, now: Duration, ends: &mut impl WriterEnds<O>) -> Result<Synced, Poisoned> {
        self.status.syncing_since(Some(now));
        failpoint::reach("before-sync");
        for logged in &mut self.group {
            if planted::is(Bug::ToldBeforeSync) && logged.submission.is_told_when_durable() {
                ends.acknowledge(&mut logged.submission);
            }
        }
        if planted::is(Bug::DecidedBeforeDurable) {
            self.outgoing.extend(self.group.drain(..));
            self.hand_on(ends);
        }
        let synced = self.journal.sync()?;
        failpoint::reach("after-sync");
        self.status.syncing_since(None);
        let bytes: usize = self.group.iter().map(|logged| logged.submission.payload.len()).sum();
        self.status.durable(synced, bytes);
        for mut logged in self.group.drain(..) {
            if logged.submission.is_told_when_durable() {
                ends.acknowledge(&mut logged.submission);
            }
            self.outgoing.push_back(logged);
        }
        self.hand_on(ends);
        Ok(synced)
    }

    fn hand_on(&mut self, ends: &mut impl WriterEnds<O>) {
        while let Some(logged) = self.outgoing.pop_front() {
            if let Err(back) = ends.hand_on(logged) {
                self.outgoing.push_front(back);
                return;
            }
        }
    }
}
