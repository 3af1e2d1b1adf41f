//! Identities for items that come to be on a map: never used before, never used again.
//!
//! The store hands ids out in blocks; a map is given one before its last is used up, so that a tick never waits for
//! one. What is left when the process ends is never used.

use mu_storage::ids::IdBlock;

/// Below this many, a map wants another block.
pub const LOW: u64 = 256;

/// The ids a map may give away.
#[derive(Debug, Default)]
pub struct Uids {
    now: IdBlock,
    next: IdBlock,
}

impl Uids {
    /// How many are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.now.left() + self.next.left()
    }

    /// Whether another block is wanted; there is then a place for it.
    #[must_use]
    pub fn wants(&self) -> bool {
        self.next.left() == 0 && self.now.left() < LOW
    }

    /// Takes a block in; false when none is wanted, then the block is still the caller's.
    pub fn give(&mut self, block: &IdBlock) -> bool {
        let wanted = self.wants();
        if wanted {
            self.next = block.clone();
        }
        wanted
    }

    /// One id; `None` when none is left.
    pub fn issue(&mut self) -> Option<i64> {
        self.now.next().or_else(|| {
            std::mem::swap(&mut self.now, &mut self.next);
            self.now.next()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_on_from_block_to_block_and_end() {
        let mut uids = Uids::default();
        assert_eq!((uids.issue(), uids.wants()), (None, true));
        assert!(uids.give(&IdBlock::new(10, 2)));
        assert!(!uids.give(&IdBlock::new(90, 2)), "one waits already");
        assert_eq!((uids.left(), uids.issue()), (2, Some(10)));
        assert!(uids.give(&IdBlock::new(20, 1)));
        let rest: Vec<_> = std::iter::from_fn(|| uids.issue()).collect();
        assert_eq!((rest, uids.left()), (vec![11, 20], 0));
    }
}
