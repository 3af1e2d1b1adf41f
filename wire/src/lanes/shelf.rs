//! Where all lanes of a connection keep what came early: one array of bytes, ordered by lane and then by place in the lane.
//!
//! Because of that order the fragments of a message lie side by side when the last has come, and nothing is moved twice.
//! Room is taken by what arrived, never by what a header claims, and kept for the next time. The lanes' own limits bound it.

/// Room taken with the first bytes; more is taken by doubling.
const FIRST_BYTES: usize = 2 * 1024;

/// The bytes.
#[derive(Debug)]
pub(super) struct Shelf {
    bytes: Vec<u8>,
    /// Most bytes that the lanes' limits allow.
    most: usize,
}

impl Shelf {
    /// An empty shelf that will hold at most `most` bytes.
    pub(super) const fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most }
    }

    /// Puts bytes in at `at`, before what lies there.
    pub(super) fn insert(&mut self, at: usize, bytes: &[u8]) {
        let len = self.bytes.len() + bytes.len();
        debug_assert!(len <= self.most, "the lanes keep their limits");
        if len > self.bytes.capacity() {
            let room = len.next_power_of_two().clamp(FIRST_BYTES, self.most.max(len));
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        if let Some(tail) = self.bytes.get_mut(at..) {
            tail.rotate_right(bytes.len());
        }
    }

    /// Bytes taken.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// The `len` bytes at `at`.
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.bytes.get(at..at + len).unwrap_or(&[])
    }

    /// Takes the `len` bytes at `at` out.
    pub(super) fn remove(&mut self, at: usize, len: usize) {
        let end = (at + len).min(self.bytes.len());
        self.bytes.drain(at.min(end)..end);
    }
}
