//! Sending side of a reliable ordered lane: a bounded queue of messages that leaves only by acknowledgement.
//!
//! Bytes lie in one ring in message order, so acknowledging the oldest frees them without moving anything. A message is
//! waiting, flying or acknowledged; loss of the packet it flew in makes it wait again. Bounds: 256 KiB and 1,024 messages
//! queued, of which 256 messages and 64 KiB may be on their way.

use std::collections::VecDeque;

use super::{Lane, SendError, WINDOW_BYTES, WINDOW_MESSAGES};
use crate::codec::{Writer, low16, low32, varint_len};
use crate::packet::{MAX_UNFRAGMENTED, frame_id};
use crate::recovery::{Run, Runs};

/// Most bytes queued.
const CONTROL_QUEUE_BYTES: usize = 256 * 1024;
/// Most messages queued.
const CONTROL_QUEUE_MESSAGES: usize = 1024;

/// Room taken with the first message; more is taken by doubling, up to the limits.
const FIRST_BYTES: usize = 4 * 1024;
const FIRST_MESSAGES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Flying,
    Acknowledged,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    len: u16,
    state: State,
}

/// The queue of one lane.
#[derive(Debug)]
pub(crate) struct ControlOut {
    lane: Lane,
    bytes: VecDeque<u8>,
    messages: VecDeque<Message>,
    /// Id of the oldest queued message; ids count messages from 0.
    front: u32,
    /// Waiting messages at the front part that were sent before.
    again: u32,
    /// Messages from the front that were sent at least once.
    sent: usize,
    /// Their bytes.
    sent_bytes: usize,
}

impl ControlOut {
    pub(crate) fn new(lane: Lane) -> Self {
        Self { lane, bytes: VecDeque::new(), messages: VecDeque::new(), front: 0, again: 0, sent: 0, sent_bytes: 0 }
    }

    pub(crate) fn push(&mut self, message: &[u8]) -> Result<(), SendError> {
        let max = MAX_UNFRAGMENTED;
        let len = message.len();
        let short = u16::try_from(len).ok().filter(|_| len <= max);
        let short = short.ok_or(SendError::TooLong { len, max })?;
        if self.messages.len() >= CONTROL_QUEUE_MESSAGES || self.bytes.len() + len > CONTROL_QUEUE_BYTES {
            return Err(SendError::Full);
        }
        if self.messages.capacity() == 0 {
            self.bytes.reserve(FIRST_BYTES);
            self.messages.reserve(FIRST_MESSAGES);
        }
        self.bytes.extend(message);
        self.messages.push_back(Message { len: short, state: State::Waiting });
        Ok(())
    }

    /// Whether a message may leave now.
    pub(crate) fn is_ready(&self) -> bool {
        self.again > 0 || self.fresh_fits()
    }

    fn fresh_fits(&self) -> bool {
        let room = WINDOW_MESSAGES as usize;
        self.messages
            .get(self.sent)
            .is_some_and(|next| self.sent < room && self.sent_bytes + usize::from(next.len) <= WINDOW_BYTES)
    }

    /// Writes waiting messages, oldest first, as long as they fit. For a probe, the oldest unacknowledged one counts as
    /// waiting. What was written is noted in `runs`; true if anything was.
    pub(crate) fn fill(&mut self, out: &mut Writer<'_>, probe: bool, runs: &mut Runs) -> bool {
        let before = out.len();
        if probe && self.again == 0 && !self.fresh_fits() {
            // The front is never an acknowledged message: those leave the queue at once.
            if let Some(oldest) = self.messages.front_mut().filter(|m| m.state == State::Flying) {
                oldest.state = State::Waiting;
                self.again += 1;
            }
        }
        // Skip what was sent before when none of it waits: this is the common case.
        let (mut index, mut start) = if self.again == 0 { (self.sent, self.sent_bytes) } else { (0, 0) };
        while let Some(message) = self.messages.get(index).copied() {
            if index >= self.sent && !self.fresh_fits() {
                break;
            }
            if message.state == State::Waiting && !self.write(index, start, message.len, out, runs) {
                break;
            }
            start += usize::from(message.len);
            index += 1;
        }
        out.len() > before
    }

