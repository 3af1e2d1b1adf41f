//! Planted faults: the simulator must see each of them, or its silence means nothing.

use mu_wire_sim::{Defect, Options, Outcome, run};

fn planted(seed: u64, defect: Option<Defect>) -> Outcome {
    run(seed, Options { defect, ..Options::default() })
}

/// What the fault is called, by one of the words it must be reported with.
const fn words(defect: Defect) -> &'static [&'static str] {
    match defect {
        Defect::MessageTwice | Defect::MessageLost | Defect::MessagesSwapped | Defect::MessageAltered => &[
            "altered or out of order",
            "messages came",
            "were sent",
            "came twice",
            "came after",
            "and still",
            "without a number",
        ],
        Defect::BlockTwice => &["or twice"],
        Defect::InputTwice => &["input"],
        Defect::FateInvented => &["and did not"],
        Defect::FateForgotten => &["no fate"],
        Defect::SnapshotAltered => &["was never like", "cannot be read", "the replica is wrong"],
        Defect::ClosedTwice => &["twice"],
        Defect::ClosedNever => &["no end", "a good datagram was dropped", "has said nothing", "the server knows"],
        Defect::ClientSleeps => &["silent", "has said nothing", "no end", "and still"],
        Defect::Blamed => &["honest"],
        Defect::Impatient => &["it was silent for"],
        Defect::Deaf => &["a good datagram was dropped"],
        Defect::Hoards => &["the endpoints hold"],
    }
}

#[test]
fn every_planted_fault_is_seen() {
    for defect in Defect::ALL {
        let faults: Vec<_> = (0..30).filter_map(|seed| planted(seed, Some(defect)).fault).collect();
        assert!(faults.len() >= 5, "{defect:?} was seen in {} of 30 seeds", faults.len());
        for fault in faults {
            let named = words(defect).iter().any(|word| fault.what.contains(word));
            assert!(named, "{defect:?} was reported as: {}", fault.what);
        }
    }
}

#[test]
fn what_is_not_in_the_seed_changes_the_trace() {
    // The same run with one fault that changes nothing but a datagram's fate has another number.
    let changed = (0..20).filter(|seed| planted(*seed, None).hash != planted(*seed, Some(Defect::Deaf)).hash);
    assert!(changed.count() > 15);
}
