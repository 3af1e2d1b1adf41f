//! From the verified log to one that can be written: the database's position is compared, the undecided records are read
//! again, a fresh segment is named that pins the verified end of the old one, they are logged again in it, and the boot
//! is recorded.
//!
//! Never appends to a recovered segment: its tail stays as it was found.

use std::collections::BTreeMap;

use super::walk::Reader;
use super::{Io, Log, Scan, Survey, Tail, walk_log};
use crate::error::WalError;
use crate::format::epoch::EpochStart;
use crate::format::frame;
use crate::format::header::Predecessor;
use crate::format::record::OwnedRecord;
use crate::format::seed::Seed;
use crate::journal::{Journal, JournalOptions, Start};
use crate::{Lsn, names};

/// Records behind the applied position, with the bytes they stand in.
#[derive(Debug, Default)]
pub(crate) struct Undecided {
    pub(crate) records: Vec<OwnedRecord>,
    /// End of each record's bytes in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// The records as they stand on disk, one behind the other.
    pub(crate) bytes: Vec<u8>,
}

impl Scan {
    /// Makes the log writable and returns what the database has not decided yet, in order, already logged again and
    /// synced. `applied` is the position that the database keeps for [`Scan::log_id`], read after it has fenced off
    /// every earlier writer.
    ///
    /// In a new directory this begins a log. If the database has already applied one, that is refused
    /// ([`WalError::JournalLost`]) unless [`JournalOptions::accept_lost_journal`] is set; then positions continue behind
    /// `applied`, so that none is ever used twice.
    ///
    /// # Errors
    /// [`WalError::DatabaseAhead`], [`WalError::DatabaseBehind`], [`WalError::JournalLost`], [`WalError::Option`],
    /// [`WalError::Io`]; [`WalError::Corrupt`] if older segments that are needed now turn out to be damaged.
    pub fn into_journal(
        mut self,
        applied: Lsn,
        boot: &EpochStart,
        options: &JournalOptions,
    ) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
        options.check()?;
        if self.log.is_some() || !options.accept_lost_journal {
            self.compare(applied)?;
        }
        let Some(log) = self.log.as_mut() else {
            let predecessor = Predecessor { sequence: 0, last: applied, end: 0, chain: 0 };
            let start = Start {
                predecessor,
                base: applied.next(),
                first_frame: 1,
                safe: Lsn::ZERO,
                older: Vec::new(),
                generation: 0,
                recovered: None,
            };
            let journal = Journal::open(self, start, &Undecided::default(), boot, options)?;
            return Ok((journal, Vec::new()));
        };

        if let Tail::Torn { segment, offset, fault } = &log.tail {
            log::warn!(
                "journal {}: segment {segment:016x} ends torn at offset {offset} ({fault}); nothing behind LSN {} \
                 was acknowledged",
                self.disk.place(),
                log.walk.last
            );
        }
        let undecided = log.undecided(&Io { disk: &*self.disk }, applied)?;
        let start = log.start(applied);
        let journal = Journal::open(self, start, &undecided, boot, options)?;
        Ok((journal, undecided.records))
    }
}

impl Log {
    /// Where a fresh segment continues.
    fn start(&self, applied: Lsn) -> Start {
        let newest = self.segments.last().map_or(0, |segment| segment.header.sequence);
        let safe = self.checkpoint.map_or(Lsn::ZERO, |checkpoint| checkpoint.safe);
        // A segment from which the end cannot be reached never replaces the ones before it, whatever is decided.
        let starts: BTreeMap<u64, Lsn> = self.walk.index.starts(self.walk.last).collect();
        let base_of = |sequence| starts.get(&sequence).copied().unwrap_or(Lsn(u64::MAX));
        let older = self.segments.iter().map(|segment| segment.header.sequence);
        Start {
            predecessor: Predecessor {
                sequence: newest,
                last: self.walk.last,
                end: self.walk.end,
                chain: self.walk.chain,
            },
            base: applied.next(),
            first_frame: self.walk.next_frame,
            safe: safe.min(applied),
            older: older.map(|sequence| (sequence, base_of(sequence))).collect(),
            generation: self.checkpoint.map_or(0, |checkpoint| checkpoint.generation),
            recovered: self.segments.last().map(|segment| segment.header.clone()),
        }
    }

    /// The records behind `applied`, which is on disk or the position before it.
    pub(crate) fn undecided(&mut self, io: &Io<'_>, applied: Lsn) -> Result<Undecided, WalError> {
        let reaches = |log: &Log| log.walk.index.first(log.walk.last).filter(|first| *first <= applied.next());
        if reaches(self).is_none() {
            // The database was restored from a backup, but the segments kept since then still hold what it misses.
            let survey = Survey { segments: self.segments.clone(), checkpoint: self.checkpoint, leftovers: Vec::new() };
            (self.walk, self.tail) = walk_log(io, &survey, true, &mut |_| {})?;
            if reaches(self).is_none() {
                let first = self.walk.index.first(self.walk.last).unwrap_or(self.walk.last.next());
                return Err(WalError::DatabaseBehind { place: io.disk.place(), applied, first });
            }
        }
        self.read_behind(io, applied)
    }

    /// Reads every record behind `applied`, verified a second time.
    fn read_behind(&mut self, io: &Io<'_>, applied: Lsn) -> Result<Undecided, WalError> {
        let mut undecided = Undecided::default();
        let mut reader = std::mem::replace(&mut self.walk.reader, Reader::new());
        let oldest = self.segments.first().map_or(0, |segment| segment.header.sequence);
        let mut wanted = applied.next();
        for place in self.walk.index.behind(applied) {
            let at = usize::try_from(place.segment - oldest).expect("an index into a list in memory");
            let header = &self.segments[at].header;
            reader.open(io, header)?;
            let seed = Seed::new(header.log_id, header.sequence);
            let read = reader.bytes(place.offset, place.bytes as usize).and_then(|bytes| {
                let head = bytes.first_chunk().expect("a frame is longer than its header");
                let frame = frame::FrameHeader::decode(head, place.offset, u64::from(place.bytes), &seed)
                    .map_err(std::io::Error::other)?;
                frame::check_body(&frame, bytes, place.offset, &seed, |record, raw| {
                    if record.lsn == wanted {
                        undecided.records.push(record.to_owned());
                        undecided.bytes.extend_from_slice(raw);
                        undecided.ends.push(undecided.bytes.len());
                        wanted = wanted.next();
                    }
                })
                .map_err(std::io::Error::other)
            });
            // The frame was valid a moment ago: a device that changes its answers is an error of reading.
            read.map_err(|source| io.error("read again", &names::segment(place.segment), source))?;
        }
        assert_eq!(wanted.previous(), self.walk.last, "the index covers every position up to the last");
        Ok(undecided)
    }
}
