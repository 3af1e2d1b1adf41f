//! Two thousand seeds in four tests that run side by side, and each seed is always the same run.

use mu_wire_sim::{Options, Tally, run, run_all};

fn quarter(first: u64) -> Tally {
    let report = run_all((first, 500), 1, 3, &|_| {});
    assert!(report.failures.is_empty(), "again with its story: mu-sim --seed N --trace\n{:#?}", report.failures);
    assert_eq!(report.runs, 500);
    report.tally
}

/// The weather must really have been bad, or the quarter proves nothing.
fn check(tally: &Tally) {
    let seldom: Vec<_> = [
        ("lost", tally.lost, 1_000),
        ("lost in bursts", tally.lost_in_bursts, 1_000),
        ("duplicated", tally.duplicated, 500),
        ("corrupted", tally.corrupted, 200),
        ("reordered", tally.reordered, 1_000),
        ("detours", tally.detours, 500),
        ("queue full", tally.queue_full, 10),
        ("dark", tally.dark, 1_000),
        ("sink full", tally.sink_full, 500),
        ("clock jumps", tally.jumps_forward.min(tally.jumps_back), 50),
        ("cookies", tally.cookies, 50),
        ("refusals", tally.rejected, 10),
        ("silences", tally.idle, 10),
        ("goodbyes", tally.closed_by_client.min(tally.closed_by_server), 100),
        ("messages", tally.messages_up.min(tally.messages_down), 5_000),
        ("inputs", tally.inputs, 5_000),
        ("snapshots", tally.snapshots_came, 10_000),
        ("replicas", tally.replicas, 200),
        ("fragmented", tally.fragmented, 300),
        ("messages lost as allowed", tally.lost_messages, 1_000),
        ("blocks", tally.blocks.min(tally.block_bytes / 10_000), 300),
        ("keys renewed", tally.renewals, 300),
        ("moves", tally.moves.min(tally.rebinds), 150),
        ("to an old address", tally.stray, 1_000),
        ("restarts and resets", tally.restarts.min(tally.resets), 15),
        ("long datagrams", tally.long, 40),
    ]
    .into_iter()
    .filter(|(_, count, least)| count < least)
    .collect();
    assert!(seldom.is_empty(), "too seldom (what, how often, how often at least): {seldom:?}");
}

#[test]
fn first_quarter() {
    check(&quarter(0));
}

#[test]
fn second_quarter() {
    check(&quarter(500));
}

#[test]
fn third_quarter() {
    check(&quarter(1_000));
}

#[test]
fn last_quarter() {
    check(&quarter(1_500));
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 0..40 {
        let (one, two) = (run(seed, Options::default()), run(seed, Options { in_words: true, ..Options::default() }));
        assert_eq!((one.hash, one.tally), (two.hash, two.tally), "seed {seed}");
        assert!(one.lines.is_empty() && !two.lines.is_empty());
    }
    let (one, two) = (run_all((0, 60), 1, 1, &|_| {}), run_all((0, 60), 3, 1, &|_| {}));
    assert_eq!((one.hash, one.tally), (two.hash, two.tally), "the threads must not matter");
    assert_ne!(run(1, Options::default()).hash, run(2, Options::default()).hash);
}
