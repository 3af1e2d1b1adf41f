//! How many clients the server carries on one map core, against a loop without a game on the same CPUs in the same run.
//!
//! A number of clients is carried if the 99th percentile of a tick's work is at most 50 ms and every client still gets its
//! snapshots. The search for the server starts
//! where a first small trial says its CPU would be busy. The bots decode, check and time everything they are sent, so they
//! cost more than the server; a limit that is theirs is reported as such.

mod raw;
mod real;
mod search;

use std::cell::Cell;
use std::error::Error;
use std::path::Path;

use mu_perf::report::{Promise, Want};

/// A tick's period and the most it may take at the 99th percentile.
pub(crate) const TICK_MS: f64 = 50.0;
/// Snapshots a second below which a client is not served; twenty are due.
pub(crate) const CLIENT_HZ: f64 = 19.0;
/// Share of the raw loop's clients the server promises to carry.
const SHARE: f64 = 0.80;

/// Which CPU does what, in both halves of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpus {
    pub(crate) server: usize,
    pub(crate) clients: usize,
}

impl Cpus {
    /// The last CPU carries the server and the first one the clients, as the server's own plan does on two CPUs.
    fn plan() -> Result<Self, Box<dyn Error>> {
        let allowed = mu_core::runtime::cores::allowed().ok_or("the kernel does not say which CPUs may be used")?;
        Ok(Self { server: allowed[allowed.len() - 1], clients: allowed[0] })
    }
}

/// Runs both halves and puts them beside each other.
pub(crate) fn run(dir: &Path, quick: bool, clients: Option<u32>) -> Result<Vec<Promise>, Box<dyn Error>> {
    let cpus = Cpus::plan()?;
    let seconds = if quick { 4 } else { 10 };
    let most = sockets_allowed().saturating_sub(SPARE_DESCRIPTORS);
    // Asked for one number, the range is that number.
    let range = |start: u32, most: u32| search::Range {
        start: clients.unwrap_or(start.min(most)),
        step: clients.unwrap_or(100),
        most: clients.unwrap_or(most),
        within: if quick { 0.10 } else { 0.03 },
    };
    let (raw, raw_result) = raw_limit(range(8_000, most), seconds, cpus)?;
    let trials = Trials { server: real::Binaries::find()?, dir, seconds, cpus, generator_bound: Cell::new(false) };
    let start = if clients.is_some() { 0 } else { trials.estimate()? };
    let (ours, result) = trials.limit(range(start, most))?;
    let beside = [
        ("ours", f64::from(ours)),
        ("raw_loop", f64::from(raw)),
        ("ours_server_cpu_percent", result.map_or(0.0, |result| result.server_cpu_percent)),
        ("ours_generator_cpu_percent", result.map_or(0.0, |result| result.generator_cpu_percent)),
        ("raw_loop_tick_p99_ms", raw_result.map_or(0.0, |result| result.tick_p99_ms)),
        ("generator_was_the_limit", f64::from(u8::from(trials.generator_bound.get()))),
    ];
    let ratio = f64::from(ours) / f64::from(raw.max(1));
    Ok(vec![Promise::new("clients_vs_raw_loop", ratio, "ratio", Want::AtLeast(SHARE), &beside)])
}

fn raw_limit(range: search::Range, seconds: u64, cpus: Cpus) -> Result<(u32, Option<raw::RawResult>), Box<dyn Error>> {
    let mut best = None;
    let clients = search::largest(range, |clients| {
        let result = raw::run(clients, seconds, cpus)?;
        progress("raw loop", clients, result.holds(), result.tick_p99_ms, result.client_hz);
        best = if result.holds() { Some(result) } else { best };
        Ok(result.holds())
    })?;
    Ok((clients, best))
}

/// Trials of the product under the same conditions.
struct Trials<'a> {
    server: real::Binaries,
    dir: &'a Path,
    seconds: u64,
    cpus: Cpus,
    /// The last number that did not hold failed because of the generator.
    generator_bound: Cell<bool>,
}

impl Trials<'_> {
    fn trial(&self, clients: u32) -> Result<real::RealResult, Box<dyn Error>> {
        let result = self.server.trial(self.dir, clients, self.seconds, self.cpus)?;
        progress("server", clients, result.holds(), result.tick_p99_ms, result.client_hz);
        if !result.holds() {
            self.generator_bound.set(result.generator_bound);
        }
        Ok(result)
    }

    /// Where to begin: what the busier of the two processes would carry at four fifths of its CPU.
    fn estimate(&self) -> Result<u32, Box<dyn Error>> {
        let result = self.trial(FEW)?;
        let busiest = result.server_cpu_percent.max(result.generator_cpu_percent).max(1.0);
        let hundreds = (f64::from(FEW) / 100.0 * 80.0 / busiest).round();
        Ok((1..=100).find(|&count| f64::from(count) >= hundreds).unwrap_or(100) * 100)
    }

    fn limit(&self, range: search::Range) -> Result<(u32, Option<real::RealResult>), Box<dyn Error>> {
        let mut best = None;
        let clients = search::largest(range, |clients| {
            let result = self.trial(clients)?;
            best = if result.holds() { Some(result) } else { best };
            Ok(result.holds())
        })?;
        Ok((clients, best))
    }
}

/// Bots of the first trial, few enough to hold anywhere.
const FEW: u32 = 500;

/// Descriptors that are not client sockets.
const SPARE_DESCRIPTORS: u32 = 500;

/// The soft limit on open files: each client has a socket of its own.
fn sockets_allowed() -> u32 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

#[expect(clippy::print_stdout, reason = "a search takes minutes; each trial is a line")]
fn progress(which: &str, clients: u32, holds: bool, tick_p99_ms: f64, client_hz: f64) {
    let verdict = if holds { "holds" } else { "too many" };
    println!(
        "  {which:<8} {clients:>6} clients: tick p99 {tick_p99_ms:6.2} ms, {client_hz:5.2} snapshots/s each, {verdict}"
    );
}
