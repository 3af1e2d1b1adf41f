//! The report as a contract: its JSON to the letter, and the thresholds one by one.

use std::time::Duration;

use mu_loadgen::figures::{
    ClientsSection, DealsSection, EconomySection, ErrorKinds, Figures, GeneratorSection, Host, Latency, Report,
    RunSection, ServerSection, SnapshotsSection, Summary, TradesSection, Verdict,
};
use mu_loadgen::scenario::{Scenario, Thresholds};
use serde_json::json;

fn summary(p99: f64) -> Summary {
    Summary { p50: 1.0, p90: 2.0, p99, p999: 40.0, max: 50.5, count: 6 }
}

/// A report of a run in which everything held.
fn good() -> Report {
    let mut age = Latency::default();
    age.record(Duration::from_millis(60));
    let figures = Figures {
        snapshots: 4000,
        bytes_in: 800_000,
        packets_arrived: 9_999,
        packets_missing: 1,
        age,
        trades_requested: 12,
        deals_requested: 9,
        deals_succeeded: 8,
        trades_succeeded: 9,
        trades_failed: 1,
        bot_time: Duration::from_secs(200),
        ..Figures::default()
    };
    Report {
        schema: 1,
        valid: true,
        verdict: Verdict::Pass,
        violations: Vec::new(),
        invalid_because: Vec::new(),
        run: RunSection {
            bots: 10,
            seconds: 20.0,
            scenario: "trade".to_owned(),
            seed: 7,
            gateway: "http://g".to_owned(),
        },
        clients: ClientsSection {
            connected: 10,
            disconnected: 0,
            reconnected: 0,
            blocks: 30,
            maps: 10,
            errors: ErrorKinds::from([("rate_limited", 2)]),
            refusals: ErrorKinds::from([("trade_busy", 3)]),
        },
        snapshots: SnapshotsSection::of(&figures),
        rtt_ms: Some(summary(3.0)),
        login_ms: None,
        map_change_ms: None,
        chat_ms: None,
        trades: TradesSection::of(&figures),
        deals: DealsSection::of(&figures),
        economy: EconomySection {
            zen_before: Some(5),
            zen_after: Some(5),
            items_before: Some(6),
            items_after: Some(6),
            conserved: Some(true),
        },
        generator: GeneratorSection { lag_ms: None, cpu_percent: 12.5, socket_drops: 0 },
        server: Some(ServerSection {
            tick_ms: Some(summary(20.0)),
            lateness_ms: None,
            ticks: 9_990,
            ticks_skipped: 9,
            ticks_missing: 0,
            cpu_percent: 40.0,
            rss_bytes: 100 * 1_048_576,
            shards: Vec::new(),
        }),
        host: Host { cpus: 2, kernel: "6.1".to_owned(), runtime: json!("mio"), steal_percent: 0.5, build: json!("b") },
    }
}

#[test]
fn the_json_is_this() {
    let h = |p99: f64| json!({ "p50": 1.0, "p90": 2.0, "p99": p99, "p999": 40.0, "max": 50.5, "count": 6 });
    let age = json!({ "p50": 60.031, "p90": 60.031, "p99": 60.031, "p999": 60.031, "max": 60.031, "count": 1 });
    let expected = json!({
        "schema": 1, "valid": true, "verdict": "pass", "violations": [], "invalid_because": [],
        "run": { "bots": 10, "seconds": 20.0, "scenario": "trade", "seed": 7, "gateway": "http://g" },
        "clients": { "connected": 10, "disconnected": 0, "reconnected": 0, "blocks": 30, "maps": 10, "errors": { "rate_limited": 2 }, "refusals": { "trade_busy": 3 } },
        "snapshots": { "received": 4000, "per_bot_hz": 20.0, "lost_percent": 0.01, "age_ms": age, "gap_ms": null, "bytes_per_bot_s": 4000.0 },
        "rtt_ms": h(3.0), "login_ms": null, "map_change_ms": null, "chat_ms": null,
        "trades": { "requested": 12, "succeeded": 9, "failed": 1, "unknown": 0, "latency_ms": null },
        "deals": { "requested": 9, "succeeded": 8, "failed": 0, "unknown": 0, "latency_ms": null },
        "economy": { "zen_before": 5, "zen_after": 5, "items_before": 6, "items_after": 6, "conserved": true },
        "generator": { "lag_ms": null, "cpu_percent": 12.5, "socket_drops": 0 },
        "server": { "tick_ms": h(20.0), "lateness_ms": null, "ticks": 9990, "ticks_skipped": 9, "ticks_missing": 0, "cpu_percent": 40.0,
                    "rss_bytes": 104_857_600, "shards": [] },
        "host": { "cpus": 2, "kernel": "6.1", "runtime": "mio", "steal_percent": 0.5, "build": "b" },
    });
    assert_eq!(serde_json::to_value(good()).expect("a report is JSON"), expected);
}

