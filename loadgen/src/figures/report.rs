//! The report: a stable JSON contract. Fields may be added, none renamed.

use std::fmt;

use serde::Serialize;

use super::counts::{ErrorKinds, Figures};
use super::histogram::Summary;
use super::host::Host;
use super::server::ServerSection;
use crate::scenario::Violation;

/// Whether the run reached what it had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every threshold held.
    Pass,
    /// Some did not.
    Fail,
    /// The generator was the bottleneck; the figures say nothing about the server.
    Invalid,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this contract.
    pub schema: u32,
    /// Whether the figures say something about the server.
    pub valid: bool,
    /// The outcome.
    pub verdict: Verdict,
    /// Thresholds that did not hold.
    pub violations: Vec<Violation>,
    /// Why the run is invalid; empty when it is valid.
    pub invalid_because: Vec<String>,
    /// What was asked for.
    pub run: RunSection,
    /// Connections.
    pub clients: ClientsSection,
    /// Snapshots.
    pub snapshots: SnapshotsSection,
    /// Round trips.
    pub rtt_ms: Option<Summary>,
    /// Logins.
    pub login_ms: Option<Summary>,
    /// Ways through portals.
    pub map_change_ms: Option<Summary>,
    /// Chat.
    pub chat_ms: Option<Summary>,
    /// Trades.
    pub trades: TradesSection,
    /// Deals with the warehouse, the shops and the ground.
    pub deals: DealsSection,
    /// Zen and items.
    pub economy: EconomySection,
    /// The generator itself.
    pub generator: GeneratorSection,
    /// The server's own figures; `None` when it does not tell.
    pub server: Option<ServerSection>,
    /// The machine.
    pub host: Host,
}

/// What was asked for, and how long the measured window really was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSection {
    /// Bots.
    pub bots: usize,
    /// Length of the measured window.
    pub seconds: f64,
    /// Scenario.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// The gateway's address.
    pub gateway: String,
}

/// Connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientsSection {
    /// Bots that stood in the world.
    pub connected: usize,
    /// Connections that ended unasked.
    pub disconnected: u64,
    /// Bots that came back after one.
    pub reconnected: u64,
    /// Blocks that came whole and were valid, from the beginning.
    pub blocks: u64,
    /// Of these, maps that are as the bots' content has them.
    pub maps: u64,
    /// Errors by kind.
    pub errors: ErrorKinds,
    /// Requests the server did not grant, by kind.
    pub refusals: ErrorKinds,
}

/// Snapshots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotsSection {
    /// How many arrived.
    pub received: u64,
    /// In a second, for a bot in the world.
    pub per_bot_hz: f64,
    /// Share of the server's packets that never arrived; `None` when the server sent none.
    pub lost_percent: Option<f64>,
    /// From the tick of a change to its arrival.
    pub age_ms: Option<Summary>,
    /// Between two snapshots of one bot.
    pub gap_ms: Option<Summary>,
    /// Payload bytes of all datagrams, for a bot in the world.
    pub bytes_per_bot_s: f64,
}

/// Trades.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradesSection {
    /// Requests sent.
    pub requested: u64,
    /// Told to have succeeded.
    pub succeeded: u64,
    /// Told to have failed.
    pub failed: u64,
    /// Never told.
    pub unknown: u64,
    /// From the confirmation to the told success.
    pub latency_ms: Option<Summary>,
}

/// Deals with the warehouse, the shops and the ground.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DealsSection {
    /// Requests sent.
    pub requested: u64,
    /// Told to have succeeded.
    pub succeeded: u64,
    /// Told to have failed.
    pub failed: u64,
    /// Never told.
    pub unknown: u64,
    /// From the request to the told success.
    pub latency_ms: Option<Summary>,
}

/// Zen and items of all players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EconomySection {
    /// Zen before.
    pub zen_before: Option<i64>,
    /// Zen after.
    pub zen_after: Option<i64>,
    /// Items before.
    pub items_before: Option<i64>,
    /// Items after.
    pub items_after: Option<i64>,
    /// Whether the difference is what was made and destroyed; `None` when the server does not tell.
    pub conserved: Option<bool>,
}

/// The generator itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratorSection {
    /// How late its steps were.
    pub lag_ms: Option<Summary>,
    /// Its processor time, 100 = one CPU.
    pub cpu_percent: f64,
    /// Datagrams its own sockets dropped.
    pub socket_drops: u64,
}

impl SnapshotsSection {
    /// From the figures of all threads.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        let bot_seconds = figures.bot_time.as_secs_f64();
        let rate = |count: u64| if bot_seconds > 0.0 { number(count) / bot_seconds } else { 0.0 };
        let lost = figures.packets_missing;
        let sent = figures.packets_arrived + lost;
        Self {
            received: figures.snapshots,
            per_bot_hz: round(rate(figures.snapshots)),
            lost_percent: (sent > 0).then(|| 100.0 * number(lost) / number(sent)),
            age_ms: figures.age.summary(),
            gap_ms: figures.gap.summary(),
            bytes_per_bot_s: round(rate(figures.bytes_in)),
        }
    }
}

