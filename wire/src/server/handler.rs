//! What a shard hears from its endpoint. Bytes borrow from the datagram and end with the call.

use std::net::SocketAddr;

use crate::blocks::BlockEnd;
use crate::connection::{CloseReason, Events};
use crate::handshake::RejectCode;
use crate::ids::ConnId;
use crate::lanes::Lane;
use crate::server::stats::ServerStats;
use crate::token::TokenClaims;

/// The shard's answer to a genuine token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Let it in.
    Accept,
    /// Tell it why not. The token is used up.
    Refuse(RejectCode),
}

/// Listener of a server endpoint.
pub trait ServerHandler {
    /// A genuine token was presented by the one it was given to. Once per token.
    fn incoming(&mut self, claims: &TokenClaims) -> Admission;
    /// The client's first data packet came: the connection is open.
    fn connected(&mut self, conn: ConnId, claims: &TokenClaims);
    /// A message, as its lane promises.
    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]);
    /// An input: each once, in sequence order.
    fn input(&mut self, conn: ConnId, sequence: u32, bytes: &[u8]);
    /// The packet that carried a snapshot arrived.
    fn snapshot_delivered(&mut self, conn: ConnId, packet: u64);
    /// The packet that carried a snapshot is lost, or will never be known to have arrived.
    fn snapshot_lost(&mut self, conn: ConnId, packet: u64);
    /// A block: once, whole, and as it was sent.
    fn block(&mut self, _conn: ConnId, _kind: u16, _bytes: &[u8]) {}
    /// How a block of [`Server::send_block`](crate::Server::send_block) ended: once each, in the order of sending. Those that
    /// are on their way or wait when the connection ends are not told.
    fn block_ended(&mut self, _conn: ConnId, _id: u16, _end: BlockEnd) {}
    /// The client proved that it is at this address now; the connection goes on.
    fn moved(&mut self, _conn: ConnId, _to: SocketAddr) {}
    /// The connection is gone; the handle finds nothing from here on. Exactly once per `connected`.
    fn closed(&mut self, conn: ConnId, why: CloseReason);
}

/// The shard's handler as one connection's listener.
pub(super) struct Listener<'h, H> {
    pub(super) conn: ConnId,
    pub(super) stats: &'h mut ServerStats,
    pub(super) handler: &'h mut H,
}

impl<H: ServerHandler> Events for Listener<'_, H> {
    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        self.handler.message(self.conn, lane, bytes);
    }

    fn input(&mut self, sequence: u32, bytes: &[u8]) {
        self.handler.input(self.conn, sequence, bytes);
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        self.stats.blocks_received += 1;
        self.handler.block(self.conn, kind, bytes);
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        self.stats.blocks_sent += u64::from(end == BlockEnd::Taken);
        self.stats.blocks_not_taken += u64::from(end != BlockEnd::Taken);
        self.handler.block_ended(self.conn, id, end);
    }

    fn snapshot_fate(&mut self, packet: u64, delivered: bool) {
        if delivered {
            self.handler.snapshot_delivered(self.conn, packet);
        } else {
            self.handler.snapshot_lost(self.conn, packet);
        }
    }
}
