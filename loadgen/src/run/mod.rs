//! A run from beginning to end: bring the bots in, read the books, measure, read them again, judge.
//!
//! Everything here is slow and happens once; the fast part is in `bots`.

mod books;
mod crews;
mod judge;
mod live;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_wire::Time;

pub use books::Books;
pub use judge::{RunEnd, exit_code};

use crate::bots::{Phase, Stage};
use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::figures::{ProcessorTimes, Report, own_cpu_seconds};
use crate::gateway::{Gateway, HttpError, Status};
use crate::scenario::{self, BadScenario, Scenario};
use crate::stop::Stop;
use crews::Crews;
use live::LiveLine;

/// Longest time all logins together may take, and what each bot adds to it.
const LOGIN_PATIENCE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(50));
/// Longest time open trades may take to end.
const QUIET_PATIENCE: Duration = Duration::from_secs(15);
/// Longest time bots may take to leave.
const LEAVE_PATIENCE: Duration = Duration::from_secs(4);
/// How often the conductor looks.
const GLANCE: Duration = Duration::from_millis(20);

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] BadScenario),
    /// The world content cannot be used.
    #[error("the world content is wrong:\n{0}")]
    Content(#[from] mu_config::Diagnostics),
    /// The gateway does not answer.
    #[error("{url}: {error}")]
    Gateway {
        /// Its address.
        url: String,
        /// What happened.
        error: HttpError,
    },
    /// A file, a socket or a thread cannot be had.
    #[error("{what}: {error}")]
    System {
        /// For what.
        what: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// A thread of bots ended early.
    #[error("a thread of bots panicked")]
    Panicked,
}

/// The conductor.
struct Conductor<'a> {
    args: &'a RunArgs,
    gateway: Gateway,
    clock: Clock,
    stage: Arc<Stage>,
    stop: &'a Stop,
    live: LiveLine,
}

/// The readings at one end of the measured window.
struct Reading {
    at: Time,
    status: Option<Status>,
    cpu_seconds: f64,
    processors: ProcessorTimes,
}

/// Runs.
///
/// # Errors
/// [`RunError`] when it could not run at all.
pub fn run(args: &RunArgs, stop: &Stop) -> Result<Report, RunError> {
    let scenario = scenario::read(&args.scenario)?;
    let content = match &args.content {
        Some(dir) => mu_config::load_content(dir)?,
        None => mu_config::Content::demo(),
    };
    let gateway = Gateway::new(&args.gateway, args.ops_token.clone());
    let entries = gateway.entries().map_err(|error| RunError::Gateway { url: args.gateway.clone(), error })?;
    let (clock, stage) = (Clock::start(), Arc::new(Stage::default()));
    let crews = Crews::start(args, &scenario, &content, &entries, &gateway, &clock, &stage)?;
    let live = LiveLine::new(args.live, args.quiet);
    let mut conductor = Conductor { args, gateway, clock, stage, stop, live };
    let end = conductor.conduct(&scenario);
    let (figures, socket_drops) = crews.join()?;
    Ok(judge::report(args, &scenario, &figures, socket_drops, &end))
}

impl Conductor<'_> {
    fn conduct(&mut self, scenario: &Scenario) -> RunEnd {
        let bots = usize::try_from(self.args.bots).unwrap_or(usize::MAX);
        let patience = LOGIN_PATIENCE.0 + LOGIN_PATIENCE.1 * self.args.bots;
        self.wait(patience, |stage| stage.live.ever.load(Relaxed) + stage.live.failed.load(Relaxed) >= bots);
        let before = Books::read(&self.gateway, || self.stop.is_asked());
        let start = self.reading();
        self.stage.go(Phase::Measure);
        let window = if self.args.seconds == 0 { Duration::MAX } else { Duration::from_secs(self.args.seconds) };
        let measured = !self.stop.is_asked();
        self.wait(window, |_| false);
        let end = self.reading();
        self.stage.go(Phase::Quiet);
        self.quiet(scenario);
        let after = Books::read(&self.gateway, || false);
        let connected = self.stage.live.ever.load(Relaxed);
        self.stage.go(Phase::Leave);
        self.pass(LEAVE_PATIENCE, |stage| stage.live.in_world.load(Relaxed) == 0);
        self.stage.go(Phase::Done);
        RunEnd::new(measured, connected, (before, after), (&start, &end))
    }

    /// Waits for something, for the end of a time, or for Ctrl-C, and shows how it goes.
    fn wait(&mut self, patience: Duration, done: impl Fn(&Stage) -> bool) {
        let (stop, parent) = (self.stop.clone(), self.args.parent);
        let orphaned = || parent.is_some_and(|parent| std::os::unix::process::parent_id() != parent);
        self.pass(patience, |stage| stop.is_asked() || orphaned() || done(stage));
    }

    fn pass(&mut self, patience: Duration, done: impl Fn(&Stage) -> bool) {
        let begun = self.clock.now();
        while !done(&self.stage) && self.clock.now().since(begun) < patience {
            std::thread::park_timeout(GLANCE);
            self.live.show(self.clock.now(), &self.stage);
        }
    }

    /// Nothing new begins; what was begun ends.
    fn quiet(&mut self, scenario: &Scenario) {
        // A crew sees the phase at its next step; until then nobody counts as busy for it.
        self.pass(GLANCE * 3, |_| false);
        let patience = if scenario.trades() || scenario.deals() { QUIET_PATIENCE } else { QUIET_PATIENCE / 3 };
        self.pass(patience, |stage| stage.live.busy.load(Relaxed) == 0);
    }

    fn reading(&self) -> Reading {
        let status =
            self.gateway.status().map_err(|error| log::warn!("the server's own figures are missing: {error}")).ok();
        Reading { at: self.clock.now(), status, cpu_seconds: own_cpu_seconds(), processors: ProcessorTimes::read() }
    }
}
