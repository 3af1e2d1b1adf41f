//! Starting shards, one pinned thread each, and ending them.
//!
//! A thread reports once, ready or failed; the starter waits for all reports with a deadline. After that nothing is shared with a
//! shard's thread but the stop flag.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ::glommio::LocalExecutor;
use ::mio::Waker;
use mu_wire::Time;

use super::clock::Clock;
use super::cores::{self, Placed};
use super::driver::{Cause, Driver, ShardEnd, message};
use super::probe::{self, Refusal};
use super::rouse::{Pulse, Watch};
use super::{RuntimeChoice, RuntimeKind, ShardLoop, glommio, kernel, mio};

/// Builds a shard's loop inside its pinned thread.
pub type BuildLoop = Box<dyn FnOnce() -> Result<Box<dyn ShardLoop>, String> + Send>;

/// Timer slack of a shard's thread; the kernel's default of 50 µs would show in every step.
const TIMER_SLACK: Duration = Duration::from_micros(1);

/// One shard to start.
pub struct ShardSpec {
    /// Its number.
    pub shard: u8,
    /// The CPU it is pinned to.
    pub cpu: usize,
    /// Makes its loop, on that CPU.
    pub build: BuildLoop,
}

/// How shards are run.
pub struct RuntimeOptions {
    /// Which runtime is wanted.
    pub choice: RuntimeChoice,
    /// Instant of step 0.
    pub origin: Time,
    /// CPUs for the runtime's helper threads.
    pub housekeeping: Vec<usize>,
    /// All shards must be ready within this time.
    pub deadline: Duration,
    /// Called on the shard's own thread when it ends, for whatever reason; after a panic the process must be stopped in order.
    pub on_end: Arc<dyn Fn(&ShardEnd) + Send + Sync>,
    /// Whether io_uring may be used; tests hand in a refusal.
    pub probe: fn() -> Result<(), Refusal>,
}

impl RuntimeOptions {
    /// The wanted runtime with origin now, a deadline of 20 s (a shard is ready in a fraction of a second; a host that is busy elsewhere may need longer), and shard ends that are only logged.
    #[must_use]
    pub fn new(choice: RuntimeChoice, housekeeping: Vec<usize>) -> Self {
        Self {
            choice,
            origin: Clock::now(),
            housekeeping,
            deadline: Duration::from_secs(20),
            on_end: Arc::new(|_| {}),
            probe: probe::io_uring,
        }
    }
}

/// Why the shards did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `runtime = "glommio"` was asked for and cannot be had.
    #[error("runtime \"glommio\" was asked for, but {0}; allow io_uring, or choose \"auto\" or \"mio\"")]
    Refused(Refusal),
    /// A shard could not be started.
    #[error("shard {shard} on CPU {cpu} did not start: {reason}")]
    Shard {
        /// Which shard.
        shard: u8,
        /// On which CPU.
        cpu: usize,
        /// Why.
        reason: String,
    },
    /// A shard gave no sign of life.
    #[error("shards {shards:?} were not ready after {deadline:?}")]
    Deadline {
        /// Those that did not report.
        shards: Vec<u8>,
        /// How long was waited.
        deadline: Duration,
    },
    /// The thread that watches the shards could not be started.
    #[error("no thread to watch the shards: {0}")]
    Watch(#[source] io::Error),
    /// No thread could be started.
    #[error("no thread for shard {shard}: {source}")]
    Thread {
        /// Which shard.
        shard: u8,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Shards that run.
pub struct Running {
    threads: Vec<JoinHandle<Option<ShardEnd>>>,
    stop: Arc<AtomicBool>,
    wakers: Vec<Arc<Waker>>,
    placed: Vec<Placed>,
    kinds: Vec<RuntimeKind>,
    pulses: Vec<Arc<Pulse>>,
    _watch: Watch,
}

impl Running {
    /// Each shard's sign of life, in the order of the specs.
    #[must_use]
    pub fn pulses(&self) -> &[Arc<Pulse>] {
        &self.pulses
    }

    /// Where each shard's thread runs, in the order of the specs.
    #[must_use]
    pub fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// What each shard runs on, in the order of the specs.
    #[must_use]
    pub fn kinds(&self) -> &[RuntimeKind] {
        &self.kinds
    }

    /// Ends all shards after the step they are in, without asking their loops. An ordered stop goes through the loops
    /// ([`super::Flow::Stop`]); this is for when there is nothing left to save.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for waker in &self.wakers {
            if let Err(error) = waker.wake() {
                log::warn!("a shard could not be woken to stop and will notice at its next step: {error}");
            }
        }
    }

    /// Waits until every shard has ended and says how.
    #[must_use]
    pub fn join(self) -> Vec<ShardEnd> {
        self.threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    }
}

