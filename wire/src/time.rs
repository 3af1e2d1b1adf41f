//! Time as the protocol sees it: microseconds handed in by the caller, and tick numbers.
//!
//! Nothing here reads a clock. A [`Time`] is whatever monotonic clock the runtime chose, a [`Tick`] is 50 ms of the
//! server's grid; skipped ticks advance the number too, so a tick number is a time.

use std::{
    ops::{Add, AddAssign},
    time::Duration,
};

/// Microseconds since an origin the runtime chose once for the whole process. Never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// The moment `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// What has passed since `earlier`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in whole microseconds, saturating: 2^64 µs is beyond any timer.
pub(crate) const fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(duration.subsec_micros() as u64)
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// A step of the server's grid, 50 ms each; tick `n` is scheduled `n × 50 ms` after the server's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u32);

impl Tick {
    /// Length of a tick in milliseconds.
    pub const MILLIS: u16 = 50;

    /// The exact moment this tick is scheduled at, given the moment of tick 0.
    #[must_use]
    pub fn at(self, origin: Time) -> Time {
        self.at_length(origin, Self::MILLIS)
    }

    /// As [`Tick::at`], for a server that announced another tick length.
    #[must_use]
    pub fn at_length(self, origin: Time, millis: u16) -> Time {
        let since = u64::from(self.0) * u64::from(millis) * 1_000;
        Time(origin.0.saturating_add(since))
    }

    /// Ticks that have passed since `earlier`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u32> for Tick {
    type Output = Self;

    fn add(self, ticks: u32) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}
