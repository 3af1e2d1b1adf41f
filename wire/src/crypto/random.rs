//! A seeded generator: HMAC-SHA-256 over a counter, keyed by the seed. The same seed gives the same run.
//!
//! The seed must come from the operating system's generator in production; this crate does not read it.

use zeroize::Zeroize;

use super::MacKey;

/// A cryptographic generator whose only entropy is its seed.
pub struct Random {
    key: MacKey,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Random").finish_non_exhaustive()
    }
}

impl Random {
    /// A generator that repeats itself exactly for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: MacKey::new(&seed), counter: 0, block: [0; 32], used: 32 }
    }

    /// An independent generator drawn from this one.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::from_seed(self.array())
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.block.len() {
                self.block = self.key.mac(&[&self.counter.to_le_bytes()]);
                self.counter += 1;
                self.used = 0;
            }
            if let Some(fresh) = self.block.get_mut(self.used) {
                *byte = *fresh;
                fresh.zeroize();
            }
            self.used += 1;
        }
    }

    /// `N` bytes.
    #[must_use]
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A 64-bit number.
    #[must_use]
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_repeats_itself_and_no_block_repeats() {
        let mut one = Random::from_seed([7; 32]);
        let mut two = Random::from_seed([7; 32]);
        let mut other = Random::from_seed([8; 32]);
        let first: [u8; 100] = one.array();
        assert_eq!(first, two.array());
        assert_ne!(first, other.array());
        assert_ne!(first[..32], first[32..64]);
        assert_ne!(one.split().u64(), one.split().u64());
    }
}