/// The figures that fail after one change to a good report.
fn failing(change: impl Fn(&mut Report)) -> Vec<&'static str> {
    let mut report = good();
    change(&mut report);
    Thresholds::default().judge(&report, true, true).into_iter().map(|violation| violation.figure).collect()
}

fn of_server(change: impl Fn(&mut ServerSection)) -> impl Fn(&mut Report) {
    move |report| report.server.iter_mut().for_each(&change)
}

#[test]
fn each_threshold_fails_alone() {
    assert_eq!(failing(|_| {}), [""; 0]);
    assert_eq!(failing(|report| report.snapshots.age_ms = Some(summary(110.1))), ["snapshots.age_ms.p99"]);
    assert_eq!(failing(|report| report.snapshots.lost_percent = Some(0.11)), ["snapshots.lost_percent"]);
    assert_eq!(failing(of_server(|server| server.tick_ms = Some(summary(25.1)))), ["server.tick_ms.p99"]);
    assert_eq!(failing(of_server(|server| server.ticks_skipped = 11)), ["server.ticks_skipped, percent"]);
    assert_eq!(failing(of_server(|server| server.ticks_missing = 2)), ["server.ticks_skipped, percent"]);
    assert_eq!(failing(|report| report.clients.disconnected = 1), ["clients.disconnected"]);
    assert_eq!(failing(|report| report.clients.connected = 9), ["clients never connected, percent"]);
    assert_eq!(failing(|report| report.trades.succeeded = 0), ["trades.succeeded"]);
    assert_eq!(failing(|report| report.deals.succeeded = 0), ["deals.succeeded"]);
    assert_eq!(failing(|report| report.economy.conserved = Some(false)), ["economy.conserved"]);
    assert_eq!(failing(of_server(|server| server.rss_bytes = 301 * 1_048_576)), ["server.rss_bytes, MiB"]);
}

#[test]
fn what_cannot_be_measured_does_not_hold() {
    assert_eq!(failing(|report| report.snapshots.age_ms = None), ["snapshots.age_ms.p99"]);
    assert_eq!(failing(|report| report.economy.conserved = None), ["economy.conserved"]);
    let blind = failing(|report| report.server = None);
    assert_eq!(blind, ["server.tick_ms.p99", "server.ticks_skipped, percent", "server.rss_bytes, MiB"]);
}

#[test]
fn what_does_not_belong_to_a_run_is_not_judged() {
    let mut report = good();
    report.trades.succeeded = 0;
    report.deals.succeeded = 0;
    assert!(Thresholds::default().judge(&report, false, false).is_empty(), "the scenario neither trades nor deals");
    report.run.bots = 5000;
    report.clients.connected = 5000;
    report.server.iter_mut().for_each(|server| server.rss_bytes = 900 * 1_048_576);
    assert!(Thresholds::default().judge(&report, false, false).is_empty(), "memory is promised for 1,000 bots");
}

#[test]
fn ccu_wants_a_snapshot_in_nearly_every_tick() {
    let ccu = Scenario::builtin("ccu").expect("a built-in scenario");
    let mut report = good();
    report.snapshots.per_bot_hz = 18.9;
    let figures: Vec<_> = ccu
        .thresholds
        .judge(&report, ccu.trades(), ccu.deals())
        .into_iter()
        .map(|violation| violation.figure)
        .collect();
    assert_eq!(figures, ["snapshots.per_bot_hz"]);
}
