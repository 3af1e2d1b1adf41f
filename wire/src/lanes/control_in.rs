//! Receiving side of a reliable ordered lane: messages come out once and in order, whatever order they arrive in.
//!
//! What arrives in order is handed on from the datagram itself. What arrives early is kept: at most 256 messages and
//! 64 KiB, which a sender that keeps its window never exceeds. The room is taken when the first message arrives early,
//! grows by what arrived and never by what a header claims, and is kept for the next time.

use arrayvec::ArrayVec;

use super::{WINDOW_BYTES, WINDOW_MESSAGES};
use crate::codec::{low16, low32};

const SLOTS: usize = WINDOW_MESSAGES as usize;

/// Room for early bytes taken with the first of them; more is taken by doubling, up to the window.
const FIRST_BYTES: usize = 4 * 1024;

/// A lane used in a way that no honest peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneFault;

/// An early message: where it lies among the kept bytes.
#[derive(Debug, Clone, Copy)]
struct Early {
    start: u32,
    len: u16,
}

/// One lane's receiving side.
#[derive(Debug, Default)]
pub(crate) struct ControlIn {
    /// Id of the next message to hand on.
    expected: u32,
    /// Early messages by id modulo 256; empty until one arrives early.
    early: Vec<Option<Early>>,
    held: usize,
    held_bytes: usize,
    bytes: Vec<u8>,
}

impl ControlIn {
    /// Takes one message; `deliver` hears it and every early one that it makes due.
    pub(crate) fn take(&mut self, id: u16, message: &[u8], mut deliver: impl FnMut(&[u8])) -> Result<(), LaneFault> {
        let distance = id.wrapping_sub(low16(u64::from(self.expected)));
        if distance == 0 {
            deliver(message);
            self.expected = self.expected.wrapping_add(1);
            self.flush(&mut deliver);
            return Ok(());
        }
        if distance >= 1 << 15 {
            return Ok(()); // Handed on before: a copy.
        }
        if u32::from(distance) >= WINDOW_MESSAGES {
            return Err(LaneFault);
        }
        self.keep(self.expected.wrapping_add(u32::from(distance)), message)
    }

    fn flush(&mut self, deliver: &mut impl FnMut(&[u8])) {
        while self.held > 0 {
            let Some(early) = self.early.get_mut(slot(self.expected)).and_then(Option::take) else {
                return;
            };
            let start = early.start as usize;
            let len = usize::from(early.len);
            deliver(self.bytes.get(start..start + len).unwrap_or(&[]));
            self.expected = self.expected.wrapping_add(1);
            self.held -= 1;
            self.held_bytes -= len;
        }
        self.bytes.clear();
    }

    fn keep(&mut self, id: u32, message: &[u8]) -> Result<(), LaneFault> {
        if self.early.is_empty() {
            self.early.resize(SLOTS, None);
            self.bytes.reserve(FIRST_BYTES);
        }
        if self.early.get(slot(id)).is_some_and(Option::is_some) {
            return Ok(());
        }
        if self.held_bytes + message.len() > WINDOW_BYTES {
            return Err(LaneFault);
        }
        if self.bytes.len() + message.len() > WINDOW_BYTES {
            self.compact();
        }
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u16::try_from(message.len())) else {
            return Err(LaneFault);
        };
        self.bytes.extend_from_slice(message);
        if let Some(place) = self.early.get_mut(slot(id)) {
            *place = Some(Early { start, len });
        }
        self.held += 1;
        self.held_bytes += message.len();
        Ok(())
    }

    /// Moves the kept messages together, in the order in which they lie.
    fn compact(&mut self) {
        let mut kept = ArrayVec::<(u32, usize), SLOTS>::new();
        for (index, early) in self.early.iter().enumerate() {
            if let Some(early) = early {
                kept.push((early.start, index));
            }
        }
        kept.sort_unstable();
        let mut end = 0_usize;
        for (start, index) in kept {
            if let Some(Some(early)) = self.early.get_mut(index) {
                let (start, len) = (start as usize, usize::from(early.len));
                early.start = low32(end as u64);
                self.bytes.copy_within(start..start + len, end);
                end += len;
            }
        }
        self.bytes.truncate(end);
    }
}

fn slot(id: u32) -> usize {
    (id % WINDOW_MESSAGES) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lane: &mut ControlIn, id: u16, message: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        lane.take(id, message, |bytes| out.push(bytes.to_vec())).unwrap();
        out
    }

    #[test]
    fn early_messages_wait_and_copies_vanish() {
        let mut lane = ControlIn::default();
        assert!(taken(&mut lane, 2, b"c").is_empty());
        assert!(taken(&mut lane, 1, b"").is_empty());
        assert!(taken(&mut lane, 2, b"other").is_empty());
        assert_eq!(taken(&mut lane, 0, b"a"), [b"a".to_vec(), b"".to_vec(), b"c".to_vec()]);
        assert!(taken(&mut lane, 1, b"b").is_empty());
        assert_eq!(taken(&mut lane, 3, b"d"), [b"d".to_vec()]);
    }

    #[test]
    fn beyond_the_window_is_a_fault() {
        let mut lane = ControlIn::default();
        assert_eq!(lane.take(256, b"", |_| ()), Err(LaneFault));
        assert_eq!(lane.take(255, b"", |_| ()), Ok(()));
        let big = [0; 1100];
        let fault = (1..254).map(|id| lane.take(id, &big, |_| ())).position(|r| r.is_err());
        assert_eq!(fault, Some(WINDOW_BYTES / 1100), "64 KiB of early messages and no more");
    }

    #[test]
    fn kept_bytes_are_moved_together_when_the_room_ends() {
        let mut lane = ControlIn::default();
        let message = |id: u16| vec![u8::try_from(id % 251).unwrap(); 300 + usize::from(id % 7)];
        let mut got = 0_u16;
        // Message n always arrives after n + 1 … n + 100, so that something is held at all times.
        let mut next_early = 1;
        for id in 0..2_000_u16 {
            while next_early < id + 100 {
                if next_early % 2 == 1 {
                    let _ = taken(&mut lane, next_early, &message(next_early));
                }
                next_early += 1;
            }
            for bytes in taken(&mut lane, id, &message(id)) {
                assert_eq!(bytes, message(got));
                got += 1;
            }
        }
        assert!(got >= 2_000);
        assert!(lane.bytes.capacity() <= 2 * WINDOW_BYTES);
    }
}
