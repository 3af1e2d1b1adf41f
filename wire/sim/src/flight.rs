//! What is going to happen, by time; at the same moment in the order in which it was put there.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::SocketAddr;

/// A datagram on its way.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) session: usize,
    /// The client's address: where it comes from, or goes to.
    pub(crate) address: SocketAddr,
    /// The how manyth data packet of its direction; `None` for the handshake.
    pub(crate) serial: Option<u32>,
    pub(crate) corrupt: bool,
    pub(crate) bytes: Vec<u8>,
}

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum Due {
    ToServer(Datagram),
    ToClient(Datagram),
    /// A player wants to be called.
    Wake(usize),
    /// The server's step.
    Step,
    /// One of the plan's events.
    Happening(usize),
}

struct Entry {
    at_us: u64,
    order: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at_us, self.order).cmp(&(other.at_us, other.order))
    }
}

/// Everything that is going to happen.
#[derive(Default)]
pub(crate) struct Flight {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
}

impl Flight {
    pub(crate) fn put(&mut self, at_us: u64, due: Due) {
        self.order += 1;
        self.heap.push(Reverse(Entry { at_us, order: self.order, due }));
    }

    pub(crate) fn take(&mut self) -> Option<(u64, Due)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at_us, entry.due))
    }
}
