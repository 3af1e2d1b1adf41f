//! A log's files in memory, damaged in place and put back: an image costs what its damage costs, and no allocation.
//!
//! As a disk it can only be read. Knows no format.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mu_wal::disk::{Access, Disk, DiskFile, Entry, Lock};

/// The files of one log; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    files: Arc<Mutex<Vec<ImageFile>>>,
}

/// One file, and which part of it differs from what it was.
#[derive(Debug)]
pub(crate) struct ImageFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) present: bool,
    damaged: Range<usize>,
}

impl ImageFile {
    /// The bytes of a range, to be damaged; what lies behind the file's end is left out.
    pub(crate) fn damage(&mut self, start: usize, length: usize) -> &mut [u8] {
        let start = start.min(self.bytes.len());
        let end = start.saturating_add(length).min(self.bytes.len());
        if start < end {
            self.note(start, end);
        }
        &mut self.bytes[start..end]
    }

    /// Ends the file here.
    pub(crate) fn truncate(&mut self, length: usize) {
        if length < self.bytes.len() {
            self.note(length, self.bytes.len());
            self.bytes.truncate(length);
        }
    }

    fn note(&mut self, start: usize, end: usize) {
        let old = &self.damaged;
        self.damaged = if old.is_empty() { start..end } else { old.start.min(start)..old.end.max(end) };
    }

    /// Whether these bytes are there and were never touched, or are as they were.
    pub(crate) fn is_whole(&self, range: Range<usize>, was: &[u8]) -> bool {
        self.present && self.bytes.len() == was.len() && self.bytes[range.clone()] == was[range]
    }
}

impl Image {
    /// An image of files that are as they should be.
    pub(crate) fn new<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Self {
        let file = |(name, bytes): (&String, &Vec<u8>)| ImageFile {
            name: name.clone(),
            bytes: bytes.clone(),
            present: true,
            damaged: 0..0,
        };
        Self { files: Arc::new(Mutex::new(files.map(file).collect())) }
    }

    pub(crate) fn files(&self) -> MutexGuard<'_, Vec<ImageFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes every damage.
    pub(crate) fn restore<'a>(&self, was: impl Iterator<Item = &'a Vec<u8>>) {
        for (file, was) in self.files().iter_mut().zip(was) {
            file.present = true;
            let damaged = std::mem::replace(&mut file.damaged, 0..0);
            file.bytes.resize(was.len(), 0);
            file.bytes[damaged.clone()].copy_from_slice(&was[damaged]);
        }
    }
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "an image is only read"))
}

#[derive(Debug)]
struct Unlocked;
impl Lock for Unlocked {}

impl Disk for Image {
    fn place(&self) -> String {
        "image".into()
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(Unlocked))
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let files = self.files();
        let present = files.iter().filter(|file| file.present);
        Ok(present.map(|file| Entry { name: file.name.clone(), bytes: file.bytes.len() as u64 }).collect())
    }

    fn create(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
        refused()
    }

    fn open(&self, name: &str, _: Access) -> io::Result<Box<dyn DiskFile>> {
        let at = self.files().iter().position(|file| file.present && file.name == name);
        let at = at.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(OpenFile { image: self.clone(), at }))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_us(&self) -> u64 {
        1
    }

    fn random(&self) -> io::Result<u128> {
        refused()
    }
}

#[derive(Debug)]
struct OpenFile {
    image: Image,
    at: usize,
}

impl DiskFile for OpenFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.image.files()[self.at].bytes.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let files = self.image.files();
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let rest = files[self.at].bytes.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        refused()
    }

    fn allocate(&mut self, _: u64) -> io::Result<()> {
        refused()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        Ok(())
    }
}
