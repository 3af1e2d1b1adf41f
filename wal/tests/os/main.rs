//! Faults of the operating system instead of simulated ones: calls of the C library that fail or hang in a process of its
//! own, and a file system that is really full.
//!
//! The process is this test program again ([`writes_until_it_fails`]). What it acknowledged must be found by the next one,
//! which must start and go on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use mu_wal::{EpochStart, Journal, JournalOptions, Lsn, Medium, NewRecord, OwnedRecord, ScanOptions, WalError, scan};

/// The child's folder; without it the child has nothing to do.
const FOLDER: &str = "MU_OS_FOLDER";
/// The child's medium.
const PWRITE: &str = "MU_OS_PWRITE";
/// Records a child writes.
const EVENTS: u64 = 60;

fn payload(lsn: u64) -> Vec<u8> {
    lsn.to_le_bytes().repeat(40)
}

fn open(folder: &Path, medium: Medium, abort_after: Duration) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
    let options = JournalOptions { segment_bytes: 64 << 10, abort_after, ..JournalOptions::default() };
    let boot = EpochStart { boot: 1, config_hash: 0, version: "os".into() };
    scan(folder, &ScanOptions { medium, ..ScanOptions::default() })?.into_journal(Lsn(0), &boot, &options)
}

fn append(journal: &mut Journal) -> u64 {
    let lsn = journal.next().0;
    let payload = payload(lsn);
    let new = NewRecord { kind: 1, schema: 1, event_id: u128::from(lsn), flags: 0, hint: lsn, payload: &payload };
    journal.append(&new).expect("room in the group");
    lsn
}

/// Records that are dense from 1 and as they were written; their number.
fn genuine(records: &[OwnedRecord]) -> u64 {
    for (record, lsn) in records.iter().zip(1..) {
        assert_eq!((record.lsn, &record.payload), (Lsn(lsn), &payload(lsn)), "as it was written");
    }
    records.len() as u64
}

struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(std::io::stderr(), "{}", record.args());
    }

    fn flush(&self) {}
}

/// The child: says each acknowledged position, and why it ended. Exit codes: 0 done, 3 poisoned, 4 refused to start.
#[test]
fn writes_until_it_fails() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    log::set_logger(&Stderr).expect("the only logger");
    log::set_max_level(log::LevelFilter::Warn);
    let medium = if std::env::var_os(PWRITE).is_some() { Medium::Pwrite } else { Medium::Mapped };
    let mut journal = match open(&folder, medium, Duration::from_millis(600)) {
        Ok((journal, _)) => journal,
        Err(error) => {
            eprintln!("refused: {error}");
            std::process::exit(4);
        }
    };
    for _ in 0..EVENTS {
        append(&mut journal);
        match journal.sync() {
            Ok(synced) => println!("durable {}", synced.durable),
            Err(poisoned) => {
                eprintln!("poisoned: {poisoned}");
                std::process::exit(3);
            }
        }
    }
    if let Err(poisoned) = journal.close() {
        eprintln!("poisoned: {poisoned}");
        std::process::exit(3);
    }
    std::process::exit(0);
}

fn child(folder: &Path, medium: Medium, shim: Option<(&Path, &str)>) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "writes_until_it_fails", "--nocapture"]).env(FOLDER, folder);
    if medium == Medium::Pwrite {
        command.env(PWRITE, "1");
    }
    if let Some((library, script)) = shim {
        command.env("LD_PRELOAD", library).env("MU_SHIM", script);
    }
    command.output().expect("a process")
}

/// The highest position a child acknowledged.
fn acknowledged(output: &Output) -> u64 {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| line.strip_prefix("durable ")?.parse().ok()).max().unwrap_or(0)
}

fn library(folder: &Path) -> PathBuf {
    let library = folder.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/os/shim.c");
    let built = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler").success(), "the shim does not compile");
    library
}

