//! What became of the packets of about the last second, in quarters of it.

use std::time::Duration;

use crate::time::{Time, micros};

const PARTS: u32 = 4;
const PART: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    bytes: u64,
    delivered: u32,
    lost: u32,
}

/// Sums over the last 750 to 1,000 ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    parts: [Part; PARTS as usize],
    /// When the newest part began.
    began: Time,
    /// Parts in use.
    filled: u32,
}

impl History {
    pub(super) const fn new(now: Time) -> Self {
        Self { parts: [Part { bytes: 0, delivered: 0, lost: 0 }; PARTS as usize], began: now, filled: 1 }
    }

    fn newest(&mut self, now: Time) -> &mut Part {
        for _ in 0..PARTS {
            if now.since(self.began) < PART {
                break;
            }
            self.parts.rotate_right(1);
            self.parts[0] = Part::default();
            self.began += PART;
            self.filled = (self.filled + 1).min(PARTS);
        }
        if now.since(self.began) >= PART {
            // Nothing was heard for longer than all parts reach back; they are empty now.
            self.began = now;
        }
        &mut self.parts[0]
    }

    pub(super) fn delivered(&mut self, now: Time, bytes: u64) {
        let part = self.newest(now);
        part.bytes += bytes;
        part.delivered += 1;
    }

    pub(super) fn lost(&mut self, now: Time) {
        self.newest(now).lost += 1;
    }

    /// What was counted as lost has come.
    pub(super) fn found(&mut self) {
        if let Some(part) = self.parts.iter_mut().find(|part| part.lost > 0) {
            part.lost -= 1;
            part.delivered += 1;
        }
    }

    /// Packets lost, and packets whose fate is known.
    pub(super) fn losses(&self) -> (u32, u32) {
        self.parts.iter().fold((0, 0), |(lost, known), part| (lost + part.lost, known + part.lost + part.delivered))
    }

    /// Bytes a second that arrived.
    pub(super) fn delivered_per_s(&self, now: Time) -> u64 {
        let bytes: u64 = self.parts.iter().map(|part| part.bytes).sum();
        let span = PART * (self.filled - 1) + now.since(self.began).max(PART / 4);
        bytes.saturating_mul(1_000_000) / micros(span).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    #[test]
    fn it_forgets_what_is_older_than_a_second() {
        let mut history = History::new(ms(0));
        for i in 0..40 {
            history.delivered(ms(50 * i), 400);
        }
        let rate = history.delivered_per_s(ms(1_999));
        assert!((7_900..8_100).contains(&rate), "400 bytes 20 times a second: {rate}");
        history.lost(ms(2_000));
        assert_eq!(history.losses(), (1, 16));
        history.found();
        assert_eq!(history.losses(), (0, 16));
        history.delivered(ms(9_000), 400);
        assert_eq!(history.losses(), (0, 1));
    }
}
