//! One line a second while a run goes on: JSON on standard output for programs, or words on standard error for people.

use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_wire::Time;
use serde::Serialize;

use crate::bots::{Phase, Stage};
use crate::figures::Summary;

/// Between two lines.
const EVERY: Duration = Duration::from_secs(1);

/// Prints the lines.
pub(super) struct LiveLine {
    json: bool,
    quiet: bool,
    next: Time,
    last: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    at: Time,
    snapshots: u64,
    datagrams_in: u64,
    datagrams_out: u64,
}

#[derive(Serialize)]
struct Line {
    phase: &'static str,
    in_world: usize,
    disconnected: u64,
    snapshots_s: f64,
    datagrams_in_s: f64,
    datagrams_out_s: f64,
    age_ms: Option<Summary>,
    trading: usize,
    trades: u64,
}

impl LiveLine {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, next: Time::ZERO, last: Counts::default() }
    }

    /// Prints a line if one is due.
    pub(super) fn show(&mut self, now: Time, stage: &Stage) {
        if self.quiet || now < self.next {
            return;
        }
        self.next = now + EVERY;
        let line = self.line(now, stage);
        if self.json {
            // A reader that is gone is no reason to end the run.
            let text = serde_json::to_string(&line).unwrap_or_default();
            let _reader_gone = writeln!(std::io::stdout().lock(), "{text}");
        } else {
            let Line { phase, in_world, disconnected, snapshots_s, trades, .. } = line;
            let age =
                line.age_ms.map_or_else(String::new, |age| format!(", age p50 {:.0} p99 {:.0} ms", age.p50, age.p99));
            let _reader_gone = writeln!(
                std::io::stderr().lock(),
                "{phase:<8} {in_world} bots, {snapshots_s:.0} snapshots/s, {trades} trades{age}, {disconnected} lost"
            );
        }
    }

    fn line(&mut self, now: Time, stage: &Stage) -> Line {
        let live = &stage.live;
        let counts = Counts {
            at: now,
            snapshots: live.snapshots.load(Relaxed),
            datagrams_in: live.datagrams_in.load(Relaxed),
            datagrams_out: live.datagrams_out.load(Relaxed),
        };
        let last = std::mem::replace(&mut self.last, counts);
        let seconds = now.since(last.at).as_secs_f64();
        let rate = |now: u64, before: u64| rate(now - before, seconds);
        Line {
            phase: phase_word(stage.phase()),
            in_world: live.in_world.load(Relaxed),
            disconnected: live.disconnected.load(Relaxed),
            snapshots_s: rate(counts.snapshots, last.snapshots),
            datagrams_in_s: rate(counts.datagrams_in, last.datagrams_in),
            datagrams_out_s: rate(counts.datagrams_out, last.datagrams_out),
            age_ms: live.take_ages().summary(),
            trading: live.busy.load(Relaxed),
            trades: live.trades.load(Relaxed),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a second are far below 2^52")]
fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { (count as f64 / seconds).round() } else { 0.0 }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Enter => "enter",
        Phase::Measure => "measure",
        Phase::Quiet => "quiet",
        Phase::Leave | Phase::Done => "leave",
    }
}
