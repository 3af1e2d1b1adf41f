//! Two thousand worlds with every fault, and the proof that they are reproducible and that they go everywhere.

use mu_value_sim::{Mark, Marks, run};

const SEEDS: u64 = 2_000;

/// Marks that no run of this size may miss.
fn rare(marks: &Marks) -> Vec<&'static str> {
    let exempt = [Mark::FlipHarmless, Mark::LieHarmless, Mark::WalAck, Mark::ToldQuarantined];
    let missing = |(mark, _): &&(Mark, &str)| marks.count(*mark) == 0 && !exempt.contains(mark);
    Mark::ALL.iter().filter(missing).map(|(_, name)| *name).collect()
}

#[test]
fn value_survives_every_seed() {
    let mut marks = Marks::default();
    let mut recoveries = 0;
    for seed in 1..=SEEDS {
        let report = run(seed, false).unwrap_or_else(|(violation, _)| {
            panic!("seed {seed}: {}\nscripts/value-sim --seed {seed} --trace replays it", violation.0)
        });
        recoveries += report.recoveries;
        marks.add(&report.marks);
    }
    assert!(recoveries > SEEDS * 5, "only {recoveries} crash-recoveries");
    assert_eq!(rare(&marks), Vec::<&str>::new(), "these never happened in {SEEDS} worlds");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..=25 {
        let (first, second) = (run(seed, false).expect("clean"), run(seed, false).expect("clean"));
        assert_eq!(first, second, "seed {seed}");
    }
    let hashes: std::collections::BTreeSet<u64> = (1..=25).map(|seed| run(seed, false).expect("clean").hash).collect();
    assert_eq!(hashes.len(), 25, "another seed is another world");
}
