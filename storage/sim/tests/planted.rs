//! Ten of the planted mistakes, each of which some world must see soon. Alone in its binary: a mistake is made by the whole
//! process.

use mu_value_sim::planted::{all, choose, hunt};

/// Mistakes with the number of seeds within which a world must see them.
const MISTAKES: [(&str, u64); 10] = [
    ("ack-before-sync", 300),
    ("cache-believed", 300),
    ("decided-before-durable", 300),
    ("failed-on-lost-reply", 100),
    ("event-id-regenerated", 100),
    ("undecided-forgotten", 100),
    ("freed-too-early", 300),
    ("epoch-not-bumped", 100),
    ("position-first", 300),
    ("map-unlock-before-outcome", 100),
];

#[test]
fn planted_mistakes_are_seen() {
    std::panic::set_hook(Box::new(|_| {}));
    let known = all();
    let mut names: Vec<_> = known.iter().map(|mistake| mistake.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), known.len(), "a name stands for one mistake");
    for (name, seeds) in MISTAKES {
        assert!(names.contains(&name), "{name} is planted");
        assert!(hunt(name, seeds).is_some(), "no world of {seeds} saw `{name}`");
    }
    choose(None);
    for seed in 1..=50 {
        assert!(mu_value_sim::run(seed, false).is_ok(), "seed {seed} without a mistake");
    }
}
