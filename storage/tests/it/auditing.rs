//! The audit sees each kind of damage to the books, and nothing else.

use crate::stores::{Applier, Database, on_both, slot, trade};
use mu_storage::audit::{AuditReport, Told, Violation};
use mu_storage::event::{Deed, Growth, Letter, Listing, Resolve, Standing, Text, ValueEvent};
use mu_storage::ids::Lsn;
use mu_storage::store::{Outcome, Reason};

fn world(database: &Database) -> Applier {
    let mut applier = Applier::new(database);
    applier.player(1, 100, &[11, 12]);
    applier.player(2, 100, &[21]);
    let events = [trade(1, 1, 2, 10, &[(11, 1, slot(1, 0), slot(2, 5))]), trade(2, 1, 2, 1_000, &[])];
    assert_eq!(applier.apply(&events), [Outcome::Applied, Outcome::Rejected(Reason::BalanceTooLow)]);
    applier.assert_clean();
    applier
}

/// The invariants that the audit finds broken after these statements.
fn broken_by(database: &Database, applier: &mut Applier, damage: &str) -> Vec<&'static str> {
    database.by_hand(damage);
    let report = applier.store.audit().unwrap();
    for finding in report.findings.iter().filter(|finding| finding.violations > 0) {
        assert!(!finding.examples.is_empty(), "{report}");
    }
    report.findings.iter().filter(|finding| finding.violations > 0).map(|finding| finding.invariant).collect()
}

fn broken(report: &AuditReport) -> Vec<&'static str> {
    report.findings.iter().filter(|finding| finding.violations > 0).map(|finding| finding.invariant).collect()
}

/// A world in which a parcel and an auction with a bid wait, somebody has grown, and an event was discarded.
fn busy(database: &Database) -> Applier {
    let mut applier = world(database);
    let letter = Letter { id: 60, to: 2, zen: 20, items: &[(12, 1, slot(1, 1))], goods: &[] };
    let listing = Listing { id: 7, seller: 2, min_bid: 10, buy_out: 0, ends_s: 1_000 };
    let standing = Standing { listing: 7, version: 1, seller: 2, bidder: 0, bid: 0, item: 21, item_version: 2 };
    let growth = Growth { character: 1, version: 0, level: 2, points: 5, stats: [1, 2, 3, 4] };
    let (operator, reason) = (Text::new("ada"), Text::new("seen"));
    let discard = Deed::Resolution { event_id: 18, action: Resolve::Discard, operator, reason, second: Text::new("") };
    let mut malformed = trade(18, 1, 2, 1, &[]);
    malformed.balances[0].delta -= 1;
    let events = [
        ValueEvent::mail_send(13, 1, 0, &[letter]),
        ValueEvent::auction_list(14, listing, 0, (21, 1, slot(2, 0))),
        ValueEvent::auction_bid(15, &standing, 1, 15, 61),
        ValueEvent::level_up(16, growth),
        ValueEvent::cash_credit(17, 1, 50, "payment"),
        malformed,
        ValueEvent::resolution(19, discard, &[], None),
    ];
    let outcomes = applier.apply(&events);
    let quarantined = Outcome::Quarantined(Reason::Malformed);
    assert!(outcomes.iter().all(|outcome| [Outcome::Applied, quarantined].contains(outcome)), "{outcomes:?}");
    applier.assert_clean();
    assert_eq!(broken(&applier.store.audit_since(Lsn(0)).unwrap()), [""; 0]);
    applier
}

