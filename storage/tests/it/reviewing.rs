//! Quarantined events: what is kept, what is frozen, and how operators decide about them.

use mu_storage::event::{Currency, Deed, EventKind, ItemMove, Letter, Place, Resolve, Text, ValueEvent};
use mu_storage::ids::{CharacterId, ItemUid, Lsn};
use mu_storage::store::{Entry, Outcome, Reason};

use crate::stores::{Applier, Database, on_both, slot, trade};

fn world(database: &Database) -> Applier {
    let mut applier = Applier::new(database);
    applier.player(1, 100, &[11]);
    applier.player(2, 100, &[]);
    applier.player(3, 100, &[]);
    applier
}

/// A purchase that was told and cannot be paid.
fn unpayable(event_id: u128, character: i64) -> ValueEvent {
    ValueEvent::shop_buy(event_id, character, 150, 0, [(900 + i64::try_from(event_id).unwrap(), 5, 1, 8)])
}

fn tell(applier: &mut Applier, event: &ValueEvent) -> Outcome {
    let mut outcomes = Vec::new();
    applier.store.apply(&[(Lsn(applier.next), Entry::Event { event, told: true })], &mut outcomes).unwrap();
    applier.next += 1;
    outcomes[0]
}

fn resolve(event_id: u128, target: u128, action: Resolve, second: &str, letters: &[Letter<'_>]) -> ValueEvent {
    let (operator, reason, second) = (Text::new("ada"), Text::new("seen"), Text::new(second));
    let deed = Deed::Resolution { event_id: target, action, operator, reason, second };
    ValueEvent::resolution(event_id, deed, letters, None)
}

fn waiting(applier: &mut Applier) -> Vec<u128> {
    applier.store.review_list(false).unwrap().into_iter().map(|entry| entry.event_id).collect()
}

on_both! {
    fn a_discarded_event_releases_what_it_froze(database) {
        let mut applier = world(database);
        assert_eq!(tell(&mut applier, &unpayable(1, 1)), Outcome::Quarantined(Reason::BalanceTooLow));
        let frozen = applier.store.frozen(CharacterId(1)).unwrap().expect("it is frozen");
        assert_eq!((frozen.event_id, frozen.kind, frozen.reason), (1, Some(EventKind::ShopBuy), Reason::BalanceTooLow));
        assert_eq!(applier.store.frozen(CharacterId(2)).unwrap(), None);
        assert_eq!(applier.apply_one(&resolve(2, 9, Resolve::Discard, "", &[])), Outcome::Rejected(Reason::ReviewUnknown));
        assert_eq!(applier.apply_one(&resolve(3, 1, Resolve::Discard, "", &[])), Outcome::Applied);
        assert_eq!(applier.apply_one(&resolve(4, 1, Resolve::Discard, "", &[])), Outcome::Rejected(Reason::ReviewClosed));
        assert_eq!(applier.store.frozen(CharacterId(1)).unwrap(), None);
        assert_eq!(applier.apply_one(&trade(5, 1, 2, 10, &[])), Outcome::Applied);
        assert_eq!(applier.store.outcome(1).unwrap(), Some(Outcome::Quarantined(Reason::BalanceTooLow)));
        assert_eq!((waiting(&mut applier), applier.store.review_list(true).unwrap()[0].resolved), (vec![], Some((3, Resolve::Discard))));
        applier.assert_clean();
    }

    fn dependants_are_applied_in_order(database) {
        let mut applier = world(database);
        assert_eq!(tell(&mut applier, &unpayable(1, 1)), Outcome::Quarantined(Reason::BalanceTooLow));
        let first = trade(2, 1, 2, 60, &[]);
        let second = trade(3, 2, 3, 150, &[]);
        assert_eq!(applier.apply(&[first, second]), [Outcome::Quarantined(Reason::Frozen); 2]);
        assert_eq!(applier.apply_one(&resolve(4, 2, Resolve::Apply, "", &[])), Outcome::Rejected(Reason::ReviewOrder));
        assert_eq!(applier.apply_one(&resolve(5, 1, Resolve::Apply, "", &[])), Outcome::Rejected(Reason::BalanceTooLow));
        assert_eq!(applier.apply_one(&resolve(6, 1, Resolve::Discard, "", &[])), Outcome::Applied);
        assert_eq!(applier.apply_one(&resolve(7, 3, Resolve::Apply, "", &[])), Outcome::Rejected(Reason::ReviewOrder));
        let both = [resolve(8, 2, Resolve::Apply, "", &[]), resolve(9, 3, Resolve::Apply, "", &[])];
        assert_eq!(applier.apply(&both), [Outcome::Applied; 2]);
        assert_eq!((applier.holdings(1).0, applier.holdings(2).0, applier.holdings(3).0), (40, 10, 250));
        assert_eq!(waiting(&mut applier), [0_u128; 0]);
        applier.assert_clean();
    }

    fn quarantine_and_resolution_may_meet_in_one_batch(database) {
        let mut applier = world(database);
        let mut malformed = trade(1, 1, 2, 10, &[]);
        malformed.balances[0].delta += 1;
        let events = [
            malformed, trade(2, 2, 1, 5, &[]), resolve(3, 1, Resolve::Apply, "", &[]),
            resolve(4, 1, Resolve::Discard, "", &[]), resolve(5, 2, Resolve::Apply, "", &[]), trade(6, 1, 2, 105, &[]),
        ];
        let expected = [
            Outcome::Quarantined(Reason::Malformed), Outcome::Quarantined(Reason::Frozen),
            Outcome::Rejected(Reason::ReviewUnreadable), Outcome::Applied, Outcome::Applied, Outcome::Applied,
        ];
        assert_eq!(applier.apply(&events), expected);
        assert_eq!((applier.holdings(1).0, applier.holdings(2).0), (0, 200));
        applier.assert_clean();
    }

    fn what_was_lost_is_made_good_by_parcel(database) {
        let mut applier = world(database);
        assert_eq!(tell(&mut applier, &unpayable(1, 1)), Outcome::Quarantined(Reason::BalanceTooLow));
        let letter = [Letter { id: 60, to: 1, zen: 7, items: &[], goods: &[(950, 5, 1)] }];
        assert_eq!(applier.apply_one(&resolve(2, 1, Resolve::Compensate, "", &letter)), Outcome::Applied);
        let moved = [ItemMove { uid: 950, version: 1, from: Place::post(60, 0), to: slot(1, 8) }];
        assert_eq!(applier.apply_one(&ValueEvent::mail_claim(3, 1, 60, 7, moved)), Outcome::Applied);
        assert_eq!(applier.holdings(1), (107, vec![(11, 0, 1), (950, 8, 2)]));
        applier.assert_clean();
    }

    fn cash_needs_two_people(database) {
        let mut applier = world(database);
        let mut credit = ValueEvent::cash_credit(1, 1, 50, "payment");
        credit.pay(1, Currency::Zen, 1);
        assert_eq!(applier.apply_one(&credit), Outcome::Quarantined(Reason::Malformed));
        let mut outcomes = Vec::new();
        let damaged = Entry::Damaged { event_id: 2, payload: b"not an event" };
        applier.store.apply(&[(Lsn(applier.next), damaged)], &mut outcomes).unwrap();
        applier.next += 1;
        for (at, target) in (10..).zip([1, 2]) {
            let alone = resolve(at, target, Resolve::Discard, "", &[]);
            assert_eq!(applier.apply_one(&alone), Outcome::Rejected(Reason::SecondMissing));
            let both = resolve(at + 10, target, Resolve::Discard, "bob", &[]);
            assert_eq!(applier.apply_one(&both), Outcome::Applied);
        }
        applier.assert_clean();
    }

    fn an_operator_sees_the_event_and_its_rows_then_and_now(database) {
        let mut applier = world(database);
        assert_eq!(tell(&mut applier, &unpayable(1, 1)), Outcome::Quarantined(Reason::BalanceTooLow));
        assert_eq!(applier.apply_one(&trade(2, 2, 1, 5, &[])), Outcome::Quarantined(Reason::Frozen));
        database.by_hand("UPDATE balances SET amount = 90 WHERE account = 1");
        let review = applier.store.review(1).unwrap().expect("it waits");
        assert_eq!(review.event, Some(unpayable(1, 1)));
        assert!(review.found.contains("balance 1 Zen: Some(100)"), "{}", review.found);
        assert!(review.now.contains("balance 1 Zen: Some(90)"), "{}", review.now);
        assert_eq!((review.freezes, review.related), (vec![("character", 1), ("item", 901)], vec![2]));
        assert_eq!(applier.store.review(7).unwrap(), None);
    }

    fn an_item_tells_where_it_has_been(database) {
        let mut applier = world(database);
        let letter = Letter { id: 60, to: 3, zen: 0, items: &[(11, 2, slot(2, 4))], goods: &[] };
        let moved = [ItemMove { uid: 11, version: 3, from: Place::post(60, 0), to: slot(3, 0) }];
        let burnt = mu_storage::event::ItemBurn { uid: 11, version: 4, from: slot(3, 0) };
        let events = [
            trade(1, 1, 2, 0, &[(11, 1, slot(1, 0), slot(2, 4))]),
            ValueEvent::mail_send(2, 2, 0, &[letter]),
            ValueEvent::mail_claim(3, 3, 60, 0, moved),
            ValueEvent::shop_sell(4, 3, 5, [burnt]),
        ];
        assert_eq!(applier.apply(&events), [Outcome::Applied; 4]);
        let steps = applier.store.provenance(ItemUid(11)).unwrap();
        let path: Vec<_> = steps.iter().map(|s| (s.version, s.kind.unwrap(), s.from_name.as_str(), s.to_name.as_str())).collect();
        assert_eq!(path, [
            (1, EventKind::CharacterBirth, "", "hero1"),
            (2, EventKind::Trade, "hero1", "hero2"),
            (3, EventKind::MailSend, "hero2", "hero3"),
            (4, EventKind::MailClaim, "hero3", "hero3"),
            (5, EventKind::ShopSell, "hero3", ""),
        ]);
        assert_eq!((steps[0].from, steps[0].to, steps[4].to), (None, Some(slot(1, 0)), None));
        assert_eq!((steps[1].event_id, steps[1].lsn), (1, Lsn(4)));
        assert_eq!(applier.store.provenance(ItemUid(99)).unwrap(), []);
    }
}
