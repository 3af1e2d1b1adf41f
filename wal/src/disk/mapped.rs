//! A segment written through a shared map and made durable by `fdatasync` on the descriptor.
//!
//! Small frames are stores. Large ones go to the same pages by `pwrite`, because each page that a store touches for the
//! first time is a fault (measured 2.9 us against 1.4 us copied), and populating pages ahead would make the next sync write
//! them all. Both reach the disk by the same sync.
//!
//! Only the writer's thread holds one, only for prepared (allocated, zeroed, synced) files, and nothing is ever read
//! through the map.
#![allow(unsafe_code, reason = "a mapping's bytes can change under safe Rust; see the two blocks below")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memmap2::{MmapMut, UncheckedAdvice};

use super::DiskFile;
use crate::format::PAGE;

/// Longest write that is done by stores.
const STORED_BYTES_MAX: usize = 64 << 10;

/// A mapped file of fixed length.
#[derive(Debug)]
pub(super) struct MappedFile {
    file: File,
    map: MmapMut,
    /// Bytes stored since the last sync.
    stored: Range<usize>,
}

impl MappedFile {
    /// Maps the whole file.
    pub(super) fn new(file: File) -> io::Result<Self> {
        // SAFETY: the hazards of a map are (1) another writer changing bytes that Rust believes stable and (2) a file
        // that shrinks, which turns a store into SIGBUS. For (1): this program only stores through the map and never
        // forms a reference for reading, and other processes are kept out by the directory's lock. For (2): the journal
        // never shortens a file, and its preparation reserves every block beforehand, so a store cannot fail for want
        // of space; an operator who truncates the file stops the process (`stop_on_bus_error`), which loses nothing
        // acknowledged. A safe version is `pwrite`, which this type can be exchanged for by one option.
        let map = unsafe { MmapMut::map_mut(&file)? };
        Ok(Self { file, map, stored: 0..0 })
    }

    /// Takes the pages stored to out of this process' tables, all at once. A sync makes every page that is mapped writable
    /// read-only again, page by page, and interrupts each CPU that runs a thread of the process for it; a page that is not
    /// mapped costs nothing, and an append-only log never stores to it again.
    fn unmap_stored(&mut self) {
        let Range { start, end } = std::mem::replace(&mut self.stored, 0..0);
        let start = start - start % PAGE;
        if start >= end {
            return;
        }
        // SAFETY: on a shared map of a file the advice drops page table entries only: what was stored is in the page cache,
        // marked dirty, and the next access maps that page again. Nothing that Rust may rely on changes. The call is
        // "unchecked" because on a private map the same advice loses what was written.
        let dropped = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start) };
        // Refused, the sync is as right and a little slower.
        let _ = dropped;
    }
}

impl DiskFile for MappedFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.map.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        super::dir::read_full(&self.file, buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let end = start.checked_add(bytes.len()).filter(|end| *end <= self.map.len());
        let Some(end) = end else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a write beyond the mapped segment"));
        };
        if bytes.len() > STORED_BYTES_MAX {
            return self.file.write_all_at(bytes, offset);
        }
        self.map[start..end].copy_from_slice(bytes);
        let first = if self.stored.is_empty() { start } else { self.stored.start.min(start) };
        self.stored = first..self.stored.end.max(end);
        Ok(())
    }

    fn allocate(&mut self, _bytes: u64) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a mapped segment has its size"))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.unmap_stored();
        self.file.sync_data()
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        super::sys::drop_cache(&self.file)
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        super::sys::advise_random(&self.file)
    }
}
