//! Chance from a seed (splitmix64): the same seed throws the same numbers on every machine.

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

/// One step of splitmix64 on its own: a number that looks like nothing that went in.
#[must_use]
pub const fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(scramble(seed))
    }

    /// An independent source; what it throws does not depend on how often this one was thrown afterwards.
    #[must_use]
    pub const fn split(&mut self) -> Self {
        Self(scramble(self.next()))
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The bias of 2^-64 × bound is of no interest here.
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times in a million.
    pub const fn ppm(&mut self, chance: u32) -> bool {
        chance > 0 && self.below(1_000_000) < chance as u64
    }

    /// True so many times in a hundred.
    pub const fn percent(&mut self, chance: u32) -> bool {
        self.ppm(chance * 10_000)
    }

    /// A number below `bound` as a byte.
    pub fn u8(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(bound.into())).unwrap_or(0)
    }

    /// A number below `bound` in 16 bits.
    pub fn u16(&mut self, bound: u16) -> u16 {
        u16::try_from(self.below(bound.into())).unwrap_or(0)
    }

    /// A number from `low` to `high` in 32 bits.
    pub fn u32(&mut self, low: u32, high: u32) -> u32 {
        u32::try_from(self.between(low.into(), high.into())).unwrap_or(low)
    }

    /// A place in something of this length.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Thirty-two bytes, for the endpoints' own generators.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for chunk in seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_repeats_itself_and_bounds_hold() {
        let (mut one, mut two, mut other) = (Dice::new(5), Dice::new(5), Dice::new(6));
        let first: Vec<u64> = (0..50).map(|_| one.next()).collect();
        assert_eq!(first, (0..50).map(|_| two.next()).collect::<Vec<_>>());
        assert_ne!(first, (0..50).map(|_| other.next()).collect::<Vec<_>>());
        let seen: Vec<u64> = (0..1_000).map(|_| one.between(3, 6)).collect();
        assert_eq!((seen.iter().min(), seen.iter().max()), (Some(&3), Some(&6)));
        let hits = (0..100_000).filter(|_| one.ppm(100_000)).count();
        assert!((9_000..11_000).contains(&hits), "{hits} of 100,000 at a tenth");
        assert!(!one.ppm(0) && one.below(0) == 0);
    }
}
