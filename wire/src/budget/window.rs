//! The congestion window of bulk traffic: NewReno (RFC 9002, chapter 7), in bytes.

use crate::packet::MAX_DATAGRAM;
use crate::time::Time;

const SEGMENT: u64 = MAX_DATAGRAM as u64;
const INITIAL: u64 = 10 * SEGMENT;
const LEAST: u64 = 2 * SEGMENT;
/// More than the highest budget fills on any path.
const MOST: u64 = 1 << 20;

/// How much may be on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    bytes: u64,
    threshold: u64,
    /// A loss of what was sent before is part of an event that was answered already.
    answered: Time,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { bytes: INITIAL, threshold: u64::MAX, answered: Time::ZERO }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `size` bytes arrived; `flying` are still on their way. It grows only while it is made use of.
    pub(super) fn delivered(&mut self, sent_at: Time, size: u64, flying: u64) {
        if sent_at < self.answered || 2 * (flying + size) < self.bytes {
            return;
        }
        self.bytes += if self.bytes < self.threshold { size } else { SEGMENT * size / self.bytes };
        self.bytes = self.bytes.min(MOST);
    }

    pub(super) fn lost(&mut self, now: Time, sent_at: Time) {
        if sent_at >= self.answered {
            self.answered = now;
            self.bytes = (self.bytes / 2).max(LEAST);
            self.threshold = self.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    /// protocol.md 8.34.
    #[test]
    fn it_doubles_then_grows_by_a_segment_and_halves_once_for_an_event() {
        let mut window = Window::new();
        for _ in 0..10 {
            window.delivered(ms(1), SEGMENT, INITIAL);
        }
        assert_eq!(window.bytes(), 2 * INITIAL);
        window.lost(ms(100), ms(50));
        window.lost(ms(110), ms(60));
        assert_eq!(window.bytes(), INITIAL);
        for _ in 0..10 {
            window.delivered(ms(101), SEGMENT, INITIAL);
        }
        assert!((INITIAL + SEGMENT * 9 / 10..=INITIAL + SEGMENT).contains(&window.bytes()), "{}", window.bytes());
        let before = window.bytes();
        window.delivered(ms(102), SEGMENT, 0);
        assert_eq!(window.bytes(), before, "what is not made use of does not grow");
        for at in 2..20 {
            window.lost(ms(100 * at), ms(100 * at));
        }
        assert_eq!(window.bytes(), LEAST);
    }
}
