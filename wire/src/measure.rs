//! Parts of a connection on their own, so that what a whole costs can be set beside what its parts cost.
//!
//! For benches only (feature `measure`): nothing here is needed to speak the protocol, and nothing in the crate uses it.

use crate::codec::{Writer, low16};
use crate::crypto::{Direction, DirectionKeys, OpeningKey, SealingKey, TAG_LEN, x25519};
use crate::packet::{Freshness, Header, ReplayWindow, recover};
use crate::snapshot::Replicator;

/// One direction of a connection, both ends of it: header, packet number, cipher and replay window, without frames.
pub struct Sealed {
    header: Header,
    seal: SealingKey,
    open: OpeningKey,
    next: u64,
    window: ReplayWindow,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Default for Sealed {
    fn default() -> Self {
        let keys = DirectionKeys::new([1; 32], Direction::ToServer, 1);
        Self {
            header: Header::to_server(7),
            seal: SealingKey::new(&keys),
            open: OpeningKey::new(&keys),
            next: 0,
            window: ReplayWindow::default(),
        }
    }
}

impl Sealed {
    /// Bytes before the body.
    #[must_use]
    pub fn head(&self) -> usize {
        self.header.len()
    }

    /// Makes a packet of the `body` bytes that stand behind the head in `buffer`; its length, or `None` if it has no room.
    pub fn seal(&mut self, buffer: &mut [u8], body: usize) -> Option<usize> {
        let mut writer = Writer::new(buffer);
        self.header.write(self.seal.phase(), low16(self.next), &mut writer).ok()?;
        let (header, rest) = buffer.split_at_mut_checked(self.header.len())?;
        let (body, rest) = rest.split_at_mut_checked(body)?;
        let tag = self.seal.seal(self.next, header, body);
        rest.get_mut(..TAG_LEN)?.copy_from_slice(&tag);
        self.next += 1;
        Some(header.len() + body.len() + TAG_LEN)
    }

    /// Opens a packet in place and returns its body, once.
    pub fn open<'d>(&mut self, datagram: &'d mut [u8]) -> Option<&'d mut [u8]> {
        let (phase, low) = self.header.read(datagram).ok()?;
        let number = recover(self.window.next(), low);
        if self.window.look(number) != Freshness::Fresh {
            return None;
        }
        let (header, sealed) = datagram.split_at_mut_checked(self.header.len())?;
        let (body, _) = self.open.open(phase, number, header, sealed)?;
        self.window.commit(number);
        Some(body)
    }
}

/// Makes a map forget the bits that its viewers share, as if none had written since the last change.
pub fn forget_shared(world: &mut Replicator) {
    world.forget_shared();
}

/// The bits that lead a viewer from the version before to the newest one of a slot that lives: how many there are.
#[must_use]
pub fn shared_bits(world: &mut Replicator, slot: u16) -> usize {
    world.bits(slot, 1).1
}

/// The library that multiplies on the curve on this processor.
#[must_use]
pub fn curve_library() -> &'static str {
    x25519::library()
}

/// An X25519 public key: a multiplication of the base point.
#[must_use]
pub fn curve_public(secret: &[u8; 32]) -> [u8; 32] {
    x25519::public_of(secret)
}

/// An X25519 exchange: a multiplication of the peer's point.
#[must_use]
pub fn curve_shared(secret: &[u8; 32], peer: &[u8; 32]) -> Option<[u8; 32]> {
    x25519::shared(secret, peer).map(|shared| *shared)
}

#[cfg(test)]
mod tests {
    use super::Sealed;

    #[test]
    fn what_is_sealed_opens_once() {
        let mut sealed = Sealed::default();
        let head = sealed.head();
        let mut buffer = [9; 64];
        let len = sealed.seal(&mut buffer, 5).unwrap();
        assert_eq!(len, head + 5 + 16);
        let packet = buffer;
        assert_eq!(sealed.open(&mut buffer[..len]).unwrap(), [9; 5]);
        assert!(sealed.open(&mut { packet }[..len]).is_none());
    }
}
