//! What must hold of a journal, each rule by itself and in milliseconds: each is a test, and each is what sees a planted
//! mistake (`tests/planted.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mu_wal::disk::sim::{Fault, Keep, SimDisk};
use mu_wal::format::frame::{FrameFault, FrameHeader, HEADER_BYTES, check_body, finish};
use mu_wal::format::record::{self, RecordFault};
use mu_wal::format::seed::Seed;
use mu_wal::{Idle, JournalOptions, LogId, Lsn, NewRecord, WalError};

use super::fuzz::{run, samples};
use super::rig::{self, append, open};

/// The name of a rule, and the rule: it panics if the rule is broken.
pub(crate) type Rule = (&'static str, fn());

pub(crate) const RULES: [Rule; 16] = [
    ("what is acknowledged survives a power cut", acknowledged_survives),
    ("a name is durable before the first frame", names_are_durable),
    ("a failed sync is final", failed_syncs_are_final),
    ("a recovered segment stays as it was", recovered_segments_stay),
    ("a frame belongs to its place", frames_belong_to_their_place),
    ("a restart finds a sound log", restarts_find_a_sound_log),
    ("damage is reported or harmless", damage_is_reported),
    ("an idle journal is sealed", idle_is_sealed),
    ("a frame of another history is refused", other_frames_are_refused),
    ("a segment of another history is refused", other_segments_are_refused),
    ("a damaged checkpoint is not believed", checkpoints_are_checked),
    ("a record's checksum is looked at", records_are_checked),
    ("what the database needs is kept", needed_is_kept),
    ("what was logged again has its position and is durable", logged_again_is_durable),
    ("the page cache is not believed", the_cache_is_not_believed),
    ("segments are given up in order", given_up_in_order),
];

fn acknowledged_survives() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    for event in 1..=5 {
        append(&mut journal, event);
        journal.sync().expect("a good disk");
    }
    disk.power_cut_keeping(Keep::Nothing);
    assert_eq!(open(&disk, 0).expect("a sound journal").1.len(), 5);
}

fn names_are_durable() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    for event in 1..=40 {
        append(&mut journal, event);
        journal.sync().expect("a good disk");
        let cut = disk.fork();
        cut.power_cut_keeping(Keep::Nothing);
        let found = open(&cut, 0).expect("a sound journal").1.len();
        assert_eq!(found as u64, event, "found behind a power cut");
    }
}

fn failed_syncs_are_final() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    disk.fail_syncs_in_vain();
    // The frame is written, then synced.
    disk.fail_at(disk.operations() + 2, Fault::Error);
    let poisoned = journal.sync().expect_err("the sync fails");
    assert_eq!(journal.sync(), Err(poisoned.clone()), "a second try would only see clean pages");
    assert_eq!(journal.seal_if_idle(), Err(poisoned.clone()));
    assert!(!journal.can_accept());
    assert_eq!(journal.close(), Err(poisoned));
}

fn recovered_segments_stay() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    journal.sync().expect("a good disk");
    drop(journal);
    disk.restart();
    let before = disk.durable_files();
    let (mut journal, _) = open(&disk, 0).expect("a sound journal");
    append(&mut journal, 2);
    journal.sync().expect("a good disk");
    for (name, bytes) in before.iter().filter(|(name, _)| name.ends_with(".wal")) {
        assert!(disk.durable_files()[name] == *bytes, "{name} was written to");
    }
}

fn frames_belong_to_their_place() {
    let place = |log, segment, offset| Seed::new(LogId(log), segment).checksum(offset, b"frame");
    let here = place(1, 2, 4096);
    assert!([place(2, 2, 4096), place(1, 3, 4096), place(1, 2, 8192)].iter().all(|other| *other != here));
}

fn restarts_find_a_sound_log() {
    let disk = SimDisk::new(1);
    for event in 1..=60 {
        let (mut journal, undecided) = open(&disk, event - 1).expect("a sound journal");
        assert!(undecided.is_empty());
        append(&mut journal, event);
        journal.sync().expect("a good disk");
        drop(journal);
        disk.restart();
    }
    let scan = rig::scan(&disk).expect("a sound journal");
    assert_eq!(scan.last(), Lsn(60));
}

fn damage_is_reported() {
    let samples = samples();
    let tally = run(&samples, 4_000, 3);
    assert!(tally.reported > 1_000, "{tally:?}");
}

fn idle_is_sealed() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    journal.sync().expect("a good disk");
    disk.advance(Duration::from_millis(5));
    assert_eq!(journal.seal_if_idle(), Ok(Idle::Sealed));
}

/// The files of a log with these events, one frame each, by one process or by two.
fn history(groups: &[&[u64]], restart: bool) -> BTreeMap<String, Arc<Vec<u8>>> {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    let mut last = 0;
    for group in groups {
        for event in *group {
            last = append(&mut journal, *event).0;
        }
        journal.sync().expect("a good disk");
    }
    drop(journal);
    if restart {
        disk.restart();
        drop(open(&disk, last).expect("a sound journal"));
    }
    disk.durable_files()
}

const FIRST: &str = "0000000000000001.wal";
const SECOND: &str = "0000000000000002.wal";

