//! The applier's step: the only writer of the ledger, in journal order, in batches.
//!
//! An answer the store did not give is "unknown", never "failed": the same batch is asked again until its outcome rows
//! exist. What the store committed counts as kept only once its own disk has it ([`Store::safe`]); until then the events
//! stay in memory, and a store that comes back knowing less is given them again, in order, to the same outcomes.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_storage::error::StoreError;
use mu_storage::failpoint;
use mu_storage::store::{Entry, Outcome, Reason, Store};
use mu_wal::Lsn;

use crate::decode::Decoded;
use crate::flow::{Logged, Submission};
use crate::planted::{self, Bug};
use crate::status::ValueStatus;
use crate::window::{Kept, Window};
use crate::{APPLY_BATCH_MAX, SAFE_EVERY};

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// Longest wait of an applier that has nothing to do.
const IDLE_WAIT: Duration = Duration::from_millis(1);

/// The queues at both sides of the applier.
pub trait ApplierEnds<O> {
    /// The next durable event, in order.
    fn take(&mut self) -> Option<Logged<O>>;

    /// The event is decided: its outcome row exists.
    fn tell(&mut self, submission: Submission<O>, outcome: Outcome);
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplierStep {
    /// So many events were decided and told.
    Decided(usize),
    /// So many events were decided again: the store had forgotten them.
    Redriven(usize),
    /// The store's own disk has everything up to here.
    Safe(Lsn),
    /// The store did not do it. Step again after this time; earlier steps do nothing.
    Again(Duration),
    /// Nothing to do for this long, unless an event arrives.
    Idle(Duration),
}

/// Why an applier must not decide anything any more. A start sorts it out: the journal has every event.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Another applier took over.
    #[error(transparent)]
    Fenced(StoreError),
    /// The store lost what it had reported as being on its own disk: it was restored, or its disk lies.
    #[error("the store has decided up to {applied:?} only, although its own disk had everything up to {safe:?}")]
    Forgot {
        /// What the store knows.
        applied: Lsn,
        /// What it had reported.
        safe: Lsn,
    },
    /// An event was decided again and came out otherwise than was told.
    #[error("event {event_id:032x} at {lsn:?} was decided as {told:?} and, decided again, as {found:?}")]
    Contradicted {
        /// Which event.
        event_id: u128,
        /// Where it is in the journal.
        lsn: Lsn,
        /// What was told.
        told: Outcome,
        /// What the store says.
        found: Outcome,
    },
}

/// The applier with everything it has not finished.
pub struct Applier<O> {
    store: Box<dyn Store>,
    status: Arc<ValueStatus>,
    /// Taken, not decided.
    batch: Vec<Logged<O>>,
    outcomes: Vec<Outcome>,
    /// Decided, not yet on the store's own disk.
    window: Window,
    applied: Lsn,
    safe: Lsn,
    safe_at: Duration,
    /// The first position the store has forgotten.
    redrive: Option<Lsn>,
    again: Option<Again>,
}

/// After a call the store did not complete.
#[derive(Debug, Clone, Copy)]
struct Again {
    at: Duration,
    wait: Duration,
}

impl<O> std::fmt::Debug for Applier<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { applied, safe, redrive, .. } = self;
        f.debug_struct("Applier")
            .field("applied", applied)
            .field("safe", safe)
            .field("redrive", redrive)
            .finish_non_exhaustive()
    }
}

impl<O> Applier<O> {
    /// An applier over a fenced store whose own disk has every outcome up to `safe`.
    #[must_use]
    pub fn new(store: Box<dyn Store>, safe: Lsn, status: Arc<ValueStatus>) -> Self {
        status.applied_lsn.store(safe.0, Relaxed);
        status.safe_lsn.store(safe.0, Relaxed);
        Self {
            store,
            status,
            batch: Vec::with_capacity(APPLY_BATCH_MAX),
            outcomes: Vec::with_capacity(APPLY_BATCH_MAX),
            window: Window::default(),
            applied: safe,
            safe,
            safe_at: Duration::ZERO,
            redrive: None,
            again: None,
        }
    }

