//! Applying the journal.

use crate::stores::{Applier, LOG, on_both, slot, trade};
use mu_storage::error::StoreError;
use mu_storage::error::TakeError;
use mu_storage::event::{BalanceChange, Currency, EventKind, ValueEvent, encode_into};
use mu_storage::ids::{AccountId, CharacterId, Lsn};
use mu_storage::store::{Entry, Outcome, Reason};

on_both! {
    fn a_trade_moves_items_and_zen_both_ways(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11, 12]);
        applier.player(2, 50, &[21]);
        let swap = trade(1, 1, 2, 30, &[(11, 1, slot(1, 0), slot(2, 5)), (21, 1, slot(2, 0), slot(1, 0))]);
        assert_eq!(applier.apply_one(&swap), Outcome::Applied);
        assert_eq!(applier.holdings(1), (70, vec![(21, 0, 2), (12, 1, 1)]));
        assert_eq!(applier.holdings(2), (80, vec![(11, 5, 2)]));
        assert_eq!(applier.store.outcome(1).unwrap(), Some(Outcome::Applied));
        assert_eq!(applier.store.outcome(2).unwrap(), None);
        applier.assert_clean();
    }

    fn items_change_places_with_each_other_and_in_a_circle(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 0, &[11, 12, 13]);
        applier.player(2, 0, &[21]);
        let swap = trade(1, 1, 2, 0, &[(11, 1, slot(1, 0), slot(2, 0)), (21, 1, slot(2, 0), slot(1, 0))]);
        let circle = trade(2, 1, 2, 0, &[
            (21, 2, slot(1, 0), slot(1, 1)), (12, 1, slot(1, 1), slot(1, 2)), (13, 1, slot(1, 2), slot(1, 0)),
        ]);
        assert_eq!(applier.apply(&[swap, circle]), [Outcome::Applied, Outcome::Applied]);
        assert_eq!(applier.holdings(1), (0, vec![(13, 0, 2), (21, 1, 3), (12, 2, 2)]));
        assert_eq!(applier.holdings(2), (0, vec![(11, 0, 2)]));
        applier.assert_clean();
    }

    fn each_failed_precondition_has_its_reason_and_changes_nothing(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11, 12]);
        applier.player(2, i64::MAX - 100, &[21]);
        let before = (applier.holdings(1), applier.holdings(2));
        let cases = [
            (trade(1, 1, 2, 101, &[]), Reason::BalanceTooLow),
            (trade(2, 1, 2, 0, &[(99, 1, slot(1, 0), slot(2, 1))]), Reason::ItemMissing),
            (trade(3, 1, 2, 0, &[(11, 2, slot(1, 0), slot(2, 1))]), Reason::ItemVersion),
            (trade(4, 1, 2, 0, &[(11, 1, slot(1, 1), slot(2, 1))]), Reason::ItemElsewhere),
            (trade(5, 1, 2, 0, &[(11, 1, slot(1, 0), slot(2, 0))]), Reason::PlaceTaken),
            (trade(6, 1, 3, 10, &[]), Reason::CharacterUnknown),
            (trade(7, 1, 2, 0, &[(11, 1, slot(1, 0), slot(3, 0))]), Reason::CharacterUnknown),
        ];
        let events: Vec<_> = cases.iter().map(|(event, _)| event.clone()).collect();
        let expected: Vec<_> = cases.iter().map(|(_, reason)| Outcome::Rejected(*reason)).collect();
        assert_eq!(applier.apply(&events), expected);
        assert_eq!((applier.holdings(1), applier.holdings(2)), before);
        for (event, reason) in &cases {
            assert_eq!(applier.store.outcome(event.event_id).unwrap(), Some(Outcome::Rejected(*reason)));
        }
        applier.assert_clean();
    }

    fn a_rejected_event_stays_rejected_when_it_could_be_applied_later(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        applier.player(2, 100, &[]);
        let too_much = trade(1, 1, 2, 150, &[]);
        assert_eq!(applier.apply_one(&too_much), Outcome::Rejected(Reason::BalanceTooLow));
        assert_eq!(applier.apply_one(&trade(2, 2, 1, 100, &[])), Outcome::Applied);
        assert_eq!(applier.apply_one(&too_much), Outcome::Rejected(Reason::BalanceTooLow));
        assert_eq!(applier.holdings(1).0, 200);
        applier.assert_clean();
    }

    fn the_same_event_twice_in_a_batch_or_later_is_applied_once(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        applier.player(2, 0, &[]);
        let event = trade(1, 1, 2, 10, &[]);
        assert_eq!(applier.apply(&[event.clone(), event.clone()]), [Outcome::Applied; 2]);
        assert_eq!(applier.apply_one(&event), Outcome::Applied);
        assert_eq!(applier.holdings(1).0, 90);
        applier.assert_clean();
    }

    fn any_prefix_may_be_delivered_again_and_a_gap_is_refused(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        applier.player(2, 0, &[]);
        let events: Vec<_> = (1..=6).map(|n| trade(n, 1, 2, 10, &[])).collect();
        let batch: Vec<_> = (3..).map(Lsn).zip(events.iter().map(Entry::strict)).collect();
        let mut outcomes = Vec::new();
        applier.store.apply(&batch[..3], &mut outcomes).unwrap();
        let gap = applier.store.apply(&batch[4..], &mut outcomes);
        assert!(matches!(gap, Err(StoreError::Behind { applied: Lsn(5), first: Lsn(7) })), "{gap:?}");
        assert_eq!(outcomes.len(), 3);
        for end in 1..=6 {
            outcomes.clear();
            applier.store.apply(&batch[..end], &mut outcomes).unwrap();
            assert_eq!(outcomes, vec![Outcome::Applied; end]);
        }
        assert_eq!(applier.holdings(1).0, 40);
        assert_eq!(applier.store.applied(LOG).unwrap(), Lsn(8));
        applier.assert_clean();
    }

    fn records_that_are_no_value_events_pass_and_count(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        applier.player(2, 0, &[]);
        let event = trade(1, 1, 2, 10, &[]);
        let batch = [(Lsn(3), Entry::Other), (Lsn(4), Entry::strict(&event)), (Lsn(5), Entry::Other)];
        let mut outcomes = Vec::new();
        applier.store.apply(&batch, &mut outcomes).unwrap();
        assert_eq!(outcomes, [Outcome::Applied; 3]);
        assert_eq!(applier.store.applied(LOG).unwrap(), Lsn(5));
        applier.store.apply(&[(Lsn(6), Entry::Other)], &mut outcomes).unwrap();
        assert_eq!(applier.store.applied(LOG).unwrap(), Lsn(6));
        applier.assert_clean();
    }

    fn an_unreadable_record_is_kept_for_review(database) {
        let mut applier = Applier::new(database);
        let mut outcomes = Vec::new();
        let batch = [(Lsn(1), Entry::Damaged { event_id: 7, payload: b"not an event" })];
        applier.store.apply(&batch, &mut outcomes).unwrap();
        applier.store.apply(&batch, &mut outcomes).unwrap();
        assert_eq!(outcomes, [Outcome::Quarantined(Reason::Undecodable); 2]);
        assert_eq!(applier.store.outcome(7).unwrap(), Some(Outcome::Quarantined(Reason::Undecodable)));
        applier.assert_clean();
    }

    fn an_impossible_event_freezes_what_it_names_and_what_comes_behind_it(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11]);
        applier.player(2, 100, &[]);
        applier.player(3, 100, &[]);
        let mut money_from_nowhere = ValueEvent::new(1, EventKind::Trade);
        money_from_nowhere.balances.push(BalanceChange { account: 1, currency: Currency::Zen, delta: 5 });
        let behind = trade(2, 2, 1, 10, &[]);
        let beside = trade(3, 2, 3, 10, &[]);
        let expected = [
            Outcome::Quarantined(Reason::Malformed), Outcome::Quarantined(Reason::Frozen), Outcome::Quarantined(Reason::Frozen),
        ];
        assert_eq!(applier.apply(&[money_from_nowhere, behind, beside]), expected);
        assert_eq!(applier.apply_one(&trade(4, 3, 2, 1, &[])), Outcome::Quarantined(Reason::Frozen));
        let taken = applier.store.character_take(CharacterId(1), AccountId(1));
        assert!(matches!(taken, Err(TakeError::Frozen)), "{taken:?}");
        let stranger = applier.store.character_take(CharacterId(1), AccountId(2));
        assert!(matches!(stranger, Err(TakeError::NotFound)), "{stranger:?}");
        assert_eq!(applier.holdings(1), (100, vec![(11, 0, 1)]));
        applier.assert_clean();
    }

    fn what_the_database_refuses_is_found_by_division_and_the_rest_applied(database) {
        let mut applier = Applier::new(database);
        for id in 1..=8 {
            applier.player(id, 100, &[]);
        }
        // A row that the event's ledger row collides with: only the database can see it.
        let poisoned = trade(105, 5, 6, 10, &[]);
        let id = database.blob(&105_u128.to_be_bytes());
        database.by_hand(&format!("INSERT INTO ledger (event_id, account, currency, delta) VALUES ({id}, 5, 0, 1)"));
        let events = [
            trade(101, 1, 2, 10, &[]), trade(102, 2, 3, 10, &[]), trade(103, 3, 4, 10, &[]), trade(104, 4, 1, 10, &[]),
            poisoned.clone(), trade(106, 7, 8, 10, &[]), trade(107, 6, 7, 10, &[]),
        ];
        let outcomes = applier.apply(&events);
        let expected = [
            Outcome::Applied, Outcome::Applied, Outcome::Applied, Outcome::Applied,
            Outcome::Quarantined(Reason::Refused), Outcome::Applied, Outcome::Quarantined(Reason::Frozen),
        ];
        assert_eq!(outcomes, expected);
        database.by_hand(&format!("DELETE FROM ledger WHERE event_id = {id}"));
        applier.assert_clean();
        let mut payload = Vec::new();
        encode_into(&poisoned, &mut payload);
        let kept = format!("SELECT COUNT(*) FROM review WHERE event_id = {id} AND payload = {}", database.blob(&payload));
        assert_eq!(database.count(&kept), 1);
    }
}
