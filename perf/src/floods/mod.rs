//! Floods against a real server while neighbours play: what they feel of it, what it costs, and whether the counters tell.
//!
//! Two equal windows are measured, one quiet and one under flood; what the neighbours feel in the second is compared with
//! the first of the same run. Every flood is bounded in number and in time, and goes to the loopback address only.

mod attacker;
mod babble;
mod kinds;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use mu_loadgen::gateway::Gateway;
use serde_json::Value;

use crate::crash::pause::{now, pause};
use crate::crash::{Broken, Programs, Site, StoreKind, broken};

pub use babble::{BabbleReport, babble};
pub use kinds::Flood;
use kinds::Source;

/// Bursts of a flood each second.
const BURSTS: u32 = 200;
/// No flood lasts longer, whatever happens to those who measure.
const FLOOD_MAX: Duration = Duration::from_secs(120);
/// A neighbour's figure under flood may be so many times the quiet one.
const RATIO: f64 = 2.0;
/// Resident memory may grow by so much under flood: a shard's buffers are taken at the start.
const GROWTH_BYTES: u64 = 16 << 20;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct FloodOptions {
    /// Neighbours that play.
    pub bots: u32,
    /// Length of each measured window in seconds.
    pub seconds: u32,
    /// How many milliseconds a neighbour's figure may lie above the quiet one, if that is more than twice it.
    pub slack_ms: f64,
    /// The programs under test.
    pub programs: Programs,
}

/// What the neighbours felt in one window, in milliseconds, and what the server counted.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// 99th percentile of a tick's duration.
    pub tick_p99: f64,
    /// 99th percentile of how late steps began.
    pub lateness_p99: f64,
    /// 99th percentile of the neighbours' round trips.
    pub rtt_p99: f64,
    /// 99th percentile of the time from the tick of a change to its arrival at a neighbour.
    pub age_p99: f64,
    /// Ticks left out or missing.
    pub ticks_missing: u64,
    /// Neighbours that came, and connections they lost.
    pub connected: u64,
    /// Connections they lost.
    pub disconnected: u64,
    /// Resident memory at the end.
    pub rss_bytes: u64,
    /// Datagrams dropped by reason, in this window.
    pub dropped: BTreeMap<String, u64>,
    /// Datagrams the kernel dropped at a full socket.
    pub socket_drops: u64,
}

/// The two windows of a run, and what was sent.
#[derive(Debug, Clone)]
pub struct FloodReport {
    /// Which floods flowed.
    pub floods: Vec<Flood>,
    /// Without them.
    pub quiet: Window,
    /// Under them.
    pub flooded: Window,
    /// Datagrams sent by each, and for how long.
    pub sent: Vec<(Flood, u64, Duration)>,
    /// Slow readers, and those the server has ended.
    pub readers: (usize, usize),
}

