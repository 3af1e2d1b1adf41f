//! The least round trip of the last half minute: what the path takes when nothing queues on it.

use std::time::Duration;

use crate::time::Time;

/// A path may become longer: a minimum is forgotten after one to two of these.
const SPAN: Duration = Duration::from_secs(15);

/// Minimum of this span and of the one before, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least {
    this: u64,
    before: u64,
    began: Time,
}

impl Least {
    pub(super) const fn new(now: Time) -> Self {
        Self { this: u64::MAX, before: u64::MAX, began: now }
    }

    pub(super) fn sample(&mut self, now: Time, trip_us: u64) {
        if now.since(self.began) >= SPAN {
            self.before = self.this;
            self.this = u64::MAX;
            self.began = now;
        }
        self.this = self.this.min(trip_us);
    }

    /// `None` before the first sample.
    pub(super) fn micros(&self) -> Option<u64> {
        Some(self.this.min(self.before)).filter(|least| *least != u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 8.32.
    #[test]
    fn a_path_that_became_longer_is_believed_in_the_end() {
        let mut least = Least::new(Time::ZERO);
        assert_eq!(least.micros(), None);
        least.sample(Time::ZERO, 40_000);
        for s in 1..15 {
            least.sample(Time::from_micros(s * 1_000_000), 90_000);
        }
        assert_eq!(least.micros(), Some(40_000));
        for s in 15..31 {
            least.sample(Time::from_micros(s * 1_000_000), 90_000);
        }
        assert_eq!(least.micros(), Some(90_000));
    }
}
