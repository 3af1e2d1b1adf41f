//! A simulated disk whose operations are counted and one of which goes wrong: [`Scripted`].
//!
//! The zeros that fill a segment while it is prepared count as one operation with the first of them: nothing relies on a
//! file that has no name yet, so failing at each of its pages would repeat one case a dozen times.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mu_wal::disk::sim::{Fault, SimDisk};
use mu_wal::disk::{Access, Disk, DiskFile, Entry, Lock};

/// What an operation may do, for faults that only some can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Sync,
    Name,
    Other,
}

/// What goes wrong at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The simulated disk's own fault.
    Fault(Fault),
    /// A sync fails, brings nothing to the platter and marks all clean; other operations fail as they would.
    SyncInVain,
}

#[derive(Debug, Default)]
struct Script {
    count: u64,
    wrong: Option<(u64, Wrong)>,
    fired: Option<Kind>,
    filling: bool,
}

/// The disk; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) sim: SimDisk,
    script: Arc<Mutex<Script>>,
}

impl Scripted {
    /// A disk at whose operation of this number, from 1, something goes wrong.
    pub(crate) fn new(sim: SimDisk, wrong: Option<(u64, Wrong)>) -> Self {
        let script = Script { wrong, ..Script::default() };
        Self { sim, script: Arc::new(Mutex::new(script)) }
    }

    /// Operations so far.
    pub(crate) fn count(&self) -> u64 {
        self.script().count
    }

    /// The operation that went wrong, if it came to it.
    pub(crate) fn fired(&self) -> Option<Kind> {
        self.script().fired
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, kind: Kind, filling: bool) {
        let mut script = self.script();
        if filling && std::mem::replace(&mut script.filling, filling) {
            return;
        }
        script.filling = filling;
        script.count += 1;
        let Some((_, wrong)) = script.wrong.filter(|(at, _)| *at == script.count) else { return };
        script.fired = Some(kind);
        if wrong == Wrong::SyncInVain {
            self.sim.fail_syncs_in_vain();
        }
        let fault = if let Wrong::Fault(fault) = wrong { fault } else { Fault::Error };
        self.sim.fail_at(self.sim.operations() + 1, fault);
    }
}

#[derive(Debug)]
struct ScriptedFile {
    disk: Scripted,
    file: Box<dyn DiskFile>,
}

impl Disk for Scripted {
    fn place(&self) -> String {
        self.sim.place()
    }

    fn lock(&self) -> io::Result<Box<dyn Lock>> {
        self.turn(Kind::Other, false);
        self.sim.lock()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.turn(Kind::Read, false);
        self.sim.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.turn(Kind::Name, false);
        Ok(Box::new(ScriptedFile { disk: self.clone(), file: self.sim.create(name)? }))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.turn(Kind::Other, false);
        Ok(Box::new(ScriptedFile { disk: self.clone(), file: self.sim.open(name, access)? }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn(Kind::Name, false);
        self.sim.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.turn(Kind::Name, false);
        self.sim.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.turn(Kind::Sync, false);
        self.sim.sync_dir()
    }

    fn now(&self) -> Duration {
        self.sim.now()
    }

    fn unix_us(&self) -> u64 {
        self.sim.unix_us()
    }

    fn random(&self) -> io::Result<u128> {
        self.sim.random()
    }
}

impl DiskFile for ScriptedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.disk.turn(Kind::Read, false);
        self.file.bytes()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.turn(Kind::Read, false);
        self.file.read_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let zeros = mu_wal::format::bytes::all_zero(bytes);
        self.disk.turn(Kind::Write, zeros);
        self.file.write_at(bytes, offset)
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.turn(Kind::Write, false);
        self.file.allocate(bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.turn(Kind::Sync, false);
        self.file.sync_data()
    }

    fn drop_cache(&mut self) -> io::Result<()> {
        self.disk.turn(Kind::Other, false);
        self.file.drop_cache()
    }

    fn cache_single_pages(&mut self) -> io::Result<()> {
        self.file.cache_single_pages()
    }
}
