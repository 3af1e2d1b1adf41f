//! UDP sockets in batches: `recvmmsg` and `sendmmsg` on socket2, with mio readiness.
//!
//! One thread owns a [`Socket`], one [`RecvBatch`] and one [`SendBatch`]; all memory is taken when they are made. This
//! crate moves bytes between the kernel and those batches and reports what the kernel refused. It deliberately does not
//! know what the bytes mean, who a peer is, what time it is, or when anything is due.
//!
//! Why the system calls by hand: the safe libraries either move one datagram per call or allocate per batch. A game
//! server sends one small datagram to each of thousands of peers, so neither segmentation offload nor large buffers help,
//! and the saved system calls are the only lever there is.

mod address;
mod recv;
mod send;
mod socket;
mod sys;

pub use recv::RecvBatch;
pub use send::{SendBatch, SendReport};
pub use socket::{MemoryReport, Socket, SocketOptions};

/// Bytes of one datagram slot, in both directions: the UDP payload of a 1,500-byte IPv4 packet, and 23 cache lines.
///
/// A received datagram that is longer is dropped and counted; a datagram to be sent is written into this much space.
pub const MAX_DATAGRAM: usize = 1_472;

/// Datagrams per system call unless the owner of a batch decides otherwise.
pub const DEFAULT_BATCH: usize = 64;

/// The kernel's own bound on messages per call (`UIO_MAXIOV`); a larger batch would be cut silently.
pub const MAX_BATCH: usize = 1_024;
