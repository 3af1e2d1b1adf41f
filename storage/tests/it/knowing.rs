//! What the applier knows from batch to batch is never more than what the store has: other hands, repeated events, lost
//! replies and new appliers between two batches.

use mu_storage::ids::Lsn;
use mu_storage::store::{Entry, Outcome, Reason, Role, open};
use mu_storage::testing::cut::{Cut, CutProxy};

use crate::stores::{Applier, Database, LOG, on_both, slot, trade};

on_both! {
    fn a_row_changed_by_other_hands_is_read_again(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11]);
        applier.player(2, 0, &[]);
        assert_eq!(applier.apply_one(&trade(1, 1, 2, 10, &[(11, 1, slot(1, 0), slot(2, 0))])), Outcome::Applied);
        database.by_hand("UPDATE balances SET amount = 5 WHERE account = 1 AND currency = 0");
        database.by_hand("UPDATE items SET version = 9 WHERE uid = 11");
        let poor = Outcome::Rejected(Reason::BalanceTooLow);
        assert_eq!(applier.apply_one(&trade(2, 1, 2, 50, &[])), poor, "90 were known, 5 are there");
        let moved = trade(4, 2, 1, 0, &[(11, 2, slot(2, 0), slot(1, 0))]);
        assert_eq!(applier.apply_one(&moved), Outcome::Rejected(Reason::ItemVersion));
    }

    fn an_event_that_comes_again_later_is_decided_once(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        applier.player(2, 0, &[]);
        let again = trade(1, 1, 2, 30, &[]);
        assert_eq!(applier.apply_one(&again), Outcome::Applied);
        let outcomes = applier.apply(&[trade(2, 1, 2, 1, &[]), again.clone(), trade(3, 1, 2, 1, &[])]);
        assert_eq!(outcomes, [Outcome::Applied; 3]);
        assert_eq!((applier.holdings(1).0, applier.holdings(2).0), (68, 32));
        applier.assert_clean();
    }

    fn what_one_applier_knew_another_one_changes_and_the_first_knows_nothing_any_more(database) {
        let mut first = Applier::new(database);
        first.player(1, 100, &[]);
        first.player(2, 0, &[]);
        assert_eq!(first.apply_one(&trade(1, 1, 2, 60, &[])), Outcome::Applied);
        let mut second = Applier::new(database);
        assert_eq!(second.apply_one(&trade(2, 2, 1, 60, &[])), Outcome::Applied);
        let mut third = Applier::new(database);
        assert_eq!(third.apply_one(&trade(3, 1, 2, 90, &[])), Outcome::Applied);
        assert_eq!(third.apply_one(&trade(4, 1, 2, 90, &[])), Outcome::Rejected(Reason::BalanceTooLow));
        third.assert_clean();
    }

    fn items_that_pass_through_many_batches_are_where_they_are_known_to_be(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11, 12]);
        applier.player(2, 100, &[21]);
        for turn in 0..6_i32 {
            let (a, b) = if turn % 2 == 0 { (1, 2) } else { (2, 1) };
            let event = u128::from(turn.unsigned_abs()) + 1;
            let moves = [(11, turn + 1, slot(a, 0), slot(b, 5)), (12, turn + 1, slot(a, 1), slot(b, 6))];
            let back = [(11, turn + 1, slot(a, 5), slot(b, 0)), (12, turn + 1, slot(a, 6), slot(b, 1))];
            let moves = if turn % 2 == 0 { moves } else { back };
            assert_eq!(applier.apply_one(&trade(event, a, b, 1, &moves)), Outcome::Applied, "turn {turn}");
        }
        let taken = trade(90, 2, 1, 0, &[(21, 1, slot(2, 0), slot(1, 0))]);
        assert_eq!(applier.apply_one(&taken), Outcome::Rejected(Reason::PlaceTaken));
        assert_eq!(applier.holdings(1), (100, vec![(11, 0, 7), (12, 1, 7)]));
        applier.assert_clean();
    }
}

#[test]
fn a_batch_behind_a_lost_reply_is_decided_on_what_the_store_has() {
    for cut in [Cut::Reply, Cut::Request] {
        let database = Database::postgres();
        let Database::Postgres(server) = &database else { unreachable!("made above") };
        let mut direct = Applier::new(&database);
        direct.player(1, 100, &[]);
        direct.player(2, 0, &[]);
        let proxy = CutProxy::before(server);
        let mut store = open(&proxy.url(), Role::Applier).unwrap();
        assert_eq!(store.fence(LOG).unwrap().applied, Lsn(2));
        let mut apply = |lsn, event: &_| {
            let mut outcomes = Vec::new();
            store.apply(&[(Lsn(lsn), Entry::strict(event))], &mut outcomes).map(|()| outcomes[0])
        };
        assert_eq!(apply(3, &trade(1, 1, 2, 30, &[])).unwrap(), Outcome::Applied);
        proxy.cut_next(cut);
        let unsure = trade(2, 1, 2, 60, &[]);
        assert!(apply(4, &unsure).is_err());
        assert_eq!(apply(4, &unsure).unwrap(), Outcome::Applied);
        assert_eq!(apply(5, &trade(3, 1, 2, 60, &[])).unwrap(), Outcome::Rejected(Reason::BalanceTooLow));
        assert_eq!((direct.holdings(1).0, direct.holdings(2).0), (10, 90));
        direct.assert_clean();
    }
}
