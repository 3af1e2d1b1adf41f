//! A disk, a database, and a server between them that is driven step by step.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mu_storage::event::{self, BalanceChange, Birth, CharacterName, Currency, EventKind, ValueEvent};
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::memory::MemoryDatabase;
use mu_storage::store::{NewAccount, Outcome, Store};
use mu_value::{
    Applier, ApplierEnds, ApplierStep, Logged, RecoverError, RecoverOptions, SAFE_EVERY, Submission, ValueStatus,
    Writer, WriterEnds, recover,
};
use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::{AppendError, JournalOptions, LogId, ScanOptions, scan_disk};

/// The journal of these tests.
pub(crate) const LOG: LogId = LogId(0x0D15);
/// What both characters begin with.
pub(crate) const ZEN: i64 = 1_000;

/// The queues of a server.
#[derive(Default)]
pub(crate) struct Queues {
    submitted: VecDeque<Submission<()>>,
    logged: VecDeque<Logged<()>>,
    /// What came back.
    pub(crate) told: Vec<(u128, Outcome)>,
}

impl WriterEnds<()> for Queues {
    fn take(&mut self) -> Option<Submission<()>> {
        self.submitted.pop_front()
    }

    fn acknowledge(&mut self, _: &mut Submission<()>) {}

    fn hand_on(&mut self, logged: Logged<()>) -> Result<(), Logged<()>> {
        self.logged.push_back(logged);
        Ok(())
    }
}

impl ApplierEnds<()> for Queues {
    fn take(&mut self) -> Option<Logged<()>> {
        self.logged.pop_front()
    }

    fn tell(&mut self, submission: Submission<()>, outcome: Outcome) {
        self.told.push((submission.event_id, outcome));
    }
}

/// What survives a server.
pub(crate) struct Site {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) database: MemoryDatabase,
}

/// A server.
pub(crate) struct Server {
    writer: Writer<()>,
    applier: Applier<()>,
    pub(crate) queues: Queues,
    /// What its start decided of the run before.
    pub(crate) replayed: Vec<(u128, Outcome)>,
    now: Duration,
}

impl Site {
    /// Two characters with [`ZEN`] each, everything safe, and the server that made them.
    pub(crate) fn new(seed: u64) -> (Self, Server) {
        let site = Self { disk: Arc::new(SimDisk::new(seed)), database: MemoryDatabase::new() };
        let mut store = site.database.connect();
        for (id, name) in [(1, "first"), (2, "second")] {
            let account = NewAccount { id: AccountId(id), name, password: "none", created_us: 0 };
            store.account_create(&account).expect("a fresh account");
        }
        site.database.set_relaxed(true);
        let mut server = site.start().expect("a first start");
        for id in 1..=2 {
            server.submit(&birth(id));
        }
        server.write().expect("a good disk");
        server.settle();
        assert_eq!(server.queues.told.drain(..).map(|told| told.1).collect::<Vec<_>>(), [Outcome::Applied; 2]);
        (site, server)
    }

    /// A start of the server.
    pub(crate) fn start(&self) -> Result<Server, RecoverError> {
        let disk: Arc<dyn Disk> = Arc::clone(&self.disk) as Arc<dyn Disk>;
        let scan = scan_disk(disk, &ScanOptions { new_log_id: Some(LOG), ..ScanOptions::default() })?;
        let journal = JournalOptions { segment_bytes: 64 << 10, background: false, ..JournalOptions::default() };
        let mut store = self.database.connect();
        let options = RecoverOptions { journal, config_hash: 0 };
        let recovered = recover(scan, Path::new("simulated"), &options, &mut store)?;
        let status = Arc::new(ValueStatus::default());
        Ok(Server {
            writer: Writer::new(recovered.journal, Arc::clone(&status)),
            applier: Applier::new(Box::new(store), recovered.safe, status),
            queues: Queues::default(),
            replayed: recovered.replayed,
            now: Duration::from_secs(1),
        })
    }

    /// The process is killed and started again.
    pub(crate) fn kill_and_start(&self, server: Server) -> Server {
        drop(server);
        self.disk.restart();
        self.start().expect("it starts again")
    }

    pub(crate) fn outcome(&self, event_id: u128) -> Option<Outcome> {
        self.database.connect().outcome(event_id).expect("it answers")
    }

    /// Zen of both characters; the books are clean.
    pub(crate) fn zen(&self) -> [i64; 2] {
        let mut store = self.database.connect();
        let report = store.audit().expect("it answers");
        assert!(report.is_clean(), "{report}");
        [1, 2].map(|id| store.character(CharacterId(id)).expect("it answers").expect("it exists").zen)
    }

    /// The event happened exactly once, or not at all.
    pub(crate) fn assert_applied(&self, event_id: u128, happened: bool) {
        assert_eq!(self.outcome(event_id).is_some(), happened, "event {event_id}");
        let moved = if happened { 100 } else { 0 };
        assert_eq!(self.zen(), [ZEN - moved, ZEN + moved], "event {event_id}");
    }
}

impl Server {
    pub(crate) fn submit(&mut self, event: &ValueEvent) {
        let mut payload = Vec::new();
        event::encode_into(event, &mut payload);
        self.queues.submitted.push_back(Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            schema: event::VALUE_SCHEMA,
            flags: 0,
            payload,
            origin: (),
            at: self.now,
        });
    }

    /// One step of the writer.
    pub(crate) fn write(&mut self) -> Result<(), AppendError> {
        self.writer.step(self.now, &mut self.queues).map(|_| ())
    }

    /// One step of the applier, as late as it likes.
    pub(crate) fn decide(&mut self) -> ApplierStep {
        self.now += SAFE_EVERY * 20;
        self.applier.step(self.now, &mut self.queues).expect("nobody else decides")
    }

    /// Steps of the applier until nothing is left to do; what they did.
    pub(crate) fn settle(&mut self) -> Vec<ApplierStep> {
        let mut steps = Vec::new();
        while !matches!(steps.last(), Some(ApplierStep::Idle(_))) || !self.applier.is_settled() {
            steps.push(self.decide());
            assert!(steps.len() < 100, "it comes to rest: {steps:?}");
        }
        steps
    }
}

fn birth(id: i64) -> ValueEvent {
    let name = CharacterName::new(&format!("hero{id}")).expect("a good name");
    let birth =
        Birth { character: id, account: id, name, class: 1, entry: 1, map: 1, x: 0, y: 0, heading: 0, hp: 1, mp: 1 };
    ValueEvent::character_birth(id.unsigned_abs().into(), birth, ZEN, std::iter::empty())
}

/// Character 1 gives zen to character 2.
pub(crate) fn pay(event_id: u128, zen: i64) -> ValueEvent {
    let mut event = ValueEvent::new(event_id, EventKind::Trade);
    event.balances.push(BalanceChange { account: 1, currency: Currency::Zen, delta: -zen });
    event.balances.push(BalanceChange { account: 2, currency: Currency::Zen, delta: zen });
    event
}
