//! Damaged images of small logs, and an oracle that knows what was durable.
//!
//! The rule: whatever is done to the bytes, opening either reports damage, or returns every record that was durable,
//! unchanged, in order. Nothing is ever returned that was not written, and nothing panics. Two exceptions are counted:
//! the very last frame is damaged and nothing promises it ([`Outcome::LastFrame`]), and one damage took both the records
//! and every promise for them ([`Outcome::Wiped`]); an undamaged promise, the database's included, allows neither. Also
//! used by the example `recovery_fuzz`, which runs any number of images.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::{
    EpochStart, Journal, JournalOptions, LogId, Lsn, NewRecord, OwnedRecord, ScanOptions, WalError, scan_disk,
};

use super::edits::{Edit, PAGE};
use super::image::Image;

/// A small log and the truth about it.
pub(crate) struct Sample {
    /// What it is a sample of.
    pub(crate) name: &'static str,
    /// Its bytes.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// The highest durable position.
    pub(crate) durable: u64,
    /// Its frames, in the order written.
    pub(crate) frames: Vec<Frame>,
    /// The files again, to be damaged.
    pub(crate) image: Image,
    /// Each record as it was submitted, from position 1; a torn frame's, too, whose records may or may not be there.
    payloads: Vec<Vec<u8>>,
    log: u128,
}

/// Where a frame stands; found by reading the fields at their documented offsets, not by the code under test.
pub(crate) struct Frame {
    pub(crate) file: usize,
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
    /// Refused as damaged, missing, behind or ahead.
    Reported,
    /// Opened without the very last frame, which nothing promises: the one exception of the format.
    LastFrame,
    /// Opened without records whose every promise is destroyed as well: no log can know of them.
    Wiped,
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

fn is_genuine(record: &OwnedRecord, lsn: u64, payload: &[u8]) -> bool {
    record.lsn == Lsn(lsn)
        && record.hint == lsn
        && record.event_id == u128::from(lsn) | 1 << 77
        && (record.kind, record.schema, record.flags) == (3, 1, 0)
        && record.payload == payload
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
        samples.push(Sample::new(name, &disk, durable, log));
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
    fn new(name: &'static str, disk: &SimDisk, durable: u64, log: u128) -> Self {
        let durable_files = disk.durable_files().into_iter();
        // What an image does not hold is not read by recovery.
        let used = durable_files.filter(|(name, _)| name.ends_with(".wal") || name == "checkpoint");
        let files: Vec<(String, Vec<u8>)> = used.map(|(name, bytes)| (name, bytes.as_ref().clone())).collect();
        let mut frames = frames(&files);
        // A torn frame of an earlier life has the number of the frame that was written in its stead.
        let numbers: Vec<u64> = frames.iter().map(|frame| frame.sequence).collect();
        let mut at = 0;
        frames.retain(|frame| {
            at += 1;
            !numbers[at..].contains(&frame.sequence)
        });
        let image = Image::new(files.iter().map(|(name, bytes)| (name, bytes)));
        let payloads = (1..=durable + 4).map(|lsn| payload(log, lsn)).collect();
        let named = u128::from_le_bytes(files[0].1[16..32].try_into().expect("16"));
        assert_eq!(named, log, "the log id stands where it is documented");
        Self { name, files, durable, frames, image, payloads, log }
    }

    /// Damages the image by these edits, judges what opening it brings, and puts it back.
    ///
    /// # Panics
    /// If the rule is broken.
    pub(crate) fn judge(&self, edits: &[Edit], applied: Option<u64>, others: &[Sample]) -> Outcome {
        for edit in edits {
            edit.apply(&self.image, self, others);
        }
        let outcome = self.open(applied, &edits);
        self.image.restore(self.files.iter().map(|(_, bytes)| bytes));
        outcome
    }

    fn open(&self, applied: Option<u64>, what: &dyn std::fmt::Debug) -> Outcome {
        let disk: Arc<dyn Disk> = Arc::new(self.image.clone());
        let options = ScanOptions { new_log_id: Some(LogId(self.log)), ..ScanOptions::default() };
        let read = scan_disk(disk, &options).and_then(|mut scan| {
            scan.compare(Lsn(applied.unwrap_or(0)))?;
            scan.read(Lsn(0))
        });
        let records = match read {
            Ok(records) => records,
            Err(
                WalError::Corrupt { .. }
                | WalError::DatabaseBehind { .. }
                | WalError::DatabaseAhead { .. }
                | WalError::JournalLost { .. },
            ) => {
                let ahead = applied.is_some_and(|applied| applied > self.durable);
                assert!(ahead || !self.is_untouched(), "{}: false alarm after {what:?}", self.name);
                return Outcome::Reported;
            }
            Err(error) => panic!("{}: {error} after {what:?}", self.name),
        };
        for ((record, lsn), payload) in records.iter().zip(1..).zip(&self.payloads) {
            let genuine = is_genuine(record, lsn, payload);
            assert!(genuine, "{}: LSN {lsn} is not what was written after {what:?}", self.name);
        }
        assert!(records.len() <= self.payloads.len(), "{}: records appear after {what:?}", self.name);
        let last = records.len() as u64;
        if last >= self.durable {
            return Outcome::Whole;
        }
        if let Some(witness) = self.witness(last + 1, applied) {
            panic!("{}: opened at LSN {last} of {}, though {witness}, after {what:?}", self.name, self.durable);
        }
        let newest = self.frames.last().expect("a log with a boot");
        if newest.records > 0 && last + 1 >= newest.first { Outcome::LastFrame } else { Outcome::Wiped }
    }

    /// Whether every durable byte is as it was: all frames, one header of each segment.
    fn is_untouched(&self) -> bool {
        let files = self.image.files();
        let segments = files.iter().zip(&self.files).filter(|(_, (name, _))| name.ends_with(".wal"));
        let headers = segments.into_iter().all(|(now, (_, was))| {
            let copy = was.len() - PAGE;
            now.is_whole(0..PAGE, was) || now.is_whole(copy..was.len(), was)
        });
        headers && self.frames.iter().all(|frame| files[frame.file].is_whole(frame.range(), &self.files[frame.file].1))
    }

    /// Something undamaged that promises the position `missing`.
    fn witness(&self, missing: u64, applied: Option<u64>) -> Option<String> {
        if applied.is_some_and(|applied| applied >= missing) {
            return Some("the database has applied it".into());
        }
        let files = self.image.files();
        let holders = self.frames.iter().filter(|frame| (frame.first..frame.first + frame.records).contains(&missing));
        let holder = holders.map(|frame| frame.sequence).min().expect("it was durable");
        for frame in self.frames.iter().filter(|frame| frame.sequence > holder) {
            if files[frame.file].is_whole(frame.offset..frame.offset + 80, &self.files[frame.file].1) {
                return Some(format!("frame {} is there", frame.sequence));
            }
        }
        let checkpoint = self.files.iter().position(|(name, _)| name == "checkpoint")?;
        for slot in 0..2 {
            let (range, was) = (slot * PAGE..(slot + 1) * PAGE, &self.files[checkpoint].1);
            let promised = u64::from_le_bytes(was[range.start + 40..range.start + 48].try_into().expect("8"));
            if promised >= missing && files[checkpoint].is_whole(range, was) {
                return Some(format!("slot {slot} of the checkpoint is there"));
            }
        }
        None
    }
}

impl Frame {
    fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.bytes
    }
}

