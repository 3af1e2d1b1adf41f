//! Sending side of a reliable lane: a bounded queue of messages that leaves only by acknowledgement.
//!
//! Bytes lie in one ring in message order, so acknowledging the oldest frees them without moving anything. A part (a whole
//! message, or one fragment of a long one) is waiting, flying or acknowledged; loss of the packet it flew in makes it wait
//! again. A long message leaves the window when all its fragments are acknowledged, as the receiver holds them so long.
//!
//! Bounds: 256 KiB and 1,024 parts queued, and what all lanes may hold together. Of these 256 parts may be on their way, and
//! as many bytes as the window.

use std::collections::VecDeque;

use super::repeat::{Echo, Packet};
use super::{Lane, SendError, WINDOW_PARTS};
use crate::codec::{NoRoom, Writer, low8, low16, low32, varint_len};
use crate::packet::{FRAGMENT_LEN, MAX_RELIABLE, MAX_UNFRAGMENTED, frame_id};
use crate::recovery::{Run, Runs};

/// Most bytes queued.
pub(super) const QUEUE_BYTES: usize = 256 * 1024;
/// Most parts queued.
pub(super) const QUEUE_PARTS: usize = 1024;

/// Room is taken in such steps, and kept.
const STEP_BYTES: usize = 1024;
const STEP_PARTS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To leave: for the first time, or because it was lost.
    Waiting,
    /// To leave for the first time, and in the next packet again.
    Twice,
    /// Its second copy is to leave.
    Second,
    Flying,
    Acknowledged,
}

/// A message, or one fragment of it. Each has an id of its own.
#[derive(Debug, Clone, Copy)]
struct Part {
    len: u16,
    /// Its place among the fragments of its message in the low four bits; how many come after the first in the high.
    place: u8,
    /// Packets on their way that hold it.
    flights: u8,
    echo: Echo,
    state: State,
}

/// How many of the parts that were sent before are in a state that has to be looked for.
#[derive(Debug, Clone, Copy)]
struct Counts {
    /// Waiting again.
    again: u32,
    /// To ride along once more.
    echoes: u32,
}

/// Where the filling of one packet stands, so that nothing is written twice into it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pass {
    index: usize,
    start: usize,
    begun: bool,
}

/// The queue of one lane.
#[derive(Debug)]
pub(super) struct ReliableOut {
    lane: Lane,
    bytes: VecDeque<u8>,
    parts: VecDeque<Part>,
    /// Id of the oldest queued part; ids count parts from 0.
    front: u32,
    counts: Counts,
    /// Parts from the front that were sent at least once.
    sent: usize,
    /// Their bytes.
    sent_bytes: usize,
    /// Bytes of the window in use: those sent, and the rest of a message that was begun.
    window: usize,
}

impl ReliableOut {
    pub(super) const fn new(lane: Lane) -> Self {
        Self {
            lane,
            bytes: VecDeque::new(),
            parts: VecDeque::new(),
            front: 0,
            counts: Counts { again: 0, echoes: 0 },
            sent: 0,
            sent_bytes: 0,
            window: 0,
        }
    }

    /// Memory that what is queued needs.
    pub(super) fn used(&self) -> usize {
        self.bytes.len() + self.parts.len() * size_of::<Part>()
    }

