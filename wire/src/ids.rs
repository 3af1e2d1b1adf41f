//! Names of things on the wire that both ends must pack in the same way.

use std::fmt;

/// An endpoint's own handle of a connection: which slot, and which of the connections that lived there.
///
/// It is not what travels: the id on the wire adds the shard and a keyed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// Index into the endpoint's table, below `max_connections`.
    pub slot: u32,
    /// Which use of the slot.
    pub generation: u16,
}

/// An entity of one map instance: the slot of its columns and the generation of that slot.
///
/// A slot is reused after its entity is gone; the generation (1 and up) tells the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntityId(pub u32);

impl EntityId {
    /// Packs a slot and a generation.
    #[must_use]
    pub const fn new(slot: u16, generation: u16) -> Self {
        Self(slot as u32 | (generation as u32) << 16)
    }

    /// The low 16 bits: which row of the map's columns.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    pub const fn slot(self) -> u16 {
        self.0 as u16
    }

    /// The high 16 bits: which life of that row.
    #[must_use]
    pub const fn generation(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}
