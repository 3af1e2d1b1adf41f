//! The applier thread: the only writer of the ledger, in journal order, in batches.
//!
//! An answer the store did not give is "unknown", never "failed": the same batch is asked again until its outcome rows
//! exist (`docs/value.md`). Between attempts the tick knows nothing of it; maps refuse new trades once
//! [`ValueStatus::open`] says so. Decides nothing: the outcome row does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use mu_storage::error::StoreError;
use mu_storage::event::{self, ValueEvent};
use mu_storage::ids::Lsn;
use mu_storage::store::{Entry, Outcome, Store};
use rtrb::{Consumer, Producer};

use super::APPLY_BATCH_MAX;
use super::port::{Completion, Origin};
use super::status::ValueStatus;
use super::writer::Logged;

const IDLE_WAIT: Duration = Duration::from_millis(1);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// What the applier works with.
pub struct ApplierParts {
    /// Its own connection, already fenced.
    pub store: Box<dyn Store>,
    /// From the wal thread.
    pub logged: Consumer<Logged>,
    /// One ring per shard.
    pub completions: Vec<Producer<Completion>>,
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

/// Runs until the wal thread is gone and all it logged is decided, or until it is told to give up.
pub fn run_applier(mut parts: ApplierParts) {
    let mut batch: Vec<Logged> = Vec::with_capacity(APPLY_BATCH_MAX);
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(APPLY_BATCH_MAX);
    loop {
        // Before the ring is read: what the wal thread pushed before it left is then seen below.
        let abandoned = parts.logged.is_abandoned();
        while batch.len() < APPLY_BATCH_MAX
            && let Ok(logged) = parts.logged.pop()
        {
            batch.push(logged);
        }
        if batch.is_empty() {
            if abandoned {
                return;
            }
            std::thread::park_timeout(IDLE_WAIT);
            continue;
        }
        parts.status.waiting_since(batch.first().map(|logged| logged.submission.at));
        let events: Vec<ValueEvent> = batch.iter().map(decode).collect();
        let entries: Vec<(Lsn, Entry<'_>)> =
            batch.iter().map(|logged| logged.lsn).zip(events.iter().map(Entry::Event)).collect();
        if !decide(&mut parts, &entries, &mut outcomes) {
            log::warn!("{} events stay undecided in the journal; the next start decides them", batch.len());
            return;
        }
        parts.status.waiting_since(None);
        tell(&mut parts, &mut batch, &mut outcomes);
    }
}

/// Turns an archive back into its event. What this process encoded and the journal kept must decode.
fn decode(logged: &Logged) -> ValueEvent {
    match event::decode(&logged.submission.payload) {
        Ok(event) => event,
        Err(error) => panic!("event {:032x} at {:?} does not decode: {error}", logged.submission.event_id, logged.lsn),
    }
}

/// Asks the store until the batch is decided; false when told to give up before that.
fn decide(parts: &mut ApplierParts, entries: &[(Lsn, Entry<'_>)], outcomes: &mut Vec<Outcome>) -> bool {
    let mut wait = RETRY_FIRST;
    let mut complained = false;
    loop {
        match parts.store.apply(entries, outcomes) {
            Ok(()) => {
                assert_eq!(outcomes.len(), entries.len(), "each event of a batch has one outcome");
                if complained {
                    log::info!("the store answers again; trades go on");
                }
                return true;
            }
            Err(error @ (StoreError::Fenced { .. } | StoreError::Behind { .. })) => stop_deciding(&error),
            Err(error) => {
                parts.status.apply_retries.fetch_add(1, Relaxed);
                if !complained {
                    log::warn!(
                        "the store did not decide a batch of {}: {error}; asking again until it does",
                        entries.len()
                    );
                    complained = true;
                }
            }
        }
        if parts.give_up.load(Relaxed) {
            return false;
        }
        std::thread::park_timeout(wait);
        wait = (wait * 2).min(RETRY_LONGEST);
    }
}

/// This process and the store disagree about who decides, or about what is decided: only a start sorts that out.
fn stop_deciding(error: &StoreError) -> ! {
    log::error!("this server must not decide anything any more: {error}. The next start re-drives the journal.");
    log::logger().flush();
    std::process::abort()
}

/// Publishes the position and tells each origin.
fn tell(parts: &mut ApplierParts, batch: &mut Vec<Logged>, outcomes: &mut Vec<Outcome>) {
    if let Some(last) = batch.last() {
        parts.status.applied_lsn.store(last.lsn.0, Relaxed);
    }
    for (logged, outcome) in batch.drain(..).zip(outcomes.drain(..)) {
        let counter = match outcome {
            Outcome::Applied => &parts.status.applied,
            Outcome::Rejected(_) => &parts.status.rejected,
            Outcome::Quarantined(_) => &parts.status.quarantined,
        };
        counter.fetch_add(1, Relaxed);
        let submission = logged.submission;
        match submission.origin {
            Origin::Shard(index) => {
                let done = Completion { event_id: submission.event_id, outcome, payload: submission.payload };
                // The ring is as long as the shard's buffers are many, so it can only refuse when the shard is gone.
                if let Some(ring) = parts.completions.get_mut(index) {
                    let _shard_gone = ring.push(done);
                }
            }
            Origin::Control(reply) => {
                let _request_gone = reply.send(outcome);
            }
        }
    }
}
