//! What a connection tells its owner while it reads a datagram or a timer runs out. Bytes borrow from the datagram.

use crate::blocks::BlockEnd;
use crate::lanes::Lane;
use crate::time::{Tick, Time};

/// The server's answer to a TIME request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeAnswer {
    /// The client's own time when it asked.
    pub(crate) origin: u64,
    /// The server's time when the request came.
    pub(crate) received: Time,
    /// How long the server held the answer.
    pub(crate) held_us: u32,
    /// Packets the server had sent on this connection before this one, low 32 bits.
    pub(crate) sent: u32,
    /// Packets the client had received before this one.
    pub(crate) arrived: u64,
}

/// Listener of one connection. Each side implements what can happen to it; the rest stays silent.
pub(crate) trait Events {
    /// A message, as its lane promises.
    fn message(&mut self, lane: Lane, bytes: &[u8]);
    /// An input, in order, once.
    fn input(&mut self, _sequence: u32, _bytes: &[u8]) {}
    /// A snapshot; they may come late, repeated ones never do.
    fn snapshot(&mut self, _tick: Tick, _body: &[u8]) {}
    /// What became of a packet that carried a snapshot.
    fn snapshot_fate(&mut self, _packet: u64, _delivered: bool) {}
    /// A block: once, whole, and as it was sent.
    fn block(&mut self, _kind: u16, _bytes: &[u8]) {}
    /// How a block that was sent ended: once each, in the order of sending.
    fn block_ended(&mut self, _id: u16, _end: BlockEnd) {}
    /// The answer to a request.
    fn time(&mut self, _answer: TimeAnswer) {}
}
