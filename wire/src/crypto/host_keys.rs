//! Every secret of one host, derived from one master secret and the host's id.
//!
//! The host id is part of each derivation, so a token sealed for one host cannot be opened by another, without listing
//! any address. Two token key ids live at the same time: the current one seals, both open. Nothing here is stored: a
//! restarted host derives the same keys again.

use zeroize::Zeroizing;

use super::{MacKey, ShortHash, StaticKey, hkdf};
use crate::token::TokenSealer;

/// The secrets of one host.
#[derive(Clone)]
pub struct HostKeys {
    root: Zeroizing<[u8; 32]>,
    identity: StaticKey,
    current: u8,
    previous: Option<u8>,
}

impl std::fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostKeys")
            .field("static_public", &self.identity.public().0)
            .field("current", &self.current)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

impl HostKeys {
    /// The secrets of host `host_id` under `master`; token key id 0 is the only one alive.
    #[must_use]
    pub fn from_master(master: &[u8; 32], host_id: u32) -> Self {
        let root = Zeroizing::new(hkdf(master, b"mu-wire host", &[&host_id.to_le_bytes()]));
        let secret = Zeroizing::new(hkdf(&*root, b"mu-wire static", &[]));
        Self { identity: StaticKey::from_secret(&secret), root, current: 0, previous: None }
    }

    /// The same secrets with `current` sealing tokens and both `current` and `previous` opening them.
    #[must_use]
    pub fn with_key_ids(mut self, current: u8, previous: Option<u8>) -> Self {
        self.current = current;
        self.previous = previous;
        self
    }

    /// The X25519 key by which clients know this host.
    #[must_use]
    pub const fn static_public(&self) -> [u8; 32] {
        self.identity.public().0
    }

    /// What seals route tokens for this host: cheap to clone and to send to another thread.
    #[must_use]
    pub fn sealer(&self) -> TokenSealer {
        TokenSealer::new(self)
    }

    pub(crate) const fn identity(&self) -> &StaticKey {
        &self.identity
    }

    pub(crate) const fn current_key_id(&self) -> u8 {
        self.current
    }

    /// The key that seals and opens tokens under `key_id`, if that id is alive.
    pub(crate) fn token_key(&self, key_id: u8) -> Option<Zeroizing<[u8; 32]>> {
        (key_id == self.current || Some(key_id) == self.previous)
            .then(|| Zeroizing::new(hkdf(&*self.root, b"mu-wire token", &[&[key_id]])))
    }

    /// The key of the check inside routing ids.
    pub(crate) fn routing_hash(&self) -> ShortHash {
        ShortHash::new(hkdf(&*self.root, b"mu-wire routing", &[]))
    }

    /// The key of the check inside a shard's connection ids.
    pub(crate) fn connection_hash(&self, shard: u8) -> ShortHash {
        ShortHash::new(hkdf(&*self.root, b"mu-wire connection", &[&[shard]]))
    }

    /// The key from which a shard's cookie secrets derive.
    pub(crate) fn cookie_key(&self, shard: u8) -> MacKey {
        MacKey::new(&*Zeroizing::new(hkdf::<32>(&*self.root, b"mu-wire cookie", &[&[shard]])))
    }

    /// The key of stateless reset tokens.
    pub(crate) fn reset_key(&self) -> MacKey {
        MacKey::new(&*Zeroizing::new(hkdf::<32>(&*self.root, b"mu-wire reset", &[])))
    }
}

#[cfg(test)]
mod tests {
    use super::HostKeys;

    #[test]
    fn another_host_id_has_other_keys() {
        let (one, two) = (HostKeys::from_master(&[1; 32], 1), HostKeys::from_master(&[1; 32], 2));
        assert_ne!(one.static_public(), two.static_public());
        assert_ne!(one.token_key(0), two.token_key(0));
        assert_eq!(one.static_public(), HostKeys::from_master(&[1; 32], 1).static_public());
    }

    #[test]
    fn two_token_keys_live_and_no_third() {
        let keys = HostKeys::from_master(&[1; 32], 1).with_key_ids(5, Some(4));
        assert!(keys.token_key(5).is_some() && keys.token_key(4).is_some());
        assert!(keys.token_key(3).is_none());
        assert_ne!(keys.token_key(5), keys.token_key(4));
    }
}
