//! From readings and figures to a report with a verdict.

use super::{Books, Reading};
use crate::cli::RunArgs;
use crate::figures::{
    ClientsSection, DealsSection, Figures, GeneratorSection, Host, Report, RunSection, ServerSection, SnapshotsSection,
    TradesSection, Verdict,
};
use crate::scenario::Scenario;

/// A generator whose steps are later than this, 1 of 100, measures itself.
const LAG_P99_MS: f64 = 20.0;

/// What the conductor read.
pub struct RunEnd {
    measured: bool,
    connected: usize,
    books: (Books, Books),
    seconds: f64,
    cpu_percent: f64,
    steal_percent: f64,
    server: Option<ServerSection>,
    runtime: serde_json::Value,
    build: serde_json::Value,
}

impl RunEnd {
    pub(super) fn new(
        measured: bool,
        connected: usize,
        books: (Books, Books),
        (start, end): (&Reading, &Reading),
    ) -> Self {
        let seconds = end.at.since(start.at).as_secs_f64();
        let cpu = end.cpu_seconds - start.cpu_seconds;
        let last = end.status.as_ref().or(start.status.as_ref());
        Self {
            measured,
            connected,
            books,
            seconds,
            cpu_percent: if seconds > 0.0 { 100.0 * cpu / seconds } else { 0.0 },
            steal_percent: end.processors.steal_percent_since(&start.processors),
            server: start
                .status
                .as_ref()
                .zip(end.status.as_ref())
                .map(|(start, end)| ServerSection::between(start, end, seconds)),
            runtime: last.map_or_else(Default::default, |status| status.runtime.clone()),
            build: last.map_or_else(Default::default, |status| status.build.clone()),
        }
    }
}

/// The report of a run.
pub(super) fn report(
    args: &RunArgs,
    scenario: &Scenario,
    figures: &Figures,
    socket_drops: u64,
    end: &RunEnd,
) -> Report {
    let bots = usize::try_from(args.bots).unwrap_or(usize::MAX);
    let mut report = Report {
        schema: 1,
        valid: true,
        verdict: Verdict::Pass,
        violations: Vec::new(),
        invalid_because: Vec::new(),
        run: RunSection {
            bots,
            seconds: end.seconds,
            scenario: scenario.name.clone(),
            seed: args.seed,
            gateway: args.gateway.clone(),
        },
        clients: ClientsSection {
            connected: end.connected,
            disconnected: figures.disconnected,
            reconnected: figures.reconnected,
            blocks: figures.blocks,
            maps: figures.maps,
            errors: figures.errors.clone(),
            refusals: figures.refusals.clone(),
        },
        snapshots: SnapshotsSection::of(figures),
        rtt_ms: figures.rtt.summary(),
        login_ms: figures.login.summary(),
        map_change_ms: figures.map_change.summary(),
        chat_ms: figures.chat.summary(),
        trades: TradesSection::of(figures),
        deals: DealsSection::of(figures),
        economy: Books::section(end.books.0, end.books.1),
        generator: GeneratorSection { lag_ms: figures.lag.summary(), cpu_percent: end.cpu_percent, socket_drops },
        server: end.server.clone(),
        host: Host::here(end.runtime.clone(), end.steal_percent, end.build.clone()),
    };
    report.violations = scenario.thresholds.judge(&report, scenario.trades(), scenario.deals());
    report.invalid_because = doubts(&report, end.measured);
    report.valid = report.invalid_because.is_empty();
    report.verdict = match (report.valid, report.violations.is_empty()) {
        (false, _) => Verdict::Invalid,
        (true, true) => Verdict::Pass,
        (true, false) => Verdict::Fail,
    };
    report
}

/// Why the figures say nothing about the server.
fn doubts(report: &Report, measured: bool) -> Vec<String> {
    let mut doubts = Vec::new();
    if !measured {
        doubts.push("it was ended before the measured window began".to_owned());
    }
    if let Some(lag) = report.generator.lag_ms.filter(|lag| lag.p99 > LAG_P99_MS) {
        doubts.push(format!("the generator's own steps were {:.1} ms late (p99), more than {LAG_P99_MS} ms", lag.p99));
    }
    if report.generator.socket_drops > 0 {
        doubts.push(format!("the generator's own sockets dropped {} datagrams", report.generator.socket_drops));
    }
    doubts
}

/// The exit code that tells the verdict.
#[must_use]
pub fn exit_code(report: &Report) -> u8 {
    match report.verdict {
        Verdict::Pass => 0,
        Verdict::Invalid => 98,
        Verdict::Fail => 99,
    }
}
