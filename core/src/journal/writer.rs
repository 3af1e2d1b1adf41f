//! The wal thread: drain what has arrived, one frame, one `fdatasync`, hand the group to the applier.
//!
//! While a sync runs the next group fills its rings, so groups grow with load and nobody tunes a delay. The thread is
//! the only one that touches the journal. A failed sync ends the process: what is on the disk is then unknown, and only
//! a restart can find out (`docs/wal-format.md`, recovery).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_storage::event;
use mu_wal::{AppendError, Journal, Lsn, NewRecord};
use rtrb::Producer;

use super::port::{JournalEnds, Submission};
use super::status::ValueStatus;
use crate::runtime::Clock;

/// Longest sleep of an idle wal thread; a submission wakes it at once.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// What the wal thread works with.
#[derive(Debug)]
pub struct WriterParts {
    /// The opened journal.
    pub journal: Journal,
    /// The rings.
    pub ends: JournalEnds,
    /// To the applier.
    pub logged: Producer<Logged>,
    /// Shared figures.
    pub status: Arc<ValueStatus>,
}

/// A durable event on its way to the applier.
#[derive(Debug)]
pub struct Logged {
    pub(super) lsn: Lsn,
    pub(super) submission: Submission,
}

/// Runs until every producer is gone and all they submitted is durable; then closes the journal.
///
/// A failed sync does not return: it logs what the operator must know and aborts the process.
pub fn run_writer(mut parts: WriterParts) {
    parts.ends.adopt();
    let mut group: Vec<Logged> = Vec::with_capacity(mu_wal::FRAME_RECORDS_MAX);
    let mut turn = 0;
    loop {
        let finished = parts.ends.finished();
        fill(&mut parts, &mut group, &mut turn);
        if group.is_empty() {
            if finished {
                break;
            }
            idle(&mut parts);
        } else {
            commit(&mut parts, &mut group);
        }
    }
    parts.journal.set_safe(Lsn(parts.status.applied_lsn.load(Relaxed)));
    if let Err(error) = parts.journal.close() {
        abort(&error);
    }
}

/// Appends what has arrived until the frame is full or the rings are empty.
fn fill(parts: &mut WriterParts, group: &mut Vec<Logged>, turn: &mut usize) {
    while group.len() < group.capacity() {
        let Some(submission) = parts.ends.next(turn) else { return };
        loop {
            let record = NewRecord {
                kind: submission.kind,
                schema: event::VALUE_SCHEMA,
                event_id: submission.event_id,
                flags: 0,
                hint: 0,
                payload: &submission.payload,
            };
            match parts.journal.append(&record) {
                Ok(lsn) => {
                    group.push(Logged { lsn, submission });
                    break;
                }
                // The frame is full: make it durable, then this record opens the next one.
                Err(AppendError::Full) => commit(parts, group),
                Err(error) => abort(&error),
            }
        }
    }
}

/// One sync for the group, then to the applier in order.
fn commit(parts: &mut WriterParts, group: &mut Vec<Logged>) {
    let began = Clock::now();
    parts.status.syncing_since(Some(began));
    parts.journal.set_safe(Lsn(parts.status.applied_lsn.load(Relaxed)));
    let synced = match parts.journal.sync() {
        Ok(synced) => synced,
        Err(error) => abort(&error),
    };
    let took = Clock::now().since(began);
    parts.status.syncing_since(None);
    parts.status.syncs.fetch_add(1, Relaxed);
    parts.status.sync_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    parts.status.logged.fetch_add(group.len() as u64, Relaxed);
    parts.status.durable_lsn.store(synced.durable.0, Relaxed);
    if took > Duration::from_secs(1) {
        log::warn!("the journal's disk needed {took:?} for one sync; trades wait for it");
    }
    for logged in group.drain(..) {
        let mut logged = logged;
        while let Err(rtrb::PushError::Full(back)) = parts.logged.push(logged) {
            logged = back;
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Nothing arrived: promise the last frame if that is due, then wait for work.
fn idle(parts: &mut WriterParts) {
    parts.journal.set_safe(Lsn(parts.status.applied_lsn.load(Relaxed)));
    if let Err(error) = parts.journal.seal_if_idle() {
        abort(&error);
    }
    parts.status.set_journal_full(!parts.journal.can_accept());
    std::thread::park_timeout(IDLE_WAIT);
}

/// The journal can promise nothing any more: the process must end, and a restart finds out what is on the disk.
fn abort(error: &dyn std::error::Error) -> ! {
    log::error!(
        "the journal failed and cannot be trusted any more: {error}. Check the disk, then start again: recovery decides what is on it."
    );
    log::logger().flush();
    std::process::abort()
}
