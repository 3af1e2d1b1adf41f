//! Which packet numbers are left out on purpose: one in 16 to 64, unforeseeable to the peer.
//!
//! Acknowledging a number that was never sent shows that a peer acknowledges what it did not receive. The next packet
//! says that the number before it was left out, so an honest receiver does not count it as lost.

use crate::crypto::{Random, ShortHash};

const SHORTEST: u64 = 16;
const SPREAD: u64 = 49;
/// The same while more than 32 packets are on their way: so each round trip has one.
const BUSY_SPREAD: u64 = 17;

/// When the next number is left out.
pub(crate) struct SkipPlan {
    hash: ShortHash,
    next: u64,
}

impl SkipPlan {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut plan = Self { hash: ShortHash::new(random.array()), next: 0 };
        plan.next = plan.after(0, SPREAD);
        plan
    }

    /// Whether `number` is to be left out.
    pub(crate) const fn skips(&self, number: u64) -> bool {
        number >= self.next
    }

    /// Plans the next one once `number` was left out while so many packets were on their way.
    pub(crate) fn skipped(&mut self, number: u64, flying: u32) {
        self.next = self.after(number, if flying > 32 { BUSY_SPREAD } else { SPREAD });
    }

    fn after(&self, number: u64, spread: u64) -> u64 {
        number + SHORTEST + self.hash.hash(&number.to_le_bytes()) % spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 6.4.
    #[test]
    fn one_number_in_16_to_64_is_left_out() {
        let mut plan = SkipPlan::new(&mut Random::from_seed([1; 32]));
        let mut left_out = Vec::new();
        for number in 0..100_000 {
            if plan.skips(number) {
                plan.skipped(number, 3);
                left_out.push(number);
            }
        }
        let distances: Vec<u64> = left_out.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(distances.iter().min(), Some(&16));
        assert_eq!(distances.iter().max(), Some(&64));
        for number in left_out {
            plan.skipped(number, 33);
            assert!((number + 16..=number + 32).contains(&plan.next), "a busy link has one in each round trip");
        }
    }
}
