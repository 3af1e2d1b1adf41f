//! Every fault at every operation ([`sweep`](super::sweep)), and what single faults must look like from outside.

use mu_wal::disk::sim::{Fault, SimDisk};
use mu_wal::{Journal, JournalOptions, Lsn, OwnedRecord, WalError};

use super::rig::{self, append};
use super::sweep::{Depth, sweep};

/// No archive at all: what is decided is used again at once.
fn options() -> JournalOptions {
    JournalOptions { retain_segments: 0, ..rig::options() }
}

fn open(disk: &SimDisk, applied: u64) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
    rig::scan(disk)?.into_journal(Lsn(applied), &rig::boot(), &options())
}

/// One scenario with all first faults; `scripts/wal-faults` runs fifty with all second faults, too.
#[test]
fn every_fault_at_every_operation_and_another_while_recovering() {
    let swept = sweep(1, Depth::Drawn);
    println!("{swept:?}");
    assert!(swept.operations >= 350, "{swept:?}: the life is too short");
    assert!(swept.first > 6 * swept.operations, "{swept:?}");
    assert!(swept.runs > 8_000, "{swept:?}");
    assert!(swept.reported > 50, "{swept:?}: flips hit nothing");
    assert!(swept.last_frame < 20, "{swept:?}: promises are not looked at");
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
