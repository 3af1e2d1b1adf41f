//! A running server, and its ordered stop (UC-14).
//!
//! ```text
//! refuse newcomers, tell the players ─ notice ─ everybody leaves ─ shards end ─ gateway ends
//!                       ─ final rows stored ─ journal drained and applied ─ sealed ─ report
//! ```
//! A second request skips the notice. After the deadline nothing is waited for any more: what is undecided is in the
//! journal, and the next start decides it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use mu_storage::event::ValueEvent;
use mu_storage::store::Outcome;
use mu_wire::Time;
use tokio::sync::oneshot;

use super::BootError;
use super::control::Control;
use super::threads::{Shards, Threads, Wakeup};
use crate::journal::Busy;
use crate::ops::status::Sources;
use crate::runtime::cores::PlacementTable;
use crate::runtime::signals::{self, SignalWatch, StopRequest};
use crate::runtime::{Cause, Clock};
use crate::shard::StopPhase;

/// Players are told this long before they leave.
pub(super) const NOTICE: Duration = Duration::from_secs(1);

/// From the request to the end, at most.
pub(super) const DEADLINE: Duration = Duration::from_millis(4_500);

/// After the deadline, this long until the process ends whatever its threads do.
const LAST_WAIT: Duration = Duration::from_millis(300);

/// Kept of the deadline for the threads behind the shards.
const TAIL: Duration = Duration::from_millis(1_000);

/// A running server.
pub struct Running {
    threads: Threads,
    shards: Shards,
    control: Control,
    boot: u32,
    cpus: Vec<usize>,
    asked: Arc<Asked>,
}

/// Whether a stop was asked for, for those who wait for it elsewhere than in [`Running::wait`].
#[derive(Default)]
struct Asked {
    stop: Mutex<bool>,
    changed: Condvar,
}

/// How the server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// From the request to the end.
    pub took: Duration,
    /// Characters whose last state could not be stored in time.
    pub rows_lost: usize,
    /// Durable events that are not decided; the next start decides them.
    pub events_undecided: u64,
    /// Events applied, rejected and set aside in this run.
    pub decided: [u64; 3],
    /// Ticks run and left out in this run.
    pub ticks: [u64; 2],
    /// Why a shard ended by itself.
    pub failure: Option<String>,
}

impl StopReport {
    /// Whether everything was stored and decided, and nothing failed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows_lost == 0 && self.events_undecided == 0 && self.failure.is_none()
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [applied, rejected, quarantined] = self.decided;
        let [ticks, skipped] = self.ticks;
        write!(
            f,
            "stopped in {:.2} s: {ticks} ticks ({skipped} skipped), events {applied} applied, {rejected} rejected, {quarantined} in review",
            self.took.as_secs_f64()
        )?;
        if let Some(failure) = &self.failure {
            write!(f, "\nFAILED: {failure}")?;
        }
        if self.rows_lost > 0 {
            write!(
                f,
                "\nthe last position of {} characters is not stored: the store did not answer in time",
                self.rows_lost
            )?;
        }
        if self.events_undecided > 0 {
            write!(f, "\n{} events are durable but undecided: the next start decides them", self.events_undecided)?;
        }
        Ok(())
    }
}

impl Running {
    pub(super) fn new(threads: Threads, shards: Shards, control: Control, boot: u32, cpus: Vec<usize>) -> Self {
        Self { threads, shards, control, boot, cpus, asked: Arc::default() }
    }

