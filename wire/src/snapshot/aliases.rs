//! The names a client's view gives to entities, and what becomes of them. Knows no entity.

use super::packets::Life;

/// What an alias is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Free,
    /// Belongs to the entry at this index.
    Seen(u8),
    /// Waits until the client has acknowledged that the entity is gone; the place of the packet that said so.
    Leaving(u8),
}

/// An alias, and how often it was used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alias {
    pub(super) life: Life,
    pub(super) used: Use,
}

/// A set of aliases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AliasSet([u64; 4]);

impl AliasSet {
    pub(super) const fn insert(&mut self, alias: u8) {
        self.0[alias as usize / 64] |= 1 << (alias % 64);
    }

    pub(super) const fn remove(&mut self, alias: u8) {
        self.0[alias as usize / 64] &= !(1 << (alias % 64));
    }

    /// The lowest.
    pub(super) fn first(&self) -> Option<u8> {
        let (i, word) = self.0.iter().enumerate().find(|(_, word)| **word != 0)?;
        u8::try_from(i * 64 + word.trailing_zeros() as usize).ok()
    }
}