impl TradesSection {
    /// From the figures of all threads.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        Self {
            requested: figures.trades_requested,
            succeeded: figures.trades_succeeded,
            failed: figures.trades_failed,
            unknown: figures.trades_unknown,
            latency_ms: figures.trade.summary(),
        }
    }
}

impl DealsSection {
    /// From the figures of all threads.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        Self {
            requested: figures.deals_requested,
            succeeded: figures.deals_succeeded,
            failed: figures.deals_failed,
            unknown: figures.deals_unknown,
            latency_ms: figures.deal.summary(),
        }
    }

    /// Its lines on the page, if anything was asked for.
    fn write(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requested == 0 {
            return Ok(());
        }
        let Self { requested, succeeded, failed, unknown, .. } = self;
        writeln!(
            out,
            "  deals       {requested} requested, {succeeded} succeeded, {failed} failed, {unknown} unknown"
        )?;
        line(out, "deal", self.latency_ms)
    }
}

impl fmt::Display for Report {
    /// A page for people.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = &self.run;
        writeln!(
            out,
            "{} bots, scenario {}, seed {}, {:.1} s measured at {}",
            run.bots, run.scenario, run.seed, run.seconds, run.gateway
        )?;
        let clients = &self.clients;
        write!(
            out,
            "  clients     {} connected, {} disconnected, {} reconnected, {} blocks, {} maps",
            clients.connected, clients.disconnected, clients.reconnected, clients.blocks, clients.maps
        )?;
        for (kind, count) in &clients.errors {
            write!(out, ", {count} {kind}")?;
        }
        let snapshots = &self.snapshots;
        writeln!(out)?;
        let lost = snapshots.lost_percent.map_or_else(|| "unknown".to_owned(), |lost| format!("{lost:.3} %"));
        writeln!(
            out,
            "  snapshots   {} received, {:.1} Hz and {:.0} bytes a second for each bot, lost {lost}",
            snapshots.received, snapshots.per_bot_hz, snapshots.bytes_per_bot_s
        )?;
        line(out, "age", snapshots.age_ms)?;
        line(out, "gap", snapshots.gap_ms)?;
        line(out, "round trip", self.rtt_ms)?;
        line(out, "login", self.login_ms)?;
        line(out, "map change", self.map_change_ms)?;
        line(out, "chat", self.chat_ms)?;
        let trades = &self.trades;
        if trades.requested > 0 {
            writeln!(
                out,
                "  trades      {} requested, {} succeeded, {} failed, {} unknown",
                trades.requested, trades.succeeded, trades.failed, trades.unknown
            )?;
            line(out, "trade", trades.latency_ms)?;
        }
        self.deals.write(out)?;
        self.economy.fmt(out)?;
        if let Some(server) = &self.server {
            line(out, "tick", server.tick_ms)?;
            line(out, "step late", server.lateness_ms)?;
            let mib = server.rss_bytes / 1_048_576;
            writeln!(
                out,
                "  server      {} ticks, {} skipped, {} missing, CPU {:.0} %, memory {mib} MiB",
                server.ticks, server.ticks_skipped, server.ticks_missing, server.cpu_percent
            )?;
        }
        line(out, "own lag", self.generator.lag_ms)?;
        let generator = &self.generator;
        writeln!(
            out,
            "  generator   CPU {:.0} %, {} datagrams dropped by its sockets, {:.1} % stolen",
            generator.cpu_percent, generator.socket_drops, self.host.steal_percent
        )?;
        for reason in &self.invalid_because {
            writeln!(out, "  invalid     {reason}")?;
        }
        for Violation { figure, value, want } in &self.violations {
            let value = value.map_or_else(|| "could not be measured".to_owned(), |value| format!("is {value:.3}"));
            writeln!(out, "  failed      {figure} {value}, wanted {want}")?;
        }
        writeln!(out, "  verdict     {}", format!("{:?}", self.verdict).to_lowercase())
    }
}

impl EconomySection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(zen), Some(zen_after), Some(items), Some(items_after)) =
            (self.zen_before, self.zen_after, self.items_before, self.items_after)
        else {
            return writeln!(out, "  economy     unknown");
        };
        let word = match self.conserved {
            Some(true) => "conserved",
            Some(false) => "NOT CONSERVED",
            None => "unknown",
        };
        writeln!(out, "  economy     zen {zen} -> {zen_after}, items {items} -> {items_after}: {word}")
    }
}

fn line(out: &mut fmt::Formatter<'_>, name: &str, summary: Option<Summary>) -> fmt::Result {
    let Some(Summary { p50, p90, p99, p999, max, count }) = summary else { return Ok(()) };
    writeln!(out, "  {name:<11} p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms  ({count})")
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}
