//! TERM under walking players: the server ends in time, and every character is stored where its player last saw it stand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use mu_storage::ids::CharacterId;
use mu_storage::store::{Role, open};
use serde::Deserialize;

use super::kill::{conserved, lines};
use super::pause::{now, pause, until};
use super::site::Site;
use super::{Broken, CrashOptions, Moments, at_site, broken};

/// From TERM to the end of the process.
const STOP_MAX: Duration = Duration::from_secs(5);

/// What a run of stops found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StandingReport {
    /// Stops, each in time, each followed by a clean audit.
    pub stops: u32,
    /// Characters whose stored position was compared.
    pub compared: u64,
    /// The longest stop.
    pub longest: Duration,
}

/// Where a bot's own entity last stood, as its client saw it.
#[derive(Debug, Deserialize)]
struct Stood {
    character: i64,
    map: i32,
    x: i32,
    y: i32,
}

/// Stops the server `rounds` times while players walk, chat, travel and trade.
///
/// # Errors
/// The first broken promise, with what the programs said.
pub fn stop_repeatedly(options: &CrashOptions) -> Result<StandingReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<StandingReport, Broken> {
    let mut moments = Moments(options.seed);
    let mut report = StandingReport::default();
    let mut told = Vec::new();
    for round in 0..options.rounds {
        let mut server = site.start_server()?;
        let files = site.bot_files();
        told.push(files.told.clone());
        let mut bots = site.start_bots(options.bots, "mix", options.seed.wrapping_add(u64::from(round)), &files)?;
        let wanted = u64::from(options.bots);
        until("everybody in the world", Duration::from_secs(60), || {
            site.number("/v1/ops/status", "/shards/0/players")
                .and_then(|here| Ok(here + site.number("/v1/ops/status", "/shards/1/players")?))
                .is_ok_and(|players| players >= wanted)
                .then_some(())
        })
        .map_err(|error| bots.with_output(error))?;
        pause(Duration::from_millis(1_000 + moments.below(2_000)));
        let asked = now();
        server.terminate()?;
        let status = server.finish(STOP_MAX)?;
        report.longest = report.longest.max(asked.elapsed());
        if !status.success() {
            return Err(server.with_output(Broken(format!("the server ended with {status}"))));
        }
        // Each client writes where it stood when its connection ends.
        until("a line of every player", Duration::from_secs(10), || (lines(&files.standing) >= wanted).then_some(()))
            .map_err(|error| bots.with_output(error))?;
        bots.kill()?;
        report.compared +=
            compare(site, &files.standing).map_err(|error| bots.with_output(server.with_output(error)))?;
        site.audit(&told)?;
        report.stops += 1;
    }
    let mut server = site.start_server()?;
    conserved(site)?;
    server.terminate()?;
    server.finish(STOP_MAX)?;
    Ok(report)
}

/// Each character's row against its client's last look.
fn compare(site: &Site, standing: &Path) -> Result<u64, Broken> {
    let text = fs::read_to_string(standing).map_err(|error| broken("the standing file", error))?;
    let mut last: BTreeMap<i64, Stood> = BTreeMap::new();
    for line in text.lines() {
        let stood: Stood = serde_json::from_str(line).map_err(|error| broken("a line of the standing file", error))?;
        last.insert(stood.character, stood);
    }
    let mut store = open(site.store_url(), Role::Tool).map_err(|error| broken("the store", error))?;
    for stood in last.values() {
        let row = store
            .character(CharacterId(stood.character))
            .map_err(|error| broken("the store", error))?
            .ok_or_else(|| Broken(format!("character {} is gone", stood.character)))?
            .hot;
        if (row.map, row.x, row.y) != (stood.map, stood.x, stood.y) {
            return Err(Broken(format!(
                "character {} stood on map {} at ({}, {}) but is stored on map {} at ({}, {})",
                stood.character, stood.map, stood.x, stood.y, row.map, row.x, row.y
            )));
        }
    }
    Ok(last.len() as u64)
}
