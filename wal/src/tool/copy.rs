//! Copies of a journal for backups, also of one that a running server writes; and reading records out of a copy.
//!
//! A segment is copied from its end to its beginning: the writer fills it in order, so whenever a page was found written,
//! all before it are written too, and the copy is a log with at most a torn tail. Only what a promise covers counts: the
//! frames behind it may not have been durable, and another record may stand there after a crash.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Offline;
use crate::format::frame::CONTROL;
use crate::format::header::SegmentHeader;
use crate::format::{PAGE, PAGE_BYTES};
use crate::names;
use crate::recovery::Seen;
use crate::{LogId, Lsn, Record, WalError};

/// A segment that is used again while it is copied makes the copy begin anew, so often.
const ATTEMPTS: usize = 5;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The log's name; absent if there was no log.
    pub log_id: Option<LogId>,
    /// The first position in the copy.
    pub first: Lsn,
    /// The last position that was durable for certain when it was copied.
    pub durable: Lsn,
    /// The names of the segments, oldest first.
    pub segments: Vec<String>,
}

/// Copies the segments of the journal in `from` that hold positions behind `after` into the new folder `to`. The journal
/// may be in use; nothing in it is written or locked.
///
/// # Errors
/// [`WalError::Io`]; [`WalError::Corrupt`] if what was copied does not hold together.
pub fn copy_behind(from: &Path, after: Lsn, to: &Path) -> Result<Copied, WalError> {
    fs::create_dir(to).map_err(|source| failed(to, "create", "the folder of the copy", source))?;
    let mut attempt = 0;
    let segments = loop {
        attempt += 1;
        match copy_segments(from, after, to)? {
            Some(segments) => break segments,
            None if attempt < ATTEMPTS => {
                log::debug!("a segment of {} was used again while it was copied", from.display())
            }
            None => {
                let source = io::Error::other("its segments are used again faster than they can be copied");
                return Err(failed(from, "copy", "the segments", source));
            }
        }
    };
    sync_folder(to)?;
    let mut durable = Lsn::ZERO;
    let (stat, _, _) = Offline::open(to)?.walk(&mut |seen| {
        if let Seen::Frame { header, .. } = seen {
            durable = durable.max(header.durable);
        }
    })?;
    let first = if stat.log_id.is_some() { stat.first } else { Lsn::ZERO };
    Ok(Copied { log_id: stat.log_id, first, durable, segments })
}

/// Visits every numbered record of a journal that no server has open, in file order: positions rise, but those logged again
/// after a start come a second time.
///
/// # Errors
/// As [`super::dump`]; records up to the damage are visited before it is returned.
pub fn read(path: &Path, visit: &mut dyn FnMut(&Record<'_>)) -> Result<(), WalError> {
    let mut control = false;
    Offline::open(path)?.walk(&mut |seen| match seen {
        Seen::Frame { header, .. } => control = header.flags & CONTROL != 0,
        Seen::Record(record) if !control => visit(&record),
        Seen::Record(_) => {}
    })?;
    Ok(())
}

/// One attempt; `None` if a segment changed its life meanwhile.
fn copy_segments(from: &Path, after: Lsn, to: &Path) -> Result<Option<Vec<String>>, WalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(from).map_err(|source| failed(from, "list", "the directory", source))? {
        let entry = entry.map_err(|source| failed(from, "list", "the directory", source))?;
        if let Some(sequence) = entry.file_name().to_str().and_then(names::segment_sequence) {
            found.push(sequence);
        }
    }
    found.sort_unstable();
    let mut headers = Vec::with_capacity(found.len());
    for &sequence in &found {
        let Some(header) = header(from, sequence)? else { return Ok(None) };
        headers.push(header);
    }
    // A segment is needed unless the next one begins at or before the first position wanted.
    let skipped = headers.iter().skip(1).take_while(|next| next.base <= after.next()).count();
    let mut copied = Vec::new();
    for wanted in headers.iter().skip(skipped) {
        let name = names::segment(wanted.sequence);
        let (source, target) = (from.join(&name), to.join(&name));
        if !target.exists() {
            match copy_backwards(&source, &target) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(from, "copy", &name, error)),
            }
        }
        if header(from, wanted.sequence)?.as_ref() != Some(wanted) {
            let _nothing_to_keep = fs::remove_file(&target);
            return Ok(None);
        }
        copied.push(name);
    }
    Ok(Some(copied))
}

/// A segment's header; `None` if the file is gone or has another life by now.
fn header(folder: &Path, sequence: u64) -> Result<Option<SegmentHeader>, WalError> {
    let name = names::segment(sequence);
    let mut page = [0u8; PAGE];
    let read = File::open(folder.join(&name)).and_then(|file| {
        let bytes = file.metadata()?.len();
        // The header or, if that is damaged, its copy at the end.
        let first = file.read_exact_at(&mut page, 0).map(|()| SegmentHeader::decode(&page))?;
        match first {
            Ok(header) => Ok(Some(header)),
            Err(_) => {
                file.read_exact_at(&mut page, bytes.saturating_sub(PAGE_BYTES))?;
                Ok(SegmentHeader::decode(&page).ok())
            }
        }
    });
    match read {
        Ok(header) => Ok(header.filter(|header| header.sequence == sequence)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(folder, "read", &name, source)),
    }
}

/// From the end to the beginning; pages of zeros stay holes.
fn copy_backwards(from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (File::open(from)?, File::create(to)?);
    let bytes = source.metadata()?.len();
    target.set_len(bytes)?;
    let mut page = [0u8; PAGE];
    let mut end = bytes;
    while end > 0 {
        let length = end.min(PAGE_BYTES);
        let Some(room) = page.get_mut(..usize::try_from(length).map_err(io::Error::other)?) else { break };
        end -= length;
        source.read_exact_at(room, end)?;
        if room.iter().any(|byte| *byte != 0) {
            target.write_all_at(room, end)?;
        }
    }
    target.sync_all()
}

fn sync_folder(folder: &Path) -> Result<(), WalError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| failed(folder, "sync", "the folder of the copy", source))
}

fn failed(place: &Path, operation: &'static str, name: &str, source: io::Error) -> WalError {
    WalError::Io { place: place.display().to_string(), operation, name: name.to_owned(), source }
}
