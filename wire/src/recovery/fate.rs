//! Acknowledged or lost: reads acknowledgements against the sent records and keeps the two timers that follow from them.
//!
//! Lost is what has three newer numbers acknowledged, or was sent 9/8 of a round trip before now while a newer one is
//! acknowledged. When nothing comes back at all, a probe is asked for after a probe timeout (back-off 1.5, at most 2 s); the
//! third in a row gives up everything on its way, so that lanes send it again in whatever leaves next.

use std::time::Duration;

use super::ring::{RING, SentState};
use super::{Rtt, Sent, SentRing};
use crate::codec::low32;
use crate::packet::RangeList;
use crate::time::{Time, micros};

/// So many newer numbers acknowledged mean lost.
const REORDER: u64 = 3;
const LONGEST_PROBE_DELAY: Duration = Duration::from_secs(2);
/// Records kept free for acknowledgements and probes when the peer stays silent.
const RESERVE: u64 = 32;
const _: () = assert!(RESERVE < RING);
/// So many acknowledgement delays may pass until a packet with a snapshot is acknowledged that holds nothing else but what may
/// be lost: it rides along with the client's next input instead of leaving alone.
pub(crate) const SNAPSHOT_WAITS: u32 = 4;
/// So many probes in a row without an answer give up what is on its way.
const PROBES_TO_GIVE_UP: u32 = 3;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Lost,
    /// It arrived after all, long after it was told to be lost.
    Late,
}

/// An acknowledgement that no honest peer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadAck {
    /// Of a number above all sent.
    Unsent,
    /// Of a number left out on purpose.
    Skipped,
}

/// All the numbers one packet acknowledges.
#[derive(Debug)]
pub(crate) struct AckedNumbers<'a> {
    pub(crate) largest: u64,
    pub(crate) mask: u32,
    pub(crate) ranges: &'a RangeList,
    /// How long the largest number waited; `None` if longer than can be said.
    pub(crate) delay: Option<Duration>,
}

/// Fates, round trip and timers of one direction.
pub(crate) struct Recovery {
    ring: SentRing,
    pub(crate) rtt: Rtt,
    largest_acked: Option<u64>,
    /// Bit i: number `largest_acked − 1 − i` was acknowledged too, so looking at it again would tell nothing.
    settled: u32,
    /// Packets on their way that ask for an acknowledgement.
    waiting: u32,
    /// Their bytes.
    waiting_bytes: u64,
    /// How many of them are acknowledged within the acknowledgement delay.
    waiting_soon: u32,
    last_eliciting: Time,
    loss_at: Option<Time>,
    probes: u32,
    ack_delay: Duration,
    left_out: u64,
}

impl Recovery {
    pub(crate) fn new(ack_delay: Duration) -> Self {
        Self {
            ring: SentRing::new(),
            rtt: Rtt::default(),
            largest_acked: None,
            settled: 0,
            waiting: 0,
            waiting_bytes: 0,
            waiting_soon: 0,
            last_eliciting: Time::ZERO,
            loss_at: None,
            probes: 0,
            ack_delay,
            left_out: 0,
        }
    }

    /// Packets sent; numbers left out do not count.
    pub(crate) const fn packets(&self) -> u64 {
        self.ring.next() - self.left_out
    }

    pub(crate) const fn next_number(&self) -> u64 {
        self.ring.next()
    }

    /// The largest number the peer acknowledged.
    pub(crate) const fn largest_acked(&self) -> Option<u64> {
        self.largest_acked
    }

    /// The probe timeout without back-off.
    pub(crate) fn probe_timeout(&self) -> Duration {
        self.rtt.probe_delay(self.ack_delay)
    }

    /// Whether a packet that waits for its fate, and a skipped number before it, may be sent.
    pub(crate) const fn has_room(&self) -> bool {
        self.ring.room() > RESERVE
    }

    /// Whether anything at all may be sent.
    pub(crate) const fn has_reserve(&self) -> bool {
        self.ring.room() >= 2
    }

    /// Packets on their way that ask for an acknowledgement.
    pub(crate) const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Bytes on their way that ask for an acknowledgement.
    pub(crate) const fn flying_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// Leaves the next number out.
    pub(crate) fn skip(&mut self) {
        self.ring.push(Sent::default());
        self.left_out += 1;
    }

