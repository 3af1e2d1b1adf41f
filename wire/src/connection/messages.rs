//! The message lanes as the connection drives them: queueing, their share of a packet, and what still leaves at the end.

use super::{CloseCode, ClosingText, Connection};
use crate::codec::{NoRoom, Writer, low8};
use crate::lanes::{Lane, SendError};
use crate::packet::frame_id;
use crate::recovery::Sent;
use crate::time::Time;

/// Share of lost packets, in 1/65,536, from which on fresh messages are repeated: half a percent.
const LOSSY: u16 = 328;
/// One in so many bytes may be a fresh message repeated.
const REPEATED: usize = 8;
/// Most bytes of these in one packet.
const MOST_REPEATED: usize = 512;
/// Bytes of a CLOSE frame before its text.
const CLOSE_HEAD: usize = 4;
/// Most packets of last words, the one with CLOSE included.
const LAST_PACKETS: u8 = 16;

/// How far a goodbye has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Goodbye {
    /// Packets of the present round.
    packets: u8,
    /// The round ended with CLOSE.
    said: bool,
}

impl Connection {
    /// Queues a message.
    pub(crate) fn send(&mut self, now: Time, lane: Lane, message: &[u8]) -> Result<(), SendError> {
        self.lanes_out.push(now, lane, message, 1)?;
        self.content_by(now + self.terms.coalesce);
        Ok(())
    }

    /// Queues a message that leaves twice if its lane is reliable: now and in the next packet, which follows at once.
    pub(crate) fn send_twice(&mut self, now: Time, lane: Lane, message: &[u8]) -> Result<(), SendError> {
        self.lanes_out.push(now, lane, message, 2)?;
        self.content_by(now + self.terms.coalesce);
        Ok(())
    }

    /// Unreliable messages that were dropped unsent since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        self.lanes_out.take_dropped()
    }

    /// Whether the last packet of a goodbye carried CLOSE, so that the next is a repetition.
    pub(crate) const fn has_said_goodbye(&self) -> bool {
        self.goodbye.said
    }

    /// Writes control messages.
    pub(super) fn control(&mut self, out: &mut Writer<'_>, sent: &mut Sent) {
        if self.probe {
            self.lanes_out.probe();
        }
        sent.eliciting |= self.lanes_out.fill_control(out, &mut sent.runs, 0);
    }

    /// Writes messages of the other lanes into all but the last `keep` bytes.
    pub(super) fn others(&mut self, now: Time, keep: usize, out: &mut Writer<'_>, sent: &mut Sent) {
        sent.eliciting |= self.lanes_out.fill_others(now, out, &mut sent.runs, keep);
    }

    /// Writes once more what left with the packet before, as far as the allowance goes.
    pub(super) fn echoes(&mut self, keep: usize, out: &mut Writer<'_>, sent: &mut Sent) {
        sent.eliciting |= self.lanes_out.fill_echoes(&mut self.allowance, out, &mut sent.runs, keep);
    }

    /// The link loses so much that messages are repeated before their loss is known.
    pub(super) fn is_lossy(&self) -> bool {
        self.budget.loss() >= LOSSY
    }

    /// A share of each packet on a link that loses may be repeated messages.
    pub(super) fn allow(&mut self, sent: usize) {
        if self.is_lossy() {
            self.allowance = (self.allowance + sent / REPEATED).min(MOST_REPEATED);
        }
    }

    /// Writes a packet of a goodbye: messages that are not acknowledged, and CLOSE if this is the last that they need.
    pub(super) fn goodbye(
        &mut self,
        now: Time,
        (code, text): (CloseCode, &ClosingText),
        out: &mut Writer<'_>,
        sent: &mut Sent,
    ) -> Result<(), NoRoom> {
        if std::mem::take(&mut self.goodbye.said) {
            // The packets before may be lost, and nobody listens for acknowledgements any more.
            self.goodbye.packets = 0;
            self.lanes_out.wake_all();
        }
        let keep = CLOSE_HEAD + text.len();
        self.lanes_out.fill_control(out, &mut sent.runs, keep);
        self.lanes_out.fill_others(now, out, &mut sent.runs, keep);
        self.goodbye.packets += 1;
        if self.lanes_out.is_reliable_ready() && self.goodbye.packets < LAST_PACKETS {
            return Ok(());
        }
        self.goodbye.said = true;
        out.u8(frame_id::CLOSE)?;
        out.u16(code.0)?;
        out.u8(low8(text.len() as u64))?;
        out.bytes(text.as_bytes())
    }
}
