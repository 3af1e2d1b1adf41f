//! Whole runs against the stand-in, and what their reports say.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Parser as _;
use mu_loadgen::cli::{Cli, Command, RunArgs};
use mu_loadgen::figures::{Report, Verdict};
use mu_loadgen::run::{exit_code, run};
use mu_loadgen::stop::Stop;
use serde_json::Value;

use super::stand_in::{Faults, StandIn};

fn args(server: &StandIn, more: &[&str]) -> RunArgs {
    let line = ["mu-loadgen", "run", "--gateway", &server.url, "--seed", "5"];
    let Command::Run(args) = Cli::parse_from(line.iter().chain(more)).command;
    args
}

fn report(server: &StandIn, more: &[&str]) -> Report {
    run(&args(server, more), &Stop::default()).expect("the stand-in answers")
}

/// A scenario without a threshold on time: a busy machine is no fault of what is tested here.
fn scenario(folder: &Path, text: &str) -> String {
    let path = folder.join("test.toml");
    let thresholds = "\n[thresholds]\nage_p99_ms = \"off\"\ntick_p99_ms = \"off\"\nloss_percent = 5\n";
    std::fs::write(&path, format!("{text}{thresholds}")).expect("the folder can be written");
    path.display().to_string()
}

const TRADERS: &str =
    "[[role]]\nname = \"t\"\nshare = 1\nwalk_ms = 900\nwalk_tiles = 2\nchat_ms = 700\ntrade_ms = 400\n";

fn figures_hold(report: &Report) {
    assert_eq!(report.violations, [], "{report}");
    assert!(report.verdict == Verdict::Pass || !report.invalid_because.is_empty(), "{report}");
}

#[test]
fn bots_log_in_walk_chat_and_trade_and_the_books_agree() {
    let (server, folder) = (StandIn::start(Faults::default()), tempfile::tempdir().expect("a folder"));
    let (trades, standing) = (folder.path().join("trades"), folder.path().join("standing"));
    let keys = folder.path().join("keys");
    let scenario = scenario(folder.path(), TRADERS);
    let (trades_arg, standing_arg) = (trades.display().to_string(), standing.display().to_string());
    let keys_arg = keys.display().to_string();
    let more = [
        "--bots",
        "40",
        "--seconds",
        "3",
        "--scenario",
        &scenario,
        "--trades",
        &trades_arg,
        "--standing",
        &standing_arg,
        "--keylog",
        &keys_arg,
    ];
    let report = report(&server, &more);
    figures_hold(&report);
    assert_eq!((report.clients.connected, report.clients.disconnected), (40, 0), "{report}");
    assert!(report.trades.succeeded > 0 && report.chat_ms.is_some() && report.rtt_ms.is_some(), "{report}");
    assert!(report.snapshots.age_ms.is_some_and(|age| age.count > 100), "{report}");
    assert!(report.server.as_ref().is_some_and(|server| server.ticks > 20 && server.tick_ms.is_some()), "{report}");
    assert_eq!(report.economy.conserved, Some(true));

    let told = std::fs::read_to_string(&keys).expect("the key log was made");
    assert!(told.lines().count() >= 40 && told.lines().all(|line| line.starts_with("MU_WIRE ")), "{told}");
    let mode = std::fs::metadata(&keys).expect("the key log was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may read the keys");

    let lines = |path: &Path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("the file was made");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is an object")).collect()
    };
    let told = lines(&trades);
    assert_eq!(told.iter().filter(|line| line["told"] == "success").count() as u64, 2 * report.trades.succeeded);
    for line in &told {
        let other = told
            .iter()
            .find(|other| other["event_id"] == line["event_id"] && other["a"] == line["b"])
            .expect("the other side");
        assert_eq!(
            (&other["items"], &other["zen_back"]),
            (&line["items_back"], &line["zen"]),
            "both sides were told the same trade"
        );
    }
    assert_eq!(lines(&standing).len(), 40, "every bot stood somewhere at the end");
}

