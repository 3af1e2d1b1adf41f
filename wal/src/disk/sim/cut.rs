//! Power cuts that leave something definite, copies of a disk, and damage at a chosen place: for tests that go through
//! every possibility instead of drawing one.

use std::sync::{Arc, Mutex};

use super::{SECTOR, SimDisk};

/// Which of the sectors that no sync has covered a power cut leaves on the platter. Names: those changed first stay in
/// the first two cases; all that were not synced are lost in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// A torn write: the first half of each file's sectors, and names in order.
    First,
    /// Everything.
    All,
    /// Out of order: the last half of each file's sectors without what was written before them.
    Last,
    /// Every second sector.
    EverySecond,
    /// Nothing.
    Nothing,
}

impl Keep {
    fn has(self, at: usize, of: usize) -> bool {
        match self {
            Keep::First => at < of.div_ceil(2),
            Keep::All => true,
            Keep::Last => at >= of / 2,
            Keep::EverySecond => !at.is_multiple_of(2),
            Keep::Nothing => false,
        }
    }
}

impl SimDisk {
    /// The power goes and comes back; of what was not synced stays what `keep` says.
    pub fn power_cut_keeping(&self, keep: Keep) {
        let mut state = self.state();
        let changes = std::mem::take(&mut state.unsynced_names);
        let count = changes.len();
        for (at, change) in changes.into_iter().enumerate() {
            if matches!(keep, Keep::First | Keep::All) && keep.has(at, count) {
                change.apply(&mut state.durable_names);
            }
        }
        state.names = state.durable_names.clone();
        for inode in state.inodes.values_mut() {
            let dirty = std::mem::take(&mut inode.dirty);
            let count = dirty.len();
            if inode.cache.len() > inode.durable.len() && keep != Keep::Nothing {
                Arc::make_mut(&mut inode.durable).resize(inode.cache.len(), 0);
            }
            for (at, sector) in dirty.into_iter().enumerate() {
                if keep.has(at, count) {
                    inode.store(sector);
                }
            }
            inode.forget();
        }
        state.begin_boot();
    }

    /// A disk of its own with the same content, in the same state.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())) }
    }

    /// The next sync that fails brings nothing to the platter and marks everything clean.
    pub fn fail_syncs_in_vain(&self) {
        for inode in self.state().inodes.values_mut() {
            inode.sync_in_vain = true;
        }
    }

    /// Flips one bit on the platter of a file that holds anything there; `choice` selects it among all sectors that are
    /// not blank. Returns the file, or `None` if everything is blank.
    pub fn flip(&self, choice: u64) -> Option<String> {
        let mut state = self.state();
        let mut used = Vec::new();
        for (name, inode) in &state.durable_names {
            let sectors = state.inodes[inode].durable.chunks(SECTOR).enumerate();
            let written = sectors.filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
            used.extend(written.map(|(sector, _)| (name.clone(), *inode, sector)));
        }
        let index = usize::try_from(choice % used.len().max(1) as u64).ok()?;
        let (name, inode, sector) = used.into_iter().nth(index)?;
        let inode = state.inodes.get_mut(&inode)?;
        let bytes = Arc::make_mut(&mut inode.durable);
        let bit = usize::try_from(choice / 7 % (SECTOR as u64 * 8)).ok()?;
        let at = (sector * SECTOR + bit / 8).min(bytes.len() - 1);
        bytes[at] ^= 1 << (bit % 8);
        inode.forget();
        Some(name)
    }
}
