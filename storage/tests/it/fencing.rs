//! One applier at a time, and a store that goes away and comes back.

use crate::stores::{Applier, Database, LOG, on_both, trade};
use mu_storage::error::StoreError;
use mu_storage::ids::Lsn;
use mu_storage::store::{Entry, Outcome, Role};

on_both! {
    fn the_older_of_two_appliers_is_fenced(database) {
        let mut old = Applier::new(database);
        old.player(1, 100, &[]);
        old.player(2, 0, &[]);
        let mut new = Applier::new(database);
        assert_eq!(new.next, 3);
        let event = trade(1, 1, 2, 10, &[]);
        let mut outcomes = Vec::new();
        let batch = [(Lsn(3), Entry::strict(&event))];
        // The older session may have been ended; its next call connects anew and must then be refused.
        let refused = loop {
            match old.store.apply(&batch, &mut outcomes) {
                Err(StoreError::Transient(_)) => {}
                result => break result,
            }
        };
        assert!(matches!(refused, Err(StoreError::Fenced { ours: 1, newest: 2 })), "{refused:?}");
        assert_eq!(outcomes, []);
        assert_eq!(new.apply_one(&event), Outcome::Applied);
        assert_eq!(new.holdings(1).0, 90);
        new.assert_clean();
    }

    fn each_start_of_an_applier_has_its_own_boot_number_and_each_journal_its_own_position(database) {
        let mut store = database.ready(Role::Applier);
        let first = store.fence(LOG).unwrap();
        assert_eq!((first.boot, first.applied), (1, Lsn(0)));
        store.apply(&[(Lsn(1), Entry::Other), (Lsn(2), Entry::Other)], &mut Vec::new()).unwrap();
        let again = store.fence(LOG).unwrap();
        assert_eq!((again.boot, again.applied), (2, Lsn(2)));
        let other = store.fence(LOG + 1).unwrap();
        assert_eq!((other.boot, other.applied), (3, Lsn(0)));
        assert_eq!((store.applied(LOG).unwrap(), store.applied(LOG + 1).unwrap()), (Lsn(2), Lsn(0)));
    }
}

#[test]
fn a_killed_server_is_transient_until_it_is_back_and_nothing_is_lost_or_doubled() {
    let mut database = Database::postgres();
    let mut applier = Applier::new(&database);
    applier.player(1, 1_000, &[]);
    applier.player(2, 0, &[]);
    let mut gateway = database.open(Role::Gateway);
    gateway.ping().unwrap();
    for round in 0..3_u64 {
        // The kill may take what comes behind this: the last batch.
        assert_eq!(applier.store.safe().unwrap(), Lsn(applier.next - 1));
        let events: Vec<_> = (0..4).map(|n| trade(u128::from(round * 4 + n + 1), 1, 2, 10, &[])).collect();
        assert_eq!(applier.apply(&events), [Outcome::Applied; 4]);
        let Database::Postgres(server) = &mut database else { unreachable!("made above") };
        server.kill();
        assert!(matches!(gateway.ping(), Err(StoreError::Transient(_))));
        // Again the last batch, which the applier may not know to be decided, and one more event.
        let more = trade(u128::from(round) + 1_000, 1, 2, 1, &[]);
        let mut batch: Vec<_> = (applier.next - 4..).map(Lsn).zip(events.iter().map(Entry::strict)).collect();
        batch.push((Lsn(applier.next), Entry::strict(&more)));
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            let away = applier.store.apply(&batch, &mut outcomes);
            assert!(matches!(away, Err(StoreError::Transient(_))), "{away:?}");
        }
        server.restart();
        gateway.ping().unwrap();
        applier.store.apply(&batch, &mut outcomes).unwrap();
        applier.next += 1;
        assert_eq!(outcomes, [Outcome::Applied; 5]);
    }
    assert_eq!((applier.holdings(1).0, applier.holdings(2).0), (1_000 - 123, 123));
    applier.assert_clean();
}