#[test]
fn a_portal_to_another_endpoint_is_a_map_change_and_no_disconnect() {
    let (server, folder) = (StandIn::start(Faults::default()), tempfile::tempdir().expect("a folder"));
    let text = "[[role]]\nname = \"p\"\nshare = 1\nwalk_ms = 500\nwalk_tiles = 2\nportal_ms = 600\n";
    let scenario = scenario(folder.path(), text);
    let report = report(
        &server,
        &["--bots", "20", "--seconds", "3", "--scenario", &scenario, "--threads", "2", "--sockets", "per-bot"],
    );
    figures_hold(&report);
    assert!(report.map_change_ms.is_some_and(|change| change.count > 20), "{report}");
    assert_eq!((report.clients.disconnected, report.clients.reconnected), (0, 0), "{report}");
}

#[test]
fn value_that_is_lost_fails_the_run() {
    let faults = Faults { trades_lose: true, ..Faults::default() };
    let (server, folder) = (StandIn::start(faults), tempfile::tempdir().expect("a folder"));
    let scenario = scenario(folder.path(), TRADERS);
    let report = report(&server, &["--bots", "20", "--seconds", "2", "--scenario", &scenario]);
    assert_eq!(report.economy.conserved, Some(false), "{report}");
    let figures: Vec<_> = report.violations.iter().map(|violation| violation.figure).collect();
    assert_eq!(figures, ["economy.conserved"], "{report}");
    assert!(matches!(exit_code(&report), 98 | 99));
}

#[test]
fn bots_that_lose_their_connection_come_back_and_are_counted() {
    // Ticks count from the stand-in's start; the bots are in long before.
    let faults = Faults { drop_all_at: Some(40), rate_limited: true, ..Faults::default() };
    let (server, folder) = (StandIn::start(faults), tempfile::tempdir().expect("a folder"));
    let scenario = scenario(folder.path(), TRADERS);
    let report = report(&server, &["--bots", "10", "--seconds", "4", "--scenario", &scenario]);
    assert_eq!(report.clients.errors.get("rate_limited"), Some(&10), "each was turned away once: {report}");
    assert_eq!(report.clients.connected, 10, "{report}");
    assert_eq!(report.clients.errors.get("closed_by_server"), Some(&10), "{report}");
    assert!(report.clients.reconnected > 0 && report.clients.reconnected == report.clients.disconnected, "{report}");
    assert!(report.violations.iter().any(|violation| violation.figure == "clients.disconnected"), "{report}");
}

#[test]
fn bots_of_a_restarted_server_are_told_at_once_and_come_back() {
    let faults = Faults { restart_at: Some(40), ..Faults::default() };
    let (server, folder) = (StandIn::start(faults), tempfile::tempdir().expect("a folder"));
    let scenario = scenario(folder.path(), TRADERS);
    let report = report(&server, &["--bots", "10", "--seconds", "4", "--scenario", &scenario]);
    // All share one socket; each is told by its own token, long before the ten seconds of silence are over.
    assert_eq!(report.clients.errors.get("server_reset"), Some(&10), "{report}");
    assert!(report.clients.reconnected > 0 && report.clients.reconnected == report.clients.disconnected, "{report}");
}

#[test]
fn a_run_that_is_stopped_before_it_measures_is_invalid() {
    let server = StandIn::start(Faults::default());
    let stop = Stop::default();
    stop.ask();
    let report = run(&args(&server, &["--bots", "2", "--scenario", "walk"]), &stop).expect("the stand-in answers");
    assert_eq!((report.valid, exit_code(&report)), (false, 98), "{report}");
}

#[test]
fn without_a_gateway_there_is_no_run() {
    let line = ["mu-loadgen", "run", "--gateway", "http://127.0.0.1:9"];
    let Command::Run(args) = Cli::parse_from(line).command;
    let error = run(&args, &Stop::default()).expect_err("nobody listens there");
    assert!(error.to_string().starts_with("http://127.0.0.1:9: the gateway does not answer"), "{error}");
}
