//! The protocol of a live server recorded and made again: after an orderly stop, after a kill, and past the length allowed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::pause::until;
use super::site::Site;
use super::{Broken, CrashOptions, at_site, broken};

/// Measured seconds of each of the three lives.
const SECONDS: u32 = 3;
/// Shards of a site.
const SHARDS: u32 = 2;
/// Names the folder of the captures.
const CAPTURE: &str = "MU__NET__CAPTURE";
/// That folder, beside the configuration.
const FOLDER: &str = "captures";

/// What was recorded and replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordedReport {
    /// Datagrams the stopped server sent, all of them made again the same.
    pub datagrams: u64,
    /// What its players did, as the endpoints told their shards.
    pub events: u64,
    /// Checkpoints that agree in the captures of the killed server.
    pub killed_checkpoints: u64,
    /// Length of the longest capture of the server that was allowed a mebibyte.
    pub full_bytes: u64,
}

/// Records three lives of a server and replays each.
///
/// # Errors
/// A replay that is not the same, a recording that did not end where it must, or what the programs said.
pub fn record(options: &CrashOptions) -> Result<RecordedReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<RecordedReport, Broken> {
    let mut report = RecordedReport::default();
    let recording = [(CAPTURE, site.folder().join(FOLDER).display().to_string())];

    let mut server = site.start_server_with(&recording)?;
    play(site, options)?;
    server.terminate()?;
    server.finish(Duration::from_secs(10))?;
    for shard in 0..SHARDS {
        let replayed = replay(site, 0, shard)?;
        expect(&replayed, 0, "same", true)?;
        report.datagrams += number(&replayed.1, "datagrams")?;
        report.events += number(&replayed.1, "events")?;
    }

    let mut server = site.start_server_with(&recording)?;
    play(site, options)?;
    server.kill()?;
    for shard in 0..SHARDS {
        let replayed = replay(site, 1, shard)?;
        expect(&replayed, 3, "cut off", false)?;
        report.killed_checkpoints += number(&replayed.1, "checkpoints")?;
    }

    let [folder] = recording;
    let mut server = site.start_server_with(&[folder, ("MU__NET__CAPTURE_MIB", "1".to_owned())])?;
    // More players, so that a mebibyte is recorded soon.
    let files = site.bot_files();
    let mut bots = site.start_bots(options.bots * 4, "town", options.seed, &files)?;
    let full = (0..SHARDS).map(|shard| format!("/shards/{shard}/captures_ended")).collect::<Vec<_>>();
    let full =
        |site: &Site| full.iter().any(|pointer| site.number("/v1/ops/status", pointer).is_ok_and(|ended| ended > 0));
    until("a full capture", Duration::from_secs(120), || full(site).then_some(())).map_err(|e| site.with_status(e))?;
    let ticks = "/shards/0/ticks";
    let before = site.number("/v1/ops/status", ticks)?;
    until("ticks after it", Duration::from_secs(10), || {
        site.number("/v1/ops/status", ticks).ok().filter(|after| *after > before)
    })?;
    bots.kill()?;
    server.terminate()?;
    server.finish(Duration::from_secs(10))?;
    for shard in 0..SHARDS {
        expect(&replay(site, 2, shard)?, 0, "same", true)?;
        let length = file(site, 2, shard)?.metadata().map_err(|error| broken("the capture", error))?.len();
        report.full_bytes = report.full_bytes.max(length);
    }
    Ok(report)
}

fn play(site: &mut Site, options: &CrashOptions) -> Result<(), Broken> {
    let files = site.bot_files();
    let mut bots = site.start_bots_for(options.bots, ("town", SECONDS), options.seed, &files)?;
    bots.finish(Duration::from_secs(120)).map(drop)
}

/// A shard's capture of this life of the server: the names carry the numbers of its starts.
fn file(site: &Site, life: usize, shard: u32) -> Result<PathBuf, Broken> {
    let folder = site.folder().join(FOLDER);
    let entries = fs::read_dir(&folder).map_err(|error| broken("the captures", error))?;
    let mut files: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name =
                path.file_name()?.to_str()?.strip_prefix("start-")?.strip_suffix(&format!("-shard-{shard}.mucap"))?;
            Some((name.parse().ok()?, path))
        })
        .collect();
    files.sort();
    let found = files.len();
    let file = files.into_iter().nth(life).map(|(_, path)| path);
    file.ok_or_else(|| Broken(format!("{} holds {found} captures of shard {shard}", folder.display())))
}

/// Exit code and report of `mu-core replay`.
fn replay(site: &Site, life: usize, shard: u32) -> Result<(Option<i32>, Value), Broken> {
    let mut command = Command::new(site.server_program());
    command.arg("replay").arg(file(site, life, shard)?).args(["--json", "--config", &site.config()]);
    let output = command.output().map_err(|error| broken("mu-core replay", error))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).map_err(|error| Broken(format!("{error}\n{said}")))?;
    Ok((output.status.code(), report))
}

fn expect(replayed: &(Option<i32>, Value), code: i32, result: &str, ended: bool) -> Result<(), Broken> {
    let (found, report) = replayed;
    if *found == Some(code) && report["result"] == result && report["ended_by_owner"] == ended {
        return Ok(());
    }
    Err(Broken(format!("a replay ended with {found:?}, expected {code}, {result}: {report:#}")))
}

fn number(report: &Value, key: &str) -> Result<u64, Broken> {
    report[key].as_u64().ok_or_else(|| Broken(format!("the replay's report has no {key}: {report}")))
}
