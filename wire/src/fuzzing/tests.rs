//! The corpus again, and as many invented inputs as a test run has time for.

use std::path::Path;

use super::TARGETS;
use crate::crypto::Random;

/// Invented inputs for each target. Named runs of the fuzzer do millions (`scripts/fuzz`).
const INVENTED: usize = 2_000;

#[test]
fn the_corpus_breaks_nothing() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        let mut inputs = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            (target.run)(&bytes);
            bend(target.run, &bytes);
            inputs += 1;
        }
        assert!(inputs > 0, "{} has no corpus", target.name);
    }
}

/// Cuts and changes of an input that is known to go deep.
fn bend(run: fn(&[u8]), bytes: &[u8]) {
    let mut random = Random::from_seed([9; 32]);
    for _ in 0..4 {
        let mut bent = bytes.to_vec();
        for _ in 0..=random.u64() % 3 {
            if bent.is_empty() {
                break;
            }
            let index = usize::try_from(random.u64() % bent.len() as u64).unwrap();
            match random.u64() % 3 {
                0 => bent[index] = random.array::<1>()[0],
                1 => bent.truncate(index),
                _ => bent.insert(index, random.array::<1>()[0]),
            }
        }
        run(&bent);
    }
}

#[test]
fn invented_inputs_break_nothing() {
    let mut random = Random::from_seed([8; 32]);
    for target in TARGETS {
        for _ in 0..INVENTED {
            let mut bytes = vec![0; usize::try_from(random.u64() % 400).unwrap()];
            random.fill(&mut bytes);
            (target.run)(&bytes);
        }
    }
}
