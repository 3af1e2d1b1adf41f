//! Damaged images of small logs, and an oracle that knows what was durable.
//!
//! The rule: whatever is done to the bytes, opening either reports damage, or returns every record that was durable,
//! unchanged, in order. The only excuse for a missing record is that every promise for it is damaged too (frames behind
//! it, later segments' headers, the checkpoint); excuses are counted. Nothing is ever returned that was not written, and
//! nothing panics. Also used by the example `recovery_fuzz`, which runs any number of images.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::{
    EpochStart, Journal, JournalOptions, LogId, Lsn, NewRecord, OwnedRecord, ScanOptions, WalError, scan_disk,
};

use super::edits::{Edit, PAGE};

/// Files of an image.
pub(crate) type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// A small log and the truth about it.
pub(crate) struct Sample {
    /// What it is a sample of.
    pub(crate) name: &'static str,
    /// Its bytes.
    pub(crate) files: Files,
    /// The highest durable position.
    pub(crate) durable: u64,
    /// Its frames, in the order written.
    pub(crate) frames: Vec<Frame>,
}

/// Where a frame stands; found by reading the fields at their documented offsets, not by the code under test.
pub(crate) struct Frame {
    pub(crate) file: String,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
    sequence: u64,
    first: u64,
    records: u64,
}

/// What came of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Opened, and everything durable is there.
    Whole,
    /// Refused as damaged, missing or behind.
    Reported,
    /// Opened, and something durable is missing for which no promise is left.
    Excused,
}

/// A seeded sequence of numbers (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

fn payload(log: u128, lsn: u64) -> Vec<u8> {
    let mut random = Random(lsn ^ u64::try_from(log).expect("small ids"));
    let length = if lsn.is_multiple_of(11) { 5_000 } else { random.below(300) };
    (0..length).map(|_| random.next().to_le_bytes()[0]).collect()
}

fn append(journal: &mut Journal, log: u128) {
    let lsn = journal.next().0;
    let payload = payload(log, lsn);
    let new =
        NewRecord { kind: 3, schema: 1, event_id: u128::from(lsn) | 1 << 77, flags: 0, hint: lsn, payload: &payload };
    assert_eq!(journal.append(&new), Ok(Lsn(lsn)));
}

fn is_genuine(log: u128, record: &OwnedRecord, lsn: u64) -> bool {
    record.lsn == Lsn(lsn)
        && record.hint == lsn
        && record.event_id == u128::from(lsn) | 1 << 77
        && (record.kind, record.schema, record.flags) == (3, 1, 0)
        && record.payload == payload(log, lsn)
}

fn open(disk: &SimDisk, log: u128, applied: u64) -> Journal {
    let options =
        JournalOptions { segment_bytes: 64 << 10, spare_segments: 2, background: false, ..JournalOptions::default() };
    let boot = EpochStart { boot: 1, config_hash: 0, version: "fuzz".into() };
    let scanned =
        scan_disk(Arc::new(disk.clone()), &ScanOptions { new_log_id: Some(LogId(log)), ..ScanOptions::default() });
    scanned.and_then(|scan| scan.into_journal(Lsn(applied), &boot, &options)).expect("an undamaged log").0
}

/// `groups` syncs of one to four records.
fn fill(journal: &mut Journal, log: u128, groups: usize, random: &mut Random) {
    for _ in 0..groups {
        for _ in 0..=random.below(4) {
            append(journal, log);
        }
        journal.sync().expect("a good disk");
    }
}

