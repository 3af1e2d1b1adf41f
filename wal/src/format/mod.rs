//! The bytes on disk: segment header, frame, record, checkpoint. `docs/wal-format.md` is the normative text.
//!
//! Pure functions from bytes to values and back; knows no file, no thread and no clock. Everything is little endian.

pub mod bytes;
pub mod checkpoint;
pub mod epoch;
pub mod frame;
pub mod header;
pub mod record;
pub mod seed;

/// Every frame, the segment header and its copy start and end on a multiple of this many bytes.
pub const PAGE: usize = 4096;

/// [`PAGE`] as a file offset.
pub const PAGE_BYTES: u64 = PAGE as u64;

/// The version of all four layouts; a reader refuses any other.
pub const VERSION: u16 = 1;

/// Smallest segment: header page, copy, and room for the largest record in one frame.
pub const SEGMENT_BYTES_MIN: u64 = 64 << 10;

/// Largest segment; keeps offsets inside a frame index small and preparation short.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Segment size when nothing is configured.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;

/// Largest frame: past this a group commit gains nothing, and the time one sync takes grows.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Largest number of records in a frame.
pub const FRAME_RECORDS_MAX: usize = 4096;

/// Largest payload of a record.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 10;

const _: () = assert!(
    (frame::HEADER_BYTES + record::HEADER_BYTES + PAYLOAD_BYTES_MAX + 2 * PAGE) as u64 <= SEGMENT_BYTES_MIN,
    "the largest record must fit into one frame of the smallest segment"
);
const _: () = assert!(FRAME_BYTES_MAX.is_multiple_of(PAGE) && SEGMENT_BYTES_MIN.is_multiple_of(PAGE_BYTES));

/// Largest frame that fits into a segment of this size.
#[must_use]
pub fn frame_bytes_max(segment_bytes: u64) -> usize {
    let room = segment_bytes.saturating_sub(2 * PAGE_BYTES);
    usize::try_from(room).unwrap_or(usize::MAX).min(FRAME_BYTES_MAX)
}
