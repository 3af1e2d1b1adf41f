//! Blows to the store, to store and server at once, and to the line between them, under trades: what was durable is decided
//! afterwards, once, and nobody was told anything that is not so.

use std::path::PathBuf;
use std::time::Duration;

use mu_storage::testing::cut::{Cut, CutProxy};

use super::kill::{conserved, lines};
use super::pause::{pause, until};
use super::process::Process;
use super::site::{BotFiles, Site};
use super::{Broken, CrashOptions, Moments, StoreKind, at_site, broken};

/// Trades must go on within this time after a blow: reconnecting, and the second after which the breaker closes again.
const GO_ON_MAX: Duration = Duration::from_secs(60);
/// Blows before fresh bots take over, so that files and characters stay few.
const BLOWS_PER_CROWD: u32 = 10;

/// What is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// PostgreSQL is killed and comes back within two seconds; the server lives.
    Store,
    /// PostgreSQL and the server are killed, in either order, and start again.
    Both,
    /// A commit is lost between server and PostgreSQL: its reply, itself, or it arrives late.
    Line,
}

/// What a run of blows found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlowReport {
    /// Blows, each followed by more trades and a clean audit.
    pub blows: u32,
    /// Of blows to the line: replies lost, commits lost, commits that came late.
    pub cuts: [u32; 3],
    /// Trades a player saw succeed.
    pub told_success: u64,
    /// Trades a player saw fail.
    pub told_failed: u64,
    /// Events that a restart found undecided and decided.
    pub replayed: u64,
}

/// Strikes `rounds` times.
///
/// # Errors
/// The first broken promise, with what the programs said.
///
/// # Panics
/// When the store of the options is not PostgreSQL.
pub fn strike_repeatedly(options: &CrashOptions, blow: Blow) -> Result<BlowReport, Broken> {
    assert_eq!(options.store, StoreKind::Postgres, "only a store with a server of its own can be hit");
    at_site(options, |site| {
        let line = (blow == Blow::Line).then(|| site.put_proxy_before_store()).transpose()?;
        Storm { site, options, moments: Moments::new(options.seed), told: Vec::new(), report: BlowReport::default() }
            .run(blow, line.as_ref())
    })
}

/// Server and bots that run at the moment.
struct Running {
    server: Process,
    bots: Process,
    files: BotFiles,
}

impl Running {
    fn with_output(&self, error: Broken) -> Broken {
        self.server.with_output(self.bots.with_output(error))
    }
}

struct Storm<'a> {
    site: &'a mut Site,
    options: &'a CrashOptions,
    moments: Moments,
    told: Vec<PathBuf>,
    report: BlowReport,
}

impl Storm<'_> {
    fn run(mut self, blow: Blow, line: Option<&CutProxy>) -> Result<BlowReport, Broken> {
        let server = self.site.start_server()?;
        let (bots, files) = self.start_bots()?;
        let mut running = Running { server, bots, files };
        while self.report.blows < self.options.rounds {
            self.wait_for_trades(&running)?;
            match blow {
                Blow::Store => self.hit_store()?,
                Blow::Both => self.hit_both(&mut running)?,
                Blow::Line => self.hit_line(line.ok_or_else(|| broken("the line", "has no proxy"))?, &running)?,
            }
            self.trades_go_on(&running)?;
            self.site.audit(&self.told).map_err(|error| running.with_output(error))?;
            self.report.blows += 1;
            if blow != Blow::Both && self.report.blows.is_multiple_of(BLOWS_PER_CROWD) {
                running.bots.kill()?;
                (running.bots, running.files) = self.start_bots()?;
            }
        }
        self.end(running)
    }

    fn start_bots(&mut self) -> Result<(Process, BotFiles), Broken> {
        let files = self.site.bot_files();
        self.told.push(files.told.clone());
        let seed = self.options.seed.wrapping_add(u64::from(self.report.blows));
        Ok((self.site.start_bots(self.options.bots, "trade", seed, &files)?, files))
    }

    /// Until some more trades were told, and then a random moment longer.
    fn wait_for_trades(&mut self, running: &Running) -> Result<(), Broken> {
        let wanted = lines(&running.files.told) + 1 + self.moments.below(20);
        until("a trade", GO_ON_MAX, || (lines(&running.files.told) >= wanted).then_some(()))
            .map_err(|error| self.site.with_status(running.with_output(error)))?;
        pause(Duration::from_micros(self.moments.below(200_000)));
        Ok(())
    }

    /// Until the store has decided more than it had after the blow.
    fn trades_go_on(&self, running: &Running) -> Result<(), Broken> {
        let applied = || self.site.number("/v1/ops/status", "/trades/applied");
        let before = applied()?;
        until("trades after the blow", GO_ON_MAX, || applied().is_ok_and(|now| now > before).then_some(()))
            .map_err(|error| self.site.with_status(running.with_output(error)))
    }

    fn hit_store(&mut self) -> Result<(), Broken> {
        let away = Duration::from_micros(self.moments.below(2_000_000));
        let postgres = self.site.postgres.as_mut().ok_or_else(|| broken("the store", "has no server"))?;
        postgres.kill();
        pause(away);
        postgres.restart();
        Ok(())
    }

    fn hit_both(&mut self, running: &mut Running) -> Result<(), Broken> {
        let store_first = self.moments.below(2) == 0;
        let between = Duration::from_micros(self.moments.below(50_000));
        for store in [store_first, !store_first] {
            if store {
                self.site.postgres.as_mut().ok_or_else(|| broken("the store", "has no server"))?.kill();
            } else {
                running.server.kill()?;
            }
            pause(between);
        }
        running.bots.kill()?;
        self.site.postgres.as_mut().ok_or_else(|| broken("the store", "has no server"))?.restart();
        running.server = self.site.start_server()?;
        self.report.replayed += self.site.number("/v1/ops/status", "/journal/replayed")?;
        self.site.audit(&self.told).map_err(|error| running.with_output(error))?;
        conserved(self.site)?;
        (running.bots, running.files) = self.start_bots()?;
        Ok(())
    }

    fn hit_line(&mut self, line: &CutProxy, running: &Running) -> Result<(), Broken> {
        let before = line.cuts();
        let pick = self.moments.below(3);
        line.cut_next([Cut::Reply, Cut::Request, Cut::DeliverLate][usize::try_from(pick).unwrap_or(0)]);
        until("a commit to be cut", GO_ON_MAX, || (line.cuts() > before).then_some(()))
            .map_err(|error| self.site.with_status(running.with_output(error)))?;
        if let Some(count) = self.report.cuts.get_mut(usize::try_from(pick).unwrap_or(0)) {
            *count += 1;
        }
        Ok(())
    }

    /// Everybody leaves; everything is decided, true and conserved.
    fn end(mut self, mut running: Running) -> Result<BlowReport, Broken> {
        running.bots.terminate()?;
        running.bots.finish(Duration::from_secs(30))?;
        until("every event decided", GO_ON_MAX, || {
            (self.site.number("/v1/ops/status", "/trades/pending").ok()? == 0).then_some(())
        })?;
        conserved(self.site)?;
        running.server.terminate()?;
        let status = running.server.finish(Duration::from_secs(10))?;
        if !status.success() {
            return Err(running.with_output(Broken(format!("the server ended with {status}"))));
        }
        self.site.audit(&self.told).map_err(|error| running.with_output(error))?;
        (self.report.told_success, self.report.told_failed) = super::kill::told(&self.told);
        Ok(self.report)
    }
}
