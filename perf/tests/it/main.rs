//! The promise of value, against the real programs and the real databases.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use mu_perf::crash::{
    Blow, Broken, CrashOptions, Programs, StoreKind, die_at_points, kill_repeatedly, python_client, record, rewind,
    stop_repeatedly, store_outage, strike_repeatedly, travel,
};
use mu_perf::floods::{Flood, FloodOptions, babble, flood};

fn options(store: StoreKind, rounds: u32) -> CrashOptions {
    let folder = Path::new(env!("CARGO_BIN_EXE_mu-crash")).parent().expect("a file has a folder");
    let programs = Programs::in_folder(folder).expect("the programs are built");
    CrashOptions { rounds, store, bots: 40, seed: 7, programs, runtime: "auto", keep: None }
}

/// Whole servers run one after the other, also where the runner starts tests side by side.
static ALONE: Mutex<()> = Mutex::new(());

fn held<T: std::fmt::Debug>(run: impl FnOnce() -> Result<T, Broken>) -> T {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    match run() {
        Ok(report) => report,
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn twenty_kills_under_trades_on_sqlite_lose_and_double_nothing() {
    let report = held(|| kill_repeatedly(&options(StoreKind::Sqlite, 20)));
    assert_eq!(report.kills, 20);
    assert!(report.told_success > 0, "players saw trades succeed: {report:?}");
    assert!(report.replayed > 0, "restarts had undecided events to decide: {report:?}");
}

#[test]
fn twenty_kills_under_trades_on_postgresql_lose_and_double_nothing() {
    let report = held(|| kill_repeatedly(&options(StoreKind::Postgres, 20)));
    assert_eq!(report.kills, 20);
    assert!(report.told_success > 0, "players saw trades succeed: {report:?}");
    assert!(report.replayed > 0, "restarts had undecided events to decide: {report:?}");
}

/// The crash-point table of docs/value.md against a real server and a real PostgreSQL: before and after the sync, before and in the
/// transaction, after its commit, before and after players are told, and while replaying.
#[test]
fn rows_01_02_04_05_06_08_09_the_server_dies_at_each_named_point() {
    let report = held(|| die_at_points(&options(StoreKind::Postgres, 8)));
    assert_eq!(report.deaths, [1; 8]);
    assert!(report.told_success > 0 && report.replayed > 0, "{report:?}");
}

#[test]
fn backups_taken_under_trades_bring_everything_back_to_the_end_and_to_a_moment() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let report = held(|| rewind(&options(store, 1)));
        assert!(report.told > report.told_before && report.told_before > 0, "{report:?}");
        let [to_the_end, to_the_moment] = report.replayed;
        assert!(to_the_end > to_the_moment && to_the_moment > 0, "{report:?}");
    }
}

#[test]
fn row_10_postgresql_is_killed_under_trades_and_decides_again_what_it_forgot() {
    let report = held(|| strike_repeatedly(&options(StoreKind::Postgres, 4), Blow::Store));
    assert_eq!(report.blows, 4);
    assert!(report.told_success > 0, "{report:?}");
}

#[test]
fn row_11_postgresql_and_the_server_are_killed_under_trades() {
    let report = held(|| strike_repeatedly(&options(StoreKind::Postgres, 4), Blow::Both));
    assert_eq!(report.blows, 4);
    assert!(report.told_success > 0, "{report:?}");
}

#[test]
fn row_06_commits_are_lost_between_the_server_and_postgresql() {
    let report = held(|| strike_repeatedly(&options(StoreKind::Postgres, 5), Blow::Line));
    assert_eq!(report.cuts.iter().sum::<u32>(), 5);
    assert!(report.told_success > 0, "{report:?}");
}

#[test]
fn a_term_ends_in_time_and_everybody_is_stored_where_he_stood() {
    let report = held(|| stop_repeatedly(&options(StoreKind::Sqlite, 5)));
    assert_eq!(report.stops, 5);
    assert!(report.compared >= 5 * 35, "characters were compared: {report:?}");
}

#[test]
fn a_term_on_postgresql_ends_in_time_and_everybody_is_stored_where_he_stood() {
    let report = held(|| stop_repeatedly(&options(StoreKind::Postgres, 5)));
    assert_eq!(report.stops, 5);
    assert!(report.compared >= 5 * 35, "characters were compared: {report:?}");
}

#[test]
fn the_tick_does_not_notice_that_postgresql_is_away_for_ten_seconds() {
    let report = held(|| store_outage(&options(StoreKind::Postgres, 1)));
    assert!(report.ticks >= 150, "ticks went on: {report:?}");
    assert_eq!(report.skipped, 0, "{report:?}");
    assert!(report.after > 0, "trades went on afterwards: {report:?}");
}

