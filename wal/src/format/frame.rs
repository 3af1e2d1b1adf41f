//! The frame: one group commit, one sync. Page aligned, at most 1 MiB and 4,096 records.
//!
//! ```text
//!  offset  width  field
//!       0      4  magic "MUFR"
//!       4      1  version, 1
//!       5      1  in flight: frames directly before this one that were not known durable when it was written
//!       6      2  flags: 1 RELOG, 2 SEAL, 4 CONTROL
//!       8      4  frame length in bytes, a multiple of 4096
//!      12      4  payload length in bytes: the records, without the padding behind them
//!      16      4  number of records
//!      20      4  chain: the header checksum of the frame before, across segments
//!      24      8  frame sequence, dense and rising within a log
//!      32      8  first LSN; in a frame without numbered records the LSN the next one will have
//!      40      8  durable LSN when this frame was written: the promise
//!      48      8  safe LSN when this frame was written
//!      56     16  zero, reserved for a wider chain
//!      72      4  body checksum: bytes 80 to the frame's end, padding included, seeded with the offset of byte 80
//!      76      4  header checksum: bytes 0..76, seeded with the frame's offset
//!      80      n  records
//!    80+n         zero up to the frame's end
//! ```
//!
//! The header is sound if 1. magic and version, 2. the seeded checksum, 3. the lengths are aligned, bounded and end
//! before the header's copy. A sound header is a *witness*: its promises hold even if its body is gone. The frame is
//! valid if also 4. the body checksum holds, 5. the records fill the payload exactly and are as many as stated,
//! 6. record *i* has the LSN first + *i* (in a CONTROL frame, which numbers nothing: first − 1).

use super::bytes::{put_u16, put_u32, put_u64, u16_at, u32_at, u64_at};
use super::record::{self, Record, RecordFault};
use super::seed::Seed;
use super::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX, PAGE};
use crate::Lsn;

/// Width of the header.
pub const HEADER_BYTES: usize = 80;

/// The records of this frame stood earlier in the log and were undecided when the process started.
pub const RELOG: u16 = 1;
/// The frame holds no records; it carries the promise for the frame before it.
pub const SEAL: u16 = 2;
/// The records of this frame are the journal's own and have no position.
pub const CONTROL: u16 = 4;

const MAGIC: &[u8; 4] = b"MUFR";
const HEADER_CHECKSUM_AT: usize = 76;
const BODY_CHECKSUM_AT: usize = 72;

/// The header's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameHeader {
    /// Frames directly before this one that were not known durable when it was written; 0 with this writer.
    pub in_flight: u8,
    /// [`RELOG`], [`SEAL`], [`CONTROL`].
    pub flags: u16,
    /// Length of the whole frame.
    pub bytes: u32,
    /// Length of the records.
    pub payload_bytes: u32,
    /// Number of records.
    pub records: u32,
    /// Header checksum of the frame before.
    pub chain: u32,
    /// Number of the frame in the log.
    pub sequence: u64,
    /// Position of the first record, or of the next one if this frame numbers none.
    pub first: Lsn,
    /// The highest position known durable when this frame was written.
    pub durable: Lsn,
    /// The highest position known to be flushed by the database when this frame was written.
    pub safe: Lsn,
    /// Checksum of the body.
    pub body_checksum: u32,
    /// Checksum of the header, and through it of the whole frame and of everything before it.
    pub checksum: u32,
}

impl FrameHeader {
    /// Position after the last record.
    #[must_use]
    pub fn next(&self) -> Lsn {
        if self.flags & CONTROL == 0 { Lsn(self.first.0.saturating_add(u64::from(self.records))) } else { self.first }
    }

    /// The highest frame that was durable when this one was written.
    #[must_use]
    pub fn durable_frame(&self) -> u64 {
        self.sequence.saturating_sub(1 + u64::from(self.in_flight))
    }

    /// Reads a header at file offset `offset`, with `room` bytes up to the header's copy.
    ///
    /// # Errors
    /// Which rule it breaks; only [`FrameFault::Blank`] and [`FrameFault::Magic`] say that nothing like a frame is here.
    pub fn decode(bytes: &[u8; HEADER_BYTES], offset: u64, room: u64, seed: &Seed) -> Result<Self, FrameFault> {
        if &bytes[..4] != MAGIC {
            return Err(if super::bytes::all_zero(bytes) { FrameFault::Blank } else { FrameFault::Magic });
        }
        if seed.checksum(offset, &bytes[..HEADER_CHECKSUM_AT]) != u32_at(bytes, HEADER_CHECKSUM_AT) {
            return Err(FrameFault::HeaderChecksum);
        }
        let header = FrameHeader {
            in_flight: bytes[5],
            flags: u16_at(bytes, 6),
            bytes: u32_at(bytes, 8),
            payload_bytes: u32_at(bytes, 12),
            records: u32_at(bytes, 16),
            chain: u32_at(bytes, 20),
            sequence: u64_at(bytes, 24),
            first: Lsn(u64_at(bytes, 32)),
            durable: Lsn(u64_at(bytes, 40)),
            safe: Lsn(u64_at(bytes, 48)),
            body_checksum: u32_at(bytes, BODY_CHECKSUM_AT),
            checksum: u32_at(bytes, HEADER_CHECKSUM_AT),
        };
        if bytes[4] != 1 {
            return Err(FrameFault::Version(bytes[4]));
        }
        let length = header.bytes as usize;
        let sound = length.is_multiple_of(PAGE)
            && (PAGE..=FRAME_BYTES_MAX).contains(&length)
            && u64::from(header.bytes) <= room
            && HEADER_BYTES + header.payload_bytes as usize <= length
            && header.records as usize <= FRAME_RECORDS_MAX
            && header.first > Lsn::ZERO;
        if sound { Ok(header) } else { Err(FrameFault::Fields) }
    }
}

