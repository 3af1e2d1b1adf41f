//! One bound, non-blocking UDP socket that moves whole batches.
//!
//! Knows buffers, readiness and what the kernel dropped. It is owned by one thread; two threads never share one.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};

use crate::recv::RecvBatch;
use crate::send::{SendBatch, SendReport};
use crate::sys;

/// Buffer sizes wanted of the kernel, in bytes of its own accounting. A small datagram is charged about 0.75–1.3 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// Receive buffer; must hold what arrives while the owner is busy with one tick.
    pub recv_bytes: usize,
    /// Send buffer.
    pub send_bytes: usize,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { recv_bytes: 16 << 20, send_bytes: 4 << 20 }
    }
}

/// What the kernel says about a socket's memory, read once a second rather than per packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryReport {
    /// Bytes waiting to be received, as the kernel accounts them.
    pub recv_queued: u32,
    /// Bytes waiting to be sent.
    pub send_queued: u32,
    /// Datagrams the kernel dropped since the socket was made because its receive buffer was full. Wraps at 2³².
    pub drops: u32,
}

/// A bound UDP socket.
pub struct Socket {
    inner: socket2::Socket,
    local: SocketAddr,
    recv_granted: usize,
    send_granted: usize,
}

impl Socket {
    /// Binds `address` (port 0 lets the kernel choose) and asks for the wanted buffers, by force where that is allowed.
    ///
    /// Nothing is ever fragmented: a datagram that is too long for the host's own interface counts as failed, one too long for
    /// the path is lost.
    ///
    /// A wildcard IPv6 address also takes IPv4 peers, in mapped form. Fewer bytes than wanted are no error: what was
    /// granted is in [`Self::recv_granted`] and [`Self::send_granted`].
    ///
    /// # Errors
    /// What the kernel says: the address is taken or not this host's, or descriptors have run out.
    pub fn bind(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let inner = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        inner.set_nonblocking(true)?;
        if address.is_ipv6() {
            inner.set_only_v6(false)?;
        }
        if sys::force_buffer(inner.as_fd(), libc::SO_RCVBUFFORCE, options.recv_bytes).is_err() {
            inner.set_recv_buffer_size(options.recv_bytes)?;
        }
        if sys::force_buffer(inner.as_fd(), libc::SO_SNDBUFFORCE, options.send_bytes).is_err() {
            inner.set_send_buffer_size(options.send_bytes)?;
        }
        sys::never_fragment(inner.as_fd(), address.is_ipv6())?;
        inner.bind(&address.into())?;
        let local = inner.local_addr()?.as_socket().ok_or_else(|| io::Error::other("bound to no internet address"))?;
        // The kernel doubles what was asked, for its own bookkeeping, and reports the doubled value.
        let recv_granted = inner.recv_buffer_size()? / 2;
        let send_granted = inner.send_buffer_size()? / 2;
        Ok(Self { inner, local, recv_granted, send_granted })
    }

    /// The address it is bound to, with the port the kernel chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Bytes of receive buffer granted, comparable with what was wanted.
    #[must_use]
    pub fn recv_granted(&self) -> usize {
        self.recv_granted
    }

    /// Bytes of send buffer granted, comparable with what was wanted.
    #[must_use]
    pub fn send_granted(&self) -> usize {
        self.send_granted
    }

    /// Fills `batch` with what has arrived, without waiting. Returns how many datagrams the kernel handed over (cut ones
    /// included): 0 means the socket is empty, a full batch means there may be more.
    ///
    /// # Errors
    /// Only if the socket itself is unusable.
    pub fn recv(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        batch.fill(self.inner.as_fd())
    }

    /// Sends what waits in `batch`, without waiting; what finds no room stays there.
    ///
    /// # Errors
    /// Only if the socket itself is unusable; what was not sent stays in the batch.
    pub fn send(&self, batch: &mut SendBatch) -> io::Result<SendReport> {
        batch.drain(|arrays, first, lengths| sys::send(self.inner.as_fd(), arrays, first, lengths))
    }

    /// Queued bytes and drops, as the kernel counts them.
    ///
    /// # Errors
    /// If the kernel does not know `SO_MEMINFO` (before 4.12).
    pub fn memory(&self) -> io::Result<MemoryReport> {
        let fields = sys::meminfo(self.inner.as_fd())?;
        Ok(MemoryReport { recv_queued: fields[0], send_queued: fields[2], drops: fields[8] })
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// Readiness is edge-triggered: after an event, receive until empty or remember that more is waiting.
impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).deregister(registry)
    }
}
