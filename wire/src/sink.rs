//! Where datagrams go: the caller's send batch.

use std::net::SocketAddr;

/// Takes datagrams; each is written straight into the sink's own buffer.
pub trait DatagramSink {
    /// Offers room for one datagram to `to`.
    ///
    /// The sink calls `write` once with at least 1,452 bytes; `write` returns how many it used, and 0 means that there is
    /// nothing to send after all. False if there is no room: `write` was not called and the same is offered again at the
    /// next step.
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool;
}
