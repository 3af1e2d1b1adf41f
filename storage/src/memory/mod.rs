//! A store in memory that behaves as badly as a database may: [`MemoryDatabase`] and its connections, [`MemoryStore`].
//!
//! Each call is one transaction over ordered maps. A [`Fault`] planned for a transaction makes it fail, lose its reply,
//! or commit only when the caller has come back; a restart may lose the commits behind the last flush, always a suffix of
//! them. Events are decided by the same code as on the databases. Starts no thread, reads no clock; same calls, same rows.

mod books;
mod connection;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::StoreError;
use crate::event::Place;
use crate::ids::Lsn;
use crate::store::Outcome;
use state::State;

pub use connection::MemoryStore;

/// What becomes of one writing transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Deadlock, serialization failure, timeout before the commit: nothing happened and the caller is told so.
    Refused,
    /// The connection breaks during the commit; nothing happened and the caller does not know.
    Lost,
    /// The connection breaks behind the commit; it happened and the caller does not know.
    ReplyLost,
    /// The connection breaks; the transaction goes on at the server and commits before the next writing transaction begins,
    /// which waits for it.
    Zombie,
    /// As [`Fault::Zombie`], but in the end it does not commit.
    ZombieAborts,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [Self::Refused, Self::Lost, Self::ReplyLost, Self::Zombie, Self::ZombieAborts];
}

/// An outcome row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Which event.
    pub event_id: u128,
    /// Its position in the journal that decided it.
    pub lsn: Lsn,
    /// What was decided.
    pub outcome: Outcome,
}

/// Balances by account and currency code, and items with their place and version.
pub type Holdings = (BTreeMap<(i64, i32), i64>, BTreeMap<i64, (Place, i32)>);

/// A committed transaction that is not on the database's disk yet.
type Change = Box<dyn FnOnce(&mut State) + Send>;

/// The work of one transaction; may be done again on the same rows.
type Work<T, E> = Arc<dyn Fn(&mut State) -> Result<T, E> + Send + Sync>;

/// What every connection shares.
struct Shared {
    /// What transactions see.
    state: State,
    /// What a crash leaves.
    flushed: State,
    /// From the one to the other, in the order of commits.
    unflushed: Vec<Change>,
    zombie: Option<(Change, Change)>,
    planned: Option<Fault>,
    /// Transactions that go well before it.
    planned_after: u64,
    away: bool,
    /// Grows with each restart: connections from before are broken.
    start: u64,
    refused: BTreeSet<u128>,
    relaxed: bool,
    transactions: u64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("unflushed", &self.unflushed.len()).finish_non_exhaustive()
    }
}

/// A database in memory; clones share it.
#[derive(Debug, Clone)]
pub struct MemoryDatabase {
    shared: Arc<Mutex<Shared>>,
}

impl Default for MemoryDatabase {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDatabase {
    /// An empty, migrated database that commits to its disk at once.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            state: State::new(),
            flushed: State::new(),
            unflushed: Vec::new(),
            zombie: None,
            planned: None,
            planned_after: 0,
            away: false,
            start: 0,
            refused: BTreeSet::new(),
            relaxed: false,
            transactions: 0,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> MemoryStore {
        MemoryStore::new(self.clone())
    }

    /// Batches that apply every event of theirs are from now on committed without waiting for the disk, and so is hot
    /// state; a restart may lose them.
    pub fn set_relaxed(&self, relaxed: bool) {
        self.lock().relaxed = relaxed;
    }

    /// Plans what becomes of the next writing transaction.
    pub fn plan(&self, fault: Fault) {
        self.plan_after(0, fault);
    }

    /// Plans what becomes of a writing transaction to come, after so many others.
    pub fn plan_after(&self, transactions: u64, fault: Fault) {
        let mut shared = self.lock();
        shared.planned = Some(fault);
        shared.planned_after = transactions;
    }

    /// Whether a planned fault has not met its transaction yet.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.lock().planned.is_some()
    }

