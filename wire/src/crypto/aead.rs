//! AES-256-GCM for packets and for things sealed once.
//!
//! A packet's nonce is the direction's 12-byte IV xor its 64-bit number (in the last eight bytes, big endian, as TLS and
//! QUIC do). The sealing key owns the largest number it sealed and refuses to go back, so a nonce cannot repeat under
//! one key; it cannot be cloned for the same reason.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize;

use super::DirectionKeys;

/// Length of the authentication tag.
pub(crate) const TAG_LEN: usize = 16;

/// Seals the packets of one direction.
pub(crate) struct SealingKey {
    key: LessSafeKey,
    iv: [u8; 12],
    next: u64,
}

/// Opens the packets of one direction.
pub(crate) struct OpeningKey {
    key: LessSafeKey,
    iv: [u8; 12],
}

impl SealingKey {
    pub(crate) fn new(keys: &DirectionKeys) -> Self {
        Self { key: unbound(&keys.key), iv: keys.iv, next: 0 }
    }

    /// Encrypts `body` in place and returns its tag.
    ///
    /// # Panics
    /// If `number` is not above every number sealed before: a repeated nonce would give the key away.
    pub(crate) fn seal(&mut self, number: u64, header: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
        assert!(number >= self.next, "packet number {number} repeats, {} is the next", self.next);
        self.next = number + 1;
        seal_with(&self.key, nonce(&self.iv, number), header, body)
    }
}

impl OpeningKey {
    pub(crate) fn new(keys: &DirectionKeys) -> Self {
        Self { key: unbound(&keys.key), iv: keys.iv }
    }

    /// Decrypts `sealed` (body and tag) in place; the body if it is authentic.
    pub(crate) fn open<'b>(&self, number: u64, header: &[u8], sealed: &'b mut [u8]) -> Option<&'b mut [u8]> {
        self.key.open_in_place(nonce(&self.iv, number), Aad::from(header), sealed).ok()
    }
}

impl Drop for SealingKey {
    fn drop(&mut self) {
        self.iv.zeroize();
    }
}

/// Seals with a key that is used for this one message only, hence with an all-zero nonce.
pub(crate) fn seal_once(key: &[u8; 32], header: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    seal_with(&unbound(key), nonce, header, body)
}

/// Opens what [`seal_once`] sealed.
pub(crate) fn open_once<'b>(key: &[u8; 32], header: &[u8], sealed: &'b mut [u8]) -> Option<&'b mut [u8]> {
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    unbound(key).open_in_place(nonce, Aad::from(header), sealed).ok()
}

fn seal_with(key: &LessSafeKey, nonce: Nonce, header: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
    let mut out = [0; TAG_LEN];
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(header), body)
        .expect("a datagram is far below the limit of the cipher");
    out.copy_from_slice(tag.as_ref());
    out
}

fn unbound(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has the cipher's length"))
}

fn nonce(iv: &[u8; 12], number: u64) -> Nonce {
    let mut bytes = *iv;
    for (byte, part) in bytes.iter_mut().skip(4).zip(number.to_be_bytes()) {
        *byte ^= part;
    }
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> DirectionKeys {
        DirectionKeys { key: [1; 32], iv: [2; 12] }
    }

    #[test]
    fn only_the_same_number_header_and_key_open_a_packet() {
        let mut body = *b"hello";
        let tag = SealingKey::new(&keys()).seal(9, b"head", &mut body);
        let sealed: Vec<u8> = [&body[..], &tag].concat();
        let open = OpeningKey::new(&keys());
        assert_eq!(open.open(9, b"head", &mut sealed.clone()).unwrap(), b"hello");
        assert!(open.open(10, b"head", &mut sealed.clone()).is_none());
        assert!(open.open(9, b"heap", &mut sealed.clone()).is_none());
        let other = DirectionKeys { key: [3; 32], iv: [2; 12] };
        assert!(OpeningKey::new(&other).open(9, b"head", &mut sealed.clone()).is_none());
    }

    #[test]
    #[should_panic(expected = "packet number 4 repeats, 5 is the next")]
    fn a_number_cannot_be_sealed_twice() {
        let mut key = SealingKey::new(&keys());
        let _ = key.seal(4, b"", &mut [0]);
        let _ = key.seal(4, b"", &mut [1]);
    }
}
