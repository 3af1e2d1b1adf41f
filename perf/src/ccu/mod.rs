//! How many clients the server carries on one map core, against a loop without a game on the same CPUs in the same run.
//!
//! A number of clients is carried if the 99th percentile of a tick's work is at most 50 ms and every client still gets its
//! snapshots. The search for the server starts at the raw loop's answer.

mod raw;
mod real;
mod search;

use std::error::Error;
use std::path::Path;

use crate::report::{Promise, Want};

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
    let range = |start, most| {
        let (start, most) = clients.map_or((start, most), |clients| (clients, clients));
        search::Range { start, step: clients.unwrap_or(100), most, within: if quick { 0.10 } else { 0.03 } }
    };
    let raw_most = sockets_allowed().saturating_sub(SPARE_DESCRIPTORS);
    let mut raw_at_most = None;
    let raw = search::largest(range(8_000.min(raw_most), raw_most), |clients| {
        let result = raw::run(clients, seconds, cpus)?;
        progress("raw loop", clients, result.holds(), result.tick_p99_ms, result.client_hz);
        if result.holds() {
            raw_at_most = Some(result);
        }
        Ok(result.holds())
    })?;
    let server = real::Binaries::find()?;
    let mut ours_at_most = None;
    let ours = search::largest(range(raw.max(100), raw_most), |clients| {
        let result = server.trial(dir, clients, seconds, cpus)?;
        progress("server", clients, result.holds(), result.tick_p99_ms, result.client_hz);
        if result.holds() {
            ours_at_most = Some(result);
        }
        Ok(result.holds())
    })?;
    let ratio = f64::from(ours) / f64::from(raw.max(1));
    let beside = [
        ("ours", f64::from(ours)),
        ("raw_loop", f64::from(raw)),
        ("ours_tick_p99_ms", ours_at_most.map_or(0.0, |result| result.tick_p99_ms)),
        ("raw_loop_tick_p99_ms", raw_at_most.map_or(0.0, |result| result.tick_p99_ms)),
    ];
    Ok(vec![Promise::new("clients_vs_raw_loop", ratio, "ratio", Want::AtLeast(SHARE), &beside)])
}

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
