//! What is done to the bytes of an image, drawn at random or given.

use super::fuzz::{Random, Sample};
use super::image::{Image, ImageFile};

/// The alignment of everything in a segment.
pub(crate) const PAGE: usize = 4096;

/// What a disk writes whole.
const SECTOR: usize = 512;

/// One thing done to an image. Files are named by their place in the sample's list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    /// One bit is flipped.
    Flip { file: usize, bit: usize },
    /// Bytes become one value.
    Fill { file: usize, start: usize, length: usize, value: u8 },
    /// The file ends here.
    Truncate { file: usize, length: usize },
    /// A page is copied over another of the same file.
    Copy { file: usize, from: usize, to: usize },
    /// Two pages change places.
    Swap { file: usize, one: usize, other: usize },
    /// Pages of another log, or of another segment of this one, stand here.
    Stale { file: usize, to: usize, sample: usize, from_file: usize, from: usize, length: usize },
    /// The file is gone.
    Delete { file: usize },
    /// A file has the content of another one of the same log.
    Misplace { file: usize, from_file: usize },
}

impl Edit {
    pub(crate) fn random(sample: &Sample, others: &[Sample], random: &mut Random) -> Self {
        let (file, start, bytes) = place(sample, random);
        let pages = sample.files[file].1.len().div_ceil(PAGE).max(1);
        match random.below(40) {
            0..12 => {
                // A quarter of the flips hits a frame's or record's header.
                let within = if random.below(4) == 0 { 128 } else { bytes };
                Edit::Flip { file, bit: (start + random.below(within)) * 8 + random.below(8) }
            }
            12..22 => {
                let value = if random.below(2) == 0 { 0 } else { random.next().to_le_bytes()[0] };
                let skip = random.below(bytes / SECTOR) * SECTOR;
                let length = SECTOR << random.below(6);
                Edit::Fill { file, start: start + skip, length, value }
            }
            22 | 23 => Edit::Fill { file, start, length: usize::MAX, value: 0 },
            24 | 25 => Edit::Truncate { length: start + random.below(bytes), file },
            26..30 => Edit::Copy { from: start, to: random.below(pages) * PAGE, file },
            30..34 => Edit::Swap { one: start, other: random.below(pages) * PAGE, file },
            34..38 => {
                let other = random.below(others.len());
                let frame = &others[other].frames[random.below(others[other].frames.len())];
                let to = if random.below(2) == 0 { frame.offset } else { start };
                Edit::Stale { file, to, sample: other, from_file: frame.file, from: frame.offset, length: frame.bytes }
            }
            38 => Edit::Misplace { file, from_file: random.below(sample.files.len()) },
            _ => Edit::Delete { file },
        }
    }

    pub(crate) fn apply(&self, image: &Image, sample: &Sample, others: &[Sample]) {
        let mut files = image.files();
        match *self {
            Edit::Flip { file, bit } => {
                for byte in files[file].damage(bit / 8, 1) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Edit::Fill { file, start, length, value } => files[file].damage(start, length).fill(value),
            Edit::Truncate { file, length } => files[file].truncate(length),
            Edit::Copy { file, from, to } => copy_page(&mut files[file], from, to),
            Edit::Swap { file, one, other } => {
                let mut kept = [0; PAGE];
                let length = take(&files[file], one, &mut kept);
                copy_page(&mut files[file], other, one);
                put(&mut files[file], other, &kept[..length]);
            }
            Edit::Stale { file, to, sample, from_file, from, length } => {
                let stale = &others[sample].files[from_file].1;
                put(&mut files[file], to, &stale[from..from + length]);
            }
            Edit::Delete { file } => files[file].present = false,
            Edit::Misplace { file, from_file } => put(&mut files[file], 0, &sample.files[from_file].1),
        }
    }
}

fn put(file: &mut ImageFile, at: usize, new: &[u8]) {
    let old = file.damage(at, new.len());
    let length = old.len();
    old.copy_from_slice(&new[..length]);
}

/// What stands at a place, at most a page; its length.
fn take(file: &ImageFile, at: usize, page: &mut [u8; PAGE]) -> usize {
    let rest = file.bytes.get(at..).unwrap_or_default();
    let length = rest.len().min(PAGE);
    page[..length].copy_from_slice(&rest[..length]);
    length
}

fn copy_page(file: &mut ImageFile, from: usize, to: usize) {
    let mut page = [0; PAGE];
    let length = take(file, from, &mut page);
    put(file, to, &page[..length]);
}

/// A frame's file, offset and length; sometimes any page of any file.
fn place(sample: &Sample, random: &mut Random) -> (usize, usize, usize) {
    if random.below(4) > 0 {
        let frame = &sample.frames[random.below(sample.frames.len())];
        return (frame.file, frame.offset, frame.bytes);
    }
    let file = random.below(sample.files.len());
    let pages = sample.files[file].1.len().div_ceil(PAGE).max(1);
    (file, random.below(pages) * PAGE, PAGE)
}
