//! The rules of [`proofs`](super::proofs), one by one.

use super::proofs::RULES;

#[test]
fn every_rule_holds() {
    for (name, rule) in RULES {
        println!("{name}");
        rule();
    }
}