fn other_frames_are_refused() {
    let (mut ours, other) = (history(&[&[1], &[2], &[3], &[4]], false), history(&[&[1], &[2], &[103], &[4]], false));
    // Header page, boot, two groups, then the one that differs.
    let place = 4 * 4096..5 * 4096;
    let segment = Arc::make_mut(ours.get_mut(FIRST).expect("the first segment"));
    segment[place.clone()].copy_from_slice(&other[FIRST][place]);
    let scan = rig::scan(&SimDisk::from_files(ours, 1));
    assert!(matches!(scan, Err(WalError::Corrupt { .. })), "{scan:?}");
}

/// The second segment was just named: no frame in it says what went before, only its header.
fn other_segments_are_refused() {
    let (mut ours, other) = (history(&[&[1], &[2]], false), history(&[&[1], &[2, 3]], true));
    let mut second = other[SECOND].as_ref().clone();
    let copy = second.len() - 4096;
    second[4096..copy].fill(0);
    ours.insert(SECOND.into(), Arc::new(second));
    let scan = rig::scan(&SimDisk::from_files(ours, 1));
    assert!(matches!(scan, Err(WalError::Corrupt { .. })), "{scan:?}");
}

/// Without it the log is just as right; believed, it would promise records that never were.
fn checkpoints_are_checked() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    journal.close().expect("a good disk");
    disk.restart();
    let mut files = disk.durable_files();
    let checkpoint = Arc::make_mut(files.get_mut("checkpoint").expect("written when the journal was closed"));
    for slot in [0, 4096] {
        checkpoint[slot + 44] ^= 1;
    }
    assert_eq!(open(&SimDisk::from_files(files, 1), 0).expect("a sound journal").1.len(), 1);
}

fn records_are_checked() {
    let seed = Seed::new(LogId(1), 1);
    let mut frame = vec![0; HEADER_BYTES];
    let new = NewRecord { kind: 1, schema: 1, event_id: 1, flags: 0, hint: 0, payload: &[7; 100] };
    record::encode_into(Lsn(1), &new, &mut frame);
    frame[HEADER_BYTES + record::HEADER_BYTES + 3] ^= 1;
    let header = FrameHeader {
        in_flight: 0,
        flags: 0,
        bytes: 0,
        payload_bytes: 0,
        records: 1,
        chain: 0,
        sequence: 1,
        first: Lsn(1),
        durable: Lsn(0),
        safe: Lsn(0),
        body_checksum: 0,
        checksum: 0,
    };
    let header = finish(&mut frame, header, 4096, &seed);
    let judged = check_body(&header, &frame, 4096, &seed, |_, _| {});
    assert_eq!(judged, Err(FrameFault::Record(RecordFault::Checksum)), "the frame's own checksums are right");
}

fn needed_is_kept() {
    let disk = SimDisk::new(1);
    let options = JournalOptions { retain_segments: 0, ..rig::options() };
    let scan = rig::scan(&disk).expect("an empty disk");
    let (mut journal, _) = scan.into_journal(Lsn(0), &rig::boot(), &options).expect("a fresh journal");
    for event in 1..=100 {
        append(&mut journal, event);
        journal.sync().expect("a good disk");
        journal.set_safe(Lsn(event.min(20)));
    }
    drop(journal);
    disk.restart();
    assert_eq!(open(&disk, 20).expect("a sound journal").1.len(), 80);
}

fn logged_again_is_durable() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    for event in 1..=6 {
        append(&mut journal, event);
    }
    journal.sync().expect("a good disk");
    drop(journal);
    disk.restart();
    let (journal, undecided) = open(&disk, 2).expect("a sound journal");
    assert_eq!((undecided.len(), journal.next()), (4, Lsn(7)), "the positions are the old ones");
    // The segment before is worn out: what was logged again is all there is.
    let mut files = disk.durable_files();
    files.remove(FIRST);
    let (_, again) = open(&SimDisk::from_files(files, 1), 2).expect("a sound journal");
    assert_eq!(again, undecided);
}

fn the_cache_is_not_believed() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk, 0).expect("a fresh journal");
    append(&mut journal, 1);
    disk.fail_syncs_in_vain();
    disk.fail_at(disk.operations() + 2, Fault::Error);
    journal.sync().expect_err("the sync fails");
    drop(journal);
    disk.restart();
    assert!(open(&disk, 0).expect("a sound journal").1.is_empty(), "the record never reached the disk");
}

/// Several segments become free at once; the power goes before each operation of giving them up, and any of the names
/// that were changed since the last sync may have changed on the disk.
fn given_up_in_order() {
    for seed in 0..4 {
        let disk = SimDisk::new(seed);
        let options = JournalOptions { retain_segments: 0, ..rig::options() };
        let scan = rig::scan(&disk).expect("an empty disk");
        let (mut journal, _) = scan.into_journal(Lsn(0), &rig::boot(), &options).expect("a fresh journal");
        for event in 1..=120 {
            append(&mut journal, event);
            journal.sync().expect("a good disk");
        }
        journal.set_safe(Lsn(118));
        append(&mut journal, 121);
        disk.fail_at(disk.operations() + 12 + seed, Fault::CutBefore);
        let _ = journal.sync();
        for boot in 0..8 {
            let cut = disk.fork();
            for _ in 0..boot {
                // Moves the disk's chance on.
                let _ = mu_wal::disk::Disk::random(&cut);
            }
            cut.power_cut();
            let found = open(&cut, 118).expect("a sound journal").1.len();
            assert!(found >= 2, "{found} of the records that were acknowledged");
        }
    }
}
