//! What value costs the tick: encoding, handing over, taking back, on a shard's own thread.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use mu_core::journal::{APPLY_QUEUE_MAX, WalAck, WriterParts, journal_ports, run_writer};
use mu_core::runtime::Clock;
use mu_perf::report::histogram;
use mu_perf::timing::thread_cpu;
use mu_storage::store::Outcome;
use mu_value::ValueStatus;
use mu_wal::{EpochStart, JournalOptions, Lsn, ScanOptions, scan};
use rtrb::RingBuffer;

use super::market::Market;

/// Trades that begin in one tick of one shard: 160 a second, from a thousand players who each trade every six seconds.
pub(super) const PER_TICK: u32 = 8;
/// A tick of the run is shorter than a real one, so that there are many.
const TICK: Duration = Duration::from_millis(1);

/// Costs of ticks.
pub(super) struct Cost {
    /// CPU time of the tick's thread in nanoseconds.
    pub(super) ns: Histogram<u64>,
    /// Times the thread gave up its CPU inside the calls.
    pub(super) blocked: u64,
}

/// Runs so many ticks with a real journal; outcomes come back as soon as an event is durable.
pub(super) fn cost(dir: &Path, market: &mut Market, ticks: u32) -> Result<Cost, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let scan = scan(&folder.path().join("wal"), &ScanOptions::default())?;
    let boot = EpochStart { boot: 1, config_hash: 0, version: env!("CARGO_PKG_VERSION").to_owned() };
    let (journal, _) = scan.into_journal(Lsn::ZERO, &boot, &JournalOptions::default())?;
    let (mut ports, control, ends, mut completions) = journal_ports(1, WalAck::default());
    let (logged, mut to_apply) = RingBuffer::new(APPLY_QUEUE_MAX);
    let status = Arc::new(ValueStatus::default());
    let parts = WriterParts { journal, ends, logged, status };
    let writer = std::thread::Builder::new().name("mu-wal".into()).spawn(|| run_writer(parts))?;
    let decider = std::thread::spawn(move || {
        loop {
            let abandoned = to_apply.is_abandoned();
            match to_apply.pop() {
                Ok(logged) => completions.tell(logged.submission, Outcome::Applied),
                Err(_) if abandoned => return,
                Err(_) => std::thread::park_timeout(TICK / 4),
            }
        }
    });
    let mut port = ports.remove(0);
    let mut cost = Cost { ns: histogram(), blocked: 0 };
    for _ in 0..ticks {
        let trades: Vec<_> = (0..PER_TICK).map(|_| market.trade()).collect();
        let (waits, began) = (waits()?, thread_cpu());
        while port.completion().is_some() {}
        for trade in &trades {
            port.submit(trade, Clock::now()).map_err(|_| "the journal does not keep up")?;
        }
        port.notify();
        let took = thread_cpu() - began;
        cost.blocked += self::waits()? - waits;
        cost.ns.saturating_record(u64::try_from(took.as_nanos())?);
        std::thread::park_timeout(TICK);
    }
    drop((port, control));
    for thread in [writer, decider] {
        thread.join().map_err(|_| "a thread of the server panicked")?;
    }
    Ok(cost)
}

/// How often this thread has waited for something so far.
fn waits() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.ok_or("the kernel does not count this thread's waits")?.trim().parse()?)
}
