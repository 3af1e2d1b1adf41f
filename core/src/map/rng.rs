//! The map's own random numbers: seeded, the same on every machine, part of the state hash.
//!
//! SplitMix64 (a counter and a mixing function; its constants are those of the published generator). For choosing
//! places and staggering only, never for anything a player must not be able to guess.

/// A seeded generator.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator whose numbers follow from `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u16) -> u16 {
        let scaled = (u128::from(self.draw()) * u128::from(bound)) >> 64;
        u16::try_from(scaled).unwrap_or(0)
    }

    /// What the state hash takes in.
    #[must_use]
    pub fn state(&self) -> u64 {
        self.state
    }
}

/// The mixing function, also used by the state hash.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_within_the_bound() {
        let (mut left, mut right) = (Rng::new(7), Rng::new(7));
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            let number = left.below(10);
            assert_eq!(number, right.below(10));
            seen[usize::from(number)] = true;
        }
        assert!(seen.iter().all(|&hit| hit), "every value of a small bound comes up");
        assert_eq!(Rng::new(1).below(0), 0);
    }
}
