//! Where endpoints put their datagrams: a box that now and then has no room.

use std::net::SocketAddr;

use mu_wire::DatagramSink;

use crate::dice::Dice;
use crate::meter;

/// Collects datagrams with their destination; buffers are used again.
pub(crate) struct Outbox {
    pub(crate) datagrams: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) refused: u64,
    spare: Vec<Vec<u8>>,
    full_ppm: u32,
    dice: Dice,
}

impl Outbox {
    pub(crate) const fn new(full_ppm: u32, dice: Dice) -> Self {
        Self { datagrams: Vec::new(), refused: 0, spare: Vec::new(), full_ppm, dice }
    }

    /// A datagram's buffer comes back.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    /// A copy in a buffer that was used before, if there is one.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        buffer
    }
}

impl DatagramSink for Outbox {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let _outside = meter::outside();
        if self.dice.ppm(self.full_ppm) {
            self.refused += 1;
            return false;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.resize(1_472, 0);
        let len = {
            let _inside = meter::inside();
            write(&mut buffer)
        };
        if len == 0 {
            self.spare.push(buffer);
        } else {
            buffer.truncate(len);
            self.datagrams.push((to, buffer));
        }
        true
    }
}
