//! A real PostgreSQL that is killed: what it had committed without its disk is lost, and decided again.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::{Entry, NewAccount, Outcome, Reason, Role, Store, open};
use mu_storage::testing::PrivatePostgres;
use mu_value::{Applier, ApplierStep, Logged, ValueStatus};
use mu_wal::Lsn;

use crate::ends::{NOW, Queues, birth, pay};

const LOG: u128 = 0xA11;

/// A server whose background writer leaves commits in memory for ten seconds.
fn forgetful() -> PrivatePostgres {
    let mut server = PrivatePostgres::start();
    let mut console = postgres::Client::connect(&server.url(), postgres::NoTls).unwrap();
    console.batch_execute("ALTER SYSTEM SET wal_writer_delay = '10s'").unwrap();
    drop(console);
    server.restart();
    server
}

/// A fenced store with two characters and 100,000 zen with the first.
fn begun(server: &PrivatePostgres) -> (Box<dyn Store>, Lsn) {
    let mut store = open(&server.url(), Role::Applier).unwrap();
    store.migrate().unwrap();
    for (id, name) in [(1, "first"), (2, "second")] {
        let account = NewAccount { id: AccountId(id), name, password: "$argon2id$test", created_us: 1 };
        store.account_create(&account).unwrap();
    }
    assert_eq!(store.fence(LOG).unwrap().applied, Lsn::ZERO);
    let births = [birth(1, 100_000), birth(2, 0)];
    let batch = [(Lsn(1), Entry::strict(&births[0])), (Lsn(2), Entry::strict(&births[1]))];
    store.apply(&batch, &mut Vec::new()).unwrap();
    let safe = store.safe().unwrap();
    (store, safe)
}

/// Events straight to the applier, with the positions a journal would give.
struct Feed {
    next: u64,
    now: Duration,
}

impl Feed {
    fn log(&mut self, queues: &mut Queues, origin: u32, zen: i64) {
        queues.submit(origin, &pay(origin.into(), zen), 0);
        let submission = queues.submitted.pop_back().unwrap();
        queues.logged.push_back(Logged { lsn: Lsn(self.next), submission });
        self.next += 1;
    }

    /// Steps until everything is decided and safe, however often the store has to be asked.
    fn settle(&mut self, applier: &mut Applier<u32>, queues: &mut Queues) {
        while !(queues.logged.is_empty() && applier.is_settled()) {
            match applier.step(self.now, queues).unwrap() {
                ApplierStep::Again(wait) | ApplierStep::Idle(wait) => self.now += wait,
                ApplierStep::Decided(_) | ApplierStep::Redriven(_) | ApplierStep::Safe(_) => {}
            }
        }
    }
}

#[test]
fn what_a_killed_server_forgets_is_decided_again_to_the_same_outcomes() {
    let mut server = forgetful();
    let (store, safe) = begun(&server);
    let status = Arc::new(ValueStatus::default());
    let mut applier = Applier::new(store, safe, Arc::clone(&status));
    let mut queues = Queues::new();
    let mut feed = Feed { next: 3, now: NOW };
    for round in 0..2 {
        for batch in 0..3 {
            for n in 0..20 {
                feed.log(&mut queues, round * 60 + batch * 20 + n + 1, 1);
            }
            // One batch, one commit; asking for the server's disk in between is not due yet.
            while !matches!(applier.step(feed.now, &mut queues).unwrap(), ApplierStep::Decided(20)) {}
        }
        server.kill();
        server.restart();
        feed.settle(&mut applier, &mut queues);
    }
    assert!(status.redriven.load(Relaxed) > 0, "no kill took anything: the test did not test");
    assert_eq!(queues.told, (1..=120).map(|origin| (origin, Outcome::Applied)).collect::<Vec<_>>());
    let mut reader = open(&server.url(), Role::Tool).unwrap();
    assert_eq!(reader.applied(LOG).unwrap(), applier.applied());
    assert_eq!(reader.character(CharacterId(2)).unwrap().unwrap().zen, 120);
    let report = reader.audit().unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_rejection_that_was_told_survives_the_servers_death_with_everything_before_it() {
    let mut server = forgetful();
    let (store, safe) = begun(&server);
    let mut applier = Applier::new(store, safe, Arc::default());
    let mut queues = Queues::new();
    let mut feed = Feed { next: 3, now: NOW };
    feed.log(&mut queues, 1, 7);
    feed.settle(&mut applier, &mut queues);
    // From here on nobody asks for the disk but the rejection itself.
    for (origin, zen) in [(2, 7), (3, 1_000_000)] {
        feed.log(&mut queues, origin, zen);
        assert_eq!(applier.step(feed.now, &mut queues).unwrap(), ApplierStep::Decided(1));
    }
    let rejected = Outcome::Rejected(Reason::BalanceTooLow);
    assert_eq!(queues.told, [(1, Outcome::Applied), (2, Outcome::Applied), (3, rejected)]);
    server.kill();
    server.restart();
    let mut reader = open(&server.url(), Role::Tool).unwrap();
    assert_eq!(reader.applied(LOG).unwrap(), Lsn(5));
    assert_eq!(reader.outcome(3).unwrap(), Some(rejected));
}
