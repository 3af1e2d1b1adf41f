//! Everything that an endpoint put out, as one number: datagrams, events, answers.

use std::hash::Hasher as _;
use std::net::SocketAddr;

use siphasher::sip::SipHasher13;

use super::fields::address_bytes;
use crate::lanes::SendError;

/// What entered the digest.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Mark {
    Datagram = 1,
    Answer,
    Incoming,
    Connected,
    Message,
    Input,
    Snapshot,
    Delivered,
    Lost,
    Block,
    BlockEnded,
    Moved,
    Closed,
}

/// The digest so far. The key is public: it tells faults apart, not enemies.
#[derive(Clone, Default)]
pub(super) struct Digest {
    hasher: SipHasher13,
    /// Datagrams that were put out.
    pub(super) datagrams: u64,
    /// Calls of the handler.
    pub(super) events: u64,
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest")
            .field("datagrams", &self.datagrams)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Digest {
    pub(super) fn value(&self) -> u64 {
        self.hasher.finish()
    }

    pub(super) fn datagram(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.datagrams += 1;
        let (ip, port) = address_bytes(to);
        self.part(Mark::Datagram, &[port.into(), bytes.len() as u64]);
        self.hasher.write(&ip);
        self.hasher.write(bytes);
    }

    /// An event with its numbers and its bytes.
    pub(super) fn event(&mut self, mark: Mark, numbers: &[u64], bytes: &[u8]) {
        self.events += 1;
        self.part(mark, numbers);
        self.hasher.write_u64(bytes.len() as u64);
        self.hasher.write(bytes);
    }

    /// What a call returned.
    pub(super) fn answer<T: Copy + Into<u64>>(&mut self, result: Result<T, SendError>) {
        let numbers = match result {
            Ok(value) => [0, value.into()],
            Err(SendError::Closed) => [1, 0],
            Err(SendError::WrongLane) => [2, 0],
            Err(SendError::TooLong { len, max }) => [3, (len as u64) << 32 | max as u64],
            Err(SendError::Full) => [4, 0],
            Err(SendError::Empty) => [5, 0],
        };
        self.part(Mark::Answer, &numbers);
    }

    fn part(&mut self, mark: Mark, numbers: &[u64]) {
        self.hasher.write_u8(mark as u8);
        for number in numbers {
            self.hasher.write_u64(*number);
        }
    }
}
