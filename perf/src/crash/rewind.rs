//! Backups of a trading server, and the way back: a full copy and incremental ones are taken by command while players trade, the
//! store and the journal are then lost, and what was taken is restored, to the end and to a moment in between.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mu_storage::audit::Told;
use mu_storage::store::{Outcome, Role, open};

use super::kill::lines;
use super::pause::until;
use super::site::Site;
use super::{Broken, CrashOptions, at_site, broken};

/// Trades told between two backups, at least.
const TRADES: u64 = 10;

/// What a rehearsal found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RewindReport {
    /// Trades told before the last backup; each must be in the store restored to its end.
    pub told: u64,
    /// Of these, told before the moment in between, and in the store restored to it.
    pub told_before: u64,
    /// Events decided from the journal, to the end and to the moment.
    pub replayed: [u64; 2],
}

/// Rehearses a restore.
///
/// # Errors
/// The first broken promise, with what the programs said.
pub fn rewind(options: &CrashOptions) -> Result<RewindReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<RewindReport, Broken> {
    let backups = site.folder().join("backups");
    let mut server = site.start_server()?;
    let files = site.bot_files();
    let mut bots = site.start_bots(options.bots, "trade", options.seed, &files)?;
    let more_trades = || {
        let wanted = lines(&files.told) + TRADES;
        until("trades", Duration::from_secs(60), || (lines(&files.told) >= wanted).then_some(()))
    };
    let failed = |error, server: &super::process::Process| server.with_output(error);
    more_trades().map_err(|error| failed(error, &server))?;
    let take = |site: &Site, kind: &str| {
        mu_core(site, &["backup", kind, "--config", &site.config(), "--dir", &backups.display().to_string()])
    };
    take(site, "full")?;
    more_trades().map_err(|error| failed(error, &server))?;
    let before = told(&files.told)?;
    take(site, "incremental")?;
    // What was told before that backup was begun is in it; this is its position.
    let between = last_position(site, &backups)?;
    more_trades().map_err(|error| failed(error, &server))?;
    take(site, "world")?;
    bots.terminate()?;
    bots.finish(Duration::from_secs(30))?;
    let all = told(&files.told)?;
    take(site, "incremental")?;
    server.kill()?;
    mu_core(site, &["backup", "verify", &backups.display().to_string()])?;

    let mut report = RewindReport { told: all.len() as u64, told_before: before.len() as u64, replayed: [0; 2] };
    for (at, (lsn, told)) in [(None, &all), (Some(between), &before)].into_iter().enumerate() {
        let into = fresh_store(site, at)?;
        let (folder, lsn) = (backups.display().to_string(), lsn.map(|lsn: u64| lsn.to_string()));
        let mut arguments = vec!["backup", "restore", &*folder, "--into", &*into];
        arguments.extend(lsn.iter().flat_map(|lsn| ["--lsn", lsn.as_str()]));
        let said = mu_core(site, &arguments)?;
        let mut store = open(&into, Role::Tool).map_err(|error| broken("the restored store", error))?;
        let wrong = store.check_told(told).map_err(|error| broken("the restored store", error))?;
        if let Some(wrong) = wrong.first() {
            return Err(Broken(format!(
                "a trade told before the backup is not in the restored store: {wrong:?}\n{said}"
            )));
        }
        let decided = said.lines().find(|line| line.starts_with("journal")).unwrap_or_default();
        let count = decided.split([':', ',']).nth(1).and_then(|part| part.trim().split(' ').next()?.parse().ok());
        if let Some(replayed) = report.replayed.get_mut(at) {
            *replayed = count.ok_or_else(|| broken("the restore says", &said))?;
        }
        // In between, later trades must not be there yet.
        if lsn.is_some() {
            let later = all.iter().filter(|told| !before.contains(told) && told.success);
            let there = later
                .map(|told| store.outcome(told.event_id))
                .filter(|found| matches!(found, Ok(Some(Outcome::Applied))));
            if there.count() as u64 == (all.len() - before.len()) as u64 {
                return Err(Broken(
                    "a store restored to a moment in between has everything that came later".to_owned(),
                ));
            }
        }
    }
    Ok(report)
}

/// What players were told so far.
fn told(file: &Path) -> Result<Vec<Told>, Broken> {
    let text = std::fs::read_to_string(file).map_err(|error| broken("the told file", error))?;
    let complete = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or(""));
    let mut found = Vec::new();
    for line in complete.lines() {
        let line: serde_json::Value = serde_json::from_str(line).map_err(|error| broken("the told file", error))?;
        let word = |name: &str| line.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let event_id = u128::from_str_radix(&word("event_id"), 16).map_err(|error| broken("the told file", error))?;
        match &*word("told") {
            "success" => found.push(Told { event_id, success: true }),
            "failed" => found.push(Told { event_id, success: false }),
            _ => {}
        }
    }
    Ok(found)
}

/// The last journal position in the newest incremental backup.
fn last_position(site: &Site, backups: &Path) -> Result<u64, Broken> {
    let said = mu_core(site, &["backup", "list", "--json", &backups.display().to_string()])?;
    let newest = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).next_back();
    let last = newest.and_then(|line| line.pointer("/manifest/journal/2")?.as_u64());
    last.ok_or_else(|| broken("the list of backups says", said))
}

/// A store that holds nothing.
fn fresh_store(site: &Site, number: usize) -> Result<String, Broken> {
    let Some(_server) = &site.postgres else {
        return Ok(format!("sqlite:{}", site.folder().join(format!("restored-{number}.db")).display()));
    };
    let mut console =
        postgres::Client::connect(site.store_url(), postgres::NoTls).map_err(|error| broken("PostgreSQL", error))?;
    console
        .batch_execute(&format!("CREATE DATABASE restored_{number}"))
        .map_err(|error| broken("PostgreSQL", error))?;
    Ok(site.store_url().replace("/postgres?", &format!("/restored_{number}?")))
}

/// Runs a command of the server to its end; what it said.
fn mu_core(site: &Site, arguments: &[&str]) -> Result<String, Broken> {
    let output =
        Command::new(site.server_program()).args(arguments).output().map_err(|error| broken("mu-core", error))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Broken(format!("mu-core {} ends with {}:\n{said}{errors}", arguments.join(" "), output.status)))
}
