//! Rates: how often something may happen, in eight bytes each and without a timer.

use std::net::{IpAddr, SocketAddr};

use crate::crypto::ShortHash;
use crate::time::Time;

/// A rate with a burst, as the virtual time at which the next event would be on schedule (GCRA).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    scheduled: Time,
}

/// What a bucket allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    interval_us: u64,
    ahead_us: u64,
}

impl Rate {
    /// `per_s` events a second and `burst` at once; a rate of 0 allows nothing.
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        let interval_us = 1_000_000_u64.checked_div(u64::from(per_s)).map_or(u64::MAX, |interval| interval.max(1));
        Self { interval_us, ahead_us: interval_us.saturating_mul(u64::from(burst.max(1)) - 1) }
    }
}

impl Bucket {
    /// Counts an event if the rate allows one now.
    pub(super) fn take(&mut self, now: Time, rate: Rate) -> bool {
        let (now, scheduled) = (now.as_micros(), self.scheduled.as_micros());
        if rate.interval_us == u64::MAX || scheduled > now.saturating_add(rate.ahead_us) {
            return false;
        }
        self.scheduled = Time::from_micros(scheduled.max(now) + rate.interval_us);
        true
    }
}

/// One rate for each network of origin, in a table of fixed size. Networks that fall on the same place share a rate.
pub(super) struct PrefixTable {
    buckets: Box<[Bucket]>,
    hash: ShortHash,
    rate: Rate,
}

impl PrefixTable {
    /// Places in the table: 32 KiB.
    const PLACES: u64 = 4096;

    pub(super) fn new(hash: ShortHash, rate: Rate) -> Self {
        Self { buckets: (0..Self::PLACES).map(|_| Bucket::default()).collect(), hash, rate }
    }

    pub(super) fn take(&mut self, now: Time, from: SocketAddr) -> bool {
        let place = self.hash.hash(&network(from.ip())) % Self::PLACES;
        usize::try_from(place)
            .ok()
            .and_then(|place| self.buckets.get_mut(place))
            .is_some_and(|bucket| bucket.take(now, self.rate))
    }
}

/// The /24 of an IPv4 address (also of one mapped into IPv6), the /56 of an IPv6 address.
fn network(ip: IpAddr) -> [u8; 8] {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            [4, a, b, c, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, ..] = ip.octets();
            [6, a, b, c, d, e, f, g]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(10, 5));
        let start = Time::from_micros(1_000_000);
        assert_eq!((0..9).filter(|_| bucket.take(start, rate)).count(), 5);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..20).filter(|_| bucket.take(later, rate)).count(), 5, "no more than a burst is saved up");
        let seconds = (0..1000).filter(|ms| bucket.take(later + Duration::from_millis(*ms), rate));
        assert_eq!(seconds.count(), 9);
        assert!(!Bucket::default().take(later, Rate::new(0, 5)));
    }

    #[test]
    fn neighbours_share_a_rate_and_others_do_not() {
        let mut table = PrefixTable::new(ShortHash::new([1; 16]), Rate::new(1, 2));
        let now = Time::from_micros(1);
        let from = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(table.take(now, from("10.0.0.1:1")) && table.take(now, from("10.0.0.2:1")));
        assert!(!table.take(now, from("10.0.0.3:1")));
        assert!(!table.take(now, from("[::ffff:10.0.0.4]:1")));
        assert!(table.take(now, from("10.0.1.1:1")));
        assert!(table.take(now, from("[2001:db8::1]:1")) && table.take(now, from("[2001:db8:0:ff::1]:1")));
        assert!(!table.take(now, from("[2001:db8::2]:1")));
    }
}
