//! What is done to the bytes of an image, drawn at random or given.

use std::sync::Arc;

use super::fuzz::{Files, Random, Sample};

/// The alignment of everything in a segment.
pub(crate) const PAGE: usize = 4096;

/// What a disk writes whole.
const SECTOR: usize = 512;

/// One thing done to an image.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// One bit is flipped.
    Flip { file: String, bit: usize },
    /// Bytes become one value.
    Fill { file: String, start: usize, length: usize, value: u8 },
    /// The file ends here.
    Truncate { file: String, length: usize },
    /// A page is copied over another of the same file.
    Copy { file: String, from: usize, to: usize },
    /// Two pages change places.
    Swap { file: String, one: usize, other: usize },
    /// Pages of another log, or of another segment of this one, stand here.
    Stale { file: String, to: usize, sample: usize, from_file: String, from: usize, length: usize },
    /// The file is gone.
    Delete { file: String },
}

impl Edit {
    pub(crate) fn random(sample: &Sample, others: &[Sample], random: &mut Random) -> Self {
        let (file, start, bytes) = place(sample, random);
        let page = |random: &mut Random| random.below(sample.files[&file].len().div_ceil(PAGE).max(1)) * PAGE;
        match random.below(20) {
            0..6 => {
                // A quarter of the flips hits a frame's or record's header.
                let within = if random.below(4) == 0 { 128 } else { bytes };
                Edit::Flip { file, bit: (start + random.below(within)) * 8 + random.below(8) }
            }
            6..11 => {
                let value = if random.below(2) == 0 { 0 } else { random.next().to_le_bytes()[0] };
                let skip = random.below(bytes / SECTOR) * SECTOR;
                let length = SECTOR << random.below(6);
                Edit::Fill { file, start: start + skip, length, value }
            }
            11 => Edit::Fill { file, start, length: usize::MAX, value: 0 },
            12 => Edit::Truncate { length: start + random.below(bytes), file },
            13 | 14 => Edit::Copy { from: start, to: page(random), file },
            15 | 16 => Edit::Swap { one: start, other: page(random), file },
            17 | 18 => {
                let sample = random.below(others.len());
                let frame = &others[sample].frames[random.below(others[sample].frames.len())];
                let to = if random.below(2) == 0 { frame.offset } else { start };
                Edit::Stale { file, to, sample, from_file: frame.file.clone(), from: frame.offset, length: frame.bytes }
            }
            _ => Edit::Delete { file },
        }
    }

    pub(crate) fn apply(&self, image: &mut Files, others: &[Sample]) {
        let change = |image: &mut Files, file: &String, change: &mut dyn FnMut(&mut Vec<u8>)| {
            if let Some(bytes) = image.get_mut(file) {
                change(Arc::make_mut(bytes));
            }
        };
        let put = |bytes: &mut Vec<u8>, at: usize, new: &[u8]| {
            let end = (at + new.len()).min(bytes.len());
            if at < end {
                bytes[at..end].copy_from_slice(&new[..end - at]);
            }
        };
        let take = |bytes: &[u8], at: usize, length: usize| -> Vec<u8> {
            bytes.get(at.min(bytes.len())..(at + length).min(bytes.len())).unwrap_or_default().to_vec()
        };
        match self {
            Edit::Flip { file, bit } => change(image, file, &mut |bytes| {
                if let Some(byte) = bytes.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }),
            Edit::Fill { file, start, length, value } => change(image, file, &mut |bytes| {
                let end = start.saturating_add(*length).min(bytes.len());
                if *start < end {
                    bytes[*start..end].fill(*value);
                }
            }),
            Edit::Truncate { file, length } => change(image, file, &mut |bytes| bytes.truncate(*length)),
            Edit::Copy { file, from, to } => change(image, file, &mut |bytes| {
                let page = take(bytes, *from, PAGE);
                put(bytes, *to, &page);
            }),
            Edit::Swap { file, one, other } => change(image, file, &mut |bytes| {
                let (first, second) = (take(bytes, *one, PAGE), take(bytes, *other, PAGE));
                put(bytes, *one, &second);
                put(bytes, *other, &first);
            }),
            Edit::Stale { file, to, sample, from_file, from, length } => {
                let stale = take(&others[*sample].files[from_file], *from, *length);
                change(image, file, &mut |bytes| put(bytes, *to, &stale));
            }
            Edit::Delete { file } => {
                image.remove(file);
            }
        }
    }
}

/// A frame's file, offset and length; sometimes any page of any file.
fn place(sample: &Sample, random: &mut Random) -> (String, usize, usize) {
    if random.below(4) > 0 {
        let frame = &sample.frames[random.below(sample.frames.len())];
        return (frame.file.clone(), frame.offset, frame.bytes);
    }
    let (file, bytes) = sample.files.iter().nth(random.below(sample.files.len())).expect("in range");
    let pages = bytes.len().div_ceil(PAGE).max(1);
    (file.clone(), random.below(pages) * PAGE, PAGE)
}
