//! Players walk through portals between maps of two shards: nobody is lost on the way, and nothing of value.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::kill::conserved;
use super::site::Site;
use super::{Broken, CrashOptions, at_site, broken};

/// Measured seconds of travelling.
const SECONDS: u32 = 10;

/// What a run of travellers found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TravelReport {
    /// Portals passed, as the players saw it, within the measured time.
    pub map_changes: u64,
    /// Map blocks that were as the content has the map, one for each map entered.
    pub maps: u64,
    /// Blocks that were not valid, and maps that were not as the content has them.
    pub maps_wrong: u64,
    /// Of all portals passed, those to another shard, as the shards counted them.
    pub transfers: u64,
}

/// Lets the bots of the options travel for a while.
///
/// # Errors
/// A player lost on the way, a contradiction in the books, or what the programs said.
pub fn travel(options: &CrashOptions) -> Result<TravelReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<TravelReport, Broken> {
    let mut server = site.start_server()?;
    let files = site.bot_files();
    let mut bots = site.start_bots_for(options.bots, ("town", SECONDS), options.seed, &files)?;
    bots.finish(Duration::from_secs(120))?;
    let text =
        fs::read_to_string(&files.report).map_err(|error| bots.with_output(broken("the bots' report", error)))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| broken("the bots' report", error))?;
    let figure = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64);
    let lost = figure("/clients/disconnected").unwrap_or(u64::MAX);
    let connected = figure("/clients/connected").unwrap_or(0);
    if lost > 0 || connected < u64::from(options.bots) {
        let error = Broken(format!("{connected} of {} players came, {lost} were lost", options.bots));
        return Err(server.with_output(bots.with_output(error)));
    }
    conserved(site)?;
    let transfers =
        site.number("/v1/ops/status", "/shards/0/transfers")? + site.number("/v1/ops/status", "/shards/1/transfers")?;
    server.terminate()?;
    server.finish(Duration::from_secs(5))?;
    site.audit(&[])?;
    let wrong = |kind| figure(&format!("/clients/errors/{kind}")).unwrap_or(0);
    Ok(TravelReport {
        map_changes: figure("/map_change_ms/count").unwrap_or(0),
        maps: figure("/clients/maps").unwrap_or(0),
        maps_wrong: wrong("map_differs") + wrong("block_malformed"),
        transfers,
    })
}