    /// Records the packet that took the next number.
    pub(crate) fn sent(&mut self, sent: Sent) {
        if sent.eliciting {
            self.waiting += 1;
            self.waiting_bytes += u64::from(sent.size);
            self.waiting_soon += u32::from(!sent.is_patient());
            self.last_eliciting = sent.at;
        }
        self.ring.push(Sent { state: SentState::Flying, ..sent });
    }

    /// Reads an acknowledgement; `told` hears each fate once, and a loss may be followed by `Late`. The time at which the
    /// packet was sent that gave a sample of the round trip, if one did.
    pub(crate) fn acknowledged(
        &mut self,
        now: Time,
        ack: &AckedNumbers<'_>,
        mut told: impl FnMut(u64, &Sent, Fate),
    ) -> Result<Option<Time>, BadAck> {
        if ack.largest >= self.ring.next() {
            return Err(BadAck::Unsent);
        }
        // Oldest first, so that listeners hear of fates in the order of sending.
        let kept = self.ring.next().saturating_sub(RING);
        let mut any = false;
        for range in ack.ranges.iter().rev() {
            // Only what is still on record is looked at: at most one ring of numbers, whatever the frame claims.
            for number in range.low.max(kept)..range.high.saturating_add(1) {
                any |= self.one(number, &mut told)?.is_some();
            }
        }
        let settled = self.settled_below(ack.largest);
        let mut news = ack.mask & !settled;
        while news != 0 {
            let bit = 31 - news.leading_zeros();
            news &= !(1 << bit);
            if let Some(number) = ack.largest.checked_sub(1 + u64::from(bit)) {
                any |= self.one(number, &mut told)?.is_some();
            }
        }
        let newest = self.one(ack.largest, &mut told)?;
        any |= newest.is_some();
        let sample = newest.zip(ack.delay);
        if let Some((sent_at, delay)) = sample {
            self.rtt.sample(now.since(sent_at), delay.min(self.ack_delay * SNAPSHOT_WAITS));
        }
        if any {
            self.probes = 0;
        }
        if self.largest_acked <= Some(ack.largest) {
            self.largest_acked = Some(ack.largest);
            self.settled = settled | ack.mask;
        }
        self.detect(now, &mut told);
        Ok(sample.map(|(sent_at, _)| sent_at))
    }

