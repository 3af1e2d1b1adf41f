//! A disk in memory that behaves as badly as a disk may: [`SimDisk`].
//!
//! Each file has what the page cache shows and what is on the platter, compared in sectors of 512 bytes. A power cut
//! leaves each unsynced sector old, new or garbage, in any combination; unsynced names change or not, each on its own;
//! a failed sync leaves sectors that the cache shows but the platter never gets. Any single operation can be made to
//! fail or to be the last one before the power goes, or, under a [`Weather`], goes wrong by chance. Same seed and same
//! calls, same disk.

mod cut;
mod file;
mod weather;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::{Access, Disk, DiskFile, Entry, Lock};
pub use cut::Keep;
use file::{Inode, SimFile};
pub use weather::{Bruise, Incidents, Weather};

/// The unit that a power cut leaves whole.
pub const SECTOR: usize = 512;

/// What happens at one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails. A failed sync leaves some sectors on the platter and marks all of them clean; a failed write writes a
    /// part.
    Error,
    /// It fails for want of space, if it is one that can.
    NoSpace,
    /// The power goes before it.
    CutBefore,
    /// The power goes right behind it, before its caller learns of it.
    CutAfter,
}

/// An in-memory directory; clones share it.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    unsynced_names: Vec<NameChange>,
    locked: bool,
    clock: Duration,
    operations: u64,
    fault: Option<(u64, Fault)>,
    off: bool,
    boot: u64,
    room: Option<u64>,
    weather: Weather,
    incidents: Incidents,
    random: u64,
}

/// What an operation does, as far as faults care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads, or asks for names.
    Read,
    /// Writes where blocks are allocated.
    Write,
    /// May need blocks.
    Grow,
    /// Changes names.
    Name,
    /// Makes durable.
    Sync,
}

#[derive(Debug, Clone)]
enum NameChange {
    Link { name: String, inode: u64 },
    Rename { from: String, to: String },
    Remove { name: String },
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Link { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            NameChange::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            NameChange::Remove { name } => {
                names.remove(name);
            }
        }
    }
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::from_files(BTreeMap::new(), seed)
    }

    /// A disk that holds exactly these files, durable. Contents are shared until written to.
    #[must_use]
    pub fn from_files(files: BTreeMap<String, Arc<Vec<u8>>>, seed: u64) -> Self {
        let mut inodes = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut next_inode = 1;
        for (name, bytes) in files {
            inodes.insert(next_inode, Inode::new(bytes));
            names.insert(name, next_inode);
            next_inode += 1;
        }
        let state = State {
            inodes,
            next_inode,
            durable_names: names.clone(),
            names,
            unsynced_names: Vec::new(),
            locked: false,
            clock: Duration::ZERO,
            operations: 0,
            fault: None,
            off: false,
            boot: 0,
            room: None,
            weather: Weather::default(),
            incidents: Incidents::default(),
            random: seed,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// What is on the platter now.
    #[must_use]
    pub fn durable_files(&self) -> BTreeMap<String, Arc<Vec<u8>>> {
        let state = self.state();
        let durable = |inode: &u64| Arc::clone(&state.inodes[inode].durable);
        state.durable_names.iter().map(|(name, inode)| (name.clone(), durable(inode))).collect()
    }

    /// Operations since the last start.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Makes the operation with this number, counted from the last start, go wrong.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Lets at most this many bytes be allocated from now on; `None` takes the limit away.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        self.state().clock += time;
    }

    /// The process is killed and started again: what it wrote stays in the page cache.
    pub fn restart(&self) {
        let mut state = self.state();
        state.begin_boot();
    }

    /// The power goes and comes back: unsynced sectors and names are left to chance.
    pub fn power_cut(&self) {
        let mut state = self.state();
        let mut changes = std::mem::take(&mut state.unsynced_names);
        let keep = state.below(5);
        changes.retain(|_| state.chance(keep));
        for change in changes {
            change.apply(&mut state.durable_names);
        }
        state.names = state.durable_names.clone();
        let mut random = state.random;
        for inode in state.inodes.values_mut() {
            inode.cut(&mut random);
        }
        state.random = random;
        state.begin_boot();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs one operation under the script and the weather.
    fn operate<T>(
        &self,
        boot: Option<u64>,
        kind: Kind,
        act: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.off || boot.is_some_and(|boot| boot != state.boot) {
            return Err(io::Error::other("the power is off"));
        }
        state.operations += 1;
        state.clock += Duration::from_micros(10);
        let scripted = state.fault.filter(|(at, _)| *at == state.operations).map(|(_, fault)| fault);
        let fault = scripted.or_else(|| state.turn(kind));
        match fault {
            Some(Fault::CutBefore) => {
                state.off = true;
                Err(io::Error::other("the power went"))
            }
            Some(Fault::CutAfter) => {
                let _ = act(&mut state, false);
                state.off = true;
                Err(io::Error::other("the power went"))
            }
            Some(Fault::NoSpace) if kind == Kind::Grow => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::Error) => act(&mut state, true).and(Err(io::Error::from_raw_os_error(5))),
            Some(Fault::NoSpace) | None => act(&mut state, false),
        }
    }
}

