//! Checksums that know where they stand: CRC-32 (IEEE) started from log id, segment sequence and file offset.
//!
//! A frame copied from another log, another segment, another offset or a segment's previous life never validates.

use crc32fast::Hasher;

use crate::LogId;
use crate::planted::{self, Bug};

/// The start of every checksum of one segment.
#[derive(Debug, Clone)]
pub struct Seed {
    base: Hasher,
}

impl Seed {
    /// The seed of a segment.
    #[must_use]
    pub fn new(log_id: LogId, segment: u64) -> Self {
        let mut base = Hasher::new();
        if planted::is(Bug::AcceptStaleFrame) {
            return Self { base };
        }
        base.update(&log_id.0.to_le_bytes());
        base.update(&segment.to_le_bytes());
        Self { base }
    }

    /// The checksum of `bytes` that stand at file offset `offset`.
    #[must_use]
    pub fn checksum(&self, offset: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.base.clone();
        if !planted::is(Bug::AcceptStaleFrame) {
            hasher.update(&offset.to_le_bytes());
        }
        hasher.update(bytes);
        hasher.finalize()
    }
}