    /// Writes one message; false if it does not fit into the packet or its record.
    fn write(&mut self, index: usize, start: usize, len: u16, out: &mut Writer<'_>, runs: &mut Runs) -> bool {
        let id = self.front.wrapping_add(low32(index as u64));
        let (number, short) = (self.lane.number(), low16(u64::from(id)));
        let len = usize::from(len);
        let need = 3 + varint_len(low32(len as u64)) + len;
        if out.remaining() < need || !runs.has_room(number, short) {
            return false;
        }
        let written = out
            .u8(frame_id::RELIABLE + number)
            .and_then(|()| out.u16(short))
            .and_then(|()| out.varint(low32(len as u64)));
        let (head, tail) = self.bytes.as_slices();
        let copied = written.and_then(|()| out.bytes(part(head, start, len))).and_then(|()| {
            let (from, to) = (start.max(head.len()), start + len);
            out.bytes(part(tail, from - head.len(), to.saturating_sub(from)))
        });
        debug_assert!(copied.is_ok(), "the room was checked");
        runs.add(number, short);
        if let Some(message) = self.messages.get_mut(index) {
            message.state = State::Flying;
        }
        if index >= self.sent {
            self.sent = index + 1;
            self.sent_bytes += len;
        } else {
            self.again -= 1;
        }
        true
    }

    /// The packet that carried these arrived.
    pub(crate) fn delivered(&mut self, run: Run) {
        self.each(run, |message, again| {
            if message.state == State::Waiting {
                *again -= 1;
            }
            message.state = State::Acknowledged;
        });
        while self.messages.front().is_some_and(|m| m.state == State::Acknowledged) {
            let len = self.messages.pop_front().map_or(0, |m| usize::from(m.len));
            self.bytes.drain(..len);
            self.front = self.front.wrapping_add(1);
            self.sent -= 1;
            self.sent_bytes -= len;
        }
    }

    /// The packet that carried these did not.
    pub(crate) fn lost(&mut self, run: Run) {
        self.each(run, |message, again| {
            if message.state == State::Flying {
                message.state = State::Waiting;
                *again += 1;
            }
        });
    }

    fn each(&mut self, run: Run, mut then: impl FnMut(&mut Message, &mut u32)) {
        for id in run.ids() {
            // An id below the front wraps far beyond the queue: it was acknowledged before.
            let index = usize::from(id.wrapping_sub(low16(u64::from(self.front))));
            if index < self.sent
                && let Some(message) = self.messages.get_mut(index)
            {
                then(message, &mut self.again);
            }
        }
    }
}