/// The logs that images are made of: one segment, sealed, rotated, logged again after a kill and after a power cut.
pub(crate) fn samples() -> Vec<Sample> {
    let mut random = Random(42);
    let mut samples = Vec::new();
    let mut sample = |name, log: u128, act: &mut dyn FnMut(&SimDisk, &mut Random) -> u64| {
        let disk = SimDisk::new(7);
        let durable = act(&disk, &mut random);
        samples.push(Sample::new(name, disk.durable_files(), durable, log));
    };
    sample("open end", 1, &mut |disk, random| {
        let mut journal = open(disk, 1, 0);
        fill(&mut journal, 1, 5, random);
        journal.durable().0
    });
    sample("sealed", 2, &mut |disk, random| {
        let mut journal = open(disk, 2, 0);
        fill(&mut journal, 2, 4, random);
        disk.advance(Duration::from_millis(10));
        journal.seal_if_idle().expect("a good disk");
        journal.durable().0
    });
    sample("sealed, then open", 7, &mut |disk, random| {
        let mut journal = open(disk, 7, 0);
        fill(&mut journal, 7, 2, random);
        disk.advance(Duration::from_millis(10));
        journal.seal_if_idle().expect("a good disk");
        fill(&mut journal, 7, 1, random);
        journal.durable().0
    });
    sample("rotated", 3, &mut |disk, random| {
        let mut journal = open(disk, 3, 0);
        fill(&mut journal, 3, 36, random);
        journal.durable().0
    });
    sample("closed", 4, &mut |disk, random| {
        let mut journal = open(disk, 4, 0);
        fill(&mut journal, 4, 3, random);
        let durable = journal.durable().0;
        journal.close().expect("a good disk");
        durable
    });
    sample("logged again", 5, &mut |disk, random| {
        let mut journal = open(disk, 5, 0);
        fill(&mut journal, 5, 20, random);
        let applied = journal.durable().0 - 9;
        drop(journal);
        disk.restart();
        let mut journal = open(disk, 5, applied);
        fill(&mut journal, 5, 3, random);
        journal.durable().0
    });
    sample("torn, then continued", 6, &mut |disk, random| {
        let mut journal = open(disk, 6, 0);
        fill(&mut journal, 6, 4, random);
        append(&mut journal, 6);
        // Fails in the middle of the frame; what follows stands behind a tail that nobody acknowledged.
        disk.fail_at(disk.operations() + 1, mu_wal::disk::sim::Fault::CutAfter);
        journal.sync().expect_err("the power went");
        disk.power_cut();
        let mut journal = open(disk, 6, 2);
        fill(&mut journal, 6, 3, random);
        journal.durable().0
    });
    samples
}

impl Sample {
    fn new(name: &'static str, files: Files, durable: u64, log: u128) -> Self {
        let mut frames = Vec::new();
        for (file, bytes) in files.iter().filter(|(file, _)| file.ends_with(".wal")) {
            let mut offset = PAGE;
            while offset < bytes.len() - PAGE && &bytes[offset..offset + 4] == b"MUFR" {
                let u32_at = |at: usize| u32::from_le_bytes(bytes[offset + at..offset + at + 4].try_into().expect("4"));
                let u64_at = |at: usize| u64::from_le_bytes(bytes[offset + at..offset + at + 8].try_into().expect("8"));
                let control = bytes[offset + 6] & 4 != 0;
                let length = u32_at(8) as usize;
                frames.push(Frame {
                    file: file.clone(),
                    offset,
                    bytes: length,
                    sequence: u64_at(24),
                    first: u64_at(32),
                    records: if control { 0 } else { u64::from(u32_at(16)) },
                });
                offset += length;
            }
        }
        // A torn frame of an earlier life has the number of the frame that was written in its stead.
        let last = frames.len();
        let kept = (0..last).filter(|at| {
            let torn = frames[at + 1..].iter().any(|later| later.sequence == frames[*at].sequence);
            !torn
        });
        let kept: Vec<usize> = kept.collect();
        let mut at = 0;
        frames.retain(|_| {
            at += 1;
            kept.contains(&(at - 1))
        });
        let sample = Self { name, files, durable, frames };
        assert_eq!(sample.log(), log, "the log id stands where it is documented");
        sample
    }

    fn log(&self) -> u128 {
        let segment = self.files.iter().find(|(name, _)| name.ends_with(".wal")).expect("a segment").1;
        u128::from_le_bytes(segment[16..32].try_into().expect("16"))
    }

