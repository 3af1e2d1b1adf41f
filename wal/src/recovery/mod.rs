//! From bytes on disk to the verified log: [`scan`], [`Scan`].
//!
//! Order of work: lock, list, make durable what the page cache holds and drop it, read headers and checkpoint, walk the
//! frames, and at the first frame that is not valid decide by proof whether it was ever durable (`docs/wal-format.md`,
//! section "Recovery"). Reads only; everything that writes begins in [`Scan::into_journal`]. Knows no payloads.

mod handover;
mod index;
mod survey;
mod walk;

use std::path::Path;
use std::sync::Arc;

use crate::disk::archive::Archive;
use crate::disk::dir::{DirDisk, Medium};
use crate::disk::{Disk, Lock};
use crate::error::{Damage, Proof, WalError};
use crate::format::checkpoint::Checkpoint;
use crate::format::frame::FrameFault;
use crate::format::record::OwnedRecord;
use crate::{LogId, Lsn};

pub(crate) use handover::Undecided;
pub(crate) use index::FrameRef;
pub(crate) use survey::{SegmentInfo, Survey};
pub(crate) use walk::{Reader, Seen, Visit, Walk};

/// How a directory is read.
#[derive(Debug, Default, Clone)]
pub struct ScanOptions {
    /// How the journal that follows writes its frames.
    pub medium: Medium,
    /// Read every segment, not only those from the checkpoint on.
    pub full: bool,
    /// Where the journal that follows keeps decided segments it gives up.
    pub archive: Option<Archive>,
    /// The name of the log if the directory is new; random if absent. For tests.
    pub new_log_id: Option<LogId>,
}

/// Where the log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Nothing was ever written behind the last valid frame.
    Clean,
    /// Something was, but it was never acknowledged: everything from `offset` on counts as never written.
    Torn {
        /// The newest segment.
        segment: u64,
        /// Where the tail begins.
        offset: u64,
        /// What is wrong with what stands there.
        fault: FrameFault,
    },
}

/// A verified log, locked, not yet written to.
#[derive(Debug)]
pub struct Scan {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) lock: Box<dyn Lock>,
    pub(crate) log_id: LogId,
    pub(crate) log: Option<Log>,
    pub(crate) leftovers: Vec<String>,
}

/// The verified content of a directory that holds a log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) segments: Vec<SegmentInfo>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) walk: Walk,
    pub(crate) tail: Tail,
}

/// Reads and judges the journal in `path`, creating the directory if it is missing.
///
/// # Errors
/// [`WalError::Locked`], [`WalError::Corrupt`], [`WalError::Io`].
pub fn scan(path: &Path, options: &ScanOptions) -> Result<Scan, WalError> {
    let disk = DirDisk::open(path, options.medium).map_err(|source| WalError::Io {
        place: path.display().to_string(),
        operation: "create",
        name: String::new(),
        source,
    })?;
    scan_disk(Arc::new(disk.with_archive(options.archive.clone())), options)
}

/// Reads and judges the journal on any disk.
///
/// # Errors
/// [`WalError::Locked`], [`WalError::Corrupt`], [`WalError::Io`].
pub fn scan_disk(disk: Arc<dyn Disk>, options: &ScanOptions) -> Result<Scan, WalError> {
    let io = Io { disk: &*disk };
    let lock = disk.lock().map_err(|source| match source.kind() {
        std::io::ErrorKind::WouldBlock => WalError::Locked { place: disk.place() },
        _ => io.error("lock", "LOCK", source),
    })?;
    let survey = Survey::read(&io)?;
    let Some(first) = survey.segments.first() else {
        let log_id = match options.new_log_id {
            Some(id) => id,
            None => LogId(disk.random().map_err(|source| io.error("read", "the random source", source))?),
        };
        return Ok(Scan { disk, lock, log_id, log: None, leftovers: survey.leftovers });
    };
    let log_id = first.header.log_id;
    let (walk, tail) = walk_log(&io, &survey, options.full, &mut |_| {})?;
    let log = Log { segments: survey.segments, checkpoint: survey.checkpoint, walk, tail };
    Ok(Scan { disk, lock, log_id, log: Some(log), leftovers: survey.leftovers })
}

