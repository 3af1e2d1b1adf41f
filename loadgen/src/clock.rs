//! The load generator's one home of the clock.
//!
//! Every thread shares one origin, so that times of different bots can be subtracted. Nothing else in this package reads a clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mu_wire::Time;

/// A monotonic clock with an origin of its own; copies agree.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Arc<Instant>,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
    pub fn start() -> Self {
        Self { origin: Arc::new(Instant::now()) }
    }

    /// Microseconds since the origin. The origin counts as one second, so that a time a little before it can be written.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::ZERO + Duration::from_secs(1) + self.origin.elapsed()
    }
}

/// Microseconds of Unix time, for records that outlive the run.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
