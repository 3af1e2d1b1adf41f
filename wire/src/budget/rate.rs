//! How many bytes a second: less when packets are lost or queue, more while there is no sign of either and more is wanted.
//!
//! A *round* is a round trip, at least two ticks. Its queue delay is its least round trip less the least of the last half
//! minute, so jitter counts for nothing. Two rounds in a row above 25 ms, or above a quarter of the least round trip, say that
//! a queue stands: the rate becomes four fifths of what arrives or of what it was, whichever is less. Loss says so too, more
//! weakly, because radio loses without any queue: two packets and 2 % within a second, four fifths of what it was.

use std::time::Duration;

use super::history::History;
use super::least::Least;
use crate::packet::MAX_DATAGRAM;
use crate::time::Time;

/// Where a connection begins, in bytes a second: one full datagram in each tick.
pub(super) const START: u64 = 24_000;
/// No link is taken to be worse, in bytes a second: 200 bytes in each tick.
pub(super) const FLOOR: u64 = 4_000;
/// The highest rate if nothing else was granted, in bytes a second.
pub(super) const CEILING: u64 = 256_000;

/// Shortest round.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);
/// So many decreases that make a queue no shorter by a tenth each show that it is none.
const FUTILE: u32 = 3;
/// A queue of this length is one on any path.
const QUEUE_US: u64 = 25_000;

/// The rate, and what it follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateControl {
    bytes_per_s: u64,
    ceiling: u64,
    /// No sign of congestion was ever seen: it grows by a quarter in a round.
    starting: bool,
    least: Least,
    history: History,
    round_began: Time,
    round_least_us: u64,
    samples: u32,
    /// Rounds in a row in which a queue stood.
    standing: u32,
    queue_us: u64,
    /// Decreases in a row after which a queue was not shorter, and the least round trip of the last such round.
    futile: u32,
    stood_us: u64,
    decreased_at: Time,
    limited: bool,
}

impl RateControl {
    pub(super) fn new(now: Time, ceiling: u64) -> Self {
        Self {
            bytes_per_s: START.min(ceiling),
            ceiling,
            starting: true,
            least: Least::new(now),
            history: History::new(now),
            round_began: now,
            round_least_us: u64::MAX,
            samples: 0,
            standing: 0,
            queue_us: 0,
            futile: 0,
            stood_us: u64::MAX,
            decreased_at: Time::ZERO,
            limited: false,
        }
    }

    pub(super) const fn bytes_per_s(&self) -> u64 {
        self.bytes_per_s
    }

    pub(super) const fn queue_us(&self) -> u64 {
        self.queue_us
    }

    /// The least round trip, in microseconds.
    pub(super) fn least_us(&self) -> Option<u64> {
        self.least.micros()
    }

    /// Packets were lost in the last second that was heard of, or queued in the last round.
    pub(super) fn is_uneasy(&self) -> bool {
        self.standing > 0 || self.history.losses().0 > 0
    }

    /// More would have been sent if there had been more to spend.
    pub(super) const fn limits(&mut self) {
        self.limited = true;
    }

    pub(super) fn delivered(&mut self, now: Time, bytes: u64) {
        self.history.delivered(now, bytes);
    }

    pub(super) fn found(&mut self) {
        self.history.found();
    }

    pub(super) fn lost(&mut self, now: Time, sent_at: Time) {
        self.history.lost(now);
        let (lost, known) = self.history.losses();
        // One loss of twenty packets says nothing; and what left before the last decrease is no news.
        if lost >= 2 && lost * 50 > known && sent_at > self.decreased_at {
            self.decrease(now, self.bytes_per_s);
        }
    }

    /// A round trip of a packet sent at `sent_at`.
    pub(super) fn sample(&mut self, now: Time, sent_at: Time, trip_us: u64, smoothed_us: u64) {
        self.least.sample(now, trip_us);
        if sent_at <= self.decreased_at {
            return;
        }
        self.samples += 1;
        self.round_least_us = self.round_least_us.min(trip_us);
        let length = Duration::from_micros(smoothed_us).max(SHORTEST_ROUND);
        if self.samples >= 3 && now.since(self.round_began) >= length {
            self.end_round(now);
        }
    }

    fn end_round(&mut self, now: Time) {
        let least = self.least.micros().unwrap_or(0);
        self.queue_us = self.round_least_us.saturating_sub(least);
        let stands = self.queue_us > QUEUE_US.max(least / 4);
        self.standing = if stands { self.standing + 1 } else { 0 };
        if !stands {
            (self.futile, self.stood_us) = (0, u64::MAX);
        }
        if self.standing >= 2 {
            let shorter = self.round_least_us < self.stood_us / 10 * 9;
            self.futile = if shorter { 0 } else { self.futile + 1 };
            self.stood_us = self.round_least_us;
            if self.futile > FUTILE {
                self.believe(now);
                return;
            }
            // What arrives while a queue stands is what the path carries.
            self.decrease(now, self.history.delivered_per_s(now).min(self.bytes_per_s));
        } else if self.limited && !stands {
            let step = MAX_DATAGRAM as u64;
            self.bytes_per_s += if self.starting { step.max(self.bytes_per_s / 4) } else { step };
            self.bytes_per_s = self.bytes_per_s.min(self.ceiling);
        }
        self.begin_round(now);
    }

    /// What does not become shorter by sending less is no queue of ours: the path is as long as that now.
    fn believe(&mut self, now: Time) {
        self.least = Least::new(now);
        self.least.sample(now, self.round_least_us);
        (self.standing, self.futile, self.stood_us, self.queue_us) = (0, 0, u64::MAX, 0);
        self.begin_round(now);
    }

    fn begin_round(&mut self, now: Time) {
        self.round_began = now;
        self.round_least_us = u64::MAX;
        self.samples = 0;
        self.limited = false;
    }

    fn decrease(&mut self, now: Time, from: u64) {
        self.bytes_per_s = (from / 5 * 4).clamp(FLOOR.min(self.ceiling), self.ceiling);
        self.starting = false;
        self.decreased_at = now;
        self.begin_round(now);
    }
}