/// Every frame of every segment, in order, torn ones included.
fn frames(files: &[(String, Vec<u8>)]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (file, (_, bytes)) in files.iter().enumerate().filter(|(_, (name, _))| name.ends_with(".wal")) {
        let mut offset = PAGE;
        while offset < bytes.len() - PAGE && &bytes[offset..offset + 4] == b"MUFR" {
            let u32_at = |at: usize| u32::from_le_bytes(bytes[offset + at..offset + at + 4].try_into().expect("4"));
            let u64_at = |at: usize| u64::from_le_bytes(bytes[offset + at..offset + at + 8].try_into().expect("8"));
            let control = bytes[offset + 6] & 4 != 0;
            let length = u32_at(8) as usize;
            frames.push(Frame {
                file,
                offset,
                bytes: length,
                sequence: u64_at(24),
                first: u64_at(32),
                records: if control { 0 } else { u64::from(u32_at(16)) },
            });
            offset += length;
        }
    }
    frames
}

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) whole: u64,
    pub(crate) reported: u64,
    pub(crate) last_frame: u64,
    pub(crate) wiped: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Whole => &mut self.whole,
            Outcome::Reported => &mut self.reported,
            Outcome::LastFrame => &mut self.last_frame,
            Outcome::Wiped => &mut self.wiped,
        } += 1;
    }

    pub(crate) fn images(&self) -> u64 {
        self.whole + self.reported + self.last_frame + self.wiped
    }
}

/// Judges this many random images: one to three edits each, half of them beside a database that has applied something.
pub(crate) fn run(samples: &[Sample], images: u64, seed: u64) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..images {
        let sample = &samples[random.below(samples.len())];
        let first = Edit::random(sample, samples, &mut random);
        let mut edits = [first; 3];
        let count = 1 + random.below(3);
        for edit in &mut edits[1..count] {
            *edit = Edit::random(sample, samples, &mut random);
        }
        let applied = (random.below(2) == 0).then(|| random.next() % (sample.durable + 1));
        tally.count(sample.judge(&edits[..count], applied, samples));
    }
    tally
}
