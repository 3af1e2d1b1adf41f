//! The threads that ask the store on behalf of requests: each owns one connection, all share one bounded queue.
//!
//! The store blocks, and its PostgreSQL client must never be called from a thread of tokio: so requests hand a closure
//! to a plain thread and wait for its answer. A thread whose store is away asks it for a sign of life again and again
//! with growing pauses, and while no thread has one, requests are refused at once instead of queued. A closure whose
//! asker has stopped waiting is not run. Knows no table and no request.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mu_storage::error::StoreError;
use mu_storage::store::Store;
use tokio::sync::oneshot;

/// First pause between two attempts to reach the store; doubled up to [`RETRY_LONGEST`].
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two attempts to reach the store.
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// How the pool is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Threads, one connection each.
    pub threads: usize,
    /// Closures that may wait for a thread; one more is refused.
    pub queue: usize,
    /// Longest a request waits for its answer.
    pub deadline: Duration,
}

impl Default for DatabaseOptions {
    /// A query of ours takes about a millisecond: 1,024 waiting on two threads are half a second.
    fn default() -> Self {
        Self { threads: 2, queue: 1_024, deadline: Duration::from_secs(5) }
    }
}

/// Why there is no answer of the store.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No thread reaches the store.
    #[error("the store is away")]
    Away,
    /// As many closures wait as may wait.
    #[error("too many requests wait for the store")]
    Busy,
    /// The answer did not come in time; whether the closure ran, or still runs, is unknown.
    #[error("the store did not answer in time")]
    Late,
    /// The store answered with an error of its own.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens one connection; called on the pool's threads.
pub type Opener = dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send + Sync;

/// Runs on a pool thread: with the store, or without it when the pool gives up on it.
type Job = Box<dyn FnOnce(Option<&mut dyn Store>) -> Sign + Send>;

/// What a job says about the store it used.
#[derive(PartialEq, Eq)]
enum Sign {
    Well,
    Doubtful,
}

/// The pool's handle; cheap to clone. The threads end when the last clone is gone and the queue is empty.
#[derive(Clone)]
pub struct DatabasePool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    options: DatabaseOptions,
}

struct Shared {
    state: Mutex<State>,
    /// Something was queued, or the pool closes: for threads without work.
    queued: Condvar,
    /// The pool closes: for threads without a store. Apart, so that a queued job never wakes one of them instead.
    closed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that reach the store.
    connected: usize,
    /// Threads that have not tried to reach it yet: what is asked in the first moments waits for them.
    untried: usize,
    closing: bool,
}

impl DatabasePool {
    /// Starts the threads; each opens its connection at once.
    ///
    /// # Errors
    /// The operating system's, when a thread cannot be started. A store that is away is no error here.
    pub fn start(options: DatabaseOptions, open: Arc<Opener>) -> std::io::Result<Self> {
        let threads = options.threads.max(1);
        let state = Mutex::new(State { untried: threads, ..State::default() });
        let shared = Arc::new(Shared { state, queued: Condvar::new(), closed: Condvar::new() });
        let pool = Self { handle: Arc::new(Handle { shared: Arc::clone(&shared), options }) };
        for n in 0..threads {
            let (shared, open) = (Arc::clone(&shared), Arc::clone(&open));
            thread::Builder::new().name(format!("mu-database-{n}")).spawn(move || live(&shared, open.as_ref()))?;
        }
        Ok(pool)
    }

    /// Whether a thread reaches the store at this moment.
    #[must_use]
    pub fn available(&self) -> bool {
        self.handle.shared.lock().connected > 0
    }

