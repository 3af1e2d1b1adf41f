//! The segment header: one page at offset 0, an identical copy in the segment's last page.
//!
//! ```text
//!  offset  width  field
//!       0      8  magic "MUWALSEG"
//!       8      2  version, 1
//!      10      2  zero
//!      12      4  page size, 4096
//!      16     16  log id
//!      32      8  segment sequence, the file's name
//!      40      8  segment size in bytes
//!      48      8  base LSN: the first record of this segment has it
//!      56      8  first frame: the first frame of this segment has this sequence
//!      64      8  predecessor: segment sequence, 0 for the first of a log
//!      72      8  predecessor: last valid LSN of the log when this segment was named (a promise)
//!      80      8  predecessor: logical end, the offset behind its last valid frame
//!      88      4  predecessor: checksum of its last valid frame (its header checksum), 0 if none
//!      92      4  zero
//!      96      8  named at, microseconds since 1970; information only
//!     104   3988  zero
//!    4092      4  CRC-32 of bytes 0..4092
//! ```
//!
//! Valid if 1. the magic, 2. the checksum, 3. version and page size, 4. the segment's size and sequence agree with the
//! file's length and name, 5. base LSN ≤ predecessor's last LSN + 1.

use super::bytes::{put_u16, put_u32, put_u64, put_u128, u16_at, u32_at, u64_at, u128_at};
use super::{PAGE, PAGE_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, VERSION};
use crate::{LogId, Lsn};

const MAGIC: &[u8; 8] = b"MUWALSEG";
const CHECKSUM_AT: usize = PAGE - 4;

/// What a segment says about itself and about the segment before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The log the segment belongs to.
    pub log_id: LogId,
    /// Number of the segment, dense and rising within a log; also the file's name.
    pub sequence: u64,
    /// Size of the file, header and copy included.
    pub bytes: u64,
    /// The position of the first record in this segment. Not above the log's end when the segment was named, and below
    /// it only when undecided records were logged again.
    pub base: Lsn,
    /// Sequence of the first frame in this segment.
    pub first_frame: u64,
    /// The end of the log when this segment was named.
    pub predecessor: Predecessor,
    /// Wall time of naming, microseconds since 1970; information only.
    pub named_at_us: u64,
}

/// The verified end of the log before a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    /// The segment's sequence; 0 if there is none.
    pub sequence: u64,
    /// The last valid position of the log.
    pub last: Lsn,
    /// Offset behind the last valid frame; what follows was never acknowledged.
    pub end: u64,
    /// Checksum of the last valid frame, to which the next frame is chained.
    pub chain: u32,
}

impl SegmentHeader {
    /// The page as it stands on disk.
    #[must_use]
    pub fn encode(&self) -> Box<[u8; PAGE]> {
        let mut page = Box::new([0u8; PAGE]);
        page[..8].copy_from_slice(MAGIC);
        put_u16(&mut page[..], 8, VERSION);
        put_u32(&mut page[..], 12, 4096);
        put_u128(&mut page[..], 16, self.log_id.0);
        put_u64(&mut page[..], 32, self.sequence);
        put_u64(&mut page[..], 40, self.bytes);
        put_u64(&mut page[..], 48, self.base.0);
        put_u64(&mut page[..], 56, self.first_frame);
        put_u64(&mut page[..], 64, self.predecessor.sequence);
        put_u64(&mut page[..], 72, self.predecessor.last.0);
        put_u64(&mut page[..], 80, self.predecessor.end);
        put_u32(&mut page[..], 88, self.predecessor.chain);
        put_u64(&mut page[..], 96, self.named_at_us);
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        put_u32(&mut page[..], CHECKSUM_AT, checksum);
        page
    }

    /// Reads a page.
    ///
    /// # Errors
    /// Which of the validity rules the page breaks.
    pub fn decode(page: &[u8; PAGE]) -> Result<Self, HeaderFault> {
        if &page[..8] != MAGIC {
            return Err(HeaderFault::Magic);
        }
        if crc32fast::hash(&page[..CHECKSUM_AT]) != u32_at(page, CHECKSUM_AT) {
            return Err(HeaderFault::Checksum);
        }
        let (version, page_size) = (u16_at(page, 8), u32_at(page, 12));
        if version != VERSION || page_size != 4096 {
            return Err(HeaderFault::Version { version, page_size });
        }
        let header = SegmentHeader {
            log_id: LogId(u128_at(page, 16)),
            sequence: u64_at(page, 32),
            bytes: u64_at(page, 40),
            base: Lsn(u64_at(page, 48)),
            first_frame: u64_at(page, 56),
            predecessor: Predecessor {
                sequence: u64_at(page, 64),
                last: Lsn(u64_at(page, 72)),
                end: u64_at(page, 80),
                chain: u32_at(page, 88),
            },
            named_at_us: u64_at(page, 96),
        };
        if header.is_sound() { Ok(header) } else { Err(HeaderFault::Fields) }
    }

    /// Offset of the header's copy, which is also the end of the room for frames.
    #[must_use]
    pub fn copy_at(&self) -> u64 {
        self.bytes - PAGE_BYTES
    }

    fn is_sound(&self) -> bool {
        (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.bytes)
            && self.bytes.is_multiple_of(PAGE_BYTES)
            && self.sequence > 0
            && self.first_frame > 0
            && self.base > Lsn::ZERO
            && self.base.previous() <= self.predecessor.last
    }
}

/// Why a page is not a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The page does not begin like a header.
    #[error("no segment header magic")]
    Magic,
    /// The page's checksum does not agree with its bytes.
    #[error("the segment header's checksum is wrong")]
    Checksum,
    /// Another version, or another page size.
    #[error("segment format version {version} with pages of {page_size} bytes; this program reads version 1 with 4096")]
    Version {
        /// The version found.
        version: u16,
        /// The page size found.
        page_size: u32,
    },
    /// The checksum holds but the fields contradict each other.
    #[error("the segment header's fields contradict each other")]
    Fields,
    /// Sequence, size or log id differ from the file's name, its length or its neighbours.
    #[error("the segment header belongs to another file")]
    Foreign,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SegmentHeader {
        SegmentHeader {
            log_id: LogId(7),
            sequence: 3,
            bytes: SEGMENT_BYTES_MIN,
            base: Lsn(10),
            first_frame: 5,
            predecessor: Predecessor { sequence: 2, last: Lsn(12), end: 8192, chain: 99 },
            named_at_us: 1,
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        assert_eq!(SegmentHeader::decode(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn refuses_every_flipped_bit() {
        let page = sample().encode();
        for bit in 0..PAGE * 8 {
            let mut damaged = page.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&damaged).is_err(), "bit {bit} was not noticed");
        }
    }

    #[test]
    fn refuses_a_base_that_leaves_a_hole() {
        let header = SegmentHeader { base: Lsn(14), ..sample() };
        assert_eq!(SegmentHeader::decode(&header.encode()), Err(HeaderFault::Fields));
    }
}