/// What a shard's thread says once, when it knows.
enum Report {
    Ready { shard: u8, kind: RuntimeKind, placed: Placed, waker: Option<Arc<Waker>> },
    Failed { shard: u8, cpu: usize, reason: String },
}

/// Starts all shards and waits until each is ready.
///
/// # Errors
/// If one of them cannot start or does not report in time; the others are stopped then.
pub fn start(specs: Vec<ShardSpec>, options: &RuntimeOptions) -> Result<Running, StartError> {
    let kind = choose(options)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (report, reports) = sync_channel(specs.len());
    let mut shards = Vec::new();
    let mut threads = Vec::new();
    let pulses: Vec<Arc<Pulse>> = specs.iter().map(|_| Arc::default()).collect();
    let watch = Watch::start(pulses.clone(), &options.housekeeping).map_err(StartError::Watch)?;
    for (spec, pulse) in specs.into_iter().zip(&pulses) {
        let shard = spec.shard;
        let thread = Thread {
            kind,
            may_fall_back: options.choice == RuntimeChoice::Auto,
            origin: options.origin,
            housekeeping: options.housekeeping.clone(),
            stop: Arc::clone(&stop),
            pulse: Arc::clone(pulse),
            on_end: Arc::clone(&options.on_end),
            report: report.clone(),
        };
        let builder = std::thread::Builder::new().name(thread_name(shard));
        let handle = builder.spawn(move || thread.run(spec)).map_err(|source| {
            stop.store(true, Ordering::Relaxed);
            StartError::Thread { shard, source }
        })?;
        shards.push(shard);
        threads.push(handle);
    }
    drop(report);
    let mut running =
        Running { threads, stop, wakers: Vec::new(), placed: Vec::new(), kinds: Vec::new(), pulses, _watch: watch };
    match await_ready(&mut running, &shards, &reports, options.deadline) {
        Ok(()) => Ok(running),
        Err(error) => {
            // A thread that hangs is left behind; the process is about to end.
            running.stop();
            Err(error)
        }
    }
}

fn choose(options: &RuntimeOptions) -> Result<RuntimeKind, StartError> {
    if options.choice == RuntimeChoice::Mio {
        return Ok(RuntimeKind::Mio);
    }
    match (options.probe)() {
        Ok(()) => Ok(RuntimeKind::Glommio),
        Err(refusal) if options.choice == RuntimeChoice::Glommio => Err(StartError::Refused(refusal)),
        Err(refusal) => {
            log::warn!("shards run on mio instead of glommio: {refusal}");
            Ok(RuntimeKind::Mio)
        }
    }
}

fn await_ready(
    running: &mut Running,
    shards: &[u8],
    reports: &Receiver<Report>,
    deadline: Duration,
) -> Result<(), StartError> {
    let end = Clock::now() + deadline;
    let mut ready: Vec<(u8, RuntimeKind, Placed)> = Vec::new();
    while ready.len() < shards.len() {
        match reports.recv_timeout(end.since(Clock::now())) {
            Ok(Report::Ready { shard, kind, placed, waker }) => {
                running.wakers.extend(waker);
                ready.push((shard, kind, placed));
            }
            Ok(Report::Failed { shard, cpu, reason }) => {
                return Err(StartError::Shard { shard, cpu, reason });
            }
            Err(_) => {
                let silent = shards.iter().copied().filter(|shard| ready.iter().all(|(known, ..)| known != shard));
                return Err(StartError::Deadline { shards: silent.collect(), deadline });
            }
        }
    }
    ready.sort_by_key(|(shard, ..)| shards.iter().position(|known| known == shard));
    for (_, kind, placed) in ready {
        running.kinds.push(kind);
        running.placed.push(placed);
    }
    Ok(())
}

