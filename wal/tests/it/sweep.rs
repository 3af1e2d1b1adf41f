//! Every fault at every operation of a scripted life, and a second one while recovering from it.
//!
//! The life has rotation, sealing, reuse of decided segments, a kill and a restart with records to log again. After
//! both faults a good disk must give everything that was ever acknowledged, nothing that was not submitted, the same
//! outcome each time it is opened, and a log that goes on. A flipped bit may also be reported. Also used by the example
//! `fault_sweep`.

use std::sync::Arc;
use std::time::Duration;

use mu_wal::disk::Disk;
use mu_wal::disk::sim::{Fault, Keep, SimDisk};
use mu_wal::{Journal, JournalOptions, Lsn, OwnedRecord, Poisoned, ScanOptions, WalError, scan_disk};

use super::fuzz::Random;
use super::rig::{self, append, is_genuine};
use super::scripted::{Kind, Scripted, Wrong};

/// What goes wrong first. What is not synced when the power goes stays as [`Keep`] says, or is left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// The operation fails; the process is started again.
    Error,
    /// The operation fails; the machine is started again.
    ErrorThenCut,
    /// No space.
    NoSpace,
    /// The power goes before it.
    CutBefore,
    /// The power goes behind it.
    CutAfter,
    /// The power goes while it is on its way: the front of what is not synced is there.
    Torn,
    /// The same, but what was written last is there and what was written first is not.
    Reordered,
    /// A sync fails, marks all clean and loses it; the cache shows it until the power goes.
    SyncInVain,
    /// The power goes before it, and a bit of what is stored is flipped.
    Flip,
}

impl First {
    pub(crate) const ALL: [First; 9] = [
        First::Error,
        First::ErrorThenCut,
        First::NoSpace,
        First::CutBefore,
        First::CutAfter,
        First::Torn,
        First::Reordered,
        First::SyncInVain,
        First::Flip,
    ];

    fn wrong(self) -> Wrong {
        match self {
            First::Error | First::ErrorThenCut => Wrong::Fault(Fault::Error),
            First::NoSpace => Wrong::Fault(Fault::NoSpace),
            First::CutBefore | First::Torn | First::Reordered | First::Flip => Wrong::Fault(Fault::CutBefore),
            First::CutAfter => Wrong::Fault(Fault::CutAfter),
            First::SyncInVain => Wrong::SyncInVain,
        }
    }

    /// Whether the fault differs from [`First::Error`] at this operation.
    fn applies(self, kind: Kind) -> bool {
        match self {
            First::NoSpace => matches!(kind, Kind::Write | Kind::Name),
            First::SyncInVain => kind == Kind::Sync,
            _ => true,
        }
    }
}

/// What goes wrong while recovering.
pub(crate) const SECOND: [Fault; 3] = [Fault::Error, Fault::CutBefore, Fault::CutAfter];

/// How many second faults follow each first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// One of each kind, at an operation drawn by lot.
    Drawn,
    /// The power goes before every operation, and one of each other kind.
    Every,
}

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Swept {
    /// Operations of the life without faults.
    pub(crate) operations: u64,
    /// First faults.
    pub(crate) first: u64,
    /// Runs: a first fault, a second one, a recovery on a good disk.
    pub(crate) runs: u64,
    /// Flips that were reported.
    pub(crate) reported: u64,
    /// Flips in the very last frame that nothing promises: the one exception of the format.
    pub(crate) last_frame: u64,
}

/// What the world outside the journal knows.
#[derive(Debug, Default, Clone, Copy)]
struct World {
    /// Records submitted, acknowledged or not: one event per position.
    submitted: u64,
    /// Records the journal has reported durable.
    acknowledged: u64,
    /// The same before the last sync.
    acknowledged_before: u64,
    /// The database's position.
    applied: u64,
    /// The position that the database has flushed.
    flushed: u64,
}

/// A life's shape, drawn from its seed.
#[derive(Debug, Clone, Copy)]
struct Shape {
    #[expect(dead_code, reason = "failures name it")]
    seed: u64,
    group: u64,
    retain: usize,
    lag: u64,
    killed_at: u64,
    ends_at: u64,
}

/// Outcomes that end a run before its end.
enum Early {
    Reported,
    LastFrame,
    Failed,
}

