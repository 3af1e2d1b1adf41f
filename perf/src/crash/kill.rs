//! `kill -9` at random moments under trades, restart, audit.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hold::HeldStore;
use super::pause::{pause, until};
use super::site::Site;
use super::{Broken, CrashOptions, Moments, at_site};

/// Players must have traded this long after the bots started.
const FIRST_TRADE_MAX: Duration = Duration::from_secs(60);

/// How long the store is held before such a kill: long enough for trades to become durable.
const HELD: Duration = Duration::from_millis(500);

/// What a run of kills found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KillReport {
    /// Kills, each followed by a restart and a clean audit.
    pub kills: u32,
    /// Trades a player saw succeed.
    pub told_success: u64,
    /// Trades a player saw fail.
    pub told_failed: u64,
    /// Events that a restart found undecided and decided.
    pub replayed: u64,
}

/// Kills the server `rounds` times; each time what players were told must be true, and the books must hold.
///
/// # Errors
/// The first broken promise, with what the programs said.
pub fn kill_repeatedly(options: &CrashOptions) -> Result<KillReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<KillReport, Broken> {
    let mut moments = Moments(options.seed);
    let mut told: Vec<PathBuf> = Vec::new();
    let mut report = KillReport::default();
    let mut server = site.start_server()?;
    for round in 0..options.rounds {
        let files = site.bot_files();
        told.push(files.told.clone());
        let mut bots = site.start_bots(options.bots, "trade", options.seed.wrapping_add(u64::from(round)), &files)?;
        let wanted = 1 + moments.below(40);
        until("a trade", FIRST_TRADE_MAX, || (lines(&files.told) >= wanted).then_some(()))
            .map_err(|error| site.with_status(bots.with_output(server.with_output(error))))?;
        pause(Duration::from_micros(moments.below(300_000)));
        // Every other kill finds events that are durable but undecided.
        let held = (round % 2 == 1).then(|| HeldStore::hold(site)).transpose()?;
        if held.is_some() {
            pause(HELD);
        }
        server.kill()?;
        bots.kill()?;
        drop(held);
        server = site.start_server()?;
        report.replayed += site.number("/v1/ops/status", "/journal/replayed")?;
        site.audit(&told).map_err(|error| server.with_output(error))?;
        conserved(site)?;
        report.kills += 1;
    }
    server.terminate()?;
    server.finish(Duration::from_secs(10))?;
    (report.told_success, report.told_failed) = self::told(&told);
    Ok(report)
}

/// How many trades players saw succeed, and fail.
pub(super) fn told(files: &[PathBuf]) -> (u64, u64) {
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    let count = |word: &str| text.lines().filter(|line| line.contains(word)).count() as u64;
    (count("\"success\""), count("\"failed\""))
}

/// Players hold all that was ever minted and not burned.
pub(super) fn conserved(site: &Site) -> Result<(), Broken> {
    let figure = |name: &str| site.number("/v1/ops/economy", name);
    let held = (figure("/zen_players")?, figure("/items_live")?);
    let minted = (figure("/zen_minted")?, figure("/items_minted")?);
    let burned = (figure("/zen_burned")?, figure("/items_burned")?);
    if (held.0 + burned.0, held.1 + burned.1) == minted {
        return Ok(());
    }
    Err(Broken(format!(
        "value is not conserved: players hold (zen, items) {held:?}, minted were {minted:?}, burned {burned:?}"
    )))
}

/// Complete lines of a file that is being written.
pub(super) fn lines(path: &Path) -> u64 {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count() as u64)
}