    /// The first moment at which [`Recovery::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let probe = (self.waiting > 0).then(|| self.last_eliciting + self.probe_delay());
        match (self.loss_at, probe) {
            (Some(loss), Some(probe)) => Some(loss.min(probe)),
            (loss, probe) => loss.or(probe),
        }
    }

    /// Acts on the deadline; true if a probe must be sent.
    pub(crate) fn timeout(&mut self, now: Time, mut told: impl FnMut(u64, &Sent, Fate)) -> bool {
        if self.loss_at.is_some_and(|at| at <= now) {
            self.detect(now, &mut told);
        }
        if self.waiting == 0 || self.last_eliciting + self.probe_delay() > now {
            return false;
        }
        self.probes += 1;
        // The next one counts from now, whether or not the probe can leave at once.
        self.last_eliciting = now;
        if self.probes.is_multiple_of(PROBES_TO_GIVE_UP) {
            for number in self.ring.oldest()..self.ring.next() {
                self.lose(number, &mut told);
            }
            self.ring.advance();
            self.loss_at = None;
        }
        true
    }

    fn probe_delay(&self) -> Duration {
        let waits = if self.waiting_soon > 0 { 1 } else { SNAPSHOT_WAITS };
        let base = micros(self.rtt.probe_delay(self.ack_delay * waits));
        // 1.5 to the power of the probes so far; nine reach the cap from any base.
        let delay = (0..self.probes.min(9)).fold(base, |delay, _| delay + delay / 2);
        Duration::from_micros(delay).min(LONGEST_PROBE_DELAY)
    }

    /// Which of the 32 numbers below `largest` were acknowledged by what came before, as far as is remembered. A number left
    /// out on purpose is never among them: who acknowledges one is found out each time.
    fn settled_below(&self, largest: u64) -> u32 {
        let Some(ahead) = self.largest_acked.and_then(|acked| largest.checked_sub(acked)) else {
            return 0;
        };
        // With the number that was the largest as the lowest bit, 33 bits.
        let known = u64::from(self.settled) << 1 | 1;
        low32(u32::try_from(ahead).ok().and_then(|ahead| known.checked_shl(ahead)).unwrap_or(0) >> 1)
    }

    /// Settles one acknowledged number; when it was sent, if that was news of a packet that asks for an acknowledgement.
    fn one(&mut self, number: u64, told: &mut impl FnMut(u64, &Sent, Fate)) -> Result<Option<Time>, BadAck> {
        let Some(record) = self.ring.record(number) else {
            return Ok(None);
        };
        match record.state {
            SentState::Skipped => Err(BadAck::Skipped),
            SentState::Settled => Ok(None),
            SentState::Lost => {
                record.state = SentState::Settled;
                told(number, record, Fate::Late);
                Ok(None)
            }
            SentState::Flying => {
                record.state = SentState::Settled;
                told(number, record, Fate::Delivered);
                let (at, size, patient) = (record.at, record.size, record.is_patient());
                Ok(record.eliciting.then(|| {
                    self.landed(size, patient);
                    at
                }))
            }
        }
    }

    fn lose(&mut self, number: u64, told: &mut impl FnMut(u64, &Sent, Fate)) {
        if let Some(record) = self.ring.record(number)
            && record.state == SentState::Flying
            && record.eliciting
        {
            record.state = SentState::Lost;
            told(number, record, Fate::Lost);
            let (size, patient) = (record.size, record.is_patient());
            self.landed(size, patient);
        }
    }

    /// A packet that asks for an acknowledgement is on its way no more.
    fn landed(&mut self, size: u16, patient: bool) {
        self.waiting -= 1;
        self.waiting_soon -= u32::from(!patient);
        self.waiting_bytes -= u64::from(size);
    }

    /// Declares lost what the thresholds say, and finds when the next one will be.
    fn detect(&mut self, now: Time, told: &mut impl FnMut(u64, &Sent, Fate)) {
        self.loss_at = None;
        self.ring.advance();
        let Some(largest) = self.largest_acked else {
            return;
        };
        let delay = self.rtt.loss_delay();
        for number in self.ring.oldest()..largest {
            let Some(record) = self.ring.record(number) else {
                continue;
            };
            if record.state != SentState::Flying || !record.eliciting {
                continue;
            }
            let lost_at = record.at + delay;
            if largest - number >= REORDER || lost_at <= now {
                self.lose(number, told);
            } else {
                // Later numbers were sent later: this is the earliest.
                self.loss_at = Some(lost_at);
                break;
            }
        }
        self.ring.advance();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NUMBERS: u64 = 120;

    proptest! {
        /// protocol.md 6.4, 8.6. In whatever order acknowledgements come: as if every number were looked at each time.
        #[test]
        fn each_acknowledged_number_is_told_once_and_one_left_out_is_always_found(
            acks in prop::collection::vec((0..NUMBERS, any::<u32>(), any::<u32>()), 1..60),
            left_out in prop::collection::btree_set(0..NUMBERS, 0..3),
        ) {
            let mut recovery = Recovery::new(Duration::ZERO);
            for number in 0..NUMBERS {
                if left_out.contains(&number) {
                    recovery.skip();
                } else {
                    recovery.sent(Sent { eliciting: true, size: 100, ..Sent::default() });
                }
            }
            let mut settled = BTreeSet::new();
            for (largest, some, others) in acks {
                let mask = some | others;
                let named = |bit: &u64| mask & (1 << bit) != 0;
                let below = (0..32).rev().filter(named).filter_map(|bit| largest.checked_sub(1 + bit));
                let mut news = Vec::new();
                let honest = below.chain([largest]).all(|number| {
                    if settled.insert(number) && !left_out.contains(&number) {
                        news.push(number);
                    }
                    !left_out.contains(&number)
                });
                let mut heard = Vec::new();
                let numbers = AckedNumbers { largest, mask, ranges: &RangeList::new(), delay: Some(Duration::ZERO) };
                let result = recovery.acknowledged(Time::ZERO, &numbers, |number, _, fate| {
                    if fate != Fate::Lost {
                        heard.push(number);
                    }
                });
                prop_assert_eq!((heard, result.is_ok()), (news, honest));
                if !honest {
                    break;
                }
            }
        }
    }
}
