//! The store in memory against the databases: the same calls give the same answers, rows and audits, whatever goes wrong
//! on the memory's side in between; and each of its faults does what it says.

use mu_storage::audit::Told;
use mu_storage::error::StoreError;
use mu_storage::event::ValueEvent;
use mu_storage::ids::{AccountId, CharacterId, Lsn, Sequence};
use mu_storage::memory::{Fault, MemoryDatabase, MemoryStore};
use mu_storage::store::{Entry, HotRow, Outcome, Role, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::stores::{Database, LOG, account, birth, slot, trade};

const ACCOUNTS: i64 = 3;

/// One call, before the rows it meets are known.
#[derive(Debug, Clone)]
enum Call {
    Birth { account: i64, name: u8, zen: i64, items: usize },
    Trade { a: usize, b: usize, zen: i64, rank: usize, to: u16, spoil: u8 },
    Repeat { back: usize },
    Damaged,
    Other,
    Take { who: usize, account: i64 },
    Hot { who: usize, epoch: i64, version: i64 },
    Session { account: i64 },
    Ids { count: u32 },
    Fence { other: bool },
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        5 => (1..=ACCOUNTS + 1, 0..8_u8, 0..200_i64, 0..4_usize)
            .prop_map(|(account, name, zen, items)| Call::Birth { account, name, zen, items }),
        20 => (0..6_usize, 0..6_usize, -60..60_i64, 0..5_usize, 0..5_u16, 0..12_u8)
            .prop_map(|(a, b, zen, rank, to, spoil)| Call::Trade { a, b, zen, rank, to, spoil }),
        3 => (1..6_usize).prop_map(|back| Call::Repeat { back }),
        1 => Just(Call::Damaged),
        1 => Just(Call::Other),
        2 => (0..6_usize, 1..=ACCOUNTS).prop_map(|(who, account)| Call::Take { who, account }),
        2 => (0..6_usize, 0..3_i64, 0..9_i64).prop_map(|(who, epoch, version)| Call::Hot { who, epoch, version }),
        1 => (1..=ACCOUNTS + 1).prop_map(|account| Call::Session { account }),
        1 => (1..9_u32).prop_map(|count| Call::Ids { count }),
        1 => any::<bool>().prop_map(|other| Call::Fence { other }),
        1 => Just(Call::Restart),
    ]
}

/// Both stores and what the calls made so far.
struct Pair {
    memory: MemoryDatabase,
    ours: MemoryStore,
    theirs: Box<dyn Store>,
    log: u128,
    journal: Vec<Option<ValueEvent>>,
    told: Vec<Told>,
    next: i64,
}

