//! The checkpoint file: two pages written in turn, so that one is always whole. A hint where to start reading, and one
//! more promise; losing it costs reading time, never correctness.
//!
//! ```text
//!  offset  width  field
//!       0      8  magic "MUWALCKP"
//!       8      2  version, 1
//!      10      6  zero
//!      16     16  log id
//!      32      8  generation; slot = generation mod 2, the higher valid one counts
//!      40      8  durable LSN (a promise)
//!      48      8  safe LSN
//!      56      8  first needed segment
//!      64      8  newest segment (a promise: it was named)
//!      72   4020  zero
//!    4092      4  CRC-32 of bytes 0..4092
//! ```

use super::bytes::{put_u16, put_u32, put_u64, put_u128, u16_at, u32_at, u64_at, u128_at};
use super::{PAGE, VERSION};
use crate::planted::{self, Bug};
use crate::{LogId, Lsn};

const MAGIC: &[u8; 8] = b"MUWALCKP";
const CHECKSUM_AT: usize = PAGE - 4;

/// What one slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Checkpoint {
    /// The log it belongs to.
    pub log_id: LogId,
    /// Counts the writes of this file.
    pub generation: u64,
    /// Durable when it was written.
    pub durable: Lsn,
    /// Flushed by the database when it was written.
    pub safe: Lsn,
    /// The first segment that holds anything undecided.
    pub first_needed: u64,
    /// The newest segment.
    pub newest: u64,
}

impl Checkpoint {
    /// The page as it stands in its slot.
    #[must_use]
    pub fn encode(&self) -> Box<[u8; PAGE]> {
        let mut page = Box::new([0u8; PAGE]);
        page[..8].copy_from_slice(MAGIC);
        put_u16(&mut page[..], 8, VERSION);
        put_u128(&mut page[..], 16, self.log_id.0);
        put_u64(&mut page[..], 32, self.generation);
        put_u64(&mut page[..], 40, self.durable.0);
        put_u64(&mut page[..], 48, self.safe.0);
        put_u64(&mut page[..], 56, self.first_needed);
        put_u64(&mut page[..], 64, self.newest);
        let checksum = crc32fast::hash(&page[..CHECKSUM_AT]);
        put_u32(&mut page[..], CHECKSUM_AT, checksum);
        page
    }

    /// Reads a slot; `None` if it is empty, torn or of another version.
    #[must_use]
    pub fn decode(page: &[u8; PAGE]) -> Option<Self> {
        let valid = &page[..8] == MAGIC
            && (crc32fast::hash(&page[..CHECKSUM_AT]) == u32_at(page, CHECKSUM_AT)
                || planted::is(Bug::CheckpointNotChecked))
            && u16_at(page, 8) == VERSION;
        valid.then(|| Checkpoint {
            log_id: LogId(u128_at(page, 16)),
            generation: u64_at(page, 32),
            durable: Lsn(u64_at(page, 40)),
            safe: Lsn(u64_at(page, 48)),
            first_needed: u64_at(page, 56),
            newest: u64_at(page, 64),
        })
    }

    /// Offset of the slot this generation belongs into.
    #[must_use]
    pub fn slot_at(&self) -> u64 {
        (self.generation % 2) * PAGE as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_nothing_damaged() {
        let checkpoint =
            Checkpoint { log_id: LogId(1), generation: 5, durable: Lsn(9), safe: Lsn(7), first_needed: 2, newest: 4 };
        let page = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&page), Some(checkpoint));
        for byte in 0..PAGE {
            let mut damaged = page.clone();
            damaged[byte] ^= 0x10;
            assert_eq!(Checkpoint::decode(&damaged), None, "byte {byte} was not noticed");
        }
    }
}