    /// The gateway's address.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.control.address
    }

    /// Where each shard's clients connect.
    pub fn endpoints(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.shards.links.iter().map(|link| link.endpoint)
    }

    /// Which thread runs where, as the kernel says.
    #[must_use]
    pub fn placement(&self) -> PlacementTable {
        PlacementTable(self.threads.placed.clone())
    }

    /// Live figures.
    #[must_use]
    pub fn sources(&self) -> Sources {
        self.control.sources.clone()
    }

    /// The number of this start.
    #[must_use]
    pub fn boot(&self) -> u32 {
        self.boot
    }

    /// Submits an event of the control side.
    ///
    /// # Errors
    /// [`Busy`] when the journal takes none now.
    pub fn submit(&self, event: &ValueEvent) -> Result<oneshot::Receiver<Outcome>, Busy> {
        self.control.port.submit(event, Clock::now())
    }

    /// Lets TERM and INT stop the server while the returned watch lives.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn watch_signals(&self) -> Result<SignalWatch, BootError> {
        let (wake, asked) = (self.threads.wake.clone(), Arc::clone(&self.asked));
        signals::watch(&self.cpus, move |request| ask(&wake, &asked, request)).map_err(BootError::Thread)
    }

    /// Asks for a stop; [`Running::wait`] does it.
    pub fn request_stop(&self, request: StopRequest) {
        ask(&self.threads.wake, &self.asked, request);
    }

    /// Waits up to `limit`; true as soon as a stop was asked for or a shard failed.
    #[must_use]
    pub fn wait_stop(&self, limit: Duration) -> bool {
        let stop = self.asked.stop.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.asked.changed.wait_timeout_while(stop, limit, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for a stop request or a failed shard, then stops in order.
    #[must_use]
    pub fn wait(self) -> StopReport {
        let failed = match self.threads.wakeups.recv() {
            Ok(Wakeup::ShardFailed(shard)) => Some(shard),
            Ok(Wakeup::Stop(_)) | Err(mpsc::RecvError) => None,
        };
        let began = Clock::now();
        log::info!("stopping");
        let notice = Duration::from_secs(u64::from(failed.is_none()));
        self.control.directory.close(u16::try_from(notice.as_secs()).unwrap_or(1));
        if failed.is_none() {
            self.notice(began);
        }
        self.stop(began, failed)
    }

    /// Gives players the announced time, unless somebody asks again.
    fn notice(&self, began: Time) {
        let mut left = NOTICE;
        while !left.is_zero() {
            match self.threads.wakeups.recv_timeout(left) {
                Ok(Wakeup::Stop(true)) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
                Ok(Wakeup::Stop(false) | Wakeup::ShardFailed(_)) => {}
            }
            left = NOTICE.saturating_sub(Clock::now().since(began));
        }
    }

    fn stop(self, began: Time, failed: Option<u8>) -> StopReport {
        let Self { threads, shards, control, .. } = self;
        threads.stop.raise(StopPhase::Leaving);
        threads.backup.end();
        threads.audit.end();
        let deadline = began + DEADLINE;
        // Shards leave by themselves; if the store keeps one waiting, it is told not to any longer.
        let give_up = Arc::clone(&threads.give_up);
        let stop = threads.stop.clone();
        let (done, finished) = mpsc::channel::<()>();
        let guard = std::thread::spawn(move || {
            let shards_until = deadline.since(Clock::now()).saturating_sub(TAIL);
            if finished.recv_timeout(shards_until) == Err(RecvTimeoutError::Timeout) {
                stop.raise(StopPhase::Now);
                if finished.recv_timeout(deadline.since(Clock::now())) == Err(RecvTimeoutError::Timeout) {
                    give_up.store(true, Relaxed);
                    end_in_any_case(&finished);
                }
            }
        });
        let ends = shards.running.join();
        let failure = ends.iter().find_map(|end| match &end.cause {
            Cause::Panicked(text) => Some(format!("shard {} panicked in tick {}: {text}", end.shard, end.step / 10)),
            Cause::Finished | Cause::Stopped => None,
        });
        // Dropping its last port is what lets the wal thread finish.
        let sources = control.sources;
        drop((control.shutdown, control.port, control.directory));
        join("control", control.thread);
        let rows_lost = join("persist", threads.persist).unwrap_or(0);
        join("wal", threads.writer);
        join("applier", threads.applier);
        if let Some(capture) = threads.capture {
            join("capture", capture);
        }
        drop(done);
        let _guard_panicked = guard.join();
        let figures = sources.figures();
        let value = &sources.value;
        StopReport {
            took: Clock::now().since(began),
            rows_lost,
            events_undecided: value.pending(),
            decided: [value.applied.load(Relaxed), value.rejected.load(Relaxed), value.quarantined.load(Relaxed)],
            ticks: [
                figures.iter().map(|shard| shard.ticks).sum(),
                figures.iter().map(|shard| shard.ticks_skipped).sum(),
            ],
            failure: failure.or_else(|| failed.map(|shard| format!("shard {shard} failed"))),
        }
    }
}

/// A thread that does not end must not keep the process: nothing of value is lost by ending it, the journal has it.
fn end_in_any_case(finished: &mpsc::Receiver<()>) {
    if finished.recv_timeout(LAST_WAIT) == Err(RecvTimeoutError::Timeout) {
        log::error!(
            "a thread does not end; the process ends without it, and the next start decides what the journal holds"
        );
        log::logger().flush();
        std::process::exit(1);
    }
}

fn ask(wake: &mpsc::Sender<Wakeup>, asked: &Asked, request: StopRequest) {
    *asked.stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
    asked.changed.notify_all();
    // Nobody listens once the stop is over.
    let _stopped = wake.send(Wakeup::Stop(request == StopRequest::SkipWait));
}

/// Joins a thread; a panic in it is logged and is not this thread's.
fn join<T>(name: &str, thread: super::threads::Handle<T>) -> Option<T> {
    thread.join().unwrap_or_else(|_panicked| {
        log::error!("the {name} thread panicked");
        None
    })
}
