//! A batch of datagrams to be sent: written in place, handed to the kernel by one `sendmmsg`, reused for ever.
//!
//! Written by the thread that owns the socket, read by the kernel inside [`crate::Socket::send`]. It is a ring of slots, so
//! what the kernel had no room for stays in order while new datagrams are written behind it. Full means: no room, the
//! caller tries again at its next step.

use std::io;
use std::net::SocketAddr;

use crate::address;
use crate::sys::Arrays;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendReport {
    /// Datagrams the kernel took.
    pub sent: usize,
    /// Datagrams given up because the kernel refused exactly them (unreachable, forbidden, too long).
    pub failed: usize,
    /// Datagrams that stay in the batch because the socket's buffer is full.
    pub kept: usize,
}

/// Room for a number of datagrams and the addresses they go to.
pub struct SendBatch {
    arrays: Arrays,
    /// Per slot: bytes of its address, bytes of its datagram.
    lengths: Box<[(libc::socklen_t, usize)]>,
    head: usize,
    count: usize,
    failed: u64,
}

impl SendBatch {
    /// Takes the memory for `capacity` datagrams (1 to [`crate::MAX_BATCH`]).
    ///
    /// # Panics
    /// If `capacity` is outside that range.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let lengths = vec![(0, 0); capacity].into_boxed_slice();
        Self { arrays: Arrays::new(capacity), lengths, head: 0, count: 0, failed: 0 }
    }

    /// Datagrams one batch can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.arrays.capacity()
    }

    /// Datagrams waiting to be sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the next [`Self::push`] would find no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count == self.capacity()
    }

    /// Datagrams the kernel refused so far.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Lets `write` fill the next slot ([`crate::MAX_DATAGRAM`] bytes) with a datagram for `to` and return its length.
    ///
    /// Length 0 leaves the batch as it was. Returns false, without calling `write`, when there is no room.
    ///
    /// # Panics
    /// If `write` claims more than the space it was given.
    pub fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        if self.is_full() {
            return false;
        }
        let slot = (self.head + self.count) % self.capacity();
        let length = write(&mut self.arrays.buffers[slot]);
        assert!(length <= crate::MAX_DATAGRAM, "wrote {length} bytes into a slot of {}", crate::MAX_DATAGRAM);
        if length > 0 {
            self.lengths[slot] = (address::write(&mut self.arrays.names[slot], to), length);
            self.count += 1;
        }
        true
    }

    /// Offers all waiting datagrams to `system_call`, which sends a run of slots and returns how many were taken.
    ///
    /// The call stops early at a datagram it cannot send; the error then shows on the next call and belongs to the first
    /// datagram of that call. Hence: skip exactly that one, count it, go on. One bad peer never blocks the others.
    pub(crate) fn drain(
        &mut self,
        mut system_call: impl FnMut(&mut Arrays, usize, &[(libc::socklen_t, usize)]) -> io::Result<usize>,
    ) -> io::Result<SendReport> {
        let mut report = SendReport::default();
        while self.count > 0 {
            let run = self.count.min(self.capacity() - self.head);
            let lengths = &self.lengths[self.head..self.head + run];
            match system_call(&mut self.arrays, self.head, lengths) {
                Ok(taken) => {
                    report.sent += taken;
                    self.advance(taken);
                }
                Err(error) => match blame(&error) {
                    Blame::Call => {}
                    Blame::Buffer => break,
                    Blame::Datagram => {
                        report.failed += 1;
                        self.failed += 1;
                        self.advance(1);
                    }
                    Blame::Socket => return Err(error),
                },
            }
        }
        report.kept = self.count;
        Ok(report)
    }

    fn advance(&mut self, slots: usize) {
        self.count -= slots;
        // An empty ring starts again at the front, so that a whole batch is one call.
        self.head = if self.count == 0 { 0 } else { (self.head + slots) % self.capacity() };
    }
}

/// Whose fault a refused call is, which decides what happens to the datagrams.
enum Blame {
    /// Interrupted: the same call again.
    Call,
    /// No room in the socket or in the device queue: keep everything, come back later.
    Buffer,
    /// This datagram can never be sent: skip it.
    Datagram,
    /// The socket itself is unusable: tell the caller.
    Socket,
}