#[test]
fn a_call_that_fails_ends_the_process_and_loses_nothing() {
    use std::os::unix::process::ExitStatusExt;

    let folder = tempfile::tempdir().expect("a temporary directory");
    let library = library(folder.path());
    // EIO is 5, ENOSPC is 28. The last one hangs for longer than the journal waits.
    let scripts = [
        "fdatasync:1:5",
        "fdatasync:4:5",
        "fdatasync:9:5",
        "fdatasync:30:5",
        "fdatasync:60:28",
        "fsync:1:5",
        "fsync:3:5",
        "fsync:6:5",
        "fsync:11:5",
        "rename:1:5",
        "rename:4:5",
        "rename:8:5",
        "pwrite:3:5",
        "pwrite:90:5",
        "pwrite:130:28",
        "fallocate:1:5",
        "fallocate:1:28",
        "fallocate:4:28",
        "fdatasync:20:wait:60000",
    ];
    let mut ends = [0; 3];
    for (script, medium) in scripts.iter().zip([Medium::Mapped, Medium::Pwrite].into_iter().cycle()) {
        let path = folder.path().join(script.replace(':', "-"));
        let struck = child(&path, medium, Some((&library, script)));
        let (said, status) = (String::from_utf8_lossy(&struck.stderr).into_owned(), struck.status);
        if script.contains("wait") {
            assert_eq!(status.signal(), Some(6), "{script}: a disk that hangs ends the process: {status}, {said}");
            assert!(said.contains("has not answered"), "{script}: {said}");
            ends[2] += 1;
        } else if status.success() {
            // A volume that is full for a moment is no failure, and a call behind the end is none.
            assert!(script.ends_with(":28"), "{script}: nothing failed");
            ends[0] += 1;
        } else {
            assert!(matches!(status.code(), Some(3 | 4)), "{script}: {status}, {said}");
            assert!(said.contains("poisoned: ") || said.contains("refused: "), "{script} gave no reason: {said}");
            ends[1] += 1;
        }
        let (journal, undecided) = open(&path, medium, Duration::ZERO).expect("the next start is clean");
        let (found, told) = (genuine(&undecided), acknowledged(&struck));
        assert!((told..=EVENTS).contains(&found), "{script}: {found} found, {told} acknowledged");
        drop(journal);
        let after = child(&path, medium, None);
        assert!(after.status.success(), "{script}: {}", String::from_utf8_lossy(&after.stderr));
        assert_eq!(acknowledged(&after), found + EVENTS, "{script}: the log goes on");
    }
    assert!(ends[1] >= 12 && ends[2] == 1, "{ends:?}: the shim struck too rarely");
}

/// An ext4 file system in a file, mounted; unmounted when dropped.
struct Volume(PathBuf);

impl Volume {
    fn mount(folder: &Path, mebibytes: u64) -> Result<Self, String> {
        let (image, place) = (folder.join("image"), folder.join("volume"));
        let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(mebibytes << 20).map_err(|error| error.to_string())?;
        std::fs::create_dir(&place).map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-F", &image.display().to_string()])?;
        run("mount", &["-o", "loop", &image.display().to_string(), &place.display().to_string()])?;
        Ok(Self(place))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = run("umount", &[&self.0.display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {}", said.trim())) }
}

/// Fills the volume to the last block.
fn fill(volume: &Path) -> PathBuf {
    let path = volume.join("filler");
    let mut file = std::fs::File::create(&path).expect("a name is left");
    for size in [1 << 16, 1 << 12] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    let _ = file.sync_all();
    path
}

#[test]
fn a_volume_that_is_really_full_refuses_new_operations_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let volume = match Volume::mount(folder.path(), 24) {
        Ok(volume) => volume,
        Err(reason) => {
            println!("skipped, no file system can be mounted here: {reason}");
            return;
        }
    };
    let path = volume.0.join("wal");
    let (mut journal, _) = open(&path, Medium::Mapped, Duration::ZERO).expect("a fresh journal");
    // The reserve is complete before the room is gone.
    let ready = || {
        std::fs::read_dir(&path).expect("a folder").any(|entry| entry.expect("an entry").file_name() == "ballast.seg")
    };
    while !ready() {
        std::thread::yield_now();
    }
    let filler = fill(&volume.0);
    let (mut refused_at, mut last) = (None, 0);
    let failure = loop {
        last = append(&mut journal).max(last);
        if let Err(poisoned) = journal.sync() {
            break poisoned;
        }
        if refused_at.is_none() && !journal.can_accept() {
            refused_at = Some(last);
        }
        assert!(last < 10_000, "the volume never fills");
    };
    let refused_at = refused_at.expect("new operations are refused before anything fails");
    assert!(last > refused_at + 14, "refused at {refused_at}, failed at {last}: nothing in flight was finished");
    assert!(failure.reason.contains("no room"), "{failure}");
    drop(journal);
    std::fs::remove_file(filler).expect("removable");
    let (journal, undecided) = open(&path, Medium::Mapped, Duration::ZERO).expect("room again");
    assert!(genuine(&undecided) >= last - 1, "{} of {last} records are there", undecided.len());
    assert!(journal.can_accept());
    journal.close().expect("a good disk");
}
