//! The server's clock, estimated from TIME exchanges: of the last eight, the one with the shortest round trip counts.
//!
//! ```text
//! client   t0 ────────╲                      ╱──────── t3
//! server               received ── held ── answered
//! offset = (received + answered − t0 − t3) / 2        trip = (t3 − t0) − held
//! ```
//!
//! Five requests in quick succession after connecting, then one every two seconds.

use std::time::Duration;

use crate::connection::TimeAnswer;
use crate::time::{Time, micros};

const SAMPLES: usize = 8;
const QUICK: u32 = 5;
const QUICK_INTERVAL: Duration = Duration::from_millis(100);
const INTERVAL: Duration = Duration::from_secs(2);
/// An answer to a request older than this is worthless.
const OLDEST: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Sample {
    trip_us: u64,
    /// Server's time minus the client's.
    offset_us: i64,
}

/// The estimate.
#[derive(Debug, Default)]
pub(super) struct Clock {
    samples: [Option<Sample>; SAMPLES],
    answers: usize,
    requests: u32,
    next: Time,
}

impl Clock {
    /// When the next request is due.
    pub(super) const fn next(&self) -> Time {
        self.next
    }

    /// A request leaves now.
    pub(super) fn requested(&mut self, now: Time) {
        self.requests = self.requests.saturating_add(1);
        self.next = now + if self.requests < QUICK { QUICK_INTERVAL } else { INTERVAL };
    }

    /// An answer came; a nonsensical one is ignored.
    pub(super) fn answer(&mut self, now: Time, answer: &TimeAnswer) {
        let TimeAnswer { received, held_us, .. } = *answer;
        let origin = Time::from_micros(answer.origin);
        let passed = now.since(origin);
        if origin > now || passed > OLDEST || passed < Duration::from_micros(held_us.into()) {
            return;
        }
        let answered = received + Duration::from_micros(held_us.into());
        let server = i128::from(received.as_micros()) + i128::from(answered.as_micros());
        let client = i128::from(origin.as_micros()) + i128::from(now.as_micros());
        let Ok(offset_us) = i64::try_from((server - client) / 2) else {
            return;
        };
        let sample = Sample { trip_us: micros(passed) - u64::from(held_us), offset_us };
        if let Some(place) = self.samples.get_mut(self.answers % SAMPLES) {
            *place = Some(sample);
        }
        self.answers += 1;
    }

    /// The server's time at the client's `now`, once there was an answer.
    pub(super) fn server_time(&self, now: Time) -> Option<Time> {
        let best = self.samples.iter().flatten().min_by_key(|sample| sample.trip_us)?;
        Some(Time::from_micros(now.as_micros().saturating_add_signed(best.offset_us)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn answer(origin: u64, received: u64, held_us: u32) -> TimeAnswer {
        TimeAnswer { origin, received: Time::from_micros(received), held_us, sent: 0, arrived: 0 }
    }

    /// protocol.md 8.12.
    #[test]
    fn the_shortest_trip_decides() {
        let mut clock = Clock::default();
        let us = Time::from_micros;
        assert_eq!(clock.server_time(us(0)), None);
        // The server is 1,000,000 ahead. A slow, lopsided exchange is 4 ms off …
        clock.answer(us(20_000), &answer(10_000, 1_019_000, 0));
        assert_eq!(clock.server_time(us(0)), Some(us(1_004_000)));
        // … a quick one, held for 50 ms at the server, is exact.
        clock.answer(us(152_000), &answer(100_000, 1_101_000, 50_000));
        assert_eq!(clock.server_time(us(0)), Some(us(1_000_000)));
        clock.answer(us(300_000), &answer(200_000, 1_290_000, 0));
        assert_eq!(clock.server_time(us(0)), Some(us(1_000_000)));
        clock.answer(us(300_000), &answer(300_001, 0, 0));
        clock.answer(us(300_000), &answer(299_999, 0, u32::MAX));
        assert_eq!(clock.server_time(us(0)), Some(us(1_000_000)), "nonsense is ignored");
    }
}
