//! The crash-point table of `docs/value.md`, row by row, each at exactly its point.

use mu_storage::memory::Fault;
use mu_storage::store::Outcome;
use mu_value::{ApplierStep, RecoverError};
use mu_wal::WalError;
use mu_wal::disk::sim::{Fault as DiskFault, Keep, SimDisk};

use crate::rig::{Site, ZEN, pay};

/// The event of each row.
const EVENT: u128 = 9;

/// The frame's sync, counted from before the writer's step: the frame is written, then synced.
const SYNC: u64 = 2;

#[test]
fn row_01_before_it_is_logged_it_never_happened() {
    let (site, mut server) = Site::new(1);
    server.submit(&pay(EVENT, 100));
    let server = site.kill_and_start(server);
    assert_eq!(server.replayed, []);
    site.assert_applied(EVENT, false);
}

#[test]
fn row_02_a_frame_whose_sync_did_not_return_is_there_whole_or_not_at_all() {
    for (keep, happened) in [(Keep::Nothing, false), (Keep::Last, false), (Keep::EverySecond, false), (Keep::All, true)]
    {
        let (site, mut server) = Site::new(2);
        server.submit(&pay(EVENT, 100));
        site.disk.fail_at(site.disk.operations() + SYNC, DiskFault::CutBefore);
        server.write().expect_err("the power went");
        assert_eq!(server.queues.told, [], "nobody is told anything");
        drop(server);
        site.disk.power_cut_keeping(keep);
        let server = site.start().expect("a torn tail at worst");
        assert_eq!(server.replayed.len(), usize::from(happened), "{keep:?}");
        site.assert_applied(EVENT, happened);
    }
}

#[test]
fn row_03_after_a_failed_sync_the_next_start_decides_for_good() {
    let mut seen = [0, 0];
    for seed in 0..40 {
        let (site, mut server) = Site::new(seed);
        server.submit(&pay(EVENT, 100));
        site.disk.fail_at(site.disk.operations() + SYNC, DiskFault::Error);
        server.write().expect_err("the sync failed");
        server.write().expect_err("and is not tried again");
        assert_eq!(server.queues.told, [], "nobody is told anything");
        let server = site.kill_and_start(server);
        let happened = site.outcome(EVENT).is_some();
        seen[usize::from(happened)] += 1;
        site.assert_applied(EVENT, happened);
        drop(server);
        site.disk.power_cut();
        site.database.restart(0);
        site.start().expect("it starts again");
        site.assert_applied(EVENT, happened);
    }
    assert!(seen.iter().all(|count| *count > 0), "lost and kept: {seen:?}");
}

#[test]
fn row_04_durable_and_not_sent_it_is_applied_once() {
    let (site, mut server) = Site::new(4);
    server.submit(&pay(EVENT, 100));
    server.write().expect("a good disk");
    drop(server);
    site.disk.power_cut_keeping(Keep::Nothing);
    let server = site.start().expect("it starts again");
    assert_eq!(server.replayed, [(EVENT, Outcome::Applied)]);
    site.assert_applied(EVENT, true);
}

#[test]
fn row_05_before_the_commit_it_is_applied_by_the_next_start() {
    for fault in [Fault::Refused, Fault::Lost, Fault::ZombieAborts] {
        let (site, mut server) = Site::new(5);
        server.submit(&pay(EVENT, 100));
        server.write().expect("a good disk");
        site.database.plan(fault);
        assert!(matches!(server.decide(), ApplierStep::Again(_)), "{fault:?}");
        site.assert_applied(EVENT, false);
        let server = site.kill_and_start(server);
        assert_eq!(server.replayed, [(EVENT, Outcome::Applied)], "{fault:?}");
        site.assert_applied(EVENT, true);
    }
}

#[test]
fn row_06_a_commit_whose_reply_was_lost_is_found() {
    for fault in [Fault::ReplyLost, Fault::Zombie] {
        for crash in [false, true] {
            let (site, mut server) = Site::new(6);
            server.submit(&pay(EVENT, 100));
            server.write().expect("a good disk");
            site.database.plan(fault);
            assert!(matches!(server.decide(), ApplierStep::Again(_)), "{fault:?}");
            assert_eq!(server.queues.told, [], "an unknown answer is told to nobody");
            if crash {
                site.kill_and_start(server);
            } else {
                server.settle();
                assert_eq!(server.queues.told, [(EVENT, Outcome::Applied)]);
            }
            site.assert_applied(EVENT, true);
        }
    }
}