fn thread_name(shard: u8) -> String {
    format!("mu-shard-{shard}")
}

/// What a shard's thread carries.
struct Thread {
    kind: RuntimeKind,
    may_fall_back: bool,
    origin: Time,
    housekeeping: Vec<usize>,
    stop: Arc<AtomicBool>,
    pulse: Arc<Pulse>,
    on_end: Arc<dyn Fn(&ShardEnd) + Send + Sync>,
    report: SyncSender<Report>,
}

impl Thread {
    /// The thread's edge: no panic passes it.
    fn run(self, spec: ShardSpec) -> Option<ShardEnd> {
        let (shard, cpu) = (spec.shard, spec.cpu);
        let ended = catch_unwind(AssertUnwindSafe(|| self.shard(spec)));
        self.pulse.end();
        let reason = match ended {
            Ok(Ok(end)) => {
                if let Cause::Panicked(text) = &end.cause {
                    log::error!("shard {shard} panicked in step {} (tick {}): {text}", end.step, end.step / 10);
                }
                (self.on_end)(&end);
                return Some(end);
            }
            Ok(Err(reason)) => reason,
            Err(panic) => message(&*panic),
        };
        // If the starter has gone, or was told that this shard is ready, the end is all there is to say.
        if self.report.try_send(Report::Failed { shard, cpu, reason: reason.clone() }).is_err() {
            log::error!("shard {shard} ended: {reason}");
            let end = ShardEnd { shard, step: 0, cause: Cause::Panicked(reason) };
            (self.on_end)(&end);
            return Some(end);
        }
        None
    }

    fn shard(&self, spec: ShardSpec) -> Result<ShardEnd, String> {
        let name = thread_name(spec.shard);
        if self.kind == RuntimeKind::Glommio {
            match glommio::make(&name, spec.cpu, &self.housekeeping) {
                Ok(executor) => return self.on_glommio(spec, &name, &executor),
                Err(reason) if self.may_fall_back => {
                    log::warn!("shard {} runs on mio, its executor could not be made: {reason}", spec.shard);
                }
                Err(reason) => return Err(reason),
            }
        }
        self.on_mio(spec, &name)
    }

    fn on_glommio(&self, spec: ShardSpec, name: &str, executor: &LocalExecutor) -> Result<ShardEnd, String> {
        // The executor has pinned the thread; what counts is what the kernel says.
        let placed = self.pin(name, spec.cpu)?;
        let shard = spec.shard;
        let build = || self.driver(shard, spec.build);
        glommio::run(executor, &self.pulse, build, || self.ready(shard, RuntimeKind::Glommio, placed, None))
    }

    fn on_mio(&self, spec: ShardSpec, name: &str) -> Result<ShardEnd, String> {
        let placed = self.pin(name, spec.cpu)?;
        let mut reactor = mio::Reactor::new().map_err(|error| error.to_string())?;
        let driver = self.driver(spec.shard, spec.build)?;
        self.ready(spec.shard, RuntimeKind::Mio, placed, Some(reactor.waker()));
        reactor.run(driver).map_err(|error| error.to_string())
    }

    fn pin(&self, name: &str, cpu: usize) -> Result<Placed, String> {
        let placed = cores::pin_current(name, &[cpu]).map_err(|error| error.to_string())?;
        kernel::set_timer_slack(TIMER_SLACK).map_err(|error| format!("timer slack: {error}"))?;
        Ok(placed)
    }

    fn driver(&self, shard: u8, build: BuildLoop) -> Result<Driver, String> {
        Ok(Driver::new(shard, build()?, self.origin, Arc::clone(&self.stop), Arc::clone(&self.pulse)))
    }

    fn ready(&self, shard: u8, kind: RuntimeKind, placed: Placed, waker: Option<Arc<Waker>>) {
        // The starter may have given up on the deadline; the stop flag then ends this shard at its first step.
        let _ = self.report.try_send(Report::Ready { shard, kind, placed, waker });
    }
}
