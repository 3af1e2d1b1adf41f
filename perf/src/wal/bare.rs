//! The disk's own limit: the same bytes written and synced in a bare loop, no format, no checksum, no ring.
//!
//! The file is prepared as a good journal would (zero-filled in pages of 4 KiB, synced), so that a sync changes no metadata.

#![allow(unsafe_code, reason = "a file can only be mapped unsafely; one map of a private file")]

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::MmapMut;
use mu_core::runtime::Clock;
use mu_wal::Medium;

use super::{Sum, written_bytes};

const PAGE: usize = 4_096;
/// The loop starts again at the front behind this much.
const FILE_BYTES: usize = 64 << 20;

/// Writes and syncs frames of this size for this long.
pub(super) fn run(dir: &Path, medium: Medium, frame: usize, seconds: f64) -> Result<Sum, Box<dyn Error>> {
    let path = dir.join("bare");
    let file = prepared(&path)?;
    let frame = frame.next_multiple_of(PAGE).min(FILE_BYTES);
    let bytes = vec![0xA5; frame];
    let sum = match medium {
        Medium::Pwrite => repeat(frame, seconds, |at| {
            file.write_all_at(&bytes, u64::try_from(at).expect("a file offset"))?;
            file.sync_data()
        }),
        Medium::Mapped => {
            // SAFETY: the file was just made, has its full length, and nobody else opens or truncates it while the map lives.
            let mut map = unsafe { MmapMut::map_mut(&file)? };
            repeat(frame, seconds, |at| {
                map[at..at + frame].copy_from_slice(&bytes);
                file.sync_data()
            })
        }
    };
    std::fs::remove_file(&path)?;
    sum
}

fn prepared(path: &Path) -> std::io::Result<File> {
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    for _ in 0..FILE_BYTES / PAGE {
        file.write_all(&[0; PAGE])?;
    }
    file.sync_all()?;
    Ok(file)
}

fn repeat(
    frame: usize,
    seconds: f64,
    mut write_and_sync: impl FnMut(usize) -> std::io::Result<()>,
) -> Result<Sum, Box<dyn Error>> {
    let mut sum = Sum::default();
    let written = written_bytes()?;
    let began = Clock::now();
    let mut at = 0;
    while sum.seconds < seconds {
        write_and_sync(at)?;
        at = if at + 2 * frame > FILE_BYTES { 0 } else { at + frame };
        sum.syncs += 1;
        sum.frame_bytes += u64::try_from(frame)?;
        sum.seconds = Clock::now().since(began).as_secs_f64();
    }
    sum.written_bytes = written_bytes()? - written;
    Ok(sum)
}
