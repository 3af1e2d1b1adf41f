//! What can go wrong, by whose hands it can be put right. Each message says what the operator should do.
//!
//! Knows no exit codes of a program except those of the offline tools ([`WalError::exit_code`]).

use std::io;

use crate::Lsn;
use crate::format::frame::FrameFault;
use crate::format::header::HeaderFault;

/// A journal that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The operating system refused.
    #[error("journal {place}: cannot {operation} {name}: {source}")]
    Io {
        /// The journal's directory.
        place: String,
        /// What was tried.
        operation: &'static str,
        /// The file.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process, or another journal of this process, holds the lock.
    #[error("journal {place} is in use by another process; stop that server first")]
    Locked {
        /// The journal's directory.
        place: String,
    },
    /// An option is out of its range.
    #[error("journal option {option}: {problem}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// Bytes that were durable are damaged or missing. Never repaired by guessing.
    #[error(
        "journal {place} is damaged: {damage}. Records that were acknowledged are not readable, so the server does not \
         start. Keep a copy of the directory, run `mu-core wal verify` on it, and restore the volume or decide the \
         missing records by hand"
    )]
    Corrupt {
        /// The journal's directory.
        place: String,
        /// What is damaged, and what proves that it is not a torn tail.
        damage: Box<Damage>,
    },
    /// The database knows more than the journal: the journal is an old copy or lost its end.
    #[error(
        "the database has applied this journal up to LSN {applied}, but {place} ends at LSN {last}: the journal is an \
         older copy or its volume lost acknowledged writes. Put the current journal directory back"
    )]
    DatabaseAhead {
        /// The journal's directory.
        place: String,
        /// Applied by the database.
        applied: Lsn,
        /// Last valid position in the journal.
        last: Lsn,
    },
    /// The database misses records that the journal no longer keeps: the database was restored from an older backup.
    #[error(
        "the database has applied this journal up to LSN {applied}, but {place} begins at LSN {first}: the records \
         between are gone from here, so the database was restored from a backup older than the journal keeps. Put \
         the archived segments back into the directory, or restore a newer backup"
    )]
    DatabaseBehind {
        /// The journal's directory.
        place: String,
        /// Applied by the database.
        applied: Lsn,
        /// First position on disk.
        first: Lsn,
    },
    /// The directory holds no journal, but the database has applied one.
    #[error(
        "{place} holds no journal, but the database has applied one up to LSN {applied}. If the directory moved or its \
         volume is not mounted, put it back: only it knows the operations that were durable but not yet applied. If \
         it is truly lost, those operations are lost too: run `mu-core audit`, then start once with the setting that \
         accepts a lost journal; the new journal continues behind LSN {applied}"
    )]
    JournalLost {
        /// The journal's directory.
        place: String,
        /// Applied by the database.
        applied: Lsn,
    },
}

impl WalError {
    /// Exit code of the offline tools: 2 corruption, 3 database ahead, 4 database behind, 5 anything else. A journal
    /// that is lost while the database has applied one is the extreme of "database ahead".
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            WalError::Corrupt { .. } => 2,
            WalError::DatabaseAhead { .. } | WalError::JournalLost { .. } => 3,
            WalError::DatabaseBehind { .. } => 4,
            WalError::Io { .. } | WalError::Locked { .. } | WalError::Option { .. } => 5,
        }
    }
}

/// Proven damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A segment between two others, or the newest one named by the checkpoint, is not there.
    #[error("segment {sequence:016x} is missing")]
    Missing {
        /// The missing segment.
        sequence: u64,
    },
    /// Neither the header nor its copy is valid.
    #[error("segment {sequence:016x} has no valid header: {fault}")]
    Header {
        /// The segment.
        sequence: u64,
        /// What is wrong with the first of the two.
        fault: HeaderFault,
    },
    /// The header does not continue the segment before it.
    #[error("segment {sequence:016x} does not continue the segment before it: {what}")]
    Link {
        /// The segment.
        sequence: u64,
        /// Which link is broken.
        what: &'static str,
    },
    /// A frame that was durable is not valid.
    #[error("segment {sequence:016x}, offset {offset}: {fault}, but {proof}")]
    Frame {
        /// The segment.
        sequence: u64,
        /// Where the bad frame begins.
        offset: u64,
        /// What is wrong with it.
        fault: FrameFault,
        /// Why it is known to have been durable.
        proof: Proof,
    },
    /// A position was promised durable but is nowhere.
    #[error("LSN {promised} was durable, but the log ends at LSN {last}: {proof}")]
    Short {
        /// The position promised.
        promised: Lsn,
        /// Last valid position.
        last: Lsn,
        /// Who promised.
        proof: Proof,
    },
    /// Records that only older segments held are gone with them.
    #[error("no segment leads without a hole to LSN {last}")]
    Hole {
        /// Last valid position.
        last: Lsn,
    },
    /// Two copies of one record differ.
    #[error("LSN {lsn} was logged twice with different bytes")]
    Relog {
        /// The position.
        lsn: Lsn,
    },
}

/// Why bytes are known to have been durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Proof {
    /// The next segment's header pins the end of this one.
    #[error("the next segment pins its end at offset {end}")]
    Pinned {
        /// The end that is pinned.
        end: u64,
    },
    /// A frame behind it was written only after it was durable.
    #[error("the frame at offset {offset} was written after it was durable (frame {durable_frame}, LSN {durable})")]
    Witness {
        /// Where the witness stands.
        offset: u64,
        /// The frame it promises.
        durable_frame: u64,
        /// The position it promises.
        durable: Lsn,
    },
    /// The frame is whole and written for this place, so what went before it is not what was written.
    #[error("it is whole and was written for this place")]
    Whole,
    /// The checkpoint promises it.
    #[error("the checkpoint says so")]
    Checkpoint,
}

/// The journal wrote nothing more after a failed write or sync, and never will: what is on disk is not known. The
/// process must stop; the next start reads what is truly there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal is poisoned: {reason}; nothing more is acknowledged, the process must stop")]
pub struct Poisoned {
    /// The first failure.
    pub reason: String,
}

/// A record that was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The group is full: sync, then append again.
    #[error("the group is full; sync first")]
    Full,
    /// The payload is beyond the limit.
    #[error("a payload of {bytes} bytes; at most {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The kind belongs to the journal itself.
    #[error("record kind {0:#06x} is reserved for the journal")]
    Kind(u16),
    /// A failure went before.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}
