//! One file of the simulated disk: what the page cache shows, what the platter holds, and which sectors differ by right.
//!
//! Knows no names and no script.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::{Kind, SECTOR, SimDisk, State, below};
use crate::disk::DiskFile;

/// A file's two states.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    /// What reads see.
    pub(super) cache: Arc<Vec<u8>>,
    /// What survives.
    pub(super) durable: Arc<Vec<u8>>,
    /// Sectors written since the last sync, successful or not.
    pub(super) dirty: BTreeSet<usize>,
    /// A sync failed: clean sectors of the cache may differ from the platter.
    deceived: bool,
    /// The next failed sync brings nothing to the platter.
    pub(super) sync_in_vain: bool,
}

impl Inode {
    pub(super) fn new(bytes: Arc<Vec<u8>>) -> Self {
        Self { cache: Arc::clone(&bytes), durable: bytes, dirty: BTreeSet::new(), deceived: false, sync_in_vain: false }
    }

    /// Whether a power cut could change something.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.cache.len() != self.durable.len()
    }

    /// Damages a byte of what is stored.
    pub(super) fn flip(&mut self, offset: usize, bits: u8) {
        for copy in [&mut self.durable, &mut self.cache] {
            if let Some(byte) = Arc::make_mut(copy).get_mut(offset) {
                *byte ^= bits;
            }
        }
    }

    /// Leaves each dirty sector old, new or garbage, and forgets the cache.
    pub(super) fn cut(&mut self, random: &mut u64) {
        let dirty = std::mem::take(&mut self.dirty);
        if !dirty.is_empty() || self.cache.len() != self.durable.len() {
            // From "nothing reached the platter" over every mixture to "everything did".
            let weights = (below(random, 5), below(random, 3));
            let longer = below(random, 4) < weights.0;
            if longer && self.cache.len() > self.durable.len() {
                Arc::make_mut(&mut self.durable).resize(self.cache.len(), 0);
            }
            for sector in dirty {
                let garbage = weights.1 == 2 && below(random, 8) == 0;
                if garbage {
                    let fill = below(random, 256).to_le_bytes()[0];
                    self.put(sector, |old| old.fill(fill));
                } else if below(random, 4) < weights.0 {
                    self.store(sector);
                }
            }
        }
        self.forget();
    }

    /// The cache shows what the platter holds.
    pub(super) fn forget(&mut self) {
        self.cache = Arc::clone(&self.durable);
        self.deceived = false;
    }

    /// Brings one sector from the cache to the platter.
    pub(super) fn store(&mut self, sector: usize) {
        let cache = Arc::clone(&self.cache);
        let start = sector * SECTOR;
        self.put(sector, |old| {
            let end = (start + old.len()).min(cache.len());
            old[..end - start].copy_from_slice(&cache[start..end]);
        });
    }

    fn put(&mut self, sector: usize, change: impl FnOnce(&mut [u8])) {
        let start = sector * SECTOR;
        let durable = Arc::make_mut(&mut self.durable);
        let end = (start + SECTOR).min(durable.len());
        if start < end {
            change(&mut durable[start..end]);
        }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        let cache = Arc::make_mut(&mut self.cache);
        if cache.len() < end {
            cache.resize(end, 0);
        }
        cache[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
    }

    fn sync(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        let few = dirty.len() * SECTOR * 4 < self.cache.len();
        if !self.deceived && !few {
            self.durable = Arc::clone(&self.cache);
            return;
        }
        if self.durable.len() != self.cache.len() {
            Arc::make_mut(&mut self.durable).resize(self.cache.len(), 0);
        }
        for sector in dirty {
            self.store(sector);
        }
    }

    /// The kernel marks everything clean although only a part reached the platter.
    fn sync_in_vain(&mut self, random: &mut u64) {
        let dirty = std::mem::take(&mut self.dirty);
        self.deceived = true;
        let share = if std::mem::take(&mut self.sync_in_vain) { 0 } else { below(random, 5) };
        for sector in dirty {
            if below(random, 4) < share {
                self.store(sector);
            }
        }
    }

    /// Clean sectors are read from the platter again; dirty ones stay.
    fn drop_cache(&mut self) {
        if self.dirty.is_empty() && self.cache.len() == self.durable.len() {
            self.cache = Arc::clone(&self.durable);
            self.deceived = false;
            return;
        }
        let durable = Arc::clone(&self.durable);
        let cache = Arc::make_mut(&mut self.cache);
        for (sector, bytes) in cache.chunks_mut(SECTOR).enumerate() {
            let start = sector * SECTOR;
            if !self.dirty.contains(&sector) && start + bytes.len() <= durable.len() {
                bytes.copy_from_slice(&durable[start..start + bytes.len()]);
            }
        }
    }
}

/// An open file; useless after a restart.
#[derive(Debug)]
pub(super) struct SimFile {
    disk: SimDisk,
    inode: u64,
    boot: u64,
    fixed: bool,
}

impl SimFile {
    pub(super) fn new(disk: SimDisk, inode: u64, boot: u64, fixed: bool) -> Self {
        Self { disk, inode, boot, fixed }
    }

    fn operate<T>(&self, kind: Kind, act: impl FnOnce(&mut Inode, &mut u64, bool) -> io::Result<T>) -> io::Result<T> {
        self.disk.operate(Some(self.boot), kind, |state, failed| {
            let State { inodes, random, .. } = state;
            let inode = inodes.get_mut(&self.inode).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            act(inode, random, failed)
        })
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for SimFile {
    fn bytes(&self) -> io::Result<u64> {
        self.operate(Kind::Read, |inode, _, _| Ok(inode.cache.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = position(offset)?;
        self.operate(Kind::Read, |inode, _, _| {
            let rest = inode.cache.get(start..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = position(offset)?;
        let fixed = self.fixed;
        let start = self.disk.aimed(start, fixed);
        self.operate(if fixed { Kind::Write } else { Kind::Grow }, |inode, random, failed| {
            if fixed && start + bytes.len() > inode.cache.len() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let count = match failed {
                true => position(below(random, bytes.len() as u64 + 1))?,
                false => bytes.len(),
            };
            inode.write(&bytes[..count], start);
            Ok(())
        })
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        let length = position(bytes)?;
        self.disk.operate(Some(self.boot), Kind::Grow, |state, failed| {
            let inode = state.inodes.get_mut(&self.inode).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let more = length.saturating_sub(inode.cache.len());
            if let Some(room) = &mut state.room {
                *room = room.checked_sub(more as u64).ok_or_else(|| io::Error::from(io::ErrorKind::StorageFull))?;
            }
            if more > 0 && !failed {
                Arc::make_mut(&mut inode.cache).resize(length, 0);
            }
            Ok(())
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.operate(Some(self.boot), Kind::Sync, |state, failed| {
            if !failed && state.lies() {
                return Ok(());
            }
            let State { inodes, random, .. } = state;
            let inode = inodes.get_mut(&self.inode).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            if failed {
                inode.sync_in_vain(random);
            } else {
                inode.sync();
            }
            Ok(())
        })
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        self.operate(Kind::Read, |inode, _, _| {
            inode.drop_cache();
            Ok(())
        })
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        Ok(())
    }
}
