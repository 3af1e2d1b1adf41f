//! AES-256-GCM for packets and for things sealed once.
//!
//! A packet's nonce is the direction's 12-byte IV xor its 64-bit number (in the last eight bytes, big endian, as TLS and
//! QUIC do). The sealing key owns the largest number it sealed and refuses to go back, over updates too, so a nonce cannot
//! repeat under one key; it cannot be cloned for the same reason.
//!
//! Keys are chains. The sealing end steps on by itself; the opening end follows when a packet of the other phase opens with
//! the next key, and keeps the former one for packets that are late. One packet costs one opening, whatever its phase bit
//! says; the next key is derived at most once for each step, so a forged phase bit costs no derivation of its own.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::DirectionKeys;
use crate::codec::low32;

/// Length of the authentication tag.
pub(crate) const TAG_LEN: usize = 16;

/// Seals the packets of one direction.
pub(crate) struct SealingKey {
    key: Step,
    generation: u32,
    /// The first number of this generation.
    first: u64,
    /// One above the largest number sealed.
    next: u64,
    sealed: u64,
}

/// Opens the packets of one direction.
pub(crate) struct OpeningKey {
    current: Step,
    /// The smallest number that opened under the current key.
    first: u64,
    previous: Option<Step>,
    next: Option<Step>,
    generation: u32,
}

/// Which key opened a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsealed {
    /// The current one or the one before.
    Known,
    /// The next one, which is the current one from now on.
    Renewed,
}

/// One key of a chain.
struct Step {
    cipher: LessSafeKey,
    keys: DirectionKeys,
}

impl Step {
    fn new(keys: DirectionKeys) -> Self {
        Self { cipher: unbound(&keys.key), keys }
    }

    fn next(&self) -> Self {
        Self::new(self.keys.next())
    }

    fn open<'b>(&self, number: u64, header: &[u8], sealed: &'b mut [u8]) -> Option<&'b mut [u8]> {
        self.cipher.open_in_place(nonce(&self.keys.iv, number), Aad::from(header), sealed).ok()
    }
}

impl SealingKey {
    pub(crate) fn new(keys: &DirectionKeys) -> Self {
        Self { key: Step::new(keys.clone()), generation: 0, first: 0, next: 0, sealed: 0 }
    }

    /// Encrypts `body` in place and returns its tag.
    ///
    /// # Panics
    /// If `number` is not above every number sealed before: a repeated nonce would give the key away.
    pub(crate) fn seal(&mut self, number: u64, header: &[u8], body: &mut [u8]) -> [u8; TAG_LEN] {
        assert!(number >= self.next, "packet number {number} repeats, {} is the next", self.next);
        self.next = number + 1;
        self.sealed += 1;
        seal_with(&self.key.cipher, nonce(&self.key.keys.iv, number), header, body)
    }

    /// Steps on to the next key.
    pub(crate) fn renew(&mut self) {
        self.key = self.key.next();
        self.generation = self.generation.wrapping_add(1);
        self.first = self.next;
        self.sealed = 0;
    }

    /// The phase bit of the packets sealed now.
    pub(crate) const fn phase(&self) -> bool {
        self.generation & 1 == 1
    }

    /// How often it stepped on.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// No number below was sealed under this key.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Packets sealed under this key.
    pub(crate) const fn sealed(&self) -> u64 {
        self.sealed
    }
}

impl OpeningKey {
    pub(crate) fn new(keys: &DirectionKeys) -> Self {
        Self { current: Step::new(keys.clone()), first: u64::MAX, previous: None, next: None, generation: 0 }
    }

    /// Decrypts `sealed` (body and tag) in place; the body if it is authentic. What does not open is overwritten.
    pub(crate) fn open<'b>(
        &mut self,
        phase: bool,
        number: u64,
        header: &[u8],
        sealed: &'b mut [u8],
    ) -> Option<(&'b mut [u8], Unsealed)> {
        if phase == (self.generation & 1 == 1) {
            let body = self.current.open(number, header, sealed)?;
            self.first = self.first.min(number);
            return Some((body, Unsealed::Known));
        }
        if number < self.first
            && let Some(previous) = &self.previous
        {
            return Some((previous.open(number, header, sealed)?, Unsealed::Known));
        }
        let current = &self.current;
        let body = self.next.get_or_insert_with(|| current.next()).open(number, header, sealed)?;
        if let Some(next) = self.next.take() {
            self.previous = Some(std::mem::replace(&mut self.current, next));
        }
        self.generation = self.generation.wrapping_add(1);
        self.first = number;
        Some((body, Unsealed::Renewed))
    }

    /// Forgets the key before the current one.
    pub(crate) fn forget_previous(&mut self) {
        self.previous = None;
    }

    /// How often it stepped on.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
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