    /// One call to the store at most.
    ///
    /// # Errors
    /// See [`Stop`]; every later call is as wrong as this one.
    pub fn step(&mut self, now: Duration, ends: &mut impl ApplierEnds<O>) -> Result<ApplierStep, Stop> {
        if let Some(Again { at, .. }) = self.again
            && now < at
        {
            return Ok(ApplierStep::Again(at - now));
        }
        match self.work(now, ends) {
            Ok(step) => {
                if self.again.take().is_some() {
                    log::info!("the store answers again");
                }
                Ok(step)
            }
            Err(Trouble::Stop(stop)) => Err(stop),
            Err(Trouble::Store(error @ StoreError::Fenced { .. })) => Err(Stop::Fenced(error)),
            Err(Trouble::Store(StoreError::Behind { applied, .. })) => {
                self.redrive_after(applied)?;
                Ok(ApplierStep::Again(Duration::ZERO))
            }
            Err(Trouble::Store(StoreError::Unknown(_))) if planted::is(Bug::FailedOnLostReply) => {
                Ok(self.presume(Outcome::Rejected(Reason::Refused), ends))
            }
            Err(Trouble::Store(StoreError::Unknown(_))) if planted::is(Bug::DoneOnLostReply) => {
                Ok(self.presume(Outcome::Applied, ends))
            }
            Err(Trouble::Store(error)) => Ok(self.ask_again(now, &error)),
        }
    }

    /// The planted mistake: a lost reply is taken for an answer.
    fn presume(&mut self, outcome: Outcome, ends: &mut impl ApplierEnds<O>) -> ApplierStep {
        let presumed = self.batch.len();
        for Logged { lsn, submission } in self.batch.drain(..) {
            self.applied = lsn;
            self.window.push(lsn, &submission, outcome);
            self.status.decided(submission.payload.len());
            ends.tell(submission, outcome);
        }
        ApplierStep::Decided(presumed)
    }

