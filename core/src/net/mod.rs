//! A shard's socket joined to the protocol: what the endpoint wants sent goes into batches, and full batches go out.
//!
//! Owned by one shard thread. Knows no player.

use std::io;
use std::net::SocketAddr;

use mu_wire::DatagramSink;
use mu_wire_io::{RecvBatch, SendBatch, Socket, SocketOptions};

/// Datagrams taken or given in one system call.
const BATCH: usize = 64;

/// Receive batches per step: 64 × 64 datagrams in 5 ms are more than a shard can simulate, so a flood cannot keep the
/// shard from its tick.
pub const BATCHES_PER_STEP: usize = 64;

/// A bound socket with its batches.
pub struct Net {
    /// Filled by [`Net::receive`].
    pub received: RecvBatch,
    /// Where the endpoint's datagrams go.
    pub out: Outgoing,
}

/// The sending half: a batch that empties itself into the socket when it is full.
pub struct Outgoing {
    socket: Socket,
    batch: SendBatch,
    /// Datagrams given to the kernel.
    pub sent: u64,
    /// True while the kernel's send buffer is full; nothing more is taken until the next step.
    blocked: bool,
}

impl Net {
    /// Binds the shard's socket.
    ///
    /// # Errors
    /// When the address is taken or not this host's.
    pub fn bind(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let socket = Socket::bind(address, options)?;
        let out = Outgoing { socket, batch: SendBatch::new(BATCH), sent: 0, blocked: false };
        Ok(Self { received: RecvBatch::new(BATCH), out })
    }

    /// Takes the next batch; 0 when nothing waits.
    ///
    /// # Errors
    /// What the kernel says about the socket itself; a datagram's own fault is never an error.
    pub fn receive(&mut self) -> io::Result<usize> {
        self.out.socket.recv(&mut self.received)
    }

    /// The bound socket.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.out.socket
    }
}

impl Outgoing {
    /// Gives what has gathered to the kernel; what it does not take now stays for the next step.
    pub fn flush(&mut self) {
        self.blocked = false;
        while !self.batch.is_empty() && !self.blocked {
            match self.socket.send(&mut self.batch) {
                Ok(report) => {
                    self.sent += report.sent as u64;
                    self.blocked = report.kept > 0;
                }
                Err(error) => {
                    log::debug!("sending: {error}");
                    self.blocked = true;
                }
            }
        }
    }
}

impl DatagramSink for Outgoing {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        if self.batch.is_full() {
            if self.blocked {
                return false;
            }
            self.flush();
            if self.batch.is_full() {
                return false;
            }
        }
        self.batch.push(to, write)
    }
}