/// The part of `bytes` in `start .. start + len` that exists.
fn part(bytes: &[u8], start: usize, len: usize) -> &[u8] {
    let end = (start + len).min(bytes.len());
    bytes.get(start.min(end)..end).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Reader;
    use crate::lanes::ControlIn;
    use crate::packet::{Frame, RangeList, next_frame};

    /// What a packet of `room` bytes would hold.
    fn packet(lane: &mut ControlOut, room: usize, probe: bool) -> (Runs, Vec<u8>) {
        let mut buffer = vec![0; room];
        let mut writer = Writer::new(&mut buffer);
        let mut runs = Runs::default();
        let any = lane.fill(&mut writer, probe, &mut runs);
        assert_eq!(any, !runs.is_empty());
        (runs, writer.written().to_vec())
    }

    fn control() -> ControlOut {
        ControlOut::new(Lane::Control)
    }

    fn delivered(lane: &mut ControlOut, runs: Runs) {
        runs.iter().for_each(|run| lane.delivered(*run));
    }

    fn lost(lane: &mut ControlOut, runs: Runs) {
        runs.iter().for_each(|run| lane.lost(*run));
    }

    fn count(runs: Runs) -> usize {
        runs.iter().flat_map(|run| run.ids()).count()
    }

    fn deliver(lane: &mut ControlIn, bytes: &[u8], got: &mut Vec<Vec<u8>>) {
        let mut reader = Reader::new(bytes);
        while let Ok(Some(frame)) = next_frame(&mut reader, None, &mut RangeList::new()) {
            let Frame::Reliable { id, bytes, .. } = frame else { panic!("only messages were written") };
            lane.take(id, bytes, |message| got.push(message.to_vec())).expect("the sender keeps its window");
        }
    }

    proptest! {
        /// Against the ideal queue: whatever arrives, in whatever order, what comes out is what went in.
        #[test]
        fn messages_come_out_once_and_in_order(
            steps in prop::collection::vec((0_u8..6, 0_usize..1_100, any::<prop::sample::Index>()), 1..600),
        ) {
            let (mut sender, mut receiver) = (control(), ControlIn::default());
            let (mut put, mut got) = (Vec::new(), Vec::new());
            let mut flying: Vec<(Runs, Vec<u8>)> = Vec::new();
            for (kind, size, which) in steps {
                match kind {
                    0 | 1 => {
                        let message: Vec<u8> = size.to_le_bytes().iter().copied().cycle().take(size).collect();
                        sender.push(&message).unwrap();
                        put.push(message);
                    }
                    2 => {
                        let (carried, bytes) = packet(&mut sender, size + 60, size % 3 == 0);
                        prop_assert_eq!(carried.is_empty(), bytes.is_empty());
                        if !carried.is_empty() { flying.push((carried, bytes)); }
                    }
                    _ if flying.is_empty() => {}
                    3 => lost(&mut sender, flying.swap_remove(which.index(flying.len())).0),
                    // Arrives, and the acknowledgement too; or arrives twice, and nobody is told.
                    4 => {
                        let (carried, bytes) = flying.swap_remove(which.index(flying.len()));
                        deliver(&mut receiver, &bytes, &mut got);
                        delivered(&mut sender, carried);
                    }
                    _ => {
                        let (carried, bytes) = flying.swap_remove(which.index(flying.len()));
                        deliver(&mut receiver, &bytes, &mut got);
                        deliver(&mut receiver, &bytes, &mut got);
                        lost(&mut sender, carried);
                    }
                }
            }
            for (carried, _) in flying { lost(&mut sender, carried); }
            while sender.is_ready() {
                let (carried, bytes) = packet(&mut sender, 1_160, false);
                prop_assert!(!carried.is_empty());
                deliver(&mut receiver, &bytes, &mut got);
                delivered(&mut sender, carried);
            }
            prop_assert!(sender.messages.is_empty() && sender.bytes.is_empty());
            prop_assert_eq!(put, got);
        }
    }

    #[test]
    fn the_queue_and_the_window_are_bounded() {
        let mut lane = control();
        assert_eq!(lane.push(&[0; 1_101]), Err(SendError::TooLong { len: 1_101, max: 1_100 }));
        for _ in 0..CONTROL_QUEUE_MESSAGES {
            lane.push(b"x").unwrap();
        }
        assert_eq!(lane.push(b"x"), Err(SendError::Full));
        let mut sent = 0;
        while lane.is_ready() {
            sent += count(packet(&mut lane, 1_160, false).0);
        }
        assert_eq!(sent, WINDOW_MESSAGES as usize);
        let mut lane = control();
        let pushed = (0..1_000).take_while(|_| lane.push(&[0; 1_000]).is_ok()).count();
        assert_eq!(pushed, CONTROL_QUEUE_BYTES / 1_000);
        let mut sent = 0;
        while lane.is_ready() {
            sent += count(packet(&mut lane, 1_160, false).0);
        }
        assert_eq!(sent, WINDOW_BYTES / 1_000);
    }

    #[test]
    fn a_probe_sends_the_oldest_message_again() {
        let mut lane = control();
        lane.push(b"a").unwrap();
        lane.push(b"b").unwrap();
        let first = packet(&mut lane, 100, false).0;
        assert!(packet(&mut lane, 100, false).0.is_empty());
        let again: Vec<u16> = packet(&mut lane, 100, true).0.iter().flat_map(|run| run.ids()).collect();
        assert_eq!(again, [0]);
        delivered(&mut lane, first);
        assert!(packet(&mut lane, 100, true).0.is_empty());
    }
}
