//! Bytes that may be spent: filled at a rate, spent by what leaves, in debt when more left than was there.

use std::time::Duration;

use crate::time::{Time, micros};

/// A bucket counts millionths of bytes, so that a rate in bytes a second times microseconds needs no division.
const UNIT: u64 = 1_000_000;

/// Credit and debt; one of them is always 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    credit: u64,
    debt: u64,
    at: Time,
}

impl Bucket {
    /// A bucket that holds `bytes`.
    pub(super) const fn new(now: Time, bytes: u64) -> Self {
        Self { credit: bytes * UNIT, debt: 0, at: now }
    }

    /// Earns what `rate` bytes a second give since the last time; it never holds more than `most` bytes.
    pub(super) fn earn(&mut self, now: Time, rate: u64, most: u64) {
        let earned = rate.saturating_mul(micros(now.since(self.at)));
        self.at = self.at.max(now);
        let paid = earned.min(self.debt);
        self.debt -= paid;
        self.credit = self.credit.saturating_add(earned - paid).min(most.saturating_mul(UNIT));
    }

    /// Spends; what is not there becomes debt, of at most `most` bytes.
    pub(super) fn spend(&mut self, bytes: u64, most: u64) {
        let cost = bytes.saturating_mul(UNIT);
        let paid = cost.min(self.credit);
        self.credit -= paid;
        self.debt = (self.debt + cost - paid).min(most.saturating_mul(UNIT));
    }

    /// Bytes there are now, if it is filled at `rate` and holds `most` at most.
    pub(super) fn holds(mut self, now: Time, rate: u64, most: u64) -> u64 {
        self.earn(now, rate, most);
        self.credit / UNIT
    }

    /// When it will hold `bytes`, filled at `rate`; `bytes` must not be more than it can hold.
    pub(super) fn holds_at(&self, bytes: u64, rate: u64) -> Time {
        let missing = (bytes.saturating_mul(UNIT) + self.debt).saturating_sub(self.credit);
        self.at + Duration::from_micros(missing.div_ceil(rate.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn debt_is_paid_before_anything_is_earned() {
        let mut bucket = Bucket::new(ms(0), 100);
        bucket.spend(300, 1_000);
        assert_eq!(bucket.holds(ms(150), 1_000, 500), 0);
        assert_eq!(bucket.holds_at(50, 1_000), ms(250));
        assert_eq!(bucket.holds(ms(250), 1_000, 500), 50);
        bucket.earn(ms(9_000), 1_000, 500);
        assert_eq!(bucket.holds(ms(9_000), 1_000, 500), 500, "it holds no more than that");
        bucket.spend(5_000, 200);
        assert_eq!(bucket.holds(ms(9_300), 1_000, 500), 100, "and owes no more than it may");
    }
}
