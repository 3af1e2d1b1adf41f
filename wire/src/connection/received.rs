//! What was received and what of it the peer must still be told.
//!
//! The replay window is the record; acknowledgements are read off it. `floor` bounds how far back they must reach: all
//! received numbers below it were told in a packet that the peer is known to have. A number that arrives late lowers the
//! floor again, and only packets sent after that may raise it.

use std::time::Duration;

use crate::codec::{Writer, low8, low16, low32};
use crate::packet::{Freshness, Prelude, PreludeAck, ReplayWindow, write_ranges};
use crate::time::{Time, micros};

/// Unit of the acknowledgement delay on the wire.
pub(crate) const DELAY_UNIT_US: u64 = 250;

/// The receiving side's record.
#[derive(Debug, Default)]
pub(crate) struct Received {
    window: ReplayWindow,
    largest_at: Time,
    ack_due: Option<Time>,
    floor: u64,
    /// Our packets below this number do not know of the last late arrival.
    floor_from: u64,
    packets: u64,
    /// When a packet that asks for nothing was last answered at once.
    answered: Option<Time>,
}

impl Received {
    /// One above the largest number received: what the next header is read against.
    pub(crate) const fn expected(&self) -> u64 {
        self.window.next()
    }

    pub(crate) fn look(&self, number: u64) -> Freshness {
        self.window.look(number)
    }

    /// Packets received.
    pub(crate) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Records an authentic packet. True if it did not come right after the one before.
    pub(crate) fn commit(&mut self, now: Time, number: u64, skipped_before: bool, ours: u64) -> bool {
        let next = self.window.next();
        self.window.commit(number);
        self.packets += 1;
        if number >= next {
            self.largest_at = now;
            return number - next > u64::from(skipped_before);
        }
        if number < self.floor {
            self.floor = number;
        }
        self.floor_from = ours;
        true
    }

    /// Whether a packet that asks for nothing but shows a gap may be answered at once: once in a round trip, or two ends whose
    /// packets overtake each other would acknowledge acknowledgements as fast as they can.
    pub(crate) fn may_answer(&mut self, now: Time, round: Duration) -> bool {
        let may = self.answered.is_none_or(|last| now.since(last) >= round);
        if may {
            self.answered = Some(now);
        }
        may
    }

    /// An acknowledgement must leave by `at`.
    pub(crate) fn ack_by(&mut self, at: Time) {
        self.ack_due = Some(self.ack_due.map_or(at, |due| due.min(at)));
    }

    pub(crate) const fn ack_due(&self) -> Option<Time> {
        self.ack_due
    }

    /// What was due has left.
    pub(crate) const fn acked(&mut self) {
        self.ack_due = None;
    }

    /// The prelude of a packet sent now.
    pub(crate) fn prelude(&self, now: Time, skipped_before: bool) -> Prelude {
        let ack = self.window.largest().map(|largest| PreludeAck {
            largest: low16(largest),
            delay: low8((micros(now.since(self.largest_at)) / DELAY_UNIT_US).min(255)),
            mask: self.window.before(largest),
        });
        Prelude { ack, skipped_before }
    }

    /// One above the largest number, in the form the sent record keeps.
    pub(crate) const fn told_below(&self) -> u32 {
        low32(self.window.next())
    }

    /// Writes ACK_RANGES if the prelude does not cover all that must be told. True if everything was told.
    pub(crate) fn write_ranges(&self, out: &mut Writer<'_>) -> bool {
        let floor = self.floor.max(self.window.next().saturating_sub(1024));
        write_ranges(&self.window, floor, out).unwrap_or(false)
    }

    /// The peer has our packet `number`, which told of everything received below `told_below`.
    pub(crate) fn told(&mut self, number: u64, told_below: u32) {
        if number >= self.floor_from {
            let back = low32(self.window.next()).wrapping_sub(told_below);
            self.floor = self.floor.max(self.window.next().saturating_sub(u64::from(back)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 8.5.
    #[test]
    fn bare_acknowledgements_are_answered_at_once_once_in_a_round_trip() {
        let (mut received, round) = (Received::default(), Duration::from_millis(60));
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let answers = (0..600).filter(|ms| received.may_answer(at(*ms), round)).count();
        assert_eq!(answers, 10);
    }

    /// protocol.md 8.5.
    #[test]
    fn a_number_left_out_is_no_gap() {
        let mut received = Received::default();
        assert!(!received.commit(Time::ZERO, 0, false, 0));
        assert!(!received.commit(Time::ZERO, 2, true, 0), "1 was left out: no gap");
        assert!(received.commit(Time::ZERO, 4, false, 0), "3 is missing");
        assert!(received.commit(Time::ZERO, 3, false, 0), "late");
        assert_eq!(received.packets(), 4);
    }

    /// protocol.md 8.11.
    #[test]
    fn a_late_number_is_told_until_a_packet_that_knew_it_arrived() {
        let mut received = Received::default();
        for number in (0..100).filter(|n| *n != 20) {
            received.commit(Time::ZERO, number, false, 7);
        }
        received.told(7, received.told_below());
        let ranges = |received: &Received| {
            let mut buffer = [0; 64];
            let mut writer = Writer::new(&mut buffer);
            assert!(received.write_ranges(&mut writer));
            writer.len()
        };
        assert_eq!(ranges(&received), 0, "all told");
        received.commit(Time::ZERO, 20, false, 9);
        assert!(ranges(&received) > 0);
        received.told(8, received.told_below());
        assert!(ranges(&received) > 0, "packet 8 left before number 20 came");
        received.told(9, received.told_below());
        assert_eq!(ranges(&received), 0);
    }
}
