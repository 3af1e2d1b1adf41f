//! The one way to the disk: [`Disk`] is a directory, [`DiskFile`] a file in it. Recovery, the writer and the background
//! preparation all use it, so that a simulated disk runs the same code as a real one.
//!
//! Knows no format. Clock and randomness are part of the trait because they, too, differ between a simulation and a
//! real machine.

pub mod archive;
pub mod dir;
mod mapped;
pub mod sim;
mod sys;

use std::fmt;
use std::io;
use std::time::Duration;

pub use sys::stop_on_bus_error;

/// A file's name and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading by `pread`.
    Read,
    /// Reading and writing by `pread` and `pwrite`.
    Write,
    /// Being the segment that frames are written to; whether through a map or by `pwrite` is the disk's choice.
    Append,
}

/// Held for as long as the journal is open; dropping it lets the next opener in.
pub trait Lock: Send + fmt::Debug {}

/// One directory of files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The directory, for messages.
    fn place(&self) -> String;

    /// Keeps every other opener out.
    ///
    /// # Errors
    /// `WouldBlock` if another opener holds the lock.
    fn lock(&self) -> io::Result<Box<dyn Lock>>;

    /// All files, in no particular order.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self) -> io::Result<Vec<Entry>>;

    /// Creates an empty file, or empties the one that is there.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, replacing what has the new name. Durable only after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable only after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    /// What the operating system says; after an error nothing is known about any name changed since the last success.
    fn sync_dir(&self) -> io::Result<()>;

    /// Keeps a copy of a decided segment in the archive, in this folder of it; nothing if there is no archive. Durable when
    /// it returns.
    ///
    /// # Errors
    /// What the operating system says; the segment itself is untouched.
    fn archive(&self, _name: &str, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    /// Bytes the calling thread has caused to be written so far, if the system counts them.
    fn written(&self) -> Option<u64> {
        None
    }

    /// A monotonic clock with any origin.
    fn now(&self) -> Duration;

    /// Microseconds since 1970; a comment in headers, never compared.
    fn unix_us(&self) -> u64;

    /// 128 random bits for a new log's name.
    ///
    /// # Errors
    /// What the operating system says.
    fn random(&self) -> io::Result<u128>;
}

/// One file.
pub trait DiskFile: Send + fmt::Debug {
    /// Its length.
    ///
    /// # Errors
    /// What the operating system says.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on; returns fewer bytes only at the end of the file. Never reads through a map, so a
    /// bad sector is an error and not a signal.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, within the file's length for a file opened to append.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Reserves the blocks of the first `bytes` bytes and makes the file at least that long.
    ///
    /// # Errors
    /// `StorageFull` if there is no room; what else the operating system says.
    fn allocate(&mut self, bytes: u64) -> io::Result<()>;

    /// Makes all written bytes durable. After an error nothing is known about any of them, ever.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Forgets what is cached of the file, so that the next read comes from the device.
    ///
    /// # Errors
    /// What the operating system says.
    fn drop_cache(&mut self) -> io::Result<()>;

    /// Announces reads and writes in no order: the kernel then caches single pages instead of large folios.
    ///
    /// # Errors
    /// What the operating system says.
    fn cache_single_pages(&mut self) -> io::Result<()>;
}