    /// Memory taken.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.parts.capacity() * size_of::<Part>()
    }

    /// Gives back memory that is not needed now.
    pub(super) fn trim(&mut self) {
        self.bytes.shrink_to_fit();
        self.parts.shrink_to_fit();
    }

    /// Memory that a message needs while it is queued.
    pub(super) fn need(message: &[u8]) -> usize {
        message.len() + count_parts(message.len()) * size_of::<Part>()
    }

    /// Bytes of the window in use.
    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// Queues a message, which leaves in `copies` packets in a row (1 or 2) before anything is known of the first.
    pub(super) fn push(&mut self, message: &[u8], copies: u8) -> Result<(), SendError> {
        let (len, max) = (message.len(), MAX_RELIABLE);
        if len > max {
            return Err(SendError::TooLong { len, max });
        }
        let count = count_parts(len);
        if self.parts.len() + count > QUEUE_PARTS || self.bytes.len() + len > QUEUE_BYTES {
            return Err(SendError::Full);
        }
        grow(&mut self.bytes, len, STEP_BYTES);
        grow(&mut self.parts, count, STEP_PARTS);
        self.bytes.extend(message);
        let count = low8(count as u64);
        let mut left = len;
        for index in 0..count {
            let part = if index + 1 == count { left } else { FRAGMENT_LEN };
            left -= part;
            let len = low16(part as u64);
            let state = if copies > 1 { State::Twice } else { State::Waiting };
            self.parts.push_back(Part { len, place: index | (count - 1) << 4, flights: 0, echo: Echo::NONE, state });
        }
        Ok(())
    }

    /// Whether any part waits, whether or not the window lets it leave.
    pub(super) fn has_waiting(&self) -> bool {
        self.counts.again > 0 || self.sent < self.parts.len()
    }

    /// Whether a part may leave now; its window may grow to `limit` bytes.
    pub(super) fn is_ready(&self, limit: usize) -> bool {
        self.counts.again > 0 || self.next_fresh(limit).is_some()
    }

    /// The first part that was never sent, and what it takes of the window, if that allows it to leave.
    fn next_fresh(&self, limit: usize) -> Option<usize> {
        let next = self.parts.get(self.sent).filter(|_| self.sent < WINDOW_PARTS.into())?;
        // The rest of a message was counted with its first fragment: what was begun can always be finished.
        let more = match (next.index(), next.count()) {
            (0, 1) => usize::from(next.len),
            (0, count) => {
                let last = self.parts.get(self.sent + usize::from(count) - 1).map_or(0, |part| usize::from(part.len));
                usize::from(count - 1) * FRAGMENT_LEN + last
            }
            _ => 0,
        };
        (more == 0 || self.window + more <= limit).then_some(more)
    }

    /// Makes the oldest flying part wait again; false if none flies.
    pub(super) fn wake_oldest(&mut self) -> bool {
        let sent = self.sent;
        let oldest = self.parts.iter_mut().take(sent).find(|part| part.state == State::Flying);
        let found = oldest.map(|part| part.state = State::Waiting).is_some();
        self.counts.again += u32::from(found);
        found
    }

    /// Makes everything wait again that is not acknowledged.
    pub(super) fn wake_all(&mut self) {
        let sent = self.sent;
        for part in self.parts.iter_mut().take(sent).filter(|part| part.state == State::Flying) {
            part.state = State::Waiting;
            self.counts.again += 1;
        }
    }

    /// Bytes of the frame that would be written next; `None` if there is none for this packet.
    pub(super) fn next_size(&self, pass: &mut Pass, limit: usize) -> Option<usize> {
        if !std::mem::replace(&mut pass.begun, true) && self.counts.again == 0 {
            // Skip what was sent before when none of it waits: this is the common case.
            (pass.index, pass.start) = (self.sent, self.sent_bytes);
        }
        while let Some(part) = self.parts.get(pass.index) {
            if pass.index >= self.sent {
                self.next_fresh(limit)?;
            }
            if part.is_waiting() {
                return Some(part.frame_len());
            }
            pass.index += 1;
            pass.start += usize::from(part.len);
        }
        None
    }

    /// Writes the part that [`ReliableOut::next_size`] found and notes it in `runs`; false if it does not fit.
    pub(super) fn write_next(
        &mut self,
        pass: &mut Pass,
        packet: Packet,
        out: &mut Writer<'_>,
        runs: &mut Runs,
    ) -> bool {
        let Some(part) = self.parts.get(pass.index).copied() else {
            return false;
        };
        let id = low16(u64::from(self.front.wrapping_add(low32(pass.index as u64))));
        let number = self.lane.number();
        if out.remaining() < part.frame_len() || !runs.has_room(number, id) {
            return false;
        }
        let written = self.write(part, id, pass.start, out);
        debug_assert!(written.is_ok(), "the room was checked");
        runs.add(number, id);
        self.left(pass.index, part, packet);
        pass.index += 1;
        pass.start += usize::from(part.len);
        true
    }

    fn write(&self, part: Part, id: u16, start: usize, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        if part.count() == 1 {
            out.u8(frame_id::RELIABLE + self.lane.number())?;
            out.u16(id)?;
        } else {
            out.u8(frame_id::FRAGMENT)?;
            out.u8(self.lane.number())?;
            out.u16(id)?;
            out.u8(part.index())?;
            out.u8(part.count())?;
        }
        out.varint(u32::from(part.len))?;
        copy(&self.bytes, start, part.len.into(), out)
    }

    /// A part was written: notes that it flies.
    fn left(&mut self, index: usize, part: Part, packet: Packet) {
        let fresh = index >= self.sent;
        if fresh {
            self.window += self.next_fresh(usize::MAX).unwrap_or(0);
            self.sent = index + 1;
            self.sent_bytes += usize::from(part.len);
        }
        let (state, echo) = match part.state {
            // Ordered to leave twice: that is enough.
            State::Twice => (State::Second, Echo::NONE),
            State::Second => (State::Flying, Echo::NONE),
            _ => (State::Flying, packet.note(part.frame_len(), !fresh)),
        };
        self.counts.echoes += u32::from(echo != Echo::NONE);
        self.counts.echoes -= u32::from(part.echo != Echo::NONE);
        if let Some(part) = self.parts.get_mut(index) {
            part.flights = part.flights.saturating_add(1);
            part.echo = echo;
            part.state = state;
        }
        match (fresh, state == State::Second) {
            (true, true) => self.counts.again += 1,
            (false, false) => self.counts.again -= 1,
            _ => {}
        }
    }

    /// The packet that carried these arrived.
    pub(super) fn delivered(&mut self, run: Run) {
        self.each(run, |part, counts| {
            if part.is_waiting() {
                counts.again -= 1;
            }
            counts.echoes -= u32::from(std::mem::take(&mut part.echo) != Echo::NONE);
            part.state = State::Acknowledged;
        });
        while let Some(front) = self.parts.front() {
            let count = usize::from(front.count());
            if self.parts.iter().take(count).any(|part| part.state != State::Acknowledged) {
                return;
            }
            let len: usize = self.parts.drain(..count).map(|part| usize::from(part.len)).sum();
            self.bytes.drain(..len);
            self.front = self.front.wrapping_add(low32(count as u64));
            self.sent -= count;
            self.sent_bytes -= len;
            self.window -= len;
        }
    }

    /// The packet that carried these did not; another that carries them may still.
    pub(super) fn lost(&mut self, run: Run) {
        self.each(run, |part, counts| {
            part.flights = part.flights.saturating_sub(1);
            if part.state == State::Flying && part.flights == 0 {
                part.state = State::Waiting;
                counts.again += 1;
            }
        });
    }

    /// Writes parts of the packet before into this one again: repairs, and fresh ones of at most `allowance` bytes in all.
    /// Each has this one chance.
    pub(super) fn write_echoes(
        &mut self,
        packet: Packet,
        allowance: &mut usize,
        (out, runs): (&mut Writer<'_>, &mut Runs),
        keep: usize,
    ) {
        let (mut index, mut start) = (0, 0);
        while self.counts.echoes > 0
            && index < self.sent
            && let Some(part) = self.parts.get(index).copied()
        {
            if part.echo != Echo::NONE && !packet.is_that_of(part.echo) {
                self.counts.echoes -= 1;
                let len = part.frame_len();
                let granted = part.echo.is_repair() || len <= *allowance;
                let id = low16(u64::from(self.front.wrapping_add(low32(index as u64))));
                let fits = len + keep <= out.remaining() && runs.has_room(self.lane.number(), id);
                let again = part.state == State::Flying && granted && fits && self.write(part, id, start, out).is_ok();
                if again {
                    runs.add(self.lane.number(), id);
                    *allowance = allowance.saturating_sub(len);
                }
                if let Some(part) = self.parts.get_mut(index) {
                    part.echo = Echo::NONE;
                    part.flights = part.flights.saturating_add(u8::from(again));
                }
            }
            start += usize::from(part.len);
            index += 1;
        }
    }

    /// Whether [`ReliableOut::write_echoes`] has anything to look at.
    pub(super) const fn has_echoes(&self) -> bool {
        self.counts.echoes > 0
    }

    fn each(&mut self, run: Run, mut then: impl FnMut(&mut Part, &mut Counts)) {
        for id in run.ids() {
            // An id below the front wraps far beyond the queue: it was acknowledged before.
            let index = usize::from(id.wrapping_sub(low16(u64::from(self.front))));
            if index < self.sent
                && let Some(part) = self.parts.get_mut(index)
            {
                then(part, &mut self.counts);
            }
        }
    }
}

