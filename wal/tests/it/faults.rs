//! One fault at every operation of a life with rotation, sealing, archive and restarts, then a second fault while
//! recovering, then a clean start: nothing acknowledged is lost, nothing else appears, and the log goes on.

use std::time::Duration;

use mu_wal::disk::sim::{Fault, SimDisk};
use mu_wal::{Journal, JournalOptions, Lsn, OwnedRecord, Poisoned, WalError};

use super::fuzz::Random;
use super::rig::{self, append, is_genuine};

/// What the world outside the journal knows.
#[derive(Debug, Default, Clone, Copy)]
struct World {
    /// Records submitted, acknowledged or not: one event per position.
    submitted: u64,
    /// Records the journal has reported durable.
    acknowledged: u64,
    /// The database's position.
    applied: u64,
    /// The position that the database has flushed.
    flushed: u64,
}

/// No archive at all: what is decided is used again at once.
fn options() -> JournalOptions {
    JournalOptions { retain_segments: 0, ..rig::options() }
}

fn open(disk: &SimDisk, applied: u64) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
    rig::scan(disk)?.into_journal(Lsn(applied), &rig::boot(), &options())
}

/// Submits groups until `end`; the database follows a few records behind and flushes a few behind that.
fn live(disk: &SimDisk, journal: &mut Journal, world: &mut World, end: u64) -> Result<(), Poisoned> {
    while world.submitted < end {
        for _ in 0..3 {
            let event = journal.next().0;
            append(journal, event);
            world.submitted = event;
        }
        world.acknowledged = journal.sync()?.durable.0;
        world.applied = world.applied.max(world.acknowledged.saturating_sub(7));
        world.flushed = world.flushed.max(world.applied.saturating_sub(4));
        journal.set_safe(Lsn(world.flushed));
        disk.advance(Duration::from_millis(if world.submitted.is_multiple_of(4) { 300 } else { 3 }));
        journal.seal_if_idle()?;
    }
    Ok(())
}

/// A first life, a kill, a second life that ends in order. Stops at the first failure.
fn scenario(disk: &SimDisk, world: &mut World) -> Result<(), String> {
    let (mut journal, _) = open(disk, world.applied).map_err(|error| error.to_string())?;
    live(disk, &mut journal, world, 48).map_err(|error| error.reason)?;
    drop(journal);
    let (mut journal, undecided) = open(disk, world.applied).map_err(|error| error.to_string())?;
    check(&undecided, world);
    live(disk, &mut journal, world, 96).map_err(|error| error.reason)?;
    journal.close().map_err(|error| error.reason)
}

/// The undecided records are genuine, dense, and reach at least to what was acknowledged and at most to what was
/// submitted.
fn check(undecided: &[OwnedRecord], world: &mut World) {
    for (record, lsn) in undecided.iter().zip(world.applied + 1..) {
        assert_eq!((record.lsn, record.hint), (Lsn(lsn), lsn), "dense from {world:?}");
        assert!(is_genuine(record), "LSN {lsn} is as it was submitted");
    }
    let last = world.applied + undecided.len() as u64;
    assert!(last >= world.acknowledged, "acknowledged records are lost: {last} of {world:?}");
    assert!(last <= world.submitted, "records appear from nowhere: {last} of {world:?}");
    // Recovery made one outcome final.
    world.acknowledged = last;
    world.submitted = last;
}

/// The process is gone and comes back, with or without a power cut in between.
fn come_back(disk: &SimDisk, random: &mut Random, world: &mut World) {
    if disk.is_off() || random.below(2) == 0 {
        disk.power_cut();
    } else {
        disk.restart();
    }
    if random.below(4) == 0 {
        // The database loses what it had not flushed.
        world.applied = world.flushed;
    }
}

