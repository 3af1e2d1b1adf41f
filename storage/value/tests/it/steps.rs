//! What a step does and does not do: bounded work, order, acknowledgement, failure as a value.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use mu_storage::ids::CharacterId;
use mu_storage::store::{Outcome, Reason, Store as _};
use mu_value::{ApplierStep, Stop, WAL_ACK, WriterStep};
use mu_wal::disk::sim::{Fault, SimDisk};
use mu_wal::{AppendError, Lsn};

use crate::ends::{Both, NOW, Queues, birth, database, pay, start};

#[test]
fn events_become_durable_then_decided_then_safe_in_order() {
    let database = database();
    let disk = Arc::new(SimDisk::new(1));
    let mut both = Both::start(&disk, &database);
    let mut queues = Queues::new();
    for (origin, event) in [birth(1, 100), birth(2, 0), pay(1, 30), pay(2, 500), pay(3, 70)].iter().enumerate() {
        queues.submit(u32::try_from(origin).unwrap(), event, 0);
    }
    assert!(matches!(both.writer.step(NOW, &mut queues), Ok(WriterStep::Synced(synced)) if synced.records == 5));
    assert_eq!((both.status.pending(), queues.told.len()), (5, 0));
    assert!(both.status.pending_bytes() > 0);
    assert_eq!(both.applier.step(NOW, &mut queues).unwrap(), ApplierStep::Decided(5));
    let rejected = Outcome::Rejected(Reason::BalanceTooLow);
    let all = [Outcome::Applied, Outcome::Applied, Outcome::Applied, rejected, Outcome::Applied];
    assert_eq!(queues.told, (0..5).zip(all).collect::<Vec<_>>());
    assert_eq!((both.status.pending(), both.status.pending_bytes()), (0, 0));
    // Decided is not yet safe: the journal keeps it until the store's own disk has it.
    assert!(both.status.safe_lsn.load(Relaxed) < both.status.applied_lsn.load(Relaxed));
    let safe = Lsn(both.status.durable_lsn.load(Relaxed));
    assert_eq!(both.applier.step(NOW, &mut queues).unwrap(), ApplierStep::Safe(safe));
    assert_eq!(both.status.safe_lsn.load(Relaxed), safe.0);
    assert!(both.applier.is_settled());
}

#[test]
fn an_event_told_at_durability_is_acknowledged_before_it_is_decided() {
    let database = database();
    let disk = Arc::new(SimDisk::new(2));
    let mut both = Both::start(&disk, &database);
    let mut queues = Queues::new();
    queues.submit(0, &birth(1, 100), 0);
    queues.submit(1, &birth(2, 0), WAL_ACK);
    both.writer.step(NOW, &mut queues).unwrap();
    assert_eq!((queues.acknowledged.as_slice(), queues.told.len()), ([1].as_slice(), 0));
    both.run(&mut queues);
    assert_eq!(queues.told, [(0, Outcome::Applied), (1, Outcome::Applied)]);
}

#[test]
fn a_full_queue_to_the_applier_delays_and_loses_nothing() {
    let database = database();
    let disk = Arc::new(SimDisk::new(3));
    let mut both = Both::start(&disk, &database);
    let mut queues = Queues { logged_max: 2, ..Queues::new() };
    for (origin, event) in [birth(1, 100), birth(2, 0), pay(1, 1), pay(2, 1), pay(3, 1)].iter().enumerate() {
        queues.submit(u32::try_from(origin).unwrap(), event, 0);
    }
    both.writer.step(NOW, &mut queues).unwrap();
    assert_eq!((queues.logged.len(), both.writer.is_drained()), (2, false));
    both.run(&mut queues);
    assert_eq!(queues.told.iter().map(|told| told.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_failed_sync_is_an_error_for_good_and_tells_nobody() {
    let database = database();
    let disk = Arc::new(SimDisk::new(4));
    let mut both = Both::start(&disk, &database);
    let mut queues = Queues::new();
    queues.submit(0, &birth(1, 100), WAL_ACK);
    disk.fail_at(disk.operations() + 1, Fault::Error);
    let failed = both.writer.step(NOW, &mut queues);
    assert!(matches!(failed, Err(AppendError::Poisoned(_))), "{failed:?}");
    queues.submit(1, &birth(2, 100), WAL_ACK);
    assert!(matches!(both.writer.step(NOW, &mut queues), Err(AppendError::Poisoned(_))));
    assert_eq!((queues.acknowledged.len(), queues.logged.len()), (0, 0));
}

#[test]
fn a_second_applier_ends_the_first_one() {
    let database = database();
    let disk = Arc::new(SimDisk::new(5));
    let mut both = Both::start(&disk, &database);
    let mut queues = Queues::new();
    queues.submit(0, &birth(1, 100), 0);
    both.writer.step(NOW, &mut queues).unwrap();
    database.connect().fence(7).unwrap();
    assert!(matches!(both.applier.step(NOW, &mut queues), Err(Stop::Fenced(_))));
    assert_eq!(queues.told, []);
}

#[test]
fn a_start_decides_what_was_durable_and_undecided() {
    let database = database();
    let disk = Arc::new(SimDisk::new(6));
    {
        let mut both = Both::start(&disk, &database);
        let mut queues = Queues::new();
        queues.submit(0, &birth(1, 100), 0);
        queues.submit(1, &birth(2, 0), 0);
        queues.submit(2, &pay(1, 40), 0);
        both.writer.step(NOW, &mut queues).unwrap();
        disk.power_cut();
    }
    disk.restart();
    let mut store = database.connect();
    let recovered = start(&disk, &mut store).unwrap();
    let outcomes: Vec<_> = recovered.replayed.iter().map(|replayed| replayed.1).collect();
    assert_eq!(outcomes, [Outcome::Applied; 3]);
    assert_eq!(store.character(CharacterId(2)).unwrap().unwrap().zen, 40);
}
