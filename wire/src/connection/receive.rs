//! Reading one datagram: cheap refusals, the cipher, then prelude and frames of a peer that is now known to be authentic.

use std::time::Duration;

use super::{ClosingText, Connection, Events, PendingTime, Role, TimeAnswer, Told, Violation, closing_text};
use crate::budget::LinkBudget;
use crate::codec::Reader;
use crate::connection::CloseCode;
use crate::connection::received::DELAY_UNIT_US;
use crate::lanes::{Lane, LaneFault};
use crate::packet::{Frame, FrameError, Freshness, Prelude, PreludeAck, RangeList, next_frame, recover};
use crate::recovery::{AckedNumbers, BadAck, SNAPSHOT_WAITS};
use crate::time::Time;

/// Why a datagram was dropped. Nothing changed but a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No header of this connection, or no body.
    Header,
    /// Its number was received before.
    Repeated,
    /// Its number lies below the window.
    TooOld,
    /// The tag does not match.
    Forged,
    /// As many packets did not open as a key may be tried with: the connection must end.
    WornOut,
}

/// An authentic packet that has not been read yet.
#[derive(Debug)]
pub(crate) struct Opened<'d> {
    pub(super) number: u64,
    /// No packet with a larger number came before.
    pub(crate) newest: bool,
    pub(crate) body: &'d [u8],
}

impl From<FrameError> for Violation {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Malformed => Self::Malformed,
            FrameError::Unknown => Self::UnknownFrame,
        }
    }
}

impl From<LaneFault> for Violation {
    fn from(fault: LaneFault) -> Self {
        match fault {
            LaneFault::Overrun => Self::LaneOverrun,
            LaneFault::Fragment => Self::Fragment,
        }
    }
}

impl From<BadAck> for Violation {
    fn from(bad: BadAck) -> Self {
        match bad {
            BadAck::Unsent => Self::AckOfUnsent,
            BadAck::Skipped => Self::AckOfSkipped,
        }
    }
}

/// What the frames of one packet ask for beside what the lanes heard.
struct Asked {
    eliciting: bool,
    /// A snapshot is among them.
    snapshot: bool,
    /// And something whose sender waits for the answer.
    soon: bool,
    at_once: bool,
    close: Option<(CloseCode, ClosingText)>,
}

/// Whether the frame holds a message, or a part of one, that its sender keeps until it is acknowledged.
const fn is_kept(frame: &Frame<'_>) -> bool {
    match frame {
        Frame::Reliable { .. } => true,
        Frame::Fragment { lane, .. } => lane.mode().is_reliable(),
        _ => false,
    }
}

