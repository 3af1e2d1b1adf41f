//! Packets with reliable parts, and how long each may stay unacknowledged.
//!
//! A probe timeout counts from the last packet, so it never passes while packets leave all the time. What a watch finds
//! overdue is one packet that took longer than its acknowledgement does, whatever left after it. A watch looks after all
//! packets of one state, which may all take equally long: so the oldest is the next to be overdue.

use super::ring::{SentRing, SentState};
use crate::time::Time;

/// The oldest packet of one state.
#[derive(Debug)]
pub(super) struct Watch {
    state: SentState,
    first: Option<(u64, Time)>,
}

impl Watch {
    pub(super) const fn over(state: SentState) -> Self {
        Self { state, first: None }
    }

    /// Number and time of the packet that has waited longest.
    pub(super) const fn first(&self) -> Option<(u64, Time)> {
        self.first
    }

    /// A packet of this state was recorded.
    pub(super) fn sent(&mut self, number: u64, at: Time, state: SentState) {
        if state == self.state && self.first.is_none() {
            self.first = Some((number, at));
        }
    }

    /// Some packets' states have changed.
    pub(super) fn renew(&mut self, ring: &SentRing) {
        let Some((from, _)) = self.first else { return };
        let next = (from.max(ring.oldest())..ring.next()).find_map(|number| {
            let record = ring.look(number).filter(|record| record.state == self.state)?;
            Some((number, record.at))
        });
        self.first = next;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::packet::RangeList;
    use crate::recovery::{AckedNumbers, Fate, Recovery, Sent};

    const fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }

    const ACK_DELAY: Duration = Duration::from_millis(50);

    fn acknowledge(recovery: &mut Recovery, now: Time, largest: u64, mask: u32) {
        let ack = AckedNumbers { largest, mask, ranges: &RangeList::new(), delay: Some(Duration::ZERO) };
        recovery.acknowledged(now, &ack, |_, _, _| ()).expect("all were sent");
    }

    /// After forty round trips of 100 ms, each packet lasting as long as the one before.
    fn steady() -> Recovery {
        let mut recovery = Recovery::new(ACK_DELAY);
        for number in 0..40 {
            recovery.sent(Sent { at: ms(100 * number), eliciting: true, ..Sent::default() });
            acknowledge(&mut recovery, ms(100 * number + 100), number, u32::MAX);
        }
        recovery
    }

    /// When each of the packets is told to be overdue, while other packets leave every 20 ms and nothing comes back.
    fn overdue(states: &[SentState]) -> Vec<u64> {
        let mut recovery = steady();
        let mut told = Vec::new();
        for millis in 4_000..5_000 {
            let now = ms(millis);
            recovery.timeout(now, |_, _, fate| {
                if fate == Fate::Overdue {
                    told.push(millis - 4_000);
                }
            });
            let index = usize::try_from((millis - 4_000) / 20).unwrap();
            if millis.is_multiple_of(20) {
                let state = states.get(index).copied().unwrap_or_default();
                recovery.sent(Sent { at: now, eliciting: true, state, ..Sent::default() });
            }
        }
        told
    }

    /// protocol.md 8.9.
    #[test]
    fn a_packet_with_reliable_parts_is_overdue_whatever_left_after_it() {
        assert_eq!(overdue(&[SentState::Flying]), []);
        assert_eq!(overdue(&[SentState::Urgent]), [104]);
        assert_eq!(overdue(&[SentState::Awaited]), [154]);
        assert_eq!(
            overdue(&[SentState::Awaited, SentState::Urgent]),
            [124, 231],
            "the second waits half as long again"
        );
    }

    #[test]
    fn what_is_acknowledged_is_not_overdue() {
        let mut recovery = steady();
        for number in 40..43 {
            let state = SentState::Urgent;
            recovery.sent(Sent { at: ms(4_000 + number), eliciting: true, state, ..Sent::default() });
        }
        acknowledge(&mut recovery, ms(4_150), 42, 0b10);
        let mut told = Vec::new();
        recovery.timeout(ms(4_160), |number, _, fate| told.push((number, fate)));
        assert_eq!(told, [(41, Fate::Overdue)]);
    }
}
