//! The offline tools: verdicts, exit codes, and that they change nothing.

use std::path::Path;
use std::sync::Arc;

use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::format::frame::{FrameHeader, HEADER_BYTES, finish};
use mu_wal::format::record;
use mu_wal::format::seed::Seed;
use mu_wal::tool::{Report, dump, salvage, stat, verify, verify_disk};
use mu_wal::{JournalOptions, Lsn, Medium, NewRecord, ScanOptions, WalError, scan};

use super::rig;

const FIRST: &str = "0000000000000001.wal";

/// A directory with six records in three groups, the last two of them logged again by a second boot.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let begin = |applied: u64| {
        let options = ScanOptions { medium: Medium::Pwrite, ..ScanOptions::default() };
        let scan = scan(directory.path(), &options).expect("a sound directory");
        scan.into_journal(Lsn(applied), &rig::boot(), &rig::options()).expect("a journal").0
    };
    let mut journal = begin(0);
    for event in 1..=6 {
        rig::append(&mut journal, event);
        if event % 2 == 0 {
            journal.sync().expect("a good disk");
        }
    }
    journal.close().expect("a good disk");
    begin(4).close().expect("a good disk");
    directory
}

fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut content: Vec<_> =
        files.map(|path| (path.display().to_string(), std::fs::read(&path).expect("a readable file"))).collect();
    content.sort();
    content
}

fn judge(path: &Path, applied: Option<u64>) -> (u8, Report) {
    let report = verify(path, applied.map(Lsn)).expect("a verdict");
    (report.exit_code, report)
}

#[test]
fn a_clean_log_is_described_and_left_alone() {
    let directory = directory();
    let before = content(directory.path());
    let (code, report) = judge(directory.path(), Some(5));
    assert_eq!((code, report.problem), (0, None));

    let stat = stat(directory.path()).expect("a sound directory");
    assert_eq!((stat.first, stat.last, stat.segments.len()), (Lsn(1), Lsn(6), 2));
    // Six records and two copies; boot, three groups, seal, copies, boot, and no second seal: a boot promises by itself.
    assert_eq!(stat.records, 8);

    let mut lines = Vec::new();
    let decode = &mut |record: &mu_wal::Record<'_>| Some(serde_json::json!({ "bytes": record.payload.len() }));
    dump(directory.path(), &mut lines, decode).expect("a sound directory");
    let lines: Vec<serde_json::Value> =
        String::from_utf8(lines).expect("text").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let lsns: Vec<u64> = lines.iter().map(|line| line["lsn"].as_u64().expect("a number")).collect();
    assert_eq!(lsns, [0, 1, 2, 3, 4, 5, 6, 5, 6, 6]);
    assert_eq!(lines[0]["payload"]["version"], "test");
    assert_eq!(lines[1]["event_id"], format!("{:032x}", 1_u128 << 3));
    assert_eq!(lines[7]["relog"], true);
    assert_eq!(content(directory.path()), before, "the tools write nothing");
}

#[test]
fn each_verdict_has_its_exit_code() {
    let directory = directory();
    let path = directory.path();
    assert_eq!(judge(path, Some(6)).0, 0);
    assert_eq!(judge(path, Some(7)).0, 3);
    let second = path.join("0000000000000002.wal");
    let mut bytes = std::fs::read(&second).expect("the second segment");
    let end = stat(path).expect("a sound directory").segments[1].end;
    bytes[usize::try_from(end).expect("small") + 2000] = 1;
    std::fs::write(&second, &bytes).expect("writable");
    assert_eq!(judge(path, Some(6)).0, 1, "something behind the end that nobody acknowledged");

    let first = path.join(FIRST);
    let whole = std::fs::read(&first).expect("the first segment");
    let mut damaged = whole.clone();
    damaged[3 * 4096 + 100] ^= 1;
    std::fs::write(&first, damaged).expect("writable");
    let (code, report) = judge(path, None);
    assert_eq!((code, report.verdict), (2, "corruption"));
    assert!(report.problem.expect("a problem").contains("offset 12288"));

    std::fs::remove_file(&first).expect("removable");
    assert_eq!(judge(path, Some(3)).0, 4, "the second segment begins with LSN 5");
    assert_eq!(judge(path, Some(4)).0, 1);
}

#[test]
fn a_damaged_header_copy_is_noted() {
    let directory = directory();
    let first = directory.path().join(FIRST);
    let mut bytes = std::fs::read(&first).expect("the first segment");
    bytes[50] ^= 1;
    std::fs::write(&first, bytes).expect("writable");
    let (code, report) = judge(directory.path(), None);
    assert_eq!((code, report.notes.len()), (0, 1));
}