impl Connection {
    /// Decrypts a datagram in place. Cheap checks come first; nothing but a counter changes unless the packet is authentic.
    pub(crate) fn open<'d>(&mut self, now: Time, datagram: &'d mut [u8]) -> Result<Opened<'d>, Refusal> {
        let (phase, low) = self.incoming.read(datagram).map_err(|_| Refusal::Header)?;
        let number = recover(self.received.expected(), low);
        match self.received.look(number) {
            Freshness::Fresh => {}
            Freshness::Repeated => return Err(Refusal::Repeated),
            Freshness::TooOld => return Err(Refusal::TooOld),
        }
        let (header, sealed) = datagram.split_at_mut_checked(self.incoming.len()).ok_or(Refusal::Header)?;
        let body = self.unseal(now, (phase, number), header, sealed)?;
        Ok(Opened { number, newest: number >= self.received.expected(), body })
    }

    /// Reads an authentic packet. `Some` if the peer closed the connection with it.
    pub(crate) fn process(
        &mut self,
        now: Time,
        opened: &Opened<'_>,
        events: &mut impl Events,
    ) -> Result<Option<(CloseCode, ClosingText)>, Violation> {
        let mut reader = Reader::new(opened.body);
        let prelude = Prelude::read(&mut reader);
        let skipped_before = matches!(&prelude, Ok(prelude) if prelude.skipped_before);
        let ours = self.recovery.next_number();
        let gap = self.received.commit(now, opened.number, skipped_before, ours);
        self.last_received = now;
        let Ok(Prelude { ack, .. }) = prelude else {
            return Err(Violation::Malformed);
        };
        if skipped_before && opened.number == 0 {
            return Err(Violation::Malformed);
        }
        let largest = ack.map(|ack| recover(ours, ack.largest));
        if let (Some(ack), Some(largest)) = (&ack, largest)
            && !ack.is_whole_below_zero(largest)
        {
            return Err(Violation::Malformed);
        }
        let mut asked = Asked { eliciting: false, snapshot: false, soon: false, at_once: gap, close: None };
        let mut ranges = RangeList::new();
        loop {
            // By reference: a frame that is moved is written and read again in pieces, which the processor waits for.
            match &next_frame(&mut reader, largest, &mut ranges) {
                Ok(Some(frame)) => self.frame(now, frame, &mut asked, events)?,
                Ok(None) => break,
                Err(error) => return Err((*error).into()),
            }
        }
        if let (Some(ack), Some(largest)) = (ack, largest) {
            self.acknowledged(now, ack, largest, &ranges, events)?;
        }
        if asked.eliciting || gap {
            let at_once =
                asked.at_once && (asked.eliciting || self.received.may_answer(now, self.recovery.rtt.loss_delay()));
            let wait = match () {
                () if at_once => Duration::ZERO,
                () if asked.snapshot && !asked.soon => self.terms.ack_delay * SNAPSHOT_WAITS,
                () => self.terms.ack_delay,
            };
            self.received.ack_by(now + wait);
        }
        self.rearm(now);
        Ok(asked.close)
    }

    fn acknowledged(
        &mut self,
        now: Time,
        ack: PreludeAck,
        largest: u64,
        ranges: &RangeList,
        events: &mut impl Events,
    ) -> Result<(), Violation> {
        let numbers = AckedNumbers {
            largest,
            mask: ack.mask,
            ranges,
            // The largest stands for all that are longer.
            delay: (ack.delay < u8::MAX).then(|| Duration::from_micros(u64::from(ack.delay) * DELAY_UNIT_US)),
        };
        let mut lanes = Told {
            now,
            lanes: &mut self.lanes_out,
            blocks: &mut self.blocks,
            role: &mut self.role,
            received: &mut self.received,
            budget: &mut self.budget,
            mtu: &mut self.mtu,
            flying: self.recovery.flying_bytes(),
            events,
        };
        let told = |number, sent: &_, fate| lanes.tell(number, sent, fate);
        if let Some(sent_at) = self.recovery.acknowledged(now, &numbers, told)?
            && let Some(smoothed) = self.recovery.rtt.smoothed()
        {
            self.budget.sample(now, sent_at, self.recovery.rtt.latest(), smoothed);
        }
        Ok(())
    }

    fn frame(
        &mut self,
        now: Time,
        frame: &Frame<'_>,
        asked: &mut Asked,
        events: &mut impl Events,
    ) -> Result<(), Violation> {
        match (frame, &mut self.role) {
            (Frame::Pad | Frame::AckRanges, _) => return Ok(()),
            (Frame::Close { code, text }, _) => {
                asked.close = Some((CloseCode(*code), closing_text(text)));
                return Ok(());
            }
            (Frame::Budget { rate, loss, queue_100us }, _) => {
                self.budget.peer_said(LinkBudget::told(*rate, *loss, *queue_100us));
                return Ok(());
            }
            (Frame::PathChallenge { data }, Role::Client(_)) => {
                self.challenged(*data);
                return Ok(());
            }
            (Frame::PathResponse { data }, Role::Server(_)) => {
                self.path_answered(*data);
                return Ok(());
            }
            (Frame::Ping, _) => asked.soon = true,
            (Frame::Input(frame), Role::Server(inputs)) => {
                asked.soon = true;
                inputs.take(frame, |sequence, bytes| events.input(sequence, bytes))?;
            }
            (Frame::Snap { tick, body }, Role::Client(_)) => {
                asked.snapshot = true;
                events.snapshot(*tick, body);
            }
            (Frame::TimeRequest { origin }, Role::Server(_)) => {
                asked.soon = true;
                self.pending_time = Some(PendingTime::Answer { origin: *origin, received: now });
                self.content_by(now + self.terms.coalesce);
            }
            (&Frame::TimeAnswer { origin, received, held_us, sent }, Role::Client(_)) => {
                asked.soon = true;
                let arrived = self.received.packets().saturating_sub(1);
                events.time(TimeAnswer { origin, received, held_us, sent, arrived });
            }
            (frame, _) if self.lanes_in.take(now, frame, |lane, message| events.message(lane, message))? => {
                let control = matches!(
                    frame,
                    Frame::Reliable { lane: Lane::Control, .. } | Frame::Fragment { lane: Lane::Control, .. }
                );
                asked.at_once |= control && self.terms.ack_control_at_once;
                asked.soon |= is_kept(frame);
            }
            (frame, _) => {
                asked.soon = true;
                if !self.block_frame(now, frame, events)? {
                    return Err(Violation::UnexpectedFrame);
                }
            }
        }
        asked.eliciting = true;
        Ok(())
    }
}
