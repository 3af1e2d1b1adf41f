//! The threads that bring bots to the door: log in, make the account and the character where missing, ask for a place.
//!
//! Blocking HTTP on a few threads, fed by a queue ordered by when each job is due; what comes out goes to the bot's own thread. A
//! refusal that passes (too many requests, store away, place still taken) is tried again later with a growing wait; one that does not
//! is handed over as a failure. Bounded by one job per bot.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mu_wire::Time;

use super::http::{Gateway, HttpError, Selected, Session};
use crate::clock::Clock;
use crate::dice::Dice;

/// First and longest wait before a job is tried again.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// Who a bot is.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Account name, also the character's.
    pub name: String,
    /// Password.
    pub password: String,
    /// Class of a character that has to be made.
    pub class: String,
    /// Entry point to ask for; `None` = the server's choice.
    pub entry: Option<u16>,
}

/// How much of the way has to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From the login on.
    Login,
    /// The session stands; only a new place is wanted.
    Select,
}

/// A bot's place in the world.
pub struct Arrival {
    /// Which bot.
    pub bot: usize,
    /// When the login or selection that succeeded was begun.
    pub begun: Time,
    /// Its character's id.
    pub character: u64,
    /// The place, or why there will be none.
    pub place: Result<Selected, Failure>,
    /// Refusals on the way that passed, by kind.
    pub refusals: Vec<&'static str>,
}

/// A refusal that does not pass.
#[derive(Debug)]
pub struct Failure {
    /// Its kind, as counted in the report.
    pub kind: &'static str,
    /// The whole story.
    pub error: HttpError,
}

struct Job {
    bot: usize,
    way: Way,
    tries: u32,
    refusals: Vec<&'static str>,
}

struct Known {
    guest: Guest,
    session: Option<Session>,
    character: Option<u64>,
}

#[derive(Default)]
struct Queue {
    due: BinaryHeap<Reverse<(Time, u64)>>,
    jobs: std::collections::HashMap<u64, Job>,
    next: u64,
    closed: bool,
}

struct Inside {
    gateway: Gateway,
    clock: Clock,
    guests: Vec<Mutex<Known>>,
    desks: Vec<Sender<Arrival>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// The queue and its workers.
pub struct Door {
    inside: Arc<Inside>,
    workers: Vec<JoinHandle<()>>,
}

impl Door {
    /// Opens the door with `workers` threads. Bot `n` is `guests[n]`, and its arrivals go to `desks[n % desks.len()]`.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn open(
        gateway: &Gateway,
        clock: &Clock,
        guests: Vec<Guest>,
        desks: Vec<Sender<Arrival>>,
        workers: usize,
    ) -> std::io::Result<Self> {
        let known = |guest| Mutex::new(Known { guest, session: None, character: None });
        let inside = Arc::new(Inside {
            gateway: gateway.clone(),
            clock: clock.clone(),
            guests: guests.into_iter().map(known).collect(),
            desks,
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let worker = |number| {
            let inside = Arc::clone(&inside);
            std::thread::Builder::new().name(format!("door-{number}")).spawn(move || inside.work(number))
        };
        let workers = (0..workers as u64).map(worker).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { inside, workers })
    }

    /// A handle with which places are asked for.
    #[must_use]
    pub fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.inside))
    }

    /// Sends the workers home; what is not begun is dropped.
    pub fn close(self) {
        self.inside.lock().closed = true;
        self.inside.changed.notify_all();
        for worker in self.workers {
            if worker.join().is_err() {
                log::error!("a login worker panicked");
            }
        }
    }
}

/// Asks for places; every thread may have one.
#[derive(Clone)]
pub struct Bell(Arc<Inside>);

