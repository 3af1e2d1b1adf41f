//! Settings: layers, bounds, cross checks, and the words of each mistake.

use mu_config::{Cpus, Runtime, Severity};

use super::{lines, load_in, load_text};

/// The findings of a text that must not load.
fn wrong(text: &str) -> Vec<String> {
    lines(&load_text(text).expect_err("this text is wrong"))
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "[flush]\nbatch = 201\ntick_ms = 1001\nmax_lag_ms = 9001\n";
    let env = [("MU__FLUSH__TICK_MS", "1002"), ("MU__FLUSH__MAX_LAG_MS", "9002"), ("HOME", "/")];
    let plan = load_in(folder.path(), text, &env, &["flush.max_lag_ms=9003"]).expect("all of it is allowed");
    let flush = &plan.settings.flush;
    assert_eq!((flush.batch, flush.tick_ms, flush.max_lag_ms), (201, 1002, 9003));
    assert_eq!(plan.settings.map.hard_cap, 350, "a key nobody sets keeps its default");
    assert!(plan.warnings.is_empty(), "{}", plan.warnings);
}

#[test]
fn every_layer_can_set_cpus_and_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let env = [("MU__CORES__MAP", "[2, 2,3]"), ("MU__RUNTIME", "mio")];
    let plan =
        load_in(folder.path(), "[cores]\nhousekeeping = [0]\n", &env, &["cores.housekeeping=auto"]).expect("allowed");
    assert_eq!(plan.settings.cores.map, Cpus::Listed(vec![2, 2, 3]));
    assert_eq!(plan.settings.cores.housekeeping, Cpus::Auto);
    assert_eq!(plan.settings.runtime, Runtime::Mio);
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = load_in(folder.path(), "[wal]\ndir = \"journal\"\n[log]\ndir = \"/log\"\n", &[], &[]).expect("allowed");
    assert_eq!(plan.settings.wal.dir, folder.path().join("journal"));
    assert_eq!(plan.settings.keys.file, folder.path().join("var/keys"));
    assert_eq!(plan.settings.store.url, format!("sqlite:{}", folder.path().join("var/mu.db").display()));
    assert_eq!(plan.settings.log.dir.as_deref(), Some(std::path::Path::new("/log")));
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    assert_eq!(
        wrong("[tick]\nmonster_mss = 100\n"),
        ["2:1 error: unknown key `tick.monster_mss` (did you mean `tick.monster_ms`?)"]
    );
    assert_eq!(wrong("[tik]\nmonster_ms = 100\n"), ["1:2 error: unknown section `tik` (did you mean `tick`?)"]);
    assert_eq!(wrong("rutnime = \"mio\"\n"), ["1:1 error: unknown key `rutnime` (did you mean `runtime`?)"]);
    let known = "known: map.soft_cap, map.hard_cap, map.view_tiles";
    assert_eq!(wrong("[map]\nxyzzy = 1\n"), [format!("2:1 error: unknown key `map.xyzzy` ({known})")]);
}

#[test]
fn a_value_out_of_bounds_says_what_is_allowed() {
    assert_eq!(wrong("[udp]\nport = 70000\n"), ["2:8 error: `udp.port`: 70000 is out of bounds (allowed: 1 to 65535)"]);
    assert_eq!(wrong("[tick]\nplayer_ms = 40\n"), ["2:13 error: `tick.player_ms`: 40 is out of bounds (allowed: 50)"]);
    assert_eq!(
        wrong("[wal]\nmedium = \"tape\"\n"),
        ["2:10 error: `wal.medium`: \"tape\" is not accepted here (allowed: \"mmap\", \"pwrite\")"]
    );
    assert_eq!(
        wrong("[store]\nurl = \"mysql://x\"\n"),
        [
            "2:7 error: `store.url`: \"mysql://x\" is not accepted here (allowed: \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\")"
        ]
    );
}

#[test]
fn a_value_of_the_wrong_type_says_which_is_wanted() {
    assert_eq!(
        wrong("[flush]\nbatch = \"many\"\n"),
        ["2:9 error: `flush.batch`: a whole number is wanted here, not a string (allowed: 1 to 1000)"]
    );
    assert_eq!(
        wrong("[gateway]\nbind = 7080\n"),
        [
            "2:8 error: `gateway.bind`: a string is wanted here, not a number (allowed: an IP address and port, like \"127.0.0.1:7080\")"
        ]
    );
    assert_eq!(wrong("wal = 3\n"), ["1:7 error: `wal` is a number, not a section (write [wal])"]);
    assert_eq!(
        wrong("[cores]\nmap = [0, -1]\n"),
        ["2:7 error: `cores.map`: -1 is not a CPU number (allowed: \"auto\" or a list of CPU numbers, like [2, 3])"]
    );
}