on_both! {
    fn each_damage_is_found_and_named(database) {
        let applier = &mut world(database);
        let first = database.blob(&1_u128.to_be_bytes());
        let second = database.blob(&2_u128.to_be_bytes());
        let cases: [(&str, &str, &[&str]); 13] = [
            ("UPDATE balances SET amount = amount + 1 WHERE account = 1",
             "UPDATE balances SET amount = amount - 1 WHERE account = 1", &["I2", "I3"]),
            (&format!("UPDATE ledger SET delta = delta + 1 WHERE event_id = {first} AND account = 2"),
             &format!("UPDATE ledger SET delta = delta - 1 WHERE event_id = {first} AND account = 2"), &["I1", "I3"]),
            (&format!("INSERT INTO ledger VALUES ({second}, 1, 0, 5), ({second}, 2, 0, -5)"),
             &format!("DELETE FROM ledger WHERE event_id = {second}"), &["I3", "I9"]),
            ("UPDATE items SET slot = 9 WHERE uid = 12", "UPDATE items SET slot = 1 WHERE uid = 12", &["I7"]),
            ("UPDATE items SET container = -1 WHERE uid = 12", "UPDATE items SET container = 0 WHERE uid = 12", &["I5", "I7"]),
            ("UPDATE items SET version = 1 WHERE uid = 11", "UPDATE items SET version = 2 WHERE uid = 11", &["I7"]),
            ("INSERT INTO items VALUES (99, 1, 7, 0, 1, 0, 40)", "DELETE FROM items WHERE uid = 99", &["I7", "I7c"]),
            ("UPDATE item_history SET from_slot = 3 WHERE uid = 11 AND seq = 2",
             "UPDATE item_history SET from_slot = 0 WHERE uid = 11 AND seq = 2", &["I6"]),
            ("UPDATE item_history SET seq = 3 WHERE uid = 11 AND seq = 2",
             "UPDATE item_history SET seq = 2 WHERE uid = 11 AND seq = 3", &["I6", "I7"]),
            ("UPDATE journals SET applied_lsn = applied_lsn + 1", "UPDATE journals SET applied_lsn = applied_lsn - 1", &["I11"]),
            (&format!("UPDATE outcomes SET outcome = 2 WHERE event_id = {second}"),
             &format!("UPDATE outcomes SET outcome = 1 WHERE event_id = {second}"), &["Q1"]),
            (&format!("UPDATE outcomes SET changes = 2 WHERE event_id = {second}"),
             &format!("UPDATE outcomes SET changes = 0 WHERE event_id = {second}"), &["I9", "I9r"]),
            ("UPDATE characters SET born_by = '' WHERE id = 2", &format!("UPDATE characters SET born_by = {} WHERE id = 2",
             database.blob(&(2_u128 << 64).to_be_bytes())), &["C1"]),
        ];
        for (damage, repair, expected) in cases {
            assert_eq!(broken_by(database, applier, damage), expected, "{damage}");
            assert_eq!(broken_by(database, applier, repair), [""; 0], "{repair}");
        }
    }

    /// Parcels, auctions, growth, cash and a resolution, each with its rows.
    fn each_damage_to_what_is_on_its_way_is_found_and_named(database) {
        let applier = &mut busy(database);
        let resolution = database.blob(&19_u128.to_be_bytes());
        let cases: [(&str, &str, &[&str], &[&str]); 16] = [
            ("UPDATE parcels SET zen = zen + 1 WHERE id = 60", "UPDATE parcels SET zen = zen - 1 WHERE id = 60", &["P1"], &["P1"]),
            ("UPDATE parcels SET items = 2 WHERE id = 60", "UPDATE parcels SET items = 1 WHERE id = 60", &["P2"], &["P2"]),
            ("UPDATE parcels SET receiver = 99 WHERE id = 60", "UPDATE parcels SET receiver = 2 WHERE id = 60", &["P2"], &["P2"]),
            ("UPDATE listings SET bid = bid + 1 WHERE id = 7", "UPDATE listings SET bid = bid - 1 WHERE id = 7", &["A1", "A2"], &["A2", "A1"]),
            ("UPDATE listings SET version = 1 WHERE id = 7", "UPDATE listings SET version = 2 WHERE id = 7", &["A2"], &["A2"]),
            ("UPDATE listings SET state = 3 WHERE id = 7", "UPDATE listings SET state = 0 WHERE id = 7", &["I5", "A1", "A2"], &["I5", "A2", "A1"]),
            ("UPDATE listing_steps SET version = 3 WHERE listing = 7 AND version = 2",
             "UPDATE listing_steps SET version = 2 WHERE listing = 7 AND version = 3", &["A2", "A3"], &["A2"]),
            ("UPDATE listing_steps SET act = 3 WHERE listing = 7 AND version = 1",
             "UPDATE listing_steps SET act = 0 WHERE listing = 7 AND version = 1", &["A3"], &[]),
            ("UPDATE characters SET level = 9 WHERE id = 1", "UPDATE characters SET level = 2 WHERE id = 1", &["C4"], &["C4"]),
            ("UPDATE growth SET stat_1 = 9 WHERE character_id = 1", "UPDATE growth SET stat_1 = 2 WHERE character_id = 1", &["C4"], &["C4"]),
            ("UPDATE cash SET event_id = '' WHERE account = 1",
             &format!("UPDATE cash SET event_id = {} WHERE account = 1", database.blob(&17_u128.to_be_bytes())), &["I9"], &["I9"]),
            ("UPDATE items SET owner = 61 WHERE uid = 12", "UPDATE items SET owner = 60 WHERE uid = 12",
             &["I5", "I7", "P2"], &["I5", "I7", "P2"]),
            ("INSERT INTO balances VALUES (99, 0, 0)", "DELETE FROM balances WHERE account = 99", &["C3"], &[]),
            (&format!("INSERT INTO frozen VALUES (0, 2, {resolution})"), "DELETE FROM frozen", &["Q2"], &[]),
            (&format!("UPDATE authority SET resolves = '' WHERE event_id = {resolution}"),
             &format!("UPDATE authority SET resolves = {} WHERE event_id = {resolution}", database.blob(&18_u128.to_be_bytes())), &["Q3"], &[]),
            ("UPDATE outcomes SET records = 0, changes = 0, moves = 0, kind = 9 WHERE kind = 16",
             "UPDATE outcomes SET records = 1, kind = 16 WHERE kind = 9", &["I9", "I9a"], &["I9"]),
        ];
        for (damage, repair, expected, since) in cases {
            assert_eq!(broken_by(database, applier, damage), expected, "{damage}");
            assert_eq!(broken(&applier.store.audit_since(Lsn(0)).unwrap()), since, "since, {damage}");
            assert_eq!(broken_by(database, applier, repair), [""; 0], "{repair}");
        }
        // Balances that break the sums of what is on its way.
        for (account, invariant) in [(-6, "P1"), (-7, "A1")] {
            let change = |by: i64| format!("UPDATE balances SET amount = amount + {by} WHERE account = {account}");
            assert_eq!(broken_by(database, applier, &change(1)), ["I2", "I3", invariant]);
            assert_eq!(broken(&applier.store.audit_since(Lsn(0)).unwrap()), ["I2", invariant]);
            assert_eq!(broken_by(database, applier, &change(-1)), [""; 0]);
        }
    }

    fn each_damage_in_a_range_is_found_and_named(database) {
        let applier = &mut world(database);
        let first = database.blob(&1_u128.to_be_bytes());
        let second = database.blob(&2_u128.to_be_bytes());
        let cases: [(&str, &str, &[&str]); 8] = [
            (&format!("UPDATE ledger SET delta = delta + 1 WHERE event_id = {first} AND account = 2"),
             &format!("UPDATE ledger SET delta = delta - 1 WHERE event_id = {first} AND account = 2"), &["I1"]),
            (&format!("UPDATE ledger SET account = 9 WHERE event_id = {first} AND account = 2"),
             &format!("UPDATE ledger SET account = 2 WHERE event_id = {first} AND account = 9"), &["I4"]),
            ("UPDATE items SET container = 5 WHERE uid = 11", "UPDATE items SET container = 0 WHERE uid = 11", &["I5", "I7"]),
            ("UPDATE item_history SET from_slot = 3 WHERE uid = 11 AND seq = 2",
             "UPDATE item_history SET from_slot = 0 WHERE uid = 11 AND seq = 2", &["I6"]),
            ("UPDATE items SET slot = 9 WHERE uid = 11", "UPDATE items SET slot = 5 WHERE uid = 11", &["I7"]),
            (&format!("UPDATE outcomes SET changes = 1 WHERE event_id = {first}"),
             &format!("UPDATE outcomes SET changes = 2 WHERE event_id = {first}"), &["I9"]),
            ("UPDATE journals SET other = other + 1", "UPDATE journals SET other = other - 1", &["I11"]),
            (&format!("UPDATE outcomes SET outcome = 2 WHERE event_id = {second}"),
             &format!("UPDATE outcomes SET outcome = 1 WHERE event_id = {second}"), &["Q1"]),
        ];
        for (damage, repair, expected) in cases {
            database.by_hand(damage);
            assert_eq!(broken(&applier.store.audit_since(Lsn(2)).unwrap()), expected, "{damage}");
            database.by_hand(repair);
            assert_eq!(broken(&applier.store.audit_since(Lsn(2)).unwrap()), [""; 0], "{repair}");
        }
    }

    /// Events 1 and 2 lie at positions 3 and 4.
    fn a_range_is_audited_from_its_first_event(database) {
        let applier = &mut world(database);
        let first = database.blob(&1_u128.to_be_bytes());
        database.by_hand(&format!("UPDATE outcomes SET changes = 1 WHERE event_id = {first}"));
        assert_eq!(broken(&applier.store.audit_since(Lsn(2)).unwrap()), ["I9"]);
        assert_eq!(broken(&applier.store.audit_since(Lsn(3)).unwrap()), [""; 0]);
    }

    fn a_debt_is_found(database) {
        let applier = &mut world(database);
        // The table itself refuses a debt, so the rule is taken away first.
        if matches!(database, Database::Postgres(_)) {
            database.by_hand("ALTER TABLE balances DROP CONSTRAINT balances_check");
            let damage = "UPDATE balances SET amount = -1 WHERE account = 1";
            assert_eq!(broken_by(database, applier, damage), ["I2", "I3", "I4"]);
        } else {
            let damage = "PRAGMA ignore_check_constraints = ON; UPDATE balances SET amount = -1 WHERE account = 1";
            assert_eq!(broken_by(database, applier, damage), ["I2", "I3", "I4"]);
        }
    }

    fn what_players_were_told_is_compared_with_what_was_decided(database) {
        let mut applier = world(database);
        let told = |event_id, success| Told { event_id, success };
        let right = [told(1, true), told(2, false)];
        assert_eq!(applier.store.check_told(&right).unwrap(), []);
        let wrong = [told(1, false), told(2, true), told(3, true), told(3, false)];
        let decided = [Some(Outcome::Applied), Some(Outcome::Rejected(Reason::BalanceTooLow)), None, None];
        let expected: Vec<_> = wrong.iter().zip(decided).map(|(&told, decided)| Violation { told, decided }).collect();
        assert_eq!(applier.store.check_told(&wrong).unwrap(), expected);
    }
}