impl Part {
    const fn index(self) -> u8 {
        self.place & 0x0F
    }

    /// Fragments of its message; 1 = whole.
    const fn count(self) -> u8 {
        (self.place >> 4) + 1
    }

    const fn is_waiting(self) -> bool {
        matches!(self.state, State::Waiting | State::Twice | State::Second)
    }

    fn frame_len(self) -> usize {
        let head = if self.count() == 1 { 3 } else { 6 };
        head + varint_len(self.len.into()) + usize::from(self.len)
    }
}

/// Parts of a message of this length.
const fn count_parts(len: usize) -> usize {
    if len <= MAX_UNFRAGMENTED { 1 } else { len.div_ceil(FRAGMENT_LEN) }
}

/// Makes room for `more`, for half as many again as there is, in whole steps.
pub(super) fn grow<T>(ring: &mut VecDeque<T>, more: usize, step: usize) {
    if ring.len() + more > ring.capacity() {
        let room = (ring.len() + more).max(ring.capacity() / 2 * 3).next_multiple_of(step);
        ring.reserve_exact(room - ring.len());
    }
}

/// Writes the bytes `start .. start + len` of a ring.
pub(super) fn copy(ring: &VecDeque<u8>, start: usize, len: usize, out: &mut Writer<'_>) -> Result<(), NoRoom> {
    let (head, tail) = ring.as_slices();
    let end = start + len;
    out.bytes(part(head, start, end))?;
    out.bytes(part(tail, start.max(head.len()) - head.len(), end.saturating_sub(head.len())))
}

/// The part of `bytes` in `start .. end` that exists.
fn part(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    let end = end.min(bytes.len());
    bytes.get(start.min(end)..end).unwrap_or(&[])
}