fn blame(error: &io::Error) -> Blame {
    match error.raw_os_error() {
        Some(libc::EINTR) => Blame::Call,
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Blame::Buffer,
        Some(libc::EBADF | libc::ENOTSOCK | libc::EFAULT | libc::ENOSYS | libc::EOPNOTSUPP) | None => Blame::Socket,
        Some(_) => Blame::Datagram,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    fn batch_of(tags: &[u8], capacity: usize) -> SendBatch {
        let mut batch = SendBatch::new(capacity);
        push_all(&mut batch, tags);
        batch
    }

    fn push_all(batch: &mut SendBatch, tags: &[u8]) {
        for &tag in tags {
            assert!(batch.push(PEER, &mut |space| {
                space[0] = tag;
                1
            }));
        }
    }

    /// Drains against scripted answers of the kernel; returns the report and the tags it took, in order.
    fn drain(batch: &mut SendBatch, answers: &[Result<usize, i32>]) -> (io::Result<SendReport>, Vec<u8>) {
        let mut answers: VecDeque<_> = answers.iter().copied().collect();
        let mut taken = Vec::new();
        let report = batch.drain(|arrays, first, lengths| {
            match answers.pop_front().expect("the batch asked more often than the script says") {
                Ok(count) => {
                    let count = count.min(lengths.len());
                    taken.extend((first..first + count).map(|slot| arrays.buffers[slot][0]));
                    Ok(count)
                }
                Err(code) => Err(io::Error::from_raw_os_error(code)),
            }
        });
        assert!(answers.is_empty(), "{} scripted answers were not asked for", answers.len());
        (report, taken)
    }

    #[test]
    fn a_full_socket_buffer_keeps_the_rest_in_order() {
        let mut batch = batch_of(&[1, 2, 3, 4], 4);
        let (report, taken) = drain(&mut batch, &[Ok(1), Err(libc::EAGAIN)]);
        assert_eq!(report.expect("no socket error"), SendReport { sent: 1, failed: 0, kept: 3 });
        assert_eq!(taken, [1]);

        push_all(&mut batch, &[5]);
        assert!(batch.is_full(), "the freed slot was reused behind the waiting ones");
        let (report, taken) = drain(&mut batch, &[Ok(3), Ok(1)]);
        assert_eq!(report.expect("no socket error"), SendReport { sent: 4, failed: 0, kept: 0 });
        assert_eq!(taken, [2, 3, 4, 5]);
    }

    #[test]
    fn one_refused_datagram_is_skipped_and_the_others_go_out() {
        let mut batch = batch_of(&[1, 2, 3, 4], 8);
        let (report, taken) = drain(&mut batch, &[Ok(2), Err(libc::EHOSTUNREACH), Ok(1)]);
        assert_eq!(report.expect("no socket error"), SendReport { sent: 3, failed: 1, kept: 0 });
        assert_eq!((taken.as_slice(), batch.failed()), ([1, 2, 4].as_slice(), 1));
    }

    #[test]
    fn an_interrupted_call_is_repeated() {
        let mut batch = batch_of(&[1, 2], 8);
        let (report, taken) = drain(&mut batch, &[Err(libc::EINTR), Ok(2)]);
        assert_eq!(report.expect("no socket error").sent, 2);
        assert_eq!(taken, [1, 2]);
    }

    #[test]
    fn an_unusable_socket_is_an_error_and_loses_nothing() {
        let mut batch = batch_of(&[1, 2], 8);
        let (report, _) = drain(&mut batch, &[Err(libc::EBADF)]);
        assert_eq!(report.expect_err("EBADF is the socket's fault").raw_os_error(), Some(libc::EBADF));
        assert_eq!(batch.len(), 2);
    }

    #[test]
    fn a_full_batch_does_not_ask_for_the_datagram() {
        let mut batch = batch_of(&[1], 1);
        assert!(!batch.push(PEER, &mut |_| panic!("there is no slot to write to")));
    }

    #[test]
    fn an_empty_datagram_takes_no_slot() {
        let mut batch = SendBatch::new(2);
        assert!(batch.push(PEER, &mut |_| 0));
        assert!(batch.is_empty());
    }
}
