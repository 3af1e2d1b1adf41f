//! The real disk: a directory of an ordinary file system, written through a map or by `pwrite`, synced by `fdatasync`.
//!
//! Knows no format. The lock is an exclusive `flock` on the file `LOCK`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::archive::Archive;
use super::mapped::MappedFile;
use super::{Access, Disk, DiskFile, Entry, Lock, sys};

const LOCK_NAME: &str = "LOCK";

/// How frames reach the segment. Both end in one `fdatasync` per group.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// Stores into a shared map.
    #[default]
    Mapped,
    /// `pwrite`; ahead of the map for groups of 256 KiB and more.
    Pwrite,
}

/// A directory.
#[derive(Debug)]
pub struct DirDisk {
    path: PathBuf,
    medium: Medium,
    archive: Option<Archive>,
    origin: Instant,
    read_only: bool,
}

impl DirDisk {
    /// Opens the directory, creating it and its parents durably if they are missing.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path, medium: Medium) -> io::Result<Self> {
        create_durably(path)?;
        Ok(Self::new(path, medium, false))
    }

    /// Opens an existing directory for the offline tools: nothing in it is created, renamed or written.
    ///
    /// # Errors
    /// `NotADirectory` or what else the operating system says.
    pub fn open_read_only(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self::new(path, Medium::Pwrite, true))
    }

    #[expect(clippy::disallowed_methods, reason = "the disk is where the journal's clock comes from, see Disk::now")]
    fn new(path: &Path, medium: Medium, read_only: bool) -> Self {
        Self { path: path.to_owned(), medium, archive: None, origin: Instant::now(), read_only }
    }

    /// Keeps decided segments there.
    #[must_use]
    pub fn with_archive(self, archive: Option<Archive>) -> Self {
        Self { archive, ..self }
    }
}

#[derive(Debug)]
struct FileLock(#[expect(dead_code, reason = "held for its drop, which releases the lock")] Option<File>);
impl Lock for FileLock {}

impl Disk for DirDisk {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        let path = self.path.join(LOCK_NAME);
        let file = if self.read_only {
            match File::open(path) {
                Ok(file) => file,
                // No server ever opened this copy, so there is nobody to keep out.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Box::new(FileLock(None)));
                }
                Err(error) => return Err(error),
            }
        } else {
            OpenOptions::new().create(true).truncate(false).write(true).open(path)?
        };
        match file.try_lock() {
            Ok(()) => Ok(Box::new(FileLock(Some(file)))),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            // A name that is not UTF-8 is none of the journal's.
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
                entries.push(Entry { name, bytes: metadata.len() });
            }
        }
        Ok(entries)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(self.path.join(name))?;
        Ok(Box::new(PlainFile(file)))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(access != Access::Read).open(self.path.join(name))?;
        match (access, self.medium) {
            (Access::Append, Medium::Mapped) => Ok(Box::new(MappedFile::new(file)?)),
            _ => Ok(Box::new(PlainFile(file))),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn archive(&self, name: &str, folder: &str) -> io::Result<()> {
        self.archive.as_ref().map_or(Ok(()), |archive| archive.keep(&self.path.join(name), folder))
    }

    fn written(&self) -> Option<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/io").ok()?;
        text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the disk is where the journal's clock comes from; a comment in headers"
    )]
    fn unix_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> io::Result<u128> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(u128::from_le_bytes(bytes))
    }
}

/// Creates the missing part of a path and makes every new name durable.
pub(super) fn create_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_durably(parent)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

/// A file read and written by position.
#[derive(Debug)]
struct PlainFile(File);

/// Reads until `buffer` is full or the file ends.
pub(super) fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl DiskFile for PlainFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_full(&self.0, buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        sys::allocate(&self.0, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        sys::drop_cache(&self.0)
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        sys::advise_random(&self.0)
    }
}
