//! Which of the last 1,024 packet numbers were received: refuses repeats and is what acknowledgements are made from.
//!
//! All arithmetic subtracts from the largest number seen and never adds to an incoming one, so no number can overflow it.
//! Looking is separate from committing: a number counts as received only after its packet proved authentic.

use crate::codec::low32;

/// How far back a number may lie.
pub(crate) const WINDOW: u64 = 1024;
const WORDS: usize = 16;
const _: () = assert!(WORDS as u64 * 64 == WINDOW);

/// The received numbers among the last [`WINDOW`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReplayWindow {
    /// One above the largest received; 0 before the first.
    next: u64,
    /// Bit `n % 1024` for each number `n` in `next - 1024 .. next`.
    words: [u64; WORDS],
}

/// What the window says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Not received before.
    Fresh,
    /// Received before.
    Repeated,
    /// Too far back to tell.
    TooOld,
}

impl ReplayWindow {
    /// One above the largest number received.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// The largest number received.
    pub(crate) const fn largest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    pub(crate) fn look(&self, number: u64) -> Freshness {
        if number >= self.next {
            Freshness::Fresh
        } else if self.next - number > WINDOW {
            Freshness::TooOld
        } else if self.bit(number) {
            Freshness::Repeated
        } else {
            Freshness::Fresh
        }
    }

    /// Records a number that [`ReplayWindow::look`] found fresh.
    pub(crate) fn commit(&mut self, number: u64) {
        if number >= self.next {
            if number - self.next >= WINDOW {
                self.words = [0; WORDS];
            } else {
                for skipped in self.next..number {
                    self.clear(skipped);
                }
            }
            self.next = number.saturating_add(1);
        }
        let (word, mask) = place(number);
        if let Some(word) = self.words.get_mut(word) {
            *word |= mask;
        }
    }

    /// Whether a number was received; false for those beyond either end of the window.
    pub(crate) fn contains(&self, number: u64) -> bool {
        number < self.next && self.next - number <= WINDOW && self.bit(number)
    }

    /// Which of the 32 numbers before `number`, itself at most the largest, were received: bit i is `number − 1 − i`. Numbers
    /// below zero count as received.
    pub(crate) fn before(&self, number: u64) -> u32 {
        let word = |number| self.words.get(place(number).0).copied().unwrap_or(0);
        // The 64 numbers before this one, the newest in the highest bit.
        let (older, into) = (word(number.wrapping_sub(64)), number % 64);
        let newest = if into == 0 { older } else { word(number) << (64 - into) | older >> into };
        let below_zero = u32::try_from(number).ok().and_then(|bits| u32::MAX.checked_shl(bits)).unwrap_or(0);
        low32(newest.reverse_bits()) | below_zero
    }

    fn bit(&self, number: u64) -> bool {
        let (word, mask) = place(number);
        self.words.get(word).is_some_and(|word| word & mask != 0)
    }

    fn clear(&mut self, number: u64) {
        let (word, mask) = place(number);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !mask;
        }
    }
}

const fn place(number: u64) -> (usize, u64) {
    let [a, b, ..] = (number % WINDOW / 64).to_le_bytes();
    (u16::from_le_bytes([a, b]) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The same by keeping everything.
    #[derive(Default)]
    struct Model {
        seen: HashSet<u64>,
        next: u64,
    }

    impl Model {
        fn look(&self, number: u64) -> Freshness {
            if number < self.next && self.next - number > WINDOW {
                Freshness::TooOld
            } else if self.seen.contains(&number) {
                Freshness::Repeated
            } else {
                Freshness::Fresh
            }
        }

        fn commit(&mut self, number: u64) {
            self.seen.insert(number);
            self.next = self.next.max(number.saturating_add(1));
        }
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set_of_everything(
            start in prop_oneof![Just(0_u64), any::<u64>(), Just(u64::MAX - 3_000)],
            steps in prop::collection::vec((-1_100_i64..1_300, any::<bool>()), 1..400),
        ) {
            let (mut window, mut model) = (ReplayWindow::default(), Model::default());
            let mut around = start;
            for (step, forward) in steps {
                let number = around.saturating_add_signed(step);
                prop_assert_eq!(window.look(number), model.look(number), "{}", number);
                if number < u64::MAX && window.look(number) == Freshness::Fresh {
                    window.commit(number);
                    model.commit(number);
                    prop_assert_eq!(window.next(), model.next);
                }
                if let Some(largest) = window.largest() {
                    let each = |bit: u32| largest.checked_sub(1 + u64::from(bit)).is_none_or(|n| model.seen.contains(&n));
                    let expected = (0..32).fold(0, |mask, bit| mask | u32::from(each(bit)) << bit);
                    prop_assert_eq!(window.before(largest), expected, "before {}", largest);
                }
                for near in number.saturating_sub(70)..=number.saturating_add(3).min(u64::MAX - 1) {
                    prop_assert_eq!(window.look(near), model.look(near), "{} near {}", near, number);
                }
                if forward { around = number; }
            }
        }
    }
}
