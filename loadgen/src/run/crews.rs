//! The threads of a run: crews of bots and the door that brings them in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use mu_config::Content;

use super::RunError;
use crate::bots::{Atlas, Crew, CrewPlan, Records, Stage};
use crate::cli::{RunArgs, Sockets};
use crate::clock::{Clock, unix_micros};
use crate::figures::Figures;
use crate::gateway::{Door, Gateway, Guest, Way};
use crate::scenario::Scenario;

type Outcome = std::io::Result<(Figures, u64)>;

/// The running threads.
pub(super) struct Crews {
    door: Door,
    threads: Vec<JoinHandle<Outcome>>,
}

impl Crews {
    /// Starts everything; the bots begin to come in.
    pub(super) fn start(
        args: &RunArgs,
        scenario: &Scenario,
        content: &Content,
        entries: &[u16],
        gateway: &Gateway,
        clock: &Clock,
        stage: &Arc<Stage>,
    ) -> Result<Self, RunError> {
        let system = |what| move |error| RunError::System { what, error };
        let bots = usize::try_from(args.bots).unwrap_or(usize::MAX);
        let crews = usize::from(args.threads).min(bots);
        let records = Records::create(bots, args.trades.as_deref(), args.standing.as_deref(), args.keylog.as_deref())
            .map_err(system("a record file"))?;
        let (desks, arrivals): (Vec<_>, Vec<_>) = (0..crews).map(|_| channel()).unzip();
        let door = Door::open(gateway, clock, guests(args, content, entries), desks, usize::from(args.login_threads))
            .map_err(system("a login thread"))?;
        let atlas = Arc::new(Atlas::new(content));
        let (run, scenario) = (run_number(), Arc::new(scenario.clone()));
        let mut threads = Vec::new();
        for (number, desk) in arrivals.into_iter().enumerate() {
            let plan = CrewPlan {
                number,
                crews,
                bots,
                socket_per_bot: args.sockets == Sockets::PerBot,
                bind: args.bind,
                scenario: Arc::clone(&scenario),
                atlas: Arc::clone(&atlas),
                seed: args.seed,
                run,
                prefix: Arc::from(args.account_prefix.as_str()),
                clock: clock.clone(),
                stage: Arc::clone(stage),
                records: records.clone(),
                bell: door.bell(),
                desk,
            };
            let crew = Crew::new(plan).map_err(system("a socket for bots"))?;
            let thread = std::thread::Builder::new().name(format!("crew-{number}"));
            threads.push(thread.spawn(move || crew.run()).map_err(system("a thread of bots"))?);
        }
        let (bell, now) = (door.bell(), clock.now());
        (0..bots).for_each(|bot| bell.ask(bot, Way::Login, now));
        Ok(Self { door, threads })
    }

    /// Waits for the end of all threads and adds their figures.
    pub(super) fn join(self) -> Result<(Figures, u64), RunError> {
        let (mut figures, mut drops) = (Figures::default(), 0);
        for thread in self.threads {
            let outcome = thread.join().map_err(|_| RunError::Panicked)?;
            let (theirs, dropped) = outcome.map_err(|error| RunError::System { what: "a socket of bots", error })?;
            figures.add(&theirs);
            drops += dropped;
        }
        self.door.close();
        Ok((figures, drops))
    }
}

/// Who the bots are. Classes and entry points take turns.
fn guests(args: &RunArgs, content: &Content, entries: &[u16]) -> Vec<Guest> {
    let bots = usize::try_from(args.bots).unwrap_or(usize::MAX);
    let guest = |bot: usize| Guest {
        name: format!("{}{bot:05}", args.account_prefix),
        password: args.password.clone(),
        class: content.classes[bot % content.classes.len()].key.clone(),
        entry: entries.get(bot % entries.len().max(1)).copied(),
    };
    (0..bots).map(guest).collect()
}

/// Different for each run, even of one process.
fn run_number() -> u64 {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    unix_micros().wrapping_shl(8) | (RUNS.fetch_add(1, Ordering::Relaxed) & 0xff)
}