#[test]
fn players_travel_between_shards_on_either_runtime() {
    for runtime in ["mio", "auto"] {
        let options = CrashOptions { bots: 60, runtime, ..options(StoreKind::Sqlite, 1) };
        let report = held(|| travel(&options));
        assert!(report.transfers > 0, "players went to another shard under {runtime}: {report:?}");
        assert!(report.map_changes > 0, "and saw themselves arrive: {report:?}");
        assert_eq!(report.maps_wrong, 0, "{report:?}");
        assert!(report.maps >= 60 + report.map_changes / 2, "and were told the maps: {report:?}");
    }
}

/// protocol.md 10.2, against a real server: fifteen messages that mean nothing are borne, the sixteenth ends the connection with words.
#[test]
fn a_client_that_talks_nonsense_is_closed_with_a_reason() {
    let report = held(|| babble(options(StoreKind::Sqlite, 1).programs));
    assert_eq!(report.counted, 15, "{report:?}");
    assert_eq!(report.told, (mu_wire::CloseCode::VIOLATION, "the program sends what cannot be read".to_owned()));
    assert_eq!(report.closed, 1, "{report:?}");
}

/// Each shard's capture of a real server replays to the state that was recorded: after a stop, after kill -9, and where the file was
/// full before the server ended (docs/capture.md).
#[test]
fn captures_of_a_live_server_replay_to_the_same_state() {
    let report = held(|| record(&CrashOptions { bots: 20, ..options(StoreKind::Sqlite, 1) }));
    assert!(report.datagrams > 200, "little was recorded: {report:?}");
    assert!(report.events > 50, "nobody played: {report:?}");
    assert!(report.killed_checkpoints > 0, "the killed server left nothing to compare: {report:?}");
    assert!((1 << 20..3 << 20).contains(&report.full_bytes), "one MiB was allowed: {report:?}");
}

/// Every flood at once, 75,800 datagrams a second: neighbours' tick, round trip and age of changes stay within twice the quiet
/// window of the same run (or half a tick above it: other tests use the same processors), memory stays, counters tell.
#[test]
fn neighbours_play_on_while_their_shard_is_flooded_in_every_way() {
    let folder = Path::new(env!("CARGO_BIN_EXE_mu-crash")).parent().expect("a file has a folder");
    let programs = Programs::in_folder(folder).expect("the programs are built");
    let options = FloodOptions { bots: 20, seconds: 5, slack_ms: 25.0, programs };
    let report = held(|| flood(&Flood::ALL, &options));
    assert_eq!(report.broken(&options), None, "{report}");
    for (flood, sent, took) in &report.sent {
        let wanted = took.as_secs() * u64::from(flood.rate());
        assert!(*sent > wanted / 2, "{} could not be sent: {report}", flood.name());
    }
}

/// A client written from the documents alone, as docs/protocol.md and docs/http.md promise is possible: it reads its blocks, goes on
/// from another port, walks, talks and trades: protocol.md 8.18, 10.8, 11.2, 14.1 to 14.5.
#[test]
fn the_python_client_logs_in_walks_talks_trades_and_leaves() {
    let report = held(|| python_client(&options(StoreKind::Sqlite, 1), &["--move"]));
    assert_eq!(report["trade"]["items"], 1, "{report}");
    assert_eq!(report["trade"]["zen"], 25, "{report}");
    assert_eq!(report["walks"], 2, "{report}");
    for player in report["players"].as_array().expect("two players") {
        assert_eq!(player["ended"][0], "left", "{report}");
        assert_eq!(player["blocks"], serde_json::json!([1, 2, 3]), "{report}");
        assert!(player["snapshots"].as_u64() > Some(0), "{report}");
    }
}

/// The same when every fifth datagram is lost, each way, and each takes 30 ms longer: protocol.md 8.6, 8.7, 8.9.
#[test]
fn the_python_client_does_the_same_on_a_bad_link() {
    let arguments = ["--drop", "0.2", "--delay-ms", "30", "--seed", "5"];
    let report = held(|| python_client(&options(StoreKind::Sqlite, 1), &arguments));
    assert_eq!(report["trade"]["items"], 1, "{report}");
    for player in report["players"].as_array().expect("two players") {
        assert!(player["dropped"].as_u64() > Some(0), "the link was good: {report}");
        assert!(player["packets_lost"].as_u64() > Some(0), "nothing had to be repeated: {report}");
    }
}
