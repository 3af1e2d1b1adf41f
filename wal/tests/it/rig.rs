//! What the tests share: records that can be recognised, and opening a journal in one call.

use std::sync::Arc;

use mu_wal::disk::Disk;
use mu_wal::disk::sim::SimDisk;
use mu_wal::{
    EpochStart, Journal, JournalOptions, LogId, Lsn, NewRecord, OwnedRecord, Scan, ScanOptions, WalError, scan_disk,
};

/// The name of every log in these tests.
pub(crate) const LOG: LogId = LogId(0x5EED);

/// Tiny segments, everything in the caller's thread.
pub(crate) fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 64 << 10,
        spare_segments: 2,
        retain_segments: 64,
        background: false,
        ..JournalOptions::default()
    }
}

/// A boot to record.
pub(crate) fn boot() -> EpochStart {
    EpochStart { boot: 1, config_hash: 2, version: "test".into() }
}

/// The payload that belongs to an event: its length and every byte follow from the number.
pub(crate) fn payload(event: u64) -> Vec<u8> {
    let length = usize::try_from(event.wrapping_mul(2_654_435_761) % 700).expect("small");
    (0..length as u64).map(|at| (event.wrapping_add(at).wrapping_mul(31) % 251).to_le_bytes()[0]).collect()
}

/// Whether a record is, byte for byte, the one that belongs to its event.
pub(crate) fn is_genuine(record: &OwnedRecord) -> bool {
    let event = record.hint;
    record.payload == payload(event)
        && record.event_id == u128::from(event) << 3
        && (record.kind, record.schema, record.flags) == (7, 1, 2)
}

/// Appends the record of an event.
pub(crate) fn append(journal: &mut Journal, event: u64) -> Lsn {
    let payload = payload(event);
    let new =
        NewRecord { kind: 7, schema: 1, event_id: u128::from(event) << 3, flags: 2, hint: event, payload: &payload };
    journal.append(&new).expect("the group has room")
}

/// Scans a simulated disk.
pub(crate) fn scan(disk: &SimDisk) -> Result<Scan, WalError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    scan_disk(disk, &ScanOptions { new_log_id: Some(LOG), ..ScanOptions::default() })
}

/// Scans and continues.
pub(crate) fn open(disk: &SimDisk, applied: u64) -> Result<(Journal, Vec<OwnedRecord>), WalError> {
    scan(disk)?.into_journal(Lsn(applied), &boot(), &options())
}
