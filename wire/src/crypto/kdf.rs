//! HMAC-SHA-256, HKDF-SHA-256 and SHA-256, by ring.

use ring::{digest, hmac};
use subtle::ConstantTimeEq;

/// A key of HMAC-SHA-256, expanded once.
#[derive(Clone)]
pub(crate) struct MacKey {
    key: hmac::Key,
}

impl MacKey {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// The 32-byte code of the concatenated parts.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// The first 16 bytes of the code.
    pub(crate) fn mac16(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(self.mac(parts)) {
            *to = from;
        }
        out
    }

    /// Whether `code` is [`MacKey::mac16`] of the parts, in constant time.
    pub(crate) fn verify16(&self, parts: &[&[u8]], code: &[u8; 16]) -> bool {
        self.mac16(parts).ct_eq(code).into()
    }
}

/// HKDF-SHA-256 (RFC 5869), extract with `salt` and expand with `info`.
///
/// # Panics
/// If more than 8,160 bytes are asked for, which no caller does.
pub(crate) fn hkdf<const N: usize>(secret: &[u8], salt: &[u8], info: &[&[u8]]) -> [u8; N] {
    struct Length(usize);
    impl ring::hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Length(N))
        .and_then(|okm| okm.fill(&mut out))
        .expect("the output is shorter than 255 blocks");
    out
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 1.6.
    #[test]
    fn the_first_vector_of_rfc_5869() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let okm: [u8; 42] =
            hkdf(&[0x0b; 22], &salt, &[&[0xf0, 0xf1, 0xf2, 0xf3, 0xf4], &[0xf5, 0xf6, 0xf7, 0xf8, 0xf9]]);
        assert_eq!(okm[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        assert_eq!(okm[34..], [0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65][2..]);
    }

    #[test]
    fn a_code_is_checked_over_all_parts() {
        let key = MacKey::new(b"secret");
        let code = key.mac16(&[b"ab", b"c"]);
        assert!(key.verify16(&[b"a", b"bc"], &code), "parts are concatenated");
        assert!(!key.verify16(&[b"ab", b"d"], &code));
    }
}