    /// While it is away, every call fails and nothing happens.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// Makes the database refuse the rows of this event, as a constraint would that no other rule knows.
    pub fn refuse(&self, event_id: u128) {
        self.lock().refused.insert(event_id);
    }

    /// Brings every commit to the disk.
    pub fn flush(&self) {
        self.lock().flush();
    }

    /// Commits that a restart can lose.
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.lock().unflushed.len()
    }

    /// Writing transactions that happened so far.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.lock().transactions
    }

    /// The position that the disk holds for a journal.
    #[must_use]
    pub fn flushed_position(&self, log_id: u128) -> Lsn {
        self.lock().flushed.applied(log_id)
    }

    /// The outcome rows behind a position, in order.
    #[must_use]
    pub fn decisions(&self, after: Lsn) -> Vec<Decision> {
        self.lock().state.decisions(after)
    }

    /// Everything anybody has.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        self.lock().state.holdings()
    }

    /// The database crashes and comes back: of the commits behind the last flush the first `keep` survive, transactions
    /// under way are gone and every connection is broken.
    pub fn restart(&self, keep: usize) {
        let mut shared = self.lock();
        shared.zombie = None;
        shared.planned = None;
        shared.away = false;
        shared.start += 1;
        let kept: Vec<Change> = {
            let keep = keep.min(shared.unflushed.len());
            let rest = shared.unflushed.split_off(keep);
            drop(rest);
            std::mem::take(&mut shared.unflushed)
        };
        for change in kept {
            change(&mut shared.flushed);
        }
        shared.state = shared.flushed.clone();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads; the state of the last commit.
    fn read<T>(&self, seen: &mut u64, work: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let shared = self.lock();
        shared.answer(seen)?;
        Ok(work(&shared.state))
    }

    /// One writing transaction. `work` leaves the state as it was when it fails, and gives the same result on the same
    /// state.
    fn write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        seen: &mut u64,
        durable: impl Fn(&T) -> bool + Send + Sync + 'static,
        work: impl Fn(&mut State) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E> {
        let mut shared = self.lock();
        shared.answer(seen)?;
        shared.settle_zombie();
        let work: Work<T, E> = Arc::new(work);
        let change = |work: &Work<T, E>| -> Change {
            let work = Arc::clone(work);
            Box::new(move |state| drop(work(state)))
        };
        let unknown = || E::from(StoreError::Unknown("the connection broke while committing".into()));
        let due = shared.planned_after == 0;
        shared.planned_after = shared.planned_after.saturating_sub(1);
        let fault = if due { shared.planned.take() } else { None };
        match fault {
            Some(Fault::Refused) => Err(StoreError::Transient("the database gave up the transaction".into()).into()),
            Some(Fault::Lost) => Err(unknown()),
            Some(Fault::ZombieAborts) => Err(unknown()),
            Some(Fault::Zombie) => {
                shared.zombie = Some((change(&work), change(&work)));
                Err(unknown())
            }
            Some(Fault::ReplyLost) | None => {
                let done = work(&mut shared.state)?;
                shared.transactions += 1;
                let later = change(&work);
                shared.unflushed.push(later);
                if !shared.relaxed || durable(&done) {
                    shared.flush();
                }
                if fault.is_some() { Err(unknown()) } else { Ok(done) }
            }
        }
    }
}

impl Shared {
    /// Fails while the database is away, and once for each connection that a restart broke.
    fn answer(&self, seen: &mut u64) -> Result<(), StoreError> {
        if self.away {
            return Err(StoreError::Transient("the database does not answer".into()));
        }
        if std::mem::replace(seen, self.start) != self.start {
            return Err(StoreError::Transient("the connection was broken by a restart".into()));
        }
        Ok(())
    }

    /// A transaction that was still running at the server commits before the next one gets its locks.
    fn settle_zombie(&mut self) {
        if let Some((now, later)) = self.zombie.take() {
            now(&mut self.state);
            self.transactions += 1;
            self.unflushed.push(later);
        }
    }

    fn flush(&mut self) {
        for change in std::mem::take(&mut self.unflushed) {
            change(&mut self.flushed);
        }
    }
}