/// Runs the scenario with one fault, and recovers with another.
fn run(seed: u64, operation: u64, fault: Fault) -> bool {
    let disk = SimDisk::new(seed);
    let mut random = Random(seed ^ operation);
    let mut world = World::default();
    disk.fail_at(operation, fault);
    if scenario(&disk, &mut world).is_ok() && disk.operations() < operation {
        return false;
    }
    come_back(&disk, &mut random, &mut world);
    disk.fail_at(random.below(150) as u64, [Fault::Error, Fault::CutBefore, Fault::CutAfter][random.below(3)]);
    let second = open(&disk, world.applied).map_err(|error| error.to_string()).and_then(|(mut journal, undecided)| {
        check(&undecided, &mut world);
        let end = world.submitted + 9;
        live(&disk, &mut journal, &mut world, end).map_err(|error| error.reason)
    });
    drop(second);
    come_back(&disk, &mut random, &mut world);
    let (mut journal, undecided) = open(&disk, world.applied)
        .unwrap_or_else(|error| panic!("{fault:?} at {operation}, seed {seed}: {error} ({world:?})"));
    check(&undecided, &mut world);
    let end = world.submitted + 9;
    live(&disk, &mut journal, &mut world, end).expect("a good disk");
    assert_eq!(world.acknowledged, world.submitted, "the log goes on");
    true
}

fn sweep(fault: Fault) {
    for seed in 1..=2 {
        let count = (1..).take_while(|operation| run(seed, *operation, fault)).count();
        assert!(count > 300, "only {count} operations");
    }
}

#[test]
fn an_error_at_every_operation() {
    sweep(Fault::Error);
}

#[test]
fn a_full_volume_at_every_operation() {
    sweep(Fault::NoSpace);
}

#[test]
fn a_power_cut_before_every_operation() {
    sweep(Fault::CutBefore);
}

#[test]
fn a_power_cut_behind_every_operation() {
    sweep(Fault::CutAfter);
}

#[test]
fn a_failed_sync_poisons_for_good() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    // The frame is written, then synced.
    disk.fail_at(disk.operations() + 2, Fault::Error);
    let poisoned = journal.sync().expect_err("the sync fails");
    assert_eq!(journal.sync(), Err(poisoned.clone()), "a second try would only see clean pages");
    assert_eq!(journal.seal_if_idle(), Err(poisoned.clone()));
    assert!(!journal.can_accept());
    assert_eq!(journal.close(), Err(poisoned));
}

/// After a failed sync the page cache shows what the disk does not have. Whatever the next start decides stays so.
#[test]
fn what_only_the_page_cache_shows_is_not_believed() {
    let mut lost = 0;
    for seed in 0..64 {
        let disk = SimDisk::new(seed);
        let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
        append(&mut journal, 1);
        disk.fail_at(disk.operations() + 2, Fault::Error);
        journal.sync().expect_err("the sync fails");
        drop(journal);
        disk.restart();
        let (journal, undecided) = open(&disk, 0).expect("a torn tail at worst");
        lost += usize::from(undecided.is_empty());
        drop(journal);
        disk.power_cut();
        assert_eq!(open(&disk, 0).expect("as decided before").1, undecided, "seed {seed}");
    }
    assert!(lost > 0, "no seed left the frame off the disk");
}

#[test]
fn a_full_volume_refuses_new_operations_and_finishes_old_ones() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    assert!(journal.can_accept());
    disk.set_room(Some(0));
    let mut refused_at = None;
    let mut event = 0;
    let failure = loop {
        event += 1;
        append(&mut journal, event);
        if let Err(poisoned) = journal.sync() {
            break poisoned;
        }
        if refused_at.is_none() && !journal.can_accept() {
            refused_at = Some(event);
        }
    };
    let refused_at = refused_at.expect("refused before the end");
    // One segment of spare and one of ballast, 14 frames each, stand between refusing and failing.
    assert!(event - refused_at >= 28, "refused at {refused_at}, failed at {event}");
    assert!(failure.reason.contains("no room"), "{failure}");
    drop(journal);
    disk.restart();
    let error = open(&disk, 0).expect_err("recovery needs a segment, too").to_string();
    assert!(error.contains("no room"), "{error}");
    disk.restart();
    disk.set_room(None);
    let (journal, undecided) = open(&disk, 0).expect("room again");
    assert!(journal.can_accept());
    assert_eq!(undecided.len() as u64, event - 1);
}