impl Shape {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut draw = |from: u64, to: usize| from + random.below(to) as u64;
        let group = draw(1, 5);
        Self {
            seed,
            group,
            retain: if draw(0, 2) == 0 { 0 } else { 1 },
            lag: draw(0, 12),
            killed_at: group * draw(36, 8),
            ends_at: group * draw(72, 8),
        }
    }

    fn open(&self, disk: &Scripted, applied: u64) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
        let options = JournalOptions { retain_segments: self.retain, ..rig::options() };
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let scan = scan_disk(disk, &ScanOptions { new_log_id: Some(rig::LOG), ..ScanOptions::default() })?;
        scan.into_journal(Lsn(applied), &rig::boot(), &options)
    }

    /// Submits groups until `end`; the database follows some records behind and flushes a few behind that.
    fn live(&self, disk: &Scripted, journal: &mut Journal, world: &mut World, end: u64) -> Result<(), Poisoned> {
        while world.submitted < end {
            for _ in 0..self.group {
                let event = journal.next().0;
                append(journal, event);
                world.submitted = event;
            }
            let durable = journal.sync()?.durable.0;
            world.acknowledged_before = world.acknowledged;
            world.acknowledged = durable;
            world.applied = world.applied.max(world.acknowledged.saturating_sub(self.lag));
            world.flushed = world.flushed.max(world.applied.saturating_sub(self.lag / 2));
            journal.set_safe(Lsn(world.flushed));
            let idle = world.submitted.is_multiple_of(3 * self.group);
            disk.sim.advance(Duration::from_millis(if idle { 300 } else { 3 }));
            journal.seal_if_idle()?;
        }
        Ok(())
    }

    /// A first life, a kill, a second life that ends in order. Stops at the first failure.
    fn life(&self, disk: &Scripted, world: &mut World) -> Result<(), String> {
        let (mut journal, _) = self.open(disk, world.applied).map_err(|error| error.to_string())?;
        self.live(disk, &mut journal, world, self.killed_at).map_err(|error| error.reason)?;
        drop(journal);
        let (mut journal, undecided) = self.open(disk, world.applied).map_err(|error| error.to_string())?;
        self.check(&undecided, world, &"the first life");
        self.live(disk, &mut journal, world, self.ends_at).map_err(|error| error.reason)?;
        journal.close().map_err(|error| error.reason)
    }

    /// The undecided records are genuine, dense, and reach at least to what was acknowledged and at most to what was
    /// submitted.
    fn check(&self, undecided: &[OwnedRecord], world: &mut World, what: &dyn std::fmt::Debug) {
        for (record, lsn) in undecided.iter().zip(world.applied + 1..) {
            assert_eq!((record.lsn, record.hint), (Lsn(lsn), lsn), "dense from {world:?}, {what:?}, {self:?}");
            assert!(is_genuine(record), "LSN {lsn} is as it was submitted, {what:?}, {self:?}");
        }
        let last = world.applied + undecided.len() as u64;
        assert!(last >= world.acknowledged, "acknowledged is lost: {last} of {world:?}, {what:?}, {self:?}");
        assert!(last <= world.submitted, "records from nowhere: {last} of {world:?}, {what:?}, {self:?}");
        // Recovery made one outcome final.
        world.acknowledged = last;
        world.acknowledged_before = last;
        world.submitted = last;
    }

    /// Opens a log in which a bit was flipped.
    fn open_flipped(&self, disk: &Scripted, world: &World) -> Result<(Journal, Vec<OwnedRecord>), Early> {
        let lost = |undecided: &[OwnedRecord]| {
            (world.acknowledged_before..world.acknowledged).contains(&(world.applied + undecided.len() as u64))
        };
        match self.open(disk, world.applied) {
            Ok((_, undecided)) if lost(&undecided) => Err(Early::LastFrame),
            Ok(opened) => Ok(opened),
            Err(WalError::Io { .. }) if disk.fired().is_some() => Err(Early::Failed),
            Err(WalError::Corrupt { .. } | WalError::DatabaseAhead { .. } | WalError::DatabaseBehind { .. }) => {
                Err(Early::Reported)
            }
            Err(error) => panic!("{error}: {world:?}, {self:?}"),
        }
    }

    /// Recovers with a second fault at this operation, then on a good disk, and goes on. `None` if recovery has fewer
    /// operations.
    fn recover(
        &self,
        disk: &SimDisk,
        mut world: World,
        second: (u64, Fault),
        first: (u64, First),
    ) -> Option<Result<(), Early>> {
        let what = (first, second);
        let disk = Scripted::new(disk.fork(), Some((second.0, Wrong::Fault(second.1))));
        let opened = match first.1 {
            First::Flip => match self.open_flipped(&disk, &world) {
                Err(Early::LastFrame) => return disk.fired().map(|_| Err(Early::LastFrame)),
                opened => opened.ok(),
            },
            _ => self.open(&disk, world.applied).ok(),
        };
        if let Some((mut journal, undecided)) = opened {
            self.check(&undecided, &mut world, &what);
            let end = world.submitted + 2 * self.group;
            // What fails here is what the second fault is for.
            let _ = self.live(&disk, &mut journal, &mut world, end);
        }
        disk.fired()?;
        come_back(&disk.sim, first.1, second.0);
        let disk = Scripted::new(disk.sim, None);
        Some(self.go_on(&disk, world, first.1, &what))
    }

    /// A recovery on a good disk, some records, and another recovery that finds the same.
    fn go_on(&self, disk: &Scripted, mut world: World, first: First, what: &dyn std::fmt::Debug) -> Result<(), Early> {
        let opened = if first == First::Flip {
            self.open_flipped(disk, &world)?
        } else {
            self.open(disk, world.applied).unwrap_or_else(|error| panic!("{error}: {world:?}, {what:?}, {self:?}"))
        };
        let (mut journal, undecided) = opened;
        self.check(&undecided, &mut world, what);
        let end = world.submitted + 2 * self.group;
        self.live(disk, &mut journal, &mut world, end).expect("a good disk");
        assert_eq!(world.acknowledged, world.submitted, "the log goes on");
        drop(journal);
        disk.sim.power_cut_keeping(Keep::Nothing);
        let again = self.open(disk, world.applied);
        match again {
            Ok((_, undecided)) => self.check(&undecided, &mut world, what),
            Err(WalError::Corrupt { .. }) if first == First::Flip => return Err(Early::Reported),
            Err(error) => panic!("what was synced is gone: {error}, {what:?}, {self:?}"),
        }
        Ok(())
    }
}

