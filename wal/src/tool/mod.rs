//! The journal offline: [`stat`], [`dump()`], [`verify`], [`salvage()`]; and copies of a running one for backups
//! ([`copy_behind`], [`read`]). Each reads every segment, writes nothing, and except for the copies refuses a directory
//! whose server is running.
//!
//! Front ends print what these return and exit with its code: 0 clean, 1 torn tail, 2 corruption, 3 database ahead,
//! 4 database behind, 5 the question could not be answered ([`WalError::exit_code`]). Payloads are opaque; who knows them
//! passes a function.

mod copy;
mod dump;
mod relog;
mod salvage;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::disk::dir::DirDisk;
use crate::disk::{Disk, Lock};
use crate::format::checkpoint::Checkpoint;
use crate::recovery::{Io, Seen, Survey, Tail, Visit, Walk, walk_log};
use crate::{LogId, Lsn, WalError};

pub use copy::{Copied, copy_behind, read};
pub use dump::dump;
pub use salvage::{Salvage, salvage};

/// What a directory holds.
#[derive(Debug, Clone, Serialize)]
pub struct Stat {
    /// The log's name; absent if the directory holds no log.
    pub log_id: Option<LogId>,
    /// The first position on disk.
    pub first: Lsn,
    /// The last valid position.
    pub last: Lsn,
    /// Valid frames.
    pub frames: u64,
    /// Valid records, those logged again counted each time, the journal's own not at all.
    pub records: u64,
    /// Whether something that was never acknowledged stands behind the last valid frame.
    pub torn: bool,
    /// The checkpoint, if it is readable.
    pub checkpoint: Option<Checkpoint>,
    /// The segments, oldest first.
    pub segments: Vec<SegmentStat>,
}

/// One segment.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentStat {
    /// Its number.
    pub sequence: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The position of its first record.
    pub base: Lsn,
    /// The offset behind its last valid frame.
    pub end: u64,
    /// Whether one of its two headers is damaged.
    pub header_damaged: bool,
}

/// The answer of [`verify`].
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What the program exits with.
    pub exit_code: u8,
    /// The same in words.
    pub verdict: &'static str,
    /// What is wrong, and what to do.
    pub problem: Option<String>,
    /// Damage that costs nothing, such as one of two header copies.
    pub notes: Vec<String>,
    /// What the directory holds; absent if that cannot be said.
    pub stat: Option<Stat>,
}

/// Says what a directory holds.
///
/// # Errors
/// [`WalError::Corrupt`] if the log is damaged; [`WalError::Locked`], [`WalError::Io`].
pub fn stat(path: &Path) -> Result<Stat, WalError> {
    let offline = Offline::open(path)?;
    offline.walk(&mut |_| {}).map(|(stat, _, _)| stat)
}

/// Judges every byte of a log: headers, links, frames, records, copies of records; and, if `applied` is given, the
/// database's position against it.
///
/// # Errors
/// [`WalError::Locked`] and [`WalError::Io`]: no verdict was reached. Damage is a verdict, not an error.
pub fn verify(path: &Path, applied: Option<Lsn>) -> Result<Report, WalError> {
    Offline::open(path)?.verify(applied)
}

/// [`verify`] on any disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_disk(disk: Arc<dyn Disk>, applied: Option<Lsn>) -> Result<Report, WalError> {
    Offline::lock(disk)?.verify(applied)
}

/// A locked directory that is only read.
struct Offline {
    disk: Arc<dyn Disk>,
    _lock: Box<dyn Lock>,
}

impl Offline {
    fn open(path: &Path) -> Result<Self, WalError> {
        let disk = DirDisk::open_read_only(path).map_err(|source| WalError::Io {
            place: path.display().to_string(),
            operation: "open",
            name: "the directory".into(),
            source,
        })?;
        Self::lock(Arc::new(disk))
    }

    fn lock(disk: Arc<dyn Disk>) -> Result<Self, WalError> {
        match disk.lock() {
            Ok(lock) => Ok(Self { disk, _lock: lock }),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                Err(WalError::Locked { place: disk.place() })
            }
            Err(source) => Err(Io { disk: &*disk }.error("lock", "LOCK", source)),
        }
    }

    /// Reads everything.
    fn walk(&self, visit: Visit<'_>) -> Result<(Stat, Survey, Option<Walk>), WalError> {
        let io = Io { disk: &*self.disk };
        let survey = Survey::read(&io)?;
        let Some(first) = survey.segments.first() else {
            let stat = Stat {
                log_id: None,
                first: Lsn::ZERO,
                last: Lsn::ZERO,
                frames: 0,
                records: 0,
                torn: false,
                checkpoint: None,
                segments: Vec::new(),
            };
            return Ok((stat, survey, None));
        };
        let log_id = first.header.log_id;
        let mut records = 0;
        let (walk, tail) = walk_log(&io, &survey, true, &mut |seen| {
            if let Seen::Frame { header, .. } = &seen {
                records += header.next().0 - header.first.0;
            }
            visit(seen);
        })?;
        let ends = survey.segments.iter().skip(1).map(|next| next.header.predecessor.end).chain([walk.end]);
        let segments = survey.segments.iter().zip(ends).map(|(segment, end)| SegmentStat {
            sequence: segment.header.sequence,
            bytes: segment.header.bytes,
            base: segment.header.base,
            end,
            header_damaged: segment.one_copy,
        });
        let stat = Stat {
            log_id: Some(log_id),
            first: walk.index.first(walk.last).unwrap_or(walk.last.next()),
            last: walk.last,
            frames: walk.frames,
            records,
            torn: tail != Tail::Clean,
            checkpoint: survey.checkpoint,
            segments: segments.collect(),
        };
        Ok((stat, survey, Some(walk)))
    }

    fn verify(&self, applied: Option<Lsn>) -> Result<Report, WalError> {
        match self.judge(applied) {
            Ok(stat) => {
                let notes = stat.segments.iter().filter(|segment| segment.header_damaged).map(|segment| {
                    format!("segment {:016x} has one damaged header; its copy is whole", segment.sequence)
                });
                let (exit_code, verdict) = if stat.torn { (1, "torn tail") } else { (0, "clean") };
                Ok(Report { exit_code, verdict, problem: None, notes: notes.collect(), stat: Some(stat) })
            }
            Err(error) => {
                let verdict = match &error {
                    WalError::Corrupt { .. } => "corruption",
                    WalError::DatabaseAhead { .. } | WalError::JournalLost { .. } => "database ahead",
                    WalError::DatabaseBehind { .. } => "database behind",
                    WalError::Io { .. } | WalError::Locked { .. } | WalError::Option { .. } => {
                        return Err(error);
                    }
                };
                let exit_code = error.exit_code();
                Ok(Report { exit_code, verdict, problem: Some(error.to_string()), notes: Vec::new(), stat: None })
            }
        }
    }

    fn judge(&self, applied: Option<Lsn>) -> Result<Stat, WalError> {
        let (stat, survey, walk) = self.walk(&mut |_| {})?;
        if let Some(walk) = &walk {
            relog::compare(&Io { disk: &*self.disk }, &survey, walk)?;
        }
        let place = self.disk.place();
        match applied {
            Some(applied) if walk.is_none() && applied > Lsn::ZERO => Err(WalError::JournalLost { place, applied }),
            Some(applied) if applied > stat.last => Err(WalError::DatabaseAhead { place, applied, last: stat.last }),
            Some(applied) if walk.is_some() && applied.next() < stat.first => {
                Err(WalError::DatabaseBehind { place, applied, first: stat.first })
            }
            _ => Ok(stat),
        }
    }
}
