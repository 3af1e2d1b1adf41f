//! What a run has to reach, and the list of what it did not.

use serde::Serialize;

use crate::figures::{Report, ServerSection};

/// The least or the most of each figure; `None` = not judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// Most milliseconds from a change to its arrival, 99 of 100.
    pub age_p99_ms: Option<f64>,
    /// Most percent of the server's packets that never arrive.
    pub loss_percent: Option<f64>,
    /// Most milliseconds of a tick, 99 of 100.
    pub tick_p99_ms: Option<f64>,
    /// Most percent of ticks left out.
    pub skipped_percent: Option<f64>,
    /// Most connections that end unasked.
    pub disconnected: Option<f64>,
    /// Most bots that never stand in the world, in percent.
    pub absent_percent: Option<f64>,
    /// Least trades that succeed; judged only where the scenario trades.
    pub trades: Option<f64>,
    /// Least deals that succeed; judged only where the scenario deals.
    pub deals: Option<f64>,
    /// Whether zen and items have to be conserved.
    pub conserved: bool,
    /// Most resident memory of the server, in MiB; judged only up to 1,000 bots.
    pub rss_mib: Option<f64>,
    /// Least snapshots of one bot in a second.
    pub hz_per_bot: Option<f64>,
}

/// The direction of a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

/// A threshold that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// Name of the figure, as in the report.
    pub figure: &'static str,
    /// What it was; `None` = it could not be measured.
    pub value: Option<f64>,
    /// What was wanted.
    pub want: String,
}

/// Above this many bots the server's memory is not judged by default.
const RSS_BOTS_MAX: usize = 1000;

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            age_p99_ms: Some(110.0),
            loss_percent: Some(0.1),
            tick_p99_ms: Some(25.0),
            skipped_percent: Some(0.1),
            disconnected: Some(0.0),
            absent_percent: Some(0.0),
            trades: Some(1.0),
            deals: Some(1.0),
            conserved: true,
            rss_mib: Some(300.0),
            hz_per_bot: None,
        }
    }
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::Most(most) => value <= most,
            Self::Least(least) => value >= least,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Most(most) => format!("<= {most}"),
            Self::Least(least) => format!(">= {least}"),
        }
    }
}

impl Thresholds {
    /// Every threshold that does not hold. A figure that could not be measured does not hold.
    #[must_use]
    pub fn judge(&self, report: &Report, trades: bool, deals: bool) -> Vec<Violation> {
        let server = report.server.as_ref();
        let skipped = server.map(skipped_percent);
        let absent = report.run.bots.saturating_sub(report.clients.connected);
        let rss = self.rss_mib.filter(|_| report.run.bots <= RSS_BOTS_MAX);
        let trades_least = self.trades.filter(|_| trades);
        let deals_least = self.deals.filter(|_| deals);
        let conserved = report.economy.conserved.map(|conserved| f64::from(u8::from(conserved)));
        let judged = [
            ("snapshots.age_ms.p99", self.age_p99_ms.map(Limit::Most), report.snapshots.age_ms.map(|age| age.p99)),
            ("snapshots.lost_percent", self.loss_percent.map(Limit::Most), report.snapshots.lost_percent),
            ("snapshots.per_bot_hz", self.hz_per_bot.map(Limit::Least), Some(report.snapshots.per_bot_hz)),
            (
                "server.tick_ms.p99",
                self.tick_p99_ms.map(Limit::Most),
                server.and_then(|server| server.tick_ms).map(|tick| tick.p99),
            ),
            ("server.ticks_skipped, percent", self.skipped_percent.map(Limit::Most), skipped),
            ("clients.disconnected", self.disconnected.map(Limit::Most), Some(number(report.clients.disconnected))),
            (
                "clients never connected, percent",
                self.absent_percent.map(Limit::Most),
                Some(percent(absent as u64, report.run.bots as u64)),
            ),
            ("trades.succeeded", trades_least.map(Limit::Least), Some(number(report.trades.succeeded))),
            ("deals.succeeded", deals_least.map(Limit::Least), Some(number(report.deals.succeeded))),
            ("economy.conserved", self.conserved.then_some(Limit::Least(1.0)), conserved),
            (
                "server.rss_bytes, MiB",
                rss.map(Limit::Most),
                server.map(|server| number(server.rss_bytes) / 1_048_576.0),
            ),
        ];
        let mut violations = Vec::new();
        for (figure, limit, value) in judged {
            if let Some(limit) = limit.filter(|limit| !value.is_some_and(|value| limit.holds(value))) {
                violations.push(Violation { figure, value, want: limit.words() });
            }
        }
        violations
    }
}

/// Ticks that did not happen, counted by the server or not.
fn skipped_percent(server: &ServerSection) -> f64 {
    let lost = server.ticks_skipped + server.ticks_missing;
    percent(lost, server.ticks + lost)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * number(part) / number(whole) }
}
