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
/// Bytes the writer's thread may cause to be written per byte of a frame; more means that a sync writes what no frame holds.
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

/// Sizes of a group: what trades of a busy minute bring, and what the shards can have in flight at most.
const GROUPS: [usize; 2] = [64, 1_024];

/// Runs both media with each size of a group.
pub(crate) fn run(dir: &Path, quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let seconds = if quick { 0.5 } else { 2.0 };
    let mut promises = Vec::new();
    for (medium, name) in [(Medium::Mapped, "mmap"), (Medium::Pwrite, "pwrite")] {
        for group in GROUPS {
            let (ours, bare) = alternate(dir, medium, group, seconds)?;
            promises.push(rate(format!("wal_vs_sync_limit_{name}_{group}"), ours, bare));
            promises.push(written(format!("written_per_frame_byte_{name}_{group}"), ours, bare));
        }
    }
    Ok(promises)
}

/// Our journal and the bare loop in turns; the bare loop writes frames of the mean size of the turn before.
fn alternate(dir: &Path, medium: Medium, group: usize, seconds: f64) -> Result<(Sum, Sum), Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let mut journal = ours::Writer::open(&folder.path().join("wal"), medium, group)?;
    let (mut ours, mut bare) = (Sum::default(), Sum::default());
    for _ in 0..ROUNDS {
        let round = journal.run(seconds)?;
        let frame = usize::try_from(round.frame_bytes / round.syncs.max(1))?;
        ours.add(round);
        bare.add(bare::run(folder.path(), medium, frame, seconds / 2.0)?);
    }
    journal.close()?;
    Ok((ours, bare))
}

fn rate(name: String, ours: Sum, bare: Sum) -> Promise {
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
    Promise::new(name, rate / limit, "ratio", Want::AtLeast(SHARE), &beside)
}

fn written(name: String, ours: Sum, bare: Sum) -> Promise {
    let per_byte = exact(ours.written_bytes) / exact(ours.frame_bytes);
    let beside = [
        ("written_per_sync", exact(ours.written_bytes) / exact(ours.syncs)),
        ("frame_bytes", exact(ours.frame_bytes) / exact(ours.syncs)),
        ("bare_written_per_byte", exact(bare.written_bytes) / exact(bare.frame_bytes)),
    ];
    Promise::new(name, per_byte, "ratio", Want::AtMost(WRITTEN_PER_BYTE), &beside)
}

/// Bytes this thread has caused to be written to disk so far, as the kernel counts dirtied pages: a page cache that dirties
/// two mebibytes for a store of four kibibytes shows here. The journal prepares its segments on another thread.
fn written_bytes() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("the kernel does not count this thread's writes")?.parse()?)
}