impl Bell {
    /// Asks for a bot's place, from `due` on.
    pub fn ask(&self, bot: usize, way: Way, due: Time) {
        self.0.enqueue(due, Job { bot, way, tries: 0, refusals: Vec::new() });
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, due: Time, job: Job) {
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        queue.jobs.insert(number, job);
        queue.due.push(Reverse((due, number)));
        drop(queue);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            let now = self.clock.now();
            let wait = match queue.due.peek() {
                Some(Reverse((due, number))) if *due <= now => {
                    let number = *number;
                    queue.due.pop();
                    return queue.jobs.remove(&number);
                }
                Some(Reverse((due, _))) => due.since(now),
                None => WAITS.1,
            };
            queue = self.changed.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work(&self, number: u64) {
        let mut dice = Dice::new(number, 0xd00);
        while let Some(job) = self.take() {
            let begun = self.clock.now();
            let mut known = self.guests[job.bot].lock().unwrap_or_else(PoisonError::into_inner);
            let mut begun_login = begun;
            match self.go(&mut known, job.way, &mut begun_login) {
                Ok(place) => {
                    let character = known.character.unwrap_or(0);
                    self.hand_over(Arrival {
                        bot: job.bot,
                        begun: begun_login,
                        character,
                        place: Ok(place),
                        refusals: job.refusals,
                    });
                }
                Err(error) => {
                    drop(known);
                    self.refused(job, error, &mut dice);
                }
            }
        }
    }

    /// Goes the way. `begun` is moved to the start of the login that succeeds: making an account is not part of logging in.
    fn go(&self, known: &mut Known, way: Way, begun: &mut Time) -> Result<Selected, HttpError> {
        let Guest { name, password, class, entry } = &known.guest;
        let session = match known.session.take().filter(|_| way == Way::Select) {
            Some(session) => session,
            None => match self.gateway.login(name, password) {
                Err(HttpError::Refused { status: 401, .. }) => {
                    self.gateway.register(name, password)?;
                    *begun = self.clock.now();
                    self.gateway.login(name, password)?
                }
                answer => answer?,
            },
        };
        let character = match known.character {
            Some(character) => character,
            None => match self.gateway.characters(&session)?.first() {
                Some(character) => character.id,
                None => self.gateway.create(&session, name, class)?.id,
            },
        };
        known.character = Some(character);
        let place = self.gateway.select(&session, character, *entry)?;
        known.session = Some(session);
        Ok(place)
    }

    fn refused(&self, mut job: Job, error: HttpError, dice: &mut Dice) {
        let (kind, wait) = match &error {
            HttpError::Transport(_) => ("gateway_unreachable", None),
            HttpError::Refused { status: 429, retry_after, .. } => ("rate_limited", *retry_after),
            HttpError::Refused { status: 500.., retry_after, .. } => ("gateway_unavailable", *retry_after),
            // The session was replaced, or the server does not know it any more: from the login on.
            HttpError::Refused { status: 401, .. } if job.way == Way::Select => ("session_lost", None),
            HttpError::Refused { status: 409, code, .. } if code != "name_taken" => ("place_taken", None),
            HttpError::Refused { .. } => return self.give_up(job, "login_refused", error),
            HttpError::Malformed(_) => return self.give_up(job, "gateway_malformed", error),
        };
        job.refusals.push(kind);
        job.way = if kind == "place_taken" { job.way } else { Way::Login };
        job.tries += 1;
        let grown = WAITS.0.saturating_mul(1 << job.tries.min(8)).min(WAITS.1);
        // Half fixed, half drawn, so that bots refused together do not come back together.
        let drawn = Duration::from_micros(dice.below(u64::try_from(grown.as_micros()).unwrap_or(0) / 2));
        let due = self.clock.now() + wait.unwrap_or(grown / 2) + drawn;
        self.enqueue(due, job);
    }

    fn give_up(&self, job: Job, kind: &'static str, error: HttpError) {
        let place = Err(Failure { kind, error });
        self.hand_over(Arrival { bot: job.bot, begun: Time::ZERO, character: 0, place, refusals: job.refusals });
    }

    fn hand_over(&self, arrival: Arrival) {
        let desk = &self.desks[arrival.bot % self.desks.len()];
        // A desk is gone only when the run is over.
        drop(desk.send(arrival));
    }
}
