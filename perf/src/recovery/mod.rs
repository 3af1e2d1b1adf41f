//! How long a start takes: a journal of 1 GiB is read and judged, and 10,000 events that the last run left undecided are
//! decided.
//!
//! Reading drops the page cache of each segment first, as every start does, so the device is read in any case; the host's
//! own cache is emptied as well where that is permitted.

mod decide;

use std::error::Error;
use std::path::Path;

use mu_core::runtime::Clock;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};
use mu_wal::{AppendError, EpochStart, JournalOptions, Lsn, Medium, NewRecord, ScanOptions, scan};

/// Seconds that reading a journal of 1 GiB may take.
const SCAN_S: f64 = 2.0;
/// Seconds that deciding 10,000 events may take.
const DECIDE_S: f64 = 1.0;
/// Bytes of a record's payload: a trade of a few items.
const PAYLOAD: [u8; 320] = [0xA5; 320];
const SEGMENT_BYTES: u64 = 64 << 20;

/// Reads a journal and decides events on both stores.
pub(crate) fn run(dir: &Path, quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let gib = if quick { 0.25 } else { 1.0 };
    let mut promises = scanned(dir, gib)?;
    let events = if quick { 1_000 } else { 10_000 };
    for (store, took) in decide::on_both_stores(dir, events)? {
        let per_10k = took.decided_s * 10_000.0 / exact(events);
        let beside = [("events", exact(events)), ("opening_s", took.opening_s)];
        promises.push(Promise::new(format!("decide_10k_{store}"), per_10k, "s", Want::AtMost(DECIDE_S), &beside));
    }
    Ok(promises)
}

/// What a read of the whole journal found, and how long it took.
struct Read {
    seconds: f64,
    last: Lsn,
}

fn scanned(dir: &Path, gib: f64) -> Result<Vec<Promise>, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let (bytes, records) = write(folder.path(), gib)?;
    let mut promises = Vec::new();
    let emptied = std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok();
    for name in ["after_drop_caches", "again"] {
        let read = read(folder.path())?;
        assert_eq!(read.last, Lsn(records), "every record that was written is found");
        let per_gib = read.seconds * f64::from(1 << 30) / exact(bytes);
        let beside = [
            ("bytes", exact(bytes)),
            ("records", exact(records)),
            ("mib_per_s", exact(bytes) / f64::from(1 << 20) / read.seconds),
            ("host_cache_emptied", f64::from(u8::from(emptied))),
        ];
        promises.push(Promise::new(format!("scan_1gib_{name}"), per_gib, "s", Want::AtMost(SCAN_S), &beside));
    }
    Ok(promises)
}

/// Fills a journal with full frames; the bytes of its frames and its records.
fn write(dir: &Path, gib: f64) -> Result<(u64, u64), Box<dyn Error>> {
    let options = JournalOptions { segment_bytes: SEGMENT_BYTES, ..JournalOptions::default() };
    let boot = EpochStart { boot: 1, config_hash: 0, version: env!("CARGO_PKG_VERSION").to_owned() };
    let opened = scan(dir, &ScanOptions { medium: Medium::Pwrite, ..ScanOptions::default() })?;
    let (mut journal, _) = opened.into_journal(Lsn::ZERO, &boot, &options)?;
    let (mut bytes, mut records) = (0_u64, 0_u64);
    while exact(bytes) < gib * f64::from(1 << 30) {
        let new = NewRecord { kind: 1, schema: 1, event_id: u128::from(records), flags: 0, hint: 0, payload: &PAYLOAD };
        match journal.append(&new) {
            Ok(_) => records += 1,
            Err(AppendError::Full) => bytes += u64::from(journal.sync()?.bytes),
            Err(error) => return Err(error.into()),
        }
    }
    bytes += u64::from(journal.sync()?.bytes);
    journal.close()?;
    Ok((bytes, records))
}

fn read(dir: &Path) -> Result<Read, Box<dyn Error>> {
    let began = Clock::now();
    let read = scan(dir, &ScanOptions { full: true, ..ScanOptions::default() })?;
    Ok(Read { seconds: Clock::now().since(began).as_secs_f64(), last: read.last() })
}