/// Runs one quiet window and one with all these floods at once.
///
/// # Errors
/// What could not be run; what the floods did is in the report, see [`FloodReport::broken`].
pub fn flood(floods: &[Flood], options: &FloodOptions) -> Result<FloodReport, Broken> {
    let mut site = Site::new(StoreKind::Sqlite, options.programs.clone(), "auto")?;
    let mut server = site.start_server()?;
    let gateway = Gateway::new(&site.gateway(), None);
    let entries = gateway.entries().map_err(|error| broken("the entry points", error))?;
    let quiet = window(&mut site, options)?;
    let entry = entries.first().copied().ok_or_else(|| Broken("the world has no entry point".to_owned()))?;
    let sources = floods.iter().map(|flood| {
        let name = format!("flood{}", flood.name());
        Source::new(*flood, &gateway, name.get(..8).unwrap_or(&name), entry)
    });
    let sources: Vec<Source> = sources.collect::<Result<_, _>>().map_err(|error| server.with_output(error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let flowing: Vec<JoinHandle<(Source, Duration)>> =
        sources.into_iter().map(|source| flow(source, Arc::clone(&stop))).collect();
    let flooded = window(&mut site, options);
    stop.store(true, Relaxed);
    let (mut sent, mut readers) = (Vec::new(), (0, 0));
    for thread in flowing {
        let (mut source, took) = thread.join().map_err(|_panic| Broken("a flood panicked".to_owned()))?;
        if source.flood == Flood::Readers {
            readers = (source.connections(), source.ended());
        }
        sent.push((source.flood, source.sent(), took));
    }
    let flooded = flooded?;
    server.terminate()?;
    server.finish(Duration::from_secs(6))?;
    Ok(FloodReport { floods: floods.to_vec(), quiet, flooded, sent, readers })
}

/// Lets a flood flow until it is told to stop.
fn flow(mut source: Source, stop: Arc<AtomicBool>) -> JoinHandle<(Source, Duration)> {
    std::thread::spawn(move || {
        let began = now();
        while !stop.load(Relaxed) && began.elapsed() < FLOOD_MAX {
            let due = began.elapsed().as_secs_f64() * f64::from(source.flood.rate());
            // Never more at once than a tenth of a second's worth: a late thread does not make up for all it missed.
            for _ in 0..source.flood.rate() / 10 {
                if exact(source.sent()) >= due {
                    break;
                }
                source.send();
            }
            pause(Duration::from_secs(1) / BURSTS);
        }
        (source, began.elapsed())
    })
}

/// One crowd of neighbours from login to goodbye, and what it and the server tell of the time between.
fn window(site: &mut Site, options: &FloodOptions) -> Result<Window, Broken> {
    let files = site.bot_files();
    let before = site.ask("/v1/ops/status")?;
    let mut bots = site.start_bots_for(options.bots, ("walk", options.seconds), 7, &files)?;
    bots.finish(Duration::from_secs(u64::from(options.seconds) + 60))?;
    let after = site.ask("/v1/ops/status")?;
    let text =
        fs::read_to_string(&files.report).map_err(|error| bots.with_output(broken("the neighbours' report", error)))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| broken("the neighbours' report", error))?;
    let ms = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let count = |path: &str| report.pointer(path).and_then(Value::as_u64);
    let (Some(tick_p99), Some(lateness_p99), Some(rtt_p99), Some(age_p99)) =
        (ms("/server/tick_ms/p99"), ms("/server/lateness_ms/p99"), ms("/rtt_ms/p99"), ms("/snapshots/age_ms/p99"))
    else {
        return Err(bots.with_output(Broken(format!("the neighbours' report lacks figures: {report:#}"))));
    };
    Ok(Window {
        tick_p99,
        lateness_p99,
        rtt_p99,
        age_p99,
        ticks_missing: count("/server/ticks_missing").unwrap_or(0) + count("/server/ticks_skipped").unwrap_or(0),
        connected: count("/clients/connected").unwrap_or(0),
        disconnected: count("/clients/disconnected").unwrap_or(u64::MAX),
        rss_bytes: count("/server/rss_bytes").unwrap_or(0),
        dropped: drops(&before, &after),
        socket_drops: sum(&after, "socket_drops").saturating_sub(sum(&before, "socket_drops")),
    })
}

/// The sum of a figure over the shards.
fn sum(status: &Value, name: &str) -> u64 {
    let shards = status["shards"].as_array().into_iter().flatten();
    shards.filter_map(|shard| shard[name].as_u64()).sum()
}

fn drops(before: &Value, after: &Value) -> BTreeMap<String, u64> {
    let mut dropped = BTreeMap::new();
    for (status, sign) in [(after, true), (before, false)] {
        for shard in status["shards"].as_array().into_iter().flatten() {
            for (reason, count) in shard["dropped"].as_object().into_iter().flatten() {
                let (total, count) = (dropped.entry(reason.clone()).or_insert(0_u64), count.as_u64().unwrap_or(0));
                *total = if sign { *total + count } else { total.saturating_sub(count) };
            }
        }
    }
    dropped.retain(|_, count| *count > 0);
    dropped
}

impl FloodReport {
    /// The first promise that does not hold, if any.
    #[must_use]
    pub fn broken(&self, options: &FloodOptions) -> Option<String> {
        let (quiet, flooded) = (&self.quiet, &self.flooded);
        for (name, quiet, flooded) in self.felt() {
            let bound = (RATIO * quiet).max(quiet + options.slack_ms);
            if flooded > bound {
                return Some(format!("{name}: {flooded:.2} ms under flood, {quiet:.2} ms without; {bound:.2} allowed"));
            }
        }
        if flooded.connected < u64::from(options.bots) || flooded.disconnected > 0 {
            let (connected, lost) = (flooded.connected, flooded.disconnected);
            return Some(format!("{connected} of {} neighbours came in, {lost} were lost", options.bots));
        }
        if flooded.ticks_missing > quiet.ticks_missing + 1 {
            return Some(format!("{} ticks are missing, {} without", flooded.ticks_missing, quiet.ticks_missing));
        }
        if flooded.rss_bytes > quiet.rss_bytes + GROWTH_BYTES {
            return Some(format!("memory grew from {} to {} bytes", quiet.rss_bytes, flooded.rss_bytes));
        }
        for flood in &self.floods {
            for reason in flood.reasons() {
                if !flooded.dropped.contains_key(*reason) {
                    return Some(format!("{}: nothing was dropped as {reason}: {:?}", flood.name(), flooded.dropped));
                }
            }
        }
        let (readers, ended) = self.readers;
        (ended < readers).then(|| format!("{ended} of {readers} slow readers were ended"))
    }

    /// What a neighbour feels: name, quiet, flooded.
    fn felt(&self) -> [(&'static str, f64, f64); 4] {
        let (quiet, flooded) = (&self.quiet, &self.flooded);
        [
            ("tick p99", quiet.tick_p99, flooded.tick_p99),
            ("step lateness p99", quiet.lateness_p99, flooded.lateness_p99),
            ("round trip p99", quiet.rtt_p99, flooded.rtt_p99),
            ("age of changes p99", quiet.age_p99, flooded.age_p99),
        ]
    }
}

impl fmt::Display for FloodReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flood, sent, took) in &self.sent {
            let rate = exact(*sent) / took.as_secs_f64();
            writeln!(f, "{:<10} {sent} datagrams in {:.1} s, {rate:.0}/s", flood.name(), took.as_secs_f64())?;
        }
        for (name, quiet, flooded) in self.felt() {
            writeln!(f, "  {name:<18} {quiet:>8.2} ms quiet {flooded:>8.2} ms flooded")?;
        }
        let mib = |bytes: u64| exact(bytes) / exact(1 << 20);
        let (quiet, flooded) = (&self.quiet, &self.flooded);
        writeln!(
            f,
            "  resident           {:>8.1} MiB quiet {:>7.1} MiB flooded",
            mib(quiet.rss_bytes),
            mib(flooded.rss_bytes)
        )?;
        let (readers, ended) = self.readers;
        writeln!(
            f,
            "  neighbours {} of which lost {}, ticks missing {} and {}, slow readers ended {ended} of {readers}",
            flooded.connected, flooded.disconnected, quiet.ticks_missing, flooded.ticks_missing
        )?;
        write!(f, "  dropped {:?}, by the kernel {}", flooded.dropped, flooded.socket_drops)
    }
}

/// A count as a number with a fraction: far below 2^52.
#[allow(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^52")]
fn exact(count: u64) -> f64 {
    count as f64
}