    /// Events taken and not decided.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.batch.len()
    }

    /// Whether everything taken is decided and on the store's own disk.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.batch.is_empty() && self.redrive.is_none() && self.safe == self.applied
    }

    /// Everything up to here is decided and told.
    #[must_use]
    pub fn applied(&self) -> Lsn {
        self.applied
    }

    fn work(&mut self, now: Duration, ends: &mut impl ApplierEnds<O>) -> Result<ApplierStep, Trouble> {
        if let Some(first) = self.redrive {
            return self.decide_again(first);
        }
        if self.safe < self.applied && (now >= self.safe_at || self.window.is_full()) {
            return self.advance_safe(now);
        }
        while self.batch.len() < APPLY_BATCH_MAX
            && let Some(logged) = ends.take()
        {
            self.batch.push(logged);
        }
        if self.batch.is_empty() {
            let due = if self.safe < self.applied { self.safe_at.saturating_sub(now) } else { IDLE_WAIT };
            return Ok(ApplierStep::Idle(due.min(IDLE_WAIT)));
        }
        self.decide(ends)
    }

    /// Decides what was taken, in one call, and tells each origin.
    fn decide(&mut self, ends: &mut impl ApplierEnds<O>) -> Result<ApplierStep, Trouble> {
        self.status.waiting_since(self.batch.first().map(|logged| logged.submission.at));
        let mut decoded: Vec<Decoded> =
            self.batch.iter().map(|Logged { submission: s, .. }| Decoded::of(s.kind, s.schema, &s.payload)).collect();
        if planted::is(Bug::EventIdRegenerated) && self.again.is_some() {
            decoded.iter_mut().for_each(Decoded::rename);
        }
        let entries: Vec<(Lsn, Entry<'_>)> = self
            .batch
            .iter()
            .zip(&decoded)
            .map(|(Logged { lsn, submission: s }, decoded)| (*lsn, decoded.entry(s.event_id, s.flags, &s.payload)))
            .collect();
        self.outcomes.clear();
        failpoint::reach("before-apply");
        self.store.apply(&entries, &mut self.outcomes)?;
        failpoint::reach("after-apply");
        assert_eq!(self.outcomes.len(), entries.len(), "each event of a batch has one outcome");
        self.status.waiting_since(None);
        let decided = self.batch.len();
        for (Logged { lsn, submission }, outcome) in self.batch.drain(..).zip(self.outcomes.drain(..)) {
            assert_eq!(lsn, self.applied.next(), "positions have no gap");
            self.applied = lsn;
            self.window.push(lsn, &submission, outcome);
            let counter = match outcome {
                Outcome::Applied => &self.status.applied,
                Outcome::Rejected(_) => &self.status.rejected,
                Outcome::Quarantined(_) => &self.status.quarantined,
            };
            counter.fetch_add(1, Relaxed);
            self.status.decided(submission.payload.len());
            ends.tell(submission, outcome);
        }
        failpoint::reach("after-told");
        self.status.applied_lsn.store(self.applied.0, Relaxed);
        Ok(ApplierStep::Decided(decided))
    }

    /// Asks the store to put what it committed on its own disk.
    fn advance_safe(&mut self, now: Duration) -> Result<ApplierStep, Trouble> {
        // A batch whose reply was lost may be there already; it is safe for us only once it is told.
        let safe = match planted::is(Bug::SafeFromCommit) {
            true => self.applied,
            false => self.store.safe()?.min(self.applied),
        };
        self.safe_at = now + SAFE_EVERY;
        if safe < self.applied {
            self.redrive_after(safe)?;
        }
        self.safe = safe;
        self.window.release(safe);
        self.status.safe_lsn.store(safe.0, Relaxed);
        Ok(ApplierStep::Safe(safe))
    }

    /// The store knows everything up to `applied` and no more.
    fn redrive_after(&mut self, applied: Lsn) -> Result<(), Stop> {
        if applied < self.safe {
            return Err(Stop::Forgot { applied, safe: self.safe });
        }
        log::warn!("the store forgot what came after {applied:?}; it is decided again up to {:?}", self.applied);
        self.redrive = Some(applied.next());
        if planted::is(Bug::RedriveGap) && applied.next() < self.applied {
            self.redrive = Some(applied.next().next());
        }
        Ok(())
    }

    /// Gives the store, in order, a batch of what it has forgotten.
    fn decide_again(&mut self, first: Lsn) -> Result<ApplierStep, Trouble> {
        let kept = self.window.from(first, APPLY_BATCH_MAX);
        assert!(!kept.is_empty(), "everything behind {:?} is kept, {first:?} too", self.safe);
        let decoded: Vec<Decoded> = kept.iter().map(|k| Decoded::of(k.kind, k.schema, &k.payload)).collect();
        let entries: Vec<(Lsn, Entry<'_>)> = kept
            .iter()
            .zip(&decoded)
            .map(|(k, decoded)| (k.lsn, decoded.entry(k.event_id, k.flags, &k.payload)))
            .collect();
        self.outcomes.clear();
        self.store.apply(&entries, &mut self.outcomes)?;
        for (&Kept { event_id, lsn, outcome: told, .. }, &found) in kept.iter().copied().zip(&self.outcomes) {
            if told != found {
                return Err(Trouble::Stop(Stop::Contradicted { event_id, lsn, told, found }));
            }
        }
        let redriven = kept.len();
        let last = kept.last().map_or(first, |k| k.lsn);
        self.status.redriven.fetch_add(redriven as u64, Relaxed);
        self.redrive = (last < self.applied).then(|| last.next());
        if self.redrive.is_none() {
            log::info!("the store knows everything up to {last:?} again");
        }
        Ok(ApplierStep::Redriven(redriven))
    }

    fn ask_again(&mut self, now: Duration, error: &StoreError) -> ApplierStep {
        self.status.apply_retries.fetch_add(1, Relaxed);
        let wait = match self.again {
            Some(Again { wait, .. }) => (wait * 2).min(RETRY_LONGEST),
            None => {
                log::warn!("the store did not decide a batch of {}: {error}; asking until it does", self.batch.len());
                RETRY_FIRST
            }
        };
        self.again = Some(Again { at: now + wait, wait });
        ApplierStep::Again(wait)
    }
}

/// What ended a piece of work.
enum Trouble {
    Store(StoreError),
    Stop(Stop),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}
