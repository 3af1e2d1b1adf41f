//! The wal thread: [`mu_value::Writer`] between the rings, with a clock and a place to wait.
//!
//! The thread is the only one that touches the journal. A failed sync ends the process: what is on the disk is then
//! unknown, and only a restart can find out (`docs/wal-format.md`, recovery).

use std::sync::Arc;
use std::time::Duration;

use mu_value::{Logged, Submission, ValueStatus, Writer, WriterEnds, WriterStep};
use mu_wal::Journal;
use rtrb::{Producer, PushError};

use super::port::{JournalEnds, Origin};
use super::since_origin;
use crate::runtime::Clock;

/// Longest sleep of an idle wal thread; a submission wakes it at once.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// Sleep while the applier's ring is full and nothing else is to be done.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// A sync that takes longer is worth a line in the log.
const SLOW_SYNC_US: u64 = 1_000_000;

/// What the wal thread works with.
#[derive(Debug)]
pub struct WriterParts {
    /// The opened journal.
    pub journal: Journal,
    /// The rings.
    pub ends: JournalEnds,
    /// To the applier.
    pub logged: Producer<Logged<Origin>>,
    /// Shared figures.
    pub status: Arc<ValueStatus>,
}

/// The rings as the writer's step sees them.
struct Ends {
    ports: JournalEnds,
    logged: Producer<Logged<Origin>>,
    /// The source asked last.
    turn: usize,
}

impl WriterEnds<Origin> for Ends {
    fn take(&mut self) -> Option<Submission<Origin>> {
        self.ports.next(&mut self.turn)
    }

    fn acknowledge(&mut self, submission: &mut Submission<Origin>) {
        self.ports.acknowledge(submission);
    }

    fn hand_on(&mut self, logged: Logged<Origin>) -> Result<(), Logged<Origin>> {
        self.logged.push(logged).map_err(|PushError::Full(back)| back)
    }
}

/// Runs until every producer is gone and all they submitted is durable; then closes the journal.
///
/// A failed journal does not return: it logs what the operator must know and aborts the process.
pub fn run_writer(parts: WriterParts) {
    let WriterParts { journal, ends, logged, status } = parts;
    ends.adopt();
    let mut ends = Ends { ports: ends, logged, turn: 0 };
    let mut writer = Writer::new(journal, status);
    loop {
        let finished = ends.ports.finished();
        match writer.step(since_origin(Clock::now()), &mut ends) {
            Ok(WriterStep::Synced(synced)) => {
                if synced.micros > SLOW_SYNC_US {
                    log::warn!(
                        "the journal's disk needed {} ms for one sync; trades wait for it",
                        synced.micros / 1_000
                    );
                }
            }
            Ok(WriterStep::Idle(_)) if !writer.is_drained() => {
                if ends.logged.is_abandoned() {
                    // The applier gave up; what it did not take is durable, and the next start decides it.
                    break;
                }
                std::thread::park_timeout(FULL_WAIT);
            }
            Ok(WriterStep::Idle(_)) if finished => break,
            Ok(WriterStep::Idle(_)) => std::thread::park_timeout(IDLE_WAIT),
            Err(error) => abort(&error),
        }
    }
    if let Err(error) = writer.close() {
        abort(&error);
    }
}

/// The journal can promise nothing any more: the process must end, and a restart finds out what is on the disk.
fn abort(error: &dyn std::error::Error) -> ! {
    log::error!(
        "the journal failed and cannot be trusted any more: {error}. Check the disk, then start again: recovery decides what is on it."
    );
    log::logger().flush();
    std::process::abort()
}