/// Completes a frame under construction: `frame` holds [`HEADER_BYTES`] of anything, then the records. Pads it to whole
/// pages, fills in the lengths and both checksums, and returns the header as written.
///
/// # Panics
/// If the frame is larger than [`FRAME_BYTES_MAX`]; the journal never lets it grow so far.
pub fn finish(frame: &mut Vec<u8>, mut header: FrameHeader, offset: u64, seed: &Seed) -> FrameHeader {
    let payload = frame.len() - HEADER_BYTES;
    let length = frame.len().next_multiple_of(PAGE);
    assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes, at most {FRAME_BYTES_MAX}");
    frame.resize(length, 0);
    header.bytes = u32::try_from(length).expect("bounded above");
    header.payload_bytes = u32::try_from(payload).expect("bounded above");
    header.body_checksum = seed.checksum(offset + HEADER_BYTES as u64, &frame[HEADER_BYTES..]);

    let bytes = &mut frame[..HEADER_BYTES];
    bytes.fill(0);
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = 1;
    bytes[5] = header.in_flight;
    put_u16(bytes, 6, header.flags);
    put_u32(bytes, 8, header.bytes);
    put_u32(bytes, 12, header.payload_bytes);
    put_u32(bytes, 16, header.records);
    put_u32(bytes, 20, header.chain);
    put_u64(bytes, 24, header.sequence);
    put_u64(bytes, 32, header.first.0);
    put_u64(bytes, 40, header.durable.0);
    put_u64(bytes, 48, header.safe.0);
    put_u32(bytes, BODY_CHECKSUM_AT, header.body_checksum);
    header.checksum = seed.checksum(offset, &bytes[..HEADER_CHECKSUM_AT]);
    put_u32(bytes, HEADER_CHECKSUM_AT, header.checksum);
    header
}

/// Judges the body of a frame whose header is sound and hands every record, in order, to `each` together with its bytes.
///
/// # Errors
/// Which rule the body breaks; `each` may have seen records before that.
pub fn check_body<'a>(
    header: &FrameHeader,
    frame: &'a [u8],
    offset: u64,
    seed: &Seed,
    mut each: impl FnMut(Record<'a>, &'a [u8]),
) -> Result<(), FrameFault> {
    if seed.checksum(offset + HEADER_BYTES as u64, &frame[HEADER_BYTES..]) != header.body_checksum {
        return Err(FrameFault::BodyChecksum);
    }
    let mut rest = &frame[HEADER_BYTES..HEADER_BYTES + header.payload_bytes as usize];
    for index in 0..u64::from(header.records) {
        let (record, size) = record::decode(rest)?;
        let expected = if header.flags & CONTROL == 0 {
            Lsn(header.first.0.saturating_add(index))
        } else {
            header.first.previous()
        };
        if record.lsn != expected {
            return Err(RecordFault::Position { found: record.lsn, expected }.into());
        }
        each(record, &rest[..size]);
        rest = &rest[size..];
    }
    if rest.is_empty() { Ok(()) } else { Err(FrameFault::Surplus(rest.len())) }
}

/// Hands every record of a frame that [`check_body`] found valid to `each`, without computing a checksum again.
pub fn each_record<'a>(header: &FrameHeader, frame: &'a [u8], mut each: impl FnMut(Record<'a>)) {
    let mut rest = &frame[HEADER_BYTES..HEADER_BYTES + header.payload_bytes as usize];
    while let Ok((record, size)) = record::parse(rest) {
        each(record);
        rest = &rest[size..];
    }
}

/// Why there is no valid frame at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// Zeros: nothing was ever written here.
    #[error("nothing was written here")]
    Blank,
    /// Not zeros, and no frame.
    #[error("no frame magic")]
    Magic,
    /// The header's checksum does not agree with its bytes and its place.
    #[error("the frame header's checksum is wrong")]
    HeaderChecksum,
    /// Another version.
    #[error("frame format version {0}; this program reads version 1")]
    Version(u8),
    /// The checksum holds but lengths or counts are beyond their limits.
    #[error("the frame header's lengths are beyond their limits")]
    Fields,
    /// The body's checksum does not agree with its bytes and its place.
    #[error("the frame body's checksum is wrong")]
    BodyChecksum,
    /// A record inside is not valid.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// Bytes of the payload belong to no record.
    #[error("{0} bytes of payload belong to no record")]
    Surplus(usize),
    /// The frame is sound but not the one that follows.
    #[error("a frame out of order: {0}")]
    Order(Order),
    /// The room for frames ends here.
    #[error("the segment is full")]
    End,
}

/// In which way a sound frame does not follow the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Order {
    /// Not the next frame number.
    #[error("frame {found} stands where {expected} should")]
    Sequence {
        /// The number found.
        found: u64,
        /// The number that follows.
        expected: u64,
    },
    /// Chained to another frame.
    #[error("it is chained to another frame")]
    Chain,
    /// Does not start at the next position.
    #[error("it starts at LSN {found} where {expected} should stand")]
    Position {
        /// The position found.
        found: Lsn,
        /// The position that follows.
        expected: Lsn,
    },
    /// The RELOG flag contradicts the positions.
    #[error("its RELOG flag contradicts its positions")]
    Relog,
    /// It promises more than was written before it.
    #[error("it promises LSN {0}, which is not before it")]
    Promise(Lsn),
}
