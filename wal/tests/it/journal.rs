//! The journal in good weather: what is synced is found again, once, in order, and only until it is applied.

use std::time::Duration;

use mu_wal::disk::sim::SimDisk;
use mu_wal::{
    AppendError, Idle, Journal, JournalOptions, Lsn, Medium, NewRecord, OwnedRecord, PAYLOAD_BYTES_MAX, ScanOptions,
    Tail, WalError, scan,
};

use super::rig::{self, append, is_genuine, open, options};

fn hints(records: &[OwnedRecord]) -> Vec<u64> {
    assert!(records.iter().all(is_genuine), "every record is as it was submitted");
    records.iter().map(|record| record.hint).collect()
}

#[test]
fn what_is_synced_is_found_until_it_is_applied() {
    let disk = SimDisk::new(1);
    let (mut journal, undecided) = open(&disk, 0).expect("a fresh journal");
    assert_eq!(undecided, []);
    for event in 1..=10 {
        assert_eq!(append(&mut journal, event), Lsn(event));
        if event % 3 == 0 {
            assert_eq!(journal.sync().expect("a good disk").durable, Lsn(event));
        }
    }
    drop(journal);
    disk.restart();

    let scan = rig::scan(&disk).expect("an undamaged journal");
    assert_eq!((scan.log_id(), scan.first(), scan.last()), (rig::LOG, Lsn(1), Lsn(9)));
    assert_eq!(scan.tail(), &Tail::Clean);
    let (journal, undecided) = scan.into_journal(Lsn(4), &rig::boot(), &options()).expect("a journal");
    assert_eq!(hints(&undecided), [5, 6, 7, 8, 9]);
    assert_eq!((journal.next(), journal.durable()), (Lsn(10), Lsn(9)));
    drop(journal);
    disk.restart();
    // Logged again: the older segment is no longer needed for this.
    let (_, undecided) = open(&disk, 6).expect("a journal");
    assert_eq!(hints(&undecided), [7, 8, 9]);
}

#[test]
fn boots_without_records_leave_nothing_to_decide() {
    let disk = SimDisk::new(1);
    for _ in 0..5 {
        let (journal, undecided) = open(&disk, 0).expect("a journal");
        assert_eq!((undecided.len(), journal.next()), (0, Lsn(1)));
        journal.close().expect("a good disk");
        disk.restart();
    }
}

#[test]
fn rotates_through_many_segments() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    for event in 1..=600 {
        append(&mut journal, event);
        if event % 2 == 0 {
            journal.sync().expect("a good disk");
        }
    }
    journal.close().expect("a good disk");
    disk.restart();
    let segments = disk.durable_files().keys().filter(|name| name.ends_with(".wal")).count();
    assert!(segments > 20, "only {segments} segments");
    let (_, undecided) = open(&disk, 0).expect("a journal");
    assert_eq!(hints(&undecided), (1..=600).collect::<Vec<_>>());
}

#[test]
fn decided_segments_beyond_the_archive_are_used_again() {
    let disk = SimDisk::new(1);
    let options = JournalOptions { retain_segments: 3, ..options() };
    let scan = rig::scan(&disk).expect("an empty disk");
    let (mut journal, _) = scan.into_journal(Lsn(0), &rig::boot(), &options).expect("a fresh journal");
    for event in 1..=2_000 {
        append(&mut journal, event);
        let durable = journal.sync().expect("a good disk").durable;
        journal.set_safe(Lsn(durable.0 - durable.0 % 5));
    }
    let files = disk.durable_files();
    assert!(files.len() < 12, "the disk holds {:?}", files.keys());
    drop(journal);
    disk.restart();
    let scan = rig::scan(&disk).expect("an undamaged journal");
    assert!(scan.first() > Lsn(1_900) && scan.first() < Lsn(1_990), "first on disk is {}", scan.first());
    let (_, undecided) = scan.into_journal(Lsn(1_990), &rig::boot(), &options).expect("a journal");
    assert_eq!(hints(&undecided), (1_991..=2_000).collect::<Vec<_>>());
}

#[test]
fn a_database_restored_from_a_backup_gets_what_the_archive_still_holds() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    for event in 1..=100 {
        append(&mut journal, event);
        journal.sync().expect("a good disk");
        journal.set_safe(Lsn(event));
    }
    journal.close().expect("a good disk");
    disk.restart();
    let (_, undecided) = open(&disk, 7).expect("the archive reaches back to the first record");
    assert_eq!(hints(&undecided), (8..=100).collect::<Vec<_>>());
}

