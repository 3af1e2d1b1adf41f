//! Each mistake that can be planted into deciding and auditing is seen by the test named here, which passes without it.

use std::process::{Command, Stdio};

use mu_storage::planted::Bug;

/// Which test sees which mistake.
const SEEN_BY: [(Bug, &str); 16] = [
    (Bug::SecondApplication, "applying::the_same_event_twice_in_a_batch_or_later_is_applied_once::on_sqlite"),
    (Bug::OutcomeWithoutEffects, "applying::a_trade_moves_items_and_zen_both_ways::on_sqlite"),
    (Bug::ResolutionAlone, "reviewing::cash_needs_two_people::on_sqlite"),
    (Bug::RefundForgotten, "kinds::who_is_outbid_gets_his_money_back_and_the_highest_bid_wins::on_sqlite"),
    (Bug::VersionIgnored, "applying::each_failed_precondition_has_its_reason_and_changes_nothing::on_sqlite"),
    (Bug::PlaceIgnored, "applying::each_failed_precondition_has_its_reason_and_changes_nothing::on_sqlite"),
    (Bug::FamiliesMixed, "kinds::families_of_money_are_not_exchanged::on_sqlite"),
    (Bug::ClaimTwice, "kinds::a_parcel_is_claimed_whole_once_by_its_receiver::on_sqlite"),
    (Bug::ClaimPartly, "kinds::a_parcel_is_claimed_whole_once_by_its_receiver::on_sqlite"),
    (Bug::ReleaseForgotten, "reviewing::a_discarded_event_releases_what_it_froze::on_sqlite"),
    (Bug::OrderIgnored, "reviewing::dependants_are_applied_in_order::on_sqlite"),
    (Bug::ToldRejected, "kinds::what_was_told_is_quarantined_instead_of_refused::on_sqlite"),
    (Bug::FrozenIgnored, "applying::an_impossible_event_freezes_what_it_names_and_what_comes_behind_it::on_sqlite"),
    (Bug::WarehouseOpen, "kinds::the_warehouse_belongs_to_the_account::on_sqlite"),
    (Bug::GrowthVersionIgnored, "kinds::characters_grow_in_order::on_sqlite"),
    (Bug::AuditSkipsFirst, "auditing::a_range_is_audited_from_its_first_event::on_sqlite"),
];

/// Runs one test of this binary in a process of its own; whether it passed.
fn passes(test: &str, planted: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env("MU_PLANTED", planted).stderr(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "there is no test {test}: {said}");
    output.status.success()
}

#[test]
fn every_planted_mistake_is_seen() {
    let mut unseen = Vec::new();
    for (bug, test) in SEEN_BY {
        let (_, name, what) = Bug::ALL.iter().find(|(own, ..)| *own == bug).expect("each mistake has a name");
        assert!(passes(test, ""), "{test} fails without a mistake");
        if passes(test, name) {
            unseen.push(format!("{name} ({what}) by {test}"));
        }
    }
    assert_eq!(unseen, Vec::<String>::new());
}
