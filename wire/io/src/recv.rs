//! A batch of received datagrams: filled by one `recvmmsg`, read in place, reused for ever.
//!
//! Written by the kernel inside [`crate::Socket::recv`], read (and decrypted in place) by the same thread, bounded by the
//! capacity given at creation.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crate::address;
use crate::sys::{self, Arrays};

/// Pending errors of earlier sends (an ICMP answer, for instance) that one call will read past before it gives up.
const MAX_PENDING_ERRORS: usize = 16;

/// Room for a number of datagrams and the addresses they came from.
pub struct RecvBatch {
    arrays: Arrays,
    filled: usize,
    dropped: u64,
}

impl RecvBatch {
    /// Takes the memory for `capacity` datagrams (1 to [`crate::MAX_BATCH`]).
    ///
    /// # Panics
    /// If `capacity` is outside that range.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { arrays: Arrays::new(capacity), filled: 0, dropped: 0 }
    }

    /// Datagrams one call can bring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.arrays.capacity()
    }

    /// Datagrams dropped so far because they were longer than [`crate::MAX_DATAGRAM`] or came without an address.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The datagrams of the last call in the order of arrival, each with its sender. Empty datagrams are among them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SocketAddr, &mut [u8])> {
        let slots = self.arrays.headers.iter().zip(&self.arrays.names).zip(&mut self.arrays.buffers);
        slots.take(self.filled).filter_map(|((header, name), buffer)| {
            let length = usable_len(header)?;
            Some((address::read(name)?, &mut buffer[..length]))
        })
    }

    /// Replaces the content by what the socket holds; 0 when it holds nothing. A full batch means: ask again.
    pub(crate) fn fill(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.filled = 0;
        let mut pending = 0;
        loop {
            match sys::recv(fd, &mut self.arrays) {
                Ok(count) => {
                    self.filled = count;
                    self.dropped += self.unusable();
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_pending_error(&error) && pending < MAX_PENDING_ERRORS => pending += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn unusable(&self) -> u64 {
        let slots = self.arrays.headers.iter().zip(&self.arrays.names).take(self.filled);
        let bad = slots.filter(|(header, name)| usable_len(header).is_none() || address::read(name).is_none());
        u64::try_from(bad.count()).expect("a batch is small")
    }
}

/// The datagram's length, or nothing if it was cut: half a datagram cannot be authentic.
fn usable_len(header: &libc::mmsghdr) -> Option<usize> {
    if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
        return None;
    }
    usize::try_from(header.msg_len).ok().filter(|&length| length <= crate::MAX_DATAGRAM)
}

/// Errors that concern a datagram sent before, not this call; reading them clears them.
fn is_pending_error(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EMSGSIZE | libc::ENETDOWN)
    )
}
