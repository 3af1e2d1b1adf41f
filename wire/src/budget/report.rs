//! What an end says about its budget: to its owner at any time, to the peer once a second when it has changed.

use std::time::Duration;

use crate::codec::{NoRoom, Writer};
use crate::packet::frame_id;
use crate::time::{Time, micros};

/// The peer is told at most this often.
const INTERVAL: Duration = Duration::from_secs(1);

/// What one end of a connection lets itself send, and what it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkBudget {
    /// Bytes a second in datagrams.
    pub bytes_per_s: u32,
    /// Share of its packets that are lost, smoothed over about three seconds, in 1/65,536.
    pub loss: u16,
    /// How much longer a packet takes than when nothing queues; 100 µs steps when the peer said it.
    pub queue_delay: Duration,
    /// The smoothed round trip, once there was a sample. A peer does not say it.
    pub round_trip: Option<Duration>,
}

impl LinkBudget {
    pub(crate) fn told(bytes_per_s: u32, loss: u16, queue_100us: u16) -> Self {
        Self { bytes_per_s, loss, queue_delay: Duration::from_micros(100) * u32::from(queue_100us), round_trip: None }
    }

    fn queue_100us(&self) -> u16 {
        u16::try_from(micros(self.queue_delay) / 100).unwrap_or(u16::MAX)
    }

    /// Whether the peer should hear of it: an eighth of the rate, 1 % of loss, 5 ms of queue.
    fn differs(&self, told: &Self) -> bool {
        8 * self.bytes_per_s.abs_diff(told.bytes_per_s) > told.bytes_per_s
            || self.loss.abs_diff(told.loss) > 655
            || self.queue_100us().abs_diff(told.queue_100us()) > 50
    }
}

/// What the peer was told, and what it told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reports {
    told: LinkBudget,
    told_at: Time,
    /// The last packet that told it was lost.
    again: bool,
    pub(super) peer: Option<LinkBudget>,
}

impl Reports {
    /// A peer that was told nothing takes it that the budget is as it was at the start.
    pub(super) const fn new(now: Time, start: LinkBudget) -> Self {
        Self { told: start, told_at: now, again: false, peer: None }
    }

    /// Writes BUDGET if it is time for it; true if it was written.
    pub(super) fn write(&mut self, now: Time, own: LinkBudget, out: &mut Writer<'_>) -> bool {
        let time = now.since(self.told_at) >= INTERVAL;
        if !time || !(self.again || own.differs(&self.told)) || out.remaining() < 9 {
            return false;
        }
        if frame(&own, out).is_err() {
            return false;
        }
        (self.told, self.told_at, self.again) = (own, now, false);
        true
    }

    pub(super) const fn lost(&mut self) {
        self.again = true;
    }
}

fn frame(own: &LinkBudget, out: &mut Writer<'_>) -> Result<(), NoRoom> {
    out.u8(frame_id::BUDGET)?;
    out.u32(own.bytes_per_s)?;
    out.u16(own.loss)?;
    out.u16(own.queue_100us())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 8.35.
    #[test]
    fn only_changes_are_told_and_once_a_second() {
        let mut own = LinkBudget { bytes_per_s: 24_000, ..LinkBudget::default() };
        let mut reports = Reports::new(Time::ZERO, own);
        let write = |ms: u64, own, reports: &mut Reports| {
            let mut buffer = [0; 32];
            let mut out = Writer::new(&mut buffer);
            reports.write(Time::from_micros(ms * 1_000), own, &mut out)
        };
        assert!(!write(9_000, own, &mut reports));
        own.bytes_per_s = 20_000;
        assert!(write(9_100, own, &mut reports));
        own.queue_delay = Duration::from_millis(40);
        assert!(!write(10_000, own, &mut reports), "less than a second later");
        assert!(write(10_100, own, &mut reports));
        reports.lost();
        assert!(write(11_100, own, &mut reports), "the packet that told it is lost");
        assert!(!write(13_000, own, &mut reports));
    }
}
