//! Up to sixteen steps, three bits each, in eight bytes. Knows directions, not where the walk begins.

use std::{fmt, num::NonZeroU8};

use super::Direction;

/// Steps in one path at most.
pub const MAX_STEPS: usize = 16;

/// One to sixteen directions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Steps {
    /// Step `i` in bits `3i..3i + 3` of the 48-bit number these three words form, low word first; zero above the last.
    words: [u16; 3],
    len: NonZeroU8,
}

impl Steps {
    /// The steps in order; `None` when there are none or more than [`MAX_STEPS`].
    #[must_use]
    pub fn new(directions: &[Direction]) -> Option<Self> {
        let mut bits = 0;
        for (i, &direction) in directions.iter().take(MAX_STEPS).enumerate() {
            bits |= (direction as u64) << (3 * i);
        }
        Self::from_bits(bits, directions.len())
    }

    /// `len` steps from their packed form, the first in the lowest three bits; bits above the last step are ignored.
    /// `None` when `len` is 0 or more than [`MAX_STEPS`].
    #[must_use]
    pub const fn from_bits(bits: u64, len: usize) -> Option<Self> {
        if len == 0 || len > MAX_STEPS {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
        let Some(count) = NonZeroU8::new(len as u8) else {
            return None;
        };
        let bytes = (bits & (u64::MAX >> (64 - 3 * len))).to_le_bytes();
        let words = [
            u16::from_le_bytes([bytes[0], bytes[1]]),
            u16::from_le_bytes([bytes[2], bytes[3]]),
            u16::from_le_bytes([bytes[4], bytes[5]]),
        ];
        Some(Self { words, len: count })
    }

    /// The packed form: the first step in the lowest three bits, zeros above the last.
    #[must_use]
    pub const fn bits(&self) -> u64 {
        self.words[0] as u64 | (self.words[1] as u64) << 16 | (self.words[2] as u64) << 32
    }

    /// How many steps there are, 1 to [`MAX_STEPS`].
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> usize {
        self.len.get() as usize
    }

    /// The steps in order.
    #[must_use = "iterators do nothing unless consumed"]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Direction> + use<> {
        let bits = self.bits();
        (0..self.len()).map(move |i| Direction::from_bits(bits >> (3 * i)))
    }

    /// The last step.
    #[must_use]
    pub const fn last(&self) -> Direction {
        Direction::from_bits(self.bits() >> (3 * (self.len() - 1)))
    }

    /// The first `count` of these steps; `None` when `count` is 0, all of them when there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Option<Self> {
        Self::from_bits(self.bits(), count.min(self.len()))
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_survive_packing() {
        let all: Vec<Direction> = Direction::ALL.iter().copied().cycle().take(MAX_STEPS).collect();
        for len in 1..=MAX_STEPS {
            let steps = Steps::new(&all[..len]).expect("1 to 16 steps");
            assert_eq!(steps.len(), len);
            assert!(steps.iter().eq(all[..len].iter().copied()));
            assert_eq!(steps.last(), all[len - 1]);
            assert_eq!(Steps::from_bits(steps.bits(), len), Some(steps));
        }
    }

    #[test]
    fn none_and_too_many_are_refused() {
        assert_eq!(Steps::new(&[]), None);
        assert_eq!(Steps::new(&[Direction::East; MAX_STEPS + 1]), None);
        assert_eq!(Steps::from_bits(0, 17), None);
    }

    #[test]
    fn bits_above_the_last_step_do_not_count() {
        let one = Steps::from_bits(u64::MAX, 1).expect("one step");
        assert_eq!(one, Steps::new(&[Direction::NorthWest]).expect("one step"));
    }

    #[test]
    fn a_prefix_is_the_same_walk_cut_short() {
        let steps = Steps::new(&[Direction::East, Direction::South, Direction::West]).expect("three steps");
        assert_eq!(steps.first(2), Steps::new(&[Direction::East, Direction::South]));
        assert_eq!(steps.first(9), Some(steps));
        assert_eq!(steps.first(0), None);
    }

    #[test]
    fn an_optional_walk_costs_no_extra_bytes() {
        assert_eq!(size_of::<Steps>(), 8);
        assert_eq!(size_of::<Option<Steps>>(), 8);
    }
}
