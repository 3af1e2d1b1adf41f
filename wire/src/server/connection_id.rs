//! Connection ids on the wire: shard, slot and generation under a keyed check.
//!
//! ```text
//! bits  0–7   shard
//! bits  8–27  slot: index into the endpoint's table
//! bits 28–43  generation
//! bits 44–63  keyed check
//! ```
//!
//! Looking one up is a comparison, an index and a comparison; no map is involved, so no key can be chosen against it.

use crate::codec::{low8, low16, low32};
use crate::crypto::CheckedIds;
use crate::ids::ConnId;

/// Bits of the slot: a shard has at most so many connections.
pub(super) const SLOT_BITS: u32 = 20;

/// Makes and reads the ids of one shard.
pub(super) struct ConnectionIds {
    shard: u8,
    checked: CheckedIds,
}

impl ConnectionIds {
    pub(super) const fn new(shard: u8, checked: CheckedIds) -> Self {
        Self { shard, checked }
    }

    pub(super) fn pack(&self, conn: ConnId) -> u64 {
        let slot = u64::from(conn.slot) & ((1 << SLOT_BITS) - 1);
        let generation = u64::from(conn.generation);
        self.checked.stamp(u64::from(self.shard) | slot << 8 | generation << (8 + SLOT_BITS))
    }

    pub(super) fn unpack(&self, id: u64) -> Option<ConnId> {
        if low8(id) != self.shard {
            return None;
        }
        let content = self.checked.verify(id)?;
        Some(ConnId {
            slot: low32(content >> 8) & ((1 << SLOT_BITS) - 1),
            generation: low16(content >> (8 + SLOT_BITS)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ShortHash;

    #[test]
    fn an_id_gives_back_its_slot_and_generation_to_its_own_shard_only() {
        let ids = |shard| ConnectionIds::new(shard, CheckedIds::new(ShortHash::new([1; 16])));
        for conn in [
            ConnId { slot: 0, generation: 0 },
            ConnId { slot: (1 << 20) - 1, generation: u16::MAX },
            ConnId { slot: 77, generation: 3 },
        ] {
            let id = ids(9).pack(conn);
            assert_eq!(ids(9).unpack(id), Some(conn));
            assert_eq!(ids(8).unpack(id), None);
            assert_eq!(ids(9).unpack(id ^ 1 << 30), None);
        }
    }
}