    /// Opens an image of this log and judges what came out.
    ///
    /// # Panics
    /// If the rule is broken.
    pub(crate) fn judge(&self, image: &Files, what: &dyn std::fmt::Debug) -> Outcome {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::from_files(image.clone(), 1));
        let log = self.log();
        let options = ScanOptions { new_log_id: Some(LogId(log)), ..ScanOptions::default() };
        let read = scan_disk(disk, &options).and_then(|mut scan| scan.read(Lsn(0)));
        let records = match read {
            Ok(records) => records,
            Err(WalError::Corrupt { .. } | WalError::DatabaseBehind { .. }) => {
                assert!(!self.is_untouched(image), "{}: false alarm after {what:?}", self.name);
                return Outcome::Reported;
            }
            Err(error) => panic!("{}: {error} after {what:?}", self.name),
        };
        for (record, lsn) in records.iter().zip(1..) {
            assert!(is_genuine(log, record, lsn), "{}: LSN {lsn} is not what was written after {what:?}", self.name);
        }
        let last = records.len() as u64;
        if last >= self.durable {
            return Outcome::Whole;
        }
        if let Some(witness) = self.witness(image, last + 1) {
            panic!("{}: opened at LSN {last} of {}, though {witness}, after {what:?}", self.name, self.durable);
        }
        Outcome::Excused
    }

    /// Whether every durable byte is as it was: all frames, one header of each segment.
    fn is_untouched(&self, image: &Files) -> bool {
        let segments = self.files.iter().filter(|(name, _)| name.ends_with(".wal"));
        let names = image.keys().filter(|name| name.ends_with(".wal")).count();
        let mut count = 0;
        for (name, bytes) in segments {
            count += 1;
            let Some(now) = image.get(name).filter(|now| now.len() == bytes.len()) else {
                return false;
            };
            let copy = bytes.len() - PAGE;
            if now[..PAGE] != bytes[..PAGE] && now[copy..] != bytes[copy..] {
                return false;
            }
        }
        let whole = |frame: &Frame| {
            let range = frame.offset..frame.offset + frame.bytes;
            image[&frame.file][range.clone()] == self.files[&frame.file][range]
        };
        count == names && self.frames.iter().all(whole)
    }

    /// Something undamaged that promises the position `missing`.
    fn witness(&self, image: &Files, missing: u64) -> Option<String> {
        let holders = self.frames.iter().filter(|frame| (frame.first..frame.first + frame.records).contains(&missing));
        let holder = holders.map(|frame| frame.sequence).min().expect("it was durable");
        let same = |file: &String, range: std::ops::Range<usize>| {
            image.get(file).and_then(|now| now.get(range.clone())) == Some(&self.files[file][range])
        };
        for frame in self.frames.iter().filter(|frame| frame.sequence > holder) {
            let length = image.get(&frame.file).map(|bytes| bytes.len());
            let usable = length == Some(self.files[&frame.file].len());
            if usable && same(&frame.file, frame.offset..frame.offset + 80) {
                return Some(format!("frame {} is there", frame.sequence));
            }
        }
        for slot in 0..2 {
            let Some(page) = self.files.get("checkpoint").map(|file| &file[slot * PAGE..(slot + 1) * PAGE]) else {
                break;
            };
            let durable = u64::from_le_bytes(page[40..48].try_into().expect("8"));
            if durable >= missing && same(&"checkpoint".to_owned(), slot * PAGE..(slot + 1) * PAGE) {
                return Some(format!("slot {slot} of the checkpoint is there"));
            }
        }
        None
    }

    /// Does one to three random edits to a copy of the files.
    pub(crate) fn damage(&self, others: &[Sample], random: &mut Random) -> (Files, Vec<Edit>) {
        let mut image = self.files.clone();
        let edits: Vec<Edit> = (0..=random.below(3)).map(|_| Edit::random(self, others, random)).collect();
        for edit in &edits {
            edit.apply(&mut image, others);
        }
        (image, edits)
    }
}

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) whole: u64,
    pub(crate) reported: u64,
    pub(crate) excused: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Whole => self.whole += 1,
            Outcome::Reported => self.reported += 1,
            Outcome::Excused => self.excused += 1,
        }
    }
}

/// Judges this many random images.
pub(crate) fn run(samples: &[Sample], images: u64, seed: u64) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..images {
        let sample = &samples[random.below(samples.len())];
        let (image, edits) = sample.damage(samples, &mut random);
        tally.count(sample.judge(&image, &edits));
    }
    tally
}
