//! Durable records a second, against what the disk's own sync allows for groups of the same bytes, in the same run.
//!
//! A submitter on the other CPU keeps a ring full; the writer drains it, appends and syncs, so a group is what came while the last
//! sync ran. The limit is a bare loop of writes and syncs of the mean frame. Both alternate, because a shared disk drifts.

mod bare;
mod ours;

use std::error::Error;
use std::path::Path;

use mu_wal::Medium;

use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};

/// Share of the physical limit the journal promises.
const SHARE: f64 = 0.60;
/// Bytes the writer's thread may cause to be written per byte of a frame; more means that a sync writes what no frame holds.
const WRITTEN_PER_BYTE: f64 = 3.0;
/// Length of a turn: short beside the drift of a shared disk, long beside a sync.
const TURN_S: f64 = 0.2;

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

    fn records_per_s(&self) -> f64 {
        exact(self.records) / self.seconds
    }

    fn per_sync(&self, sum: u64) -> f64 {
        exact(sum) / exact(self.syncs)
    }
}

/// Sizes of a group: what trades of a busy minute bring, and what the shards can have in flight at most.
const GROUPS: [usize; 2] = [64, 1_024];

/// Runs both media with each size of a group.
pub(crate) fn run(dir: &Path, quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let turns = if quick { 5 } else { 25 };
    let mut promises = Vec::new();
    let mut rates = Vec::new();
    for (medium, name) in [(Medium::Mapped, "mmap"), (Medium::Pwrite, "pwrite")] {
        for group in GROUPS {
            let measured = alternate(dir, medium, group, turns)?;
            rates.push((name, measured.ours.records_per_s()));
            promises.push(rate(format!("wal_vs_sync_limit_{name}_{group}"), &measured));
            promises.push(written(format!("written_per_frame_byte_{name}_{group}"), &measured));
        }
    }
    promises.push(recommended(&rates));
    Ok(promises)
}

/// Which medium to set on this host: the one that carried more records a second, as the geometric mean over both sizes.
fn recommended(rates: &[(&'static str, f64)]) -> Promise {
    let of =
        |medium: &str| rates.iter().filter(|(name, _)| *name == medium).map(|(_, rate)| rate).product::<f64>().sqrt();
    let (mmap, pwrite) = (of("mmap"), of("pwrite"));
    let (name, ratio) = if mmap >= pwrite { ("mmap", mmap / pwrite) } else { ("pwrite", pwrite / mmap) };
    let beside = [("mmap_records_per_s", mmap), ("pwrite_records_per_s", pwrite)];
    Promise::new(format!("recommended_medium_{name}"), ratio, "times", Want::AtLeast(1.0), &beside)
}

/// What both loops did in all turns, and each turn's share of its own limit.
struct Measured {
    ours: Sum,
    bare: Sum,
    shares: Vec<f64>,
}

/// Our journal and the bare loop in short turns; the bare loop writes frames of the mean size of the turn before.
fn alternate(dir: &Path, medium: Medium, group: usize, turns: u32) -> Result<Measured, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let mut journal = ours::Writer::open(&folder.path().join("wal"), medium, group)?;
    let mut limit = bare::Loop::new(folder.path(), medium)?;
    let mut measured = Measured { ours: Sum::default(), bare: Sum::default(), shares: Vec::new() };
    for _ in 0..turns {
        let ours = journal.run(TURN_S)?;
        let bare = limit.run(usize::try_from(ours.frame_bytes / ours.syncs.max(1))?, TURN_S)?;
        measured.shares.push(ours.records_per_s() / limit_per_s(ours, bare));
        measured.ours.add(ours);
        measured.bare.add(bare);
    }
    journal.close()?;
    Ok(measured)
}

/// Records a second if each sync of the bare loop had carried a group of ours.
fn limit_per_s(ours: Sum, bare: Sum) -> f64 {
    ours.per_sync(ours.records) * exact(bare.syncs) / bare.seconds
}

/// The median turn decides: a shared disk answers in 0.1 ms in one turn and in 4 ms in the next.
fn rate(name: String, Measured { ours, bare, shares }: &Measured) -> Promise {
    let mut shares = shares.clone();
    shares.sort_unstable_by(f64::total_cmp);
    let beside = [
        ("records_per_s", ours.records_per_s()),
        ("limit_records_per_s", limit_per_s(*ours, *bare)),
        ("group_records", ours.per_sync(ours.records)),
        ("frame_bytes", ours.per_sync(ours.frame_bytes)),
        ("sync_us", 1e6 * ours.seconds / exact(ours.syncs)),
        ("bare_sync_us", 1e6 * bare.seconds / exact(bare.syncs)),
        ("worst_turn", shares[0]),
        ("best_turn", shares[shares.len() - 1]),
    ];
    Promise::new(name, shares[shares.len() / 2], "ratio", Want::AtLeast(SHARE), &beside)
}

fn written(name: String, Measured { ours, bare, .. }: &Measured) -> Promise {
    let per_byte = exact(ours.written_bytes) / exact(ours.frame_bytes);
    let beside = [
        ("written_per_sync", ours.per_sync(ours.written_bytes)),
        ("frame_bytes", ours.per_sync(ours.frame_bytes)),
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
