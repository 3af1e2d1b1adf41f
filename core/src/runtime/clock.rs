//! The only home of the clock in this crate: monotonic microseconds since the process began, and the wall clock in seconds.
//!
//! Everything else is handed a [`Time`]. Reading it is a call into the vDSO (tens of nanoseconds), never a system call.

#![allow(clippy::disallowed_methods, reason = "this file is the home of Instant::now and SystemTime::now")]

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mu_wire::Time;

static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// The process's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// Microseconds since the first call in this process, the same on every thread.
    #[must_use]
    pub fn now() -> Time {
        let origin = *ORIGIN.get_or_init(Instant::now);
        Time(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Seconds since 1970, for what must mean the same in other processes: token lifetimes, log lines, rows.
    #[must_use]
    pub fn unix_s() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_ms() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds since 1970, as stored times have it.
    #[must_use]
    pub fn wall_us() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_one_origin() {
        let before = Clock::now();
        let between = std::thread::spawn(Clock::now).join().expect("no panic");
        let after = Clock::now();
        assert!(before <= between && between <= after, "{before:?} {between:?} {after:?}");
    }
}
