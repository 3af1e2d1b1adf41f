//! The disk's own limit: the same bytes written and synced in a bare loop, no format, no checksum, no ring.
//!
//! The file is prepared as a good journal would (zero-filled in pages of 4 KiB, synced), so that a sync changes no metadata.

#![allow(unsafe_code, reason = "a file can only be mapped unsafely; one map of a private file")]

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::MmapMut;
use mu_core::runtime::Clock;
use mu_wal::Medium;

use super::{Sum, written_bytes};

const PAGE: usize = 4_096;
/// The loop starts again at the front behind this much.
const FILE_BYTES: usize = 64 << 20;

/// The file and how it is written.
pub(super) struct Loop {
    file: File,
    map: Option<MmapMut>,
    /// Where the next frame goes.
    at: usize,
}

impl Loop {
    /// A prepared file in this folder.
    pub(super) fn new(dir: &Path, medium: Medium) -> io::Result<Self> {
        let file = prepared(&dir.join("bare"))?;
        let map = match medium {
            Medium::Pwrite => None,
            // SAFETY: the file was just made, has its full length, and nobody else opens or truncates it while the map lives.
            Medium::Mapped => Some(unsafe { MmapMut::map_mut(&file)? }),
        };
        Ok(Self { file, map, at: 0 })
    }

    /// Writes and syncs frames of this size for this long.
    pub(super) fn run(&mut self, frame: usize, seconds: f64) -> Result<Sum, Box<dyn Error>> {
        let frame = frame.next_multiple_of(PAGE).min(FILE_BYTES);
        let bytes = vec![0xA5; frame];
        let mut sum = Sum::default();
        let written = written_bytes()?;
        let began = Clock::now();
        while sum.seconds < seconds {
            self.write(&bytes)?;
            self.file.sync_data()?;
            sum.syncs += 1;
            sum.frame_bytes += u64::try_from(frame)?;
            sum.seconds = Clock::now().since(began).as_secs_f64();
        }
        sum.written_bytes = written_bytes()? - written;
        Ok(sum)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.at + bytes.len() > FILE_BYTES {
            self.at = 0;
        }
        let at = self.at;
        self.at += bytes.len();
        match &mut self.map {
            Some(map) => map[at..at + bytes.len()].copy_from_slice(bytes),
            None => self.file.write_all_at(bytes, u64::try_from(at).expect("a file offset"))?,
        }
        Ok(())
    }
}

fn prepared(path: &Path) -> io::Result<File> {
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    for _ in 0..FILE_BYTES / PAGE {
        file.write_all(&[0; PAGE])?;
    }
    file.sync_all()?;
    Ok(file)
}
