//! Connection ids on the wire: shard, slot and generation under a keyed check.
//!
//! ```text
//! bits  0–7   shard
//! bits  8–27  slot: index into the endpoint's table
//! bits 28–43  generation
//! bits 44–63  keyed check
//! ```
//!
//! Looking one up is an index and a comparison of the whole id with that of the connection found; no map is involved, so no
//! key can be chosen against it. The check is computed only for ids that name no connection: it tells those this host made.

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

    /// What an id of this shard says it names. Whoever sent it may have made it up: compare it whole, or see
    /// [`ConnectionIds::is_ours`].
    pub(super) fn read(&self, id: u64) -> Option<ConnId> {
        let slot = low32(id >> 8) & ((1 << SLOT_BITS) - 1);
        (low8(id) == self.shard).then(|| ConnId { slot, generation: low16(id >> (8 + SLOT_BITS)) })
    }

    /// Whether this host made the id.
    pub(super) fn is_ours(&self, id: u64) -> bool {
        self.checked.verify(id).is_some()
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
            assert_eq!(ids(9).read(id), Some(conn));
            assert_eq!(ids(8).read(id), None);
            assert!(ids(9).is_ours(id) && !ids(9).is_ours(id ^ 1 << 30) && !ids(9).is_ours(id ^ 1 << 50));
        }
    }
}
