//! Trades made durable: the writer's step on a real journal, and the disk alone with one write and sync after the other.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use mu_core::journal::since_origin;
use mu_core::runtime::{Clock, cores};
use mu_perf::host::exact;
use mu_storage::event;
use mu_value::{Logged, Submission, ValueStatus, WAL_ACK, Writer, WriterEnds};
use mu_wal::{EpochStart, JournalOptions, Lsn, ScanOptions, scan};
use rtrb::{Consumer, Producer, RingBuffer};

use super::market::Market;

/// Trades that may be on their way: what two shards may have.
const IN_FLIGHT: usize = 2_048;
const PAGE: usize = 4_096;
/// The serial loop starts again at the front behind so many pages.
const PAGES: u64 = 4_096;

/// What the writer did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durable {
    pub(super) per_s: f64,
    pub(super) group: f64,
    pub(super) sync_us: f64,
}

/// The queues of the writer: encoded trades in, told and given back when they are durable.
struct Ends {
    submitted: Consumer<Submission<()>>,
    buffers: Producer<Vec<u8>>,
    told: u64,
}

impl WriterEnds<()> for Ends {
    fn take(&mut self) -> Option<Submission<()>> {
        self.submitted.pop().ok()
    }

    fn acknowledge(&mut self, _: &mut Submission<()>) {
        self.told += 1;
    }

    fn hand_on(&mut self, logged: Logged<()>) -> Result<(), Logged<()>> {
        self.buffers.push(logged.submission.payload).expect("as long as the buffers are many");
        Ok(())
    }
}

/// Encodes trades on one thread, makes them durable on another, for this long.
pub(super) fn ours(dir: &Path, market: &mut Market, run: Duration) -> Result<Durable, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let scan = scan(&folder.path().join("wal"), &ScanOptions::default())?;
    let boot = EpochStart { boot: 1, config_hash: 0, version: env!("CARGO_PKG_VERSION").to_owned() };
    let (journal, _) = scan.into_journal(Lsn::ZERO, &boot, &JournalOptions::default())?;
    let status = Arc::new(ValueStatus::default());
    let (mut submit, submitted) = RingBuffer::<Submission<()>>::new(IN_FLIGHT);
    let (mut buffers, mut spare) = RingBuffer::<Vec<u8>>::new(IN_FLIGHT);
    for _ in 0..IN_FLIGHT {
        buffers.push(Vec::with_capacity(PAGE)).expect("room for each");
    }
    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let mut part = market.clone();
    let cpus = cores::allowed().ok_or("the kernel does not say which CPUs may be used")?;
    let (submitter, _) = cores::spawn_pinned("submitter", &cpus[..1], move || {
        while !seen.load(Relaxed) {
            let Ok(payload) = spare.pop() else {
                std::thread::yield_now();
                continue;
            };
            if submit.push(submission(&mut part, payload)).is_err() {
                unreachable!("as long as the buffers are many");
            }
        }
        part
    })?;
    let mut ends = Ends { submitted, buffers, told: 0 };
    let mut writer = Writer::new(journal, Arc::clone(&status));
    let began = Clock::now();
    while Clock::now().since(began) < run {
        writer.step(since_origin(Clock::now()), &mut ends)?;
        // All of it counts as decided at once, so that segments are used again as in a server that keeps up.
        status.safe_lsn.store(status.durable_lsn.load(Relaxed), Relaxed);
    }
    let seconds = Clock::now().since(began).as_secs_f64();
    over.store(true, Relaxed);
    let part = submitter.join().map_err(|_| "the submitter panicked")?.ok_or("the submitter did not run")?;
    market.join(&part);
    writer.close()?;
    let syncs = exact(status.syncs.load(Relaxed).max(1));
    Ok(Durable {
        per_s: exact(ends.told) / seconds,
        group: exact(ends.told) / syncs,
        sync_us: exact(status.sync_us.load(Relaxed)) / syncs,
    })
}

fn submission(market: &mut Market, mut payload: Vec<u8>) -> Submission<()> {
    let trade = market.trade();
    payload.clear();
    event::encode_into(&trade, &mut payload);
    Submission {
        event_id: trade.event_id,
        kind: event::VALUE_KIND,
        schema: event::VALUE_SCHEMA,
        flags: WAL_ACK,
        payload,
        origin: (),
        at: Duration::ZERO,
    }
}

/// Writes and syncs pages of 4 KiB one after the other for this long, in a file prepared as a good journal would; a second's worth.
pub(super) fn serial(dir: &Path, run: Duration) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let path = folder.path().join("serial");
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    for _ in 0..PAGES {
        file.write_all(&[0; PAGE])?;
    }
    file.sync_all()?;
    let (page, began) = ([0xA5; PAGE], Clock::now());
    let mut syncs = 0_u64;
    while Clock::now().since(began) < run {
        file.write_all_at(&page, syncs % PAGES * PAGE as u64)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(exact(syncs) / Clock::now().since(began).as_secs_f64())
}
