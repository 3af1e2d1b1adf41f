//! The audit sees each kind of damage to the books, and nothing else.

use crate::stores::{Applier, Database, on_both, slot, trade};
use mu_storage::audit::{Told, Violation};
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