/// Made in the two pieces in which the cipher reads it, which it would have to wait for otherwise.
fn nonce(iv: &[u8; 12], number: u64) -> Nonce {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *iv;
    let high = u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ number >> 32;
    let low = u32::from_be_bytes([i, j, k, l]) ^ low32(number);
    let ([a, b, c, d, e, f, g, h], [i, j, k, l]) = (high.to_be_bytes(), low.to_be_bytes());
    Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, i, j, k, l])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Direction;

    fn keys(secret: u8) -> DirectionKeys {
        DirectionKeys::new([secret; 32], Direction::ToServer, 1)
    }

    fn sealed(key: &mut SealingKey, number: u64) -> Vec<u8> {
        let mut body = *b"hello";
        let tag = key.seal(number, b"head", &mut body);
        [&body[..], &tag].concat()
    }

    fn opens(key: &mut OpeningKey, phase: bool, number: u64, sealed: &[u8]) -> Option<Unsealed> {
        key.open(phase, number, b"head", &mut sealed.to_vec()).map(|(body, unsealed)| {
            assert_eq!(body, b"hello");
            unsealed
        })
    }

    /// protocol.md 5.3, 9.3.
    #[test]
    fn only_the_same_number_header_and_key_open_a_packet() {
        let packet = sealed(&mut SealingKey::new(&keys(1)), 9);
        let mut open = OpeningKey::new(&keys(1));
        assert_eq!(opens(&mut open, false, 9, &packet), Some(Unsealed::Known));
        assert_eq!(opens(&mut open, false, 10, &packet), None);
        assert!(open.open(false, 9, b"heap", &mut packet.clone()).is_none());
        assert_eq!(opens(&mut OpeningKey::new(&keys(3)), false, 9, &packet), None);
    }

    #[test]
    #[should_panic(expected = "packet number 4 repeats, 5 is the next")]
    fn a_number_cannot_be_sealed_twice() {
        let mut key = SealingKey::new(&keys(1));
        let _ = key.seal(4, b"", &mut [0]);
        let _ = key.seal(4, b"", &mut [1]);
    }

    #[test]
    #[should_panic(expected = "packet number 4 repeats, 5 is the next")]
    fn not_even_after_an_update() {
        let mut key = SealingKey::new(&keys(1));
        let _ = key.seal(4, b"", &mut [0]);
        key.renew();
        let _ = key.seal(4, b"", &mut [1]);
    }

    /// protocol.md 5.6.
    #[test]
    fn the_opening_end_follows_and_late_packets_still_open() {
        let (mut seal, mut open) = (SealingKey::new(&keys(1)), OpeningKey::new(&keys(1)));
        let old = [sealed(&mut seal, 0), sealed(&mut seal, 1), sealed(&mut seal, 2)];
        seal.renew();
        assert!(seal.phase());
        let new = [sealed(&mut seal, 3), sealed(&mut seal, 4)];
        assert_eq!(opens(&mut open, false, 0, &old[0]), Some(Unsealed::Known));
        assert_eq!(opens(&mut open, true, 4, &new[1]), Some(Unsealed::Renewed));
        assert_eq!(opens(&mut open, false, 2, &old[2]), Some(Unsealed::Known), "late, of the former key");
        assert_eq!(opens(&mut open, true, 3, &new[0]), Some(Unsealed::Known), "late, of the current key");
        open.forget_previous();
        assert_eq!(opens(&mut open, false, 1, &old[1]), None, "the former key is gone");
    }

    /// protocol.md 5.6.
    #[test]
    fn a_forged_phase_bit_changes_nothing_and_derives_once() {
        let (mut seal, mut open) = (SealingKey::new(&keys(1)), OpeningKey::new(&keys(1)));
        let packet = sealed(&mut seal, 0);
        for _ in 0..3 {
            assert_eq!(opens(&mut open, true, 0, &packet), None);
        }
        let kept = open.next.as_ref().map(|next| next.keys.key);
        assert_eq!(kept, Some(keys(1).next().key));
        assert_eq!((open.generation(), opens(&mut open, false, 0, &packet)), (0, Some(Unsealed::Known)));
    }
}