#[test]
fn a_database_that_disagrees_is_refused() {
    let disk = SimDisk::new(1);
    assert!(matches!(open(&disk, 5), Err(WalError::JournalLost { applied: Lsn(5), .. })));
    let lost = JournalOptions { accept_lost_journal: true, ..options() };
    let scan = rig::scan(&disk).expect("an empty disk");
    let (mut journal, _) = scan.into_journal(Lsn(5), &rig::boot(), &lost).expect("accepted");
    assert_eq!(append(&mut journal, 6), Lsn(6));
    journal.sync().expect("a good disk");
    drop(journal);
    disk.restart();

    assert!(matches!(open(&disk, 7), Err(WalError::DatabaseAhead { applied: Lsn(7), last: Lsn(6), .. })));
    disk.restart();
    assert!(matches!(open(&disk, 4), Err(WalError::DatabaseBehind { applied: Lsn(4), first: Lsn(6), .. })));
    disk.restart();
    assert_eq!(hints(&open(&disk, 5).expect("the positions agree").1), [6]);
}

#[test]
fn a_full_group_asks_for_a_sync() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    let payload = vec![1; PAYLOAD_BYTES_MAX];
    let new = NewRecord { kind: 1, schema: 1, event_id: 0, flags: 0, hint: 0, payload: &payload };
    assert_eq!(journal.append(&new), Ok(Lsn(1)));
    assert_eq!(journal.append(&new), Err(AppendError::Full));
    assert_eq!(journal.sync().expect("a good disk").records, 1);
    assert_eq!(journal.append(&new), Ok(Lsn(2)));

    let large = vec![1; PAYLOAD_BYTES_MAX + 1];
    let refused = journal.append(&NewRecord { payload: &large, ..new });
    assert_eq!(refused, Err(AppendError::TooLarge { bytes: large.len(), max: PAYLOAD_BYTES_MAX }));
    assert_eq!(journal.append(&NewRecord { kind: 0xFF00, ..new }), Err(AppendError::Kind(0xFF00)));

    let empty = NewRecord { payload: &[], ..new };
    journal.sync().expect("a good disk");
    let fitted = std::iter::repeat_with(|| journal.append(&empty)).take_while(Result::is_ok).count();
    // 56 KiB of room: the frame header, then records of 48 bytes.
    assert_eq!(fitted, (56 * 1024 - 80) / 48);
}

#[test]
fn an_idle_journal_seals_itself_once() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    assert_eq!(journal.seal_if_idle(), Ok(Idle::Quiet), "what waits is synced before it is sealed");
    journal.sync().expect("a good disk");
    assert!(matches!(journal.seal_if_idle(), Ok(Idle::Wait(_))));
    disk.advance(Duration::from_millis(5));
    assert_eq!(journal.seal_if_idle(), Ok(Idle::Sealed));
    disk.advance(Duration::from_millis(5));
    assert_eq!(journal.seal_if_idle(), Ok(Idle::Quiet));
}

fn on_a_real_disk(medium: Medium) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("not/yet/there");
    let scan_options = ScanOptions { medium, ..ScanOptions::default() };
    let journal_options = JournalOptions { background: true, ..options() };
    let begin = |applied: u64| -> (Journal, Vec<OwnedRecord>) {
        let scan = scan(&path, &scan_options).expect("a sound directory");
        scan.into_journal(Lsn(applied), &rig::boot(), &journal_options).expect("a journal")
    };
    let (mut journal, _) = begin(0);
    assert!(journal.can_accept());
    assert!(matches!(scan(&path, &scan_options), Err(WalError::Locked { .. })), "a second opener is refused");
    for event in 1..=300 {
        append(&mut journal, event);
        journal.sync().expect("a good disk");
    }
    drop(journal);
    let (journal, undecided) = begin(100);
    assert_eq!(hints(&undecided), (101..=300).collect::<Vec<_>>());
    journal.close().expect("a good disk");
    assert_eq!(hints(&begin(299).1), [300]);
}

#[test]
fn real_disk_through_the_map() {
    on_a_real_disk(Medium::Mapped);
}

#[test]
fn real_disk_by_pwrite() {
    on_a_real_disk(Medium::Pwrite);
}
