//! 64-bit ids that carry a keyed check, so that garbage is refused before anything is looked up.
//!
//! ```text
//! bits  0–43  the content (44 bits)
//! bits 44–63  the low 20 bits of SipHash-2-4 over the content's eight little-endian bytes
//! ```
//!
//! A guess passes with probability 2^-20 and then meets the AEAD: the check saves work, it does not authenticate.

use super::ShortHash;

const CONTENT: u64 = (1 << 44) - 1;

/// Stamps and checks ids under one key.
#[derive(Clone)]
pub(crate) struct CheckedIds {
    hash: ShortHash,
}

impl CheckedIds {
    pub(crate) const fn new(hash: ShortHash) -> Self {
        Self { hash }
    }

    /// The id of the low 44 bits of `content`.
    pub(crate) fn stamp(&self, content: u64) -> u64 {
        let content = content & CONTENT;
        content | self.check(content) << 44
    }

    /// The content, if the check is right.
    pub(crate) fn verify(&self, id: u64) -> Option<u64> {
        let content = id & CONTENT;
        (id >> 44 == self.check(content)).then_some(content)
    }

    fn check(&self, content: u64) -> u64 {
        self.hash.hash(&content.to_le_bytes()) & 0xf_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_is_noticed() {
        let ids = CheckedIds::new(ShortHash::new([3; 16]));
        let id = ids.stamp(0x0123_4567_89ab);
        assert_eq!(ids.verify(id), Some(0x0123_4567_89ab));
        let passing = (0..64).filter(|bit| ids.verify(id ^ (1 << bit)).is_some()).count();
        assert_eq!(passing, 0);
        assert_eq!(CheckedIds::new(ShortHash::new([4; 16])).verify(id), None);
    }
}