/// Reads one segment from the device again, up to the end that the next one pins, and judges every byte of it.
pub(crate) fn scrub(io: &Io<'_>, sequence: u64) -> Result<(), WalError> {
    let (segment, next) = (survey::read_header(io, sequence, None)?, survey::read_header(io, sequence + 1, None)?);
    Walk::one(io, &segment, &next)
}

/// Walks from the segment the checkpoint names, or from the first if asked to or if that leaves a hole.
pub(crate) fn walk_log(io: &Io<'_>, survey: &Survey, full: bool, visit: Visit<'_>) -> Result<(Walk, Tail), WalError> {
    let safe = survey.checkpoint.map_or(Lsn::ZERO, |checkpoint| checkpoint.safe);
    let hinted = survey.segments.iter().rposition(|segment| segment.header.base <= safe.next()).unwrap_or(0);
    let start = if full { 0 } else { hinted };
    let (walk, tail) = Walk::run(io, &survey.segments, start, visit)?;
    let first = walk.index.first(walk.last);
    if start > 0 && first.is_none_or(|first| first > safe.next()) {
        return walk_log(io, survey, true, visit);
    }
    judge(io, survey, &walk)?;
    Ok((walk, tail))
}

/// The promises that stand outside the frames.
fn judge(io: &Io<'_>, survey: &Survey, walk: &Walk) -> Result<(), WalError> {
    let promised = survey.checkpoint.map_or(Lsn::ZERO, |checkpoint| checkpoint.durable);
    if promised > walk.last {
        return Err(io.corrupt(Damage::Short { promised, last: walk.last, proof: Proof::Checkpoint }));
    }
    if walk.index.first(walk.last).is_none() {
        return Err(io.corrupt(Damage::Hole { last: walk.last }));
    }
    Ok(())
}

impl Scan {
    /// The log's name: the key of the applied position in the database.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.log_id
    }

    /// Whether the directory holds no log yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.log.is_none()
    }

    /// The first position that is certain to be readable; 1 in a new directory. Segments from before the checkpoint may
    /// reach further back ([`ScanOptions::full`]).
    #[must_use]
    pub fn first(&self) -> Lsn {
        self.log.as_ref().and_then(|log| log.walk.index.first(log.walk.last)).unwrap_or(Lsn(1))
    }

    /// The last valid position; 0 in a new directory.
    #[must_use]
    pub fn last(&self) -> Lsn {
        self.log.as_ref().map_or(Lsn::ZERO, |log| log.walk.last)
    }

    /// Reads the records behind `applied`, in order, without changing anything. Empty if `applied` is not below
    /// [`Scan::last`].
    ///
    /// # Errors
    /// [`WalError::DatabaseBehind`] if the first of them is not on disk any more; [`WalError::Io`];
    /// [`WalError::Corrupt`] if older segments that are needed now turn out to be damaged.
    pub fn read(&mut self, applied: Lsn) -> Result<Vec<OwnedRecord>, WalError> {
        let Some(log) = self.log.as_mut().filter(|log| applied < log.walk.last) else {
            return Ok(Vec::new());
        };
        Ok(log.undecided(&Io { disk: &*self.disk }, applied)?.records)
    }

    /// Compares the log with the position the database has applied; [`Scan::into_journal`] does so itself.
    ///
    /// # Errors
    /// [`WalError::DatabaseAhead`], [`WalError::JournalLost`].
    pub fn compare(&self, applied: Lsn) -> Result<(), WalError> {
        let (place, last) = (self.disk.place(), self.last());
        match self.log {
            None if applied > Lsn::ZERO => Err(WalError::JournalLost { place, applied }),
            Some(_) if applied > last => Err(WalError::DatabaseAhead { place, applied, last }),
            _ => Ok(()),
        }
    }

    /// Where the log ends.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        self.log.as_ref().map_or(&Tail::Clean, |log| &log.tail)
    }
}

/// The disk, and errors that name it.
pub(crate) struct Io<'a> {
    pub(crate) disk: &'a dyn Disk,
}

impl Io<'_> {
    pub(crate) fn error(&self, operation: &'static str, name: &str, source: std::io::Error) -> WalError {
        WalError::Io { place: self.disk.place(), operation, name: name.to_owned(), source }
    }

    pub(crate) fn corrupt(&self, damage: Damage) -> WalError {
        WalError::Corrupt { place: self.disk.place(), damage: Box::new(damage) }
    }
}
