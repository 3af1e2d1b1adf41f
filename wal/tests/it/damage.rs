//! Damaged images: exhaustive where that is feasible, random beyond.

use std::sync::Arc;

use super::edits::Edit;
use super::fuzz::{Outcome, Sample, Tally, run, samples};

fn sample<'a>(samples: &'a [Sample], name: &str) -> &'a Sample {
    samples
        .iter()
        .find(|sample| sample.name == name)
        .expect("a sample of this name")
}

#[test]
fn undamaged_images_are_whole() {
    for sample in samples() {
        assert_eq!(
            sample.judge(&sample.files, &"nothing"),
            Outcome::Whole,
            "{}",
            sample.name
        );
    }
}

#[test]
fn random_damage_is_reported_or_harmless() {
    let samples = samples();
    let tally = run(&samples, 20_000, 1);
    println!("{tally:?}");
    assert!(tally.whole > 2_000, "{tally:?}: the edits miss nothing");
    assert!(tally.reported > 5_000, "{tally:?}: the edits hit nothing");
    // Only the last frame of a log without seal and checkpoint has nobody to speak for it.
    assert!(
        tally.excused < 2_000,
        "{tally:?}: promises are not looked at"
    );
}

#[test]
fn every_flip_of_a_sealed_log_is_noticed_or_harmless() {
    let samples = samples();
    let sample = sample(&samples, "sealed");
    let mut tally = Tally::default();
    for (file, bytes) in &sample.files {
        // Each byte of headers and frames, one bit of it; each bit of the first 512 bytes of a page.
        let used = bytes.len().min(10 * 4096);
        for byte in 0..used {
            let bits = if byte % 4096 < 256 {
                0..8
            } else {
                byte % 8..byte % 8 + 1
            };
            for bit in bits {
                let edit = Edit::Flip {
                    file: file.clone(),
                    bit: byte * 8 + bit,
                };
                let mut image = sample.files.clone();
                edit.apply(&mut image, &[]);
                tally.count(sample.judge(&image, &edit));
            }
        }
    }
    assert_eq!(
        tally.excused, 0,
        "{tally:?}: a sealed log misses nothing after one flip"
    );
    assert!(tally.reported > 20_000, "{tally:?}");
}

#[test]
fn every_truncation_is_reported() {
    for sample in samples() {
        for (file, bytes) in sample
            .files
            .iter()
            .filter(|(file, _)| file.ends_with(".wal"))
        {
            for length in (0..bytes.len())
                .step_by(512)
                .chain([1, 4095, bytes.len() - 1])
            {
                let edit = Edit::Truncate {
                    file: file.clone(),
                    length,
                };
                let mut image = sample.files.clone();
                edit.apply(&mut image, &[]);
                assert_eq!(
                    sample.judge(&image, &edit),
                    Outcome::Reported,
                    "{}: {edit:?}",
                    sample.name
                );
            }
        }
    }
}

/// What a power cut leaves of a tail: everything from some sector on never reached the disk.
#[test]
fn every_lost_end_is_torn_or_reported() {
    for sample in samples() {
        for (file, bytes) in sample
            .files
            .iter()
            .filter(|(file, _)| file.ends_with(".wal"))
        {
            let mut tally = Tally::default();
            for start in (4096..bytes.len() - 4096).step_by(512) {
                let mut image = sample.files.clone();
                let lost = Arc::make_mut(image.get_mut(file).expect("it is there"));
                let end = lost.len() - 4096;
                lost[start..end].fill(0);
                tally.count(sample.judge(&image, &start));
            }
            assert_eq!(
                tally.whole + tally.reported + tally.excused,
                112,
                "{}: {file}",
                sample.name
            );
        }
    }
}