    /// Closures waiting for a thread at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.handle.shared.lock().jobs.len()
    }

    /// Runs `ask` on a pool thread and waits for what it returns. `ask` must be safe to have run when the caller is
    /// told [`DatabaseError::Late`]: a query, or a change that a later request finds made.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn run<T, F>(&self, ask: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(move |store| {
            if reply.is_closed() {
                return Sign::Well;
            }
            let Some(store) = store else {
                let _gave_up = reply.send(Err(DatabaseError::Away));
                return Sign::Well;
            };
            let result = ask(store);
            let sign = match &result {
                Err(error) if error.is_retryable() => Sign::Doubtful,
                _ => Sign::Well,
            };
            let _gave_up = reply.send(result.map_err(DatabaseError::Store));
            sign
        }))?;
        match tokio::time::timeout(self.handle.options.deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_thread_gone)) => Err(DatabaseError::Away),
            Err(_elapsed) => Err(DatabaseError::Late),
        }
    }

    fn submit(&self, job: Job) -> Result<(), DatabaseError> {
        let mut state = self.handle.shared.lock();
        if state.away() {
            return Err(DatabaseError::Away);
        }
        if state.jobs.len() >= self.handle.options.queue {
            return Err(DatabaseError::Busy);
        }
        state.jobs.push_back(job);
        drop(state);
        self.handle.shared.queued.notify_one();
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.queued.notify_all();
        self.shared.closed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, or nothing when the pool is closed and empty.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closing {
                return None;
            }
            state = self.queued.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers what waits with "away", if the store is.
    fn strand(&self) {
        let stranded = {
            let mut state = self.lock();
            if state.away() { std::mem::take(&mut state.jobs) } else { VecDeque::new() }
        };
        for job in stranded {
            job(None);
        }
    }

    /// A thread's first attempt to reach the store is over.
    fn tried(&self, first: &mut bool) {
        if std::mem::take(first) {
            self.lock().untried -= 1;
        }
    }

    /// Sleeps `pause`, or until the pool closes; true when it closes.
    fn pause(&self, pause: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .closed
            .wait_timeout_while(state, pause, |state| !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        state.closing
    }
}

impl State {
    /// No thread reaches the store, and none is about to try for the first time.
    fn away(&self) -> bool {
        self.connected == 0 && self.untried == 0
    }
}

/// Counts a thread for as long as it reaches the store.
struct Counted<'a>(&'a Shared);

impl<'a> Counted<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.lock().connected += 1;
        Self(shared)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.lock().connected -= 1;
        self.0.strand();
    }
}

/// One thread's life: reach the store, serve until it is away, reach it again.
fn live(shared: &Shared, open: &Opener) {
    let mut store = None;
    let mut pause = RETRY_FIRST;
    let (mut complained, mut first) = (false, true);
    loop {
        match reach(&mut store, open) {
            Ok(store) => {
                if complained {
                    log::info!("a database thread reaches the store again");
                }
                (pause, complained) = (RETRY_FIRST, false);
                let counted = Counted::new(shared);
                shared.tried(&mut first);
                if serve(counted, store) == Served::PoolClosed {
                    return;
                }
            }
            Err(error) => {
                shared.tried(&mut first);
                shared.strand();
                if !complained {
                    log::warn!("a database thread cannot reach the store and keeps trying: {error}");
                    complained = true;
                }
            }
        }
        if shared.pause(pause) {
            return;
        }
        pause = (pause * 2).min(RETRY_LONGEST);
    }
}

/// The store, if it gives a sign of life.
fn reach<'a>(store: &'a mut Option<Box<dyn Store>>, open: &Opener) -> Result<&'a mut dyn Store, StoreError> {
    let store = match store {
        Some(store) => store,
        None => store.insert(open()?),
    };
    store.ping()?;
    Ok(store.as_mut())
}

#[derive(PartialEq, Eq)]
enum Served {
    StoreAway,
    PoolClosed,
}

/// Serves jobs until the store gives no sign of life or the pool is closed.
fn serve(counted: Counted<'_>, store: &mut dyn Store) -> Served {
    while let Some(job) = counted.0.next() {
        // A statement that lost a race also fails for a moment: only a store that does not answer is away.
        if job(Some(store)) == Sign::Doubtful && store.ping().is_err() {
            return Served::StoreAway;
        }
    }
    Served::PoolClosed
}
