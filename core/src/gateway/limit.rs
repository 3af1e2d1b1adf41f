//! How often one peer may ask: a token bucket per address, for the paths that cost hashing.
//!
//! The key is the address of the connection itself. `X-Forwarded-For` is not looked at: its content is the client's.
//! IPv6 peers are counted by /64, because one household owns that many addresses. The table is bounded: full buckets
//! are forgotten first, and when that does not help, strangers share one bucket until it does.

use std::hash::RandomState;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Peers remembered at once; each is about 100 bytes.
const PEERS_MAX: usize = 65_536;
/// Checks between two sweeps of forgotten peers.
const SWEEP_EVERY: u32 = 4_096;

/// How many requests a peer may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per minute in the long run.
    pub per_minute: NonZeroU32,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
}

type Buckets = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock, NoOpMiddleware>;

/// One limit and the peers it is counted for.
pub(crate) struct PeerLimit {
    buckets: Buckets,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl PeerLimit {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_minute(limit.per_minute).allow_burst(limit.burst);
        let clock = DefaultClock::default();
        let store = HashMapStateStore::<IpAddr, RandomState>::default();
        Self { buckets: RateLimiter::new(quota, store, clock.clone()), clock, checks: AtomicU32::new(0) }
    }

    /// Counts one request of this peer.
    ///
    /// # Errors
    /// How long the peer must wait before the next one is accepted.
    pub(crate) fn check(&self, peer: IpAddr) -> Result<(), Duration> {
        let checks = self.checks.fetch_add(1, Ordering::Relaxed);
        if checks % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.buckets.retain_recent();
        }
        let key = if self.buckets.len() < PEERS_MAX { key_of(peer) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        self.buckets.check_key(&key).map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

/// The address that is counted: IPv4 as it is, IPv6 by its /64, IPv4 written as IPv6 as IPv4.
fn key_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let net = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(net))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(burst: u32) -> PeerLimit {
        PeerLimit::new(RateLimit { per_minute: NonZeroU32::MIN, burst: NonZeroU32::new(burst).unwrap() })
    }

    #[test]
    fn a_peer_spends_its_own_burst_only() {
        let limit = limit(2);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(limit.check(one), Ok(()));
        assert_eq!(limit.check(one), Ok(()));
        let wait = limit.check(one).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(60), "{wait:?}");
        assert_eq!(limit.check(other), Ok(()));
    }

    #[test]
    fn addresses_of_one_household_are_one_peer() {
        let same = |a: &str, b: &str| key_of(a.parse().unwrap()) == key_of(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
