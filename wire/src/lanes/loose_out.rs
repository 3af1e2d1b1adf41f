//! Sending side of an unreliable or sequenced lane: a short queue that is forgotten as it leaves.
//!
//! What could not leave within 100 ms is dropped and counted; so is the oldest when the queue is full. A sequenced lane
//! holds one message, the newest; what it replaces was of no use any more and is not counted.
//!
//! Bounds: 64 messages and the bytes of the longest one, and what all lanes may hold together.

use std::collections::VecDeque;
use std::time::Duration;

use super::reliable_out::{copy, grow};
use super::{Lane, Mode, SendError};
use crate::codec::{NoRoom, Writer, low8, low16, low32, varint_len};
use crate::packet::{FRAGMENT_LEN, MAX_UNFRAGMENTED, frame_id};
use crate::time::Time;

/// A message that waited longer is of no use.
const PATIENCE: Duration = Duration::from_millis(100);
/// Most messages queued.
const QUEUE_MESSAGES: usize = 64;
/// Room is taken in such steps, and kept.
const STEP_BYTES: usize = 512;
const STEP_MESSAGES: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Message {
    len: u16,
    /// Fragments that have left.
    left: u8,
    since: Time,
}

/// The queue of one lane.
#[derive(Debug)]
pub(super) struct LooseOut {
    lane: Lane,
    /// Longest message.
    max: usize,
    bytes: VecDeque<u8>,
    messages: VecDeque<Message>,
    /// The number of the oldest queued message.
    next: u16,
    dropped: u64,
}

impl LooseOut {
    pub(super) const fn new(lane: Lane, max_fragments: u8) -> Self {
        let max = FRAGMENT_LEN * max_fragments as usize;
        Self { lane, max, bytes: VecDeque::new(), messages: VecDeque::new(), next: 0, dropped: 0 }
    }

    /// Messages dropped since this was last asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Memory that what is queued needs.
    pub(super) fn used(&self) -> usize {
        self.bytes.len() + self.messages.len() * size_of::<Message>()
    }

    /// Memory taken.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.messages.capacity() * size_of::<Message>()
    }

    /// Gives back memory that is not needed now.
    pub(super) fn trim(&mut self) {
        self.bytes.shrink_to_fit();
        self.messages.shrink_to_fit();
    }

    /// Memory that a message needs while it is queued.
    pub(super) const fn need(message: &[u8]) -> usize {
        message.len() + size_of::<Message>()
    }

    /// Drops the oldest message; false if there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let any = self.pop();
        self.dropped += u64::from(any);
        any
    }

    /// Counts a message that found no room.
    pub(super) const fn refuse(&mut self) {
        self.dropped += 1;
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.messages.is_empty()
    }

    pub(super) fn push(&mut self, now: Time, message: &[u8]) -> Result<(), SendError> {
        let (len, max) = (message.len(), self.max);
        if len > max {
            return Err(SendError::TooLong { len, max });
        }
        if self.lane.mode() == Mode::Sequenced {
            while self.pop() {}
        }
        while self.messages.len() >= QUEUE_MESSAGES || self.bytes.len() + len > self.max {
            self.drop_oldest();
        }
        grow(&mut self.bytes, len, STEP_BYTES);
        grow(&mut self.messages, 1, STEP_MESSAGES);
        self.bytes.extend(message);
        self.messages.push_back(Message { len: low16(len as u64), left: 0, since: now });
        Ok(())
    }

    fn pop(&mut self) -> bool {
        let Some(message) = self.messages.pop_front() else {
            return false;
        };
        self.bytes.drain(..usize::from(message.len));
        // What never left needs no number.
        self.next = self.next.wrapping_add(u16::from(message.left > 0));
        true
    }

    /// Writes messages, oldest first, while they fit into `room` bytes; true if anything was written.
    pub(super) fn fill(&mut self, now: Time, out: &mut Writer<'_>, room: usize) -> bool {
        let before = out.len();
        while let Some(message) = self.messages.front().copied() {
            if now.since(message.since) > PATIENCE {
                self.drop_oldest();
                continue;
            }
            let part = Part::of(message, self.lane);
            if part.frame_len() > out.remaining().min((before + room).saturating_sub(out.len())) {
                break;
            }
            let written = self.write(part, out);
            debug_assert!(written.is_ok(), "the room was checked");
            if let Some(front) = self.messages.front_mut() {
                front.left += 1;
            }
            if part.index + 1 == part.count {
                self.pop();
            }
        }
        out.len() > before
    }

    fn write(&self, part: Part, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        if part.count > 1 {
            out.u8(frame_id::FRAGMENT)?;
            out.u8(self.lane.number())?;
            out.u16(self.next)?;
            out.u8(part.index)?;
            out.u8(part.count)?;
        } else {
            out.u8(frame_id::UNRELIABLE + self.lane.number())?;
            if self.lane.mode() == Mode::Sequenced {
                out.u16(self.next)?;
            }
        }
        out.varint(low32(part.len as u64))?;
        copy(&self.bytes, usize::from(part.index) * FRAGMENT_LEN, part.len, out)
    }
}

/// What leaves next of a message.
#[derive(Clone, Copy)]
struct Part {
    index: u8,
    count: u8,
    len: usize,
    head: usize,
}

impl Part {
    fn of(message: Message, lane: Lane) -> Self {
        let len = usize::from(message.len);
        if len <= MAX_UNFRAGMENTED {
            let head = if lane.mode() == Mode::Sequenced { 3 } else { 1 };
            return Self { index: 0, count: 1, len, head };
        }
        let rest = len - usize::from(message.left) * FRAGMENT_LEN;
        let count = low8(len.div_ceil(FRAGMENT_LEN) as u64);
        Self { index: message.left, count, len: rest.min(FRAGMENT_LEN), head: 6 }
    }

    fn frame_len(self) -> usize {
        self.head + varint_len(low32(self.len as u64)) + self.len
    }
}
