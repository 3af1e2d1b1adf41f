//! Round-trip time: smoothed value and variation, in microseconds.
//!
//! As RFC 9002 section 5, except that the peer's wait is always taken off: both ends hold nearly every acknowledgement back
//! until they have something to say, so a minimum of raw samples would never be free of it.

use std::time::Duration;

use crate::time::micros;

/// Assumed before the first sample.
const INITIAL_US: u64 = 250_000;

/// The estimate of one path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rtt {
    smoothed_us: u64,
    variation_us: u64,
    latest_us: u64,
    sampled: bool,
}

impl Default for Rtt {
    fn default() -> Self {
        Self { smoothed_us: INITIAL_US, variation_us: INITIAL_US / 2, latest_us: INITIAL_US, sampled: false }
    }
}

impl Rtt {
    /// One sample: what passed since sending, and how much of it the peer says it waited.
    pub(crate) fn sample(&mut self, passed: Duration, waited: Duration) {
        // The peer's word is taken: it is authentic, bounded by the caller, and a lie would only make us send to it sooner.
        self.latest_us = micros(passed).saturating_sub(micros(waited)).max(1);
        if self.sampled {
            let distance = self.smoothed_us.abs_diff(self.latest_us);
            self.variation_us = (3 * self.variation_us + distance) / 4;
            self.smoothed_us = (7 * self.smoothed_us + self.latest_us) / 8;
        } else {
            self.sampled = true;
            self.smoothed_us = self.latest_us;
            self.variation_us = self.latest_us / 2;
        }
    }

    /// The smoothed round trip, once there was a sample.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.sampled.then(|| Duration::from_micros(self.smoothed_us))
    }

    /// The last sample.
    pub(crate) const fn latest(&self) -> Duration {
        Duration::from_micros(self.latest_us)
    }

    /// A packet this much older than a newer, acknowledged one is lost: 9/8 of a round trip, at least 2 ms.
    pub(crate) fn loss_delay(&self) -> Duration {
        let trip = self.smoothed_us.max(self.latest_us);
        Duration::from_micros((trip + trip / 8).max(2_000))
    }

    /// How long to wait for an acknowledgement before probing, without back-off.
    pub(crate) fn probe_delay(&self, ack_delay: Duration) -> Duration {
        let trip = self.smoothed_us + (4 * self.variation_us).max(1_000);
        Duration::from_micros(trip) + ack_delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// protocol.md 8.8.
    #[test]
    fn the_peers_wait_is_taken_off() {
        let mut rtt = Rtt::default();
        rtt.sample(ms(40), ms(0));
        rtt.sample(ms(90), ms(50));
        assert_eq!(rtt.smoothed(), Some(ms(40)));
        rtt.sample(ms(10), ms(50));
        assert!(rtt.smoothed().is_some_and(|trip| trip < ms(40)), "an impossible wait is as good as no trip at all");
    }

    #[test]
    fn delays_have_their_floors() {
        let mut rtt = Rtt::default();
        for _ in 0..100 {
            rtt.sample(Duration::from_micros(100), ms(0));
        }
        assert_eq!(rtt.loss_delay(), ms(2));
        assert!(rtt.probe_delay(ms(50)) >= ms(51));
    }
}
