//! Every mistake that can be planted is seen by at least one rule, and without a mistake every rule holds.

#[path = "it/edits.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod edits;
#[path = "it/fuzz.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod fuzz;
#[path = "it/image.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod image;
#[path = "it/proofs.rs"]
mod proofs;
#[path = "it/rig.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod rig;
#[path = "it/scripted.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod scripted;
#[path = "it/sweep.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod sweep;

use mu_wal::planted::{Bug, set};
use proofs::RULES;

/// The rules that are broken now.
fn broken() -> Vec<&'static str> {
    let breaks = |rule: fn()| std::panic::catch_unwind(rule).is_err();
    RULES.iter().filter(|(_, rule)| breaks(*rule)).map(|(name, _)| *name).collect()
}

/// One test, one after the other: the mistake is chosen for the whole process.
#[test]
fn every_planted_mistake_is_seen() {
    set(None);
    assert_eq!(broken(), Vec::<&str>::new(), "without a mistake");
    std::panic::set_hook(Box::new(|_| {}));
    let mut unseen = Vec::new();
    for (bug, name, what) in Bug::ALL {
        set(Some(*bug));
        let mut seen = broken();
        // A single rule sees most; what only an unlucky moment shows is left to the sweep.
        if seen.is_empty() && std::panic::catch_unwind(|| sweep::sweep(1, sweep::Depth::Drawn)).is_err() {
            seen.push("every fault at every operation");
        }
        println!("{name}: {what}; seen by {seen:?}");
        if seen.is_empty() {
            unseen.push(name);
        }
    }
    set(None);
    let _ = std::panic::take_hook();
    assert_eq!(unseen, Vec::<&&str>::new(), "mistakes that no rule sees");
}
