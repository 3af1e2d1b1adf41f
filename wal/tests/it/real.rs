//! What only a real disk can show: how many bytes each sync writes, and that nothing is allocated for a record.

use std::path::Path;

use mu_wal::{Journal, JournalOptions, Lsn, Medium, NewRecord, ScanOptions, scan};

use super::{allocations, rig};

const SEGMENT: u64 = 16 << 20;
const SYNCS: u64 = 200;

fn open(path: &Path, medium: Medium) -> Journal {
    let options = JournalOptions { segment_bytes: SEGMENT, background: true, ..JournalOptions::default() };
    let scanned = scan(path, &ScanOptions { medium, ..ScanOptions::default() }).expect("a sound directory");
    scanned.into_journal(Lsn(0), &rig::boot(), &options).expect("a journal").0
}

/// Bytes this thread has handed to the block layer: dirtied page-cache folios count whole, which is what the device gets.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").expect("the kernel accounts for I/O");
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).expect("a field of this name");
    line.parse().expect("a number")
}

fn sync_one(journal: &mut Journal, payload: &[u8]) -> u64 {
    let new = NewRecord { kind: 1, schema: 1, event_id: 1, flags: 0, hint: 0, payload };
    journal.append(&new).expect("room");
    u64::from(journal.sync().expect("a good disk").bytes)
}

fn bytes_per_sync(medium: Medium) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut journal = open(directory.path(), medium);
    sync_one(&mut journal, &[1; 250]);
    let before = written();
    let frames: u64 = (0..SYNCS).map(|_| sync_one(&mut journal, &[1; 250])).sum();
    let bytes = written() - before;
    assert_eq!(frames, SYNCS * 4096);
    assert!(bytes >= frames, "{bytes} bytes for {frames}: the accounting sees nothing");
    assert!(bytes < 3 * frames, "{} bytes per sync of 4096: the segment is cached in large folios", bytes / SYNCS);
}

#[test]
fn a_sync_through_the_map_writes_its_own_size() {
    bytes_per_sync(Medium::Mapped);
}

#[test]
fn a_sync_by_pwrite_writes_its_own_size() {
    bytes_per_sync(Medium::Pwrite);
}

/// Segments used again stay cached in single pages, also after a scan has read them in large pieces.
#[test]
fn a_segment_used_again_writes_its_own_size() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let options = JournalOptions { segment_bytes: 2 << 20, retain_segments: 0, ..JournalOptions::default() };
    let mut applied = Lsn(0);
    for boot in 0..3 {
        let scanned = scan(directory.path(), &ScanOptions::default()).expect("a sound directory");
        let (mut journal, _) = scanned.into_journal(applied, &rig::boot(), &options).expect("a journal");
        let before = written();
        let mut frames = 0;
        for _ in 0..1_200 {
            frames += sync_one(&mut journal, &[1; 250]);
            applied = journal.durable();
            journal.set_safe(applied);
        }
        let bytes = written() - before;
        assert!(bytes < 3 * frames, "boot {boot}: {bytes} bytes for {frames}");
    }
    let files = std::fs::read_dir(directory.path()).expect("a directory").count();
    assert!(files < 10, "{files} files: no segment was used again");
}

/// The control: a file filled in one write shows why preparation goes page by page. On a file system without large folios
/// both are equal, and then nothing is wrong either.
#[test]
fn a_segment_filled_in_one_write_is_never_better() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let per_sync = |chunk: usize| {
        let path = directory.path().join(format!("filled-by-{chunk}"));
        let mut file = std::fs::OpenOptions::new().create_new(true).read(true).write(true).open(path).expect("a file");
        let zeros = vec![0; chunk];
        for _ in 0..(4 << 20) / chunk {
            std::io::Write::write_all(&mut file, &zeros).expect("room");
        }
        file.sync_all().expect("a good disk");
        let mut map = allocations::map(&file);
        let before = written();
        for page in 0..50 {
            map[page * 4096..page * 4096 + 100].fill(1);
            file.sync_data().expect("a good disk");
        }
        (written() - before) / 50
    };
    let (pages, whole) = (per_sync(4096), per_sync(4 << 20));
    println!("filled by 4 KiB: {pages} bytes per sync; in one write: {whole}");
    assert!(pages < 3 * 4096, "{pages} bytes per sync of one page");
    assert!(whole >= pages, "{whole} < {pages}");
}

#[test]
fn a_record_costs_no_allocation() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut journal = open(directory.path(), Medium::Mapped);
    let payload = [7; 400];
    sync_one(&mut journal, &payload);
    let before = allocations::of_this_thread();
    for _ in 0..100 {
        for _ in 0..20 {
            let new = NewRecord { kind: 1, schema: 1, event_id: 1, flags: 0, hint: 0, payload: &payload };
            journal.append(&new).expect("room");
        }
        journal.sync().expect("a good disk");
    }
    assert_eq!(allocations::of_this_thread() - before, 0, "2,000 records in 100 groups");
}