#[test]
fn settings_that_contradict_each_other_are_reported_where_they_are_set() {
    assert_eq!(
        wrong("[flush]\ntick_ms = 20000\n"),
        [
            "2:11 error: flush.tick_ms is 20000 and flush.max_lag_ms is 15000 (a state cannot be younger than the period of its flush: tick_ms <= max_lag_ms)"
        ]
    );
    assert_eq!(
        wrong("[map]\nsoft_cap = 400\n"),
        ["2:12 error: map.soft_cap is 400 and map.hard_cap is 350 (soft_cap <= hard_cap)"]
    );
    assert_eq!(
        wrong("[tick]\nmonster_ms = 120\n"),
        [
            "2:14 error: tick.monster_ms is 120, which is not a multiple of tick.player_ms (allowed: 50, 100, 150, 200 and so on)"
        ]
    );
    assert_eq!(
        wrong("[udp]\nport = 65535\n[cores]\nmap = [1, 2]\n"),
        ["2:8 error: udp.port is 65535 and 2 shards need as many ports from there (the last port is 65535)"]
    );
}

#[test]
fn what_is_allowed_but_unwise_is_a_warning() {
    let plan = load_text("[cores]\nmap = [1, 1]\nhousekeeping = [0, 1]\n[udp]\nbind = \"0.0.0.0\"\n")
        .expect("warnings do not forbid");
    let help = "ticks on these CPUs wait for the gateway, the journal and the store";
    assert_eq!(
        lines(&plan.warnings),
        [
            format!("3:16 warning: CPUs [1] run shards and housekeeping ({help})"),
            "5:8 warning: udp.bind is 0.0.0.0 and host.public_address is auto: clients are told 127.0.0.1 (set host.public_address to the address clients reach)".to_owned(),
        ]
    );
}

#[test]
fn the_environment_and_the_flags_are_checked_like_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let env = [("MU__TICK__MONSTER_MSS", "100"), ("MU__FLUSH__BATCH", "x")];
    let found = load_in(folder.path(), "", &env, &["udp.prt=1", "udp.port"]).expect_err("four mistakes");
    assert_eq!(
        lines(&found),
        [
            "0:0 error: `flush.batch`: a whole number is wanted here, not a string (allowed: 1 to 1000)",
            "0:0 error: unknown variable `MU__TICK__MONSTER_MSS` (did you mean `MU__TICK__MONSTER_MS`?)",
            "0:0 error: unknown key `udp.prt` (did you mean `udp.port`?)",
            "0:0 error: `udp.port` sets nothing (write key=value, like tick.monster_ms=100)",
        ]
    );
    assert_eq!(found.entries()[0].file.display().to_string(), "environment MU__FLUSH__BATCH");
    assert!(found.entries().iter().all(|entry| entry.severity == Severity::Error));
}

#[test]
fn one_pass_reports_syntax_keys_and_contradictions_together() {
    let found = wrong("[udp]\nport = = 3\n[flush]\nbatc = 3\ntick_ms = 59000\n");
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].starts_with("2:"), "{found:#?}");
}

#[test]
fn a_mistake_is_printed_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let found = load_in(folder.path(), "[tick]\nmonster_mss = 100\n", &[], &[]).expect_err("an unknown key");
    let printed = found.to_string().replace(&folder.path().display().to_string(), "DIR");
    let expected = "error: unknown key `tick.monster_mss`
 --> DIR/mu.toml:2:1
  |
2 | monster_mss = 100
  | ^^^^^^^^^^^
  |
  = help: did you mean `tick.monster_ms`?
";
    assert_eq!(printed, expected);
}

#[test]
fn a_missing_file_is_a_finding() {
    let found = mu_config::load(std::path::Path::new("/nowhere/mu.toml"), [], [""; 0]).expect_err("there is no file");
    assert!(lines(&found)[0].contains("the configuration file cannot be read"), "{found}");
}
