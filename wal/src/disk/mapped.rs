//! A segment written through a shared map and made durable by `fdatasync` on the descriptor.
//!
//! Small frames are stores. Large ones go to the same pages by `pwrite`, because each page that a store touches for the
//! first time is a fault (measured 2.9 us against 1.4 us copied), and populating pages ahead would make the next sync write
//! them all. Both reach the disk by the same sync.
//!
//! Only the writer's thread holds one, only for prepared (allocated, zeroed, synced) files, and nothing is ever read
//! through the map.
#![allow(unsafe_code, reason = "a mapping's bytes can change under safe Rust; see the one block below")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memmap2::MmapMut;

use super::DiskFile;

/// Longest write that is done by stores.
const STORED_BYTES_MAX: usize = 64 << 10;

/// A mapped file of fixed length.
#[derive(Debug)]
pub(super) struct MappedFile {
    file: File,
    map: MmapMut,
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
        Ok(Self { file, map })
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
        Ok(())
    }

    fn allocate(&mut self, _bytes: u64) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a mapped segment has its size"))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        super::sys::drop_cache(&self.file)
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        super::sys::advise_random(&self.file)
    }
}
