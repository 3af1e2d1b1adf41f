//! Durable records a second, against what the disk's own sync allows for groups of the same bytes, in the same run.
//!
//! A submitter on the other CPU keeps a ring full; the writer drains it, appends and syncs, so a group is what came while the last
//! sync ran. The limit is a bare loop of writes and syncs of the mean frame. Both alternate, because a shared disk drifts.

mod bare;
mod ours;

use std::error::Error;
use std::path::Path;

use mu_wal::Medium;

use crate::host::exact;
use crate::report::{Promise, Want};

/// Share of the physical limit the journal promises.
const SHARE: f64 = 0.60;
/// Bytes the process may write per byte of a frame: once for the frame, once for preparing its segment, and the rest.
const WRITTEN_PER_BYTE: f64 = 3.0;
/// Turns of the two loops.
const ROUNDS: u32 = 3;

/// What one loop did.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    records: u64,
    syncs: u64,
    frame_bytes: u64,
    written_bytes: u64,
    seconds: f64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.syncs += other.syncs;
        self.frame_bytes += other.frame_bytes;
        self.written_bytes += other.written_bytes;
        self.seconds += other.seconds;
    }
}

/// Runs both media.
pub(crate) fn run(dir: &Path, quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let seconds = if quick { 1.0 } else { 3.0 };
    let mut promises = Vec::new();
    for (medium, rate_name, written_name) in [
        (Medium::Mapped, "wal_vs_sync_limit_mmap", "written_per_frame_byte_mmap"),
        (Medium::Pwrite, "wal_vs_sync_limit_pwrite", "written_per_frame_byte_pwrite"),
    ] {
        let folder = tempfile::tempdir_in(dir)?;
        let mut journal = ours::Writer::open(&folder.path().join("wal"), medium)?;
        let (mut ours, mut bare) = (Sum::default(), Sum::default());
        for _ in 0..ROUNDS {
            let round = journal.run(seconds)?;
            let frame = usize::try_from(round.frame_bytes / round.syncs.max(1))?;
            ours.add(round);
            bare.add(bare::run(folder.path(), medium, frame, seconds / 2.0)?);
        }
        journal.close()?;
        let group = exact(ours.records) / exact(ours.syncs);
        let rate = exact(ours.records) / ours.seconds;
        let limit = group * exact(bare.syncs) / bare.seconds;
        let beside = [
            ("records_per_s", rate),
            ("limit_records_per_s", limit),
            ("group_records", group),
            ("frame_bytes", exact(ours.frame_bytes) / exact(ours.syncs)),
            ("sync_us", 1e6 * ours.seconds / exact(ours.syncs)),
            ("bare_sync_us", 1e6 * bare.seconds / exact(bare.syncs)),
        ];
        promises.push(Promise::new(rate_name, rate / limit, "ratio", Want::AtLeast(SHARE), &beside));
        let written = exact(ours.written_bytes) / exact(ours.frame_bytes);
        let beside = [
            ("written_mib", exact(ours.written_bytes) / 1_048_576.0),
            ("frames_mib", exact(ours.frame_bytes) / 1_048_576.0),
            ("bare_written_per_byte", exact(bare.written_bytes) / exact(bare.frame_bytes)),
        ];
        promises.push(Promise::new(written_name, written, "ratio", Want::AtMost(WRITTEN_PER_BYTE), &beside));
    }
    Ok(promises)
}

/// Bytes this process has caused to be written to disk so far, as the kernel counts dirtied pages: a page cache that dirties
/// two mebibytes for a store of four kibibytes shows here.
fn written_bytes() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("the kernel does not count this process's writes")?.parse()?)
}
