//! The frame under construction. Its buffer has the size of the largest frame from the start, so appending never
//! allocates.
//!
//! Knows no file and no promise.

use crate::Lsn;
use crate::format::record::{self, NewRecord, OwnedRecord, Record};
use crate::format::{FRAME_RECORDS_MAX, frame};

/// Records waiting for their sync.
#[derive(Debug)]
pub(crate) struct Group {
    bytes: Vec<u8>,
    bytes_max: usize,
    records: u32,
}

impl Group {
    /// An empty group that grows to at most `bytes_max` bytes, padding included.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let mut bytes = Vec::with_capacity(bytes_max);
        bytes.resize(frame::HEADER_BYTES, 0);
        Self { bytes, bytes_max, records: 0 }
    }

    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes of the frame as it would be written now.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(crate::format::PAGE)
    }

    /// Whether a record of this size still fits.
    pub(crate) fn fits(&self, record_bytes: usize) -> bool {
        self.bytes.len() + record_bytes <= self.bytes_max && (self.records as usize) < FRAME_RECORDS_MAX
    }

    /// Adds a record; the caller has asked [`Group::fits`].
    pub(crate) fn push(&mut self, lsn: Lsn, new: &NewRecord<'_>) {
        record::encode_into(lsn, new, &mut self.bytes);
        self.records += 1;
    }

    /// The mistake [`crate::planted::Bug::RelogNewLsn`]: a record as it stood elsewhere, but at another position.
    pub(crate) fn push_renumbered(&mut self, lsn: Lsn, record: &OwnedRecord) {
        let Record { kind, schema, event_id, flags, hint, payload, .. } = record.as_record();
        self.push(lsn, &NewRecord { kind, schema, event_id, flags, hint, payload });
    }

    /// Adds a record as it stood elsewhere; the caller has asked [`Group::fits`].
    pub(crate) fn push_copy(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.records += 1;
    }

    /// The buffer: room for the frame header, then the records.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Empties the group.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(frame::HEADER_BYTES);
        self.records = 0;
    }
}