/// The process is gone and comes back, with or without the power going in between.
fn come_back(disk: &SimDisk, first: First, choice: u64) {
    match first {
        First::Torn => disk.power_cut_keeping(Keep::First),
        First::Reordered if choice.is_multiple_of(2) => disk.power_cut_keeping(Keep::Last),
        First::Reordered => disk.power_cut_keeping(Keep::EverySecond),
        First::Error | First::NoSpace | First::SyncInVain if !disk.is_off() => disk.restart(),
        First::Error
        | First::NoSpace
        | First::SyncInVain
        | First::ErrorThenCut
        | First::CutBefore
        | First::CutAfter => {
            disk.power_cut();
        }
        First::Flip => {
            disk.power_cut_keeping(Keep::All);
        }
    }
}

/// Runs the life of this seed with each first fault at each operation, and each second fault as deep as told.
pub(crate) fn sweep(seed: u64, depth: Depth) -> Swept {
    let shape = Shape::new(seed);
    let whole = Scripted::new(SimDisk::new(seed), None);
    shape.life(&whole, &mut World::default()).expect("a good disk");
    let mut swept = Swept { operations: whole.count(), ..Swept::default() };
    let mut random = Random(!seed);
    for at in 1..=swept.operations {
        for first in First::ALL {
            let disk = Scripted::new(SimDisk::new(seed ^ at), Some((at, first.wrong())));
            let mut world = World::default();
            // A life may end well in spite of a fault: a full volume while preparing ahead.
            let _ = shape.life(&disk, &mut world);
            if !disk.fired().is_some_and(|kind| first.applies(kind)) {
                continue;
            }
            swept.first += 1;
            come_back(&disk.sim, first, at);
            if first == First::Flip {
                disk.sim.flip(random.next());
            }
            if random.below(4) == 0 {
                // The database loses what it had not flushed.
                world.applied = world.flushed;
            }
            seconds(&shape, &disk.sim, world, (at, first), depth, &mut random, &mut swept);
        }
    }
    swept
}

/// Each second fault, behind one first fault.
fn seconds(
    shape: &Shape,
    disk: &SimDisk,
    world: World,
    first: (u64, First),
    depth: Depth,
    random: &mut Random,
    swept: &mut Swept,
) {
    let good = Scripted::new(disk.fork(), None);
    let opened = shape.open(&good, world.applied).is_ok();
    let length = good.count();
    let mut count = |outcome: Option<Result<(), Early>>| {
        let Some(outcome) = outcome else { return };
        swept.runs += 1;
        match outcome {
            Ok(()) => {}
            Err(Early::Reported) => swept.reported += 1,
            Err(Early::LastFrame) => swept.last_frame += 1,
            Err(Early::Failed) => panic!("a good disk fails after {first:?}: {world:?}, {shape:?}"),
        }
    };
    if !opened {
        assert_eq!(first.1, First::Flip, "a good disk cannot be opened after {first:?}: {world:?}, {shape:?}");
        return count(Some(shape.go_on(&Scripted::new(disk.fork(), None), world, first.1, &first)));
    }
    for kind in SECOND {
        let drawn = 1 + random.below(usize::try_from(length).expect("small")) as u64;
        let range = match kind {
            Fault::CutBefore if depth == Depth::Every => 1..=length,
            _ => drawn..=drawn,
        };
        for at in range {
            count(shape.recover(disk, world, (at, kind), first));
        }
    }
}
