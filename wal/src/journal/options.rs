//! How a journal is kept: [`JournalOptions`] and their bounds.

use std::time::Duration;

use crate::error::WalError;
use crate::format::{PAGE_BYTES, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};

/// With fewer prepared segments than this nothing new is accepted ([`crate::Journal::can_accept`]).
pub const SPARES_MIN: usize = 2;

/// Size, reserve and retention.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Size of new segments: a multiple of 4 KiB between 64 KiB and 1 GiB.
    pub segment_bytes: u64,
    /// Segments prepared ahead: one more than the floor of [`SPARES_MIN`], so that taking one does not refuse anybody.
    pub spare_segments: usize,
    /// Decided segments that are kept as an archive before they are used again: the disk holds at most these, the
    /// undecided ones, the spares, the one written to and the ballast.
    pub retain_segments: usize,
    /// Idle time behind a sync after which a seal frame promises it.
    pub seal_idle: Duration,
    /// Shortest time between two checkpoints, unless a segment is named.
    pub checkpoint_every: Duration,
    /// Time between two decided segments that are read again; zero: never.
    pub scrub_every: Duration,
    /// Abort the process when one write and sync takes longer than this: a disk that does not answer is gone, and a
    /// restart on another one helps more than waiting. Only with a thread; zero: never.
    pub abort_after: Duration,
    /// Prepare segments and write checkpoints on a thread. Off, they happen inside the calls that need them, which makes
    /// every run with the same calls do the same I/O in the same order.
    pub background: bool,
    /// Begin a new log although the database has applied one whose directory is gone.
    pub accept_lost_journal: bool,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            spare_segments: SPARES_MIN + 1,
            retain_segments: 16,
            seal_idle: Duration::from_millis(5),
            checkpoint_every: Duration::from_secs(1),
            scrub_every: Duration::from_secs(60),
            abort_after: Duration::from_secs(30),
            background: true,
            accept_lost_journal: false,
        }
    }
}

impl JournalOptions {
    /// Whether every option is in its range.
    ///
    /// # Errors
    /// [`WalError::Option`] with the first that is not.
    pub fn check(&self) -> Result<(), WalError> {
        let bytes = self.segment_bytes;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes) || !bytes.is_multiple_of(PAGE_BYTES) {
            let problem =
                format!("{bytes} is not a multiple of 4096 between {SEGMENT_BYTES_MIN} and {SEGMENT_BYTES_MAX}");
            return Err(WalError::Option { option: "segment_bytes", problem });
        }
        if !(SPARES_MIN..=64).contains(&self.spare_segments) {
            let problem = format!("{} is not between {SPARES_MIN} and 64", self.spare_segments);
            return Err(WalError::Option { option: "spare_segments", problem });
        }
        Ok(())
    }
}
