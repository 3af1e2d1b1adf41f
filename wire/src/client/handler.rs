//! What an application hears from its client. Bytes borrow from the datagram and end with the call.

use super::Accepted;
use super::clock::Clock;
use super::stats::ClientStats;
use crate::blocks::BlockEnd;
use crate::connection::{CloseReason, Events, TimeAnswer};
use crate::lanes::Lane;
use crate::time::{Tick, Time};

/// Listener of a client.
pub trait ClientHandler {
    /// The server accepted; messages and inputs may be sent.
    fn connected(&mut self, info: &Accepted);
    /// A message, as its lane promises.
    fn message(&mut self, lane: Lane, bytes: &[u8]);
    /// A snapshot. Late ones come too; the tick tells.
    fn snapshot(&mut self, tick: Tick, body: &[u8]);
    /// Packet keys, if [`Client::log_keys`](super::Client::log_keys) asked for them: a line of the key log without its end,
    /// before the first packet from the server that it opens, and soon after the first to the server. It is wiped after the
    /// call.
    fn key_log(&mut self, _line: &str) {}
    /// A block: once, whole, and as it was sent.
    fn block(&mut self, _kind: u16, _bytes: &[u8]) {}
    /// How a block of [`Client::send_block`](crate::Client::send_block) ended: once each, in the order of sending.
    fn block_ended(&mut self, _id: u16, _end: BlockEnd) {}
    /// The connection is gone, or never came to be. Exactly once.
    fn closed(&mut self, why: CloseReason);
}

/// The application's handler and the client's own parts as the connection's listener.
pub(super) struct Listener<'h, H> {
    pub(super) now: Time,
    pub(super) clock: &'h mut Clock,
    pub(super) stats: &'h mut ClientStats,
    pub(super) handler: &'h mut H,
}

impl<H: ClientHandler> Events for Listener<'_, H> {
    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        self.stats.messages += 1;
        self.handler.message(lane, bytes);
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        self.stats.snapshots += 1;
        self.handler.snapshot(tick, body);
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        self.stats.blocks_received += 1;
        self.handler.block(kind, bytes);
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        self.stats.blocks_sent += u64::from(end == BlockEnd::Taken);
        self.stats.blocks_not_taken += u64::from(end != BlockEnd::Taken);
        self.handler.block_ended(id, end);
    }

    fn time(&mut self, answer: TimeAnswer) {
        self.stats.packets_sent_by_server = answer.sent.into();
        self.stats.packets_received_then = answer.arrived;
        self.clock.answer(self.now, &answer);
    }
}