impl State {
    fn begin_boot(&mut self) {
        self.boot += 1;
        self.operations = 0;
        self.fault = None;
        self.off = false;
        self.locked = false;
    }

    fn below(&mut self, bound: u64) -> u64 {
        below(&mut self.random, bound)
    }

    /// True with a probability of `quarters`/4.
    fn chance(&mut self, quarters: u64) -> bool {
        self.below(4) < quarters
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn inode_of(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The next number of a sequence (SplitMix64), below a bound.
fn below(random: &mut u64, bound: u64) -> u64 {
    *random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % bound
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    boot: u64,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.boot == self.boot {
            state.locked = false;
        }
    }
}

impl Disk for SimDisk {
    fn place(&self) -> String {
        "simulated disk".into()
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        let boot = self.operate(None, Kind::Read, |state, failed| {
            if std::mem::replace(&mut state.locked, !failed) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(state.boot)
        })?;
        Ok(Box::new(SimLock { disk: self.clone(), boot }))
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.operate(None, Kind::Read, |state, _| {
            let bytes = |inode: &u64| state.inodes[inode].cache.len() as u64;
            Ok(state.names.iter().map(|(name, inode)| Entry { name: name.clone(), bytes: bytes(inode) }).collect())
        })
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let (inode, boot) = self.operate(None, Kind::Grow, |state, failed| {
            let inode = state.next_inode;
            if !failed {
                state.next_inode += 1;
                state.inodes.insert(inode, Inode::new(Arc::default()));
                state.change_names(NameChange::Link { name: name.into(), inode });
            }
            Ok((inode, state.boot))
        })?;
        Ok(Box::new(SimFile::new(self.clone(), inode, boot, false)))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let (inode, boot) = self.operate(None, Kind::Read, |state, _| Ok((state.inode_of(name)?, state.boot)))?;
        Ok(Box::new(SimFile::new(self.clone(), inode, boot, access == Access::Append)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(None, Kind::Name, |state, failed| {
            state.inode_of(from)?;
            if !failed {
                state.change_names(NameChange::Rename { from: from.into(), to: to.into() });
            }
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operate(None, Kind::Name, |state, failed| {
            state.inode_of(name)?;
            if !failed {
                state.change_names(NameChange::Remove { name: name.into() });
            }
            Ok(())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.operate(None, Kind::Sync, |state, failed| {
            if !failed && state.lies() {
                return Ok(());
            }
            let mut changes = std::mem::take(&mut state.unsynced_names);
            if failed {
                // Names are the file system's own: it keeps what it could not write, or stops altogether.
                let written = state.below(changes.len() as u64 + 1);
                state.unsynced_names = changes.split_off(usize::try_from(written).unwrap_or(0));
            }
            for change in changes {
                change.apply(&mut state.durable_names);
            }
            Ok(())
        })
    }

    fn now(&self) -> Duration {
        self.state().clock
    }

    fn unix_us(&self) -> u64 {
        1
    }

    fn random(&self) -> io::Result<u128> {
        let mut state = self.state();
        Ok((u128::from(state.below(u64::MAX)) << 64) | u128::from(state.below(u64::MAX)))
    }
}
