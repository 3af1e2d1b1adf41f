//! What the journal does beside writing: archive, reading decided segments again.

use std::time::Duration;

use mu_wal::disk::sim::SimDisk;
use mu_wal::{Archive, Journal, JournalOptions, Lsn, Medium, ScanOptions, WalError, scan};

use super::rig::{self, append};

fn write(journal: &mut Journal, events: std::ops::RangeInclusive<u64>) {
    for event in events {
        append(journal, event);
        journal.sync().expect("a good disk");
    }
}

#[test]
fn a_decided_segment_that_decays_is_noticed_before_it_is_needed() {
    let disk = SimDisk::new(1);
    let options = JournalOptions { scrub_every: Duration::from_secs(60), ..rig::options() };
    let scanned = rig::scan(&disk).expect("an empty disk");
    let (mut journal, _) = scanned.into_journal(Lsn(0), &rig::boot(), &options).expect("a fresh journal");
    write(&mut journal, 1..=60);
    journal.set_safe(Lsn(60));
    let watch = journal.watch();
    let mut minute = || {
        disk.advance(Duration::from_secs(60));
        journal.seal_if_idle().expect("a good disk");
        watch.scrubbed()
    };
    assert_eq!((minute(), minute(), minute()), ((1, 0), (2, 0), (3, 0)));
    // Some sector of every few hits a decided segment; the scrubber goes around until it meets it.
    for choice in 0..40 {
        disk.flip(choice * 40_503);
    }
    let decayed = (0..10).map(|_| minute().1).max().expect("ten minutes");
    assert!(decayed > 0, "no damage was noticed");
    write(&mut journal, 61..=80);
}

#[test]
fn the_archive_rolls_an_old_backup_forward() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (path, kept) = (folder.path().join("wal"), folder.path().join("kept"));
    let archive = Archive { dir: kept.clone(), keep_for: Duration::from_secs(3600), keep_bytes: 1 << 30 };
    let scan_options = ScanOptions { medium: Medium::Pwrite, archive: Some(archive), ..ScanOptions::default() };
    let options = JournalOptions { retain_segments: 0, ..rig::options() };
    let begin = |applied: u64| {
        let scanned = scan(&path, &scan_options).expect("a sound directory");
        scanned.into_journal(Lsn(applied), &rig::boot(), &options)
    };
    let (mut journal, _) = begin(0).expect("a fresh journal");
    let log = journal.log_id().to_string();
    for event in 1..=60 {
        write(&mut journal, event..=event);
        journal.set_safe(Lsn(event));
    }
    journal.close().expect("a good disk");
    assert!(matches!(begin(7), Err(WalError::DatabaseBehind { .. })), "the journal alone does not reach back");
    for entry in std::fs::read_dir(kept.join(log)).expect("the archive of this log") {
        let from = entry.expect("an entry").path();
        std::fs::copy(&from, path.join(from.file_name().expect("a name"))).expect("room");
    }
    let (_, undecided) = begin(7).expect("with the archive it does");
    assert_eq!(undecided.iter().map(|record| record.lsn.0).collect::<Vec<_>>(), (8..=60).collect::<Vec<_>>());
}

/// An archive that cannot take a segment costs room in the journal, never the journal.
#[test]
fn an_archive_that_fails_stops_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let blocked = folder.path().join("a-file");
    std::fs::write(&blocked, b"not a folder").expect("writable");
    let archive = Archive { dir: blocked, keep_for: Duration::from_secs(3600), keep_bytes: 1 << 30 };
    let scan_options = ScanOptions { medium: Medium::Pwrite, archive: Some(archive), ..ScanOptions::default() };
    let options = JournalOptions { retain_segments: 0, ..rig::options() };
    let path = folder.path().join("wal");
    let scanned = scan(&path, &scan_options).expect("an empty directory");
    let (mut journal, _) = scanned.into_journal(Lsn(0), &rig::boot(), &options).expect("a fresh journal");
    for event in 1..=60 {
        write(&mut journal, event..=event);
        journal.set_safe(Lsn(event));
    }
    journal.close().expect("a good disk");
    let scanned = scan(&path, &scan_options).expect("a sound directory");
    assert_eq!(scanned.into_journal(Lsn(0), &rig::boot(), &options).expect("nothing was given up").1.len(), 60);
}
