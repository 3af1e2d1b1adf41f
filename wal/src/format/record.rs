//! The record: a 48-byte header and an opaque payload, both padded to 16 bytes.
//!
//! ```text
//!  offset  width  field
//!       0      4  payload length in bytes, without padding
//!       4      4  CRC-32 of bytes 0..4 and of everything from byte 8 to the record's end, padding included
//!       8      8  LSN
//!      16     16  event id
//!      32      2  kind
//!      34      2  schema version of the payload
//!      36      2  flags, the submitter's; bit 15 is reserved for encryption
//!      38      2  zero
//!      40      8  hint: the entity concerned, for tools
//!      48      n  payload
//!    48+n   0–15  zero, up to a multiple of 16
//! ```
//!
//! Valid if 1. the length is at most 32 KiB and the record ends inside its frame's payload, 2. the checksum holds,
//! 3. the LSN is the one expected at this place. The checksum is not seeded: a record logged again is byte identical.

use super::PAYLOAD_BYTES_MAX;
use super::bytes::{put_u16, put_u32, put_u64, put_u128, u16_at, u32_at, u64_at, u128_at};
use crate::Lsn;
use crate::planted::{self, Bug};

/// Width of the header.
pub const HEADER_BYTES: usize = 48;

/// Kinds from here on belong to the journal itself.
pub const KIND_RESERVED: u16 = 0xFF00;

/// Kind of the control record that opens a boot.
pub const KIND_EPOCH_START: u16 = 0xFF01;

/// What a submitter hands to the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// What the payload is; below [`KIND_RESERVED`].
    pub kind: u16,
    /// Schema version of the payload.
    pub schema: u16,
    /// Unique name of the event, made by the submitter.
    pub event_id: u128,
    /// Flags of the submitter.
    pub flags: u16,
    /// The entity concerned, for tools; 0 if none.
    pub hint: u64,
    /// Opaque bytes, at most [`PAYLOAD_BYTES_MAX`].
    pub payload: &'a [u8],
}

/// A record of the log, borrowed from a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Position in the log.
    pub lsn: Lsn,
    /// What the payload is.
    pub kind: u16,
    /// Schema version of the payload.
    pub schema: u16,
    /// Unique name of the event.
    pub event_id: u128,
    /// Flags of the submitter.
    pub flags: u16,
    /// The entity concerned, for tools.
    pub hint: u64,
    /// The submitted bytes.
    pub payload: &'a [u8],
}

/// A record of the log, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Position in the log.
    pub lsn: Lsn,
    /// What the payload is.
    pub kind: u16,
    /// Schema version of the payload.
    pub schema: u16,
    /// Unique name of the event.
    pub event_id: u128,
    /// Flags of the submitter.
    pub flags: u16,
    /// The entity concerned, for tools.
    pub hint: u64,
    /// The submitted bytes. Their address has no promised alignment.
    pub payload: Vec<u8>,
}

impl OwnedRecord {
    /// The same record, borrowed.
    #[must_use]
    pub fn as_record(&self) -> Record<'_> {
        Record {
            lsn: self.lsn,
            kind: self.kind,
            schema: self.schema,
            event_id: self.event_id,
            flags: self.flags,
            hint: self.hint,
            payload: &self.payload,
        }
    }
}

impl Record<'_> {
    /// A copy that lives on its own.
    #[must_use]
    pub fn to_owned(&self) -> OwnedRecord {
        OwnedRecord {
            lsn: self.lsn,
            kind: self.kind,
            schema: self.schema,
            event_id: self.event_id,
            flags: self.flags,
            hint: self.hint,
            payload: self.payload.to_vec(),
        }
    }
}

/// Bytes a record with this payload takes in a frame.
#[must_use]
pub const fn encoded_bytes(payload: usize) -> usize {
    HEADER_BYTES + payload.next_multiple_of(16)
}

/// Appends the record to a frame under construction.
///
/// # Panics
/// If the payload is larger than [`PAYLOAD_BYTES_MAX`]; the journal refuses it earlier.
pub fn encode_into(lsn: Lsn, new: &NewRecord<'_>, out: &mut Vec<u8>) {
    assert!(
        new.payload.len() <= PAYLOAD_BYTES_MAX,
        "payload of {} bytes, at most {PAYLOAD_BYTES_MAX}",
        new.payload.len()
    );
    let start = out.len();
    let length = u32::try_from(new.payload.len()).expect("bounded above");
    let mut header = [0u8; HEADER_BYTES];
    put_u32(&mut header, 0, length);
    put_u64(&mut header, 8, lsn.0);
    put_u128(&mut header, 16, new.event_id);
    put_u16(&mut header, 32, new.kind);
    put_u16(&mut header, 34, new.schema);
    put_u16(&mut header, 36, new.flags);
    put_u64(&mut header, 40, new.hint);
    out.extend_from_slice(&header);
    out.extend_from_slice(new.payload);
    out.resize(start + encoded_bytes(new.payload.len()), 0);
    let checksum = checksum(&out[start..]);
    put_u32(out, start + 4, checksum);
}

/// Reads the record at the start of `bytes`; also returns the bytes it takes.
///
/// # Errors
/// Which of the validity rules it breaks. The LSN is not judged here.
pub fn decode(bytes: &[u8]) -> Result<(Record<'_>, usize), RecordFault> {
    let (record, size) = parse(bytes)?;
    if checksum(&bytes[..size]) != u32_at(bytes, 4) && !planted::is(Bug::RecordNotChecked) {
        return Err(RecordFault::Checksum);
    }
    Ok((record, size))
}

/// As [`decode`], for bytes whose checksum was judged before.
pub(super) fn parse(bytes: &[u8]) -> Result<(Record<'_>, usize), RecordFault> {
    if bytes.len() < HEADER_BYTES {
        return Err(RecordFault::Length);
    }
    let length = u32_at(bytes, 0) as usize;
    if length > PAYLOAD_BYTES_MAX || encoded_bytes(length) > bytes.len() {
        return Err(RecordFault::Length);
    }
    let size = encoded_bytes(length);
    let bytes = &bytes[..size];
    let record = Record {
        lsn: Lsn(u64_at(bytes, 8)),
        event_id: u128_at(bytes, 16),
        kind: u16_at(bytes, 32),
        schema: u16_at(bytes, 34),
        flags: u16_at(bytes, 36),
        hint: u64_at(bytes, 40),
        payload: &bytes[HEADER_BYTES..HEADER_BYTES + length],
    };
    Ok((record, size))
}

fn checksum(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[8..]);
    hasher.finalize()
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The length is beyond the limit or beyond the frame.
    #[error("a record's length reaches beyond its frame")]
    Length,
    /// The checksum does not agree with the bytes.
    #[error("a record's checksum is wrong")]
    Checksum,
    /// The record stands at another position than it says.
    #[error("a record says LSN {found}, but {expected} stands here")]
    Position {
        /// The position the record says.
        found: Lsn,
        /// The position that stands here.
        expected: Lsn,
    },
}
