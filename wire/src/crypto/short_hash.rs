//! A keyed hash for cheap refusals: SipHash-2-4, never used where forging would gain more than a wasted AEAD check.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;
use zeroize::Zeroize;

/// A key of SipHash-2-4.
#[derive(Clone)]
pub(crate) struct ShortHash {
    key: [u8; 16],
}

impl ShortHash {
    pub(crate) const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(bytes);
        hasher.finish()
    }
}

impl Drop for ShortHash {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::ShortHash;

    #[test]
    fn the_published_vector_of_siphash_2_4() {
        let mut key = [0; 16];
        for (index, byte) in (0_u8..).zip(&mut key) {
            *byte = index;
        }
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(ShortHash::new(key).hash(&input), 0xa129_ca61_49be_45e5);
    }
}