impl Pair {
    fn new(database: &Database) -> Self {
        let memory = MemoryDatabase::new();
        let mut pair = Self {
            ours: memory.connect(),
            memory,
            theirs: database.ready(Role::Applier),
            log: LOG,
            journal: Vec::new(),
            told: Vec::new(),
            next: 0,
        };
        for id in 1..=ACCOUNTS {
            account(&mut pair.ours, id, &format!("account_{id}"));
            account(&mut *pair.theirs, id, &format!("account_{id}"));
        }
        assert_eq!(pair.ours.fence(LOG).unwrap(), pair.theirs.fence(LOG).unwrap());
        pair
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    fn characters(&mut self) -> Vec<CharacterId> {
        let accounts = 1..=ACCOUNTS;
        accounts.flat_map(|id| self.ours.characters(AccountId(id)).unwrap()).map(|character| character.id).collect()
    }

    fn who(&mut self, rank: usize) -> CharacterId {
        let characters = self.characters();
        characters.get(rank % characters.len().max(1)).copied().unwrap_or(CharacterId(999))
    }

    /// A trade of one item and some zen, perhaps spoilt.
    fn trade(&mut self, a: usize, b: usize, zen: i64, rank: usize, to: u16, spoil: u8) -> ValueEvent {
        let (a, b) = (self.who(a), self.who(b));
        let event_id = u128::from(self.fresh().unsigned_abs()) << 40;
        let items = self.ours.character(a).unwrap().map_or(Vec::new(), |loaded| loaded.items);
        let mut moves = Vec::new();
        if let Some(item) = items.get(rank % items.len().max(1)) {
            let from = slot(a.0, u16::try_from(item.slot).unwrap());
            let version = item.version + i32::from(spoil == 0);
            let uid = if spoil == 1 { 1_000_000 } else { item.uid.0 };
            moves.push((uid, version, from, slot(if spoil == 2 { 77_777 } else { b.0 }, to)));
        }
        let zen = if a == b { 0 } else { zen };
        let mut event = trade(event_id, a.0, b.0, zen, &moves);
        if spoil == 3
            && let Some(change) = event.balances.first_mut()
        {
            change.delta += 1;
        }
        event
    }

    /// Gives one record to both; the memory's side may fail `faults` first.
    fn apply(&mut self, event: Option<ValueEvent>, damaged: Option<u128>, faults: &mut impl Iterator<Item = Fault>) {
        self.journal.push(event);
        let lsn = Lsn(u64::try_from(self.journal.len()).unwrap());
        let entry = match (self.journal.last().unwrap(), damaged) {
            (Some(event), _) => Entry::strict(event),
            (None, Some(event_id)) => Entry::Damaged { event_id, payload: &[1, 2, 3] },
            (None, None) => Entry::Other,
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        self.theirs.apply(&[(lsn, entry)], &mut theirs).unwrap();
        if let Some(fault) = faults.next() {
            self.memory.plan(fault);
        }
        while let Err(error) = self.ours.apply(&[(lsn, entry)], &mut ours) {
            assert!(error.is_retryable(), "{error}");
        }
        assert_eq!(ours, theirs, "{lsn:?} {entry:?}");
        if let Entry::Event { event, .. } = entry {
            self.told.push(Told { event_id: event.event_id, success: ours[0] == Outcome::Applied });
            assert_eq!(self.ours.outcome(event.event_id).unwrap(), self.theirs.outcome(event.event_id).unwrap());
        }
    }

    fn run(&mut self, call: &Call, faults: &mut impl Iterator<Item = Fault>) {
        match *call {
            Call::Birth { account, name, zen, items } => {
                let character = self.fresh();
                let items: Vec<i64> = (0..items).map(|_| self.fresh()).collect();
                let id = u128::from(self.fresh().unsigned_abs()) << 40;
                let event = birth(id, character, account, &format!("Name{name}"), zen, &items);
                self.apply(Some(event), None, faults);
            }
            Call::Trade { a, b, zen, rank, to, spoil } => {
                let event = self.trade(a, b, zen, rank, to, spoil);
                self.apply(Some(event), None, faults);
            }
            Call::Repeat { back } => {
                let event = self.journal.len().checked_sub(back).and_then(|at| self.journal[at].clone());
                self.apply(event, None, faults);
            }
            Call::Damaged => {
                let id = u128::from(self.fresh().unsigned_abs()) << 40;
                self.apply(None, Some(id), faults);
            }
            Call::Other => self.apply(None, None, faults),
            Call::Take { who, account } => {
                let who = self.who(who);
                let ours = self.ours.character_take(who, AccountId(account)).map_err(|e| e.to_string());
                assert_eq!(ours, self.theirs.character_take(who, AccountId(account)).map_err(|e| e.to_string()));
            }
            Call::Hot { who, epoch, version } => {
                let character = self.who(who);
                let row = HotRow {
                    character,
                    owner_epoch: epoch,
                    version,
                    map: 1,
                    entry: 1,
                    x: i32::try_from(version).unwrap(),
                    y: 2,
                    heading: 3,
                    hp: 4,
                    mp: 5,
                };
                assert_eq!(self.ours.flush_hot(&[row]).unwrap(), self.theirs.flush_hot(&[row]).unwrap());
            }
            Call::Session { account } => {
                let account = AccountId(account);
                assert_eq!(self.ours.session_open(account).unwrap(), self.theirs.session_open(account).unwrap());
                assert_eq!(self.ours.account(account).unwrap(), self.theirs.account(account).unwrap());
            }
            Call::Ids { count } => {
                let of = Sequence::Item;
                assert_eq!(self.ours.id_block(of, count).unwrap(), self.theirs.id_block(of, count).unwrap());
            }
            Call::Fence { other } => {
                if other {
                    // Another journal comes and goes.
                    assert_eq!(self.ours.fence(7).unwrap(), self.theirs.fence(7).unwrap());
                }
                assert_eq!(self.ours.fence(self.log).unwrap(), self.theirs.fence(self.log).unwrap());
            }
            Call::Restart => {
                self.memory.flush();
                self.memory.restart(0);
                self.ours.ping().expect_err("the connection broke");
            }
        }
    }

    fn compare(&mut self) {
        for id in self.characters() {
            assert_eq!(self.ours.character(id).unwrap(), self.theirs.character(id).unwrap());
        }
        let ours = self.ours.audit().unwrap();
        assert!(ours.is_clean(), "{ours}");
        assert!(self.theirs.audit().unwrap().is_clean());
        assert_eq!(self.ours.economy().unwrap(), self.theirs.economy().unwrap());
        assert_eq!(self.ours.check_told(&self.told).unwrap(), []);
        assert_eq!(self.ours.applied(self.log).unwrap(), self.theirs.applied(self.log).unwrap());
    }
}

fn run(cases: u32, database: impl Fn() -> Database) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let faults = prop::collection::vec(0..Fault::ALL.len() * 4, 60);
    let calls = prop::collection::vec(call(), 1..60);
    let result = TestRunner::new(config).run(&(calls, faults), |(calls, faults)| {
        let mut pair = Pair::new(&database());
        let mut faults = faults.into_iter();
        for call in &calls {
            let fault = faults.next().and_then(|at| Fault::ALL.get(at)).copied();
            pair.run(call, &mut fault.into_iter());
        }
        pair.compare();
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn the_store_in_memory_answers_as_sqlite_does() {
    run(24, Database::sqlite);
}

#[test]
fn the_store_in_memory_answers_as_postgres_does() {
    let server = Database::postgres();
    let url = server.url();
    run(4, || {
        server.by_hand("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        Database::Address(url.clone())
    });
}

/// A database in memory with two characters of one item each, and its applier at position 3.
fn two_players() -> (MemoryDatabase, MemoryStore) {
    let database = MemoryDatabase::new();
    let mut store = database.connect();
    account(&mut store, 1, "account_1");
    store.fence(LOG).unwrap();
    let births = [birth(1, 1, 1, "Anna", 100, &[11]), birth(2, 2, 1, "Berta", 100, &[21])];
    let batch = [(Lsn(1), Entry::strict(&births[0])), (Lsn(2), Entry::strict(&births[1]))];
    store.apply(&batch, &mut Vec::new()).unwrap();
    (database, store)
}

#[test]
fn each_fault_does_what_it_says() {
    for (fault, happened, later) in [
        (Fault::Refused, false, false),
        (Fault::Lost, false, false),
        (Fault::ReplyLost, true, true),
        (Fault::Zombie, false, true),
        (Fault::ZombieAborts, false, false),
    ] {
        let (database, mut store) = two_players();
        let event = trade(9, 1, 2, 5, &[]);
        database.plan(fault);
        let error = store.apply(&[(Lsn(3), Entry::strict(&event))], &mut Vec::new()).unwrap_err();
        let known = matches!(error, StoreError::Transient(_));
        assert_eq!(known, fault == Fault::Refused, "{fault:?}: {error}");
        assert_eq!(store.outcome(9).unwrap().is_some(), happened, "{fault:?} at once");
        store.id_block(Sequence::Item, 1).unwrap();
        assert_eq!(store.outcome(9).unwrap().is_some(), later, "{fault:?} when the next transaction has begun");
        let mut outcomes = Vec::new();
        store.apply(&[(Lsn(3), Entry::strict(&event))], &mut outcomes).unwrap();
        assert_eq!(outcomes, [Outcome::Applied]);
        assert_eq!(store.character(CharacterId(2)).unwrap().unwrap().zen, 105, "{fault:?}: once");
        assert!(store.audit().unwrap().is_clean());
    }
}

#[test]
fn a_restart_loses_a_suffix_of_what_was_not_flushed() {
    for keep in 0..4 {
        let (database, mut store) = two_players();
        database.set_relaxed(true);
        let events: Vec<_> = (3..6).map(|id| trade(id, 1, 2, 10, &[])).collect();
        for (event, lsn) in events.iter().zip(3..) {
            store.apply(&[(Lsn(lsn), Entry::strict(event))], &mut Vec::new()).unwrap();
        }
        assert_eq!((database.unflushed(), database.flushed_position(LOG)), (3, Lsn(2)));
        database.restart(keep);
        store.ping().expect_err("the connection broke");
        let kept = u64::try_from(keep.min(3)).unwrap();
        assert_eq!(store.applied(LOG).unwrap(), Lsn(2 + kept));
        let late = store.apply(&[(Lsn(6), Entry::Other)], &mut Vec::new());
        assert_eq!(matches!(late, Err(StoreError::Behind { .. })), kept < 3, "{late:?}");
        let again: Vec<_> = (3..).map(Lsn).zip(events.iter().map(Entry::strict)).collect();
        store.apply(&again, &mut Vec::new()).unwrap();
        assert_eq!(store.character(CharacterId(2)).unwrap().unwrap().zen, 130);
        assert!(store.audit().unwrap().is_clean());
    }
}

#[test]
fn a_rejection_waits_for_the_disk() {
    let (database, mut store) = two_players();
    database.set_relaxed(true);
    let events = [trade(3, 1, 2, 10, &[]), trade(4, 1, 2, 1_000, &[])];
    store.apply(&[(Lsn(3), Entry::strict(&events[0]))], &mut Vec::new()).unwrap();
    assert_eq!(database.unflushed(), 1);
    store.apply(&[(Lsn(4), Entry::strict(&events[1]))], &mut Vec::new()).unwrap();
    assert_eq!(database.unflushed(), 0);
    database.restart(0);
    store.ping().expect_err("the connection broke");
    assert!(matches!(store.outcome(4).unwrap(), Some(Outcome::Rejected(_))));
}

#[test]
fn a_second_applier_ends_the_first() {
    let (database, mut store) = two_players();
    let mut second = database.connect();
    second.fence(LOG).unwrap();
    let error = store.apply(&[(Lsn(3), Entry::Other)], &mut Vec::new()).unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
    second.apply(&[(Lsn(3), Entry::Other)], &mut Vec::new()).unwrap();
}

#[test]
fn rows_the_database_refuses_are_divided_down_to_the_event_at_fault() {
    let (database, mut store) = two_players();
    let events: Vec<_> = (3..8).map(|id| trade(id, 1, 2, 1, &[])).collect();
    database.refuse(7);
    let batch: Vec<_> = (3..).map(Lsn).zip(events.iter().map(Entry::strict)).collect();
    let mut outcomes = Vec::new();
    store.apply(&batch, &mut outcomes).unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Applied).count(), 4);
    assert!(matches!(outcomes[4], Outcome::Quarantined(_)), "{outcomes:?}");
    assert!(store.audit().unwrap().is_clean());
}