#[test]
fn row_07_a_rejection_stays_although_nobody_was_told() {
    let (site, mut server) = Site::new(7);
    server.submit(&pay(EVENT, ZEN * 2));
    server.write().expect("a good disk");
    assert_eq!(server.decide(), ApplierStep::Decided(1));
    let before = site.outcome(EVENT);
    assert!(matches!(before, Some(Outcome::Rejected(_))), "{before:?}");
    drop(server);
    site.disk.power_cut();
    site.database.restart(0);
    assert_eq!(site.outcome(EVENT), before, "a rejection waits for the database's disk");
    site.start().expect("it starts again");
    assert_eq!((site.outcome(EVENT), site.zen()), (before, [ZEN, ZEN]));
}

#[test]
fn row_08_told_and_not_released_there_is_nothing_to_do() {
    let (site, mut server) = Site::new(8);
    server.submit(&pay(EVENT, 100));
    server.write().expect("a good disk");
    server.settle();
    assert_eq!(server.queues.told, [(EVENT, Outcome::Applied)]);
    let server = site.kill_and_start(server);
    assert_eq!(server.replayed, []);
    site.assert_applied(EVENT, true);
}

#[test]
fn row_09_a_crash_at_any_operation_of_the_recovery_changes_nothing() {
    let mut operations = 0;
    for operation in 1.. {
        let (site, mut server) = Site::new(9);
        server.submit(&pay(EVENT, 100));
        server.write().expect("a good disk");
        drop(server);
        site.disk.power_cut();
        site.disk.fail_at(operation, if operation % 2 == 0 { DiskFault::CutBefore } else { DiskFault::CutAfter });
        let Err(error) = site.start() else { break };
        assert!(site.disk.is_off(), "{error}");
        site.disk.power_cut();
        site.start().expect("it starts again");
        site.assert_applied(EVENT, true);
        operations += 1;
    }
    assert!(operations > 20, "only {operations} operations");
    for fault in Fault::ALL {
        for transaction in 0..3 {
            let (site, mut server) = Site::new(9);
            server.submit(&pay(EVENT, 100));
            server.write().expect("a good disk");
            drop(server);
            site.disk.restart();
            site.database.plan_after(transaction, fault);
            let first = site.start();
            assert!(first.is_err(), "{fault:?} at transaction {transaction} of the recovery");
            drop(first);
            site.disk.restart();
            site.start().expect("it starts again");
            site.assert_applied(EVENT, true);
        }
    }
}

#[test]
fn row_10_what_the_database_forgets_is_decided_again_to_the_same_end() {
    let (site, mut server) = Site::new(10);
    for event in 0..3 {
        server.submit(&pay(EVENT + event, 10));
        server.write().expect("a good disk");
        while !matches!(server.decide(), ApplierStep::Decided(1)) {}
    }
    let told = server.queues.told.clone();
    assert_eq!(told.len(), 3);
    let unflushed = site.database.unflushed();
    assert!(unflushed > 0, "something can be forgotten");
    site.database.restart(0);
    let steps = server.settle();
    assert!(steps.iter().any(|step| matches!(step, ApplierStep::Redriven(_))), "{steps:?}");
    assert_eq!(server.queues.told, told, "nobody is told twice");
    assert_eq!(site.zen(), [ZEN - 30, ZEN + 30]);
}

#[test]
fn row_11_when_both_crash_what_was_told_stays_true() {
    let (site, mut server) = Site::new(11);
    server.submit(&pay(EVENT, 100));
    server.write().expect("a good disk");
    assert_eq!(server.decide(), ApplierStep::Decided(1));
    assert_eq!(server.queues.told, [(EVENT, Outcome::Applied)]);
    drop(server);
    site.disk.power_cut_keeping(Keep::Nothing);
    site.database.restart(0);
    assert_eq!(site.outcome(EVENT), None, "the database forgot it");
    let server = site.start().expect("it starts again");
    assert_eq!(server.replayed, [(EVENT, Outcome::Applied)]);
    site.assert_applied(EVENT, true);
}

#[test]
fn row_12_a_journal_that_lost_what_the_database_has_is_not_begun() {
    let (site, mut server) = Site::new(12);
    let before = site.disk.fork();
    server.submit(&pay(EVENT, 100));
    server.write().expect("a good disk");
    server.settle();
    drop(server);
    // The disk as it was before the event, and a new one: the database knows better.
    before.power_cut();
    let older = Site { disk: std::sync::Arc::new(before), database: site.database.clone() };
    let refused = older.start().err();
    assert!(matches!(refused, Some(RecoverError::Wal(WalError::DatabaseAhead { .. }))), "{refused:?}");
    let empty = Site { disk: std::sync::Arc::new(SimDisk::new(13)), database: site.database.clone() };
    let refused = empty.start().err();
    assert!(matches!(refused, Some(RecoverError::Wal(WalError::JournalLost { .. }))), "{refused:?}");
    site.assert_applied(EVENT, true);
}
