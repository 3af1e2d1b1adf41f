//! Everything that can still be read from a damaged log, as lines of JSON.
//!
//! Believes each frame by itself: its seeded checksums say that these bytes were written for this place of this log. Frames
//! before and behind damage are found alike; what is missing is said as ranges. Changes nothing and guesses nothing: what
//! to do with the records is a decision for people.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::Offline;
use super::dump::write_line;
use crate::disk::Access;
use crate::format::frame::{CONTROL, FrameHeader, HEADER_BYTES, check_body};
use crate::format::header::SegmentHeader;
use crate::format::seed::Seed;
use crate::format::{PAGE, PAGE_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::recovery::Io;
use crate::{LogId, Lsn, Record, WalError, names};

/// What [`salvage`] found.
#[derive(Debug, Clone, Serialize)]
pub struct Salvage {
    /// The log's name, from any header that is readable.
    pub log_id: Option<LogId>,
    /// Segments looked into.
    pub segments: u64,
    /// Frames that are valid by themselves.
    pub frames: u64,
    /// Records in them, those logged again counted each time, the journal's own not at all.
    pub records: u64,
    /// The first and the last position found.
    pub span: Option<(Lsn, Lsn)>,
    /// Positions between them that are nowhere, first and last of each range.
    pub missing: Vec<(Lsn, Lsn)>,
    /// Pages that hold something, but no valid frame begins or continues there.
    pub unreadable_pages: u64,
}

/// Writes every record of every frame that is valid by itself as one line of JSON, in the form of [`super::dump()`], and
/// says what is missing.
///
/// # Errors
/// [`WalError::Locked`]; [`WalError::Io`] if the directory cannot be listed or `out` not be written to. Sectors that cannot
/// be read are damage, not an error.
pub fn salvage(
    path: &Path,
    out: &mut dyn Write,
    decode: &mut dyn FnMut(&Record<'_>) -> Option<Value>,
) -> Result<Salvage, WalError> {
    let offline = Offline::open(path)?;
    let io = Io { disk: &*offline.disk };
    let entries = io.disk.list().map_err(|source| io.error("list", "", source))?;
    let mut files: Vec<(u64, u64)> = entries
        .iter()
        .filter_map(|entry| names::segment_sequence(&entry.name).map(|sequence| (sequence, entry.bytes)))
        .collect();
    files.sort_unstable();
    let images: Vec<(u64, Vec<u8>)> =
        files.iter().map(|(sequence, bytes)| (*sequence, read(&io, *sequence, *bytes))).collect();
    let log_id = images.iter().find_map(|(_, image)| header(image)).map(|header| header.log_id);
    let mut found = Found::default();
    if let Some(log_id) = log_id {
        for (sequence, image) in &images {
            found
                .search(log_id, *sequence, image, out, decode)
                .map_err(|source| io.error("write", "the records", source))?;
        }
    }
    out.flush().map_err(|source| io.error("write", "the records", source))?;
    Ok(Salvage {
        log_id,
        segments: images.len() as u64,
        frames: found.frames,
        records: found.records,
        span: found.positions.first().copied().zip(found.positions.last().copied()),
        missing: found.missing(),
        unreadable_pages: found.unreadable,
    })
}

/// What can be read of a segment; pages that the disk refuses are zeros.
fn read(io: &Io<'_>, sequence: u64, bytes: u64) -> Vec<u8> {
    let length = usize::try_from(bytes.min(SEGMENT_BYTES_MAX)).unwrap_or(0);
    let mut image = vec![0; length];
    let Ok(file) = io.disk.open(&names::segment(sequence), Access::Read) else { return image };
    if file.read_at(&mut image, 0).is_err() {
        for (page, at) in image.chunks_mut(PAGE).zip((0..).step_by(PAGE)) {
            if file.read_at(page, at).is_err() {
                page.fill(0);
            }
        }
    }
    image
}

/// Either copy of a segment's header.
fn header(image: &[u8]) -> Option<SegmentHeader> {
    let first = image.first_chunk().and_then(|page| SegmentHeader::decode(page).ok());
    first.or_else(|| image.last_chunk().and_then(|page| SegmentHeader::decode(page).ok()))
}

#[derive(Default)]
struct Found {
    frames: u64,
    records: u64,
    unreadable: u64,
    positions: BTreeSet<Lsn>,
}

impl Found {
    /// Every page boundary of a segment, except inside a frame that is valid.
    fn search(
        &mut self,
        log_id: LogId,
        sequence: u64,
        image: &[u8],
        out: &mut dyn Write,
        decode: &mut dyn FnMut(&Record<'_>) -> Option<Value>,
    ) -> io::Result<()> {
        let seed = Seed::new(log_id, sequence);
        let end = match (image.len() as u64).max(SEGMENT_BYTES_MIN).checked_sub(PAGE_BYTES) {
            Some(end) => usize::try_from(end).unwrap_or(0).min(image.len()),
            None => 0,
        };
        let mut at = PAGE;
        while at + HEADER_BYTES <= end {
            let rest = &image[at..end];
            let offset = at as u64;
            let head = rest.first_chunk().expect("as long as a header");
            let frame = FrameHeader::decode(head, offset, rest.len() as u64, &seed).ok();
            let whole = frame.filter(|frame| {
                let bytes = &rest[..frame.bytes as usize];
                check_body(frame, bytes, offset, &seed, |_, _| {}).is_ok()
            });
            let Some(frame) = whole else {
                self.unreadable += u64::from(rest[..PAGE.min(rest.len())].iter().any(|byte| *byte != 0));
                at += PAGE;
                continue;
            };
            let mut written = Ok(());
            let place = (sequence, offset, frame.sequence, frame.flags);
            let judged = check_body(&frame, &rest[..frame.bytes as usize], offset, &seed, |record, _| {
                if frame.flags & CONTROL == 0 {
                    self.records += 1;
                    self.positions.insert(record.lsn);
                }
                if written.is_ok() {
                    written = write_line(out, place, &record, decode);
                }
            });
            debug_assert_eq!(judged, Ok(()));
            written?;
            self.frames += 1;
            at += frame.bytes as usize;
        }
        Ok(())
    }

    fn missing(&self) -> Vec<(Lsn, Lsn)> {
        let pairs = self.positions.iter().zip(self.positions.iter().skip(1));
        let holes = pairs.filter(|(before, after)| before.next() < **after);
        holes.map(|(before, after)| (before.next(), after.previous())).collect()
    }
}
