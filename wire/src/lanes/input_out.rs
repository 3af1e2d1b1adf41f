//! Sending side of the input lane: every datagram repeats the oldest unacknowledged inputs, at most 16.
//!
//! 64 inputs are kept, in place. With 16 per datagram a loss costs nothing as long as one of the next datagrams arrives.

use super::SendError;
use crate::codec::{Writer, low8, low32};
use crate::packet::{MAX_INPUT, MAX_INPUTS_PER_PACKET, frame_id};

/// Most inputs kept.
pub(crate) const INPUT_QUEUE: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Input {
    len: u8,
    bytes: [u8; MAX_INPUT],
}

/// The client's side of the lane.
#[derive(Debug)]
pub(crate) struct InputOut {
    inputs: Box<[Input]>,
    /// Sequence number of the oldest unacknowledged input.
    first: u32,
    /// Sequence number of the next input.
    next: u32,
    /// One above the newest input that has left.
    sent: u32,
    /// A packet with unacknowledged inputs was lost.
    again: bool,
}

impl InputOut {
    pub(crate) fn new() -> Self {
        let empty = Input { len: 0, bytes: [0; MAX_INPUT] };
        Self { inputs: vec![empty; INPUT_QUEUE].into_boxed_slice(), first: 0, next: 0, sent: 0, again: false }
    }

    /// Queues an input and returns its sequence number.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<u32, SendError> {
        let (len, max) = (bytes.len(), MAX_INPUT);
        if len > max {
            return Err(SendError::TooLong { len, max });
        }
        // The last sequence number is never used, so that "one above" always exists.
        if (self.next - self.first) as usize >= INPUT_QUEUE || self.next == u32::MAX - 1 {
            return Err(SendError::Full);
        }
        let sequence = self.next;
        if let Some(input) = self.inputs.get_mut(sequence as usize % INPUT_QUEUE) {
            input.len = low8(len as u64);
            if let Some(place) = input.bytes.get_mut(..len) {
                place.copy_from_slice(bytes);
            }
        }
        self.next += 1;
        Ok(sequence)
    }

    /// Whether an input should leave now instead of with the next datagram.
    pub(crate) fn is_due(&self) -> bool {
        let reach = self.first.saturating_add(low32(MAX_INPUTS_PER_PACKET as u64));
        self.first < self.next && (self.again || self.sent < self.next.min(reach))
    }

    /// Writes the oldest unacknowledged inputs that fit; one above the last of them, or 0 if none.
    pub(crate) fn fill(&mut self, out: &mut Writer<'_>) -> u32 {
        let mut count = 0_u8;
        let mut size = 6;
        for sequence in (self.first..self.next).take(MAX_INPUTS_PER_PACKET) {
            let len = self.input(sequence).len();
            if size + 1 + len > out.remaining() {
                break;
            }
            size += 1 + len;
            count += 1;
        }
        if count == 0 {
            return 0;
        }
        let end = self.first + u32::from(count);
        let mut written = out.u8(frame_id::INPUT).and_then(|()| out.u32(self.first)).and_then(|()| out.u8(count));
        for sequence in self.first..end {
            let bytes = self.input(sequence);
            written = written.and_then(|()| out.u8(low8(bytes.len() as u64))).and_then(|()| out.bytes(bytes));
        }
        debug_assert!(written.is_ok(), "the room was counted");
        self.sent = self.sent.max(end);
        self.again = false;
        end
    }

    /// A packet that ended with input `end - 1` arrived: the server has all below `end`.
    pub(crate) fn delivered(&mut self, end: u32) {
        self.first = self.first.max(end.min(self.next));
    }

    /// A packet that ended with input `end - 1` did not.
    pub(crate) const fn lost(&mut self, end: u32) {
        if end > self.first {
            self.again = true;
        }
    }

    fn input(&self, sequence: u32) -> &[u8] {
        self.inputs
            .get(sequence as usize % INPUT_QUEUE)
            .and_then(|input| input.bytes.get(..usize::from(input.len)))
            .unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Reader;
    use crate::lanes::InputIn;
    use crate::packet::{Frame, RangeList, next_frame};

    fn carry(out: &mut InputOut, lane: &mut InputIn) -> (u32, Vec<u32>) {
        let mut buffer = [0; 600];
        let mut writer = Writer::new(&mut buffer);
        let end = out.fill(&mut writer);
        let mut got = Vec::new();
        if let Ok(Some(Frame::Input(frame))) =
            next_frame(&mut Reader::new(writer.written()), None, &mut RangeList::new())
        {
            lane.take(&frame, |sequence, bytes| {
                assert_eq!(bytes, sequence.to_le_bytes());
                got.push(sequence);
            })
            .unwrap();
        }
        (end, got)
    }

    /// protocol.md 8.2, 9.6.
    #[test]
    fn a_lost_datagram_is_repaired_by_the_next_and_copies_vanish() {
        let (mut out, mut lane) = (InputOut::new(), InputIn::default());
        for sequence in 0..20_u32 {
            assert_eq!(out.push(&sequence.to_le_bytes()), Ok(sequence));
        }
        let mut lost = InputIn::default();
        let _ = carry(&mut out, &mut lost);
        assert_eq!(carry(&mut out, &mut lane), (16, (0..16).collect()));
        assert_eq!(carry(&mut out, &mut lane), (16, vec![]));
        out.delivered(16);
        assert!(out.is_due());
        assert_eq!(carry(&mut out, &mut lane), (20, (16..20).collect()));
        assert!(!out.is_due());
        out.lost(16);
        assert!(!out.is_due(), "its inputs were acknowledged since");
        out.lost(20);
        assert!(out.is_due());
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut out = InputOut::new();
        for _ in 0..INPUT_QUEUE {
            out.push(&[1]).unwrap();
        }
        assert_eq!(out.push(&[1]), Err(SendError::Full));
        assert_eq!(out.push(&[0; 33]), Err(SendError::TooLong { len: 33, max: 32 }));
    }
}
