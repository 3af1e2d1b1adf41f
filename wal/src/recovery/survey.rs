//! What is in the directory: segments with their headers, the checkpoint, leftovers.
//!
//! Everything is made durable and dropped from the page cache before it is read: after a failed sync the cache may show
//! bytes that never reached the disk. Judges headers and their order; knows nothing of frames.

use super::Io;
use crate::disk::Access;
use crate::error::{Damage, WalError};
use crate::format::checkpoint::Checkpoint;
use crate::format::header::{HeaderFault, SegmentHeader};
use crate::format::{PAGE, PAGE_BYTES, SEGMENT_BYTES_MIN};
use crate::names;
use crate::planted::{self, Bug};

/// The directory's content before any frame is read.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Gap-free, in order.
    pub(crate) segments: Vec<SegmentInfo>,
    /// The higher valid slot, if it belongs to this log.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Files of an unfinished preparation.
    pub(crate) leftovers: Vec<String>,
}

/// A segment with a valid header.
#[derive(Debug, Clone)]
pub(crate) struct SegmentInfo {
    /// The header, from whichever copy is valid.
    pub(crate) header: SegmentHeader,
    /// Whether only one of the two copies is valid.
    pub(crate) one_copy: bool,
}

impl Survey {
    pub(crate) fn read(io: &Io<'_>) -> Result<Survey, WalError> {
        let entries = io.disk.list().map_err(|source| io.error("list", "", source))?;
        io.disk.sync_dir().map_err(|source| io.error("sync", "the directory", source))?;
        let mut files: Vec<(u64, u64)> = entries
            .iter()
            .filter_map(|entry| names::segment_sequence(&entry.name).map(|sequence| (sequence, entry.bytes)))
            .collect();
        files.sort_unstable();
        let checkpoint = match entries.iter().any(|entry| entry.name == names::CHECKPOINT) {
            true => read_checkpoint(io)?,
            false => None,
        };
        let leftovers = entries.into_iter().map(|entry| entry.name).filter(|name| names::is_leftover(name)).collect();

        let mut segments: Vec<SegmentInfo> = Vec::with_capacity(files.len());
        for (sequence, bytes) in files {
            let expected = segments.last().map(|segment| segment.header.sequence + 1);
            if let Some(missing) = expected.filter(|expected| *expected != sequence) {
                return Err(io.corrupt(Damage::Missing { sequence: missing }));
            }
            let segment = read_header(io, sequence, Some(bytes))?;
            if segments.first().is_some_and(|first| first.header.log_id != segment.header.log_id) {
                return Err(io.corrupt(Damage::Link { sequence, what: "it belongs to another log" }));
            }
            segments.push(segment);
        }
        // A checkpoint of another log stands beside a log that was begun after the old one was lost.
        let checkpoint = checkpoint
            .filter(|checkpoint| segments.first().is_none_or(|first| first.header.log_id == checkpoint.log_id));
        let newest = segments.last().map_or(0, |segment| segment.header.sequence);
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.newest > newest) {
            return Err(io.corrupt(Damage::Missing { sequence: checkpoint.newest }));
        }
        Ok(Survey { segments, checkpoint, leftovers })
    }
}

/// Reads both headers of a segment, whose length is asked for if it is not known.
pub(super) fn read_header(io: &Io<'_>, sequence: u64, bytes: Option<u64>) -> Result<SegmentInfo, WalError> {
    let name = names::segment(sequence);
    let open = || io.disk.open(&name, Access::Read).map_err(|source| io.error("open", &name, source));
    let bytes = match bytes {
        Some(bytes) => bytes,
        None => open()?.bytes().map_err(|source| io.error("measure", &name, source))?,
    };
    if bytes < SEGMENT_BYTES_MIN || !bytes.is_multiple_of(PAGE_BYTES) {
        return Err(io.corrupt(Damage::Header { sequence, fault: HeaderFault::Foreign }));
    }
    let mut file = open()?;
    file.sync_data().map_err(|source| io.error("sync", &name, source))?;
    if !planted::is(Bug::CacheBelieved) {
        file.drop_cache().map_err(|source| io.error("drop the cache of", &name, source))?;
    }
    let read = |offset| -> Result<Result<SegmentHeader, HeaderFault>, WalError> {
        let mut page = [0u8; PAGE];
        file.read_at(&mut page, offset).map_err(|source| io.error("read", &name, source))?;
        Ok(SegmentHeader::decode(&page).and_then(|header| {
            let own = header.sequence == sequence && header.bytes == bytes;
            if own { Ok(header) } else { Err(HeaderFault::Foreign) }
        }))
    };
    match (read(0)?, read(bytes - PAGE_BYTES)?) {
        (Ok(header), Ok(copy)) if header == copy => Ok(SegmentInfo { header, one_copy: false }),
        (Ok(_), Ok(_)) => Err(io.corrupt(Damage::Header { sequence, fault: HeaderFault::Fields })),
        (Ok(header), Err(_)) | (Err(_), Ok(header)) => Ok(SegmentInfo { header, one_copy: true }),
        (Err(fault), Err(_)) => Err(io.corrupt(Damage::Header { sequence, fault })),
    }
}

fn read_checkpoint(io: &Io<'_>) -> Result<Option<Checkpoint>, WalError> {
    let name = names::CHECKPOINT;
    let mut file = io.disk.open(name, Access::Read).map_err(|source| io.error("open", name, source))?;
    file.sync_data().map_err(|source| io.error("sync", name, source))?;
    file.drop_cache().map_err(|source| io.error("drop the cache of", name, source))?;
    let mut best: Option<Checkpoint> = None;
    for slot in 0..2 {
        let mut page = [0u8; PAGE];
        file.read_at(&mut page, slot * PAGE_BYTES).map_err(|source| io.error("read", name, source))?;
        let found = Checkpoint::decode(&page).filter(|found| found.slot_at() == slot * PAGE_BYTES);
        best = match (best, found) {
            (Some(best), Some(found)) if found.generation > best.generation => Some(found),
            (None, found) => found,
            (best, _) => best,
        };
    }
    Ok(best)
}
