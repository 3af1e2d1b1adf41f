//! The server dies at each named point of value's way (`mu_storage::failpoint`), is started again, and everything is audited.

use std::path::PathBuf;
use std::time::Duration;

use mu_storage::failpoint::POINTS;

use super::hold::HeldStore;
use super::kill::conserved;
use super::pause::{pause, until};
use super::process::Process;
use super::site::Site;
use super::{Broken, CrashOptions, Moments, at_site};

/// A server dies at its point within this time, or was built without it.
const DEATH_MAX: Duration = Duration::from_secs(60);
/// How long the store is held so that a restart has something to replay.
const HELD: Duration = Duration::from_millis(500);

/// What a run through the points found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PointReport {
    /// Deaths per point, in the order of [`POINTS`], each followed by a restart and a clean audit.
    pub deaths: [u32; POINTS.len()],
    /// Trades a player saw succeed.
    pub told_success: u64,
    /// Trades a player saw fail.
    pub told_failed: u64,
    /// Events that a restart found undecided and decided.
    pub replayed: u64,
}

/// Lets the server die `rounds` times, at one point after the other.
///
/// # Errors
/// The first broken promise, with what the programs said; programs without these points are one.
pub fn die_at_points(options: &CrashOptions) -> Result<PointReport, Broken> {
    at_site(options, |site| run(site, options))
}

fn run(site: &mut Site, options: &CrashOptions) -> Result<PointReport, Broken> {
    let mut moments = Moments::new(options.seed);
    let mut report = PointReport::default();
    let mut told: Vec<PathBuf> = Vec::new();
    for round in 0..options.rounds {
        let at = usize::try_from(round).unwrap_or(0) % POINTS.len();
        let Some(&point) = POINTS.get(at) else { continue };
        if point == "in-replay" {
            leave_something_to_replay(site, options, round, &mut told)?;
            die(site.launch_server(&asked(point, 1))?, point)?;
        } else {
            let count = 1 + moments.below(60);
            let mut server = site.launch_server(&asked(point, count))?;
            // The point may be passed so often while the server starts that it dies before anybody is in.
            let alive = until("a ready server or its end", DEATH_MAX, || {
                (server.ended().is_some() || site.ask("/readyz").is_ok()).then_some(())
            });
            alive.map_err(|error| server.with_output(error))?;
            let files = site.bot_files();
            told.push(files.told.clone());
            let seed = options.seed.wrapping_add(u64::from(round));
            let mut bots = site.start_bots(options.bots, "trade", seed, &files)?;
            die(server, point).map_err(|error| bots.with_output(error))?;
            bots.kill()?;
        }
        let mut server = site.start_server()?;
        report.replayed += site.number("/v1/ops/status", "/journal/replayed")?;
        site.audit(&told).map_err(|error| server.with_output(Broken(format!("after {point}: {error}"))))?;
        conserved(site)?;
        server.kill()?;
        if let Some(deaths) = report.deaths.get_mut(at) {
            *deaths += 1;
        }
    }
    (report.told_success, report.told_failed) = super::kill::told(&told);
    Ok(report)
}

fn asked(point: &str, count: u64) -> [(&'static str, String); 1] {
    [("MU_FAILPOINT", format!("{point}:{count}"))]
}

/// Waits until the server has died, which must have been by `kill -9`.
fn die(mut server: Process, point: &str) -> Result<(), Broken> {
    use std::os::unix::process::ExitStatusExt as _;
    let status = until(&format!("the server's death at {point}"), DEATH_MAX, || server.ended()).map_err(|error| {
        server.with_output(Broken(format!(
            "{error}: cargo build --bins --features mu-core/failpoints builds such a server"
        )))
    })?;
    if status.signal() == Some(9) {
        return Ok(());
    }
    Err(server.with_output(Broken(format!("at {point} the server ended with {status}"))))
}

/// Kills a trading server while somebody else holds the store, so that events are durable and undecided.
fn leave_something_to_replay(
    site: &mut Site,
    options: &CrashOptions,
    round: u32,
    told: &mut Vec<PathBuf>,
) -> Result<(), Broken> {
    let mut server = site.start_server()?;
    let files = site.bot_files();
    told.push(files.told.clone());
    let mut bots = site.start_bots(options.bots, "trade", options.seed.wrapping_add(u64::from(round)), &files)?;
    until("a trade", DEATH_MAX, || (super::kill::lines(&files.told) > 0).then_some(()))
        .map_err(|error| site.with_status(bots.with_output(server.with_output(error))))?;
    let held = HeldStore::hold(site)?;
    pause(HELD);
    server.kill()?;
    bots.kill()?;
    drop(held);
    Ok(())
}
