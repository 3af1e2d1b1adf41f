//! X25519 (RFC 7748): the fastest implementation that this processor can run, chosen once per operation.
//!
//! `graviola` (verified assembly, no C) needs instructions that x86-64 has had since about 2014 and most 64-bit ARM
//! servers have; it stops the process without them, so it is asked only where they are present. `curve25519-dalek` runs
//! everywhere and is about twice as slow. Both give the same bytes, and both refuse a peer's key of small order here: the
//! shared secret would be zero whatever our key is.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The public key of `secret`.
pub(crate) fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    fast::public_of(secret).unwrap_or_else(|| portable::public_of(secret))
}

/// The secret shared with the holder of `peer`; `None` if `peer` has small order.
pub(crate) fn shared(secret: &[u8; 32], peer: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = fast::shared(secret, peer).unwrap_or_else(|| portable::shared(secret, peer));
    (!bool::from(shared.ct_eq(&[0; 32]))).then_some(shared)
}

/// The implementation in use on this processor.
#[cfg(feature = "measure")]
pub(crate) fn library() -> &'static str {
    if fast::is_supported() { "graviola" } else { "curve25519-dalek" }
}

mod portable {
    use curve25519_dalek::montgomery::MontgomeryPoint;
    use zeroize::Zeroizing;

    pub(super) fn public_of(secret: &[u8; 32]) -> [u8; 32] {
        MontgomeryPoint::mul_base_clamped(*secret).to_bytes()
    }

    pub(super) fn shared(secret: &[u8; 32], peer: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(MontgomeryPoint(*peer).mul_clamped(*secret).to_bytes())
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod fast {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
    use zeroize::Zeroizing;

    /// What the library checks before each operation. The answers are kept by the standard library.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_supported() -> bool {
        is_x86_feature_detected!("adx")
            && is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("avx")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("pclmulqdq")
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) fn is_supported() -> bool {
        use std::arch::is_aarch64_feature_detected;
        is_aarch64_feature_detected!("neon")
            && is_aarch64_feature_detected!("aes")
            && is_aarch64_feature_detected!("pmull")
            && is_aarch64_feature_detected!("sha2")
    }

    pub(super) fn public_of(secret: &[u8; 32]) -> Option<[u8; 32]> {
        is_supported().then(|| StaticPrivateKey::from_array(secret).public_key().as_bytes())
    }

    /// The library's only refusal is a zero secret, which is what the other implementation answers.
    pub(super) fn shared(secret: &[u8; 32], peer: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        is_supported().then(|| {
            let shared = StaticPrivateKey::from_array(secret).diffie_hellman(&PublicKey::from_array(peer));
            Zeroizing::new(shared.map_or([0; 32], |shared| shared.as_bytes()))
        })
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod fast {
    use zeroize::Zeroizing;

    pub(super) const fn is_supported() -> bool {
        false
    }

    pub(super) const fn public_of(_: &[u8; 32]) -> Option<[u8; 32]> {
        None
    }

    pub(super) const fn shared(_: &[u8; 32], _: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unhex(text: &str) -> [u8; 32] {
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        }
        out
    }

    /// The second test vector of RFC 7748, section 5.2; and a public key is the product with the base point 9.
    #[test]
    fn known_answers() {
        let scalar = unhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
        let point = unhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
        let result = unhex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
        assert_eq!(*shared(&scalar, &point).unwrap(), result);
        let mut nine = [0; 32];
        nine[0] = 9;
        assert_eq!(public_of(&scalar), *shared(&scalar, &nine).unwrap());
    }

    /// protocol.md 4.4.
    #[test]
    fn a_key_of_small_order_is_refused_by_both() {
        let mut one = [0; 32];
        one[0] = 1;
        for peer in [[0; 32], one] {
            assert!(shared(&[7; 32], &peer).is_none());
            assert_eq!(*portable::shared(&[7; 32], &peer), [0; 32]);
        }
    }

    proptest! {
        #[test]
        fn both_implementations_agree(secret: [u8; 32], peer: [u8; 32]) {
            if let Some(public) = fast::public_of(&secret) {
                prop_assert_eq!(public, portable::public_of(&secret));
            }
            if let Some(shared) = fast::shared(&secret, &peer) {
                prop_assert_eq!(shared, portable::shared(&secret, &peer));
            }
        }
    }
}
