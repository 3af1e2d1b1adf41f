//! Queues, a journal on a simulated disk, and events for the tests.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mu_storage::event::{self, BalanceChange, Birth, CharacterName, Currency, EventKind, ValueEvent};
use mu_storage::ids::AccountId;
use mu_storage::memory::MemoryDatabase;
use mu_storage::store::{NewAccount, Outcome, Store};
use mu_value::{
    Applier, ApplierEnds, ApplierStep, Logged, RecoverError, RecoverOptions, Recovered, SAFE_EVERY, Submission,
    ValueStatus, Writer, WriterEnds, WriterStep, recover,
};
use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::{JournalOptions, ScanOptions, scan_disk};

/// When everything happens.
pub(crate) const NOW: Duration = Duration::from_secs(1);

/// Both sides of both steps; an origin is a number.
#[derive(Default)]
pub(crate) struct Queues {
    pub(crate) submitted: VecDeque<Submission<u32>>,
    pub(crate) logged: VecDeque<Logged<u32>>,
    pub(crate) logged_max: usize,
    pub(crate) acknowledged: Vec<u32>,
    pub(crate) told: Vec<(u32, Outcome)>,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Self { logged_max: usize::MAX, ..Self::default() }
    }

    pub(crate) fn submit(&mut self, origin: u32, event: &ValueEvent, flags: u16) {
        let mut payload = Vec::new();
        event::encode_into(event, &mut payload);
        self.submitted.push_back(Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            schema: event::VALUE_SCHEMA,
            flags,
            payload,
            origin,
            at: Duration::ZERO,
        });
    }
}

impl WriterEnds<u32> for Queues {
    fn take(&mut self) -> Option<Submission<u32>> {
        self.submitted.pop_front()
    }

    fn acknowledge(&mut self, submission: &mut Submission<u32>) {
        self.acknowledged.push(submission.origin);
    }

    fn hand_on(&mut self, logged: Logged<u32>) -> Result<(), Logged<u32>> {
        if self.logged.len() >= self.logged_max {
            return Err(logged);
        }
        self.logged.push_back(logged);
        Ok(())
    }
}

impl ApplierEnds<u32> for Queues {
    fn take(&mut self) -> Option<Logged<u32>> {
        self.logged.pop_front()
    }

    fn tell(&mut self, submission: Submission<u32>, outcome: Outcome) {
        self.told.push((submission.origin, outcome));
    }
}

/// A database with accounts 1 and 2 that commits what was applied without waiting for its disk.
pub(crate) fn database() -> MemoryDatabase {
    let database = MemoryDatabase::new();
    for (id, name) in [(1, "first"), (2, "second")] {
        let account = NewAccount { id: AccountId(id), name, password: "$argon2id$test", created_us: 1 };
        database.connect().account_create(&account).unwrap();
    }
    database.set_relaxed(true);
    database
}

/// Opens the journal on this disk as a start of the server does.
pub(crate) fn start(disk: &Arc<SimDisk>, store: &mut dyn Store) -> Result<Recovered, RecoverError> {
    let scan = scan_disk(Arc::clone(disk) as Arc<dyn Disk>, &ScanOptions::default())?;
    let journal = JournalOptions { segment_bytes: 1 << 20, background: false, ..JournalOptions::default() };
    recover(scan, Path::new("simulated"), &RecoverOptions { journal, config_hash: 0 }, store)
}

/// Brings a character to life with this much zen; its account has the same number.
pub(crate) fn birth(id: i64, zen: i64) -> ValueEvent {
    let name = CharacterName::new(&format!("hero{id}")).unwrap();
    let birth = Birth {
        character: id,
        account: id,
        name,
        class: 1,
        entry: 1,
        map: 2,
        x: 300,
        y: 400,
        heading: 3,
        hp: 100,
        mp: 50,
    };
    ValueEvent::character_birth(u128::from(id.unsigned_abs()) << 64, birth, zen, std::iter::empty())
}

/// Zen from character 1 to character 2.
pub(crate) fn pay(event_id: u128, zen: i64) -> ValueEvent {
    let mut event = ValueEvent::new(event_id, EventKind::Trade);
    event.balances.push(BalanceChange { account: 1, currency: Currency::Zen, delta: -zen });
    event.balances.push(BalanceChange { account: 2, currency: Currency::Zen, delta: zen });
    event
}

/// A writer and an applier over one status, as after a start.
pub(crate) struct Both {
    pub(crate) writer: Writer<u32>,
    pub(crate) applier: Applier<u32>,
    pub(crate) status: Arc<ValueStatus>,
}

impl Both {
    pub(crate) fn start(disk: &Arc<SimDisk>, database: &MemoryDatabase) -> Self {
        let mut store = database.connect();
        let recovered = start(disk, &mut store).unwrap();
        let status = Arc::new(ValueStatus::default());
        Self {
            writer: Writer::new(recovered.journal, Arc::clone(&status)),
            applier: Applier::new(Box::new(store), recovered.safe, Arc::clone(&status)),
            status,
        }
    }

    /// Steps both until nothing is left to do.
    pub(crate) fn run(&mut self, queues: &mut Queues) {
        let mut now = NOW;
        loop {
            let synced = matches!(self.writer.step(now, queues).unwrap(), WriterStep::Synced(_));
            let idle = matches!(self.applier.step(now, queues).unwrap(), ApplierStep::Idle(_));
            if !synced && idle && self.writer.is_drained() && self.applier.is_settled() {
                return;
            }
            now += SAFE_EVERY;
        }
    }
}