#[test]
fn a_running_server_is_left_alone_and_an_empty_directory_is_clean() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(judge(directory.path(), Some(0)).0, 0);
    assert_eq!(judge(directory.path(), Some(1)).0, 3, "the database has applied a journal that is not here");
    assert_eq!(content(directory.path()), []);
    let scanned = scan(directory.path(), &ScanOptions::default()).expect("an empty directory");
    let options = JournalOptions { background: true, ..rig::options() };
    let journal = scanned.into_journal(Lsn(0), &rig::boot(), &options).expect("a journal").0;
    assert!(matches!(verify(directory.path(), None), Err(WalError::Locked { .. })));
    drop(journal);
    assert_eq!(judge(directory.path(), None).0, 0);
    let missing = verify(&directory.path().join("nowhere"), None).expect_err("nothing there");
    assert_eq!(missing.exit_code(), 5);
}

/// Replaces the only record of the frame at `offset`, and chains the frame behind it anew.
fn forge(segment: &mut [u8], offset: usize, payload: &[u8]) {
    let seed = Seed::new(rig::LOG, 2);
    let place = |offset: usize| offset as u64;
    let head = |segment: &[u8], offset: usize| {
        let bytes = segment[offset..].first_chunk().expect("long enough");
        FrameHeader::decode(bytes, place(offset), 1 << 20, &seed).expect("a frame")
    };
    let header = head(segment, offset);
    let mut frame = vec![0; HEADER_BYTES];
    let (old, _) = record::decode(&segment[offset + HEADER_BYTES..]).expect("a record");
    let new = NewRecord {
        kind: old.kind,
        schema: old.schema,
        event_id: old.event_id,
        flags: old.flags,
        hint: old.hint,
        payload,
    };
    record::encode_into(old.lsn, &new, &mut frame);
    let written = finish(&mut frame, header, place(offset), &seed);
    segment[offset..offset + frame.len()].copy_from_slice(&frame);

    let next = offset + frame.len();
    let header = FrameHeader { chain: written.checksum, ..head(segment, next) };
    let payload_end = next + HEADER_BYTES + header.payload_bytes as usize;
    let mut frame = segment[next..payload_end].to_vec();
    finish(&mut frame, header, place(next), &seed);
    segment[next..next + frame.len()].copy_from_slice(&frame);
}

#[test]
fn a_record_logged_again_with_other_bytes_is_reported() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = rig::open(&disk, 0).expect("a fresh journal");
    for event in [1, 2, 3] {
        rig::append(&mut journal, event);
    }
    journal.sync().expect("a good disk");
    drop(journal);
    disk.restart();
    drop(rig::open(&disk, 2).expect("a journal"));

    let judge = |payload: &[u8]| {
        let mut files = disk.durable_files();
        let second = files.get_mut("0000000000000002.wal").expect("the second segment");
        let second: &mut Vec<u8> = Arc::make_mut(second);
        forge(second, 4096, payload);
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::from_files(files, 1));
        verify_disk(disk, None).expect("a verdict")
    };
    assert_eq!(judge(&rig::payload(3)).exit_code, 0);
    let report = judge(&rig::payload(103));
    assert_eq!(report.exit_code, 2);
    assert!(report.problem.as_ref().is_some_and(|text| text.contains("LSN 3 was logged twice")), "{report:?}");
}

/// Damage in the middle costs what it hit; everything before and behind it is still told, and so is what is missing.
#[test]
fn what_damage_left_is_salvaged() {
    let directory = directory();
    let first = directory.path().join(FIRST);
    let mut bytes = std::fs::read(&first).expect("the first segment");
    // Header, boot, then the groups (1, 2), (3, 4), (5, 6); the second and one header are damaged.
    bytes[3 * 4096 + 90] ^= 1;
    bytes[100] ^= 1;
    std::fs::write(&first, bytes).expect("writable");
    let before = content(directory.path());
    let mut lines = Vec::new();
    let found = salvage(directory.path(), &mut lines, &mut |_| None).expect("a directory");
    assert_eq!((found.segments, found.span), (2, Some((Lsn(1), Lsn(6)))));
    assert_eq!(found.missing, [(Lsn(3), Lsn(4))]);
    assert_eq!((found.records, found.unreadable_pages), (6, 1));
    let lsns: Vec<u64> = String::from_utf8(lines)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["lsn"].as_u64().expect("a number"))
        .collect();
    assert_eq!(lsns, [0, 1, 2, 5, 6, 5, 6, 6]);
    assert_eq!(content(directory.path()), before, "nothing is written");
}
