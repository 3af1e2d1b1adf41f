//! A store that forgets, loses replies, goes away: same outcomes, told once, in order.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mu_storage::ids::CharacterId;
use mu_storage::memory::{Fault, MemoryDatabase};
use mu_storage::store::{Outcome, Reason, Store as _};
use mu_value::{ApplierStep, SAFE_EVERY, Stop};
use mu_wal::disk::sim::SimDisk;

use crate::ends::{Both, NOW, Queues, birth, database, pay};

/// Two characters and 1,000 zen with the first; everything safe.
fn begun(seed: u64) -> (MemoryDatabase, Both, Queues) {
    let database = database();
    let mut both = Both::start(&Arc::new(SimDisk::new(seed)), &database);
    let mut queues = Queues::new();
    queues.submit(0, &birth(1, 1_000), 0);
    queues.submit(0, &birth(2, 0), 0);
    both.run(&mut queues);
    queues.told.clear();
    (database, both, queues)
}

/// Lets the applier decide `count` payments of 10, each in its own transaction.
fn pay_one_by_one(both: &mut Both, queues: &mut Queues, count: u32) {
    for origin in 1..=count {
        queues.submit(origin, &pay(origin.into(), 10), 0);
        both.writer.step(NOW, queues).unwrap();
        assert_eq!(both.applier.step(NOW, queues).unwrap(), ApplierStep::Decided(1));
    }
}

fn zen(database: &MemoryDatabase) -> (i64, i64) {
    let mut store = database.connect();
    let mut of = |id| store.character(CharacterId(id)).unwrap().unwrap().zen;
    (of(1), of(2))
}

#[test]
fn a_forgotten_suffix_is_decided_again_to_the_same_outcomes_and_told_once() {
    for keep in 0..=6 {
        let (database, mut both, mut queues) = begun(11);
        pay_one_by_one(&mut both, &mut queues, 6);
        assert_eq!(database.unflushed(), 6);
        database.restart(keep);
        queues.submit(7, &pay(7, 10), 0);
        both.run(&mut queues);
        assert_eq!(queues.told, (1..=7).map(|origin| (origin, Outcome::Applied)).collect::<Vec<_>>());
        assert_eq!(zen(&database), (930, 70), "{keep} kept");
        assert_eq!(both.status.redriven.load(Relaxed), 6 - u64::try_from(keep).unwrap());
        assert_eq!(both.status.safe_lsn.load(Relaxed), both.status.durable_lsn.load(Relaxed));
        assert!(database.connect().audit().unwrap().is_clean());
    }
}

#[test]
fn a_forgotten_suffix_is_found_although_nothing_more_is_submitted() {
    let (database, mut both, mut queues) = begun(12);
    pay_one_by_one(&mut both, &mut queues, 3);
    database.restart(1);
    both.run(&mut queues);
    assert_eq!((zen(&database), queues.told.len()), ((970, 30), 3));
}

#[test]
fn only_what_the_stores_own_disk_has_counts_as_safe() {
    let (database, mut both, mut queues) = begun(13);
    let before = both.status.safe_lsn.load(Relaxed);
    // The first call after a pause asks for the disk; then nothing does until the next is due.
    pay_one_by_one(&mut both, &mut queues, 2);
    assert_eq!((both.status.safe_lsn.load(Relaxed), both.status.applied_lsn.load(Relaxed)), (before, before + 2));
    both.writer.step(NOW + SAFE_EVERY, &mut queues).unwrap();
    assert!(matches!(both.applier.step(NOW + SAFE_EVERY * 9, &mut queues), Ok(ApplierStep::Safe(_))));
    assert_eq!((both.status.safe_lsn.load(Relaxed), database.unflushed()), (before + 2, 0));
}

#[test]
fn a_rejection_is_on_the_stores_disk_before_it_is_told() {
    let (database, mut both, mut queues) = begun(14);
    pay_one_by_one(&mut both, &mut queues, 2);
    queues.submit(3, &pay(3, 5_000), 0);
    both.writer.step(NOW, &mut queues).unwrap();
    both.applier.step(NOW, &mut queues).unwrap();
    assert_eq!(queues.told.last(), Some(&(3, Outcome::Rejected(Reason::BalanceTooLow))));
    assert_eq!(database.unflushed(), 0);
}

#[test]
fn a_lost_reply_is_asked_again_and_told_once() {
    for fault in Fault::ALL {
        let (database, mut both, mut queues) = begun(15);
        queues.submit(1, &pay(1, 10), 0);
        queues.submit(2, &pay(2, 5_000), 0);
        both.writer.step(NOW, &mut queues).unwrap();
        database.plan(fault);
        let step = both.applier.step(NOW, &mut queues).unwrap();
        assert!(matches!(step, ApplierStep::Again(wait) if wait > Duration::ZERO), "{fault:?}: {step:?}");
        assert_eq!(queues.told, [], "{fault:?}: nobody is told anything");
        both.run(&mut queues);
        let rejected = Outcome::Rejected(Reason::BalanceTooLow);
        assert_eq!(queues.told, [(1, Outcome::Applied), (2, rejected)], "{fault:?}");
        assert_eq!(zen(&database), (990, 10), "{fault:?}");
    }
}

#[test]
fn a_store_that_is_away_opens_the_breaker_after_two_seconds_and_loses_nothing() {
    let (database, mut both, mut queues) = begun(16);
    database.set_away(true);
    queues.submit(1, &pay(1, 10), 0);
    both.writer.step(NOW, &mut queues).unwrap();
    let mut now = NOW;
    while now < NOW + Duration::from_secs(5) {
        match both.applier.step(now, &mut queues).unwrap() {
            ApplierStep::Again(wait) => now += wait,
            other => panic!("{other:?} although the store is away"),
        }
        assert_eq!(both.status.open(now), now < Duration::from_secs(2), "at {now:?}");
        assert!(both.status.open_wal_ack(now), "the backlog is far from its bound");
    }
    database.set_away(false);
    both.run(&mut queues);
    assert_eq!(queues.told, [(1, Outcome::Applied)]);
    assert!(both.status.open(now));
}

#[test]
fn a_store_that_forgot_what_was_safe_ends_the_applier() {
    let (database, mut both, mut queues) = begun(17);
    pay_one_by_one(&mut both, &mut queues, 2);
    let old = MemoryDatabase::new();
    let mut other = old.connect();
    drop(database);
    other.fence(1).unwrap();
    let mut applier = mu_value::Applier::new(Box::new(other), both.applier.applied(), Arc::clone(&both.status));
    queues.submit(9, &pay(9, 1), 0);
    both.writer.step(NOW, &mut queues).unwrap();
    assert!(matches!(applier.step(NOW, &mut queues), Err(Stop::Forgot { .. })));
}
