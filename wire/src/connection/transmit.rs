//! Filling one datagram: everything that waits, in the order of its urgency, sealed in the caller's buffer.
//!
//! Order: prelude, TIME, inputs that are due, control messages, BLOCK_BEGIN, BLOCK_CREDIT and BLOCK_END, ACK_RANGES, messages of
//! the other lanes, then slices of a block or a snapshot (which runs to the end), inputs repeated, or a PING if an answer
//! is needed and nothing else asks for one. Nothing is sent if nothing of it is wanted.

use super::{CloseCode, ClosingText, Connection, KEEP_ALIVE, PathData, PendingTime, Role, path};
use crate::codec::{NoRoom, Writer, low16, low32};
use crate::crypto::TAG_LEN;
use crate::packet::frame_id;
use crate::recovery::Sent;
use crate::time::{Tick, Time, micros};

/// So much of a snapshot's datagram is kept free of messages other than control: what does not fit beside it leaves in the
/// next datagram at once, but there is only one snapshot a tick.
const SNAPSHOT_SHARE: usize = 256;

/// What may ride along beside what the lanes hold.
pub(crate) enum Extra<'a> {
    /// Nothing.
    None,
    /// A snapshot of this tick, whose body the function writes.
    Snapshot(Tick, &'a mut dyn FnMut(u64, &mut [u8]) -> usize),
    /// Nothing but padding to this length.
    Probe(u16),
    /// A question whether the peer receives where this datagram goes; nothing else is in it.
    Challenge(PathData),
    /// The last packet.
    Close(CloseCode, &'a ClosingText),
}

impl Connection {
    /// Writes one datagram into `buffer` and returns its length; 0 if there is nothing to send.
    pub(crate) fn transmit(&mut self, now: Time, extra: Extra<'_>, buffer: &mut [u8]) -> usize {
        if !self.recovery.has_reserve() {
            return 0;
        }
        let probe = self.mtu.probe(now).filter(|_| self.recovery.has_room() && !self.probe);
        let extra = match (extra, probe) {
            (Extra::None, Some(size)) => Extra::Probe(size),
            (extra, _) => extra,
        };
        self.fill(now, extra, buffer).unwrap_or(0)
    }

    fn fill(&mut self, now: Time, extra: Extra<'_>, buffer: &mut [u8]) -> Result<usize, NoRoom> {
        let next = self.recovery.next_number();
        let skip = self.skips.skips(next);
        let number = next + u64::from(skip);
        let probed = if let Extra::Probe(size) = extra { Some(size) } else { None };
        let longest = usize::from(probed.unwrap_or(self.mtu.size()));
        let end = buffer.len().min(longest).checked_sub(TAG_LEN).ok_or(NoRoom)?;
        let mut writer = Writer::new(buffer.get_mut(..end).ok_or(NoRoom)?);
        self.renew_key(now);
        self.outgoing.write(self.keys.seal.phase(), low16(number), &mut writer)?;
        let prelude = self.received.prelude(now, skip);
        prelude.write(&mut writer)?;
        let mut sent = Sent { at: now, told_below: self.received.told_below(), ..Sent::default() };
        let elsewhere = matches!(extra, Extra::Challenge(_));
        if !self.frames(now, number, extra, &mut writer, &mut sent)? {
            // What was due may have become too old.
            self.content_due = None;
            self.rearm(now);
            return Ok(0);
        }
        let end = writer.len();
        let (header, rest) = buffer.split_at_mut_checked(self.outgoing.len()).ok_or(NoRoom)?;
        let body = rest.get_mut(..end - header.len()).ok_or(NoRoom)?;
        let tag = self.keys.seal.seal(number, header, body);
        buffer.get_mut(end..end + TAG_LEN).ok_or(NoRoom)?.copy_from_slice(&tag);
        if skip {
            self.recovery.skip();
            self.skips.skipped(next, self.recovery.waiting());
        }
        let length = end + TAG_LEN;
        sent.size = low16(length as u64);
        self.recovery.sent(sent);
        if let Some(size) = probed {
            self.mtu.probed(number, size);
        }
        self.budget.sent(now, sent.size, sent.blocks.has_slices());
        self.allow(length);
        // What goes elsewhere may reach nobody: all that waits still waits.
        if !elsewhere {
            self.left(now);
        }
        Ok(length)
    }

    /// Writes the frames; false if none of them is worth a datagram.
    fn frames(
        &mut self,
        now: Time,
        number: u64,
        extra: Extra<'_>,
        out: &mut Writer<'_>,
        sent: &mut Sent,
    ) -> Result<bool, NoRoom> {
        if let Extra::Close(code, text) = extra {
            self.goodbye(now, (code, text), out, sent)?;
            return Ok(true);
        }
        if let Extra::Probe(_) = extra {
            out.u8(frame_id::PING)?;
            // PAD is zeros to the end.
            let padding = out.free();
            padding.fill(0);
            let length = padding.len();
            out.advance(length);
            sent.eliciting = true;
            return Ok(true);
        }
        if let Extra::Challenge(data) = extra {
            path::write(frame_id::PATH_CHALLENGE, data, out)?;
            return Ok(true);
        }
        self.lanes_out.begin(self.is_lossy());
        let answers = self.path.respond(out);
        let room = self.recovery.has_room();
        if room {
            sent.eliciting |= self.time(now, out);
            self.inputs(out, sent, true);
        }
        if room || self.probe {
            self.control(out, sent);
            self.block_news(out, sent);
        }
        let silent = now.since(self.last_sent) >= KEEP_ALIVE;
        let asked = answers || self.probe || silent || self.received.ack_due().is_some_and(|due| due <= now);
        sent.told = self.received.write_ranges(out);
        if room || self.probe {
            let keep = if matches!(extra, Extra::Snapshot(..)) { SNAPSHOT_SHARE } else { 0 };
            self.others(now, keep, out, sent);
            if asked || sent.eliciting || keep > 0 {
                self.echoes(keep, out, sent);
            }
        }
        let snapshot = matches!(extra, Extra::Snapshot(..));
        if asked || sent.eliciting || snapshot {
            sent.budget = self.budget.write(now, out);
        }
        match extra {
            Extra::Snapshot(tick, write) if room => self.snapshot(now, number, tick, write, out, sent),
            Extra::None if room || self.probe => self.slices(now, out, sent),
            _ => {}
        }
        // Behind all else: a repetition that takes the room of a part would keep it from ever leaving.
        if room && sent.input_end == 0 && (sent.eliciting || asked || sent.blocks.has_slices()) {
            self.inputs(out, sent, false);
        }
        if (self.probe || silent) && !sent.eliciting && out.u8(frame_id::PING).is_ok() {
            sent.eliciting = true;
        }
        let wanted = asked || sent.eliciting || sent.blocks.has_slices();
        if !wanted && sent.budget {
            self.budget.report_lost();
        }
        Ok(wanted)
    }

    fn inputs(&mut self, out: &mut Writer<'_>, sent: &mut Sent, only_due: bool) {
        if let Role::Client(inputs) = &mut self.role
            && (!only_due || inputs.is_due() || self.probe)
        {
            sent.input_end = inputs.fill(out);
            sent.eliciting |= sent.input_end != 0;
        }
    }

    /// Writes the TIME frame that waits, if it fits whole.
    fn time(&mut self, now: Time, out: &mut Writer<'_>) -> bool {
        let Some(pending) = self.pending_time else {
            return false;
        };
        let before = out.len();
        let written = match pending {
            PendingTime::Request => {
                out.u8(frame_id::TIME).and_then(|()| out.u8(0)).and_then(|()| out.u64(now.as_micros()))
            }
            PendingTime::Answer { origin, received } => out
                .u8(frame_id::TIME)
                .and_then(|()| out.u8(1))
                .and_then(|()| out.u64(origin))
                .and_then(|()| out.u64(received.as_micros()))
                .and_then(|()| out.u32(low32(micros(now.since(received)).min(u64::from(u32::MAX)))))
                .and_then(|()| out.u32(low32(self.recovery.packets()))),
        };
        if written.is_err() {
            out.truncate(before);
            return false;
        }
        self.pending_time = None;
        true
    }

    /// What remains to be done once a datagram is written.
    fn left(&mut self, now: Time) {
        self.received.acked();
        self.last_sent = now;
        self.probe = false;
        self.content_due = None;
        self.rearm(now);
        if self.pending_time.is_some() {
            self.content_by(now);
        }
    }
}
