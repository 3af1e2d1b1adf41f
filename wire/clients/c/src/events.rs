//! Events: what a client heard, in order, until the caller polls it.
//!
//! The queue keeps the events and, in one ring of bytes, what belongs to them. It is bounded: when it is full, datagrams are
//! refused until it is polled, so what can be in it is the bounds and what one more datagram brings.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::collections::VecDeque;

use crate::border::{copy, wanted, with, write};
use crate::client::MuClient;
use crate::status::{MU_ERROR_BUFFER, MU_ERROR_NULL, MU_NOTHING, Status};

/// The server accepted: messages and inputs may be sent. See mu_client_terms.
pub const MU_EVENT_CONNECTED: u8 = 1;
/// A message; the data is the whole of it, `lane` where it came, `message` its number (MU_SERVER_…). Well formed.
pub const MU_EVENT_MESSAGE: u8 = 2;
/// A snapshot of the state at `tick` was taken in; the events of entities that follow are what it changed.
pub const MU_EVENT_SNAPSHOT: u8 = 3;
/// `entity` came into sight; `tick` made its state.
pub const MU_EVENT_ENTERED: u8 = 4;
/// `entity` changed; `tick` made the change.
pub const MU_EVENT_CHANGED: u8 = 5;
/// `entity` went out of sight.
pub const MU_EVENT_LEFT: u8 = 6;
/// A block came; the data is the whole of it, `code` its kind. It may be as long as 8 MiB.
pub const MU_EVENT_BLOCK: u8 = 7;
/// A line of the key log, without its end, if MuConfig asked for it.
pub const MU_EVENT_KEY_LOG: u8 = 8;
/// The connection is over, or never came to be; `reason` and `code` say why, the data is an English sentence that a player can
/// be shown. The last event.
pub const MU_EVENT_CLOSED: u8 = 9;
/// A block of mu_client_send_block ended; `code` is its id, `reason` says how (MU_BLOCK_…). In the order of sending.
pub const MU_EVENT_BLOCK_ENDED: u8 = 10;

/// The server has all of it.
pub const MU_BLOCK_TAKEN: u8 = 1;
/// The server did not want it.
pub const MU_BLOCK_REFUSED: u8 = 2;
/// It came otherwise than it was sent.
pub const MU_BLOCK_DAMAGED: u8 = 3;

/// Events that may wait before datagrams are refused.
const MAX_EVENTS: usize = 8_192;
/// Bytes of their data that may wait before datagrams are refused.
const MAX_DATA: usize = 1024 * 1024;

/// An event. Fields that its kind does not name are zero.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MuEvent {
    /// Bytes of data that belong to it.
    pub length: usize,
    /// MU_EVENT_CHANGED, _ENTERED, _LEFT: which entity.
    pub entity: u32,
    /// MU_EVENT_SNAPSHOT, _CHANGED, _ENTERED: when.
    pub tick: u32,
    /// MU_EVENT_CLOSED: the code of the reason; MU_EVENT_BLOCK: the block's kind; MU_EVENT_BLOCK_ENDED: its id.
    pub code: u16,
    /// MU_EVENT_…
    pub kind: u8,
    /// MU_EVENT_MESSAGE: MU_LANE_…
    pub lane: u8,
    /// MU_EVENT_MESSAGE: MU_SERVER_…, the first byte of the data.
    pub message: u8,
    /// MU_EVENT_CLOSED: MU_CLOSED_…; MU_EVENT_BLOCK_ENDED: MU_BLOCK_…
    pub reason: u8,
}

/// Events that wait to be polled.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: VecDeque<MuEvent>,
    data: VecDeque<u8>,
}

impl Queue {
    pub(crate) fn push(&mut self, event: MuEvent, data: &[u8]) {
        self.events.push_back(MuEvent { length: data.len(), ..event });
        self.data.extend(data);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.data.len() >= MAX_DATA
    }

    fn first(&self) -> Option<MuEvent> {
        self.events.front().copied()
    }

    /// The data of the first event, in one piece.
    fn first_data(&mut self, length: usize) -> &[u8] {
        self.data.make_contiguous().get(..length).unwrap_or(&[])
    }

    fn pop(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.data.drain(..event.length.min(self.data.len()));
        }
    }
}

/// Takes the next event and copies its data into `buffer` of `capacity` bytes. MU_NOTHING when there is none. MU_ERROR_BUFFER
/// when its data is longer: the event is filled all the same, `event->length` says how long a buffer it takes, and it is
/// there again at the next call. 16,384 bytes suffice for everything but MU_EVENT_BLOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_poll_event(
    client: *mut MuClient,
    event: *mut MuEvent,
    buffer: *mut u8,
    capacity: usize,
) -> i32 {
    let inside = |client: &mut MuClient| {
        wanted(event)?;
        if buffer.is_null() && capacity > 0 {
            return Err(Status(MU_ERROR_NULL));
        }
        let next = client.queue.first().ok_or(Status(MU_NOTHING))?;
        // SAFETY: rule 2.
        unsafe { write(event, next) }?;
        if next.length > capacity {
            return Err(Status(MU_ERROR_BUFFER));
        }
        if next.length > 0 {
            // SAFETY: rule 2, and the data was found to fit.
            unsafe { copy(client.queue.first_data(next.length), buffer) };
        }
        client.queue.pop();
        Ok(())
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stays_with_its_event_around_the_ring() {
        let mut queue = Queue::default();
        let data = |entity: u32| vec![u8::try_from(entity % 251).unwrap(); usize::try_from(entity % 7).unwrap()];
        let put = |queue: &mut Queue, entity| queue.push(MuEvent { entity, ..MuEvent::default() }, &data(entity));
        // Some always stay over, so that the ring turns.
        (0..5).for_each(|entity| put(&mut queue, entity));
        for entity in 0..1_000 {
            put(&mut queue, entity + 5);
            let event = queue.first().unwrap();
            assert_eq!((event.entity, event.length), (entity, data(entity).len()));
            assert_eq!(queue.first_data(event.length), data(entity));
            queue.pop();
        }
    }

    #[test]
    fn a_queue_that_nobody_polls_says_that_it_is_full() {
        let mut queue = Queue::default();
        queue.push(MuEvent::default(), &vec![0; MAX_DATA - 1]);
        assert!(!queue.is_full());
        queue.push(MuEvent::default(), &[0]);
        assert!(queue.is_full());
        queue.pop();
        (0..MAX_EVENTS - 1).for_each(|_| queue.push(MuEvent::default(), &[]));
        assert!(queue.is_full());
        queue.pop();
        assert!(!queue.is_full());
    }
}
