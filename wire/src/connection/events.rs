//! What a connection tells its owner while it reads a datagram or a timer runs out. Bytes borrow from the datagram.

use crate::time::{Tick, Time};

/// Listener of one connection. Each side implements what can happen to it; the rest stays silent.
pub(crate) trait Events {
    /// A control message, in order, once.
    fn message(&mut self, bytes: &[u8]);
    /// An input, in order, once.
    fn input(&mut self, _sequence: u32, _bytes: &[u8]) {}
    /// A snapshot; they may come late, repeated ones never do.
    fn snapshot(&mut self, _tick: Tick, _body: &[u8]) {}
    /// What became of a packet that carried a snapshot.
    fn snapshot_fate(&mut self, _packet: u64, _delivered: bool) {}
    /// The answer to a request made at `origin` (the client's own time).
    fn time(&mut self, _origin: u64, _received: Time, _held_us: u32) {}
}
