//! Trades through the whole path of the server: rings, wal thread, applier thread, store, and back to whoever submitted.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use mu_core::journal::{
    APPLY_QUEUE_MAX, ApplierParts, ControlPort, Settled, ShardPort, WalAck, WriterParts, journal_ports, run_applier,
    run_writer,
};
use mu_core::runtime::Clock;
use mu_perf::host::exact;
use mu_perf::report::histogram;
use mu_storage::store::{Outcome, Role, open};
use mu_storage::testing::PrivatePostgres;
use mu_value::{RecoverOptions, ValueStatus, recover};
use mu_wal::{ScanOptions, scan};
use mu_wire::Time;
use rtrb::RingBuffer;

use super::cpu;
use super::market::{Market, accounts, births};

/// Shards of the rig.
const SHARDS: usize = 2;
/// A shard's loop looks at its rings this often in the paced run.
const STEP: Duration = Duration::from_millis(5);

/// The threads of the server that value passes through.
pub(super) struct Rig<'a> {
    ports: Vec<ShardPort>,
    control: ControlPort,
    threads: Vec<JoinHandle<()>>,
    status: Arc<ValueStatus>,
    url: String,
    server: Option<&'a PrivatePostgres>,
}

/// What a run at full speed did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Applied {
    pub(super) per_s: f64,
    pub(super) syncs_per_s: f64,
    /// CPU time of everything a trade, in microseconds.
    pub(super) cpu_us: f64,
}

impl<'a> Rig<'a> {
    /// A populated store at `url` and a new journal below `dir`.
    pub(super) fn start(url: &str, server: Option<&'a PrivatePostgres>, dir: &Path) -> Result<Self, Box<dyn Error>> {
        let mut store = open(url, Role::Applier)?;
        store.migrate()?;
        let scan = scan(dir, &ScanOptions::default())?;
        let recovered = recover(scan, dir, &RecoverOptions::default(), &mut *store)?;
        accounts(&mut *store)?;
        let safe = recovered.safe;
        let (ports, control, ends, completions) = journal_ports(SHARDS, WalAck::default());
        let (logged, to_apply) = RingBuffer::new(APPLY_QUEUE_MAX);
        let status = Arc::new(ValueStatus::default());
        let writer = WriterParts { journal: recovered.journal, ends, logged, status: Arc::clone(&status) };
        let applier = ApplierParts {
            store,
            safe,
            logged: to_apply,
            completions,
            status: Arc::clone(&status),
            give_up: Arc::new(AtomicBool::new(false)),
        };
        let threads = vec![
            std::thread::Builder::new().name("mu-wal".into()).spawn(|| run_writer(writer))?,
            std::thread::Builder::new().name("mu-applier".into()).spawn(|| run_applier(applier))?,
        ];
        let mut rig = Self { ports, control, threads, status, url: url.to_owned(), server };
        for birth in births() {
            while rig.ports[0].submit(&birth, Clock::now()).is_err() {
                rig.settle()?;
            }
            rig.ports[0].notify();
        }
        rig.settle()?;
        Ok(rig)
    }

    /// As fast as it goes, for this long.
    pub(super) fn full_speed(&mut self, market: &mut Market, run: Duration) -> Result<Applied, Box<dyn Error>> {
        let (began, syncs, cpu) = (Clock::now(), self.status.syncs.load(Relaxed), cpu::used(self.server)?);
        let (mut done, mut waiting) = (0, None);
        while Clock::now().since(began) < run {
            for port in &mut self.ports {
                loop {
                    let trade = waiting.take().unwrap_or_else(|| market.trade());
                    if port.submit(&trade, Clock::now()).is_err() {
                        waiting = Some(trade);
                        break;
                    }
                }
                port.notify();
            }
            done += self.completed(|_| ())?;
            std::thread::park_timeout(Duration::from_millis(1));
        }
        // What is under way was submitted within the time, but is not counted.
        let seconds = Clock::now().since(began).as_secs_f64();
        let syncs = self.status.syncs.load(Relaxed) - syncs;
        let cpu_us = (cpu::used(self.server)? - cpu).as_secs_f64() * 1e6 / exact(done);
        self.settle()?;
        if let Some(trade) = waiting {
            self.ports[0].submit(&trade, Clock::now()).map_err(|_| "everything is settled")?;
            self.settle()?;
        }
        Ok(Applied { per_s: exact(done) / seconds, syncs_per_s: exact(syncs) / seconds, cpu_us })
    }

    /// At this many trades a second, evenly over the steps of a shard's loop: from submission to the outcome, in microseconds.
    pub(super) fn paced(
        &mut self,
        market: &mut Market,
        per_s: f64,
        run: Duration,
    ) -> Result<Histogram<u64>, Box<dyn Error>> {
        let (began, mut took) = (Clock::now(), histogram());
        let first = market.last_id() + 1;
        let mut submitted: Vec<Time> = Vec::new();
        let mut failed = false;
        let mut step = 0_u32;
        while Clock::now().since(began) < run {
            let due = per_s * (STEP * step).as_secs_f64();
            let at = step as usize % SHARDS;
            while exact(submitted.len() as u64) < due {
                let now = Clock::now();
                submitted.push(now);
                failed |= self.ports[at].submit(&market.trade(), now).is_err();
            }
            self.ports[at].notify();
            step += 1;
            while Clock::now().since(began) < STEP * step {
                std::thread::park_timeout(Duration::from_micros(500));
                self.completed(|id| record(&mut took, &submitted, id - first))?;
            }
        }
        self.settle()?;
        if failed { Err("the paced load does not fit".into()) } else { Ok(took) }
    }

    /// Takes what is decided; every trade of the bench must have been possible.
    fn completed(&mut self, mut each: impl FnMut(u128)) -> Result<u64, Box<dyn Error>> {
        let mut done = 0;
        for port in &mut self.ports {
            while let Some((event_id, settled)) = port.completion() {
                if settled != Settled::Decided(Outcome::Applied) {
                    return Err(format!("a trade came out as {settled:?}").into());
                }
                each(event_id);
                done += 1;
            }
        }
        Ok(done)
    }

    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        while self.ports.iter().any(|port| port.in_flight() > 0) {
            self.completed(|_| ())?;
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Ends the threads and reads the books; the number of rows read.
    pub(super) fn audit(self) -> Result<u64, Box<dyn Error>> {
        drop((self.ports, self.control));
        for thread in self.threads {
            thread.join().map_err(|_| "a thread of the server panicked")?;
        }
        let report = open(&self.url, Role::Tool)?.audit()?;
        if !report.is_clean() {
            return Err(format!("the books do not add up: {report}").into());
        }
        Ok(self.status.applied.load(Relaxed))
    }
}

fn record(took: &mut Histogram<u64>, submitted: &[Time], nth: u128) {
    let at = usize::try_from(nth).ok().and_then(|nth| submitted.get(nth));
    let us = at.map_or(u64::MAX, |at| u64::try_from(Clock::now().since(*at).as_micros()).unwrap_or(u64::MAX));
    took.saturating_record(us);
}
