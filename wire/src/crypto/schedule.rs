//! The secrets of one direction and the chain in which each follows from the one before.
//!
//! A secret cannot be computed from its successor, so what was said under former keys stays sealed when a later one is
//! given away. Nothing here knows when keys are renewed.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hkdf;

/// Which way the packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::ToServer => b"mu-wire to server",
            Self::ToClient => b"mu-wire to client",
        }
    }
}

/// Key and IV of one direction, and the secret from which they and their successors come.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct DirectionKeys {
    pub(crate) key: [u8; 32],
    pub(crate) iv: [u8; 12],
    secret: [u8; 32],
    #[zeroize(skip)]
    direction: Direction,
    protocol: u32,
}

impl DirectionKeys {
    /// The keys of `secret` under a protocol id.
    pub(crate) fn new(mut secret: [u8; 32], direction: Direction, protocol: u32) -> Self {
        let (label, id) = (direction.label(), protocol.to_le_bytes());
        let keys = Self {
            key: hkdf(&secret, label, &[b"key", &id]),
            iv: hkdf(&secret, label, &[b"iv", &id]),
            secret,
            direction,
            protocol,
        };
        secret.zeroize();
        keys
    }

    /// The keys that follow after an update.
    pub(crate) fn next(&self) -> Self {
        let id = self.protocol.to_le_bytes();
        let secret = hkdf(&self.secret, self.direction.label(), &[b"update", &id]);
        Self::new(secret, self.direction, self.protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 5.2, 5.5.
    #[test]
    fn each_step_and_each_direction_has_keys_of_its_own() {
        let first = DirectionKeys::new([1; 32], Direction::ToServer, 7);
        let second = first.next();
        assert_ne!((first.key, first.iv), (second.key, second.iv));
        assert_ne!(second.next().key, first.key);
        assert_eq!(second.key, DirectionKeys::new([1; 32], Direction::ToServer, 7).next().key);
        assert_ne!(second.key, DirectionKeys::new([1; 32], Direction::ToClient, 7).next().key);
        assert_ne!(second.key, DirectionKeys::new([1; 32], Direction::ToServer, 8).next().key);
    }
}
