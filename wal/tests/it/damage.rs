//! Damaged images: exhaustive where that is feasible, random beyond.

use std::sync::Arc;

use mu_wal::WalError;
use mu_wal::disk::sim::SimDisk;

use super::edits::Edit;
use super::fuzz::{Outcome, Sample, Tally, run, samples};
use super::rig;

fn sample<'a>(samples: &'a [Sample], name: &str) -> &'a Sample {
    samples.iter().find(|sample| sample.name == name).expect("a sample of this name")
}

fn segments(sample: &Sample) -> impl Iterator<Item = (usize, usize)> + '_ {
    let segments = sample.files.iter().enumerate().filter(|(_, (name, _))| name.ends_with(".wal"));
    segments.map(|(file, (_, bytes))| (file, bytes.len()))
}

#[test]
fn undamaged_images_are_whole() {
    let samples = samples();
    for sample in &samples {
        for applied in [None, Some(0), Some(sample.durable)] {
            assert_eq!(sample.judge(&[], applied, &samples), Outcome::Whole, "{}", sample.name);
        }
        assert_eq!(sample.judge(&[], Some(sample.durable + 9), &samples), Outcome::Reported, "{}", sample.name);
    }
}

/// The size of every commit; `scripts/wal-fuzz` runs any number.
#[test]
fn random_damage_is_reported_or_harmless() {
    let samples = samples();
    let tally = run(&samples, 200_000, 1);
    println!("{tally:?}");
    assert_eq!(tally.images(), 200_000);
    assert!(tally.whole > 20_000, "{tally:?}: the edits miss nothing");
    assert!(tally.reported > 50_000, "{tally:?}: the edits hit nothing");
    assert!(tally.last_frame < 10_000 && tally.wiped < 10_000, "{tally:?}: promises are not looked at");
}

#[test]
fn every_flip_of_a_sealed_log_is_noticed_or_harmless() {
    let samples = samples();
    let sample = sample(&samples, "sealed");
    let mut tally = Tally::default();
    for (file, (_, bytes)) in sample.files.iter().enumerate() {
        // Each byte of headers and frames, one bit of it; each bit of the first 256 bytes of a page.
        let used = bytes.len().min(10 * 4096);
        for byte in 0..used {
            let bits = if byte % 4096 < 256 { 0..8 } else { byte % 8..byte % 8 + 1 };
            for bit in bits {
                tally.count(sample.judge(&[Edit::Flip { file, bit: byte * 8 + bit }], None, &samples));
            }
        }
    }
    assert_eq!(tally.last_frame + tally.wiped, 0, "{tally:?}: a sealed log misses nothing after one flip");
    assert!(tally.reported > 20_000, "{tally:?}");
}

#[test]
fn every_truncation_is_reported() {
    let samples = samples();
    for sample in &samples {
        for (file, bytes) in segments(sample) {
            for length in (0..bytes).step_by(512).chain([1, 4095, bytes - 1]) {
                let edit = Edit::Truncate { file, length };
                assert_eq!(sample.judge(&[edit], None, &samples), Outcome::Reported, "{}: {edit:?}", sample.name);
            }
        }
    }
}

/// A seal has no records, so no promise of positions speaks for it; the frame behind it does.
#[test]
fn a_damaged_seal_does_not_hide_the_frame_behind_it() {
    let samples = samples();
    let sample = sample(&samples, "sealed, then open");
    let seal = &sample.frames[sample.frames.len() - 2];
    for byte in [0, 40, 76, 4000] {
        let edit = Edit::Flip { file: seal.file, bit: (seal.offset + byte) * 8 };
        assert_eq!(sample.judge(&[edit], None, &samples), Outcome::Reported, "byte {byte} of the seal");
    }
}

/// A frame of another history of the same log, at its own place and valid by itself: only the chain tells.
#[test]
fn a_frame_of_another_history_is_reported() {
    let history = |third: u64| {
        let disk = SimDisk::new(1);
        let (mut journal, _) = rig::open(&disk, 0).expect("a fresh journal");
        for event in [1, 2, third, 4, 5] {
            rig::append(&mut journal, event);
            journal.sync().expect("a good disk");
        }
        disk.durable_files()
    };
    let (ours, other) = (history(3), history(103));
    let name = "0000000000000001.wal";
    // Header page, boot record, two groups, then the one that differs.
    let place = 4 * 4096..5 * 4096;
    let mut image = ours.clone();
    let segment = Arc::make_mut(image.get_mut(name).expect("the first segment"));
    assert_ne!(segment[place.clone()], other[name][place.clone()]);
    segment[place.clone()].copy_from_slice(&other[name][place]);
    let scan = rig::scan(&SimDisk::from_files(image, 1));
    assert!(matches!(scan, Err(WalError::Corrupt { .. })), "{scan:?}");
}

/// What a power cut leaves of a tail: everything from some sector on never reached the disk.
#[test]
fn every_lost_end_is_torn_or_reported() {
    let samples = samples();
    for sample in &samples {
        for (file, bytes) in segments(sample) {
            let mut tally = Tally::default();
            for start in (4096..bytes - 4096).step_by(512) {
                let edit = Edit::Fill { file, start, length: bytes - 4096 - start, value: 0 };
                tally.count(sample.judge(&[edit], None, &samples));
                // Once the database has applied everything, no end can be lost unnoticed.
                let known = sample.judge(&[edit], Some(sample.durable), &samples);
                assert!(matches!(known, Outcome::Whole | Outcome::Reported), "{}: {edit:?}", sample.name);
            }
            assert_eq!(tally.images(), 112, "{}: {file}", sample.name);
        }
    }
}
