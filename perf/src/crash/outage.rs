//! PostgreSQL killed under trades and brought back: no tick notices, trades wait or are refused with a reason, and all
//! that was durable is decided afterwards.

use std::time::Duration;

use super::kill::{conserved, lines};
use super::pause::{pause, until};
use super::site::Site;
use super::{Broken, CrashOptions, at_site};

/// How long the store stays away.
const AWAY: Duration = Duration::from_secs(10);

/// What an outage looked like from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutageReport {
    /// Ticks run while the store was away.
    pub ticks: u64,
    /// Of these, left out.
    pub skipped: u64,
    /// Events durable but undecided at the end of the outage.
    pub waiting: u64,
    /// Trades decided after it.
    pub after: u64,
}

/// Kills the store under trades, `rounds` times.
///
/// # Errors
/// The first broken promise, with what the programs said.
///
/// # Panics
/// When the store of the options has no server of its own.
pub fn store_outage(options: &CrashOptions) -> Result<OutageReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<OutageReport, Broken> {
    let mut server = site.start_server()?;
    let files = site.bot_files();
    let mut bots = site.start_bots(options.bots, "trade", options.seed, &files)?;
    until("a trade", Duration::from_secs(60), || (lines(&files.told) >= 10).then_some(()))
        .map_err(|error| bots.with_output(error))?;
    let figure = |site: &Site, pointer: &str| site.number("/v1/ops/status", pointer);
    let mut report = OutageReport::default();
    for _ in 0..options.rounds {
        let (ticks, skipped) = (figure(site, "/ticks")?, figure(site, "/ticks_skipped")?);
        site.postgres.as_mut().expect("an outage needs a store with a server").kill();
        pause(AWAY);
        report.waiting += figure(site, "/trades/pending")?;
        report.ticks += figure(site, "/ticks")? - ticks;
        report.skipped += figure(site, "/ticks_skipped")? - skipped;
        site.postgres.as_mut().expect("as above").restart();
        let before = figure(site, "/trades/applied")?;
        until("trades after the outage", Duration::from_secs(30), || {
            let applied = figure(site, "/trades/applied").ok()?;
            (applied > before + 10).then_some(())
        })
        .map_err(|error| server.with_output(bots.with_output(error)))?;
        report.after += figure(site, "/trades/applied")? - before;
    }
    bots.terminate()?;
    bots.finish(Duration::from_secs(30))?;
    until("every event decided", Duration::from_secs(10), || {
        (figure(site, "/trades/pending").ok()? == 0).then_some(())
    })?;
    site.audit(&[files.told]).map_err(|error| server.with_output(error))?;
    conserved(site)?;
    server.terminate()?;
    let status = server.finish(Duration::from_secs(10))?;
    if !status.success() {
        return Err(server.with_output(Broken(format!("the server ended with {status}"))));
    }
    if report.skipped > 0 {
        return Err(Broken(format!(
            "{} of {} ticks were skipped while the store was away",
            report.skipped, report.ticks
        )));
    }
    Ok(report)
}
